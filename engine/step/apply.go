package step

import (
	"fmt"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/sdk/abi"
)

// apply writes what the step said of one slot into the account. It returns
// what the contract forbids, or nothing.
func (r *Runner) apply(i int, spec *Spec, s *Slot, it *Item, backup bool) (bad string) {
	if bad = checkResult(spec, s, it); bad != "" {
		return bad
	}
	found := false
	for k := range s.Entries {
		if bad = r.applyEntry(spec, s, &s.Entries[k], it, &found); bad != "" {
			return bad
		}
	}
	memo := ledger.StepMemo{Ran: true, Grade: s.Result.Grade, Reason: s.Result.Reason, Out: s.Result.Out, Wake: s.Result.WakeAt, State: it.Frame.Acct.Steps[i].State}
	if s.Result.Flags&abi.ResultDirty != 0 && !backup {
		memo.State = s.NewState
	}
	it.Frame.Acct.SetStep(i, memo)
	if s.Result.Flags&abi.ResultHide != 0 {
		it.Hidden = true
		it.Frame.Acct.Uncount(it.Counted)
		it.Frame.Acct.LastActivity = it.WasActive
	}
	return ""
}

func checkResult(spec *Spec, s *Slot, it *Item) string {
	res := &s.Result
	switch {
	case int(res.Grade) > len(spec.Needs.Grades):
		return fmt.Sprintf("grade %d, but the step has %d grades", res.Grade, len(spec.Needs.Grades))
	case int(res.Reason) > len(spec.Needs.Reasons):
		return fmt.Sprintf("reason %d, but the step has %d reasons", res.Reason, len(spec.Needs.Reasons))
	case res.WakeAt != 0 && res.WakeAt <= it.Frame.Now:
		return fmt.Sprintf("timer asked for at %d ms, which is not after now (%d ms)", res.WakeAt, it.Frame.Now)
	case res.WakeAt != 0 && spec.Caps&(abi.CapTimers|abi.CapMemoryless) == 0:
		return `timer asked for without the capability "timers"`
	case res.Flags&abi.ResultHide != 0 && (spec.Caps&abi.CapVoid == 0 || it.Kind != abi.SlotEvent):
		return `event hidden without the capability "void", or on a timer`
	}
	return ""
}

func (r *Runner) applyEntry(spec *Spec, s *Slot, e *abi.Entry, it *Item, found *bool) string {
	if e.Kind == abi.EntryAdjust {
		return r.adjust(spec, s, e, it)
	}
	if spec.Caps&abi.CapMemoryless != 0 {
		return fmt.Sprintf("entry of kind %d from a memoryless step, which may only adjust", e.Kind)
	}
	acct := it.Frame.Acct
	if e.Kind == abi.EntryVoid && e.Flags&abi.EntryVoidEvent != 0 {
		if spec.Caps&abi.CapVoid == 0 {
			return `awards of an event voided without the capability "void"`
		}
		_, *found = acct.VoidEvent(r.book, e.Scope)
		return ""
	}
	if int(e.Rule) >= len(spec.Rules) {
		return fmt.Sprintf("entry for rule %d, but the step has %d rules", e.Rule, len(spec.Rules))
	}
	rule := &r.book.Rules[spec.Rules[e.Rule]]
	if foreign := spec.Needs.Rules[e.Rule].Step != ""; foreign && e.Kind != abi.EntryVoid {
		return fmt.Sprintf("entry of kind %d for rule %s/%s of another step, which may only be voided", e.Kind, rule.Step, rule.Name)
	}
	scope := e.Scope
	if scope == 0 {
		scope = scopeKey(rule, it.Frame.Event)
	}
	switch e.Kind {
	case abi.EntryVoid:
		_, *found = acct.Void(r.book, rule, scope)
		return ""
	case abi.EntryAward, abi.EntryReplace:
		if e.Flags&abi.EntryElse != 0 && *found {
			return ""
		}
		return r.award(spec, rule, e, it, scope)
	}
	return fmt.Sprintf("entry of unknown kind %d", e.Kind)
}

