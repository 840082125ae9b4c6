package engine_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
)

// Each walks a pantry in the order of leads.
func (p *pantry) Each(after string, fn func(string) bool) error {
	for _, key := range slices.Sorted(maps.Keys(p.leads)) {
		if key > after && !fn(key) {
			break
		}
	}
	return nil
}

// TestSwitch_RandomReleases plays random pairs of releases with the shipped
// plugins: however a switch is cut, and wherever it dies, and wherever the leads
// lie, it comes to the same; and no lead is handed over twice in one episode.
func TestSwitch_RandomReleases(t *testing.T) {
	s := newShelf(t, "traplike")
	first, n := runs(t, 30)
	fired := 0
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			p := newPair(t, s, seed)
			p.sw = &core.Switch{Release: "2", At: p.at, OnRelease: decide.OnRelease(seed % 3), PerDay: 2, Total: 7, Recall: seed%4 == 0, Since: p.at / 2}
			fired += p.slices(t)
			p.places(t)
			p.forthAndBack(t)
		})
	}
	require.Greater(t, fired, int(n), "releases make leads newly true")
}

func (p *pair) played(t *testing.T, i int) *core.Core {
	c := core.New(p.crews[i].Program, core.Options{})
	runAll(t, c, p.history)
	return c
}

// over runs a switch in slices of at most `most` leads.
func over(t *testing.T, c, live *core.Core, sw *core.Switch, most int, between func(*core.Output)) (list []lead.Decision) {
	t.Helper()
	for after, done := "", false; !done; {
		var out core.Output
		var err error
		after, done, err = c.SwitchFrom(live, sw, after, most, &out)
		require.NoError(t, err)
		list = append(list, out.Decisions...)
		between(&out)
	}
	return list
}

// slices: a switch in slices, of which some are lost in a crash, is the switch in
// one go.
func (p *pair) slices(t *testing.T) int {
	rng := rand.New(rand.NewPCG(p.seed, 11))
	live, whole := p.played(t, 0), p.played(t, 1)
	want := over(t, whole, live, p.sw, 0, func(*core.Output) {})
	next, after := p.played(t, 1), ""
	var got []lead.Decision
	var records [][]byte
	for done := false; !done; {
		var out core.Output
		last, end, err := next.SwitchFrom(live, p.sw, after, 1+rng.IntN(4), &out)
		require.NoError(t, err)
		if rng.IntN(3) == 0 {
			next = p.played(t, 1)
			for n, r := range records {
				require.NoError(t, next.Apply(r, uint64(n+1)))
			}
			continue
		}
		records, got = append(records, bytes.Clone(out.Deltas)), append(got, out.Decisions...)
		after, done = last, end
	}
	require.Equal(t, lines(want), lines(got), p.flow.Text)
	require.NoError(t, same(statesOf(whole), statesOf(next)))
	require.Equal(t, lines(runAll(t, whole, p.follow)), lines(runAll(t, next, p.follow)))
	for i := range want {
		require.NoError(t, linesSum(want[i].Lines, want[i].Scores))
	}
	return len(want)
}

// places: in place, leads on a shelf are switched like those in memory.
func (p *pair) places(t *testing.T) {
	if core.CanReprogram(&p.crews[0].Program, &p.crews[1].Program) != nil {
		return
	}
	hot := p.played(t, 0)
	shelf := &pantry{map[string]core.Stored{}}
	cold, number := core.New(p.crews[0].Program, core.Options{Shelf: shelf, Cache: 2, Slice: 2}), uint64(0)
	commit := func(out *core.Output) {
		number++
		for i := range out.Changes {
			out.Changes[i].Stamp(number)
		}
		cold.Acked(number)
		require.NoError(t, cold.Evict(shelf.put))
	}
	feed := func(events []lead.Event) (list []lead.Decision) {
		for i := range events {
			for n := 0; n == 0; {
				var out core.Output
				var err error
				n, err = cold.RunSlice([]core.Input{{Event: events[i]}}, &out)
				require.NoError(t, err)
				list = append(list, out.Decisions...)
				commit(&out)
			}
		}
		return list
	}
	feed(p.history)
	for _, c := range []*core.Core{hot, cold} {
		require.NoError(t, c.Reprogram(p.crews[1].Program))
	}
	want := over(t, hot, hot, p.sw, 0, func(*core.Output) {})
	got := over(t, cold, cold, p.sw, 3, commit)
	require.Equal(t, lines(want), lines(got), p.flow.Text)
	require.Equal(t, lines(inOrder(runAll(t, hot, p.follow))), lines(inOrder(feed(p.follow))))
	for key := range shelf.leads {
		_, err := cold.Fetch(key)
		require.NoError(t, err)
	}
	require.NoError(t, same(statesOf(hot), statesOf(cold)))
}

// forthAndBack: two releases take turns, each of them a shadow meanwhile.
func (p *pair) forthAndBack(t *testing.T) {
	live, shadow := p.played(t, 0), p.played(t, 1)
	var all []lead.Decision
	sw := *p.sw
	sw.Recall = false
	for from, turn := 0, 0; from < len(p.follow); from, turn = from+25, turn+1 {
		events := p.follow[from:min(from+25, len(p.follow))]
		all = append(all, runAll(t, live, events)...)
		runAll(t, shadow, events)
		live, shadow = shadow, live
		sw.Release = strconv.Itoa(turn)
		all = append(all, over(t, live, shadow, &sw, 2, func(*core.Output) {})...)
	}
	ids, episodes, seq := map[string]bool{}, map[string]uint32{}, map[string]uint64{}
	for i := range all {
		d := &all[i]
		what := fmt.Sprint(text(d), "\n", p.flow.Text)
		require.False(t, ids[d.ID], what)
		require.True(t, seq[d.Lead] == 0 || d.Seq > seq[d.Lead], what)
		ids[d.ID], seq[d.Lead] = true, d.Seq
		if d.Action == decide.UpdateAction {
			continue
		}
		of := d.Lead + "/" + d.Action
		require.Greater(t, d.Episode, episodes[of], what)
		episodes[of] = d.Episode
	}
}
