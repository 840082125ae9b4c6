package wasm

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// reply is what the guest wrote in one call, its counts checked.
type reply struct {
	b       []byte // arena
	entries int    // in the ring
}

// decode reads slots first…cursor-1 into out. It returns the slot whose result
// breaks the contract, if any.
func (s *Scorer) decode(r reply, slots []step.Slot, first, cursor int) (at int, f *fault) {
	entries, plain := s.takeRing(r)
	for k := first; k < cursor; k++ {
		if plain {
			if k = s.plainResults(r, slots, k, cursor, entries); k == cursor {
				break
			}
		}
		if f := s.decodeSlot(r, &slots[k], k); f != nil {
			return k, f
		}
	}
	return 0, nil
}

// takeRing copies the whole ring if it holds nothing but plain awards in the
// order of their slots, as nearly all do. Otherwise each slot looks after its
// own entries.
func (s *Scorer) takeRing(r reply) (entries []abi.Entry, plain bool) {
	begin := len(s.entries)
	s.entries = slices.Grow(s.entries, r.entries)
	entries = s.entries[begin : begin+r.entries]
	ring := r.b[s.lay.entries : s.lay.entries+r.entries*abi.EntrySize]
	const kinds, limit = 0xffff, uint64(lead.MaxPoints)
	before := uint64(0)
	for i := range entries {
		raw := ring[i*abi.EntrySize:][:abi.EntrySize]
		head, delta, tail := binary.LittleEndian.Uint64(raw), binary.LittleEndian.Uint64(raw[8:]), binary.LittleEndian.Uint64(raw[24:])
		owner, rule := head>>32, head>>16&0xffff
		if head&kinds != uint64(abi.EntryAward) || owner < before || rule >= uint64(s.lay.rules) || tail>>32 > uint64(s.lay.inputs) || delta+limit > 2*limit {
			return nil, false
		}
		before = owner
		e := &entries[i]
		e.Kind, e.Flags, e.Rule, e.Slot = abi.EntryAward, 0, uint16(rule), 0
		e.Delta, e.Scope, e.Target, e.Label = int64(delta), binary.LittleEndian.Uint64(raw[16:]), uint32(tail), uint32(tail>>32)
	}
	s.entries = s.entries[:begin+r.entries]
	return entries, true
}

// plainResults reads the results of slots k…cursor-1 that have entries at most,
// out of a ring of plain awards. It returns the first slot of which there is
// more to say, or that breaks the contract.
func (s *Scorer) plainResults(r reply, slots []step.Slot, k, cursor int, entries []abi.Entry) int {
	results, ring := r.b[s.lay.results:], r.b[s.lay.entries:]
	for ; k < cursor; k++ {
		slot, raw := &slots[k], results[k*abi.ResultSize:][:abi.ResultSize]
		rest := binary.LittleEndian.Uint64(raw) | binary.LittleEndian.Uint64(raw[8:]) | binary.LittleEndian.Uint64(raw[16:]) | binary.LittleEndian.Uint64(raw[24:])
		own := binary.LittleEndian.Uint64(raw[32:])
		first, n := own&0xffff_ffff, own>>32
		if rest != 0 || first+n > uint64(len(entries)) {
			return k
		}
		if n > 0 {
			// Owners never go down, so it is all k's what two of k stand around.
			at, last := int(first)*abi.EntrySize+4, int(first+n-1)*abi.EntrySize+4
			if get32(ring, at) != k || get32(ring, last) != k {
				return k
			}
			slot.Entries = entries[first : first+n : first+n]
		} else {
			slot.Entries = nil
		}
		slot.NewState = nil
		if slot.Outcome.Kind != step.OutcomeOK {
			slot.Outcome = step.Outcome{}
		}
		slot.Result = abi.Result{}
	}
	return k
}

func (s *Scorer) decodeSlot(r reply, slot *step.Slot, k int) *fault {
	res := abi.DecodeResult(r.b[s.lay.results+k*abi.ResultSize:])
	slot.Entries, slot.NewState = nil, nil
	if res.Status != 0 {
		text, f := s.text(r, &res)
		if f != nil {
			return f
		}
		s.plugin.stats.soft.Add(1)
		slot.Outcome = step.Outcome{Kind: step.OutcomeSoft, Code: CodeSoft, Text: text}
		slot.Result = abi.Result{Status: res.Status}
		return nil
	}
	if res.Flags != 0 || res.Out != 0 || res.WakeAt != 0 || res.Grade != 0 || res.Reason != 0 {
		if f := s.checkResult(&res, slot); f != nil {
			return f
		}
	}
	if uint64(res.EntryFirst)+uint64(res.EntryN) > uint64(r.entries) {
		return bad(CodeEntry, "the result claims entries %d to %d, the plugin wrote %d", res.EntryFirst, uint64(res.EntryFirst)+uint64(res.EntryN), r.entries)
	}
	if res.EntryN > 0 {
		if f := s.takeEntries(r, &res, k, slot); f != nil {
			return f
		}
	}
	if res.Flags&abi.ResultDirty != 0 {
		slot.NewState = s.keepState(r.b, int(res.StateLen), k)
	}
	res.EntryFirst, res.EntryN, res.TextOff, res.TextLen = 0, 0, 0, 0 // they say where it lay in this call
	if slot.Outcome.Kind != step.OutcomeOK {
		slot.Outcome = step.Outcome{}
	}
	slot.Result = res
	return nil
}

