package workflow

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/diagtest"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// testOptions know the plugins of testdata/schemas and the shipped ones.
func testOptions(t testing.TB) Options {
	t.Helper()
	schemas := map[string]*Schema{}
	add := func(name string, raw []byte) {
		s, err := CompileSchema(name, raw)
		require.NoError(t, err)
		schemas[name] = s
	}
	shipped, err := filepath.Glob("../../plugins/*/manifest.json")
	require.NoError(t, err)
	for _, file := range shipped {
		var m struct {
			Name   string
			Schema json.RawMessage
		}
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(src, &m), file)
		add(m.Name, m.Schema)
	}
	own, err := filepath.Glob("testdata/schemas/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, own)
	for _, file := range own {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		add(strings.TrimSuffix(filepath.Base(file), ".json"), src)
	}
	o := Options{Schema: func(name string) (*Schema, bool) { s, ok := schemas[name]; return s, ok }}
	for name := range schemas {
		o.Plugins = append(o.Plugins, name)
	}
	sort.Strings(o.Plugins)
	return o
}

func folder(files ...string) fstest.MapFS {
	out := fstest.MapFS{}
	for i := 0; i < len(files); i += 2 {
		out[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return out
}

func mustLoad(t testing.TB, files ...string) *Definition {
	t.Helper()
	def, diags := Load(folder(files...), testOptions(t))
	require.Empty(t, texted(def, diags))
	return def
}

func texted(def *Definition, diags hcl.Diagnostics) string {
	var b strings.Builder
	_ = WriteDiagnostics(&b, def.Files, diags, 100, false)
	return b.String()
}

const tail = "\nroute \"nurture\" \"rest\" {\n  default = true\n}\n"

func TestLoad_EveryBlock(t *testing.T) {
	def := mustLoad(t, "a.hcl", `
workflow "letter-and-number" {
  about       = "two axes"
  display     = "{grade} {recent}"
  lead        = "prospect"
  zone        = "Europe/Berlin"
  age_step    = "1h"
  sales       = ["sales-handoff"]
  max_buckets = 100
}
score "total" {
  about   = "sum"
  value   = recent + 1
  scale   = [0, 100]
  mode    = "normalise"
  raw_max = 250.5
  floor   = -0.1
}
table "competitors" { file = "lists/competitors.csv" }
table "short" {
  values = ["a", "b"]
  fold   = false
}
counter "blog" {
  pages    = ["/blog/*"]
  events   = ["Page*"]
  where    = prop.x == 1
  window   = "30d"
  distinct = "asset"
}
step "probe" "recent" {
  about    = "last 60 days"
  floor    = 0
  on_error = "skip"
  breaker  = 3
  where    = trait.x == "a"
  let {
    b = trait.b
    a = trait.a
  }
  cells = [{ Z = b }, { A = true }]
  class "asked" {
    events = { "Zed" = 100, Alpha = 0.1, "Mid" = -5 }
  }
  window = "1d12h"
  class "read" {
    events = {}
  }
}
suppress "customers" { when = trait.customer }
veto "rivals" {
  when    = listed("competitors", trait.domain)
  actions = ["sales-handoff"]
  say     = "no"
}
route "nurture" "rest" { default = true }
route "sales-handoff" "warm" {
  when     = recent >= 25
  reset    = recent < 10
  on       = "fall"
  cooldown = "14d"
  say      = "Ask about {recent.top}"
  traits   = ["email"]
  silent   = true
}
label "hot" { when = total >= 60 }
label "cold" { default = true }
golden "ideal" {
  traits  = { title = "CEO", age = 5, list = ["a", "b"], address = { city = "B" }, vip = true }
  account = { industry = "saas" }
  events  = ["Demo Requested", { page = "/pricing" }, { event = "X", count = 3, properties = { a = 1 } }]
  grade   = "A"
  scores  = ["total"]
}
silence "overlap" {
  of      = "sales-handoff/warm"
  because = "wanted"
}
`, "lists/competitors.csv", "\xef\xbb\xbfdomain;size\r\nacme.test;5\r\n")
	require.Equal(t, "letter-and-number", def.Name)
	require.Equal(t, "prospect", def.LeadWord)
	require.Equal(t, "Europe/Berlin", def.Zone)
	require.EqualValues(t, 3_600_000, def.AgeStep)
	require.Equal(t, 100, def.MaxBuckets)

	require.Len(t, def.Scores, 2)
	total := def.Scores[0]
	require.EqualValues(t, 250_500, total.Scale.RawMax)
	require.EqualValues(t, -100, *total.Floor)
	require.NotNil(t, total.Value)
	require.Equal(t, "recent", def.Scores[1].Name)
	require.EqualValues(t, 0, *def.Scores[1].Floor)
	require.False(t, def.Scores[1].Declared)

	require.Equal(t, [][]string{{"acme.test", "5"}}, def.Tables[0].Rows)
	require.Equal(t, []string{"domain", "size"}, def.Tables[0].Columns)
	require.False(t, def.Tables[1].Fold)
	require.EqualValues(t, 30*value.Day, def.Counters[0].Window)

	step := def.Steps[0]
	require.Equal(t, "skip", step.OnError)
	require.Equal(t, 3, step.Breaker)
	require.Equal(t, "where let cells class window", keys(step.Config), "source order, without the host's")
	require.Equal(t, "b a", keys(step.Config.Members[1]))
	classes := step.Config.Members[3]
	require.Equal(t, NodeList, classes.Kind)
	require.Equal(t, "label events", keys(classes.Members[0]))
	require.Equal(t, "Zed Alpha Mid", keys(classes.Members[0].Members[1]))
	require.EqualValues(t, 100, classes.Members[0].Members[1].Members[1].Points, "0.1 points, exactly")
	require.EqualValues(t, 36*3_600_000, step.Config.Members[4].Millis)
	require.Equal(t, NodeExpr, step.Config.Members[0].Kind)

	require.Equal(t, "warm", def.Routes[0].Name, "the default comes last")
	require.True(t, def.Routes[1].Default)
	require.True(t, def.Routes[0].OnFall)
	require.EqualValues(t, 14*value.Day, def.Routes[0].Cooldown)
	require.Equal(t, "B", def.Goldens[0].Traits.Get("address.city").Str)
	require.Equal(t, 3, def.Goldens[0].Events[2].Count)
	require.Equal(t, "/pricing", def.Goldens[0].Events[1].Path)
}

func keys(n *Node) string {
	var out []string
	for _, m := range n.Members {
		out = append(out, m.Key)
	}
	return strings.Join(out, " ")
}

func TestLoad_Fixtures(t *testing.T) {
	opts := testOptions(t)
	diagtest.Run(t, "../../testdata/diag", func(_ testing.TB, fsys fs.FS) hcl.Diagnostics {
		_, diags := Load(fsys, opts)
		return diags
	})
}
