package engine_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/workflow"
)

// starter copies a starter model into a folder of its own.
func starter(t *testing.T, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "w")
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("..", "workflows", name))))
	return dir
}

// TestLoadBundle_IsTheFolder loads a release and the folder that it was made
// of: both are the same model.
func TestLoadBundle_IsTheFolder(t *testing.T) {
	dir := starter(t, "letter-and-number")
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: cacheDir(t), Quiet: true})
	defer w.Close()
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), diags)
	b, err := release.Decode(w.Bundle.Encode())
	require.NoError(t, err)
	require.Equal(t, []string{"competitors.csv", "letter-and-number.ripentest.hcl", "outsiders.csv", "ripen.lock.hcl", "workflow.hcl"}, b.Names())
	got, diags, err := engine.LoadBundle(context.Background(), b, w.Modules(), engine.LoadOptions{Dir: "release 12", CacheDir: cacheDir(t), Quiet: true})
	defer got.Close()
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), diags)
	require.Equal(t, w.Model.Policy.Release, got.Model.Policy.Release)
	require.Equal(t, w.Bundle.Digest(), got.Bundle.Digest())
	require.Empty(t, workflow.Diff(w.Def, got.Def))

	missing, _, err := engine.LoadBundle(context.Background(), b, w.Modules()[1:], engine.LoadOptions{Dir: "release 12", CacheDir: cacheDir(t), Quiet: true})
	defer missing.Close()
	require.NoError(t, err)
	require.Nil(t, missing.Model)
}

func TestLoad_RefusesAPluginThatIsNotThePinnedOne(t *testing.T) {
	dir := starter(t, "letter-and-number")
	load := func() string {
		w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: cacheDir(t), Quiet: true})
		defer w.Close()
		require.NoError(t, err)
		if !diags.HasErrors() {
			require.NotNil(t, w.Model)
			return ""
		}
		require.Nil(t, w.Model)
		text, err := workflow.DiagnosticsJSON(diags)
		require.NoError(t, err)
		return string(text)
	}
	set, err := registry.Builtin()
	require.NoError(t, err)
	var pins []release.Pin
	for _, name := range set.Names() {
		p, err := set.Lookup(name)
		require.NoError(t, err)
		pins = append(pins, release.Pin{Name: name, Version: p.Manifest.Version, Digest: p.Digest})
	}
	lock := filepath.Join(dir, release.LockFile)
	require.NoError(t, os.WriteFile(lock, release.NewLock(pins).Render(), 0o600))
	require.Empty(t, load())
	for i := range pins {
		if pins[i].Name == "decay" {
			pins[i].Digest, pins[i].Version = registry.Digest(nil), "0.0.1"
		}
	}
	require.NoError(t, os.WriteFile(lock, release.NewLock(pins).Render(), 0o600))
	said := load()
	require.Contains(t, said, "Plugin differs from its pin")
	require.Contains(t, said, "of version 0.0.1 with digest sha256:"+registry.Digest(nil))
	require.Contains(t, said, "ripen init --upgrade")
	require.Contains(t, said, filepath.Join(dir, release.LockFile))
	require.NoError(t, os.WriteFile(lock, release.NewLock(nil).Render(), 0o600))
	require.Contains(t, load(), "Run ripen init to pin it")
	require.NoError(t, os.WriteFile(lock, []byte("plugin {"), 0o600))
	require.NotEmpty(t, load())
}
