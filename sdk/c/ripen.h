// ripen.h is what the author of a Ripen plugin in C writes against, together
// with ripen.c. It needs no C library.
//
// A plugin is two functions. `configure` runs once for each instance: it reads
// the block of the step and says what the plugin needs (columns, rules, grades,
// flags, counters, ledger views). `score` then runs once for each slot: one lead
// with one input, which is an event, a timer that the plugin asked for, or a
// probe. What it says depends on the slot alone (input, state, ledger rows):
// rounds are split, repeated and spread over instances at will, so nothing is
// kept between two calls of score. What configure learns goes into static
// variables: a module instance has one configuration.
//
// Times are int64_t milliseconds since 1970 UTC, points are int64_t milli-points
// (1 point = 1,000). There is no clock and no randomness.
//
// Entries, state and result of a slot count as a whole: a text returned from
// score drops them and is shown; a trap fails that slot alone; when the host's
// room for entries is used up, the slot is run again later, unseen by the plugin.
//
// A column that the input does not have is unknown (`known` is false), never
// zero. Unknown must not fire anything.
#ifndef RIPEN_H
#define RIPEN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef __wasm__
#include <string.h>
#endif

// Nothing but the contract's own functions leaves the module.
#pragma GCC visibility push(hidden)

// ---- Texts and memory -----------------------------------------------------

// A text of an input: not terminated, valid until score returns.
typedef struct ripen_text {
	const char *ptr;
	uint32_t len;
} ripen_text;

// Says whether a text is that C string.
bool ripen_equal(ripen_text text, const char *other);

// Memory of n zeroed bytes. From configure it is for good; from score (and
// migrate) it is taken back when the function returns. Never NULL: a plugin
// without memory traps.
void *ripen_alloc(uint32_t n);

// A terminated copy of a text, of a number, of strings behind each other (the
// last argument is NULL), in memory of ripen_alloc.
const char *ripen_string(ripen_text text);
const char *ripen_number_text(int64_t n);
const char *ripen_join(const char *first, ...);

// ---- Configuration --------------------------------------------------------

typedef enum ripen_kind {
	RIPEN_NULL,
	RIPEN_BOOL,
	RIPEN_NUMBER,
	RIPEN_STRING,
	RIPEN_LIST,
	RIPEN_OBJECT,
	RIPEN_EXPR,
	RIPEN_POINTS,
	RIPEN_MILLIS,
} ripen_kind;

typedef struct ripen_node ripen_node;

// One node of the plugin's configuration: its block, or anything in it. The
// zero ripen_config is an absent one: it has no members and every getter answers
// with its default. The host has checked the types by the schema.
typedef struct ripen_config {
	const ripen_node *nodes;
	uint32_t at; // index of the node, for errors and rules
} ripen_config;

// Says whether the node was written (null counts as not written).
bool ripen_exists(ripen_config c);
// The node's type, and the name under which it stands in its parent.
ripen_kind ripen_kind_of(ripen_config c);
const char *ripen_key(ripen_config c);
// The member of that name of an object; absent if there is none.
ripen_config ripen_get(ripen_config c, const char *key);
// The label of a block.
const char *ripen_label(ripen_config c);

// The elements of a list, or the members of an object in the order of the
// source:
//
//	RIPEN_EACH(item, list) { … }
#define RIPEN_EACH(item, list) for (ripen_config item = ripen_first(list); item.nodes; item = ripen_next(item))
ripen_config ripen_first(ripen_config list);
ripen_config ripen_next(ripen_config item);

// The blocks of that type, in the order of the source; a single object counts
// as one block:
//
//	RIPEN_EACH_BLOCK(b, cfg, "class") { … }
#define RIPEN_EACH_BLOCK(b, cfg, type) for (ripen_config b = ripen_first_block(cfg, type); b.nodes; b = ripen_next_block(b))
ripen_config ripen_first_block(ripen_config c, const char *type);
ripen_config ripen_next_block(ripen_config block);

// The value of a node; false when it has another type. A points node is a number
// too, in points.
bool ripen_as_string(ripen_config c, const char **v);
bool ripen_as_number(ripen_config c, double *v);
bool ripen_as_points(ripen_config c, int64_t *milli);
bool ripen_as_millis(ripen_config c, int64_t *ms);
bool ripen_as_expr(ripen_config c, uint32_t *id);

