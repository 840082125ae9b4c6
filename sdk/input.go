package sdk

import (
	"math"
	"unsafe"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Input is one slot: a lead with one input. Its columns are read in place.
//
// Only numbers change from slot to slot: a guest pays for each pointer that it
// stores.
type Input struct {
	base unsafe.Pointer // arena
	slot uintptr        // from the arena's start
	bits uintptr        // bitmap words of the slot
	cols uintptr        // its columns of 8 bytes
	rows unsafe.Pointer // ledger view of the round
	heap unsafe.Pointer // strings
}

func (in *Input) fixed() *abi.Slot { return (*abi.Slot)(unsafe.Add(in.base, in.slot)) }

// Records are read and written in place, so the structs of package abi must be
// laid out exactly as their encodings. Both are little-endian: WASM always is,
// and so is every machine that the native harness supports.
var (
	_ [abi.SlotSize]byte   = [unsafe.Sizeof(abi.Slot{})]byte{}
	_ [abi.RowSize]byte    = [unsafe.Sizeof(abi.Row{})]byte{}
	_ [abi.EntrySize]byte  = [unsafe.Sizeof(abi.Entry{})]byte{}
	_ [abi.ResultSize]byte = [unsafe.Sizeof(abi.Result{})]byte{}
)

// IsEvent says that the input is an event of the lead.
func (in *Input) IsEvent() bool { return in.fixed().Kind == abi.SlotEvent }

// IsTimer says that the time asked for by Output.Wake has come.
func (in *Input) IsTimer() bool { return in.fixed().Kind == abi.SlotTimer }

// IsProbe says that the host asks what would be true at Now if nothing
// happened; the answer is discarded.
func (in *Input) IsProbe() bool { return in.fixed().Kind == abi.SlotProbe }

// At is the time of the event, or the due time of the timer, in ms.
func (in *Input) At() int64 { return in.fixed().At }

// Now is the lead's clock in ms; a late event has At before Now.
func (in *Input) Now() int64 { return in.fixed().Now }

// Seed is the same for the same lead and input, for ever.
func (in *Input) Seed() uint64 { return in.fixed().Seed }

// EventHash names the event, for Output.VoidEvent; 0 on a timer.
func (in *Input) EventHash() uint64 { return in.fixed().Event }

// Fresh says that the lead has no state of this step yet.
func (in *Input) Fresh() bool { return in.fixed().Flags&abi.SlotFresh != 0 }

// State is the lead's state blob; read it, never write it: Output.SetState
// keeps a new one.
func (in *Input) State() []byte {
	if in.fixed().StateLen == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Add(in.base, in.fixed().StateOff)), in.fixed().StateLen)
}

// Rows is the lead's part of the ledger (CapLedger). Read only.
func (in *Input) Rows() []Row {
	if in.fixed().RowN == 0 {
		return nil
	}
	return unsafe.Slice((*Row)(unsafe.Add(in.rows, uintptr(in.fixed().RowFirst)*abi.RowSize)), in.fixed().RowN)
}

// raw reads the column behind a handle (1 + index).
func (in *Input) raw(handle uint32) (bits uint64, known bool) {
	if handle == 0 {
		return 0, false
	}
	i := uintptr(handle - 1)
	word := *(*uint64)(unsafe.Add(in.base, in.bits+i>>6<<3))
	if word>>(i&63)&1 == 0 {
		return 0, false
	}
	return *(*uint64)(unsafe.Add(in.base, in.cols+i<<3)), true
}

// value reads a column without asking whether it is there: an absent one holds
// 0, and the zero handle has nothing. It has no branches, which are dear in a
// guest.
func (in *Input) value(handle uint32) uint64 {
	var has uint64
	if handle != 0 {
		has = 1
	}
	return *(*uint64)(unsafe.Add(in.base, in.cols+uintptr(uint64(handle)-has)<<3)) & -has
}

// Bool reads a truth value; known is false when it is unknown.
func (in *Input) Bool(h Bool) (v, known bool) {
	bits, known := in.raw(h.col)
	return bits != 0, known
}

// True says that a condition is known and true: the only way it may fire.
func (in *Input) True(h Bool) bool { return in.value(h.col) != 0 }

// Which is Enum for those who need not tell "none of them" from "unknown":
// both are 0.
func (in *Input) Which(h Enum) int { return int(in.value(h.col)) }

// Number reads a number.
func (in *Input) Number(h Number) (v float64, known bool) {
	bits, known := in.raw(h.col)
	return math.Float64frombits(bits), known
}

// Time reads a time in ms.
func (in *Input) Time(h Time) (ms int64, known bool) {
	bits, known := in.raw(h.col)
	return int64(bits), known
}

// Count reads a whole number.
func (in *Input) Count(h Count) (n int64, known bool) {
	bits, known := in.raw(h.col)
	return int64(bits), known
}

// Enum reads which literal matched, from 1; 0 and known: none of them.
func (in *Input) Enum(h Enum) (which int, known bool) {
	bits, known := in.raw(h.col)
	return int(bits), known
}

// Hash reads the hash of a text.
func (in *Input) Hash(h Hash) (v uint64, known bool) { return in.raw(h.col) }

// Text reads a text; it aliases the arena.
func (in *Input) Text(h Text) (s string, known bool) {
	bits, known := in.raw(h.col)
	if !known || bits>>32 == 0 {
		return "", known
	}
	return unsafe.String((*byte)(unsafe.Add(in.heap, uintptr(uint32(bits)))), int(bits>>32)), true
}
