// ripen.c is the guest side of the contract ripen_abi_v1: exports, arena, loop,
// cursor, errors, configuration records and needs. See ripen.h for the API and
// sdk/abi of Ripen for the layouts, byte by byte.
#include "ripen.h"

enum { MAX_ARENA = 4 << 20, DEFAULT_ARENA = 2 << 20, MAX_ROUND = 1024, MAX_TEXT = 1024 };
enum { HEADER_SIZE = 128, SLOT_SIZE = 64, ROW_SIZE = 64, ENTRY_SIZE = 32, RESULT_SIZE = 48, NODE_SIZE = 32, CONFIG_HEADER = 16 };
enum { UNREADY = -1, LAYOUT = -2 };
// Offsets of the arena header's fields.
enum {
	H_N = 4, H_FIRST = 8, H_SLOTS = 16, H_STRIDE = 20, H_WORDS = 28, H_ROWS = 32, H_ROWS_N = 36, H_RESULTS = 40, H_ENTRIES = 44,
	H_ENTRIES_CAP = 48, H_ENTRIES_N = 52, H_CURSOR = 56, H_TEXT = 60, H_TEXT_CAP = 64, H_TEXT_N = 68, H_HEAP = 72, H_HEAP_N = 76,
};

typedef struct result {
	uint32_t status, flags;
	uint64_t out;
	int64_t wake_at;
	uint16_t grade, reason;
	uint32_t state_len, entry_first, entry_n, text_off, text_len;
} result;

typedef struct entry {
	uint8_t kind, flags;
	uint16_t rule;
	uint32_t slot;
	int64_t delta;
	uint64_t scope;
	uint32_t target, label;
} entry;

// Records are used in place, so they must be laid out as their encodings.
_Static_assert(sizeof(ripen_slot) == SLOT_SIZE && sizeof(ripen_row) == ROW_SIZE, "slot, row");
_Static_assert(sizeof(result) == RESULT_SIZE && sizeof(entry) == ENTRY_SIZE, "result, entry");

// What keeps a slot from being done when score returns NULL.
enum { OVER = 1, TOO_BIG = 2, DIRTY = 4 };

struct ripen_output {
	result *result;
	entry *ring;
	uint32_t ring_n, limit; // entries in the ring, earlier slots of the call included; its room
	uint32_t first, slot;   // ring_n when the slot began; its index
	uint32_t row_first;     // the lead's first row
	uint32_t todo;
	uint8_t *state; // scratch of state_max bytes
};

struct ripen_node {
	ripen_kind kind;
	uint32_t next, child, parent;
	const char *key, *text;
	uint64_t value;
};

// list is a growing sequence of encoded records; at says where each begins.
typedef struct list {
	uint8_t *p;
	uint32_t len, cap;
	uint32_t *at, n, at_cap;
} list;

struct ripen_needs {
	list inputs, rules, views, grades, reasons, flags, counters, diags, gates;
	list counter_names; // of counters, to find them again
	int64_t scale_min, scale_max, age_step, horizon;
	bool sparse, keeps_fresh;
};

// The one guest of this module: an instance is a process of its own with one
// configuration.
static struct {
	uint8_t *arena;
	uint32_t size;
	bool configured, refused, bound;
	uint32_t inputs, rules;
	ripen_needs needs;
	ripen_input in;
	ripen_output out;
	uint8_t *next, *top, *mark; // memory: free from next to top; mark is where score begins
	uint64_t descriptor[8];
} g;

// ---- Memory ---------------------------------------------------------------

#ifdef __wasm__
extern uint8_t __heap_base;