// The member `key`, `def` if it is not written. Points are milli-points.
const char *ripen_get_string(ripen_config c, const char *key, const char *def);
bool ripen_get_bool(ripen_config c, const char *key, bool def);
double ripen_get_number(ripen_config c, const char *key, double def);
int64_t ripen_get_int(ripen_config c, const char *key, int64_t def);
int64_t ripen_get_points(ripen_config c, const char *key, int64_t def);
int64_t ripen_get_millis(ripen_config c, const char *key, int64_t def);
// The member `key` as a list of *n strings; one string is a list of one.
const char *const *ripen_get_strings(ripen_config c, const char *key, uint32_t *n);

// Reads a duration as the workflow language writes it: "60d", "1d12h", "500ms".
// It serves map keys, which the host hands over as text.
bool ripen_parse_millis(const char *text, int64_t *ms);

// ---- Needs ----------------------------------------------------------------

typedef struct ripen_needs ripen_needs;

// Handles of columns, by type. The zero handle is absent in every slot.
typedef struct { uint32_t col; } ripen_bool_col;   // a truth value
typedef struct { uint32_t col; } ripen_number_col; // a double
typedef struct { uint32_t col; } ripen_time_col;   // a time in ms
typedef struct { uint32_t col; } ripen_count_col;  // a whole number
typedef struct { uint32_t col; } ripen_enum_col;   // 1-based index of the literal that matched, 0 for none
typedef struct { uint32_t col; } ripen_text_col;   // a text
typedef struct { uint32_t col; } ripen_hash_col;   // the 64-bit hash of a text

// What a plugin may write. The zero grade and reason mean none.
typedef struct { uint16_t id; } ripen_rule_id;
typedef struct { uint8_t id; } ripen_flag_id;
typedef struct { uint16_t id; } ripen_grade_id;
typedef struct { uint16_t id; } ripen_reason_id;

// Texts that an enum column is compared with. A glob has * for any run of
// characters ("/blog/*" also takes "/blog"); fold ignores case.
typedef struct ripen_literals {
	const char *const *texts;
	uint32_t n;
	bool glob, fold;
} ripen_literals;

#define RIPEN_LITERALS(is_glob, is_fold, ...) \
	((ripen_literals){(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), is_glob, is_fold})
#define RIPEN_EXACT(...) RIPEN_LITERALS(false, false, __VA_ARGS__)
#define RIPEN_GLOBS(...) RIPEN_LITERALS(true, false, __VA_ARGS__)
#define RIPEN_FOLDED_GLOBS(...) RIPEN_LITERALS(true, true, __VA_ARGS__)

// Says whether a glob takes a text, as the host compares them.
bool ripen_match_glob(const char *pattern, ripen_text text);

// Columns. Asking twice for the same one gives the same handle.
ripen_enum_col ripen_need_event(ripen_needs *n, ripen_literals list); // the event's name
ripen_enum_col ripen_need_path(ripen_needs *n, ripen_literals list);  // the path of a page view
ripen_text_col ripen_need_path_text(ripen_needs *n);
ripen_enum_col ripen_need_kind(ripen_needs *n, ripen_literals kinds); // "track", "page", …
ripen_enum_col ripen_need_prop(ripen_needs *n, const char *name, ripen_literals list);
ripen_text_col ripen_need_prop_text(ripen_needs *n, const char *name);
ripen_number_col ripen_need_prop_number(ripen_needs *n, const char *name);
ripen_hash_col ripen_need_prop_hash(ripen_needs *n, const char *name);
ripen_enum_col ripen_need_context(ripen_needs *n, const char *name, ripen_literals list); // a part of the event's context, such as "userAgent"
ripen_text_col ripen_need_context_text(ripen_needs *n, const char *name);
ripen_hash_col ripen_need_context_hash(ripen_needs *n, const char *name);
ripen_enum_col ripen_need_trait(ripen_needs *n, const char *name, ripen_literals list);   // a person-level fact
ripen_enum_col ripen_need_account(ripen_needs *n, const char *name, ripen_literals list); // an account-level fact
// A grade that an earlier step gave; step may be "" when only one grades.
ripen_enum_col ripen_need_grade_of(ripen_needs *n, const char *step, ripen_literals grades);
// The flag "step.flag" of an earlier step.
ripen_bool_col ripen_need_flag_of(ripen_needs *n, const char *name);
// When the lead was last active.
ripen_time_col ripen_need_last_activity(ripen_needs *n);
// Labels name what was done (ripen_award_for). They cost nothing for each slot:
// reading them gives nothing.
ripen_text_col ripen_need_path_label(ripen_needs *n);
ripen_text_col ripen_need_prop_label(ripen_needs *n, const char *name);
// The expression at c, an absent handle if it is not written.
ripen_bool_col ripen_need_cond(ripen_needs *n, ripen_config c);
ripen_number_col ripen_need_number_expr(ripen_needs *n, ripen_config c); // in points if it is points
ripen_text_col ripen_need_text_expr(ripen_needs *n, ripen_config c);
ripen_enum_col ripen_need_enum_expr(ripen_needs *n, ripen_config c, ripen_literals list);
// Says that a condition is read only where the column has that literal (from 1).
// The host then leaves it unknown elsewhere. Say it for every place, or for none.
void ripen_only_on(ripen_needs *n, ripen_bool_col cond, ripen_enum_col column, uint32_t literal);

