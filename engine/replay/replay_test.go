package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
)

// kits makes one kit per partition, because its scorers count their calls.
func kits(released *int) Programs {
	return func() (core.Program, func(), error) {
		k := scoretest.New(scoretest.Config{})
		prog := core.Program{Book: k.Book, Steps: k.Specs, Policy: k.Policy, Scorers: k.Scorers(), Backups: make([]step.Scorer, len(k.Specs))}
		return prog, func() { *released++ }, nil
	}
}

// history is a demo stream of which some events come late and are sent twice,
// with ticks at random places.
func history(t *testing.T, seed uint64) (list []Item) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	rd := NewEvents(bytes.NewReader(demostream.Generate(seed, demostream.Options{Leads: 40, Days: 70})))
	for {
		it, err := rd.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		require.NoError(t, err)
		require.Nil(t, it.Rejected)
		list = append(list, it)
		if n := len(list); n > 50 && rng.IntN(20) == 0 {
			other := n - 1 - rng.IntN(50)
			list[n-1], list[other] = list[other], list[n-1]
		}
		switch rng.IntN(40) {
		case 0:
			list = append(list, it)
		case 1:
			list = append(list, Item{Event: lead.Event{Kind: lead.Tick, At: it.Event.At}})
		}
	}
}

// play runs a history and prints all that came out.
func play(t *testing.T, list []Item, o Options) (result, decisions string, c Counts) {
	t.Helper()
	released := 0
	r, err := New(kits(&released), o)
	require.NoError(t, err)
	newest := int64(0)
	for _, it := range list {
		newest = max(newest, it.Event.At)
		if it.Event.Kind == lead.Tick {
			r.Tick(it.Event.At)
		} else {
			r.Event(it.Event, Place{Line: it.Line})
		}
	}
	r.Tick(newest)
	require.NoError(t, r.Drain())
	all := r.Decisions()
	views, err := r.Views(r.Leads(), newest, all, true)
	require.NoError(t, err)
	require.Len(t, views, 40)
	for i := range views {
		require.Empty(t, views[i].Unbalanced(), views[i].Lead)
	}
	a, err := json.Marshal(struct {
		Views   []View
		Refused []Refused
	}{views, r.Refused()})
	require.NoError(t, err)
	b, err := json.Marshal(all)
	require.NoError(t, err)
	c = r.Counts()
	r.Close()
	require.Equal(t, max(o.Partitions, 1), released)
	return string(a), string(b), c
}

func TestReplay_BatchesAndPartitionsChangeNothing(t *testing.T) {
	for seed := range uint64(4) {
		list := history(t, seed)
		views, decisions, counts := play(t, list, Options{Partitions: 1, Batch: 1000})
		require.Contains(t, decisions, `"action":"sales-handoff"`)
		require.Positive(t, counts.Duplicates)
		for _, o := range []Options{{}, {Partitions: 1, Batch: 1}, {Partitions: 1, Batch: 7}, {Partitions: 16, Batch: 1}, {Partitions: 16, Batch: 7}, {Partitions: 16, Batch: 1000}} {
			v, d, c := play(t, list, o)
			require.Equal(t, views, v, "%+v", o)
			require.Equal(t, decisions, d, "%+v", o)
			require.Equal(t, counts, c, "%+v", o)
		}
	}
}

func TestReplay_RefusedEventsKeepTheirPlace(t *testing.T) {
	released := 0
	r, err := New(kits(&released), Options{Partitions: 4, Batch: 2})
	require.NoError(t, err)
	defer r.Close()
	bad := lead.Props{{Name: "fail", Value: lead.StringOf("soft")}, {Name: "in", Value: lead.StringOf("behavior")}}
	for i, who := range []string{"ann", "bob", "cid", "ann"} {
		e := lead.Event{ID: string(rune('a' + i)), Lead: who, Kind: lead.Track, Name: "Email Opened", At: 1_767_225_600_000}
		if i > 0 {
			e.Props = bad
		}
		r.Event(e, Place{File: 3 - i, Line: 10 + i})
	}
	require.NoError(t, r.Drain())
	var at []Place
	for _, x := range r.Refused() {
		at = append(at, x.Place)
	}
	assert.Equal(t, []Place{{0, 13}, {1, 12}, {2, 11}}, at)
	assert.Equal(t, Counts{Accepted: 4, Refused: 3}, r.Counts())
}

func TestReplay_GoesOnAfterDrain(t *testing.T) {
	released := 0
	r, err := New(kits(&released), Options{Partitions: 2})
	require.NoError(t, err)
	defer r.Close()
	const at = 1_767_225_600_000
	for day := range int64(3) {
		r.Event(lead.Event{ID: string(rune('a' + day)), Lead: "ann", Kind: lead.Track, Name: "Email Opened", At: at + day*scoretest.Day}, Place{})
		require.NoError(t, r.Drain())
		require.Equal(t, int(day)+1, r.Counts().Accepted)
		seen := 0
		require.NoError(t, r.Look([]string{"ann", "nobody"}, at+day*scoretest.Day, func(*ledger.Frame) { seen++ }))
		require.Equal(t, 1, seen)
	}
}

func TestReplay_ABugInAPluginHostIsAnErrorAndNoCrash(t *testing.T) {
	r, err := New(func() (core.Program, func(), error) {
		k := scoretest.New(scoretest.Config{})
		k.Natives[0].Fn = func(*step.Slot, *scoretest.Sheet) { panic("boom") }
		return core.Program{Book: k.Book, Steps: k.Specs, Policy: k.Policy, Scorers: k.Scorers(), Backups: make([]step.Scorer, len(k.Specs))}, func() {}, nil
	}, Options{Batch: 1})
	require.NoError(t, err)
	defer r.Close()
	for i := range 10 {
		r.Event(lead.Event{ID: string(rune('a' + i)), Lead: "ann", Kind: lead.Track, Name: "Email Opened", At: 1_767_225_600_000}, Place{})
	}
	require.ErrorContains(t, r.Drain(), "boom")
}

func TestReplay_NewReleasesWhatItMadeWhenAProgramFails(t *testing.T) {
	released, made := 0, 0
	programs := kits(&released)
	_, err := New(func() (core.Program, func(), error) {
		if made++; made == 3 {
			return core.Program{}, nil, errors.New("no more")
		}
		return programs()
	}, Options{Partitions: 4})
	require.EqualError(t, err, "no more")
	require.Equal(t, 2, released)
}

func TestRank_GradeThenPrimaryThenName(t *testing.T) {
	views := []View{{Lead: "d", order: 1, primary: 9}, {Lead: "c", order: 0, primary: 1}, {Lead: "b", order: 1, primary: 9}, {Lead: "a", order: 1, primary: 10}}
	Rank(views)
	var got string
	for _, v := range views {
		got += v.Lead
	}
	assert.Equal(t, "cabd", got)
}

func TestView_Unbalanced(t *testing.T) {
	v := View{Scores: []lead.ScoreValue{{Name: "x", Milli: 3}, {Name: "y", Milli: 3}},
		Lines: []lead.Line{{Score: "x", Remaining: 2}, {Score: "x", Remaining: 1}, {Score: "y", Remaining: 2}}}
	assert.Equal(t, []string{"y"}, v.Unbalanced())
}
