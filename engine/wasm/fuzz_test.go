package wasm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// FuzzReply decodes what a guest may have left in its arena, which is anything:
// the host must not panic, and whatever it accepts must lie within the contract.
func FuzzReply(f *testing.F) {
	spec := pointsSpec()
	desc := abi.Descriptor{MaxRound: 8, ArenaWant: minArena, Caps: abi.KnownCaps, StateMax: 16}
	lay := newLayout(desc, minArena, spec.Needs, spec.Project)
	filled := make([]byte, minArena)
	slots := slotsOf(1, 2, 3)
	for i := range slots {
		slots[i].Rows = []abi.Row{{Remaining: 5}}
	}
	n, fault := lay.fill(filled, slots, false)
	require.Nil(f, fault)
	require.Equal(f, 3, n)
	ok := make([]byte, abi.ResultSize)
	(&abi.Result{EntryN: 1, Flags: abi.ResultDirty, StateLen: 16, WakeAt: now + 1}).Encode(ok)
	entry := make([]byte, abi.EntrySize)
	(&abi.Entry{Kind: abi.EntryAdjust, Target: 0}).Encode(entry)
	f.Add(ok, entry, 1)
	soft := make([]byte, abi.ResultSize)
	(&abi.Result{Status: 1, TextOff: 1, TextLen: 9}).Encode(soft)
	f.Add(soft, entry, 0)
	two, awards := make([]byte, 3*abi.ResultSize), make([]byte, 3*abi.EntrySize)
	(&abi.Result{EntryN: 2}).Encode(two)
	(&abi.Result{EntryFirst: 2, EntryN: 1}).Encode(two[2*abi.ResultSize:])
	for i, slot := range []uint32{0, 0, 2} {
		(&abi.Entry{Kind: abi.EntryAward, Slot: slot, Delta: -int64(i), Scope: 7, Target: 8}).Encode(awards[i*abi.EntrySize:])
	}
	f.Add(two, awards, 3)

	f.Fuzz(func(t *testing.T, results, entries []byte, count int) {
		s := &Scorer{plugin: &Plugin{desc: desc}, needs: spec.Needs, lay: lay}
		b := append([]byte(nil), filled...)
		copy(b[lay.results:lay.texts], results)
		copy(b[lay.entries:], entries)
		r := reply{b: b, entries: min(max(count, 0), lay.entryCap)}
		got := append([]step.Slot(nil), slots...)
		defer sameAtOnce(t, s, r, got)
		for k := range got {
			if s.decodeSlot(r, &got[k], k) != nil {
				continue
			}
			require.LessOrEqual(t, len(got[k].NewState), 16)
			require.LessOrEqual(t, len(got[k].Outcome.Text), 4*abi.MaxText)
			require.True(t, got[k].Result.WakeAt == 0 || got[k].Result.WakeAt > now)
			for _, e := range got[k].Entries {
				require.LessOrEqual(t, max(e.Delta, -e.Delta), int64(lead.MaxPoints))
				require.True(t, e.Kind != abi.EntryAdjust || int(e.Target) < len(got[k].Rows))
				require.Contains(t, []uint8{abi.EntryAward, abi.EntryReplace, abi.EntryAdjust, abi.EntryVoid}, e.Kind)
			}
		}
	})
}

// sameAtOnce decodes the slots again, in one go: that must come to the same as
// slot by slot.
func sameAtOnce(t *testing.T, s *Scorer, r reply, apart []step.Slot) {
	t.Helper()
	again := append([]step.Slot(nil), apart...)
	for k := range again {
		again[k].Outcome, again[k].Result, again[k].Entries, again[k].NewState = step.Outcome{}, abi.Result{}, nil, nil
	}
	at, f := s.decode(r, again, 0, len(again))
	for k := range again {
		if f != nil && k >= at {
			require.NotNil(t, s.decodeSlot(r, &apart[k], k), "slot %d breaks the contract only together with others: %+v", k, f)
			return
		}
		require.Equal(t, apart[k], again[k], "slot %d", k)
	}
}

// FuzzVerify runs all checks that come before compilation.
func FuzzVerify(f *testing.F) {
	for _, name := range []string{"points", "import-env", "version", "simd"} {
		f.Add(meter.AppendCustom(fixture(f, name), abi.ManifestSection, []byte(plainManifest)))
	}
	h := &Host{opts: Options{Fuel: DefaultFuel, MaxPages: MaxPages}}
	f.Fuzz(func(t *testing.T, module []byte) {
		p, err := h.verify(module)
		if err != nil {
			return
		}
		require.LessOrEqual(t, p.info.Memory.Min, p.pages)
		require.LessOrEqual(t, p.fuel, MaxFuel)
	})
}
