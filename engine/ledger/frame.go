package ledger

import "github.com/ripenhq/ripen/engine/lead"

// Frame is what expressions see of one input of one lead. Compiled
// expressions are closures over it.
type Frame struct {
	Book *Book
	Acct *Account
	// Event is nil on timers and probes.
	Event *lead.Event
	// At is the time of the event or the due time of the timer, Now the lead's
	// clock; ms.
	At, Now int64
	// Values are the scores by index in the book, after floor and scale. Filled
	// before routes are decided, empty while steps run.
	Values []lead.Points
	// Totals are the raw sums by index in the book.
	Totals []lead.Points
}

// Cond is a compiled condition.
type Cond func(*Frame) lead.Tri

// Text is a compiled template, e.g. "Ask about {recent.product.last}".
type Text func(*Frame) string