// more makes room for n bytes. Pages that somebody else asked for are left alone.
static void more(uint32_t n) {
	uintptr_t end = (uintptr_t)__builtin_wasm_memory_size(0) << 16;
	if (!g.top) {
		g.next = (uint8_t *)(((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15);
		g.top = (uint8_t *)end;
		if (n <= (size_t)(g.top - g.next)) return;
	}
	bool joined = (uintptr_t)g.top == end;
	size_t pages = ((uint64_t)n - (joined ? (uint32_t)(g.top - g.next) : 0) + 0xffff) >> 16;
	if (__builtin_wasm_memory_grow(0, pages) == (size_t)-1) __builtin_trap();
	if (!joined) g.next = (uint8_t *)end;
	g.top = (uint8_t *)(end + (pages << 16));
}
#else
#include <stdlib.h>

static uint64_t native_memory[(16 << 20) / 8];

static void more(uint32_t n) {
	if (!g.top) g.next = (uint8_t *)native_memory, g.top = g.next + sizeof native_memory;
	if (n > (size_t)(g.top - g.next)) abort();
}
#endif

// take is memory that is not zeroed.
static uint8_t *take(uint32_t n) {
	if (n > UINT32_MAX - 15) __builtin_trap();
	n = (n + 15) & ~15u;
	if (!g.top || n > (size_t)(g.top - g.next)) more(n);
	uint8_t *p = g.next;
	g.next += n;
	return p;
}

void *ripen_alloc(uint32_t n) { return memset(take(n), 0, n); }

// ---- Texts ----------------------------------------------------------------

static bool same(const char *a, const char *b) { return strcmp(a, b) == 0; }

static ripen_text text_of(const char *s) { return (ripen_text){s ? s : "", s ? (uint32_t)strlen(s) : 0}; }

bool ripen_equal(ripen_text text, const char *other) {
	return strlen(other) == text.len && memcmp(text.ptr, other, text.len) == 0;
}

const char *ripen_string(ripen_text text) {
	char *s = (char *)take(text.len + 1);
	memcpy(s, text.ptr, text.len);
	s[text.len] = 0;
	return s;
}

const char *ripen_number_text(int64_t n) {
	char *end = (char *)take(24) + 23, *s = end;
	uint64_t v = n < 0 ? -(uint64_t)n : (uint64_t)n;
	*s = 0;
	do *--s = (char)('0' + v % 10);
	while (v /= 10);
	if (n < 0) *--s = '-';
	return s;
}

const char *ripen_join(const char *first, ...) {
	va_list args;
	uint32_t len = 1;
	va_start(args, first);
	for (const char *s = first; s; s = va_arg(args, const char *)) len += (uint32_t)strlen(s);
	va_end(args);
	char *all = (char *)take(len), *to = all;
	va_start(args, first);
	for (const char *s = first; s; s = va_arg(args, const char *)) {
		size_t n = strlen(s);
		memcpy(to, s, n);
		to += n;
	}
	va_end(args);
	*to = 0;
	return all;
}

// unit_of is the unit that s begins with, in ms, and the length of its name.
static int64_t unit_of(const char *s, uint32_t *len) {
	*len = 1;
	if (s[0] == 'm' && s[1] == 's') return *len = 2, 1;
	switch (s[0]) {
	case 's': return 1000;
	case 'm': return 60000;
	case 'h': return 3600000;
	case 'd': return 86400000;
	case 'w': return 7 * 86400000ll;
	}
	return *len = 0, 1;
}

bool ripen_parse_millis(const char *s, int64_t *ms) {
	const int64_t limit = 1ll << 53;
	int64_t sum = 0;
	*ms = 0;
	if (!*s) return false;
	while (*s) {
		int64_t v = 0;
		const char *digits = s;
		for (; *s >= '0' && *s <= '9'; s++)
			if ((v = v * 10 + (*s - '0')) > limit) return false;
		uint32_t len;
		int64_t unit = unit_of(s, &len);
		if (s == digits || !len || v > limit / unit || (sum += v * unit) > limit) return false;
		s += len;
	}
	return *ms = sum, true;
}

// The usual greedy matcher with one point of return.
static bool glob_run(const char *p, uint32_t plen, ripen_text t) {
	uint32_t i = 0, k = 0, star = UINT32_MAX, mark = 0;
	while (k < t.len) {
		if (i < plen && p[i] == '*') star = i++, mark = k;
		else if (i < plen && p[i] == t.ptr[k]) i++, k++;
		else if (star != UINT32_MAX) k = ++mark, i = star + 1;
		else return false;
	}
	while (i < plen && p[i] == '*') i++;
	return i == plen;
}

bool ripen_match_glob(const char *pattern, ripen_text text) {
	uint32_t n = (uint32_t)strlen(pattern);
	if (n > 2 && pattern[n - 2] == '/' && pattern[n - 1] == '*' && glob_run(pattern, n - 2, text)) return true;
	return glob_run(pattern, n, text);
}

// ---- Configuration --------------------------------------------------------

static const ripen_config absent;

static const ripen_node *node(ripen_config c) { return &c.nodes[c.at]; }
static ripen_config at(ripen_config c, uint32_t i) { return i ? (ripen_config){c.nodes, i} : absent; }

ripen_kind ripen_kind_of(ripen_config c) { return c.nodes ? node(c)->kind : RIPEN_NULL; }
bool ripen_exists(ripen_config c) { return ripen_kind_of(c) != RIPEN_NULL; }
const char *ripen_key(ripen_config c) { return c.nodes ? node(c)->key : ""; }
const char *ripen_label(ripen_config c) { return ripen_get_string(c, "label", ""); }

ripen_config ripen_get(ripen_config c, const char *key) {
	if (!c.nodes) return absent;
	for (uint32_t i = node(c)->child; i; i = c.nodes[i].next)
		if (same(c.nodes[i].key, key)) return at(c, i);
	return absent;
}

ripen_config ripen_first(ripen_config c) {
	ripen_kind k = ripen_kind_of(c);
	return k == RIPEN_LIST || k == RIPEN_OBJECT ? at(c, node(c)->child) : absent;
}

ripen_config ripen_next(ripen_config c) { return at(c, node(c)->next); }

ripen_config ripen_first_block(ripen_config c, const char *type) {
	ripen_config list = ripen_get(c, type);
	return ripen_kind_of(list) == RIPEN_OBJECT ? list : ripen_first(list);
}

ripen_config ripen_next_block(ripen_config b) {
	return b.nodes[node(b)->parent].kind == RIPEN_LIST ? ripen_next(b) : absent;
}

// value reads the 8 bytes of a node of that kind.
static bool value(ripen_config c, ripen_kind kind, uint64_t *v) {
	bool ok = ripen_kind_of(c) == kind;
	return *v = ok ? node(c)->value : 0, ok;
}

bool ripen_as_string(ripen_config c, const char **v) {
	bool ok = ripen_kind_of(c) == RIPEN_STRING;
	return *v = ok ? node(c)->text : "", ok;
}

bool ripen_as_number(ripen_config c, double *v) {
	union { uint64_t bits; double f; } u;
	if (value(c, RIPEN_POINTS, &u.bits)) return *v = (double)(int64_t)u.bits / 1000, true;
	bool ok = value(c, RIPEN_NUMBER, &u.bits);
	return *v = u.f, ok;
}

bool ripen_as_points(ripen_config c, int64_t *milli) { return value(c, RIPEN_POINTS, (uint64_t *)milli); }
bool ripen_as_millis(ripen_config c, int64_t *ms) { return value(c, RIPEN_MILLIS, (uint64_t *)ms); }

bool ripen_as_expr(ripen_config c, uint32_t *id) {
	uint64_t v;
	bool ok = value(c, RIPEN_EXPR, &v);
	return *id = (uint32_t)v, ok;
}

const char *ripen_get_string(ripen_config c, const char *key, const char *def) {
	const char *v;
	return ripen_as_string(ripen_get(c, key), &v) ? v : def;
}

bool ripen_get_bool(ripen_config c, const char *key, bool def) {
	uint64_t v;
	return value(ripen_get(c, key), RIPEN_BOOL, &v) ? v != 0 : def;
}

double ripen_get_number(ripen_config c, const char *key, double def) {
	double v;
	return ripen_as_number(ripen_get(c, key), &v) ? v : def;
}

int64_t ripen_get_int(ripen_config c, const char *key, int64_t def) {
	double v;
	if (!ripen_as_number(ripen_get(c, key), &v)) return def;
	// Beyond int64 the cast is undefined in C; NaN ends as 0.
	if (v >= 9223372036854775807.0) return INT64_MAX;
	if (v <= -9223372036854775808.0) return INT64_MIN;
	return v == v ? (int64_t)v : 0;
}

int64_t ripen_get_points(ripen_config c, const char *key, int64_t def) {
	int64_t v;
	return ripen_as_points(ripen_get(c, key), &v) ? v : def;
}

int64_t ripen_get_millis(ripen_config c, const char *key, int64_t def) {
	int64_t v;
	return ripen_as_millis(ripen_get(c, key), &v) ? v : def;
}

const char *const *ripen_get_strings(ripen_config c, const char *key, uint32_t *n) {
	ripen_config list = ripen_get(c, key);
	const char *one;
	uint32_t many = 1;
	RIPEN_EACH(item, list) many++;
	const char **all = ripen_alloc(many * (uint32_t)sizeof *all);
	*n = 0;
	if (ripen_as_string(list, &one)) return all[(*n)++] = one, all;
	RIPEN_EACH(each, list) if (ripen_as_string(each, &one)) all[(*n)++] = one;
	return all;
}

static uint32_t get32(const uint8_t *p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }
static uint64_t get64(const uint8_t *p) { return get32(p) | (uint64_t)get32(p + 4) << 32; }
static void put32(uint8_t *p, uint32_t v) {
	for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> 8 * i);
}

// copied is a terminated copy of a part of the heap; NULL when it lies outside.
static const char *copied(const uint8_t *heap, uint32_t size, uint32_t off, uint32_t len, bool *nul) {
	if ((uint64_t)off + len > size) return NULL;
	for (uint32_t i = 0; i < len; i++) *nul |= heap[off + i] == 0;
	return ripen_string((ripen_text){(const char *)heap + off, len});
}

// decode reads a configuration blob into *root. Strings are copies: the blob
// makes room for the rounds. *nul: some text holds a byte 0 and is cut there.
static bool decode(const uint8_t *b, uint32_t len, ripen_config *root, bool *nul) {
	if (len < CONFIG_HEADER || memcmp(b, "CONF", 4) != 0) return false;
	uint64_t n = get32(b + 4), off = get32(b + 8), size = get32(b + 12);
	if (off != CONFIG_HEADER + NODE_SIZE * n || off + size > len) return false;
	ripen_node *nodes = ripen_alloc((uint32_t)(n * sizeof *nodes));
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *rec = b + CONFIG_HEADER + NODE_SIZE * i;
		ripen_node *x = &nodes[i];
		x->kind = rec[0];
		x->key = copied(b + off, (uint32_t)size, get32(rec + 4), get32(rec + 8), nul);
		x->parent = get32(rec + 12), x->value = get64(rec + 16), x->next = get32(rec + 24), x->child = get32(rec + 28);
		x->text = "";
		if (x->kind == RIPEN_STRING) x->text = copied(b + off, (uint32_t)size, (uint32_t)x->value, (uint32_t)(x->value >> 32), nul);
		// Links point forward only, so that a walk always ends.
		if (!x->key || !x->text || x->parent >= n || x->next >= n || x->child >= n || (x->next && x->next <= i) || (x->child && x->child <= i)) return false;
	}
	if (n) *root = (ripen_config){nodes, 0};
	return true;
}

