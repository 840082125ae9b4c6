// {{name}} gives a point for every thousand that a requested quote is about.
#include "ripen.h"

// What configure says and score needs. Nothing here changes afterwards.
static ripen_enum_col event;
static ripen_number_col amount;
static ripen_rule_id rule;
static int64_t most; // milli-points

// configure reads the block of the step and says what score needs.
static const char *configure(ripen_config cfg, ripen_needs *n) {
	most = ripen_get_points(cfg, "most", 50000);
	if (most <= 0)
		ripen_error(n, ripen_get(cfg, "most"), "most", "Nothing to give", "most is how many points a quote can give; write a number above 0.");
	event = ripen_need_event(n, RIPEN_EXACT("Quote Requested"));
	amount = ripen_need_prop_number(n, "amount");
	rule = ripen_need_rule(n, &(ripen_rule){.name = "quote", .template = "{label}", .activity = true, .max = most});
	return NULL;
}

// score looks at one input of one lead. It keeps nothing between two calls.
static const char *score(const ripen_input *in, ripen_output *out) {
	double asked;
	if (ripen_which(in, event) == 0) return NULL; // another event, or no event at all
	if (!ripen_number(in, amount, &asked) || asked <= 0) return NULL; // missing is unknown, and unknown fires nothing
	// A point is 1,000 milli-points: a thousand in the quote, a point in the ledger.
	ripen_award(out, rule, asked < (double)most ? (int64_t)asked : most);
	return NULL;
}

RIPEN_PLUGIN = {.configure = configure, .score = score};
