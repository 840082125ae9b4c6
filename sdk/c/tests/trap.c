// A partner's plugin with a mistake: it gives a point for every thousand that a
// quote is about and one for any other event, counts in its state what it saw,
// and traps where an event says crash = "panic". make bench-traps runs it under
// full load.
#include "ripen.h"

static ripen_enum_col event, crash;
static ripen_number_col amount;
static ripen_rule_id quote, seen;

static const char *configure(ripen_config cfg, ripen_needs *n) {
	int64_t points = ripen_get_points(cfg, "points", 1000);
	event = ripen_need_event(n, RIPEN_EXACT("Quote Requested"));
	crash = ripen_need_prop(n, "crash", RIPEN_EXACT("panic", "fine"));
	amount = ripen_need_prop_number(n, "amount");
	quote = ripen_need_rule(n, &(ripen_rule){.name = "quote", .template = "{label}", .activity = true, .max = points * 50});
	seen = ripen_need_rule(n, &(ripen_rule){.name = "seen", .template = "{label}", .node = cfg.at, .max = points});
	return NULL;
}

static const char *score(const ripen_input *in, ripen_output *out) {
	uint32_t len;
	const uint8_t *state = ripen_state(in, &len);
	double asked = 0;
	uint32_t n = 1;
	if (len == sizeof n) {
		memcpy(&n, state, sizeof n);
		n++;
	}
	ripen_set_state(out, &n, sizeof n);
	if (ripen_which(in, event) && ripen_number(in, amount, &asked) && asked > 0)
		ripen_award(out, quote, asked < 50000 ? (int64_t)asked : 50000);
	else
		ripen_award(out, seen, 1000);
	if (ripen_which(in, crash) == 1) __builtin_trap(); // what was said of this input so far must not count
	return NULL;
}

RIPEN_PLUGIN = {.caps = RIPEN_CAP_STATE, .state_max = 4, .state_version = 1, .configure = configure, .score = score};
