// ripen_test.h runs a plugin natively, in a plain C program: the same guest code
// over the same arena as in WASM, with a small host in place of Ripen. Compile
// the test together with the plugin and ripen.c.
//
//	int main(void) {
//		rt_points("most", 20000);      // the block: most = 20
//		rt_start();
//		rt_event("Quote Requested");   // one slot of the round
//		rt_number("amount", 7500);     // a property of it
//		rt_play();
//		RT_CHECK(rt_out(0)->milli == 7500);
//		return rt_done();
//	}
//
// The host does not apply scopes and caps: entries are shown as the plugin wrote
// them. A slot's text columns, expressions, counters and the like are set by
// their name; what is not set is unknown.
#ifndef RIPEN_TEST_H
#define RIPEN_TEST_H

#include <stdio.h>
#include <stdlib.h>

#include "ripen.h"

enum { RT_SLOTS = 64, RT_INPUTS = 512, RT_ARENA = 1 << 20, RT_RULES = 256, RT_STATE = 1024 };

typedef struct rt_entry {
	uint8_t kind, flags; // kind: 1 award, 2 replace, 3 adjust, 4 void
	uint16_t rule;
	uint32_t slot;
	int64_t milli;
	uint64_t scope;
	uint32_t target, label;
} rt_entry;

// What the plugin said of one slot.
typedef struct rt_outcome {
	char error[1025]; // soft error, empty if none; nothing else counts then
	const rt_entry *entries;
	uint32_t n;
	int64_t milli; // sum of the entries
	uint32_t flags; // 1 hidden, 2 new state
	uint64_t out;   // named flags, bit i = flag i
	int64_t wake;
	uint16_t grade, reason; // 1 + index, 0 = none
	uint32_t state_len;
	uint8_t state[RT_STATE];
} rt_outcome;

static struct {
	// The configuration being written.
	struct { uint8_t kind; const char *key, *text; uint64_t value; uint32_t parent, next, child, last; } node[256];
	uint32_t nodes, open;
	// What the plugin answered.
	struct { uint8_t kind, source; char name[128]; uint32_t expr; char literal[32][128]; bool glob, fold; uint32_t literals; } input[RT_INPUTS];
	uint32_t inputs, rules;
	char rule[RT_RULES][128], diag[2048];
	// The round being laid out.
	uint32_t slots, rows, heap, room;
	bool played;
	rt_outcome out[RT_SLOTS];
	int failed;
} rt;
static uint64_t rt_memory[RT_ARENA / 8], rt_entries[RT_SLOTS * 256];

// Says that an expectation does not hold and goes on.
#define RT_CHECK(cond) ((cond) ? (void)0 : (rt.failed++, (void)fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond)))

static inline int rt_done(void) {
	fprintf(stderr, rt.failed ? "%d failed\n" : "ok\n", rt.failed);
	return rt.failed ? 1 : 0;
}

static inline void rt_die(const char *what, const char *why) {
	fprintf(stderr, "ripen_test: %s: %s\n", what, why);
	exit(1);
}

void ripen_host_log(const char *text, uint32_t len) { fprintf(stderr, "%.*s\n", (int)len, text); }

// ---- The configuration ----------------------------------------------------

