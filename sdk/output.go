package sdk

import (
	"unsafe"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Output is what a plugin says of one slot. It counts as a whole when Score
// returns without an error.
type Output struct {
	base  unsafe.Pointer // arena
	at    uintptr        // result of this slot, from the arena's start
	first uint32         // ringN when the slot began
	ring  unsafe.Pointer // entries
	ringN uint32         // entries in the ring, earlier slots of the call included
	limit uint32         // room of the ring
	slot  uint32
	todo  uint32 // what is to be done for this slot: over, tooBig, dirty
	state []byte // scratch of StateMax bytes
}

func (o *Output) result() *abi.Result { return (*abi.Result)(unsafe.Add(o.base, o.at)) }

// What keeps a slot from being done when Score returns without an error.
const (
	over   uint32 = 1 << iota // the ring was too small for it
	tooBig                    // the state did not fit
	dirty                     // it does count, once its state is copied
)

// push writes an entry in place, as four words: calls are what costs in a
// guest, so this must stay small enough to be inlined.
func (o *Output) push(head uint64, milli int64, scope, tail uint64) {
	if o.ringN >= o.limit {
		o.todo |= over
		return
	}
	*(*[4]uint64)(unsafe.Add(o.ring, uintptr(o.ringN)*abi.EntrySize)) = [4]uint64{head | uint64(o.slot)<<32, uint64(milli), scope, tail}
	o.ringN++
}

// head is the first word of an entry, tail the last.
func head(kind, flags uint8, r RuleID) uint64 {
	return uint64(kind) | uint64(flags)<<8 | uint64(r)<<16
}

func tail(target, label uint32) uint64 { return uint64(target) | uint64(label)<<32 }

// Award adds milli-points under the rule, as far as its scope and caps allow.
// The ledger line is labelled with the event's name.
func (o *Output) Award(r RuleID, milli int64) {
	o.push(head(abi.EntryAward, 0, r), milli, 0, 0)
}

// AwardFor is Award with a label: the text that says what was done.
func (o *Output) AwardFor(r RuleID, milli int64, label Text) {
	o.push(head(abi.EntryAward, 0, r), milli, 0, tail(0, label.col))
}

// Line is an award worked out beforehand, for plugins that give the same ones
// again and again.
type Line struct {
	head  uint64
	milli int64
	tail  uint64
}

// NewLine makes the line that AwardFor would write.
func NewLine(r RuleID, milli int64, label Text) Line {
	return Line{head(abi.EntryAward, 0, r), milli, tail(0, label.col)}
}

// Give writes the award of a line.
func (o *Output) Give(l *Line) { o.push(l.head, l.milli, 0, l.tail) }

// AwardScoped is AwardFor under a scope key of the plugin's own making, which
// must not be 0.
func (o *Output) AwardScoped(r RuleID, milli int64, label Text, scope uint64) {
	o.push(head(abi.EntryAward, 0, r), milli, scope, tail(0, label.col))
}

// Replace makes milli the only line of the rule.
func (o *Output) Replace(r RuleID, milli int64, label Text) {
	o.push(head(abi.EntryReplace, 0, r), milli, 0, tail(0, label.col))
}

// Adjust changes what remains of row i of Input.Rows by milli.
func (o *Output) Adjust(in *Input, i int, milli int64) {
	o.push(head(abi.EntryAdjust, 0, 0), milli, 0, tail(in.fixed().RowFirst+uint32(i), 0))
}

// Void takes back all that is left under the rule and the scope key that this
// event has for it, and frees the key.
func (o *Output) Void(r RuleID) {
	o.push(head(abi.EntryVoid, 0, r), 0, 0, 0)
}

// AwardElse follows Void: it counts only if there was never anything to take
// back.
func (o *Output) AwardElse(r RuleID, milli int64) {
	o.push(head(abi.EntryAward, abi.EntryElse, r), milli, 0, 0)
}

// VoidEvent takes back all that is left of the awards of an earlier event
// (CapVoid), named by its Input.EventHash.
func (o *Output) VoidEvent(event uint64) {
	o.push(head(abi.EntryVoid, abi.EntryVoidEvent, 0), 0, event, 0)
}

// Hide hides this event from later steps and from counters (CapVoid).
func (o *Output) Hide() { o.result().Flags |= abi.ResultHide }

// Grade says the lead's grade and why.
func (o *Output) Grade(g Grade, why Reason) {
	r := o.result()
	r.Grade, r.Reason = uint16(g), uint16(why)
}

// Flag sets a named flag; flags are off unless set.
func (o *Output) Flag(f Flag, on bool) {
	if on {
		o.result().Out |= 1 << f
	} else {
		o.result().Out &^= 1 << f
	}
}

// Wake asks to be called again at that time in ms (CapTimers, or a memoryless
// step). The earliest of several wins; times that are not after the lead's
// clock are an error of the plugin; 0 asks for nothing.
func (o *Output) Wake(at int64) {
	if r := o.result(); at != 0 && (r.WakeAt == 0 || at < r.WakeAt) {
		r.WakeAt = at
	}
}

// SetState keeps a new state blob of at most StateMax bytes, copied here.
func (o *Output) SetState(b []byte) {
	if len(b) > len(o.state) {
		o.todo |= tooBig
		return
	}
	r := o.result()
	r.StateLen, r.Flags = uint32(copy(o.state, b)), r.Flags|abi.ResultDirty
	o.todo |= dirty
}