// Sources and types of ripen_need_column, for inputs that have no call above.
enum {
	RIPEN_FROM_EVENT = 1, RIPEN_FROM_PATH, RIPEN_FROM_PROP, RIPEN_FROM_TRAIT, RIPEN_FROM_ACCOUNT, RIPEN_FROM_CONTEXT, RIPEN_FROM_EXPR,
	RIPEN_FROM_COUNTER, RIPEN_FROM_GRADE, RIPEN_FROM_FLAG, RIPEN_FROM_KIND, RIPEN_FROM_LAST_ACTIVITY, RIPEN_FROM_EVENT_ID,
};
enum {
	RIPEN_INPUT_BOOL = 1, RIPEN_INPUT_NUMBER, RIPEN_INPUT_TIME, RIPEN_INPUT_COUNT, RIPEN_INPUT_ENUM, RIPEN_INPUT_STRING, RIPEN_INPUT_KEY,
	RIPEN_INPUT_LABEL,
};
typedef struct ripen_column {
	uint8_t kind, source;
	const char *name;        // NULL = ""
	uint32_t expr;           // RIPEN_FROM_EXPR
	ripen_literals literals; // RIPEN_INPUT_ENUM
} ripen_column;
// Asks for any input of the contract and returns 1 + its index: the col of a
// handle.
uint32_t ripen_need_column(ripen_needs *n, ripen_column column);

// A counter that the host keeps for the plugin. Events and paths are globs, both
// end with NULL or after 16.
typedef struct ripen_counter {
	const char *name;
	const char *events[16];
	const char *paths[16];
	ripen_config where;   // an expression, absent = all
	int64_t window;       // ms, multiple of the age step; 0 = for ever
	const char *distinct; // a property of which each value counts once
	uint32_t node;
} ripen_counter;
// Declares a counter and reads it: its value with this event included.
ripen_count_col ripen_need_counter(ripen_needs *n, const ripen_counter *c);
// Reads a counter of the workflow.
ripen_count_col ripen_need_counter_named(ripen_needs *n, const char *name);

// One line of the ledger that the plugin may write. Strings may be NULL.
typedef struct ripen_rule {
	const char *name;     // unique in the step
	const char *score;    // name of the score it counts for; none = the step's own
	const char *class;    // group for caps and "top class"
	const char *template; // explanation, e.g. "{label}: asked for a demo"
	bool once;            // once per scope key, for ever or per period; else every time
	const char *keys[8];  // properties that form the scope key
	bool per_day;         // the calendar day is part of the key
	uint32_t max_n;       // at most n awards per window, 0 = no limit
	int64_t window;       // ms; 0 = for ever
	int64_t cap;          // milli-points: limit of the sum awarded by this rule, 0 = none
	int64_t class_cap;    // milli-points: limit of the sum awarded by the class, 0 = none
	uint32_t node;        // ripen_config.at that it comes from, for errors
	bool activity;        // an award of it is an activity of the lead
	bool passive;         // never awards on an event: inactivity, time
	int64_t max;          // milli-points: the most that one award gives, for lints
	bool account;         // derived from account-level facts, for the explanation
	const char *step;     // the rule `name` of another step, to take its awards back
} ripen_rule;
// Writes into r what a text says of how often a rule may award, in the words of
// the shipped plugins: "" every time, "ever", "day", "asset", "asset per day".
void ripen_once(const char *text, ripen_rule *r);
ripen_rule_id ripen_need_rule(ripen_needs *n, const ripen_rule *r);
// Names the rule of another step, to take its awards back (ripen_void).
ripen_rule_id ripen_need_foreign(ripen_needs *n, const char *step, const char *rule, uint32_t node);

