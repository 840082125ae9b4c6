// A plugin that uses every part of the SDK. What an event makes it do stands in
// the event's name.
#include "ripen.h"

static ripen_enum_col event, page, trait;
static ripen_text_col text, label;
static ripen_number_col number;
static ripen_count_col seen;
static ripen_hash_col hash;
static ripen_bool_col cond;
static ripen_rule_id plain, foreign;
static ripen_flag_id hot;
static ripen_grade_id best;
static ripen_reason_id because;

enum { AWARD = 1, BAD, BIG, LONG, MANY, STATE, VOID, GRADE, WAKE, ADJUST, BOOM };

static const char *configure(ripen_config cfg, ripen_needs *n) {
	if (ripen_get_bool(cfg, "refuse", false)) return "no way";
	event = ripen_need_event(n, RIPEN_EXACT("award", "bad", "big", "long", "many", "state", "void", "grade", "wake", "adjust", "boom"));
	page = ripen_need_path(n, RIPEN_GLOBS("/blog/*", "*price*"));
	trait = ripen_need_trait(n, "size", RIPEN_FOLDED_GLOBS("big*"));
	number = ripen_need_prop_number(n, "n"), text = ripen_need_prop_text(n, "text"), hash = ripen_need_prop_hash(n, "text");
	label = ripen_need_path_label(n);
	cond = ripen_need_cond(n, ripen_get(cfg, "when"));
	ripen_only_on(n, cond, event, AWARD);
	seen = ripen_need_counter(n, &(ripen_counter){.name = "visits", .paths = {"*"}, .window = 86400000, .where = ripen_get(cfg, "when")});
	if (ripen_need_counter(n, &(ripen_counter){.name = "visits"}).col != seen.col) return "a counter of the same name is another one";
	if (ripen_need_prop_number(n, "n").col != number.col) return "the same column twice is two";
	ripen_rule r = {.name = ripen_join("rule/", ripen_get_string(cfg, "name", "plain"), NULL), .class = "c", .template = "{label}", .node = cfg.at, .max = 5000};
	ripen_once(ripen_get_string(cfg, "once", "asset and list_id per day"), &r);
	plain = ripen_need_rule(n, &r);
	foreign = ripen_need_foreign(n, "other", "quote", 0);
	hot = ripen_need_flag(n, "hot"), best = ripen_need_grade(n, "A");
	ripen_need_grade(n, "B");
	if (ripen_need_grade(n, "A").id != best.id) return "the same grade twice is two";
	because = ripen_need_reason(n, "because");
	ripen_need_view(n, "", "c", "");
	ripen_scale(n, -1000, 100000), ripen_age_step(n, 86400000), ripen_horizon(n, 7), ripen_sparse(n), ripen_keeps_fresh(n);
	RIPEN_EACH_BLOCK(b, cfg, "block") {
		int64_t ms;
		if (!ripen_parse_millis(ripen_label(b), &ms)) ripen_warn(n, b, "label", "No duration", ripen_label(b));
	}
	return NULL;
}

static const char *score(const ripen_input *in, ripen_output *out) {
	uint32_t len, rows;
	double v;
	int64_t visits;
	ripen_text t;
	const uint8_t *state = ripen_state(in, &len);
	const ripen_row *row = ripen_rows(in, &rows);
	if (ripen_is_timer(in)) ripen_award(out, plain, ripen_at(in));
	if (ripen_which(in, page)) ripen_award_for(out, plain, 10 * ripen_which(in, page), label);
	if (ripen_which(in, trait)) ripen_flag(out, hot, true);
	if (ripen_count(in, seen, &visits)) ripen_award(out, plain, visits);
	switch (ripen_which(in, event)) {
	case AWARD:
		if (ripen_true(in, cond)) ripen_award_scoped(out, plain, 1, label, 77);
		if (ripen_number(in, number, &v)) ripen_replace(out, plain, (int64_t)(v * 1000), RIPEN_NO_LABEL);
		break;
	case BAD: ripen_award(out, plain, 1); return ripen_text_of(in, text, &t) ? ripen_join("bad: ", ripen_string(t), NULL) : "bad";
	case BIG: ripen_set_state(out, "123456789", 9); break;
	case LONG: {
		char *s = ripen_alloc(3001);
		memset(s, 'x', 3000);
		return s;
	}
	case MANY:
		ripen_number(in, number, &v);
		for (int64_t i = 0; i < (int64_t)v; i++) ripen_award(out, plain, i);
		break;
	case STATE: {
		uint8_t next[8] = {len ? (uint8_t)(state[0] + 1) : 1, ripen_fresh(in)};
		ripen_set_state(out, next, 2);
		break;
	}
	case VOID: ripen_void(out, foreign), ripen_award_else(out, plain, 3), ripen_void_event(out, ripen_event_hash(in)), ripen_hide(out); break;
	case GRADE: ripen_grade(out, best, because); break;
	case WAKE: ripen_wake(out, ripen_now(in) + 9), ripen_wake(out, ripen_now(in) + 5), ripen_wake(out, 0); break;
	case ADJUST:
		for (uint32_t i = 0; i < rows; i++) ripen_adjust(out, i, -row[i].remaining);
		break;
	case BOOM: __builtin_trap();
	}
	return NULL;
}

// Version 1 had one byte, version 2 has two.
static int32_t migrate(const uint8_t *state, uint32_t len, uint32_t from, uint32_t to, uint8_t *out, uint32_t room) {
	if (from + to != 3) return RIPEN_UNKNOWN_VERSION;
	if (len == 0) return 0;
	if (len != from || room < 2 || state[0] == 0xff) return RIPEN_CANNOT;
	out[0] = state[0], out[1] = 0;
	return (int32_t)to;
}

RIPEN_PLUGIN = {
	.caps = RIPEN_CAP_STATE | RIPEN_CAP_VOID | RIPEN_CAP_LEDGER | RIPEN_CAP_TIMERS, .state_max = 8, .state_version = 2, .configure = configure, .score = score, .migrate = migrate};
