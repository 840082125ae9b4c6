package sdk_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/sdktest"
)

const manifest = `{"name": "t", "version": "1.0.0", "abi": "1.0", "schema": {"properties": {
	"p": {"x-ripen": "points"}, "d": {"x-ripen": "duration"}, "x": {"x-ripen": "expression"}, "y": {"x-ripen": "expression"},
	"s": {"type": "string"}, "n": {"type": "number"}, "b": {"type": "boolean"}, "list": {"type": "array"},
	"map": {"type": "object", "additionalProperties": {"x-ripen": "points"}},
	"block": {"type": "array", "items": {"type": "object", "properties": {"label": {"type": "string"}}}}}}}`

// with makes a plugin whose scorer is one function.
func with(caps uint64, state uint32, needs func(n *sdk.Needs) sdk.ScorerFunc) sdk.Plugin {
	return sdk.Plugin{Caps: caps, StateMax: state, Configure: func(_ sdk.Config, n *sdk.Needs) (sdk.Scorer, error) { return needs(n), nil }}
}

func TestConfig_ReadsEveryKindOfNode(t *testing.T) {
	var cfg sdk.Config
	p := sdk.Plugin{Configure: func(c sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
		cfg = c
		return sdk.ScorerFunc(func(*sdk.Input, *sdk.Output) error { return nil }), nil
	}}
	sdktest.New(t, p, []byte(manifest), `{"p": -1.5, "d": "1d12h", "x": "a > 1", "y": "b", "s": "text", "n": 2.5, "b": true,
		"list": ["u", "v"], "map": {"z": 3, "a": 1}, "block": [{"label": "one"}, {"label": "two"}]}`)
	require.Equal(t, int64(-1500), cfg.Points("p", 0))
	require.Equal(t, int64(129_600_000), cfg.Millis("d", 0))
	require.Equal(t, "text", cfg.Text("s", ""))
	require.Equal(t, 2.5, cfg.Number("n", 0))
	require.True(t, cfg.Bool("b", false))
	require.Equal(t, []string{"u", "v"}, cfg.Strings("list"))
	require.Equal(t, []string{"text"}, cfg.Strings("s"), "one text is a list of one")
	id, ok := cfg.Get("y").AsExpr()
	require.True(t, ok)
	require.Equal(t, uint32(1), id)
	var keys []string
	for _, m := range cfg.Get("map").Items() {
		keys = append(keys, m.Key())
	}
	require.Equal(t, []string{"z", "a"}, keys, "the order of the source")
	require.Equal(t, "two", cfg.Blocks("block")[1].Label())

	require.False(t, cfg.Get("none").Exists())
	require.Equal(t, "def", cfg.Get("none").Get("deeper").Text("s", "def"))
	require.Equal(t, int64(7), cfg.Int("none", 7))
	require.Equal(t, int64(8), cfg.Points("s", 8), "another kind is not it")
}

func TestGuest_ColumnsAreTypedAndMayBeMissing(t *testing.T) {
	type seen struct {
		event, trait     int
		number           float64
		text             string
		flag, has, known bool
	}
	var got seen
	p := sdk.Plugin{Configure: func(c sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
		event, number, text := n.Event(sdk.Exact("A", "B")...), n.PropNumber("num"), n.PropText("text")
		trait, cond, absent := n.Trait("t", sdk.FoldedGlobs("x*")...), n.Cond(c.Get("x")), n.Cond(c.Get("none"))
		require.Equal(t, event, n.Event(sdk.Exact("A", "B")...), "the same column twice is one")
		for i := range 70 { // more than one word of the bitmap
			n.PropText(fmt.Sprint("filler", i))
		}
		last := n.PropText("last")
		return sdk.ScorerFunc(func(in *sdk.Input, out *sdk.Output) error {
			got = seen{}
			got.event, _ = in.Enum(event)
			got.trait, got.known = in.Enum(trait)
			got.number, _ = in.Number(number)
			got.text, _ = in.Text(text)
			got.flag, got.has = in.Bool(cond)
			require.False(t, in.True(absent))
			if s, ok := in.Text(last); ok {
				got.text += s
			}
			return nil
		}), nil
	}}
	h := sdktest.New(t, p, []byte(manifest), `{"x": "cond"}`)
	h.Play(sdktest.Event{Name: "B", Props: map[string]any{"num": 2.5, "text": "héllo", "last": "!"}, Traits: map[string]any{"t": "XYZ"}, Exprs: map[string]any{"cond": false}})
	require.Equal(t, seen{event: 2, trait: 1, number: 2.5, text: "héllo!", has: true, known: true}, got)
	h.Play(sdktest.Event{Name: "C", Traits: map[string]any{"t": "other"}})
	require.Equal(t, seen{known: true}, got, "known and none of the literals")
}

