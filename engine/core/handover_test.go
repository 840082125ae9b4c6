package core_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Each walks a shelf in memory.
func (s *memShelf) Each(after string, fn func(string) bool) error {
	for _, key := range slices.Sorted(maps.Keys(s.states)) {
		if key > after && !fn(key) {
			break
		}
	}
	return nil
}

// releaseKit is a kit of one of several releases of the same workflow: other
// thresholds, routes, windows, and accounts of another shape.
func releaseKit(n int, config scoretest.Config) *scoretest.Kit {
	switch n {
	case 1:
		config.Rich = true
	case 2:
		config.Window = 20
	}
	k := scoretest.New(config)
	k.Policy.Release = fmt.Sprint("r", n)
	if n == 0 {
		return k
	}
	warm := &k.Policy.Routes[1]
	limit := lead.Points(20+10*n) * lead.Point
	warm.When = func(f *ledger.Frame) lead.Tri { return lead.TriOf(f.Values[scoretest.ScoreTotal] >= limit) }
	warm.ID, warm.Name = ledger.Hash("route", fmt.Sprint(n)), fmt.Sprint("warm", n)
	b := *k.Book
	if n == 1 {
		b.Counters = append(slices.Clone(b.Counters), ledger.CounterDef{ID: 77, Name: "new", Match: func(*ledger.Frame) bool { return true }})
		b.Peaks = append([]ledger.PeakDef{}, b.Peaks...)
		b.Scores = append(slices.Clone(b.Scores), ledger.Score{Name: "more", ID: 78})
		b.Index()
		k.Book = &b
	}
	return k
}

// release is an engine that runs a release.
func release(t testing.TB, n int, config scoretest.Config, o core.Options) *engine {
	k := releaseKit(n, config)
	return &engine{Core: core.New(program(k), o), t: t, kit: k}
}

// switched is what came of a switch.
type switched struct {
	decisions []string
	rejected  []string
	states    map[string]string
	slices    int
	deltas    [][]byte
}

// takeOver runs a switch in slices of most leads.
func (e *engine) takeOver(live *core.Core, sw *core.Switch, after string, most int, between func(last string)) (s switched) {
	e.t.Helper()
	for done := false; !done; s.slices++ {
		e.out.Reset()
		last, end, err := e.SwitchFrom(live, sw, after, most, &e.out)
		require.NoError(e.t, err)
		require.True(e.t, end || last > after, "each slice goes on")
		s.decisions = append(s.decisions, lines(e.t, e.out.Decisions)...)
		s.rejected = append(s.rejected, lines(e.t, e.out.Rejected)...)
		s.deltas = append(s.deltas, bytes.Clone(e.out.Deltas))
		after, done = last, end
		between(last)
	}
	s.states = e.accounts()
	return s
}

func nothing(string) {}

var modes = []decide.OnRelease{decide.Fire, decide.Mark, decide.Drip}

func switchOf(seed uint64) *core.Switch {
	return &core.Switch{Release: "2", At: start + int64(seed)*1000, OnRelease: modes[seed%3], PerDay: 2, Total: 5, Recall: seed%4 == 0, Since: start + 20*day}
}