// ---- Needs ----------------------------------------------------------------

// room makes place for n bytes more.
static uint8_t *room(list *l, uint32_t n) {
	if (n > l->cap - l->len) {
		l->cap = 2 * l->cap + n + 64;
		uint8_t *p = take(l->cap);
		if (l->len) memcpy(p, l->p, l->len);
		l->p = p;
	}
	l->len += n;
	return l->p + l->len - n;
}

static void byte(list *l, uint8_t v) { *room(l, 1) = v; }

static void uvarint(list *l, uint64_t v) {
	for (; v >= 0x80; v >>= 7) byte(l, (uint8_t)(v | 0x80));
	byte(l, (uint8_t)v);
}

static void varint(list *l, int64_t v) { uvarint(l, (uint64_t)v << 1 ^ (uint64_t)(v >> 63)); }

static void string(list *l, const char *s) {
	ripen_text t = text_of(s);
	uvarint(l, t.len);
	memcpy(room(l, t.len), t.ptr, t.len);
}

static void strings(list *l, const char *const *s, uint32_t most) {
	uint32_t n = 0;
	while (n < most && s[n]) n++;
	uvarint(l, n);
	for (uint32_t i = 0; i < n; i++) string(l, s[i]);
}

// begin opens a record of the list; its index is the n before.
static void begin(list *l) {
	if (l->n == l->at_cap) {
		l->at_cap = 2 * l->at_cap + 16;
		uint32_t *a = (uint32_t *)(void *)take(l->at_cap * 4);
		if (l->n) memcpy(a, l->at, l->n * 4);
		l->at = a;
	}
	l->at[l->n++] = l->len;
}