func TestGuest_AnErrorDropsTheSlotAndSaysWhy(t *testing.T) {
	p := with(sdk.CapState, 8, func(n *sdk.Needs) sdk.ScorerFunc {
		which, rule := n.Event(sdk.Exact("bad", "big", "long")...), n.Rule(sdk.Rule{Name: "r"})
		return func(in *sdk.Input, out *sdk.Output) error {
			out.Award(rule, 1000)
			out.SetState([]byte("state"))
			switch hit, _ := in.Enum(which); hit {
			case 1:
				return errors.New("it is bad")
			case 2:
				out.SetState(make([]byte, 9))
			case 3:
				return errors.New(strings.Repeat("x", 5000))
			}
			return nil
		}
	})
	h := sdktest.New(t, p, []byte(manifest), `{}`)
	var round []sdktest.Event
	for i, name := range []string{"bad", "ok", "big", "long", "long", "long", "long", "long", "bad", "ok"} {
		round = append(round, sdktest.Event{Lead: fmt.Sprint(i), Name: name})
	}
	outs := h.Round(round...)
	for i, out := range outs {
		switch round[i].Name {
		case "ok":
			require.Empty(t, out.Err)
			require.Len(t, out.Entries, 1)
			require.Equal(t, "state", string(h.State(fmt.Sprint(i))))
			continue
		case "bad":
			require.Equal(t, "it is bad", out.Err)
		case "big":
			require.Contains(t, out.Err, "larger than the plugin's StateMax")
		case "long":
			require.Len(t, out.Err, abi.MaxText, "whatever else the round holds")
		}
		require.Empty(t, out.Entries)
		require.Empty(t, h.State(fmt.Sprint(i)))
	}
}

// TestGuest_AFullRingChangesNothing plays the same slots with all sizes of the
// ring: outcomes never depend on it.
func TestGuest_AFullRingChangesNothing(t *testing.T) {
	p := with(sdk.CapState, 8, func(n *sdk.Needs) sdk.ScorerFunc {
		count, rule := n.PropNumber("n"), n.Rule(sdk.Rule{Name: "r"})
		return func(in *sdk.Input, out *sdk.Output) error {
			v, _ := in.Number(count)
			for i := range int(v) {
				out.Award(rule, int64(i))
			}
			out.SetState(append([]byte{byte(v)}, in.State()...))
			return nil
		}
	})
	rapid.Check(t, func(rt *rapid.T) {
		counts := rapid.SliceOfN(rapid.IntRange(0, 6), 1, 20).Draw(rt, "counts")
		h := sdktest.New(t, p, []byte(manifest), `{}`)
		h.Room = uint32(rapid.IntRange(6, 30).Draw(rt, "room"))
		var round []sdktest.Event
		for i, n := range counts {
			round = append(round, sdktest.Event{Lead: fmt.Sprint(i), Props: map[string]any{"n": n}})
		}
		for i, out := range h.Round(round...) {
			require.Len(rt, out.Entries, counts[i])
			require.Equal(rt, []byte{byte(counts[i])}, h.State(fmt.Sprint(i)), "the state was written once")
		}
	})
}

