// Package scoretest holds scorers written in plain Go and a small workflow
// around them, so that the data plane can be tested without a sandbox.
//
// It imports what step and decide import, and is imported by tests only.
package scoretest

import (
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Native is a step.Scorer made of one Go function. The function must depend on
// the slot alone.
type Native struct {
	Fn func(s *step.Slot, w *Sheet)
	// Calls and Slots count what the runner asked for.
	Calls, Slots int
	// Round holds the size of the largest call.
	Round int
	// Err makes the scorer unusable.
	Err    error
	Closed bool

	sheet Sheet
	spans []int
}

// Sheet collects what the function says of one slot.
type Sheet struct {
	Result  abi.Result
	State   []byte // new state; written back if Dirty was called
	Outcome step.Outcome
	entries []abi.Entry
}

// Score calls the function for each slot.
func (n *Native) Score(slots []step.Slot, _ bool) error {
	if n.Err != nil {
		return n.Err
	}
	n.Calls++
	n.Slots += len(slots)
	n.Round = max(n.Round, len(slots))
	w := &n.sheet
	w.entries, n.spans = w.entries[:0], n.spans[:0]
	for i := range slots {
		s := &slots[i]
		n.spans = append(n.spans, len(w.entries))
		w.Result, w.State, w.Outcome = abi.Result{}, nil, step.Outcome{}
		n.Fn(s, w)
		s.Result, s.Outcome, s.NewState = w.Result, w.Outcome, w.State
	}
	n.spans = append(n.spans, len(w.entries))
	for i := range slots {
		slots[i].Entries = w.entries[n.spans[i]:n.spans[i+1]]
	}
	return nil
}

// Close marks the scorer as closed.
func (n *Native) Close() error {
	n.Closed = true
	return nil
}

// Award adds an award of the step's rule (index).
func (w *Sheet) Award(rule int, delta lead.Points) {
	w.Add(abi.Entry{Kind: abi.EntryAward, Rule: uint16(rule), Delta: int64(delta)})
}

// Replace makes delta the only line of the rule.
func (w *Sheet) Replace(rule int, delta lead.Points) {
	w.Add(abi.Entry{Kind: abi.EntryReplace, Rule: uint16(rule), Delta: int64(delta)})
}

// Void takes back what is left of the rule under the event's scope key.
func (w *Sheet) Void(rule int) { w.Add(abi.Entry{Kind: abi.EntryVoid, Rule: uint16(rule)}) }

// Add adds any entry, also one that the contract forbids.
func (w *Sheet) Add(e abi.Entry) { w.entries = append(w.entries, e) }

// Dirty makes state the lead's new state.
func (w *Sheet) Dirty(state []byte) {
	w.State = state
	w.Result.Flags |= abi.ResultDirty
	w.Result.StateLen = uint32(len(state))
}

// Soft fails the slot with a text.
func (w *Sheet) Soft(text string) {
	w.Outcome = step.Outcome{Kind: step.OutcomeSoft, Code: "soft", Text: text}
}