// A release that was built beside the live one takes over, or begins a workflow:
// in slices of any size, with a crash behind any of them, the same happens as in
// one go.
func TestSwitchFrom_SlicesAndCrashes(t *testing.T) {
	fired, begun := 0, 0
	for seed := range uint64(40) {
		begins := seed%4 == 1
		of := func(live *engine) *core.Core {
			if begins {
				return nil
			}
			return live.Core
		}
		config := scoretest.Config{}
		g := newGenerator(seed + 9000)
		g.leads, g.calm = 12, seed%2 == 0
		inputs, more := g.stream(200), g.stream(100)
		sw := switchOf(seed)
		build := func() (live, next *engine) {
			live, next = release(t, 0, config, core.Options{}), release(t, 1+int(seed%2), config, core.Options{})
			live.feed(inputs, 50)
			next.feed(inputs, 50)
			return live, next
		}
		live, next := build()
		before := next.accounts()
		want := next.takeOver(of(live), sw, "", 0, nothing)
		if fired += len(want.decisions); begins {
			begun += len(want.decisions)
		}
		var counted core.Newly
		live2, next2 := build()
		_, done, err := next2.CountNew(of(live2), sw, "", 0, &counted)
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, before, next2.accounts(), "to count changes nothing")
		if sw.OnRelease == decide.Fire {
			require.Equal(t, len(want.decisions), counted.Total+counted.Recalls)
		}

		rng := rand.New(rand.NewPCG(seed, 3))
		live3, next3 := build()
		var got switched
		after := ""
		for done := false; !done; {
			next3.out.Reset()
			last, end, err := next3.SwitchFrom(of(live3), sw, after, 1+rng.IntN(5), &next3.out)
			require.NoError(t, err)
			if rng.IntN(3) == 0 { // it dies before the commit: all that is not in the journal is gone
				again := release(t, 1+int(seed%2), config, core.Options{})
				again.feed(inputs, 50)
				for n, delta := range got.deltas {
					require.NoError(t, again.Apply(delta, uint64(n+1)))
				}
				next3 = again
				continue
			}
			got.decisions = append(got.decisions, lines(t, next3.out.Decisions)...)
			got.deltas = append(got.deltas, bytes.Clone(next3.out.Deltas))
			after, done = last, end
		}
		require.Equal(t, want.decisions, got.decisions, "seed %d", seed)
		require.Equal(t, want.states, next3.accounts(), "seed %d", seed)
		next.feed(more, 30)
		next3.feed(more, 7)
		require.Equal(t, lines(t, next.out.Decisions), lines(t, next3.out.Decisions), "and it goes on alike")
	}
	require.Greater(t, fired-begun, 20)
	require.Greater(t, begun, 20)
}

// In place, or as a copy that is switched: the same.
func TestSwitchFrom_InPlaceIsCopyAndSwitch(t *testing.T) {
	fired := 0
	for seed := range uint64(40) {
		config := scoretest.Config{}
		to := int(seed / 3 % 3)
		g := newGenerator(seed + 9500)
		g.leads = 12
		inputs, more := g.stream(200), g.stream(150)
		sw := switchOf(seed)
		sw.Recall = false // the restored lineage is a copy: it has open what was opened
		live := release(t, 0, config, core.Options{})
		live.committed(inputs)
		was := program(live.kit)

		fork := release(t, to, config, core.Options{})
		for after, done := "", false; !done; {
			var err error
			after, done, err = fork.CopyFrom(live.Core, after, 3)
			require.NoError(t, err)
		}
		require.Equal(t, live.accounts(), fork.accounts(), "a copy has the same bytes, whatever the book")
		rebase := *sw
		rebase.OnRelease, rebase.Was = decide.Mark, &was
		fork.takeOver(fork.Core, &rebase, "", 4, nothing)
		want := fork.takeOver(live.Core, sw, "", 5, nothing)
		fired += len(want.decisions)

		next := releaseKit(to, config)
		var counted core.Newly
		_, _, err := live.CountProgram(program(next), sw, "", 0, &counted)
		require.NoError(t, err)
		require.NoError(t, live.Reprogram(program(next)))
		live.kit = next
		require.Error(t, live.Reprogram(program(next)), "not before the switch is done")
		got := live.takeOver(live.Core, sw, "", 1+int(seed%7), nothing)
		require.Equal(t, want.decisions, got.decisions, "seed %d", seed)
		if sw.OnRelease == decide.Fire {
			require.Equal(t, len(got.decisions), counted.Total)
		}
		fork.feed(more, 30)
		live.feed(more, 7)
		require.Equal(t, lines(t, fork.out.Decisions), lines(t, live.out.Decisions), "seed %d", seed)
		require.NoError(t, sumsOf(live))
	}
	require.Greater(t, fired, 20)
}

// committed runs inputs one by one, and gives each change a number.
func (e *engine) committed(inputs []core.Input) {
	for i := range inputs {
		e.out.Reset()
		require.NoError(e.t, e.Run(inputs[i:i+1], &e.out))
		for k := range e.out.Changes {
			e.out.Changes[k].Stamp(uint64(i + 1))
		}
	}
}