// Asks for ledger rows (RIPEN_CAP_LEDGER); NULL takes any. Returns the index that
// ripen_row.view has for them.
uint32_t ripen_need_view(ripen_needs *n, const char *score, const char *class, const char *rule);
// Declares a named flag; a grade, the best first; why a grade was given.
ripen_flag_id ripen_need_flag(ripen_needs *n, const char *name);
ripen_grade_id ripen_need_grade(ripen_needs *n, const char *name);
ripen_reason_id ripen_need_reason(ripen_needs *n, const char *text);
// The range of the step's own score in milli-points, for lints.
void ripen_scale(ripen_needs *n, int64_t least, int64_t most);
// Asks for age steps of that length in ms.
void ripen_age_step(ripen_needs *n, int64_t ms);
// Says after which age in ms a row never changes again.
void ripen_horizon(ripen_needs *n, int64_t ms);
// An event that matches none of the literals given to event and path changes
// nothing: the host then skips the plugin for it.
void ripen_sparse(ripen_needs *n);
// A memoryless step leaves rows of the current age step alone.
void ripen_keeps_fresh(ripen_needs *n);
// Reports a mistake at node c under a stable lint name. detail says what was
// found, what was expected and what to do. Report all of them.
void ripen_error(ripen_needs *n, ripen_config c, const char *name, const char *summary, const char *detail);
void ripen_warn(ripen_needs *n, ripen_config c, const char *name, const char *summary, const char *detail);

// ---- Input ----------------------------------------------------------------

// The fixed part of a slot, as the host writes it.
typedef struct ripen_slot {
	int64_t at;     // time of the event, or due time of the timer, ms
	int64_t now;    // the lead's clock, ms; a late event has at before now
	uint64_t seed;  // the same for the same lead and input, for ever
	uint64_t event; // names the event, for ripen_void_event; 0 on a timer
	uint32_t kind, row_first, row_n, state_off, state_len, state_cap, flags, reserved;
} ripen_slot;

// One row of the lead's ledger (RIPEN_CAP_LEDGER). Points are milli-points,
// times ms. Its age in steps at time t is floor(t/step) - at/step.
typedef struct ripen_row {
	uint32_t view, count;
	int64_t at, step;
	uint64_t scope;
	int64_t awarded, reversed, remaining, last;
} ripen_row;

// One slot: a lead with one input. Its columns are read in place.
typedef struct ripen_input {
	const uint8_t *arena, *rows, *heap;
	const ripen_slot *slot; // at, now, seed and event stand here
	const uint64_t *bits, *cols;
} ripen_input;

static inline bool ripen_is_event(const ripen_input *in) { return in->slot->kind == 1; }
// The time asked for by ripen_wake has come.
static inline bool ripen_is_timer(const ripen_input *in) { return in->slot->kind == 2; }
// The host asks what would be true at `now` if nothing happened; the answer is
// discarded.
static inline bool ripen_is_probe(const ripen_input *in) { return in->slot->kind == 3; }
static inline int64_t ripen_at(const ripen_input *in) { return in->slot->at; }
static inline int64_t ripen_now(const ripen_input *in) { return in->slot->now; }
static inline uint64_t ripen_seed(const ripen_input *in) { return in->slot->seed; }
static inline uint64_t ripen_event_hash(const ripen_input *in) { return in->slot->event; }
// The lead has no state of this step yet.
static inline bool ripen_fresh(const ripen_input *in) { return in->slot->flags & 1; }
// The lead's state blob and its length; read it, never write it.
static inline const uint8_t *ripen_state(const ripen_input *in, uint32_t *len) {
	*len = in->slot->state_len;
	return in->arena + in->slot->state_off;
}
// The lead's part of the ledger (RIPEN_CAP_LEDGER). Read only.
static inline const ripen_row *ripen_rows(const ripen_input *in, uint32_t *n) {
	*n = in->slot->row_n;
	return (const ripen_row *)(const void *)in->rows + in->slot->row_first;
}