func (r *Runner) award(spec *Spec, rule *ledger.Rule, e *abi.Entry, it *Item, scope uint64) string {
	if d := lead.Points(e.Delta); d > lead.MaxPoints || d < -lead.MaxPoints {
		return fmt.Sprintf("%d milli-points for rule %s/%s, at most ±%d", e.Delta, rule.Step, rule.Name, lead.MaxPoints)
	}
	label, bad := r.label(spec, e, it)
	if bad != "" {
		return bad
	}
	w := ledger.Award{Rule: rule, Delta: lead.Points(e.Delta), Scope: scope, Event: r.eventKey(it), At: it.Frame.At, Label: label}
	if e.Kind == abi.EntryReplace {
		return refusalText(rule, it.Frame.Acct.Replace(r.book, w))
	}
	_, why := it.Frame.Acct.Award(r.book, w)
	if rule.Class >= 0 && r.book.Classes[rule.Class].Hand && e.Delta > 0 && it.Kind == abi.SlotEvent {
		it.Hands = append(it.Hands, r.book.Classes[rule.Class].ID)
	}
	if why == ledger.RefusedRange {
		return refusalText(rule, why)
	}
	// Scope, caps and a full account are the workflow's own wish.
	return ""
}

func refusalText(rule *ledger.Rule, why ledger.Refusal) string {
	if why == ledger.None || why == ledger.RefusedFull {
		return ""
	}
	return fmt.Sprintf("rule %s/%s: %s", rule.Step, rule.Name, why)
}

// adjust changes what remains of one row: only memoryless steps may, because
// awards move the rows.
func (r *Runner) adjust(spec *Spec, s *Slot, e *abi.Entry, it *Item) string {
	switch {
	case spec.Caps&abi.CapMemoryless == 0:
		return `row adjusted without the capability "memoryless"`
	case int(e.Target) >= len(s.RowRef):
		return fmt.Sprintf("row %d adjusted, but the lead has %d rows", e.Target, len(s.RowRef))
	case !it.Frame.Acct.Adjust(r.book, int(s.RowRef[e.Target]), lead.Points(e.Delta)):
		return fmt.Sprintf("row %d adjusted by %d milli-points, beyond what was awarded", e.Target, e.Delta)
	}
	return ""
}

// label is the text that names what was done. It may lie in the event: the
// ledger copies what it keeps.
func (r *Runner) label(spec *Spec, e *abi.Entry, it *Item) (text, bad string) {
	if e.Label == 0 {
		if ev := it.Frame.Event; ev != nil {
			if ev.Kind != lead.Track && ev.Path != "" {
				return ev.Path, ""
			}
			return ev.Name, ""
		}
		return "", ""
	}
	i := int(e.Label) - 1
	if i >= len(spec.Project) {
		return "", fmt.Sprintf("label from input %d, but the step has %d inputs", i, len(spec.Project))
	}
	bits, str, present := spec.Project[i](&it.Frame)
	if !present {
		return "", ""
	}
	in := &spec.Needs.Inputs[i]
	if in.Kind == abi.InputEnum && bits > 0 && int(bits) <= len(in.Literals) {
		str = in.Literals[bits-1].Text
	}
	return str, ""
}

// scopeKey is the hash of the properties that form the rule's scope key; 0
// without such properties. A missing property counts as the empty text.
func scopeKey(rule *ledger.Rule, e *lead.Event) uint64 {
	if len(rule.Keys) == 0 || e == nil {
		return 0
	}
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for _, key := range rule.Keys {
		text := e.Path
		if key != "path" {
			text = e.Props.Get(key).Text()
		}
		for i := 0; i < len(text); i++ {
			h = (h ^ uint64(text[i])) * prime
		}
		h = (h ^ 0x1f) * prime
	}
	return h | 1<<63 // never 0: "no key" and "the empty key" differ
}
