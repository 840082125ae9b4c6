package conformance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/wasm"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
	"github.com/ripenhq/ripen/sdk/abi"
)

const root = "../.."

// cacheDir keeps compiled modules between runs of the tests.
func cacheDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(root, "build", "plugin-cache")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	return dir
}

func example(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "build", filepath.Base(filepath.Dir(sourceOf(name))), name+".wasm"))
	require.NoError(t, err, "run `make plugins`")
	return b
}

// sourceOf is the folder of an example; one of them is shipped.
func sourceOf(name string) string {
	if name == "bot-filter" {
		return filepath.Join(root, "plugins", name)
	}
	return filepath.Join(root, "sdk", "examples", name)
}

// sharing lets the checks of one test load each module once, from the cache.
func sharing(t testing.TB) Options {
	t.Helper()
	o := Options{CacheDir: cacheDir(t)}
	host, err := newHost(&o)
	require.NoError(t, err)
	o.share = &shared{host, map[[32]byte]*wasm.Plugin{}}
	t.Cleanup(func() {
		for _, p := range o.share.plugins {
			require.NoError(t, p.Close())
		}
		require.NoError(t, host.Close())
	})
	return o
}

// casesOf are the cases of an example.
func casesOf(t testing.TB, name string) []Case {
	t.Helper()
	list, err := ReadCases(os.DirFS(filepath.Join(sourceOf(name), "fixtures")))
	require.NoError(t, err)
	require.NotEmpty(t, list)
	return list
}

func builtin(t testing.TB) []*registry.Plugin {
	t.Helper()
	set, err := registry.Builtin()
	require.NoError(t, err)
	var list []*registry.Plugin
	for _, name := range set.Names() {
		p, err := set.Lookup(name)
		require.NoError(t, err)
		list = append(list, p)
	}
	return list
}

func TestVerify_TheExamplesKeepTheContract(t *testing.T) {
	o := sharing(t)
	for _, name := range []string{"quotesize", "bot-filter"} {
		t.Run(name, func(t *testing.T) {
			o := o
			o.Cases = casesOf(t, name)
			r, err := Verify(context.Background(), example(t, name), o)
			require.NoError(t, err)
			require.True(t, r.OK(), r.String())
			t.Log("\n" + r.String())
		})
	}
}

func TestVerify_TheShippedPluginsKeepTheContract(t *testing.T) {
	shipped, o := builtin(t), sharing(t)
	o.Beside = shipped
	for _, p := range shipped {
		t.Run(p.Manifest.Name, func(t *testing.T) {
			o := o
			o.Cases = shippedCases(t, p.Manifest.Name)
			r, err := Verify(context.Background(), p.Wasm, o)
			require.NoError(t, err)
			require.True(t, r.OK(), r.String())
			t.Log("\n" + r.String())
		})
	}
}

// shippedCases are the shipped models that use a plugin, over a demo stream.
func shippedCases(t testing.TB, plugin string) (list []Case) {
	t.Helper()
	events := demostream.Generate(1, demostream.Options{Leads: 40, Days: 30})
	for _, name := range []string{"letter-and-number", "hundred-point"} {
		dir := filepath.Join(root, "workflows", name)
		c := Case{Name: name, Events: events, Files: map[string][]byte{}}
		var err error
		c.Config, err = os.ReadFile(filepath.Join(dir, "workflow.hcl"))
		require.NoError(t, err)
		tables, err := filepath.Glob(filepath.Join(dir, "*.csv"))
		require.NoError(t, err)
		for _, file := range tables {
			c.Files[filepath.Base(file)], err = os.ReadFile(file)
			require.NoError(t, err)
		}
		if strings.Contains(string(c.Config), `step "`+plugin+`"`) {
			list = append(list, c)
		}
	}
	require.NotEmpty(t, list)
	return list[:1]
}

// hostile is one module of testdata/hostile, packed.
func hostile(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "testdata", "hostile", name+".wasm"))
	require.NoError(t, err)
	module, err := pack.Pack(raw, []byte(`{"name": "fixture", "version": "1.0.0", "abi": "1.0", "schema": {}}`))
	require.NoError(t, err)
	return module
}

