// Tests of the SDK in plain C.
#include "ripen_test.h"

static void start(void) {
	rt_expr("when", 0);
	rt_start();
}

static void columns(void) {
	start();
	rt_event("award");
	rt_number("n", 2.5), rt_cond(0, true);
	rt_event("award");
	rt_cond(0, false);
	rt_page("/blog");
	rt_page("/our/prices");
	rt_trait("size", "big one"), rt_counter("visits", 4);
	rt_timer(1234);
	rt_play();
	RT_CHECK(rt_out(0)->n == 2 && rt_out(0)->entries[0].scope == 77 && rt_out(0)->entries[1].kind == 2 && rt_out(0)->entries[1].milli == 2500);
	RT_CHECK(rt_out(1)->n == 0);
	RT_CHECK(rt_out(2)->milli == 10 && rt_out(2)->entries[0].label == 7);
	RT_CHECK(rt_out(3)->milli == 24 && rt_out(3)->out == 1);
	RT_CHECK(rt_out(4)->milli == 1234);
	RT_CHECK(strcmp(rt_rule(rt_out(4)->entries), "rule/plain") == 0);
}

static void errors_drop_the_slot(void) {
	start();
	const char *names[] = {"bad", "state", "big", "long", "long", "long", "long", "long", "bad", "state"};
	for (int i = 0; i < 10; i++) {
		rt_event(names[i]);
		if (i == 0) rt_text("text", "héllo");
	}
	rt_play();
	RT_CHECK(strcmp(rt_out(0)->error, "bad: héllo") == 0 && rt_out(0)->n == 0);
	RT_CHECK(strcmp(rt_out(8)->error, "bad") == 0);
	RT_CHECK(strcmp(rt_out(2)->error, "the new state is larger than the plugin's StateMax") == 0 && rt_out(2)->flags == 0);
	for (int i = 3; i < 8; i++) RT_CHECK(strlen(rt_out(i)->error) == 1024); // whatever else the round holds
	for (int i = 1; i < 10; i += 8) RT_CHECK(rt_out(i)->state_len == 2 && rt_out(i)->state[0] == 1 && rt_out(i)->state[1] == 1);
	rt_event("state");
	rt_state("\x07\x00", 2);
	rt_play();
	RT_CHECK(rt_out(0)->state[0] == 8 && rt_out(0)->state[1] == 0);
}

// The same slots with all sizes of the ring: outcomes never depend on it.
static void a_full_ring_changes_nothing(void) {
	for (uint32_t room = 6; room < 30; room++) {
		start();
		rt.room = room;
		for (int i = 0; i < 20; i++) rt_event("many"), rt_number("n", i % 7);
		rt_play();
		for (int i = 0; i < 20; i++) {
			RT_CHECK(rt_out(i)->n == (uint32_t)(i % 7) && !rt_out(i)->error[0]);
			for (uint32_t k = 0; k < rt_out(i)->n; k++) RT_CHECK(rt_out(i)->entries[k].milli == k);
		}
	}
	rt.room = 4;
	rt_event("many"), rt_number("n", 5);
	rt_event("many"), rt_number("n", 4);
	rt_play();
	RT_CHECK(strstr(rt_out(0)->error, "more entries") && rt_out(0)->n == 0);
	RT_CHECK(rt_out(1)->n == 4);
}

static void outputs(void) {
	start();
	rt_event("void");
	rt_event("grade");
	rt_event("wake")->now = 100;
	rt_event("adjust");
	rt_row((ripen_row){.remaining = 5});
	rt_event("adjust");
	rt_row((ripen_row){.remaining = 6}), rt_row((ripen_row){.remaining = 7});
	rt_play();
	const rt_entry *e = rt_out(0)->entries;
	RT_CHECK(rt_out(0)->n == 3 && e[0].kind == 4 && e[0].rule == 1 && e[1].flags == 2 && e[1].milli == 3 && e[2].flags == 1 && e[2].scope == 1);
	RT_CHECK(rt_out(0)->flags == 1);
	RT_CHECK(rt_out(1)->grade == 1 && rt_out(1)->reason == 1);
	RT_CHECK(rt_out(2)->wake == 105); // the earliest wins
	RT_CHECK(rt_out(3)->n == 1 && rt_out(3)->entries[0].target == 0);
	RT_CHECK(rt_out(4)->n == 2 && rt_out(4)->entries[1].target == 2 && rt_out(4)->milli == -13);
}

