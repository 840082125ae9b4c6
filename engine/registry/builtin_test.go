package registry_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

const (
	now = 1_700_000_000_000 // ms
	day = 86_400_000
)

func builtin(t testing.TB) *registry.Set {
	t.Helper()
	set, err := registry.Builtin()
	require.NoError(t, err) // says: run make plugins
	return set
}

func TestBuiltin_HasTheShippedSteps(t *testing.T) {
	set := builtin(t)
	require.Subset(t, set.Names(), []string{"behavior-points", "bot-filter", "decay", "fit-grade", "negative-points"})
	for _, name := range set.Names() {
		p, err := set.Lookup(name)
		require.NoError(t, err)
		require.Equal(t, name, p.Manifest.Name)
		require.Equal(t, registry.Digest(p.Wasm), p.Digest)
		_, err = workflow.CompileSchema(name, p.Manifest.Schema)
		require.NoError(t, err)
	}
	_, err := set.Lookup("bot-filters")
	require.ErrorIs(t, err, registry.ErrUnknown)
	require.ErrorContains(t, err, "behavior-points, bot-filter, decay")
}

// TestBuiltin_RunInTheSandbox loads each shipped module as the engine does:
// what it says of itself must agree with its manifest.
func TestBuiltin_RunInTheSandbox(t *testing.T) {
	set := builtin(t)
	for _, name := range set.Names() {
		t.Run(name, func(t *testing.T) {
			p, err := set.Lookup(name)
			require.NoError(t, err)
			loaded := load(t, p)
			require.Equal(t, p.Caps(), loaded.Descriptor().Caps)
			require.Equal(t, p.Manifest.State.Max, loaded.Descriptor().StateMax)
			require.Equal(t, p.Manifest.State.Version, loaded.Descriptor().StateVersion)
			needs, err := loaded.Configure(context.Background(), abi.AppendConfig(nil, []abi.Node{{Kind: abi.NodeObject}}))
			require.NoError(t, err)
			require.NotNil(t, needs)
		})
	}
}

func load(t testing.TB, p *registry.Plugin) *wasm.Plugin {
	t.Helper()
	h, err := wasm.NewHost(wasm.Options{CacheDir: filepath.Join("..", "..", "build", "plugin-cache")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	loaded, err := h.Load(context.Background(), p.Wasm)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, loaded.Close()) })
	return loaded
}

// tree builds configuration nodes in pre-order.
type tree struct{ nodes []abi.Node }

func (t *tree) add(parent uint32, key string, kind abi.NodeKind, value uint64, text string) uint32 {
	at := uint32(len(t.nodes))
	t.nodes = append(t.nodes, abi.Node{Kind: kind, Key: key, Value: value, Text: text, Parent: parent})
	if at == 0 {
		return 0
	}
	if t.nodes[parent].Child == 0 {
		t.nodes[parent].Child = at
		return at
	}
	last := t.nodes[parent].Child
	for t.nodes[last].Next != 0 {
		last = t.nodes[last].Next
	}
	t.nodes[last].Next = at
	return at
}

func points(n int64) uint64 { return uint64(n * 1000) }

// spec configures a plugin and projects its columns from the event alone.
func spec(t testing.TB, p *wasm.Plugin, config []byte) *step.Spec {
	t.Helper()
	needs, err := p.Configure(context.Background(), config)
	require.NoError(t, err)
	require.Empty(t, needs.Diags)
	s := &step.Spec{Name: "test", Needs: needs, Config: config, Caps: p.Descriptor().Caps, StateMax: int(p.Descriptor().StateMax), Rules: make([]int, len(needs.Rules))}
	for i := range needs.Inputs {
		in := &needs.Inputs[i]
		s.Project = append(s.Project, func(f *ledger.Frame) (uint64, string, bool) {
			switch {
			case f.Event == nil:
				return 0, "", false
			case in.Kind == abi.InputEnum:
				for i := range in.Literals {
					if in.Literals[i].Match(f.Event.Name) {
						return uint64(i) + 1, "", true
					}
				}
				return 0, "", true
			case in.Kind == abi.InputNumber:
				v := f.Event.Props.Get("v")
				return abi.FloatBits(v.Num), "", v.Kind == lead.Number
			case in.Kind == abi.InputTime:
				return uint64(f.At), "", true
			}
			return 0, "", false
		})
	}
	return s
}

// twenty is behavior-points with 20 rules.
func twenty() []byte {
	var c tree
	c.add(0, "", abi.NodeObject, 0, "")
	classes := c.add(0, "class", abi.NodeList, 0, "")
	for i := range 4 {
		class := c.add(classes, "", abi.NodeObject, 0, "")
		c.add(class, "label", abi.NodeString, 0, fmt.Sprintf("class%d", i))
		events := c.add(class, "events", abi.NodeObject, 0, "")
		for j := range 5 {
			c.add(events, fmt.Sprintf("Event %d", i*5+j), abi.NodePoints, points(int64(i*5+j)), "")
		}
	}
	return abi.AppendConfig(nil, c.nodes)
}

