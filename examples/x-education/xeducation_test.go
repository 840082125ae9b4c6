package xeducation_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake/mapping"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/replay"
)

// realData is the path of a file of the real data; without it the test is
// skipped, because the data may not be shipped.
func realData(t *testing.T, name string) string {
	t.Helper()
	dir := os.Getenv("RIPEN_SHARED_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	file := filepath.Join(dir, "x_education", name)
	if _, err := os.Stat(file); err != nil {
		t.Skipf("the real data is not here (set RIPEN_SHARED_DATA to its folder): %v", err)
	}
	return file
}

func workflow(t *testing.T) *engine.Workflow {
	t.Helper()
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: ".", CacheDir: filepath.Join("..", "..", "build", "plugin-cache"), Quiet: true})
	t.Cleanup(w.Close)
	if errors.Is(err, registry.ErrNotBuilt) {
		t.Fatal("the plugins are not built: run make plugins")
	}
	require.NoError(t, err)
	require.Empty(t, diags)
	return w
}

func TestTheModelLoads(t *testing.T) {
	require.Equal(t, "x-education", workflow(t).Def.Name)
}

// score scores every row of a file, as `ripen score` does.
func score(t *testing.T, w *engine.Workflow, file string) ([]replay.View, replay.ReadCounts) {
	t.Helper()
	src, err := os.ReadFile("mapping.hcl")
	require.NoError(t, err)
	maps, diags := mapping.Load("mapping.hcl", src)
	require.Empty(t, diags)
	in, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	rows, diags := replay.NewLeads(in, maps[0])
	require.Empty(t, diags)
	run, err := replay.New(func() (core.Program, func(), error) {
		crew, err := w.NewCrew(context.Background())
		if err != nil {
			return core.Program{}, nil, err
		}
		return crew.Program, crew.Close, nil
	}, replay.Options{Partitions: 2})
	require.NoError(t, err)
	defer run.Close()
	var last int64
	for {
		item, err := rows.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		require.Nil(t, item.Rejected)
		last = max(last, item.Event.At)
		run.Event(item.Event, replay.Place{Line: item.Line})
	}
	require.NoError(t, run.Drain())
	require.Empty(t, run.Refused())
	views, err := run.Views(run.Leads(), last, run.Decisions(), true)
	require.NoError(t, err)
	return views, rows.Counts()
}

func TestEveryRealLeadIsScored(t *testing.T) {
	clean, broken := realData(t, "lead_scoring.csv"), realData(t, "lead_scoring_malformed.csv")
	w := workflow(t)
	views, counts := score(t, w, clean)
	require.Equal(t, replay.ReadCounts{Rows: 9240, Accepted: 9240, Events: 51_703}, counts)
	require.Len(t, views, 9240)
	for i := range views {
		require.Empty(t, views[i].Unbalanced(), "the lines of %s sum to its scores", views[i].Lead)
	}

	t.Run("the malformed file gives the same", func(t *testing.T) {
		again, counts := score(t, w, broken)
		require.Equal(t, replay.ReadCounts{Rows: 9240, Accepted: 8902, Repaired: 338, Events: 51_703}, counts)
		a, err := json.Marshal(views)
		require.NoError(t, err)
		b, err := json.Marshal(again)
		require.NoError(t, err)
		require.Equal(t, string(a), string(b))
	})
	t.Run("the order is worth something", func(t *testing.T) {
		bought := outcomes(t, clean)
		require.Greater(t, auc(views, bought), 0.85)
		won, all := map[string]int{}, map[string]int{}
		for i := range views {
			all[views[i].Label]++
			if bought[views[i].Lead] {
				won[views[i].Label]++
			}
		}
		require.Equal(t, map[string]int{"hot": 2436, "warm": 2146, "cold": 4658}, all)
		require.Equal(t, map[string]int{"hot": 1979, "warm": 1050, "cold": 532}, won)
	})
}

// outcomes is what became of the leads. The model never sees it.
func outcomes(t *testing.T, file string) map[string]bool {
	t.Helper()
	in, err := os.Open(file)
	require.NoError(t, err)
	defer func() { _ = in.Close() }()
	rows, err := csv.NewReader(in).ReadAll()
	require.NoError(t, err)
	id, converted := -1, -1
	for i, name := range rows[0] {
		switch name {
		case "Prospect ID", "\ufeffProspect ID":
			id = i
		case "Converted":
			converted = i
		}
	}
	out := map[string]bool{}
	for _, row := range rows[1:] {
		out[row[id]] = row[converted] == "1"
	}
	require.Len(t, out, 9240)
	return out
}

// auc is how often a lead that bought stands above one that did not (area
// under the ROC curve, by mean ranks, ties counting half).
func auc(views []replay.View, bought map[string]bool) float64 {
	points := func(v *replay.View) int64 { return int64(v.Scores[len(v.Scores)-1].Milli) }
	sort.SliceStable(views, func(i, j int) bool { return points(&views[i]) < points(&views[j]) })
	var ranks, won float64
	for i := 0; i < len(views); {
		j := i
		for j < len(views) && points(&views[j]) == points(&views[i]) {
			j++
		}
		for k := i; k < j; k++ {
			if bought[views[k].Lead] {
				ranks += float64(i+j+1) / 2
				won++
			}
		}
		i = j
	}
	lost := float64(len(views)) - won
	return (ranks - won*(won+1)/2) / (won * lost)
}
