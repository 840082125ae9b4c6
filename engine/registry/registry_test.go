package registry_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/abi"
)

func module(name string) []byte {
	manifest := `{"name": "` + name + `", "version": "0.1.0", "abi": "1.0", "schema": {}}`
	return pack.Append([]byte{0, 'a', 's', 'm', 1, 0, 0, 0}, abi.ManifestSection, []byte(manifest))
}

func TestOpen_TheWorkflowsOwnPluginsComeFirst(t *testing.T) {
	set, err := registry.Open(fstest.MapFS{
		"plugins/mine.wasm":  {Data: module("mine")},
		"plugins/decay.wasm": {Data: module("decay")},
		"plugins/notes.txt":  {Data: []byte("no plugin")},
		"workflow.hcl":       {Data: []byte("")},
	})
	require.NoError(t, err)
	require.Subset(t, set.Names(), []string{"behavior-points", "decay", "mine"})
	own, err := set.Lookup("decay")
	require.NoError(t, err)
	require.Equal(t, "plugins/decay.wasm", own.Origin)
	shipped, err := set.Lookup("behavior-points")
	require.NoError(t, err)
	require.Equal(t, "built-in", shipped.Origin)
	require.Len(t, own.Digest, 64)
	require.Equal(t, []registry.Note{{"plugins/decay.wasm", `plugins/decay.wasm is used instead of the built-in plugin "decay".`}}, set.Notes())
}

// A file that cannot be read is in nobody's way until somebody needs it. The
// built-in plugin does not stand in for one that it is called after.
func TestOpen_NotesWhatItCannotRead(t *testing.T) {
	_, err := registry.Open(fstest.MapFS{"plugins/a.wasm": {Data: module("p")}, "plugins/b.wasm": {Data: module("p")}})
	require.ErrorContains(t, err, `plugins/a.wasm and plugins/b.wasm both hold the plugin "p"`)
	set, err := registry.Open(fstest.MapFS{"plugins/decay.wasm": {Data: []byte("hello")}})
	require.NoError(t, err)
	_, err = set.Lookup("decay")
	require.ErrorIs(t, err, registry.ErrUnknown)
	require.ErrorContains(t, err, "plugins/decay.wasm: not a WASM module")
	require.NotContains(t, set.Names(), "decay")
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"no module": {fstest.MapFS{"plugins/x.wasm": {Data: []byte("hello")}}, "plugins/x.wasm: not a WASM module"},
		"too large": {fstest.MapFS{"plugins/x.wasm": {Data: make([]byte, abi.MaxModule+1)}}, "a module may have"},
		"a pipe":    {fstest.MapFS{"plugins/x.wasm": {Mode: fs.ModeNamedPipe}}, "plugins/x.wasm is no regular file"},
		"a link":    {fstest.MapFS{"plugins/x.wasm": {Mode: fs.ModeSymlink, Data: []byte("../../gone.wasm")}}, "plugins/x.wasm is a link to something that cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := registry.Open(c.files)
			require.NoError(t, err)
			require.Len(t, set.Notes(), 1)
			require.Equal(t, "plugins/x.wasm", set.Notes()[0].File)
			require.Contains(t, set.Notes()[0].Text, c.want)
			_, err = set.Lookup("x")
			require.ErrorContains(t, err, c.want)
			_, err = set.Lookup("decay")
			require.NoError(t, err)
		})
	}
}
