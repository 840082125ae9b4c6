package backtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
)

func TestGatherer_WhatCameAfterNeverCounts(t *testing.T) {
	s := new(stream).track("ann", "Demo Requested", 0).track("ann", "Signed Up", 5).track("ann", "Downloaded", 6).
		track("bob", "Demo Requested", 1).track("bob", "Downloaded", 21).track("cid", "Email Opened", 2)
	g := run(t, s.list, []Outcome{won("ann", 5), lost("cid", 90)}, Options{AsOf: start + 20*day})
	assert.Equal(t, 4, g.Tally.Events)
	assert.Equal(t, 1, g.Tally.Behind, "ann's download lies behind her outcome")
	assert.Equal(t, 1, g.Tally.Later, "bob's lies behind --as-of")
	ann, bob, cid := find(t, g, "ann"), find(t, g, "bob"), find(t, g, "cid")
	assert.Equal(t, []int64{start + 5*day, start + 20*day, start + 20*day}, []int64{ann.At, bob.At, cid.At})
	assert.Equal(t, lead.Points(60_000-50_000*5/60-1).Round(), ann.Score.Round(), "the demo, 5 of 60 days old, and the sign-up of the day")
	assert.Equal(t, 60*lead.Point, ann.Bare)
	assert.Equal(t, []measure.Fate{measure.Won, measure.Open, measure.Open}, []measure.Fate{ann.Fate, bob.Fate, cid.Fate})
	assert.Equal(t, Named{1, []string{"cid"}}, g.Tally.Future, "her outcome, too: nobody knew it")
}

// A slip in the year of an outcome must not judge the lead after years in which
// nothing is known of it.
func TestGatherer_OutcomesAfterTheEndAreLeftOut(t *testing.T) {
	s := new(stream).track("ann", "Demo Requested", 0).track("bob", "Demo Requested", 0).track("cid", "Signed Up", 3)
	outcomes := []Outcome{won("ann", 700), lost("bob", 2)}
	for name, o := range map[string]Options{"the end of the inputs": {}, "as-of": {AsOf: start + 3*day}, "others lost": {Others: true}} {
		g := run(t, s.list, outcomes, o)
		none := run(t, s.list, outcomes[1:], o)
		ann := find(t, g, "ann")
		assert.Equal(t, Named{1, []string{"ann"}}, g.Tally.Future, name)
		assert.Equal(t, []any{measure.Open, start + 3*day, find(t, none, "ann").Score}, []any{ann.Fate, ann.At, ann.Score}, name)
		assert.Equal(t, 0, g.Tally.Won, name)
		assert.Contains(t, strings.Join(g.Report(Ask{}).Cautions, "\n"), "outcomes that lie after the as-of time and are left out: 1, the first of them that of lead ann", name)
	}
	g := run(t, s.list, outcomes, Options{AsOf: start + 700*day})
	assert.Equal(t, []int{1, 0}, []int{g.Tally.Won, g.Tally.Future.Count}, "who says so knows what happened until then")
	s.track("dan", "Signed Up", 30)
	first, second := run(t, s.list, nil, Options{Half: First}), run(t, s.list, nil, Options{Half: Second})
	assert.Equal(t, []int64{start + 30*day, start + 30*day}, []int64{first.AsOf(), second.AsOf()}, "the inputs end for both halves at the same time")
}

