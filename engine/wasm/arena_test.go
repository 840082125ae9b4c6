package wasm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// TestLayout_Gates: a gated input is worked out where its gate is open and
// absent elsewhere, labels are absent everywhere, and no slot shows what stood
// in its place before.
func TestLayout_Gates(t *testing.T) {
	needs := &abi.Needs{
		Inputs: []abi.Input{
			{Kind: abi.InputBool, Source: abi.FromExpr},
			{Kind: abi.InputLabel, Source: abi.FromPath},
			{Kind: abi.InputEnum, Source: abi.FromProp, Literals: []abi.Literal{{Text: "a"}, {Text: "b"}}},
			{Kind: abi.InputString, Source: abi.FromEvent},
		},
		Gates: []abi.Gate{{Input: 0, Of: 2, Literal: 2}, {Input: 3, Of: 2, Literal: 2}},
	}
	asked := 0
	which := func(f *ledger.Frame) (uint64, string, bool) {
		v := f.Event.Props.Get("v")
		return uint64(v.Num), "", v.Num < 9
	}
	project := []step.Projector{
		func(*ledger.Frame) (uint64, string, bool) { asked++; return 1, "", true },
		func(*ledger.Frame) (uint64, string, bool) { t.Fatal("a label was projected"); return 0, "", true },
		which,
		func(*ledger.Frame) (uint64, string, bool) { return 0, "text", true },
	}
	lay := newLayout(abi.Descriptor{MaxRound: 8}, minArena, needs, project)
	b := make([]byte, minArena)
	for i := range b {
		b[i] = 0xff
	}
	n, f := lay.fill(b, slotsOf(2, 1, 0, 9), false)
	require.Nil(t, f)
	require.Equal(t, 4, n)
	require.Equal(t, 1, asked)
	words := func(k int) (w [5]uint64) {
		for i := range w {
			at := abi.HeaderSize + k*lay.stride + abi.SlotSize + 8*i
			w[i] = uint64(get32(b, at)) | uint64(get32(b, at+4))<<32
		}
		return w
	}
	text := uint64(lay.floor-4-lay.heap) | 4<<32
	require.Equal(t, [5]uint64{0b1101, 1, 0, 2, text}, words(0))
	require.Equal(t, [5]uint64{0b0100, 0, 0, 1, 0}, words(1))
	require.Equal(t, [5]uint64{0b0100, 0, 0, 0, 0}, words(2), "none of the literals opens nothing")
	require.Equal(t, [5]uint64{}, words(3))
}

// TestLayout_ManyColumns: the bitmap has more than one word, and every value is
// overwritten or cleared.
func TestLayout_ManyColumns(t *testing.T) {
	const n = 130
	needs := &abi.Needs{}
	var project []step.Projector
	for i := range n {
		needs.Inputs = append(needs.Inputs, abi.Input{Kind: abi.InputCount})
		project = append(project, func(*ledger.Frame) (uint64, string, bool) { return uint64(i) + 1, "", i%3 == 0 })
	}
	lay := newLayout(abi.Descriptor{MaxRound: 8}, minArena, needs, project)
	b := make([]byte, minArena)
	for i := range b {
		b[i] = 0xff
	}
	_, f := lay.fill(b, slotsOf(1, 2), false)
	require.Nil(t, f)
	for k := range 2 {
		rec := b[abi.HeaderSize+k*lay.stride+abi.SlotSize:]
		for i := range 192 {
			has := i < n && i%3 == 0
			require.Equal(t, has, rec[i/8]>>(i%8)&1 == 1, "slot %d, bit %d", k, i)
			if i < n {
				want := 0
				if has {
					want = i + 1
				}
				require.Equal(t, want, get32(rec, 8*(3+i)), "slot %d, column %d", k, i)
			}
		}
	}
}