// intern takes the record that was written last back if the list has it already,
// and returns its index.
static uint32_t intern(list *l) {
	uint32_t last = l->n - 1, from = l->at[last], size = l->len - from;
	for (uint32_t i = 0; i < last; i++)
		if (l->at[i + 1] - l->at[i] == size && memcmp(l->p + l->at[i], l->p + from, size) == 0) {
			l->len = from, l->n = last;
			return i;
		}
	return last;
}

uint32_t ripen_need_column(ripen_needs *n, ripen_column c) {
	list *l = &n->inputs;
	begin(l);
	byte(l, c.kind), byte(l, c.source);
	string(l, c.name);
	uvarint(l, c.expr);
	uvarint(l, c.literals.n);
	for (uint32_t i = 0; i < c.literals.n; i++) {
		string(l, c.literals.texts[i]);
		byte(l, c.literals.glob), byte(l, c.literals.fold);
	}
	return intern(l) + 1;
}

static uint32_t column(ripen_needs *n, uint8_t kind, uint8_t source, const char *name) {
	return ripen_need_column(n, (ripen_column){.kind = kind, .source = source, .name = name});
}

static ripen_enum_col enumerated(ripen_needs *n, uint8_t source, const char *name, ripen_literals list) {
	return (ripen_enum_col){ripen_need_column(n, (ripen_column){RIPEN_INPUT_ENUM, source, name, 0, list})};
}

static uint32_t expression(ripen_needs *n, ripen_config c, uint8_t kind, ripen_literals list) {
	uint32_t id;
	if (!ripen_as_expr(c, &id)) return 0;
	return ripen_need_column(n, (ripen_column){kind, RIPEN_FROM_EXPR, NULL, id, list});
}

ripen_enum_col ripen_need_event(ripen_needs *n, ripen_literals list) { return enumerated(n, RIPEN_FROM_EVENT, NULL, list); }
ripen_enum_col ripen_need_path(ripen_needs *n, ripen_literals list) { return enumerated(n, RIPEN_FROM_PATH, NULL, list); }
ripen_enum_col ripen_need_kind(ripen_needs *n, ripen_literals kinds) { return enumerated(n, RIPEN_FROM_KIND, NULL, kinds); }
ripen_enum_col ripen_need_prop(ripen_needs *n, const char *name, ripen_literals list) { return enumerated(n, RIPEN_FROM_PROP, name, list); }
ripen_enum_col ripen_need_context(ripen_needs *n, const char *name, ripen_literals list) { return enumerated(n, RIPEN_FROM_CONTEXT, name, list); }
ripen_text_col ripen_need_context_text(ripen_needs *n, const char *name) { return (ripen_text_col){column(n, RIPEN_INPUT_STRING, RIPEN_FROM_CONTEXT, name)}; }
ripen_hash_col ripen_need_context_hash(ripen_needs *n, const char *name) { return (ripen_hash_col){column(n, RIPEN_INPUT_KEY, RIPEN_FROM_CONTEXT, name)}; }
ripen_enum_col ripen_need_trait(ripen_needs *n, const char *name, ripen_literals list) { return enumerated(n, RIPEN_FROM_TRAIT, name, list); }
ripen_enum_col ripen_need_account(ripen_needs *n, const char *name, ripen_literals list) { return enumerated(n, RIPEN_FROM_ACCOUNT, name, list); }
ripen_enum_col ripen_need_grade_of(ripen_needs *n, const char *step, ripen_literals grades) { return enumerated(n, RIPEN_FROM_GRADE, step, grades); }
ripen_text_col ripen_need_path_text(ripen_needs *n) { return (ripen_text_col){column(n, RIPEN_INPUT_STRING, RIPEN_FROM_PATH, NULL)}; }
ripen_text_col ripen_need_path_label(ripen_needs *n) { return (ripen_text_col){column(n, RIPEN_INPUT_LABEL, RIPEN_FROM_PATH, NULL)}; }
ripen_text_col ripen_need_prop_label(ripen_needs *n, const char *name) { return (ripen_text_col){column(n, RIPEN_INPUT_LABEL, RIPEN_FROM_PROP, name)}; }
ripen_text_col ripen_need_prop_text(ripen_needs *n, const char *name) { return (ripen_text_col){column(n, RIPEN_INPUT_STRING, RIPEN_FROM_PROP, name)}; }
ripen_number_col ripen_need_prop_number(ripen_needs *n, const char *name) { return (ripen_number_col){column(n, RIPEN_INPUT_NUMBER, RIPEN_FROM_PROP, name)}; }
ripen_hash_col ripen_need_prop_hash(ripen_needs *n, const char *name) { return (ripen_hash_col){column(n, RIPEN_INPUT_KEY, RIPEN_FROM_PROP, name)}; }
ripen_bool_col ripen_need_flag_of(ripen_needs *n, const char *name) { return (ripen_bool_col){column(n, RIPEN_INPUT_BOOL, RIPEN_FROM_FLAG, name)}; }
ripen_time_col ripen_need_last_activity(ripen_needs *n) { return (ripen_time_col){column(n, RIPEN_INPUT_TIME, RIPEN_FROM_LAST_ACTIVITY, NULL)}; }
ripen_bool_col ripen_need_cond(ripen_needs *n, ripen_config c) { return (ripen_bool_col){expression(n, c, RIPEN_INPUT_BOOL, (ripen_literals){0})}; }
ripen_number_col ripen_need_number_expr(ripen_needs *n, ripen_config c) { return (ripen_number_col){expression(n, c, RIPEN_INPUT_NUMBER, (ripen_literals){0})}; }
ripen_text_col ripen_need_text_expr(ripen_needs *n, ripen_config c) { return (ripen_text_col){expression(n, c, RIPEN_INPUT_STRING, (ripen_literals){0})}; }
ripen_enum_col ripen_need_enum_expr(ripen_needs *n, ripen_config c, ripen_literals list) { return (ripen_enum_col){expression(n, c, RIPEN_INPUT_ENUM, list)}; }