func round(n int) []step.Slot {
	slots := make([]step.Slot, n)
	for i := range slots {
		f := &ledger.Frame{Event: &lead.Event{Name: fmt.Sprintf("Event %d", i%25)}, At: now, Now: now}
		slots[i] = step.Slot{Frame: f, Kind: abi.SlotEvent, Seed: uint64(i), Event: uint64(i) + 1}
	}
	return slots
}

func TestBuiltin_BehaviorPointsScoresARound(t *testing.T) {
	p, err := builtin(t).Lookup("behavior-points")
	require.NoError(t, err)
	loaded := load(t, p)
	s, err := loaded.NewScorer(context.Background(), spec(t, loaded, twenty()))
	require.NoError(t, err)
	defer s.Close()
	slots := round(1000)
	for range 3 { // a round leaves nothing behind
		require.NoError(t, s.Score(slots, false))
		for i := range slots {
			require.Equal(t, step.OutcomeOK, slots[i].Outcome.Kind, slots[i].Outcome.Text)
			if i%25 >= 20 {
				require.Empty(t, slots[i].Entries)
				continue
			}
			require.Len(t, slots[i].Entries, 1)
			require.Equal(t, int64(i%25)*1000, slots[i].Entries[0].Delta)
		}
	}
}

// TestBuiltin_GarbageIsCollected lets a plugin refuse many inputs, each with a
// text that it allocates: the guest's collector must keep up within the 16 MiB
// that the host gives it.
func TestBuiltin_GarbageIsCollected(t *testing.T) {
	p, err := builtin(t).Lookup("fit-grade")
	require.NoError(t, err)
	loaded := load(t, p)
	var c tree
	c.add(0, "", abi.NodeObject, 0, "")
	metric := c.add(c.add(0, "metric", abi.NodeList, 0, ""), "", abi.NodeObject, 0, "")
	c.add(metric, "label", abi.NodeString, 0, "size")
	c.add(metric, "value", abi.NodeExpr, 0, "")
	s, err := loaded.NewScorer(context.Background(), spec(t, loaded, abi.AppendConfig(nil, c.nodes)))
	require.NoError(t, err)
	defer s.Close()
	slots := round(200)
	for i := range slots {
		slots[i].Frame.Event.Props = lead.Props{{Name: "v", Value: lead.NumberOf(float64(11 + i))}}
	}
	for range 1000 { // about 60 MiB of texts
		require.NoError(t, s.Score(slots, false))
	}
	for i := range slots {
		require.Equal(t, step.OutcomeSoft, slots[i].Outcome.Kind, slots[i].Outcome.Text)
		require.Contains(t, slots[i].Outcome.Text, fmt.Sprintf(`"size" is %d, outside its scale from 1 to 10`, 11+i))
	}
}

func TestBuiltin_DecayReadsRows(t *testing.T) {
	p, err := builtin(t).Lookup("decay")
	require.NoError(t, err)
	loaded := load(t, p)
	var c tree
	c.add(0, "", abi.NodeObject, 0, "")
	c.add(0, "of", abi.NodeString, 0, "recent")
	c.add(0, "window", abi.NodeMillis, 60*day, "")
	s, err := loaded.NewScorer(context.Background(), spec(t, loaded, abi.AppendConfig(nil, c.nodes)))
	require.NoError(t, err)
	defer s.Close()
	today := int64(now) / day * day
	slots := []step.Slot{{Frame: &ledger.Frame{At: now, Now: now}, Kind: abi.SlotProbe, Rows: []abi.Row{
		{At: today - 30*day, Step: day, Awarded: 10_000, Remaining: 10_000},
		{At: today - 60*day, Step: day, Awarded: 10_000, Remaining: 100}}, RowRef: []int32{0, 1}}}
	require.NoError(t, s.Score(slots, true))
	require.Equal(t, step.OutcomeOK, slots[0].Outcome.Kind, slots[0].Outcome.Text)
	require.Len(t, slots[0].Entries, 2)
	require.Equal(t, []int64{-5000, -100}, []int64{slots[0].Entries[0].Delta, slots[0].Entries[1].Delta})
	require.Equal(t, today+day, slots[0].Result.WakeAt)
}

func BenchmarkStep(b *testing.B) {
	p, err := builtin(b).Lookup("behavior-points")
	require.NoError(b, err)
	loaded := load(b, p)
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("leads=%d", n), func(b *testing.B) {
			s, err := loaded.NewScorer(context.Background(), spec(b, loaded, twenty()))
			require.NoError(b, err)
			defer s.Close()
			slots := round(n)
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Score(slots, false); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}
