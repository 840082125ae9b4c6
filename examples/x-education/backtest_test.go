package xeducation_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake/mapping"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

// theirs are the columns of the other vendor's scores.
var theirs = []string{"Asymmetrique Activity Score", "Asymmetrique Profile Score"}

// gather scores the leads that carry the other vendor's scores.
func gather(t *testing.T, w *engine.Workflow, file string, score int, half backtest.Half, facts bool) *backtest.Gatherer {
	t.Helper()
	src, err := os.ReadFile("mapping.hcl")
	require.NoError(t, err)
	maps, diags := mapping.Load("mapping.hcl", src)
	require.Empty(t, diags)
	in, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	rows, diags := replay.NewLeads(in, maps[0], append([]string{"Converted"}, theirs...)...)
	require.Empty(t, diags)
	run, err := replay.New(func() (core.Program, func(), error) {
		crew, err := w.NewCrew(context.Background())
		if err != nil {
			return core.Program{}, nil, err
		}
		return crew.Program, crew.Close, nil
	}, replay.Options{Partitions: 2})
	require.NoError(t, err)
	t.Cleanup(run.Close)
	g := backtest.NewGatherer(run, w.Model.Book, w.Model.Policy, nil, backtest.Options{Score: score, Half: half, Facts: facts})
	skip := ""
	for {
		item, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if len(item.Beside) > 0 {
			skip = item.Event.Lead
			if item.Beside[1] != "" && g.Wants(skip) {
				skip = ""
				tell(t, g, item.Event.Lead, item.Beside)
			}
		}
		if item.Event.Lead != skip {
			g.Event(&item.Event, replay.Place{Line: item.Line})
		}
	}
	require.NoError(t, g.Finish())
	return g
}

// tell hands over what a row says beside the lead's facts.
func tell(t *testing.T, g *backtest.Gatherer, key string, beside []string) {
	t.Helper()
	fate, ok := backtest.ParseFate(beside[0])
	require.True(t, ok)
	g.Outcome(backtest.Outcome{Lead: key, Fate: fate})
	var sum lead.Points
	for _, text := range beside[1:] {
		p, err := lead.ParsePoints(text)
		require.NoError(t, err)
		sum += p
	}
	g.Rival(key, sum)
}

// Points learnt from one half of the leads that carry the other vendor's scores
// rank the other half far better than those, with no column that sales wrote
// afterwards and without the seller's own text messages.
func TestBacktest_R000_19_PointsOfOneHalfRankTheOther(t *testing.T) {
	file := realData(t, "lead_scoring.csv")
	w := workflow(t)
	first := gather(t, w, file, w.Model.Policy.Primary, backtest.First, true)
	second := gather(t, w, file, w.Model.Policy.Primary, backtest.Second, false)
	require.Equal(t, 5022, first.Tally.Leads+second.Tally.Leads)
	s, err := first.Suggest([]string{"Text Message Sent"})
	require.NoError(t, err)
	for _, f := range s.Features {
		require.NotContains(t, []string{"Converted", "Tags", "Lead Quality", "Lead Profile", "Last Notable Activity", theirs[0], theirs[1]}, f.Name)
	}

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "workflow.hcl"), s.Source(w.Def.Name, ""), 0o600))
	draft, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, Quiet: true})
	t.Cleanup(draft.Close)
	require.NoError(t, err)
	require.Empty(t, diags)
	judged := gather(t, draft, file, draft.Model.Policy.Primary, backtest.Second, false)
	s.Judge(second, judged, true)
	require.Equal(t, second.Tally.Won, s.After.Won)
	require.Equal(t, "total", draft.Model.Book.Scores[draft.Model.Policy.Primary].Name)
	t.Logf("AUC on the half that nothing was learnt from: suggested %.3f, as it is %.3f, the other vendor %.3f", s.After.Value, s.Before.Value, s.Rival.Value)
	require.GreaterOrEqual(t, s.After.Value, 0.85)
	require.InDelta(t, 0.663, s.Rival.Value, 0.02)
}