void ripen_only_on(ripen_needs *n, ripen_bool_col cond, ripen_enum_col of, uint32_t literal) {
	if (!cond.col || !of.col) return;
	begin(&n->gates);
	uvarint(&n->gates, cond.col - 1), uvarint(&n->gates, of.col - 1), uvarint(&n->gates, literal);
}

ripen_count_col ripen_need_counter_named(ripen_needs *n, const char *name) {
	return (ripen_count_col){column(n, RIPEN_INPUT_COUNT, RIPEN_FROM_COUNTER, name)};
}

ripen_count_col ripen_need_counter(ripen_needs *n, const ripen_counter *c) {
	uint32_t have = n->counter_names.n, where;
	begin(&n->counter_names);
	string(&n->counter_names, c->name);
	if (intern(&n->counter_names) == have) {
		list *l = &n->counters;
		begin(l);
		string(l, c->name);
		strings(l, c->events, 16), strings(l, c->paths, 16);
		uvarint(l, ripen_as_expr(c->where, &where) ? (uint64_t)where + 1 : 0);
		varint(l, c->window);
		string(l, c->distinct);
		uvarint(l, c->node);
	}
	return ripen_need_counter_named(n, c->name);
}

void ripen_once(const char *text, ripen_rule *r) {
	if (!*text) return;
	uint32_t len = (uint32_t)strlen(text);
	r->once = true;
	if ((r->per_day = len >= 8 && same(text + len - 8, " per day"))) len -= 8;
	ripen_text left = {text, len};
	if (ripen_equal(left, "day")) {
		r->per_day = true;
		return;
	}
	if (ripen_equal(left, "ever")) return;
	for (uint32_t k = 0; k < 8; k++) {
		uint32_t end = 0;
		while (end < left.len && !(left.len - end >= 5 && memcmp(left.ptr + end, " and ", 5) == 0)) end++;
		r->keys[k] = ripen_string((ripen_text){left.ptr, end});
		if (end == left.len) return;
		left.ptr += end + 5, left.len -= end + 5;
	}
}

ripen_rule_id ripen_need_rule(ripen_needs *n, const ripen_rule *r) {
	list *l = &n->rules;
	begin(l);
	string(l, r->name), string(l, r->score), string(l, r->class), string(l, r->template);
	byte(l, r->once);
	strings(l, r->keys, 8);
	byte(l, r->per_day);
	uvarint(l, r->max_n);
	varint(l, r->window), varint(l, r->cap), varint(l, r->class_cap);
	uvarint(l, r->node);
	byte(l, r->activity), byte(l, r->passive);
	varint(l, r->max);
	byte(l, r->account);
	string(l, r->step);
	return (ripen_rule_id){(uint16_t)(l->n - 1)};
}

ripen_rule_id ripen_need_foreign(ripen_needs *n, const char *step, const char *rule, uint32_t node) {
	return ripen_need_rule(n, &(ripen_rule){.step = step, .name = rule, .node = node});
}

uint32_t ripen_need_view(ripen_needs *n, const char *score, const char *class, const char *rule) {
	begin(&n->views);
	string(&n->views, score), string(&n->views, class), string(&n->views, rule);
	return n->views.n - 1;
}

// name writes a record of one string.
static void name(list *l, const char *s) {
	begin(l);
	string(l, s);
}

