package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/ledger"
)

// carried makes a release of what is left of a history from cut on, and of what
// live knows of the time before.
func carried(t *testing.T, live *engine, n int, cut int64, left []core.Input) *engine {
	e := release(t, n, scoretest.Config{NoGuard: true}, core.Options{DedupeDays: 400})
	for after, done := "", false; !done; {
		var err error
		after, done, err = e.CarryFrom(live.Core, cut, after, 3, &e.out)
		require.NoError(t, err)
	}
	e.PassOver(cut)
	e.feed(left, 50)
	e.PassOver(0)
	return e
}

func TestCarry_WhatIsOlderThanTheHistory(t *testing.T) {
	live := release(t, 0, scoretest.Config{NoGuard: true}, core.Options{DedupeDays: 400})
	cut := start + 30*day
	old := []core.Input{live.track("a", "identify", start, "title", "ceo"), live.track("a", "Signed Up", start, "list", "x"),
		live.track("a", "Demo Requested", start+day), live.track("quiet", "Demo Requested", start), live.track("a", "/pricing", start+2*day)}
	young := []core.Input{live.track("a", "Signed Up", cut+day, "list", "y"), live.track("a", "Signed Up", cut+day, "list", "x"), live.track("b", "Email Opened", cut+day)}
	live.feed(append(append([]core.Input{}, old...), young...), 50)
	at := cut + 2*day

	same := carried(t, live, 0, cut, young)
	for _, key := range []string{"a", "quiet", "b"} {
		for s := range live.kit.Book.Scores {
			assert.Equal(t, live.score(key, s, at), same.score(key, s, at), "score %d of %s", s, key)
		}
	}
	assert.Equal(t, live.Lead("a").Person, same.Lead("a").Person)
	same.do(old...)
	assert.Equal(t, len(old), same.out.Duplicates, "events before the history are known")
	same.do(same.track("a", "Signed Up", at, "list", "y"), same.track("a", "Signed Up", at, "list", "x"))
	assert.Equal(t, live.score("a", scoretest.ScoreRecent, at), same.score("a", scoretest.ScoreRecent, at), "scope keys are used")

	short := carried(t, live, 2, cut, young)
	assert.Zero(t, short.score("quiet", scoretest.ScoreRecent, at), "20 days are over, by the new release")
	assert.Positive(t, live.score("quiet", scoretest.ScoreRecent, at))
}

// Whatever the stream and the cut: the sums hold, and a carried account is what
// its deltas say.
func TestCarry_SumsAndRecords(t *testing.T) {
	for seed := range uint64(20) {
		g := newGenerator(seed + 11_000)
		g.leads = 8
		inputs := g.stream(250)
		live := release(t, 0, scoretest.Config{}, core.Options{})
		live.feed(inputs, 50)
		cut := (start/day + int64(seed%40)) * day
		e := release(t, int(seed%3), scoretest.Config{}, core.Options{})
		_, done, err := e.CarryFrom(live.Core, cut, "", 0, &e.out)
		require.NoError(t, err)
		require.True(t, done)
		again := release(t, int(seed%3), scoretest.Config{}, core.Options{})
		require.NoError(t, again.Apply(e.out.Deltas, 1))
		require.Equal(t, e.accounts(), again.accounts())
		e.PassOver(cut)
		e.feed(inputs, 50)
		require.NoError(t, sumsOf(e))
		e.Leads(func(a *ledger.Account) {
			for i := range a.Buckets {
				k := &a.Buckets[i]
				left := k.Awarded - k.Reversed
				require.True(t, left >= 0 && k.Remaining >= 0 && k.Remaining <= left || left <= 0 && k.Remaining <= 0 && k.Remaining >= left, fmt.Sprint(*k))
			}
		})
		var sw core.Switch
		sw.Release = "2"
		e.takeOver(live.Core, &sw, "", 3, nothing)
		require.NoError(t, sumsOf(e))
	}
}