// takeEntries copies the entries of a slot out of the ring.
func (s *Scorer) takeEntries(r reply, res *abi.Result, k int, slot *step.Slot) *fault {
	begin, at := len(s.entries), s.lay.entries+int(res.EntryFirst)*abi.EntrySize
	s.entries = slices.Grow(s.entries, int(res.EntryN))
	for range res.EntryN {
		e := abi.DecodeEntry(r.b[at : at+abi.EntrySize])
		at += abi.EntrySize
		if f := s.checkEntry(&e, k, slot); f != nil {
			s.entries = s.entries[:begin]
			return f
		}
		s.entries = append(s.entries, e)
	}
	end := len(s.entries)
	slot.Entries = s.entries[begin:end:end]
	return nil
}

// keepState copies a new state out of the arena.
func (s *Scorer) keepState(b []byte, n, k int) []byte {
	at := s.lay.stateAt[k]
	begin := len(s.states)
	s.states = append(s.states, b[at:at+n]...)
	return s.states[begin:len(s.states):len(s.states)]
}

func (s *Scorer) text(r reply, res *abi.Result) (string, *fault) {
	if uint64(res.TextOff)+uint64(res.TextLen) > uint64(s.lay.textCap) || res.TextLen > abi.MaxText {
		return "", bad(CodeResult, "an error text of %d bytes at %d, expected at most %d within %d", res.TextLen, res.TextOff, abi.MaxText, s.lay.textCap)
	}
	at := s.lay.texts + int(res.TextOff)
	return strings.ToValidUTF8(string(r.b[at:at+int(res.TextLen)]), "?"), nil
}

func (s *Scorer) checkResult(res *abi.Result, slot *step.Slot) *fault {
	n, caps := s.needs, s.plugin.desc.Caps
	dirty := res.Flags&abi.ResultDirty != 0
	switch {
	case res.Flags&^(abi.ResultHide|abi.ResultDirty) != 0:
		return bad(CodeResult, "result flags %#x are unknown", res.Flags)
	case int(res.Grade) > len(n.Grades):
		return bad(CodeResult, "grade %d of %d", res.Grade, len(n.Grades))
	case int(res.Reason) > len(n.Reasons):
		return bad(CodeResult, "reason %d of %d", res.Reason, len(n.Reasons))
	case len(n.Flags) < 64 && res.Out>>len(n.Flags) != 0:
		return bad(CodeResult, "flags %#x, the plugin named %d", res.Out, len(n.Flags))
	case res.Flags&abi.ResultHide != 0 && caps&abi.CapVoid == 0:
		return bad(CodeResult, "the plugin hides an event without the capability \"void\"")
	case dirty && caps&abi.CapState == 0:
		return bad(CodeResult, "the plugin changes a state without the capability \"state\"")
	case dirty && int(res.StateLen) > s.lay.maxState:
		return bad(CodeResult, "a state of %d bytes, the plugin's maximum is %d", res.StateLen, s.lay.maxState)
	case res.WakeAt == 0:
	case caps&(abi.CapTimers|abi.CapMemoryless) == 0:
		return bad(CodeWake, "the plugin asks to be woken without the capability \"timers\"")
	case res.WakeAt <= slot.Frame.Now:
		return bad(CodeWake, "the plugin asks to be woken at %d, now is %d (ms since 1970): only later times are allowed", res.WakeAt, slot.Frame.Now)
	}
	return nil
}

// checkEntry checks one entry and makes it independent of the round.
func (s *Scorer) checkEntry(e *abi.Entry, k int, slot *step.Slot) *fault {
	caps := s.plugin.desc.Caps
	if int(e.Slot) != k {
		return bad(CodeEntry, "an entry names slot %d of the call, expected %d", e.Slot, k)
	}
	if d := lead.Points(e.Delta); d > lead.MaxPoints || d < -lead.MaxPoints {
		return bad(CodeEntry, "an entry of %d milli-points, at most %d", e.Delta, int64(lead.MaxPoints))
	}
	if int(e.Label) > s.lay.inputs {
		return bad(CodeEntry, "label input %d of %d", e.Label, s.lay.inputs)
	}
	byRule := true
	switch e.Kind {
	case abi.EntryAward:
		if e.Flags&^abi.EntryElse != 0 {
			return bad(CodeEntry, "award flags %#x", e.Flags)
		}
	case abi.EntryReplace:
		if e.Flags != 0 {
			return bad(CodeEntry, "replace flags %#x", e.Flags)
		}
	case abi.EntryAdjust:
		byRule = false
		first := s.lay.rowAt[k]
		if caps&abi.CapLedger == 0 || int64(e.Target) < int64(first) || int64(e.Target) >= int64(first+len(slot.Rows)) {
			return bad(CodeEntry, "an adjustment of row %d, the lead has rows %d to %d", e.Target, first, first+len(slot.Rows))
		}
		e.Target -= uint32(first)
	case abi.EntryVoid:
		byRule = e.Flags&abi.EntryVoidEvent == 0
		if e.Flags&^abi.EntryVoidEvent != 0 {
			return bad(CodeEntry, "void flags %#x", e.Flags)
		}
		if !byRule && caps&abi.CapVoid == 0 {
			return bad(CodeEntry, "the plugin voids an event without the capability \"void\"")
		}
	default:
		return bad(CodeEntry, "entry kind %d is unknown", e.Kind)
	}
	if byRule && int(e.Rule) >= s.lay.rules {
		return bad(CodeEntry, "rule %d of %d", e.Rule, s.lay.rules)
	}
	e.Slot = 0
	return nil
}
