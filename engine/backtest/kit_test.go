package backtest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
	"github.com/ripenhq/ripen/engine/step"
)

const (
	day   = int64(86_400_000)
	start = int64(1_767_225_600_000) // 2026-01-01
)

// stream builds the inputs of a test: days count from start.
type stream struct {
	list []lead.Event
}

func (s *stream) track(who, name string, onDay int64) *stream {
	return s.add(lead.Event{Lead: who, Kind: lead.Track, Name: name, At: start + onDay*day})
}

func (s *stream) add(e lead.Event) *stream {
	if e.ID == "" {
		e.ID = fmt.Sprint("e", len(s.list))
	}
	s.list = append(s.list, e)
	return s
}

// run gathers a stream over the small workflow of the kit, whose score "total"
// is judged.
func run(t testing.TB, list []lead.Event, outcomes []Outcome, o Options) *Gatherer {
	t.Helper()
	return runKit(t, scoretest.Config{}, list, outcomes, o)
}

// runKit does so over a variant of the workflow.
func runKit(t testing.TB, c scoretest.Config, list []lead.Event, outcomes []Outcome, o Options) *Gatherer {
	t.Helper()
	kit := scoretest.New(c)
	r, err := replay.New(func() (core.Program, func(), error) {
		k := scoretest.New(c)
		return core.Program{Book: kit.Book, Steps: k.Specs, Policy: kit.Policy, Scorers: k.Scorers(), Backups: make([]step.Scorer, len(k.Specs))}, func() {}, nil
	}, replay.Options{Partitions: 2, Batch: 3})
	require.NoError(t, err)
	t.Cleanup(r.Close)
	o.Score = scoretest.ScoreTotal
	g := NewGatherer(r, kit.Book, kit.Policy, outcomes, o)
	for i := range list {
		g.Event(&list[i], replay.Place{Line: i + 1})
	}
	require.NoError(t, g.Finish())
	return g
}

func won(who string, onDay int64) Outcome {
	return Outcome{Lead: who, Fate: measure.Won, At: start + onDay*day, Timed: true}
}

func lost(who string, onDay int64) Outcome {
	o := won(who, onDay)
	o.Fate = measure.Lost
	return o
}

func find(t testing.TB, g *Gatherer, who string) *Case {
	t.Helper()
	for i := range g.Cases {
		if g.Cases[i].Lead == who {
			return &g.Cases[i]
		}
	}
	require.Fail(t, "no case", who)
	return nil
}