ripen_flag_id ripen_need_flag(ripen_needs *n, const char *s) { return name(&n->flags, s), (ripen_flag_id){(uint8_t)(n->flags.n - 1)}; }
ripen_grade_id ripen_need_grade(ripen_needs *n, const char *s) { return name(&n->grades, s), (ripen_grade_id){(uint16_t)(intern(&n->grades) + 1)}; }
ripen_reason_id ripen_need_reason(ripen_needs *n, const char *s) { return name(&n->reasons, s), (ripen_reason_id){(uint16_t)(intern(&n->reasons) + 1)}; }
void ripen_scale(ripen_needs *n, int64_t least, int64_t most) { n->scale_min = least, n->scale_max = most; }
void ripen_age_step(ripen_needs *n, int64_t ms) { n->age_step = ms; }
void ripen_horizon(ripen_needs *n, int64_t ms) { n->horizon = ms; }
void ripen_sparse(ripen_needs *n) { n->sparse = true; }
void ripen_keeps_fresh(ripen_needs *n) { n->keeps_fresh = true; }

static void diag(ripen_needs *n, uint8_t severity, ripen_config c, const char *lint, const char *summary, const char *detail) {
	list *l = &n->diags;
	begin(l);
	byte(l, severity);
	uvarint(l, c.at);
	string(l, lint), string(l, summary), string(l, detail);
}

void ripen_error(ripen_needs *n, ripen_config c, const char *lint, const char *summary, const char *detail) { diag(n, 1, c, lint, summary, detail); }
void ripen_warn(ripen_needs *n, ripen_config c, const char *lint, const char *summary, const char *detail) { diag(n, 2, c, lint, summary, detail); }

// encode is what configure points to: u32 length, needs.
static const uint8_t *encode(ripen_needs *n) {
	list l = {0}, *sections[] = {&n->inputs, &n->rules, &n->views, &n->grades, &n->reasons, &n->flags, &n->counters, &n->diags, &n->gates};
	memcpy(room(&l, 8), "\0\0\0\0NEED", 8);
	varint(&l, n->scale_min), varint(&l, n->scale_max), varint(&l, n->age_step), varint(&l, n->horizon);
	byte(&l, n->sparse), byte(&l, n->keeps_fresh);
	for (int i = 0; i < 9; i++) {
		list *s = sections[i];
		if (s == &n->gates && !s->n) break; // gates come last and only if there are any
		uvarint(&l, s->n);
		if (s->len) memcpy(room(&l, s->len), s->p, s->len);
	}
	put32(l.p, l.len - 4);
	return l.p;
}

// ---- Output ---------------------------------------------------------------

static void push(ripen_output *o, entry e) {
	if (o->ring_n >= o->limit) {
		o->todo |= OVER;
		return;
	}
	e.slot = o->slot;
	o->ring[o->ring_n++] = e;
}

void ripen_award(ripen_output *o, ripen_rule_id r, int64_t milli) { push(o, (entry){.kind = 1, .rule = r.id, .delta = milli}); }
void ripen_award_for(ripen_output *o, ripen_rule_id r, int64_t milli, ripen_text_col label) {
	push(o, (entry){.kind = 1, .rule = r.id, .delta = milli, .label = label.col});
}
void ripen_award_scoped(ripen_output *o, ripen_rule_id r, int64_t milli, ripen_text_col label, uint64_t scope) {
	push(o, (entry){.kind = 1, .rule = r.id, .delta = milli, .scope = scope, .label = label.col});
}
void ripen_replace(ripen_output *o, ripen_rule_id r, int64_t milli, ripen_text_col label) {
	push(o, (entry){.kind = 2, .rule = r.id, .delta = milli, .label = label.col});
}
void ripen_adjust(ripen_output *o, uint32_t i, int64_t milli) { push(o, (entry){.kind = 3, .delta = milli, .target = o->row_first + i}); }
void ripen_void(ripen_output *o, ripen_rule_id r) { push(o, (entry){.kind = 4, .rule = r.id}); }
void ripen_award_else(ripen_output *o, ripen_rule_id r, int64_t milli) { push(o, (entry){.kind = 1, .flags = 2, .rule = r.id, .delta = milli}); }
void ripen_void_event(ripen_output *o, uint64_t event) { push(o, (entry){.kind = 4, .flags = 1, .scope = event}); }
void ripen_hide(ripen_output *o) { o->result->flags |= 1; }
void ripen_grade(ripen_output *o, ripen_grade_id grade, ripen_reason_id why) { o->result->grade = grade.id, o->result->reason = why.id; }

void ripen_flag(ripen_output *o, ripen_flag_id f, bool on) {
	if (f.id > 63) return;
	if (on) o->result->out |= 1ull << f.id;
	else o->result->out &= ~(1ull << f.id);
}

void ripen_wake(ripen_output *o, int64_t at) {
	result *r = o->result;
	if (at != 0 && (r->wake_at == 0 || at < r->wake_at)) r->wake_at = at;
}

void ripen_set_state(ripen_output *o, const void *bytes, uint32_t len) {
	if (len > ripen_this_plugin.state_max) {
		o->todo |= TOO_BIG;
		return;
	}
	memmove(o->state, bytes, len);
	o->result->state_len = len, o->result->flags |= 2, o->todo |= DIRTY;
}

// ---- The guest ------------------------------------------------------------

static uint32_t hdr(uint32_t off) { return get32(g.arena + off); }
static void put_hdr(uint32_t off, uint32_t v) { put32(g.arena + off, v); }
static uint32_t words(uint32_t inputs) { return (inputs + 63) / 64; }
static uint32_t stride(uint32_t inputs) { return SLOT_SIZE + 8 * words(inputs) + 8 * inputs; }