static inline uint32_t rt_node(uint8_t kind, const char *key, uint64_t value, const char *text) {
	if (!rt.nodes) rt.node[rt.nodes++].kind = RIPEN_OBJECT;
	uint32_t i = rt.nodes++;
	if (i >= 256) rt_die("configuration", "more than 256 nodes");
	rt.node[i].kind = kind, rt.node[i].key = key, rt.node[i].text = text, rt.node[i].value = value, rt.node[i].parent = rt.open;
	uint32_t last = rt.node[rt.open].last;
	*(last ? &rt.node[last].next : &rt.node[rt.open].child) = i;
	rt.node[rt.open].last = i;
	return i;
}
static inline void rt_points(const char *key, int64_t milli) { rt_node(RIPEN_POINTS, key, (uint64_t)milli, NULL); }
static inline void rt_millis(const char *key, int64_t ms) { rt_node(RIPEN_MILLIS, key, (uint64_t)ms, NULL); }
static inline void rt_expr(const char *key, uint32_t id) { rt_node(RIPEN_EXPR, key, id, NULL); }
static inline void rt_string(const char *key, const char *text) { rt_node(RIPEN_STRING, key, 0, text); }
static inline void rt_truth(const char *key, bool v) { rt_node(RIPEN_BOOL, key, v, NULL); }
static inline void rt_double(const char *key, double v) {
	uint64_t bits;
	memcpy(&bits, &v, 8);
	rt_node(RIPEN_NUMBER, key, bits, NULL);
}
// rt_list and rt_object stay open until rt_end; items of a list have the key "".
static inline void rt_list(const char *key) { rt.open = rt_node(RIPEN_LIST, key, 0, NULL); }
static inline void rt_object(const char *key) { rt.open = rt_node(RIPEN_OBJECT, key, 0, NULL); }
static inline void rt_end(void) { rt.open = rt.node[rt.open].parent; }

static inline uint8_t *rt_arena(void) { return (uint8_t *)rt_memory; }
static inline void rt_put(uint32_t off, uint32_t v) { memcpy(rt_arena() + off, &v, 4); }
static inline uint32_t rt_get(uint32_t off) {
	uint32_t v;
	memcpy(&v, rt_arena() + off, 4);
	return v;
}

static inline uint32_t rt_blob(uint32_t at) {
	if (!rt.nodes) rt.node[rt.nodes++].kind = RIPEN_OBJECT;
	uint32_t heap = at + 16 + 32 * rt.nodes, used = 0;
	memcpy(rt_arena() + at, "CONF", 4);
	rt_put(at + 4, rt.nodes), rt_put(at + 8, heap - at);
	for (uint32_t i = 0; i < rt.nodes; i++) {
		uint32_t rec = at + 16 + 32 * i, n = rt.node[i].key ? (uint32_t)strlen(rt.node[i].key) : 0;
		uint64_t value = rt.node[i].value;
		rt_put(rec, rt.node[i].kind), rt_put(rec + 4, used), rt_put(rec + 8, n);
		if (n) memcpy(rt_arena() + heap + used, rt.node[i].key, n);
		used += n;
		if (rt.node[i].text) {
			n = (uint32_t)strlen(rt.node[i].text);
			value = used | (uint64_t)n << 32;
			memcpy(rt_arena() + heap + used, rt.node[i].text, n);
			used += n;
		}
		rt_put(rec + 12, rt.node[i].parent);
		memcpy(rt_arena() + rec + 16, &value, 8);
		rt_put(rec + 24, rt.node[i].next), rt_put(rec + 28, rt.node[i].child);
	}
	rt_put(at + 12, used);
	return heap + used - at;
}

// ---- The needs ------------------------------------------------------------

static inline uint64_t rt_uint(const uint8_t **p) {
	uint64_t v = 0;
	for (int shift = 0;; shift += 7) {
		uint8_t b = *(*p)++;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80) return v;
	}
}
static inline void rt_str(const uint8_t **p, char *to, uint32_t room) {
	uint32_t n = (uint32_t)rt_uint(p), most = n < room ? n : room - 1;
	if (room) memcpy(to, *p, most), to[most] = 0;
	*p += n;
}
static inline void rt_strs(const uint8_t **p) {
	for (uint64_t n = rt_uint(p); n; n--) rt_str(p, NULL, 0);
}