// Each lead is judged exactly as if it had been alone in the world and time had
// stopped at its moment.
func TestGatherer_TheGuardIsExact(t *testing.T) {
	names := []string{"Email Opened", "Email Delivered", "Signed Up", "Unsubscribed", "Demo Requested", "Downloaded", "Logged In", decide.LeadAccepted}
	for seed := range uint64(6) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var s stream
		var outcomes []Outcome
		for i := range 30 {
			if o := won(fmt.Sprint("lead", i), rng.Int64N(80)); rng.IntN(2) == 0 {
				o.Fate = measure.Fate(1 + rng.IntN(2))
				outcomes = append(outcomes, o)
			}
		}
		for range 600 {
			s.add(lead.Event{Lead: fmt.Sprint("lead", rng.IntN(30)), Kind: lead.Track, Name: names[rng.IntN(len(names))], At: start + rng.Int64N(90*day)})
			if rng.IntN(40) == 0 {
				s.add(lead.Event{Kind: lead.Tick, At: s.list[len(s.list)-1].At})
			}
		}
		all := run(t, s.list, outcomes, Options{AsOf: start + 90*day})
		require.NotEmpty(t, all.Cases)
		for i := range all.Cases {
			c := &all.Cases[i]
			var alone stream
			for _, e := range s.list {
				if e.Lead == c.Lead && e.At <= c.At {
					alone.add(e)
				}
			}
			other := find(t, run(t, alone.list, nil, Options{AsOf: c.At}), c.Lead)
			require.Equal(t, []any{c.Score, c.Bare, c.Dated, c.Old, c.Blank, c.Handed, c.Grade}, []any{other.Score, other.Bare, other.Dated, other.Old, other.Blank, other.Handed, other.Grade}, c.Lead)
		}
	}
}

func TestGatherer_OutcomesThatCannotBeUsedAreCounted(t *testing.T) {
	s := new(stream).track("early", "Signed Up", 10).track("twice", "Signed Up", 1).track("open", "Signed Up", 1).track("untimed", "Signed Up", 3)
	outcomes := []Outcome{won("early", 9), won("nobody", 3), lost("twice", 8), won("twice", 4), won("twice", 6), {Lead: "untimed", Fate: measure.Lost}}
	g := run(t, s.list, outcomes, Options{})
	assert.Equal(t, Named{1, []string{"early"}}, g.Tally.Early)
	assert.Equal(t, Named{1, []string{"nobody"}}, g.Tally.Unknown)
	assert.Equal(t, Named{2, []string{"twice", "twice"}}, g.Tally.Duplicates)
	assert.Equal(t, []int{3, 1, 1, 1, 1}, []int{g.Tally.Leads, g.Tally.Won, g.Tally.Lost, g.Tally.Open, g.Tally.Untimed})
	assert.Equal(t, start+4*day, find(t, g, "twice").At, "the earliest outcome stands")
	assert.Equal(t, measure.Won, find(t, g, "twice").Fate)
	g = run(t, s.list, outcomes, Options{Others: true})
	assert.Equal(t, []int{2, 1}, []int{g.Tally.Lost, g.Tally.Assumed})
}

func TestGatherer_OutcomesFromAnswersOfSales(t *testing.T) {
	s := new(stream).track("ann", "Signed Up", 0).track("ann", decide.LeadWon, 3).track("ann", "Signed Up", 5).
		track("bob", "Signed Up", 4).track("bob", decide.LeadLost, 2).track("cid", "Signed Up", 1).track("cid", decide.LeadLost, 1)
	g := run(t, s.list, nil, Options{Answers: true})
	assert.Equal(t, []int{2, 1, 1, 1}, []int{g.Tally.Leads, g.Tally.Won, g.Tally.Lost, g.Tally.Behind})
	assert.Equal(t, Named{1, []string{"bob"}}, g.Tally.Hasty, "his outcome was read after an event that lies behind it")
	for _, r := range g.Report(Ask{}).Actions {
		assert.NotContains(t, r.Action, "Lead ", "answers of sales are no actions of the lead")
	}
}

func TestGatherer_EmptyAndOneKindOnly(t *testing.T) {
	r := run(t, nil, nil, Options{}).Report(Ask{})
	assert.Contains(t, strings.Join(r.Cautions, "\n"), "no lead has an outcome")
	assert.False(t, r.AUC.Known())
	s := new(stream).track("ann", "Signed Up", 0).track("bob", "Signed Up", 0).add(lead.Event{Kind: lead.Tick, At: start + day})
	r = run(t, s.list, []Outcome{won("ann", 1), won("bob", 1)}, Options{}).Report(Ask{})
	assert.Contains(t, strings.Join(r.Cautions, "\n"), "all 2 outcomes are won")
	assert.Contains(t, strings.Join(r.Cautions, "\n"), "--others-lost")
	r = run(t, s.list, []Outcome{lost("ann", 1), lost("bob", 1)}, Options{}).Report(Ask{})
	assert.Contains(t, strings.Join(r.Cautions, "\n"), "all 2 outcomes are lost")
	r = run(t, s.list, []Outcome{won("ann", 1), lost("bob", 1)}, Options{}).Report(Ask{})
	assert.Contains(t, strings.Join(r.Cautions, "\n"), "small sample: 1 won and 1 lost")
	assert.InDelta(t, 0.5, r.AUC.Value, 0)
}

