package engine_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/internal/randflow"
)

// newShelf compiles the shipped plugins, and the examples beside them, once.
func newShelf(t testing.TB, examples ...string) *engine.Shelf {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "plugins"), 0o700))
	for _, name := range examples {
		wasm, err := os.ReadFile(filepath.Join("..", "build", "examples", name+".wasm"))
		require.NoError(t, err, "run make plugins")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "plugins", name+".wasm"), wasm, 0o600))
	}
	s, err := engine.NewShelf(dir, cacheDir(t))
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// shelve loads a workflow text with the plugins of a shelf.
func shelve(t testing.TB, s *engine.Shelf, text string) *engine.Workflow {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(text), 0o600))
	w, diags, err := s.Load(context.Background(), dir)
	require.NoError(t, err)
	if diags.HasErrors() {
		var b bytes.Buffer
		_ = hcl.NewDiagnosticTextWriter(&b, w.Def.Files, 120, false).WriteDiagnostics(diags)
		require.Fail(t, "the workflow does not load", "%s\n%s", b.String(), text)
	}
	return w
}

// runs is how many random workflows a test plays.
func runs(t testing.TB, usual int) int {
	if s := os.Getenv("RIPEN_PROPERTY_RUNS"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err, "RIPEN_PROPERTY_RUNS")
		return n
	}
	return usual
}

func TestProperty_RandomWorkflowsLoad(t *testing.T) {
	s := newShelf(t, "botlike")
	for seed := range uint64(runs(t, 60)) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { shelve(t, s, randflow.New(seed).Text) })
	}
}
