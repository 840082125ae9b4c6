package core

import (
	"github.com/ripenhq/ripen/engine/decide"
)

// Switch is one switch point of a workflow: from here on another release
// decides about the workflow's leads.
type Switch struct {
	// Release names the release that begins, in digits: Cause.Event of the
	// decisions that the switch itself leads to.
	Release string
	// At is the time of the switch, ms: that of the order. It is the time of the
	// cause; leads are looked at at their own clock, or the newest tick.
	At int64
	// OnRelease says what happens with leads that are newly true. Under
	// decide.Drip, PerDay of Total (CountNew's, over all partitions) are handed
	// out each day.
	OnRelease     decide.OnRelease
	PerDay, Total int64
	// Recall takes back the sales episodes that were opened at Since (ms) or later
	// and that the lineage which becomes live has not open itself.
	Recall bool
	Since  int64
	// Was is the program that ran before, for a switch in place of which the core
	// was made with the new program (after a restart in the middle of it, or a
	// fork). nil: what Reprogram replaced. Its scorers may be asked to convert
	// states: they must not be closed before the switch is done.
	Was *Program
}

// Newly counts the leads that a switch finds newly true: those of which a
// decision would be published if it fired.
type Newly struct {
	Leads    int // that were looked at
	Total    int // newly true
	Handoffs int // of them with a sales action: what max_new_handoffs bounds
	Recalls  int
	Routes   []NewlyRoute // sorted by action and route
}

// NewlyRoute is Newly of one route.
type NewlyRoute struct {
	Action, Route string
	Leads         int
	First         []string // up to NewlyNamed leads, the first ones in the order of keys
}

// NewlyNamed is how many leads are named for each route.
const NewlyNamed = 20
