package engine_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/abi"
)

// TestLoad_APluginWhoseSchemaIsNone is refused by name once a step uses it.
func TestLoad_APluginWhoseSchemaIsNone(t *testing.T) {
	raw, err := os.ReadFile("../testdata/hostile/points.wasm")
	require.NoError(t, err)
	module := pack.Append(raw, abi.ManifestSection, []byte(`{"name": "odd", "version": "1.0.0", "abi": "1.0", "schema": {"type": 7}}`))
	load := func(text string) (*engine.Workflow, string) {
		w, diags, err := engine.Load(t.Context(), engine.LoadOptions{Dir: folderOf(t, text, map[string][]byte{"plugins/odd.wasm": module}), CacheDir: cacheDir(t), Quiet: true})
		t.Cleanup(w.Close)
		if err != nil {
			return w, err.Error()
		}
		if diags.HasErrors() {
			return w, diags.Error()
		}
		return w, ""
	}
	_, says := load("workflow \"w\" {}\nstep \"odd\" \"s\" {}\nroute \"nurture\" \"rest\" { default = true }\n")
	require.Contains(t, says, "plugin odd (plugins/odd.wasm): schema of its block:")
	_, says = load("workflow \"w\" {}\nstep \"behavior-points\" \"s\" {\n  fallback = \"odd\"\n  on_error = \"fallback\"\n  class \"a\" { events = { \"A\" = 1 } }\n}\nroute \"nurture\" \"rest\" { default = true }\n")
	require.Contains(t, says, "plugin odd (plugins/odd.wasm)")
	w, says := load(small)
	require.Empty(t, says, "what nobody uses is in nobody's way")
	require.NotNil(t, w.Model)
}
