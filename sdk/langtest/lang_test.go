// Package langtest proves that plugins written against the SDKs of the other
// languages say what the Go plugin says, byte for byte. It needs none of their
// toolchains: it plays the modules in testdata/modules, which `make sdks` builds
// again and compares.
package langtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/wasm"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/conformance"
)

const root = "../.."

// cacheDir keeps compiled modules between runs of the tests.
func cacheDir(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(root, "build", "plugin-cache")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	return dir
}

// goModule is the plugin that the others are compared with.
func goModule(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "build", "examples", name+".wasm"))
	require.NoError(t, err, "run `make plugins`")
	return b
}

// language is the plugin that `ripen plugin new` writes, in one of the languages.
type language struct {
	name   string
	module []byte
}

// packed is a module of testdata/modules with a manifest.
func packed(t testing.TB, name, manifest string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "testdata", "modules", name+".wasm"))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(manifest)))
	require.NoError(t, err)
	module, err := pack.Pack(raw, text)
	require.NoError(t, err)
	return module
}

// others are the modules of the other languages, as ripen plugin build made them.
func others(t testing.TB) (list []language) {
	t.Helper()
	for _, name := range []string{"c", "rust", "as"} {
		module, err := os.ReadFile(filepath.Join(root, "testdata", "modules", name+"-quotesize.wasm"))
		require.NoError(t, err)
		list = append(list, language{name, module})
	}
	return list
}

// amounts are what quotes in the stream are about: whole and broken, none,
// absurd, of another type, missing.
var amounts = []any{7500, 1, 0, 0.999, 1999.9999999999998, 19_999.5, 20_000, 20_000.001, 1e9, 1e300, -5, "7500", true, nil, 3}

// odd is the demo stream in which every third event of a lead is followed by the
// request of an odd quote.
func odd(leads, days int) []byte {
	s := demostream.New(1, demostream.Options{Leads: leads, Days: days, DailyTicks: true})
	var events []demostream.Event
	n := 0
	for _, e := range s.Events {
		events = append(events, e)
		if e.Type != "track" || e.UserID == "" {
			continue
		}
		if n++; n%3 != 0 {
			continue
		}
		q := e
		q.MessageID, q.Event, q.Properties = e.MessageID+"-quote", "Quote Requested", map[string]any{"url": "https://www.ripe-demo.example/quote"}
		if i := n / 3 % (len(amounts) + 1); i < len(amounts) {
			q.Properties["amount"] = amounts[i]
		}
		events = append(events, q)
	}
	s.Events = events
	return s.NDJSON()
}

func cases() (list []conformance.Case) {
	// A quarter of it; `make partners` plays the whole one.
	list = append(list, conformance.Case{Name: "demo", Config: []byte("most = 30"), Events: demostream.Generate(1, demostream.Options{Leads: 100, Quotes: true})})
	events := odd(40, 30)
	for i, config := range []string{"", "most = 20", "most = 0.001", "most = 1000000"} {
		list = append(list, conformance.Case{Name: fmt.Sprintf("odd-%d", i), Config: []byte(config), Events: events})
	}
	return list
}

func TestQuotesize_SaysTheSameInEveryLanguage(t *testing.T) {
	o := conformance.Options{Cases: cases(), CacheDir: cacheDir(t)}
	want, err := conformance.Play(context.Background(), goModule(t, "quotesize"), o)
	require.NoError(t, err)
	for i := range want {
		awards := strings.Count(string(want[i].Golden), `"award"`)
		require.Greater(t, awards, 10, "the stream has quotes")
	}
	for _, lang := range others(t) {
		t.Run(lang.name, func(t *testing.T) {
			got, err := conformance.Play(context.Background(), lang.module, o)
			require.NoError(t, err)
			for i := range want {
				require.Equal(t, string(want[i].Golden), string(got[i].Golden), want[i].Case)
				t.Logf("%s: %d bytes, %d inputs, fuel %d (Go %d)", got[i].Case, len(lang.module), got[i].Inputs, got[i].Fuel, want[i].Fuel)
			}
		})
	}
}

// Needs and complaints are the same to the letter too.
func TestQuotesize_NeedsTheSameInEveryLanguage(t *testing.T) {
	configs := map[string][]abi.Node{
		"nothing":  {{Kind: abi.NodeObject}},
		"most":     {{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodePoints, Key: "most", Value: 20_000}},
		"negative": {{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodePoints, Key: "most", Value: ^uint64(0)}},
		"null":     {{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodeNull, Key: "most"}},
	}
	want := ask(t, goModule(t, "quotesize"), configs)
	require.Len(t, want["negative"].Diags, 1)
	for _, lang := range others(t) {
		t.Run(lang.name, func(t *testing.T) { require.Equal(t, want, ask(t, lang.module, configs)) })
	}
}

// ask configures a module in several ways and returns its needs.
func ask(t *testing.T, module []byte, configs map[string][]abi.Node) map[string]*abi.Needs {
	t.Helper()
	host, err := wasm.NewHost(wasm.Options{CacheDir: cacheDir(t), Quiet: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, host.Close()) }()
	p, err := host.Load(context.Background(), module)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	needs := map[string]*abi.Needs{}
	for name, nodes := range configs {
		needs[name], err = p.Configure(context.Background(), abi.AppendConfig(nil, nodes))
		require.NoError(t, err, name)
	}
	return needs
}

func TestVerify_EveryLanguageKeepsTheContract(t *testing.T) {
	for _, lang := range others(t) {
		t.Run(lang.name, func(t *testing.T) {
			r, err := conformance.Verify(context.Background(), lang.module, conformance.Options{Cases: cases()[1:3], CacheDir: cacheDir(t)})
			require.NoError(t, err)
			require.True(t, r.OK(), r.String())
			t.Log("\n" + r.String())
		})
	}
}
