package core_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

func TestForesee_DecayThatEndsACondition(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Demo Requested", start), e.track("a", "Lead Rejected", start+1))
	before := e.accounts()
	value := lead.Points(0)
	s, err := e.Foresee("a", start, func(f *ledger.Frame) { value = f.Values[scoretest.ScoreRecent] })
	require.NoError(t, err)
	assert.Equal(t, start+37*day, s.At, "50 points fall below 20 on day 37")
	assert.Equal(t, lead.Points(19_167), value)
	assert.Equal(t, start+day, s.Decay.At)
	assert.Equal(t, before, e.accounts(), "it changes nothing")

	s, err = e.Foresee("nobody", start, nil)
	require.NoError(t, err)
	assert.Equal(t, core.Foresight{}, s)
}

func TestForesee_StopsAtATimerOfAStep(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 1000}, core.Options{})
	due := e.delivered("a")
	s, err := e.Foresee("a", 0, func(*ledger.Frame) { t.Error("nothing is known of the time behind it") })
	require.NoError(t, err)
	assert.Zero(t, s.At)
	require.Len(t, s.Timers, 1)
	assert.Equal(t, due, s.Timers[0].At)
}

// What is foreseen is what happens: nothing before that time, and something
// then.
func TestForesee_ComesTrue(t *testing.T) {
	seen := 0
	for seed := range uint64(40) {
		e := newEngine(t, scoretest.Config{}, core.Options{})
		e.feed(newGenerator(seed).stream(40), 0)
		e.do(tick(e.Clock() + 2*day))
		for _, key := range leadKeys(e) {
			s, err := e.Foresee(key, 0, func(*ledger.Frame) {})
			require.NoError(t, err)
			if s.At == 0 || len(s.Timers) > 0 {
				continue
			}
			seen++
			one := newEngine(t, scoretest.Config{}, core.Options{})
			state, ok := e.AppendState(nil, key)
			require.True(t, ok)
			require.NoError(t, one.RestoreLead(key, state))
			one.RestoreClock(e.Clock())
			marks := one.Lead(key).Marks
			assert.Empty(t, one.do(tick(s.At-1)))
			assert.Equal(t, marks.Matched, one.Lead(key).Marks.Matched, "lead %s, seed %d", key, seed)
			assert.Equal(t, marks.Episodes, one.Lead(key).Marks.Episodes)
			one.do(tick(s.At))
			now := one.Lead(key).Marks
			now.Wake, now.Probe, marks.Wake, marks.Probe = 0, 0, 0, 0
			assert.NotEqual(t, marks, now, "lead %s, seed %d", key, seed)
		}
	}
	assert.Greater(t, seen, 20)
}
