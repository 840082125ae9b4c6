package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/sdktest"
)

// TestTable_AwardsWhatScoreAwards: rounds that run from the table and rounds
// that run slot by slot come to the same, whatever room the ring has.
func TestTable_AwardsWhatScoreAwards(t *testing.T) {
	slow := plugin
	slow.Configure = func(c sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
		s, err := configure(c, n)
		return sdk.ScorerFunc(s.Score), err
	}
	configs := []string{
		`{"class": [{"label": "both", "events": {"A": 1, "B": 2}, "pages": {"/a": 3, "/a/*": 4, "/b*": 5}},
			{"label": "cond", "where": "x", "events": {"A": 6}}, {"label": "pages", "where": "y", "pages": {"/*": 7}}],
		  "rule": [{"label": "r1", "where": "x", "points": 1}, {"label": "r2", "where": "y", "points": 2}, {"label": "r3", "where": "z", "points": 3},
			{"label": "r4", "event": "A", "points": 4}, {"label": "r5", "page": "/a", "points": -5}]}`,
		`{"class": [{"label": "names", "events": {"A": 1, "B": 2}}]}`,
		`{"class": [{"label": "pages", "pages": {"/a": 1}}]}`,
		`{"rule": [{"label": "all", "where": "x", "points": 1}]}`,
	}
	names, paths := []string{"A", "B", "C", ""}, []string{"/a", "/a/b", "/b", "/", ""}
	rapid.Check(t, func(rt *rapid.T) {
		config := rapid.SampledFrom(configs).Draw(rt, "config")
		one, other := host(t, config), sdktest.New(t, slow, manifest, config)
		one.Room = uint32(rapid.IntRange(10, 40).Draw(rt, "room"))
		var rounds [2][]sdktest.Event
		for i := range rapid.IntRange(1, 30).Draw(rt, "events") {
			e := sdktest.Event{Lead: fmt.Sprint(i), Name: rapid.SampledFrom(names).Draw(rt, "name"), Path: rapid.SampledFrom(paths).Draw(rt, "path"), Exprs: map[string]any{}}
			for _, x := range []string{"x", "y", "z"} {
				if v := rapid.IntRange(0, 2).Draw(rt, x); v > 0 {
					e.Exprs[x] = v == 1
				}
			}
			rounds[0], rounds[1] = append(rounds[0], e), append(rounds[1], e)
		}
		require.Equal(rt, other.Round(rounds[1]...), one.Round(rounds[0]...))
	})
}

// TestTable_IsUsed: what the shared columns say in full runs from the table.
func TestTable_IsUsed(t *testing.T) {
	for config, want := range map[string]bool{
		email: true,
		`{"class": [{"label": "c", "events": {"A*B": 1}}]}`: false,
	} {
		p, found := plugin, false
		p.Configure = func(c sdk.Config, n *sdk.Needs) (sdk.Scorer, error) {
			s, err := configure(c, n)
			found = s.(sdk.Tabular).Table() != nil
			return s, err
		}
		sdktest.New(t, p, manifest, config)
		require.Equal(t, want, found, config)
	}
}