const uint8_t *ripen_guest_describe(void) {
	const ripen_plugin *p = &ripen_this_plugin;
	uint32_t fields[] = {p->state_max, p->state_version, MAX_ROUND, p->arena_want ? p->arena_want : DEFAULT_ARENA, SLOT_SIZE, RESULT_SIZE, ENTRY_SIZE, ROW_SIZE};
	uint8_t *d = (uint8_t *)g.descriptor;
	memcpy(d, "RPEN", 4);
	put32(d + 8, (uint32_t)p->caps), put32(d + 12, (uint32_t)(p->caps >> 32));
	for (int i = 0; i < 8; i++) put32(d + 16 + 4 * i, fields[i]);
	return d;
}

bool ripen_guest_reserve(uint8_t *arena, uint32_t size) {
	if (g.arena || size < HEADER_SIZE || size > MAX_ARENA) return false;
	g.arena = arena, g.size = size;
	return true;
}

const uint8_t *ripen_guest_configure(uint32_t off, uint32_t len) {
	ripen_config root = absent;
	bool nul = false;
	if (!g.arena || g.configured || (uint64_t)off + len > g.size || !decode(g.arena + off, len, &root, &nul)) return NULL;
	g.configured = true;
	g.out.state = take(ripen_this_plugin.state_max);
	const char *why = ripen_this_plugin.configure(root, &g.needs);
	if (nul) ripen_error(&g.needs, root, "configuration", "A text holds a byte 0", "Texts end at a byte 0 in this plugin; take it out.");
	g.refused = why != NULL;
	if (why) ripen_error(&g.needs, root, "configuration", "the plugin refuses its configuration", why);
	g.inputs = g.needs.inputs.n, g.rules = g.needs.rules.n;
	const uint8_t *answer = encode(&g.needs);
	g.mark = g.next;
	return answer;
}

int32_t ripen_guest_bind(uint32_t off, uint32_t len) {
	if (!g.configured || g.refused || len < 16 || (uint64_t)off + len > g.size) return UNREADY;
	const uint8_t *b = g.arena + off;
	if (get32(b) != stride(g.inputs) || get32(b + 4) != g.inputs || get32(b + 8) != words(g.inputs) || get32(b + 12) != g.rules) return LAYOUT;
	g.bound = true;
	return 0;
}


// fits says whether n records lie within the arena from the offset in the header.
static bool fits(uint32_t off, uint32_t n, uint32_t size) { return hdr(off) + (uint64_t)n * size <= g.size; }

// prepare checks the header against the arena once a call and points input and
// output at their sections.
static bool prepare(uint32_t n) {
	if (!fits(H_SLOTS, n, hdr(H_STRIDE)) || !fits(H_ROWS, hdr(H_ROWS_N), ROW_SIZE) || !fits(H_RESULTS, n, RESULT_SIZE) ||
	    !fits(H_ENTRIES, hdr(H_ENTRIES_CAP), ENTRY_SIZE) || !fits(H_TEXT, hdr(H_TEXT_CAP), 1) || !fits(H_HEAP, hdr(H_HEAP_N), 1) ||
	    hdr(H_STRIDE) != stride(g.inputs) || hdr(H_FIRST) > n)
		return false;
	g.in.arena = g.arena, g.in.rows = g.arena + hdr(H_ROWS), g.in.heap = g.arena + hdr(H_HEAP);
	g.out.ring = (entry *)(void *)(g.arena + hdr(H_ENTRIES));
	g.out.ring_n = 0, g.out.todo = 0, g.out.limit = hdr(H_ENTRIES_CAP);
	return true;
}

// fail writes a soft error. Its text never depends on the round: when the rest of
// the text area is too small the slot waits for the next call.
static bool fail(const char *why, uint32_t *text) {
	uint32_t len = (uint32_t)strlen(why), left = hdr(H_TEXT_CAP) - *text;
	if (len > MAX_TEXT) len = MAX_TEXT;
	if (len > left) {
		if (*text > 0) {
			*g.out.result = (result){0};
			return false;
		}
		len = left;
	}
	memcpy(g.arena + hdr(H_TEXT) + *text, why, len);
	*g.out.result = (result){.status = 1, .text_off = *text, .text_len = len};
	*text += len;
	return true;
}

// commit ends a slot that needs more than its entries. False: there was no room
// left in this call; the slot has left no trace and is to be run again.
static bool commit(const char *why, uint32_t *text) {
	ripen_output *o = &g.out;
	uint32_t todo = o->todo;
	o->todo = 0;
	if (!why) {
		if (todo & TOO_BIG) why = "the new state is larger than the plugin's StateMax";
		else if (todo & OVER) {
			o->ring_n = o->first;
			if (o->first > 0) {
				*o->result = (result){0};
				return false;
			}
			why = "the plugin wrote more entries for one input than the host has room for";
		} else if (o->result->state_len <= g.in.slot->state_cap) {
			memcpy(g.arena + g.in.slot->state_off, o->state, o->result->state_len);
			return true;
		} else why = "the new state is larger than the plugin's StateMax";
	}
	o->ring_n = o->first;
	return fail(why, text);
}

