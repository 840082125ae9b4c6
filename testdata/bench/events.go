package main

import (
	"fmt"

	"github.com/ripenhq/ripen/engine/lead"
)

// roundSize is how many events one call of the plugin gets: one for each of as
// many leads. There are several rounds, because a processor learns the branches
// of a single one by heart, and no stream of events repeats itself: native Go
// is then twice as fast, the others are what they were. The report shows both.
const (
	roundSize = 1024
	rounds    = 8
)

// events makes the rounds of decoded events, one after the other. Four of ten are tracked, the others
// are views of a page that has a title; both say what page it was, as browsers
// do, and some match no rule. One in eight does not say how many seats there
// are. The same events every time.
func events() []lead.Event {
	names := []string{"Email Opened", "Email Clicked", "Form Submitted", "Ebook Downloaded", "Webinar Registered", "Webinar Attended",
		"Trial Started", "Demo Requested", "Newsletter Read", "Video Played"}
	paths := []string{"/pricing", "/blog/lead-scoring-in-practice", "/docs/start", "/docs/plugins/behavior-points", "/case-studies/a-bank",
		"/careers", "/careers/engineer", "/", "/about", "/blog"}
	seats := []float64{1, 3, 20, 49, 50, 120, 199, 200, 900, 1000, 5000}
	out := make([]lead.Event, rounds*roundSize)
	rnd := uint64(1)
	pick := func(n int) int {
		rnd = rnd*6364136223846793005 + 1442695040888963407
		return int(rnd >> 33 % uint64(n))
	}
	for i := range out {
		e := &out[i]
		e.ID, e.Lead, e.At = fmt.Sprint("event-", i), fmt.Sprint("lead-", i), now
		e.Kind, e.Name, e.Path = lead.Page, fresh("A page"), fresh(paths[pick(len(paths))])
		if pick(10) < 4 {
			e.Kind, e.Name = lead.Track, fresh(names[pick(len(names))])
		}
		if pick(8) > 0 {
			e.Props = lead.Props{{Name: fresh("seats"), Value: lead.NumberOf(seats[pick(len(seats))])}}
		}
	}
	return out
}

// now is the time of all events, ms since 1970 UTC.
const now = 1_767_225_600_000

// fresh copies a text, as decoding does: equal texts at one address would
// compare too fast.
func fresh(s string) string { return string([]byte(s)) }