static inline void rt_needs(const uint8_t *p) {
	p += 8; // length, NEED
	for (int i = 0; i < 4; i++) rt_uint(&p);
	p += 2;
	rt.inputs = (uint32_t)rt_uint(&p);
	for (uint32_t i = 0; i < rt.inputs; i++) {
		rt.input[i].kind = *p++, rt.input[i].source = *p++;
		rt_str(&p, rt.input[i].name, 128);
		rt.input[i].expr = (uint32_t)rt_uint(&p);
		uint32_t n = (uint32_t)rt_uint(&p);
		for (uint32_t k = 0; k < n; k++) {
			rt_str(&p, rt.input[i].literal[k < 32 ? k : 31], 128);
			rt.input[i].glob = *p++, rt.input[i].fold = *p++;
		}
		rt.input[i].literals = n < 32 ? n : 32;
	}
	rt.rules = (uint32_t)rt_uint(&p);
	for (uint32_t i = 0; i < rt.rules; i++) {
		rt_str(&p, rt.rule[i < RT_RULES ? i : 0], 128);
		for (int k = 0; k < 3; k++) rt_str(&p, NULL, 0);
		p++;
		rt_strs(&p);
		p++;
		for (int k = 0; k < 5; k++) rt_uint(&p);
		p += 2;
		rt_uint(&p);
		p++;
		rt_str(&p, NULL, 0);
	}
	for (uint64_t n = rt_uint(&p); n; n--)
		for (int k = 0; k < 3; k++) rt_str(&p, NULL, 0);
	for (int k = 0; k < 3; k++) rt_strs(&p);
	for (uint64_t n = rt_uint(&p); n; n--) {
		rt_str(&p, NULL, 0), rt_strs(&p), rt_strs(&p);
		rt_uint(&p), rt_uint(&p);
		rt_str(&p, NULL, 0), rt_uint(&p);
	}
	rt.diag[0] = 0;
	for (uint64_t n = rt_uint(&p); n; n--) {
		char name[64], summary[256], detail[512];
		const char *severity = *p++ == 1 ? "error" : "warning";
		rt_uint(&p);
		rt_str(&p, name, 64), rt_str(&p, summary, 256), rt_str(&p, detail, 512);
		size_t had = strlen(rt.diag);
		snprintf(rt.diag + had, sizeof rt.diag - had, "%s: %s: %s: %s\n", severity, name, summary, detail);
	}
}

// Configures the plugin anew and returns its complaints, "" if it has none. The
// configuration written before is used up.
static inline const char *rt_configure(void) {
	ripen_guest_reset();
	memset(rt_memory, 0, sizeof rt_memory);
	if (!ripen_guest_reserve(rt_arena(), RT_ARENA)) rt_die("reserve", "refused");
	const uint8_t *needs = ripen_guest_configure(128, rt_blob(128));
	if (!needs) rt_die("configure", "refused");
	memset(rt.node, 0, sizeof rt.node);
	rt.nodes = rt.open = rt.slots = 0, rt.room = sizeof rt_entries / 32;
	rt_needs(needs);
	return rt.diag;
}

static inline uint32_t rt_stride(void) { return 64 + 8 * ((rt.inputs + 63) / 64) + 8 * rt.inputs; }

// The same for a configuration that is right.
static inline void rt_start(void) {
	if (strstr(rt_configure(), "error: ")) rt_die("configure", rt.diag);
	rt_put(128, rt_stride()), rt_put(132, rt.inputs), rt_put(136, (rt.inputs + 63) / 64), rt_put(140, rt.rules);
	if (ripen_guest_bind(128, 16) != 0) rt_die("bind", "refused");
}

// ---- A round --------------------------------------------------------------

enum { RT_ROWS_AT = RT_ARENA / 4, RT_RESULTS_AT = RT_ARENA / 4 + 64 * 1024, RT_TEXT_AT = RT_RESULTS_AT + 48 * RT_SLOTS, RT_TEXT = 4096,
	RT_STATES_AT = RT_TEXT_AT + RT_TEXT, RT_HEAP_AT = RT_STATES_AT + RT_STATE * RT_SLOTS, RT_RING_AT = RT_ARENA - (int)sizeof rt_entries };

static inline ripen_slot *rt_slot(void) { return (ripen_slot *)(void *)(rt_arena() + 128 + (rt.slots - 1) * rt_stride()); }

