package backtest

import (
	"slices"

	"github.com/ripenhq/ripen/engine/backtest/measure"
)

// handoff is the first hand-off of a lead.
type handoff struct {
	lead             string
	at, cause, first int64 // ms
}

// Span sums up durations in ms: how many, and the nearest-rank percentiles.
type Span struct {
	Of    string `json:"of"`
	Count int    `json:"count"`
	P50   int64  `json:"p50_ms"`
	P90   int64  `json:"p90_ms"`
	Max   int64  `json:"max_ms"`
	Few   bool   `json:"few,omitempty"`
}

// Speed is how fast hand-offs are (001-10), in the time of the inputs.
type Speed struct {
	Spans []Span `json:"spans"`
	// Unanswered are the hand-offs that sales did not answer in the inputs.
	Unanswered int `json:"unanswered"`
	HandOffs   int `json:"hand_offs"`
}

// speed measures from event to decision and from decision to the first answer.
func (g *Gatherer) speed() Speed {
	var contact, cause, answer, outcome []int64
	s := Speed{HandOffs: len(g.handed)}
	for _, h := range g.handed {
		contact = append(contact, h.at-h.first)
		cause = append(cause, h.at-h.cause)
		x := &g.subjects[g.index[h.lead]]
		if at, ok := firstAfter(x.answers, h.at); ok {
			answer = append(answer, at-h.at)
		} else {
			s.Unanswered++
		}
		if x.timed && x.fate != measure.Open && x.at >= h.at {
			outcome = append(outcome, x.at-h.at)
		}
	}
	s.Spans = []Span{
		spanOf("first contact → decision", contact),
		spanOf("event or timer → decision", cause),
		spanOf("decision → first answer of sales", answer),
		spanOf("decision → outcome", outcome),
	}
	return s
}

// firstAfter is the earliest time at or after another.
func firstAfter(times []int64, from int64) (first int64, ok bool) {
	for _, t := range times {
		if t >= from && (!ok || t < first) {
			first, ok = t, true
		}
	}
	return first, ok
}

func spanOf(what string, list []int64) Span {
	s := Span{Of: what, Count: len(list), Few: len(list) < measure.Few}
	if len(list) == 0 {
		return s
	}
	slices.Sort(list)
	rank := func(percent int) int64 { return list[(len(list)*percent+99)/100-1] }
	s.P50, s.P90, s.Max = rank(50), rank(90), list[len(list)-1]
	return s
}