func TestGuest_MoreEntriesThanTheRingIsAnError(t *testing.T) {
	p := with(0, 0, func(n *sdk.Needs) sdk.ScorerFunc {
		rule := n.Rule(sdk.Rule{Name: "r"})
		return func(in *sdk.Input, out *sdk.Output) error {
			for range 5 {
				out.Award(rule, 1)
			}
			return nil
		}
	})
	h := sdktest.New(t, p, []byte(manifest), `{}`)
	h.Room = 4
	outs := h.Round(sdktest.Event{Lead: "a"}, sdktest.Event{Lead: "b"})
	require.Contains(t, outs[0].Err, "more entries")
	require.Equal(t, outs[0], outs[1])
}

// TestGuest_APanicStopsAtItsSlot: the host reads the cursor to know which one.
func TestGuest_APanicStopsAtItsSlot(t *testing.T) {
	p := with(0, 0, func(n *sdk.Needs) sdk.ScorerFunc {
		which := n.Event(sdk.Exact("boom")...)
		return func(in *sdk.Input, out *sdk.Output) error {
			if hit, _ := in.Enum(which); hit > 0 {
				panic("boom")
			}
			return nil
		}
	})
	h := sdktest.New(t, p, []byte(manifest), `{}`)
	require.PanicsWithValue(t, "boom", func() {
		h.Round(sdktest.Event{Lead: "a"}, sdktest.Event{Lead: "b"}, sdktest.Event{Lead: "c", Name: "boom"}, sdktest.Event{Lead: "d"})
	})
	require.Equal(t, uint32(2), h.Cursor())
}

func TestGuest_ConfigureRefusesWithATextAndNeverPanics(t *testing.T) {
	p := sdk.Plugin{Configure: func(c sdk.Config, n *sdk.Needs) (sdk.Scorer, error) { return nil, errors.New("no way") }}
	d := sdktest.Configure(t, p, []byte(manifest), `{}`).Needs.Diags
	require.Equal(t, "no way", d[0].Detail)

	g := sdk.NewGuest(p)
	_, err := g.Configure(0, 0)
	require.Error(t, err)
	require.Negative(t, g.Process(0))
	require.True(t, g.Reserve(make([]byte, 4096)))
	require.False(t, g.Reserve(make([]byte, 4096)), "once")
	for _, at := range [][2]uint32{{0, 5000}, {4095, 2}, {1 << 31, 1 << 31}, {0, 16}} {
		_, err := g.Configure(at[0], at[1])
		require.ErrorIs(t, err, abi.ErrConfig)
	}
	require.Negative(t, g.Bind(0, abi.BindingSize))
}

func TestGuest_ProcessRefusesAHeaderThatLeavesTheArena(t *testing.T) {
	p := with(0, 0, func(n *sdk.Needs) sdk.ScorerFunc {
		n.Event(sdk.Exact("A")...)
		return func(*sdk.Input, *sdk.Output) error { return nil }
	})
	h := sdktest.New(t, p, []byte(manifest), `{}`)
	for _, field := range []uint32{abi.HdrSlots, abi.HdrSlotStride, abi.HdrFirst, abi.HdrRowsN, abi.HdrResults, abi.HdrEntriesCap, abi.HdrTextCap, abi.HdrHeapN} {
		again := h.Replay(sdktest.Event{Name: "A"})
		again()
		require.Negative(t, h.Corrupt(field, 0xffff_fff0), "field at %d", field)
	}
}

