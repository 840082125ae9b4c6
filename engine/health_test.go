package engine

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/wasm"
)

func healthCrew(t *testing.T) *Crew {
	t.Helper()
	dir := t.TempDir()
	src := `
workflow "w" {}
step "behavior-points" "recent" {
  breaker = 5
  class "asked" { events = { "Demo Requested" = 100 } }
}
route "nurture" "rest" { default = true }
`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "w.hcl"), []byte(src), 0o600))
	w, diags, err := Load(context.Background(), LoadOptions{Dir: dir, CacheDir: filepath.Join("..", "build", "plugin-cache")})
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), "%s", diags)
	t.Cleanup(w.Close)
	crew, err := w.NewCrew(context.Background())
	require.NoError(t, err)
	t.Cleanup(crew.Close)
	return crew
}

// A circuit breaker goes on where the last commit left it.
func TestHealth_RoundTrip(t *testing.T) {
	crew := healthCrew(t)
	assert.Empty(t, appendHealth(nil, crew), "breakers at rest cost nothing")
	open := wasm.Breaker{Failed: 5, Open: true, Skipped: 17}
	crew.breakers()[0].SetBreaker(open)
	saved := appendHealth(nil, crew)
	crew.breakers()[0].SetBreaker(wasm.Breaker{})
	require.NoError(t, restoreHealth(saved, crew))
	assert.Equal(t, open, crew.breakers()[0].Breaker())
	require.NoError(t, restoreHealth(nil, crew))
	assert.Equal(t, wasm.Breaker{}, crew.breakers()[0].Breaker(), "a later commit with all at rest")
	assert.ErrorIs(t, restoreHealth(saved[:1], crew), errHealth)
}