static inline ripen_slot *rt_new(uint32_t kind) {
	if (rt.played) rt.slots = rt.rows = rt.heap = 0, rt.played = false;
	if (rt.slots == RT_SLOTS || 128 + (rt.slots + 1) * rt_stride() > RT_ROWS_AT) rt_die("round", "too many slots");
	rt.slots++;
	ripen_slot *s = rt_slot();
	memset(s, 0, rt_stride());
	s->kind = kind, s->flags = 1, s->row_first = rt.rows;
	s->state_off = RT_STATES_AT + RT_STATE * (rt.slots - 1), s->state_cap = RT_STATE < ripen_this_plugin.state_max ? RT_STATE : ripen_this_plugin.state_max;
	return s;
}

// Sets a column by its bits.
static inline void rt_column(uint32_t i, uint64_t bits) {
	uint8_t *s = (uint8_t *)rt_slot();
	s[64 + i / 8] |= (uint8_t)(1 << i % 8);
	memcpy(s + 64 + 8 * ((rt.inputs + 63) / 64) + 8 * i, &bits, 8);
}

// A text as the columns of a source see it: enum, text or hash.
static inline void rt_text_from(uint8_t source, const char *name, const char *text) {
	for (uint32_t i = 0; i < rt.inputs; i++) {
		uint32_t n = (uint32_t)strlen(text);
		if (rt.input[i].source != source || strcmp(rt.input[i].name, name) != 0) continue;
		switch (rt.input[i].kind) {
		case RIPEN_INPUT_STRING:
			memcpy(rt_arena() + RT_HEAP_AT + rt.heap, text, n);
			rt_column(i, rt.heap | (uint64_t)n << 32);
			rt.heap += n;
			break;
		case RIPEN_INPUT_KEY: {
			uint64_t h = 14695981039346656037ull;
			for (uint32_t k = 0; k < n; k++) h = (h ^ (uint8_t)text[k]) * 1099511628211ull;
			rt_column(i, h);
			break;
		}
		case RIPEN_INPUT_ENUM: {
			uint32_t hit = 0;
			for (uint32_t k = 0; k < rt.input[i].literals && !hit; k++)
				if (rt.input[i].glob ? ripen_match_glob(rt.input[i].literal[k], (ripen_text){text, n}) : strcmp(rt.input[i].literal[k], text) == 0) hit = k + 1;
			rt_column(i, hit);
		}
		}
	}
}

static inline void rt_bits_from(uint8_t source, const char *name, uint8_t kind, uint64_t bits) {
	for (uint32_t i = 0; i < rt.inputs; i++)
		if (rt.input[i].source == source && rt.input[i].kind == kind && strcmp(rt.input[i].name, name) == 0) rt_column(i, bits);
}

// Begins a slot: an event, a page view, a timer.
static inline ripen_slot *rt_event(const char *name) {
	ripen_slot *s = rt_new(1);
	rt_text_from(RIPEN_FROM_EVENT, "", name), rt_text_from(RIPEN_FROM_KIND, "", "track");
	s->event = rt.slots;
	return s;
}
static inline ripen_slot *rt_page(const char *path) {
	ripen_slot *s = rt_new(1);
	rt_text_from(RIPEN_FROM_PATH, "", path), rt_text_from(RIPEN_FROM_KIND, "", "page");
	return s;
}
static inline ripen_slot *rt_timer(int64_t due) {
	ripen_slot *s = rt_new(2);
	s->at = s->now = due;
	return s;
}
// Properties of the event, a fact of the person, an expression by its id, a
// counter, the lead's state and a row of its ledger.
static inline void rt_number(const char *prop, double v) {
	uint64_t bits;
	memcpy(&bits, &v, 8);
	rt_bits_from(RIPEN_FROM_PROP, prop, RIPEN_INPUT_NUMBER, bits);
}
static inline void rt_text(const char *prop, const char *v) { rt_text_from(RIPEN_FROM_PROP, prop, v); }
static inline void rt_trait(const char *name, const char *v) { rt_text_from(RIPEN_FROM_TRAIT, name, v); }
static inline void rt_counter(const char *name, int64_t v) { rt_bits_from(RIPEN_FROM_COUNTER, name, RIPEN_INPUT_COUNT, (uint64_t)v); }
static inline void rt_cond(uint32_t expr, bool v) {
	for (uint32_t i = 0; i < rt.inputs; i++)
		if (rt.input[i].source == RIPEN_FROM_EXPR && rt.input[i].expr == expr && rt.input[i].kind == RIPEN_INPUT_BOOL) rt_column(i, v);
}
static inline void rt_state(const void *bytes, uint32_t len) {
	ripen_slot *s = rt_slot();
	memcpy(rt_arena() + s->state_off, bytes, len);
	s->state_len = len, s->flags = 0;
}
static inline void rt_row(ripen_row row) {
	memcpy(rt_arena() + RT_ROWS_AT + 64 * rt.rows++, &row, 64);
	rt_slot()->row_n++;
}