static inline bool ripen_raw(const ripen_input *in, uint32_t col, uint64_t *bits) {
	if (col == 0 || !(in->bits[(col - 1) >> 6] >> ((col - 1) & 63) & 1)) return *bits = 0, false;
	return *bits = in->cols[col - 1], true;
}

// Each reads a column; false = unknown, and *v is 0. The pointer must not be NULL.
static inline bool ripen_bool(const ripen_input *in, ripen_bool_col h, bool *v) {
	uint64_t bits;
	bool known = ripen_raw(in, h.col, &bits);
	return *v = bits != 0, known;
}
static inline bool ripen_number(const ripen_input *in, ripen_number_col h, double *v) {
	union { uint64_t bits; double f; } u;
	bool known = ripen_raw(in, h.col, &u.bits);
	return *v = u.f, known;
}
static inline bool ripen_time(const ripen_input *in, ripen_time_col h, int64_t *ms) {
	uint64_t bits;
	bool known = ripen_raw(in, h.col, &bits);
	return *ms = (int64_t)bits, known;
}
static inline bool ripen_count(const ripen_input *in, ripen_count_col h, int64_t *v) {
	uint64_t bits;
	bool known = ripen_raw(in, h.col, &bits);
	return *v = (int64_t)bits, known;
}
// Which literal matched, from 1; 0 and known: none of them.
static inline bool ripen_enum(const ripen_input *in, ripen_enum_col h, uint32_t *which) {
	uint64_t bits;
	bool known = ripen_raw(in, h.col, &bits);
	return *which = (uint32_t)bits, known;
}
static inline bool ripen_hash(const ripen_input *in, ripen_hash_col h, uint64_t *v) { return ripen_raw(in, h.col, v); }
static inline bool ripen_text_of(const ripen_input *in, ripen_text_col h, ripen_text *v) {
	uint64_t bits;
	bool known = ripen_raw(in, h.col, &bits);
	v->len = (uint32_t)(bits >> 32);
	v->ptr = v->len ? (const char *)in->heap + (uint32_t)bits : "";
	return known;
}
// A condition is known and true: the only way it may fire.
static inline bool ripen_true(const ripen_input *in, ripen_bool_col h) {
	uint64_t bits;
	return ripen_raw(in, h.col, &bits) && bits != 0;
}
// ripen_enum for those who need not tell "none of them" from "unknown": both
// are 0.
static inline uint32_t ripen_which(const ripen_input *in, ripen_enum_col h) {
	uint64_t bits;
	return ripen_raw(in, h.col, &bits) ? (uint32_t)bits : 0;
}

// ---- Output ---------------------------------------------------------------

typedef struct ripen_output ripen_output;

// The handle of no label: the ledger line is labelled with the event's name.
#define RIPEN_NO_LABEL ((ripen_text_col){0})

