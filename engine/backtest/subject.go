package backtest

import (
	"github.com/ripenhq/ripen/engine/lead"

	"github.com/ripenhq/ripen/engine/backtest/measure"
)

// Half is a part of the leads, split by a hash of their ids.
type Half uint8

// The halves.
const (
	Both Half = iota
	First
	Second
)

// ParseHalf reads "both", "first" or "second".
func ParseHalf(s string) (h Half, ok bool) {
	for h, name := range halfNames {
		if s == name {
			return Half(h), true
		}
	}
	return Both, false
}

var halfNames = [...]string{"both", "first", "second"}

// String names the half.
func (h Half) String() string { return halfNames[h] }

// Other is the half that is left; of both there is none.
func (h Half) Other() Half {
	switch h {
	case First:
		return Second
	case Second:
		return First
	}
	return Both
}

// Has says whether a lead belongs to the half: the same in every run, on every
// machine, whatever else is in the file.
func (h Half) Has(key string) bool {
	if h == Both {
		return true
	}
	return (mix(key)>>63 == 0) == (h == First)
}

// mix is FNV-1a with the finalizer of MurmurHash3, whose every bit depends on
// every bit of the input.
func mix(s string) uint64 {
	x := uint64(14695981039346656037)
	for i := 0; i < len(s); i++ {
		x = (x ^ uint64(s[i])) * 1099511628211
	}
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// subject is a lead while the inputs are read.
type subject struct {
	key     string
	fate    measure.Fate
	decided bool  // an outcome was given
	timed   bool  // its time is known
	at      int64 // of the outcome, ms
	first   int64 // earliest event, ms
	last    int64 // latest event handed over, ms
	events  int   // handed over
	behind  int   // events behind the outcome, left out
	hasty   bool  // an event behind the outcome was scored before that was known
	future  bool  // the outcome lies behind the time of the answer: it is left out
	did     []did
	months  []active
	answers []int64 // times of sales answers, in the order of the inputs
	rival   lead.Points
	rivaled bool
}

// active counts the events of one month.
type active struct {
	month  int32
	events int32
}

// did says how often a lead took an action.
type did struct {
	action int32
	count  int32
	last   int64
}

// Case is a lead at the moment at which it is judged: its outcome, or the end.
type Case struct {
	Lead  string
	Fate  measure.Fate
	At    int64 // ms
	First int64 // first contact, ms
	Score lead.Points
	// Bare is the score with decay off.
	Bare lead.Points
	// Dated are the points for what it did that make the judged score, before they
	// faded; Old are those of them that are older than Options.Old.
	Dated, Old lead.Points
	// Blank says that it had points for what it did and that all of them faded.
	Blank bool
	// Handed is the time of its first hand-off to sales, 0 = none.
	Handed  int64
	Grade   uint16 // 1+index of the grade, 0 = none
	Rival   lead.Points
	Rivaled bool

	lines   []line
	did     []did
	months  []active
	person  lead.Props
	company lead.Props
}

// line is what one line of the ledger gave a lead.
type line struct {
	of        int32 // index into Gatherer.lines
	count     int32
	awarded   lead.Points // less what was reversed
	remaining lead.Points
}
