// Package decide turns scores, facts and marks of a lead into decisions with
// reasons. It is pure: no clock, no I/O, no plugin.
package decide

import "github.com/ripenhq/ripen/engine/ledger"

// Policy is the compiled part of a workflow that decides where leads go. It
// is immutable.
type Policy struct {
	Workflow string
	// Release names the release that decides, e.g. the first 12 hex digits of the
	// model's digest.
	Release string
	// Plugins are those of its steps, see lead.Decision.
	Plugins map[string]string
	// Basis is the identity of all that routes and scores change by while nothing
	// happens: equal and not empty, they change at the same times. Empty = unknown.
	Basis    string
	LeadWord string   // what people call a lead
	Sales    []string // actions that hand a lead to sales
	Suppress []Guard
	Vetoes   []Guard
	// Routes in the order in which they are tried: those that ask pending()
	// first, then the others, each group in file order.
	Routes  []Route
	Labels  []Label
	Display ledger.Text // e.g. "{grade} {recent}"
	// Primary is the index of the score that ranks leads; -1 = none.
	Primary int
	// Grading is the index of the step whose grade is the lead's, -1 = none.
	Grading int

	// Idles are the durations in ms that conditions ask idle() for, sorted.
	Idles []int64
	// ReadsScores says that some condition changes with a score, so that decay
	// can change it.
	ReadsScores bool
	// ReadsDays says that some condition changes with the calendar day
	// (age_days): it is looked at each age step.
	ReadsDays bool
	// ReadsCounters are the counters (indexes in the book) that conditions read
	// and that have a window.
	ReadsCounters []int
}

// Guard is a suppress or veto block.
type Guard struct {
	Name     string
	When     ledger.Cond
	WhenText string        // source of the condition, for explanations
	Parts    []ledger.Part // its statements, for explanations
	Actions  []string      // veto: actions that it forbids
	Say      ledger.Text
}

// Route is one way that a lead can go.
type Route struct {
	ID        uint32 // ledger.Hash("route", action, name)
	Action    string
	Name      string
	When      ledger.Cond   // nil on the default route
	WhenText  string        // source of the condition, for explanations
	Parts     []ledger.Part // its statements, for explanations
	Reset     ledger.Cond   // closes the action's episode when true; nil = none
	ResetText string        // source of Reset, for explanations
	// Classes are the hand-raise classes (indexes in the book) that When asks
	// pending() of; not empty = a hand-raise route.
	Classes  []int
	OnFall   bool // fires when When turns from true to false
	Silent   bool
	Cooldown int64       // ms after a close before the action opens again
	Say      ledger.Text // recommended conversation
	Traits   []string    // traits copied into the decision
}

// Label names leads: the first whose condition is true.
type Label struct {
	Name string
	When ledger.Cond // nil = always
}
