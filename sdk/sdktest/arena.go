package sdktest

import (
	"encoding/binary"

	"github.com/ripenhq/ripen/sdk/abi"
)

const textRoom = 4096

// layout writes header, slots, rows, states and strings of a round.
func (h *Host) layout(events []Event) {
	h.t.Helper()
	inputs := len(h.Needs.Inputs)
	stride, words := abi.Stride(inputs), abi.Words(inputs)
	next := uint32(abi.HeaderSize)
	take := func(size int) uint32 {
		at := next
		next += uint32(size+7) &^ 7
		if int(next) > len(h.arena) {
			h.t.Fatalf("sdktest: the round needs more than %d bytes of arena", len(h.arena))
		}
		return at
	}
	rows := 0
	for i := range events {
		rows += len(events[i].Rows)
	}
	h.put(abi.HdrSize, uint32(len(h.arena)))
	h.put(abi.HdrN, uint32(len(events)))
	h.put(abi.HdrSlots, take(stride*len(events)))
	h.put(abi.HdrSlotStride, uint32(stride))
	h.put(abi.HdrInputs, uint32(inputs))
	h.put(abi.HdrWords, uint32(words))
	h.put(abi.HdrRows, take(rows*abi.RowSize))
	h.put(abi.HdrRowsN, uint32(rows))
	results := take(len(events) * abi.ResultSize)
	clear(h.arena[results : int(results)+len(events)*abi.ResultSize])
	h.put(abi.HdrResults, results)
	h.put(abi.HdrEntries, take(int(h.Room)*abi.EntrySize))
	h.put(abi.HdrEntriesCap, h.Room)
	h.put(abi.HdrText, take(textRoom))
	h.put(abi.HdrTextCap, textRoom)
	states := take(len(events) * int(h.plugin.StateMax))
	heap := take(0)
	h.put(abi.HdrHeap, heap)
	used, row := uint32(0), uint32(0)
	for i := range events {
		slot := h.arena[h.get(abi.HdrSlots)+uint32(i*stride):][:stride]
		used = h.columns(slot, &events[i], heap, used)
		h.slot(slot, &events[i], row, states+uint32(i)*h.plugin.StateMax)
		for j := range events[i].Rows {
			events[i].Rows[j].Encode(h.arena[h.get(abi.HdrRows)+row*abi.RowSize:])
			row++
		}
	}
	h.put(abi.HdrHeapN, used)
}

func (h *Host) columns(slot []byte, e *Event, heap, used uint32) uint32 {
	clear(slot)
	columns := abi.SlotSize + 8*abi.Words(len(h.Needs.Inputs))
	for i := range h.Needs.Inputs {
		if !h.wanted(e, i) {
			continue
		}
		bits, text, present := h.project(e, &h.Needs.Inputs[i])
		if !present {
			continue
		}
		if text != "" {
			bits = uint64(used) | uint64(len(text))<<32
			used += uint32(copy(h.arena[heap+used:], text))
		}
		slot[abi.SlotSize+i/8] |= 1 << (i % 8)
		binary.LittleEndian.PutUint64(slot[columns+8*i:], bits)
	}
	return used
}

// wanted says whether a slot has input i: never a label, and only where one of
// its gates, if there are any, is open.
func (h *Host) wanted(e *Event, i int) bool {
	open, gated := false, false
	for _, g := range h.Needs.Gates {
		if int(g.Input) == i {
			bits, _, _ := h.project(e, &h.Needs.Inputs[g.Of])
			open, gated = open || bits == uint64(g.Literal), true
		}
	}
	return h.Needs.Inputs[i].Kind != abi.InputLabel && (open || !gated)
}

func (h *Host) slot(b []byte, e *Event, row, state uint32) {
	m := h.memory(e.lead())
	s := abi.Slot{At: e.At, Now: e.Now, Seed: hash(e.lead() + e.ID), Event: hash(e.ID), Kind: e.kind,
		RowFirst: row, RowN: uint32(len(e.Rows)), StateOff: state, StateLen: uint32(len(m.state)), StateCap: h.plugin.StateMax}
	if !m.ran {
		s.Flags = abi.SlotFresh
	}
	copy(h.arena[state:], m.state)
	s.Encode(b)
}

// read takes the result of slot i out of the arena.
func (h *Host) read(e *Event, i uint32) Outcome {
	h.t.Helper()
	res := abi.DecodeResult(h.arena[h.get(abi.HdrResults)+i*abi.ResultSize:])
	if res.Status != 0 {
		at := h.get(abi.HdrText) + res.TextOff
		return Outcome{Err: string(h.arena[at : at+res.TextLen])}
	}
	out := Outcome{Hidden: res.Flags&abi.ResultHide != 0, WakeAt: res.WakeAt}
	if res.Grade > 0 {
		out.Grade = h.Needs.Grades[res.Grade-1]
	}
	if res.Reason > 0 {
		out.Reason = h.Needs.Reasons[res.Reason-1]
	}
	for f, name := range h.Needs.Flags {
		if res.Out>>f&1 != 0 {
			out.Flags = append(out.Flags, name)
		}
	}
	for n := range res.EntryN {
		raw := abi.DecodeEntry(h.arena[h.get(abi.HdrEntries)+(res.EntryFirst+n)*abi.EntrySize:])
		if raw.Slot != i {
			h.t.Fatalf("sdktest: entry of slot %d says slot %d", i, raw.Slot)
		}
		out.Entries = append(out.Entries, h.entry(e, i, &raw))
	}
	if e.kind != abi.SlotProbe {
		h.keep(e, i, &res)
	}
	return out
}

func (h *Host) entry(e *Event, slot uint32, raw *abi.Entry) Entry {
	out := Entry{Kind: raw.Kind, Flags: raw.Flags, Milli: raw.Delta, Scope: raw.Scope, Label: e.Name}
	switch {
	case raw.Kind == abi.EntryAdjust:
		s := abi.DecodeSlot(h.arena[h.get(abi.HdrSlots)+slot*h.get(abi.HdrSlotStride):])
		out.Row = int(raw.Target - s.RowFirst)
	case raw.Flags&abi.EntryVoidEvent == 0 || raw.Kind != abi.EntryVoid:
		out.Rule, out.Step = h.Needs.Rules[raw.Rule].Name, h.Needs.Rules[raw.Rule].Step
	}
	if raw.Label > 0 {
		_, out.Label, _ = h.project(e, &h.Needs.Inputs[raw.Label-1])
	}
	return out
}

// keep stores what lives on after a slot.
func (h *Host) keep(e *Event, i uint32, res *abi.Result) {
	h.t.Helper()
	m := h.memory(e.lead())
	m.ran = true
	if res.WakeAt != 0 && res.WakeAt <= e.Now {
		h.t.Fatalf("sdktest: wake at %d is not after the lead's clock %d", res.WakeAt, e.Now)
	}
	m.wake = res.WakeAt
	if res.Flags&abi.ResultDirty == 0 {
		return
	}
	if h.plugin.Caps&abi.CapState == 0 {
		h.t.Fatal("sdktest: state without CapState")
	}
	s := abi.DecodeSlot(h.arena[h.get(abi.HdrSlots)+i*h.get(abi.HdrSlotStride):])
	m.state = append([]byte(nil), h.arena[s.StateOff:s.StateOff+res.StateLen]...)
}