// pointsBlob is what the hostile modules take for a configuration.
func pointsBlob() []blob {
	n := &abi.Needs{Inputs: []abi.Input{{Kind: abi.InputNumber, Source: abi.FromProp, Name: "v"}}, Rules: []abi.Rule{{Name: "points"}}}
	return []blob{{abi.AppendNeeds(nil, n), n}}
}

// failsAt names the check that each hostile module must fail, or none for
// those that the host lets live.
var failsAt = map[string]string{
	"version": "abi", "no-marker": "abi", "missing-export": "exports", "wrong-signature": "exports", "export-kind": "exports",
	"import-env": "imports", "import-wasi": "imports", "import-signature": "imports", "import-global": "imports",
	"own-fuel": "module", "simd": "module", "giant-memory": "memory", "descriptor-magic": "descriptor", "descriptor-caps": "descriptor",
	"descriptor-stride": "descriptor", "descriptor-outside": "descriptor", "start-loop": "start", "start-trap": "start", "init-loop": "start",
	"describe-loop": "start", "data-outside": "start", "reserve-refuses": "configure", "reserve-outside": "configure", "reserve-odd": "configure",
	"configure-refuses": "configure", "configure-loop": "configure", "needs-garbage": "configure", "needs-outside": "configure",
	"needs-giant": "configure", "bind-refuses": "configure", "bind-trap": "configure",
}

func TestVerify_HostileModulesAreNamed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "testdata", "hostile", "*.wasm"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".wasm")
		t.Run(name, func(t *testing.T) {
			r, err := Verify(context.Background(), hostile(t, name), Options{Fuel: 2_000_000, blobs: pointsBlob()})
			require.NoError(t, err)
			want := failsAt[name]
			if want == "" {
				assert.True(t, r.OK() || name != "points", r.String())
				return
			}
			c := r.Check(want)
			require.NotNil(t, c, r.String())
			assert.Equal(t, Fail, c.Status, r.String())
			assert.NotEmpty(t, c.Found)
			assert.Equal(t, 1, r.Count(Fail), r.String())
		})
	}
}

// testdata/spoiled is a plugin that breaks the contract as its configuration
// says.
func TestVerify_FindsWhatIsSpoiled(t *testing.T) {
	module := example(t, "spoiled")
	o := sharing(t)
	events := []byte(`{"type":"track","userId":"ada","messageId":"1","event":"A","timestamp":"2026-01-02T10:00:00Z","properties":{"amount":7500}}` + "\n")
	for _, tt := range []struct {
		how, check string
		status     Status
	}{
		{"well", "", Pass},
		{"counter", "instances", Fail},
		{"every-tenth", "instances", Fail},
		{"hoard", "memory-growth", Fail},
		{"trap", "answers", Fail},
		{"trap-odd", "answers", Warn},
		{"configure-panics", "configure", Fail},
		{"long-panics", "configuration-errors", Fail},
		{"knows-all", "migration", Fail},
		{"up-only", "migration", Warn},
		{"forgets", "migration", Warn},
	} {
		t.Run(tt.how, func(t *testing.T) {
			o := o
			o.Cases = []Case{{Name: "case", Config: []byte(fmt.Sprintf("how = %q\nstrict = %t", tt.how, tt.how == "long-panics")), Events: events}}
			r, err := Verify(context.Background(), module, o)
			require.NoError(t, err)
			if tt.check == "" {
				require.Zero(t, r.Count(Fail)+r.Count(Warn), r.String())
				return
			}
			c := r.Check(tt.check)
			require.NotNil(t, c, r.String())
			require.Equal(t, tt.status, c.Status, r.String())
			require.NotEmpty(t, c.Do)
		})
	}
}

func TestVerify_SaysWhereACaseIsWrong(t *testing.T) {
	o := sharing(t)
	for _, tt := range []struct {
		config, events, says string
	}{
		{"\nmost = -1", "", "basic.hcl:2"},
		{"leas = 3", "", "basic.hcl:1"},
		{"most = 1", "{", "basic.ndjson:1"},
		{`workflow "w" {}` + "\n" + `route "nurture" "rest" { default = true }`, "", "no step of the workflow uses"},
	} {
		o.Cases = []Case{{Name: "basic", Config: []byte(tt.config), Events: []byte(tt.events)}}
		r, err := Verify(context.Background(), example(t, "quotesize"), o)
		require.NoError(t, err)
		require.False(t, r.OK())
		require.Contains(t, r.Check("configure").Found, tt.says)
	}
}