static inline const rt_outcome *rt_out(uint32_t i) { return &rt.out[i]; }
// The name of an entry's rule.
static inline const char *rt_rule(const rt_entry *e) { return rt.rule[e->rule]; }

static inline void rt_read(uint32_t i, uint32_t *kept) {
	const uint8_t *r = rt_arena() + RT_RESULTS_AT + 48 * i;
	rt_outcome *o = &rt.out[i];
	memset(o, 0, sizeof *o);
	memcpy(&o->flags, r + 4, 4), memcpy(&o->out, r + 8, 8), memcpy(&o->wake, r + 16, 8);
	memcpy(&o->grade, r + 24, 2), memcpy(&o->reason, r + 26, 2), memcpy(&o->state_len, r + 28, 4);
	uint32_t first = rt_get(RT_RESULTS_AT + 48 * i + 32), n = rt_get(RT_RESULTS_AT + 48 * i + 36);
	if (rt_get(RT_RESULTS_AT + 48 * i)) memcpy(o->error, rt_arena() + RT_TEXT_AT + rt_get(RT_RESULTS_AT + 48 * i + 40), rt_get(RT_RESULTS_AT + 48 * i + 44));
	o->entries = (const rt_entry *)(const void *)rt_entries + *kept, o->n = n;
	memcpy((rt_entry *)(void *)rt_entries + *kept, rt_arena() + RT_RING_AT + 32 * first, 32 * n);
	*kept += n;
	for (uint32_t k = 0; k < n; k++) {
		o->milli += o->entries[k].milli;
		if (o->entries[k].slot != i) rt_die("entry", "of another slot");
	}
	if (o->flags & 2) memcpy(o->state, rt_arena() + RT_STATES_AT + RT_STATE * i, o->state_len);
}

// Plays the slots begun since the last call as one round.
static inline void rt_play(void) {
	uint32_t kept = 0;
	const uint32_t header[][2] = {{0, RT_ARENA}, {4, rt.slots}, {16, 128}, {20, rt_stride()}, {24, rt.inputs}, {28, (rt.inputs + 63) / 64}, {32, RT_ROWS_AT},
		{36, rt.rows}, {40, RT_RESULTS_AT}, {44, RT_RING_AT}, {48, rt.room}, {60, RT_TEXT_AT}, {64, RT_TEXT}, {72, RT_HEAP_AT}, {76, rt.heap}};
	for (size_t i = 0; i < sizeof header / sizeof header[0]; i++) rt_put(header[i][0], header[i][1]);
	memset(rt_arena() + RT_RESULTS_AT, 0, 48 * rt.slots);
	for (uint32_t first = 0; first < rt.slots;) {
		rt_put(8, first);
		int32_t done = ripen_guest_process((int32_t)rt.slots);
		if (done <= (int32_t)first || done > (int32_t)rt.slots) rt_die("process", "the round does not go on");
		while (first < (uint32_t)done) rt_read(first++, &kept);
	}
	rt.played = true;
}

// Converts a state; returns its new length, or the plugin's negative answer.
static inline int32_t rt_migrate(uint32_t from, uint32_t to, uint8_t *state, uint32_t len, uint32_t room) {
	rt_put(0, len), rt_put(4, room);
	memcpy(rt_arena() + 128, state, len);
	int32_t code = ripen_guest_migrate(from, to);
	if (code < 0) return code;
	memcpy(state, rt_arena() + 128, rt_get(0));
	return (int32_t)rt_get(0);
}

#endif
