package langtest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/conformance"
)

// everythingEvents makes the plugin say each of the things that its events ask
// for.
func everythingEvents(t testing.TB, names ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 500 {
		e := map[string]any{"type": "track", "messageId": fmt.Sprint(i), "userId": fmt.Sprint("lead-", r.IntN(7)), "timestamp": fmt.Sprintf("2026-01-%02dT%02d:00:00Z", 1+i/24, i%24)}
		props := map[string]any{"asset": "a", "list_id": fmt.Sprint(r.IntN(3))}
		if r.IntN(2) == 0 {
			props["n"] = float64(r.IntN(9)) + 0.5
		}
		if r.IntN(2) == 0 {
			props["text"] = "héllo wörld"
		}
		if e["event"], e["properties"] = names[r.IntN(len(names))], props; r.IntN(5) == 0 {
			e["type"], props["path"] = "page", []string{"/blog/a", "/our/prices", "/", "/blog"}[r.IntN(4)]
			delete(e, "event")
		}
		require.NoError(t, enc.Encode(e))
	}
	return b.Bytes()
}

// everythingFlow has a step whose rule the plugin takes back.
const everythingFlow = `workflow "w" {}

step "quotesize" "other" {}

step "everything" "all" {
  when     = prop.n > 3
  on_error = "skip"
}

route "nurture" "rest" { default = true }
`

// everythingCase plays it, with the Go plugin beside.
func everythingCase(t testing.TB, more ...string) conformance.Options {
	t.Helper()
	names := append([]string{"award", "bad", "big", "long", "many", "state", "void", "grade", "wake", "adjust", "Quote Requested"}, more...)
	module := goModule(t, "quotesize")
	manifest, err := wasm.ReadManifest(module)
	require.NoError(t, err)
	return conformance.Options{
		Cases:    []conformance.Case{{Name: "everything", Config: []byte(everythingFlow), Events: everythingEvents(t, names...)}},
		Beside:   []*registry.Plugin{{Manifest: manifest, Wasm: module}},
		CacheDir: cacheDir(t),
	}
}

const everythingManifest = "testdata/modules/everything.manifest.json"

// It says the same too, of events, timers and ledger rows, with state, errors and
// traps.
func TestEverything_SaysTheSame(t *testing.T) {
	o := everythingCase(t, "boom")
	want, err := conformance.Play(context.Background(), packed(t, "c-everything", everythingManifest), o)
	require.NoError(t, err)
	for _, said := range []string{`"award"`, `"replace"`, `"void"`, `"void event"`, `"adjust"`, `"hidden"`, `"grade": "A"`, `"wake"`, `"state"`, "bad: héllo wörld", "StateMax", "xxxx", `"timer"`, "unreachable"} {
		require.True(t, bytes.Contains(want[0].Golden, []byte(said)), said)
	}
	o.Cases[0].Golden = want[0].Golden
	for _, name := range []string{"as-everything", "rust-everything"} {
		got, err := conformance.Play(context.Background(), packed(t, name, everythingManifest), o)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want[0].Golden, got[0].Golden), "%s: %.2000s", name, got[0].Diff)
	}
}

func TestEverything_KeepsTheContract(t *testing.T) {
	for _, name := range []string{"c-everything", "as-everything", "rust-everything"} {
		t.Run(name, func(t *testing.T) {
			r, err := conformance.Verify(context.Background(), packed(t, name, everythingManifest), everythingCase(t))
			require.NoError(t, err)
			require.True(t, r.OK(), r.String())
			t.Log("\n" + r.String())
		})
	}
}

// The plugin that uses every part of an SDK needs the same in C, AssemblyScript
// and Rust, whatever its configuration.
func TestEverything_NeedsTheSame(t *testing.T) {
	text := func(key, v string) []abi.Node {
		return []abi.Node{{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodeString, Key: key, Text: v}}
	}
	configs := map[string][]abi.Node{
		"nothing": {{Kind: abi.NodeObject}},
		"refuse":  {{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodeBool, Key: "refuse", Value: 1}},
		"when":    {{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodeExpr, Key: "when", Value: 300}},
		"name":    text("name", "ünïcode"), "ever": text("once", "ever"), "day": text("once", "day"), "every": text("once", ""),
		"keys": text("once", "a and b.c per day"), "one": text("once", "asset"),
		"block": {{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodeObject, Key: "block", Child: 2}, {Kind: abi.NodeString, Key: "label", Text: "soon", Parent: 1}},
		"blocks": {{Kind: abi.NodeObject, Child: 1}, {Kind: abi.NodeList, Key: "block", Child: 2}, {Kind: abi.NodeObject, Child: 3, Next: 4, Parent: 1},
			{Kind: abi.NodeString, Key: "label", Text: "2w", Parent: 2}, {Kind: abi.NodeObject, Child: 5, Parent: 1}, {Kind: abi.NodeString, Key: "label", Text: "2 w", Parent: 4}},
	}
	want := ask(t, packed(t, "c-everything", everythingManifest), configs)
	require.Len(t, want["when"].Gates, 1)
	require.Equal(t, []string{"a", "b.c"}, want["keys"].Rules[0].Keys)
	require.Len(t, want["block"].Diags, 1)
	require.Len(t, want["blocks"].Diags, 1)
	require.Equal(t, "the plugin refuses its configuration", want["refuse"].Diags[0].Summary)
	for _, name := range []string{"as-everything", "rust-everything"} {
		require.Equal(t, want, ask(t, packed(t, name, everythingManifest), configs), name)
	}
}