// rounds runs the slots from H_FIRST on and returns the first that is not done.
static uint32_t rounds(uint32_t n, uint32_t *text) {
	uint32_t i = hdr(H_FIRST), size = hdr(H_STRIDE), bits = SLOT_SIZE, cols = SLOT_SIZE + 8 * hdr(H_WORDS);
	const uint8_t *slot = g.arena + hdr(H_SLOTS) + (size_t)i * size;
	result *r = (result *)(void *)(g.arena + hdr(H_RESULTS)) + i;
	volatile uint32_t *cursor = (volatile uint32_t *)(void *)(g.arena + H_CURSOR);
	const char *(*score)(const ripen_input *, ripen_output *) = ripen_this_plugin.score;
	for (; i < n; i++, slot += size, r++) {
		*cursor = i; // before the slot, so that the host knows which one broke
		g.in.slot = (const ripen_slot *)(const void *)slot;
		g.in.bits = (const uint64_t *)(const void *)(slot + bits), g.in.cols = (const uint64_t *)(const void *)(slot + cols);
		g.out.slot = i, g.out.result = r, g.out.first = g.out.ring_n, g.out.row_first = g.in.slot->row_first;
		const char *why = score(&g.in, &g.out);
		bool done = (!why && !g.out.todo) || commit(why, text);
		g.next = g.mark;
		if (!done) break;
		r->entry_first = g.out.first, r->entry_n = g.out.ring_n - g.out.first;
	}
	return i;
}

int32_t ripen_guest_process(int32_t n) {
	if (!g.bound) return UNREADY;
	if (n < 0 || (uint32_t)n != hdr(H_N) || !prepare((uint32_t)n)) return LAYOUT;
	uint32_t text = 0, done = rounds((uint32_t)n, &text);
	put_hdr(H_CURSOR, done), put_hdr(H_ENTRIES_N, g.out.ring_n), put_hdr(H_TEXT_N, text);
	return (int32_t)done;
}

int32_t ripen_guest_migrate(uint32_t from, uint32_t to) {
	const ripen_plugin *p = &ripen_this_plugin;
	if (!p->migrate) return RIPEN_UNKNOWN_VERSION;
	if (!g.arena) return RIPEN_CANNOT;
	uint32_t len = hdr(0), cap = hdr(4);
	if ((uint64_t)HEADER_SIZE + (len > cap ? len : cap) > g.size) return RIPEN_CANNOT;
	uint8_t *mark = g.next, *out = ripen_alloc(cap);
	int32_t got = p->migrate(g.arena + HEADER_SIZE, len, from, to, out, cap);
	if (got >= 0 && len > 0) {
		if ((uint32_t)got > cap || (to == p->state_version && (uint32_t)got > p->state_max)) got = RIPEN_CANNOT;
		else memcpy(g.arena + HEADER_SIZE, out, (uint32_t)got), put_hdr(0, (uint32_t)got);
	}
	g.next = mark;
	return got < 0 ? got : 0;
}

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name(#name), visibility("default"))) name

void EXPORT(ripen_abi_v1)(void) {}
uint32_t EXPORT(ripen_describe)(void) { return (uint32_t)(uintptr_t)ripen_guest_describe(); }
uint32_t EXPORT(ripen_reserve)(uint32_t size) {
	if (g.arena || size > MAX_ARENA) return 0;
	uint8_t *arena = take(size);
	return ripen_guest_reserve(arena, size) ? (uint32_t)(uintptr_t)arena : 0;
}
uint32_t EXPORT(ripen_configure)(uint32_t off, uint32_t len) { return (uint32_t)(uintptr_t)ripen_guest_configure(off, len); }
int32_t EXPORT(ripen_bind)(uint32_t off, uint32_t len) { return ripen_guest_bind(off, len); }
int32_t EXPORT(ripen_process)(int32_t n) { return ripen_guest_process(n); }
int32_t EXPORT(ripen_migrate)(uint32_t from, uint32_t to) { return ripen_guest_migrate(from, to); }

// What a C library would have, for this file and for what the compiler makes of
// assignments.
#define PLAIN __attribute__((no_builtin))

typedef uint64_t __attribute__((aligned(1), may_alias)) eight;

PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t n) {
	uint8_t *d = to;
	const uint8_t *s = from;
	for (; n >= 8; n -= 8, d += 8, s += 8) *(eight *)d = *(const eight *)s;
	while (n--) *d++ = *s++;
	return to;
}

PLAIN void *memmove(void *to, const void *from, size_t n) {
	uint8_t *d = to;
	const uint8_t *s = from;
	if (d <= s) return memcpy(to, from, n);
	while (n--) d[n] = s[n];
	return to;
}

PLAIN void *memset(void *to, int byte, size_t n) {
	uint8_t *d = to;
	const uint64_t all = 0x0101010101010101ull * (uint8_t)byte;
	for (; n >= 8; n -= 8, d += 8) *(eight *)d = all;
	while (n--) *d++ = (uint8_t)byte;
	return to;
}

PLAIN int memcmp(const void *a, const void *b, size_t n) {
	const uint8_t *x = a, *y = b;
	for (; n; n--, x++, y++)
		if (*x != *y) return *x < *y ? -1 : 1;
	return 0;
}

PLAIN size_t strlen(const char *s) {
	size_t n = 0;
	while (s[n]) n++;
	return n;
}

PLAIN int strcmp(const char *a, const char *b) {
	while (*a && *a == *b) a++, b++;
	return (int)(uint8_t)*a - (int)(uint8_t)*b;
}
#else
void ripen_guest_reset(void) {
	memset(&g, 0, sizeof g);
}
#endif