func TestHalf_SplitsByTheIdAlone(t *testing.T) {
	n := 0
	for i := range 10_000 {
		key := fmt.Sprint("lead-", i)
		require.NotEqual(t, First.Has(key), Second.Has(key))
		require.True(t, Both.Has(key))
		if First.Has(key) {
			n++
		}
	}
	assert.InDelta(t, 5000, n, 150)
	assert.Equal(t, []bool{true, false, true}, []bool{First.Has("ann"), First.Has("bob"), First.Has("cid")}, "the same for ever")
	assert.Equal(t, []Half{Second, First, Both}, []Half{First.Other(), Second.Other(), Both.Other()})
	_, ok := ParseHalf("third")
	assert.False(t, ok)
	s := new(stream).track("ann", "Signed Up", 0).track("bob", "Signed Up", 0)
	g := run(t, s.list, []Outcome{won("ann", 1), won("bob", 1), won("nobody", 2)}, Options{Half: Second})
	assert.Equal(t, []int{1, 1, 1}, []int{g.Tally.Leads, g.Tally.Apart, g.Tally.Events})
}

func TestReadOutcomes_BadLinesAreNamed(t *testing.T) {
	list, bad, err := ReadOutcomes(strings.NewReader("Lead,Time,Outcome\nann,2026-01-05,won\nbob,soon,lost\n,2026-01-05,won\ncid,2026-01-05T10:00:00Z,perhaps\ndan,,lost\neve,2026-01-05,\nfay,2026-01-05,won,more,than,this\n\"gus,2026-01-06,lost\"\n"))
	require.NoError(t, err)
	assert.Equal(t, []Outcome{{Lead: "ann", Fate: measure.Won, At: 1_767_571_200_000, Timed: true, Line: 2}, {Lead: "dan", Fate: measure.Lost, Line: 6},
		{Lead: "gus", Fate: measure.Lost, At: 1_767_657_600_000, Timed: true, Line: 9}}, list)
	var lines []int
	for _, b := range bad {
		lines = append(lines, b.Line)
	}
	assert.Equal(t, []int{3, 4, 5, 8}, lines)
	assert.Contains(t, bad[0].Why, `found the time "soon", expected a day such as 2026-03-01`)
	assert.Contains(t, bad[1].Why, "found no lead")
	assert.Contains(t, bad[2].Why, `found the outcome "perhaps", expected won or lost`)

	list, _, err = ReadOutcomes(strings.NewReader("lead;time\nann;2026-01-05\n"))
	require.NoError(t, err)
	assert.Equal(t, measure.Won, list[0].Fate, "a file without outcomes is a list of winners")
	for _, text := range []string{"", "time,outcome\n2026-01-05,won\n"} {
		_, _, err = ReadOutcomes(strings.NewReader(text))
		assert.Error(t, err)
	}
	assert.ErrorContains(t, err, "line 1: found the columns time, outcome, expected one for the lead")
}

func FuzzReadOutcomes(f *testing.F) {
	f.Add("lead,outcome,time\nann,won,2026-01-05\n")
	f.Add("lead\n\"")
	f.Fuzz(func(t *testing.T, text string) {
		list, bad, err := ReadOutcomes(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, o := range list {
			if o.Lead == "" || o.Line < 2 || o.Fate == measure.Open {
				t.Fatalf("%+v", o)
			}
		}
		for _, b := range bad {
			if b.Line < 2 || b.Why == "" {
				t.Fatalf("%+v", b)
			}
		}
	})
}
