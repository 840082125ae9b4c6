package workflow

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/diagtest"
	"github.com/ripenhq/ripen/engine/lead"
)

func TestLoadTests_Fixtures(t *testing.T) {
	diagtest.Run(t, "../../testdata/diag/test", func(t testing.TB, fsys fs.FS) hcl.Diagnostics {
		names, err := fs.Glob(fsys, "*.hcl")
		require.NoError(t, err)
		src, err := fs.ReadFile(fsys, names[0])
		require.NoError(t, err)
		renamed := strings.TrimSuffix(path.Base(names[0]), ".hcl") + TestSuffix
		_, _, diags := LoadTests(fstest.MapFS{renamed: {Data: src}}, Options{})
		return diags
	})
}

func TestLoadTests_Earns(t *testing.T) {
	tests, _, diags := LoadTests(fstest.MapFS{"a" + TestSuffix: {Data: []byte(`
test "worth" {
  page "/" {}
  earns "points" {
    events     = { "A" = 1.5, "B" = -2 }
    pages      = { "/p" = 3 }
    traits     = { title = { "VP" = 4 } }
    account    = { "address.city" = { Bonn = 5 }, employees = { 49 = 6, "50" = 7, 2e7 = 8 } }
    properties = { asset = "x" }
  }
  earns "points" { events = { "A" = 9 } }
}`)}}, Options{})
	require.Empty(t, diags)
	acts := tests[0].Acts
	require.Len(t, acts, 10)
	require.Nil(t, acts[0].Look)
	asset := lead.Props{{Name: "asset", Value: lead.StringOf("x")}}
	for i, want := range []struct {
		event  lead.Event
		points lead.Points
		after  string
	}{
		{lead.Event{Kind: lead.Track, Name: "A", Props: asset}, 1500, "A"},
		{lead.Event{Kind: lead.Track, Name: "B", Props: asset}, -2000, "B"},
		{lead.Event{Kind: lead.Page, Path: "/p", Props: asset}, 3000, "/p"},
		{lead.Event{Kind: lead.Identify, Traits: lead.Props{{Name: "title", Value: lead.StringOf("VP")}}}, 4000, "title VP"},
		{lead.Event{Kind: lead.Group, Traits: lead.Props{{Name: "address.city", Value: lead.StringOf("Bonn")}}}, 5000, "address.city Bonn"},
		{lead.Event{Kind: lead.Group, Traits: lead.Props{{Name: "employees", Value: lead.NumberOf(49)}}}, 6000, "employees 49"},
		{lead.Event{Kind: lead.Group, Traits: lead.Props{{Name: "employees", Value: lead.StringOf("50")}}}, 7000, "employees 50"},
		{lead.Event{Kind: lead.Group, Traits: lead.Props{{Name: "employees", Value: lead.NumberOf(2e7)}}}, 8000, "employees 20000000"},
		{lead.Event{Kind: lead.Track, Name: "A"}, 9000, "A"},
	} {
		act := acts[i+1]
		require.Equal(t, 1, act.Count)
		require.Equal(t, want.after, act.Look.After)
		require.Equal(t, act.Event.Lead, act.Look.Lead)
		require.Equal(t, "points", act.Look.Scores[0].Name)
		require.Equal(t, want.points, act.Look.Scores[0].Value)
		for _, other := range acts[:i+1] {
			require.NotEqual(t, other.Event.Lead, act.Event.Lead, "each has a lead of its own")
		}
		act.Event.Lead = ""
		require.Equal(t, want.event, act.Event)
	}
}