func TestParseMillis(t *testing.T) {
	for text, want := range map[string]int64{"60d": 5_184_000_000, "24h": 86_400_000, "90m": 5_400_000, "30s": 30_000, "500ms": 500, "1d12h": 129_600_000, "2w": 1_209_600_000, "0s": 0} {
		got, ok := sdk.ParseMillis(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "d", "60", "60x", "-1d", "1.5d", "1d ", "9999999999999999999d", "100000000000000w", "9007199254740992ms1ms"} {
		_, ok := sdk.ParseMillis(text)
		require.False(t, ok, text)
	}
}

func TestOnce(t *testing.T) {
	for text, want := range map[string]sdk.Rule{
		"":                  {},
		"ever":              {Scope: sdk.ScopeOnce},
		"day":               {Scope: sdk.ScopeOnce, PerDay: true},
		"asset":             {Scope: sdk.ScopeOnce, Keys: []string{"asset"}},
		"asset per day":     {Scope: sdk.ScopeOnce, Keys: []string{"asset"}, PerDay: true},
		"a and b.c per day": {Scope: sdk.ScopeOnce, Keys: []string{"a", "b.c"}, PerDay: true},
	} {
		var r sdk.Rule
		sdk.Once(text, &r)
		require.Equal(t, want, r, text)
	}
}

func TestDescriptor(t *testing.T) {
	d := abi.DecodeDescriptor(sdk.NewGuest(sdk.Plugin{Caps: sdk.CapPure, StateMax: 7, StateVersion: 3}).Describe())
	require.Equal(t, abi.Descriptor{Magic: abi.DescriptorMagic, Minor: abi.Minor, Caps: sdk.CapPure, StateMax: 7, StateVersion: 3,
		MaxRound: abi.MaxRound, ArenaWant: sdk.DefaultArena, SlotStride: abi.SlotSize, ResultStride: abi.ResultSize, EntryStride: abi.EntrySize, RowStride: abi.RowSize}, d)
}

// TestRecordsAreTheirEncoding: columns and records are used in place.
func TestRecordsAreTheirEncoding(t *testing.T) {
	p := with(sdk.CapLedger|sdk.CapTimers, 0, func(n *sdk.Needs) sdk.ScorerFunc {
		rule := n.Rule(sdk.Rule{Name: "r"})
		label := n.PropText("l")
		return func(in *sdk.Input, out *sdk.Output) error {
			for i, r := range in.Rows() {
				out.Adjust(in, i, r.Remaining+r.Awarded+r.Reversed+r.Last+r.At+r.Step+int64(r.Scope)+int64(r.Count)+int64(r.View))
			}
			out.AwardScoped(rule, -5, label, 77)
			out.Wake(in.Now() + 9)
			out.Wake(in.Now() + 5)
			out.Wake(0)
			return nil
		}
	})
	h := sdktest.New(t, p, []byte(manifest), `{}`)
	row := sdk.Row{View: 1, Count: 2, At: 3, Step: 4, Scope: 5, Awarded: 6, Reversed: 7, Remaining: 8, Last: 9}
	outs := h.Round(sdktest.Event{Lead: "a", At: 10, Rows: []sdk.Row{{}, {Last: 3}}}, sdktest.Event{Lead: "b", At: 20, Rows: []sdk.Row{row}, Props: map[string]any{"l": "label"}})
	require.Equal(t, []sdktest.Entry{{Kind: abi.EntryAdjust, Milli: 45}, {Kind: abi.EntryAward, Rule: "r", Milli: -5, Scope: 77, Label: "label"}}, outs[1].Entries)
	require.Equal(t, 1, outs[0].Entries[1].Row)
	require.Equal(t, int64(25), outs[1].WakeAt, "the earliest wins")
}

func FuzzConfigure(f *testing.F) {
	f.Add(abi.AppendConfig(nil, []abi.Node{{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodeString, Key: "k", Text: "v"}}))
	f.Fuzz(func(t *testing.T, blob []byte) {
		if len(blob) > 1<<16 {
			return
		}
		p := sdk.Plugin{Configure: func(c sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
			var walk func(c sdk.Config, depth int)
			walk = func(c sdk.Config, depth int) {
				if depth > 20 {
					return
				}
				for i, m := range c.Items() {
					if i > 8 {
						break
					}
					n.Warn(m, "w", m.Key(), m.Text("label", ""))
					walk(m, depth+1)
				}
			}
			walk(c, 0)
			return nil, nil
		}}
		g := sdk.NewGuest(p)
		arena := make([]byte, 1<<17)
		g.Reserve(arena)
		copy(arena[abi.HeaderSize:], blob)
		answer, err := g.Configure(abi.HeaderSize, uint32(len(blob)))
		if err == nil {
			require.Equal(t, len(answer)-4, int(binary.LittleEndian.Uint32(answer)))
		}
	})
}