// Adds milli-points under the rule, as far as its scope and caps allow.
void ripen_award(ripen_output *out, ripen_rule_id r, int64_t milli);
// The same with a label: the text that says what was done.
void ripen_award_for(ripen_output *out, ripen_rule_id r, int64_t milli, ripen_text_col label);
// The same under a scope key of the plugin's own making, which must not be 0.
void ripen_award_scoped(ripen_output *out, ripen_rule_id r, int64_t milli, ripen_text_col label, uint64_t scope);
// Makes milli the only line of the rule.
void ripen_replace(ripen_output *out, ripen_rule_id r, int64_t milli, ripen_text_col label);
// Changes what remains of row i of ripen_rows by milli.
void ripen_adjust(ripen_output *out, uint32_t i, int64_t milli);
// Takes back all that is left under the rule and the scope key that this event
// has for it, and frees the key.
void ripen_void(ripen_output *out, ripen_rule_id r);
// Follows ripen_void: counts only if there was never anything to take back.
void ripen_award_else(ripen_output *out, ripen_rule_id r, int64_t milli);
// Takes back all that is left of the awards of an earlier event (RIPEN_CAP_VOID),
// named by its ripen_event_hash.
void ripen_void_event(ripen_output *out, uint64_t event);
// Hides this event from later steps and from counters (RIPEN_CAP_VOID).
void ripen_hide(ripen_output *out);
// The lead's grade and why.
void ripen_grade(ripen_output *out, ripen_grade_id g, ripen_reason_id why);
// Sets a named flag; flags are off unless set.
void ripen_flag(ripen_output *out, ripen_flag_id f, bool on);
// Asks to be called again at that time in ms (RIPEN_CAP_TIMERS, or a memoryless
// step). The earliest of several wins; times that are not after the lead's clock
// are an error of the plugin; 0 asks for nothing.
void ripen_wake(ripen_output *out, int64_t at);
// Keeps a new state blob of at most state_max bytes, copied here.
void ripen_set_state(ripen_output *out, const void *bytes, uint32_t len);

#ifdef __wasm__
__attribute__((import_module("ripen_v1"), import_name("log"))) void ripen_host_log(const char *text, uint32_t len);
#else
void ripen_host_log(const char *text, uint32_t len);
#endif
// Writes a line to the engine's log at debug level, thinned out, silent in
// replay. A module that never calls it imports nothing.
static inline void ripen_log(ripen_text line) { ripen_host_log(line.ptr, line.len); }

// ---- The plugin -----------------------------------------------------------

// Capabilities; the manifest names the same ones.
#define RIPEN_CAP_LEDGER 1u      // see the rows of the ledger asked for by ripen_need_view
#define RIPEN_CAP_MEMORYLESS 2u  // output depends on ledger, inputs and now only
#define RIPEN_CAP_STATE 4u       // keeps a state blob per lead
#define RIPEN_CAP_VOID 8u        // takes awards of earlier events back, hides events
#define RIPEN_CAP_PURE 16u       // output depends on the inputs only
#define RIPEN_CAP_TIMERS 32u     // asks to be woken

// Answers of migrate.
#define RIPEN_UNKNOWN_VERSION (-1)
#define RIPEN_CANNOT (-2)

typedef struct ripen_plugin {
	uint64_t caps;
	uint32_t state_max;     // size of the largest state blob of a lead, 0 without RIPEN_CAP_STATE
	uint32_t state_version; // names the layout of the blob
	uint32_t arena_want;    // bytes of arena that it would like, 0 for the default
	// Both return NULL, or a text that says what is wrong. A text from configure
	// refuses the configuration as a whole; mistakes in it are reported with
	// ripen_error instead.
	const char *(*configure)(ripen_config cfg, ripen_needs *n);
	const char *(*score)(const ripen_input *in, ripen_output *out);
	// Converts a state blob between two versions, up or down, into out, which has
	// that much room; returns the new length, RIPEN_UNKNOWN_VERSION or
	// RIPEN_CANNOT. A blob of no bytes only asks whether it knows both versions.
	// NULL = it knows none.
	int32_t (*migrate)(const uint8_t *state, uint32_t len, uint32_t from, uint32_t to, uint8_t *out, uint32_t room);
} ripen_plugin;

// A module has one plugin:
//
//	RIPEN_PLUGIN = {.configure = configure, .score = score};
#define RIPEN_PLUGIN const ripen_plugin ripen_this_plugin
extern const ripen_plugin ripen_this_plugin;

// ---- The guest side, for native tests (see ripen_test.h) -------------------

const uint8_t *ripen_guest_describe(void);                         // 64 bytes
bool ripen_guest_reserve(uint8_t *arena, uint32_t size);           // aligned to 8 bytes
const uint8_t *ripen_guest_configure(uint32_t off, uint32_t len);  // NULL, or {u32 length, needs}
int32_t ripen_guest_bind(uint32_t off, uint32_t len);
int32_t ripen_guest_process(int32_t n);
int32_t ripen_guest_migrate(uint32_t from, uint32_t to);
#ifndef __wasm__
void ripen_guest_reset(void); // begins anew, as a new instance does
#endif

#ifdef __wasm__
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
#endif

#pragma GCC visibility pop
#endif
