package wasm

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// builtGuest is testdata/guest as `make plugins` has built it.
func builtGuest(t testing.TB) []byte {
	t.Helper()
	module, err := os.ReadFile("../../build/examples/guest.wasm")
	require.NoError(t, err, "run make plugins")
	return module
}

func guestPlugin(t testing.TB, opts Options) *Plugin {
	t.Helper()
	opts.CacheDir = filepath.Join("..", "..", "build", "plugin-cache")
	p, err := host(t, opts).Load(context.Background(), builtGuest(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func guestSpec(t testing.TB, p *Plugin) *step.Spec {
	t.Helper()
	config := abi.AppendConfig(nil, []abi.Node{{Kind: abi.NodeObject}})
	needs, err := p.Configure(context.Background(), config)
	require.NoError(t, err)
	require.Len(t, needs.Inputs, 2)
	prop := func(name string) step.Projector {
		return func(f *ledger.Frame) (uint64, string, bool) {
			v := f.Event.Props.Get(name)
			return abi.FloatBits(v.Num), v.Str, v.Kind != lead.Absent
		}
	}
	return &step.Spec{Name: "guest", Needs: needs, Config: config, Rules: []int{0}, StateMax: 16,
		Project: []step.Projector{prop("v"), prop("s")}}
}

func guestScorer(t testing.TB, opts Options) *Scorer {
	t.Helper()
	p := guestPlugin(t, opts)
	s, err := p.NewScorer(context.Background(), guestSpec(t, p))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

type inputOf struct {
	v     float64
	s     string
	rows  []abi.Row
	state []byte
}

func guestSlots(in []inputOf) []step.Slot {
	slots := make([]step.Slot, len(in))
	for i, x := range in {
		props := lead.Props{{Name: "v", Value: lead.NumberOf(x.v)}}
		if x.s != "" {
			props = lead.Props{{Name: "s", Value: lead.StringOf(x.s)}, {Name: "v", Value: lead.NumberOf(x.v)}}
		}
		slots[i] = step.Slot{Frame: &ledger.Frame{Event: &lead.Event{Props: props}, At: now, Now: now},
			Kind: abi.SlotEvent, Rows: x.rows, State: x.state}
	}
	return slots
}

func TestGuest_UsesTheWholeContract(t *testing.T) {
	s := guestScorer(t, Options{})
	state := binary.LittleEndian.AppendUint64(nil, 41)
	slots := guestSlots([]inputOf{
		{v: 2.5, s: "héllo"},
		{v: 1, state: state, rows: []abi.Row{{Remaining: 900}, {Remaining: -50}}},
		{v: 667, s: "x"},
	})
	require.NoError(t, s.Score(slots, false))
	assert.Equal(t, []abi.Entry{{Kind: abi.EntryAward, Delta: 2500, Label: 2}, {Kind: abi.EntryAward, Delta: 6000}}, slots[0].Entries)
	assert.Equal(t, uint64(1), binary.LittleEndian.Uint64(slots[0].NewState))
	assert.Equal(t, []abi.Entry{{Kind: abi.EntryAdjust, Delta: -450}, {Kind: abi.EntryAdjust, Delta: 25, Target: 1},
		{Kind: abi.EntryAward, Delta: 1000, Label: 2}}, slots[1].Entries)
	assert.Equal(t, uint64(42), binary.LittleEndian.Uint64(slots[1].NewState))
	assert.Equal(t, uint16(1), slots[1].Result.Grade)
	assert.Equal(t, int64(now+1000), slots[1].Result.WakeAt)
	assert.Equal(t, step.Outcome{Kind: step.OutcomeSoft, Code: CodeSoft, Text: "no: " + strings.Repeat("x", 20)}, slots[2].Outcome)
	assert.Empty(t, slots[2].Entries)
	assert.Nil(t, slots[2].NewState)
}

func TestGuest_TrapsSayWhy(t *testing.T) {
	s := guestScorer(t, Options{})
	tests := []struct {
		v    float64
		code string
		says string
	}{
		{666, CodeUnreachable, "panic: six hundred and sixty-six"},
		{668, CodeFuel, "67108864 units"},
		{669, CodeExit, "proc_exit(3)"},
		{670, CodeUnreachable, "out of memory"},
	}
	for _, tt := range tests {
		slots := guestSlots([]inputOf{{v: 1}, {v: tt.v}, {v: 2}})
		require.NoError(t, s.Score(slots, false))
		assert.Equal(t, step.OutcomeTrap, slots[1].Outcome.Kind)
		assert.Equal(t, tt.code, slots[1].Outcome.Code, slots[1].Outcome.Text)
		assert.Contains(t, slots[1].Outcome.Text, tt.says)
		for _, i := range []int{0, 2} {
			assert.Equal(t, step.OutcomeOK, slots[i].Outcome.Kind)
		}
	}
	assert.Equal(t, uint64(4), s.plugin.Stats().Failed)
}

// TestGuest_OutcomesDoNotDependOnRounds mixes all kinds of slots at random and
// compares rounds of many sizes with slots scored one at a time, each by a
// scorer of its own making: entries, states, texts, timers.
func TestGuest_OutcomesDoNotDependOnRounds(t *testing.T) {
	p := guestPlugin(t, Options{})
	spec := guestSpec(t, p)
	in := mixedInputs(400)
	score := func(round int) []string {
		s, err := p.NewScorer(context.Background(), spec)
		require.NoError(t, err)
		defer s.Close()
		var got []string
		slots := guestSlots(in)
		for i := 0; i < len(slots); i += round {
			batch := slots[i:min(i+round, len(slots))]
			require.NoError(t, s.Score(batch, false))
			for k := range batch {
				got = append(got, fmt.Sprintf("%+v %+v %v %x", batch[k].Outcome, batch[k].Result, batch[k].Entries, batch[k].NewState))
			}
		}
		return got
	}
	want := score(1)
	kinds := map[string]int{}
	for _, w := range want {
		kinds[w[:7]]++
	}
	require.Greater(t, len(kinds), 3, "the mix lost its variety: %v", kinds)
	for _, round := range []int{2, 17, 100, 400} {
		assert.Equal(t, want, score(round), "rounds of %d", round)
	}
	assert.Positive(t, p.Stats().Splits)
}

func mixedInputs(n int) []inputOf {
	r := rand.New(rand.NewPCG(1, 2))
	shared := []abi.Row{{Remaining: 100}, {Remaining: 200}}
	in := make([]inputOf, n)
	for i := range in {
		x := inputOf{v: float64(r.IntN(500))}
		switch r.IntN(12) {
		case 0:
			x.s = strings.Repeat("ab", r.IntN(4000))
		case 1:
			x.state = binary.LittleEndian.AppendUint64(nil, r.Uint64())
		case 2:
			x.rows = shared
		case 3:
			x.rows = make([]abi.Row, r.IntN(50))
			for k := range x.rows {
				x.rows[k].Remaining = r.Int64N(1000)
			}
		case 4:
			x.v = float64(1000 + r.IntN(900)) // many entries: the ring fills up
		case 5:
			x.v, x.s = 667, strings.Repeat("c", r.IntN(80))
		}
		in[i] = x
	}
	in[3].v, in[40].v, in[41].v, in[399].v = 666, 668, 669, 666
	in[90].s = strings.Repeat("z", 300<<10) // larger than the arena
	in[120].state = make([]byte, 17)        // larger than its declared maximum
	in[150].v = 1000 + 5000                 // more entries than the ring holds
	return in
}

func TestGuest_GarbageStaysWithinItsMemory(t *testing.T) {
	s := guestScorer(t, Options{})
	in := make([]inputOf, 50)
	for i := range in {
		in[i].v = 672
	}
	for range 40 { // 200 MB of garbage in 16 MiB
		slots := guestSlots(in)
		require.NoError(t, s.Score(slots, false))
		for i := range slots {
			require.Equal(t, step.OutcomeOK, slots[i].Outcome.Kind, slots[i].Outcome.Text)
		}
	}
	assert.LessOrEqual(t, s.main.mem.Size(), GoPages*pageSize)
}

func TestGuest_PrintsToTheLog(t *testing.T) {
	for _, quiet := range []bool{false, true} {
		var text strings.Builder
		log := hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: &text})
		s := guestScorer(t, Options{Log: log, Quiet: quiet})
		require.NoError(t, s.Score(guestSlots([]inputOf{{v: 671, s: "hello"}}), false))
		assert.Equal(t, !quiet, strings.Contains(text.String(), "just saying hello"), text.String())
	}
}

func TestScorer_Closed(t *testing.T) {
	p := guestPlugin(t, Options{})
	s, err := p.NewScorer(context.Background(), guestSpec(t, p))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Score(nil, false), ErrClosed)
}

func TestScorer_AllocatesNothing(t *testing.T) {
	s := guestScorer(t, Options{})
	slots := guestSlots(make([]inputOf, 100))
	require.NoError(t, s.Score(slots, false))
	allocs := testing.AllocsPerRun(200, func() {
		if err := s.Score(slots, false); err != nil {
			t.Fatal(err)
		}
	})
	assert.Zero(t, allocs, "allocations of one call with 100 slots")
}

func BenchmarkScore(b *testing.B) {
	for _, kind := range []string{"go", "wat"} {
		for _, n := range []int{1, 64, 1024} {
			b.Run(fmt.Sprintf("guest=%s/slots=%d", kind, n), func(b *testing.B) {
				var s *Scorer
				var slots []step.Slot
				if kind == "go" {
					s, slots = guestScorer(b, Options{}), guestSlots(make([]inputOf, n))
				} else {
					s, slots = scorer(b, host(b, Options{}), "points", plainManifest, pointsSpec()), slotsOf(make([]float64, n)...)
				}
				b.ReportAllocs()
				for b.Loop() {
					if err := s.Score(slots, false); err != nil {
						b.Fatal(err)
					}
				}
				st := s.plugin.Stats()
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/slot")
				b.ReportMetric(float64(st.Fuel)/float64(st.Slots), "fuel/slot")
			})
		}
	}
}

// TestScorer_WorkersDoNotMeet runs several workers of one plugin at once, all of
// them breaking it now and then. Run with -race.
func TestScorer_WorkersDoNotMeet(t *testing.T) {
	p := guestPlugin(t, Options{})
	spec := guestSpec(t, p)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			s, err := p.NewScorer(context.Background(), spec)
			if !assert.NoError(t, err) {
				return
			}
			defer s.Close()
			for i := range 20 {
				v := float64(w*100 + i)
				slots := guestSlots([]inputOf{{v: v}, {v: v}, {v: v}})
				if i%7 == w {
					slots[1] = guestSlots([]inputOf{{v: 669}})[0]
				}
				if !assert.NoError(t, s.Score(slots, false)) {
					return
				}
				assert.Equal(t, []abi.Entry{{Kind: abi.EntryAward, Delta: int64(v * 1000), Label: 2}}, slots[0].Entries)
				assert.Equal(t, i%7 == w, slots[1].Outcome.Code == CodeExit)
				assert.Equal(t, slots[0].Entries, slots[2].Entries)
			}
		})
	}
	wg.Wait()
	assert.Len(t, p.spares, 0, "the last worker closes the spare")
}