static void states_migrate(void) {
	uint8_t state[8] = {9};
	start();
	RT_CHECK(rt_migrate(1, 2, state, 1, 8) == 2 && state[0] == 9);
	RT_CHECK(rt_migrate(2, 1, state, 2, 8) == 1);
	RT_CHECK(rt_migrate(1, 2, state, 0, 8) == 0);
	RT_CHECK(rt_migrate(3, 2, state, 2, 8) == RIPEN_UNKNOWN_VERSION);
	state[0] = 0xff;
	RT_CHECK(rt_migrate(1, 2, state, 1, 8) == RIPEN_CANNOT);
}

static void configurations(void) {
	rt_truth("refuse", true);
	RT_CHECK(strstr(rt_configure(), "error: configuration: the plugin refuses its configuration: no way"));
	rt_string("name", "x"), rt_string("once", "ever");
	rt_list("block");
	rt_object(""), rt_string("label", "2w"), rt_end();
	rt_object(""), rt_string("label", "two weeks"), rt_end();
	rt_end();
	RT_CHECK(strcmp(rt_configure(), "warning: label: No duration: two weeks\n") == 0);
	RT_CHECK(strcmp(rt.rule[0], "rule/x") == 0 && rt.rules == 2);
	rt_object("block"), rt_string("label", "1d12h"), rt_end();
	RT_CHECK(strcmp(rt_configure(), "") == 0);

	ripen_guest_reset();
	RT_CHECK(!ripen_guest_configure(0, 0) && ripen_guest_process(0) < 0);
	RT_CHECK(ripen_guest_reserve(rt_arena(), RT_ARENA) && !ripen_guest_reserve(rt_arena(), RT_ARENA));
	const uint32_t outside[][2] = {{0, RT_ARENA + 1}, {RT_ARENA - 1, 2}, {1u << 31, 1u << 31}, {0, 16}};
	memset(rt_memory, 0, sizeof rt_memory);
	for (int i = 0; i < 4; i++) RT_CHECK(!ripen_guest_configure(outside[i][0], outside[i][1]));
	RT_CHECK(ripen_guest_bind(0, 16) < 0);
}

static void a_header_that_leaves_the_arena_is_refused(void) {
	const uint32_t fields[] = {16, 20, 8, 36, 40, 48, 64, 76};
	start();
	for (int i = 0; i < 8; i++) {
		rt_event("award");
		rt_play();
		uint32_t was = rt_get(fields[i]);
		rt_put(fields[i], 0xfffffff0u);
		RT_CHECK(ripen_guest_process(1) < 0);
		rt_put(fields[i], was);
	}
	RT_CHECK(ripen_guest_process(2) < 0 && ripen_guest_process(-1) < 0);
}

static void texts(void) {
	int64_t ms;
	const struct { const char *text; int64_t ms; } good[] = {{"60d", 5184000000}, {"24h", 86400000}, {"90m", 5400000}, {"500ms", 500}, {"1d12h", 129600000}, {"2w", 1209600000}, {"0s", 0}};
	for (int i = 0; i < 7; i++) RT_CHECK(ripen_parse_millis(good[i].text, &ms) && ms == good[i].ms);
	const char *bad[] = {"", "d", "60", "60x", "-1d", "1.5d", "1d ", "9999999999999999999d", "100000000000000w", "9007199254740992ms1ms"};
	for (int i = 0; i < 10; i++) RT_CHECK(!ripen_parse_millis(bad[i], &ms));
	RT_CHECK(strcmp(ripen_number_text(INT64_MIN), "-9223372036854775808") == 0 && strcmp(ripen_number_text(0), "0") == 0);
	const struct { const char *glob, *text; bool match; } globs[] = {{"/blog/*", "/blog", true}, {"/blog/*", "/blog/a/b", true}, {"/blog/*", "/blogs", false}, {"*a*b", "xaxb", true}, {"*a*b", "xb", false}, {"", "", true}, {"*", "", true}};
	for (int i = 0; i < 7; i++) RT_CHECK(ripen_match_glob(globs[i].glob, (ripen_text){globs[i].text, (uint32_t)strlen(globs[i].text)}) == globs[i].match);
	ripen_rule r = {0};
	ripen_once("asset and list_id per day", &r);
	RT_CHECK(r.once && r.per_day && strcmp(r.keys[0], "asset") == 0 && strcmp(r.keys[1], "list_id") == 0 && !r.keys[2]);
	const uint8_t *d = ripen_guest_describe();
	RT_CHECK(memcmp(d, "RPEN", 4) == 0 && d[8] == 45 && d[16] == 8 && d[20] == 2);
}

int main(void) {
	columns();
	errors_drop_the_slot();
	a_full_ring_changes_nothing();
	outputs();
	states_migrate();
	configurations();
	a_header_that_leaves_the_arena_is_refused();
	texts();
	return rt_done();
}
