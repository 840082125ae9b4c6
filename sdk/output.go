package sdk

import (
	"unsafe"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Output is what a plugin says of one slot. It counts as a whole when Score
// returns without an error.
type Output struct {
	base   unsafe.Pointer // arena
	ring   unsafe.Pointer // entries
	ringN  uint32         // entries in the ring, earlier slots of the call included
	limit  uint32         // room of the ring
	slot   uint32
	over   bool // the ring was too small for this slot
	result abi.Result
	state  []byte // scratch of StateMax bytes
	tooBig bool   // the state did not fit
}

func (o *Output) begin(slot uint32) {
	o.slot, o.over, o.tooBig = slot, false, false
	o.result = abi.Result{EntryFirst: o.ringN}
}

func (o *Output) push(e abi.Entry) {
	if o.ringN >= o.limit {
		o.over = true
		return
	}
	e.Slot = o.slot
	*(*abi.Entry)(unsafe.Add(o.ring, uintptr(o.ringN)*abi.EntrySize)) = e
	o.ringN++
}

// Award adds milli-points under the rule, as far as its scope and caps allow.
// The ledger line is labelled with the event's name.
func (o *Output) Award(r RuleID, milli int64) {
	o.push(abi.Entry{Kind: abi.EntryAward, Rule: uint16(r), Delta: milli})
}

// AwardFor is Award with a label: the text that says what was done.
func (o *Output) AwardFor(r RuleID, milli int64, label Text) {
	o.push(abi.Entry{Kind: abi.EntryAward, Rule: uint16(r), Delta: milli, Label: label.col})
}

// AwardScoped is AwardFor under a scope key of the plugin's own making, which
// must not be 0.
func (o *Output) AwardScoped(r RuleID, milli int64, label Text, scope uint64) {
	o.push(abi.Entry{Kind: abi.EntryAward, Rule: uint16(r), Delta: milli, Label: label.col, Scope: scope})
}

// Replace makes milli the only line of the rule.
func (o *Output) Replace(r RuleID, milli int64, label Text) {
	o.push(abi.Entry{Kind: abi.EntryReplace, Rule: uint16(r), Delta: milli, Label: label.col})
}

// Adjust changes what remains of row i of Input.Rows by milli.
func (o *Output) Adjust(in *Input, i int, milli int64) {
	o.push(abi.Entry{Kind: abi.EntryAdjust, Target: in.slot.RowFirst + uint32(i), Delta: milli})
}

// Void takes back all that is left under the rule and the scope key that this
// event has for it, and frees the key.
func (o *Output) Void(r RuleID) {
	o.push(abi.Entry{Kind: abi.EntryVoid, Rule: uint16(r)})
}

// AwardElse follows Void: it counts only if there was never anything to take
// back.
func (o *Output) AwardElse(r RuleID, milli int64) {
	o.push(abi.Entry{Kind: abi.EntryAward, Flags: abi.EntryElse, Rule: uint16(r), Delta: milli})
}

// VoidEvent takes back all that is left of the awards of an earlier event
// (CapVoid), named by its Input.EventHash.
func (o *Output) VoidEvent(event uint64) {
	o.push(abi.Entry{Kind: abi.EntryVoid, Flags: abi.EntryVoidEvent, Scope: event})
}

// Hide hides this event from later steps and from counters (CapVoid).
func (o *Output) Hide() { o.result.Flags |= abi.ResultHide }

// Grade says the lead's grade and why.
func (o *Output) Grade(g Grade, why Reason) {
	o.result.Grade, o.result.Reason = uint16(g), uint16(why)
}

// Flag sets a named flag; flags are off unless set.
func (o *Output) Flag(f Flag, on bool) {
	if on {
		o.result.Out |= 1 << f
	} else {
		o.result.Out &^= 1 << f
	}
}

// Wake asks to be called again at that time in ms (CapTimers, or a memoryless
// step). The earliest of several wins; times that are not after the lead's
// clock are an error of the plugin; 0 asks for nothing.
func (o *Output) Wake(at int64) {
	if at != 0 && (o.result.WakeAt == 0 || at < o.result.WakeAt) {
		o.result.WakeAt = at
	}
}

// SetState keeps a new state blob of at most StateMax bytes, copied here.
func (o *Output) SetState(b []byte) {
	if len(b) > len(o.state) {
		o.tooBig = true
		return
	}
	o.result.StateLen = uint32(copy(o.state, b))
	o.result.Flags |= abi.ResultDirty
}
