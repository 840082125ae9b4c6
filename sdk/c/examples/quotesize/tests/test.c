// The plugin as plain C, without any WASM.
#include "ripen_test.h"

static int64_t ask(const char *event, double amount) {
	rt_event(event);
	rt_number("amount", amount);
	rt_play();
	return rt_out(0)->milli;
}

int main(void) {
	rt_points("most", 20000); // most = 20
	rt_start();
	RT_CHECK(ask("Quote Requested", 7500) == 7500);
	RT_CHECK(ask("Quote Requested", 1e9) == 20000);
	RT_CHECK(ask("Order Placed", 7500) == 0);
	rt_event("Quote Requested");
	rt_play();
	RT_CHECK(rt_out(0)->n == 0); // an amount that is missing gives nothing

	rt_points("most", -1000);
	RT_CHECK(strstr(rt_configure(), "Nothing to give"));
	return rt_done();
}
