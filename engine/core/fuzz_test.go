package core_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
)

// seeds are what a real run writes: its deltas, and the state of its leads.
func seeds(f *testing.F) (deltas [][]byte, states [][]byte) {
	e := newEngine(f, scoretest.Config{OnError: policies[2]}, core.Options{})
	for _, in := range newGenerator(1).stream(60) {
		e.feedKeep([]core.Input{in})
		deltas = append(deltas, append([]byte(nil), e.out.Deltas...))
	}
	e.States(func(_ string, state []byte) { states = append(states, append([]byte(nil), state...)) })
	return deltas, states
}

func FuzzApply(f *testing.F) {
	deltas, _ := seeds(f)
	for _, d := range deltas {
		f.Add(d)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := newEngine(t, scoretest.Config{}, core.Options{})
		if e.Apply(b, 1) != nil {
			return
		}
		require.NoError(t, core.DeltaLeads(b, func(lead string) {
			_, ok := e.AppendState(nil, lead)
			require.True(t, ok, "%q", lead)
		}))
	})
}

func FuzzRestoreLead(f *testing.F) {
	_, states := seeds(f)
	for _, s := range states {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := newEngine(t, scoretest.Config{}, core.Options{DedupeDays: 30})
		if e.RestoreLead("ann", b) != nil {
			return
		}
		first, ok := e.AppendState(nil, "ann")
		require.True(t, ok)
		again := newEngine(t, scoretest.Config{}, core.Options{DedupeDays: 30})
		require.NoError(t, again.RestoreLead("ann", first))
		second, _ := again.AppendState(nil, "ann")
		require.Equal(t, first, second)
	})
}