// sumsOf says whether the totals are those of the lines.
func sumsOf(e *engine) (err error) {
	e.Leads(func(a *ledger.Account) {
		for i, total := range a.Totals() {
			var sum lead.Points
			for k := range a.Buckets {
				if a.Buckets[k].Score == e.kit.Book.Scores[i].ID {
					sum += a.Buckets[k].Remaining
				}
			}
			if sum != total {
				err = fmt.Errorf("%s: %s in lines, %s in all", a.Key, sum, total)
			}
		}
	})
	return err
}

// Forth and back: no lead is handed over twice in one episode.
func TestSwitchFrom_ForthAndBack(t *testing.T) {
	for seed := range uint64(40) {
		config := scoretest.Config{}
		g := newGenerator(seed + 9900)
		g.leads = 12
		live := release(t, 0, config, core.Options{})
		shadow := release(t, 1+int(seed%2), config, core.Options{})
		var all []lead.Decision
		for turn := range 6 {
			inputs := g.stream(60)
			live.feed(inputs, 50)
			shadow.feed(inputs, 50)
			all = append(all, live.out.Decisions...)
			live, shadow = shadow, live
			sw := &core.Switch{Release: fmt.Sprint(turn), At: live.Clock(), OnRelease: modes[seed%2*2], PerDay: 3, Total: 12}
			live.takeOver(shadow.Core, sw, "", 4, func(string) { all = append(all, live.out.Decisions...) })
		}
		seen, open, seq := map[string]bool{}, map[string]uint32{}, map[string]uint64{}
		for _, d := range all {
			require.False(t, seen[d.ID], "%s is published twice", d.ID)
			seen[d.ID] = true
			require.Greater(t, d.Seq, seq[d.Lead], "decisions are counted on")
			seq[d.Lead] = d.Seq
			if d.Action == "sales-handoff" {
				require.Greater(t, d.Episode, open[d.Lead], "each episode is opened once")
				open[d.Lead] = d.Episode
			}
		}
	}
}

// What lies on the shelf is switched like what is in memory.
func TestSwitchFrom_ShelvedIsHot(t *testing.T) {
	for seed := range uint64(20) {
		config := scoretest.Config{}
		g := newGenerator(seed + 10_500)
		g.leads = 20
		inputs, more := g.stream(250), append(g.stream(100), tick(g.now+90*day))
		sw, to := switchOf(seed), int(seed/3%3)
		hot := release(t, 0, config, core.Options{})
		hot.feed(inputs, 50)
		cold := newShelved(t, config, core.Options{Cache: 3, Slice: 5}, newMemShelf(), seed)
		cold.play(inputs, 20, func() {})
		require.NoError(t, cold.Evict(cold.shelf.put(t, cold.acked)))
		for _, e := range []*engine{hot, cold.engine} {
			next := releaseKit(to, config)
			require.NoError(t, e.Reprogram(program(next)))
			e.kit = next
		}
		want := hot.takeOver(hot.Core, sw, "", 0, nothing)
		got := cold.takeOver(cold.Core, sw, "", 3, func(string) {
			cold.commit()
			cold.acked = cold.number
			cold.Acked(cold.acked)
			require.NoError(t, cold.Evict(cold.shelf.put(t, cold.acked)))
		})
		require.Equal(t, want.decisions, got.decisions, "seed %d", seed)
		require.Equal(t, hot.accounts(), stampless(cold), "seed %d", seed)
		hot.feed(more, 50)
		out := cold.play(more, 20, func() {})
		require.Equal(t, hot.said().sorted().decisions, out.sorted().decisions, "seed %d", seed)
	}
}

func stampless(s *shelved) map[string]string { return s.everything() }

// Nothing is told of leads for which nothing changes.
func TestReprogram_NoWorkForNothing(t *testing.T) {
	e := release(t, 0, scoretest.Config{}, core.Options{})
	g := newGenerator(1)
	g.leads = 20
	e.feed(g.stream(300), 50)
	before := e.accounts()
	next := releaseKit(0, scoretest.Config{})
	e.kit.Policy.Basis, next.Policy.Basis = "same", "same"
	require.NoError(t, e.Reprogram(program(next)))
	got := e.takeOver(e.Core, &core.Switch{Release: "2", At: g.now}, "", 0, nothing)
	assert.Empty(t, got.decisions)
	assert.Empty(t, got.deltas[0])
	assert.Equal(t, before, e.accounts())
}
