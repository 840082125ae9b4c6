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
}

func TestOpen_RefusesWhatItCannotRead(t *testing.T) {
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  string
	}{
		"no module": {fstest.MapFS{"plugins/x.wasm": {Data: []byte("hello")}}, "plugins/x.wasm: not a WASM module"},
		"twins":     {fstest.MapFS{"plugins/a.wasm": {Data: module("p")}, "plugins/b.wasm": {Data: module("p")}}, `plugins/a.wasm and plugins/b.wasm both hold the plugin "p"`},
		"too large": {fstest.MapFS{"plugins/x.wasm": {Data: make([]byte, abi.MaxModule+1)}}, "a module may have"},
		"a pipe":    {fstest.MapFS{"plugins/x.wasm": {Mode: fs.ModeNamedPipe}}, "plugins/x.wasm is no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := registry.Open(c.files)
			require.ErrorContains(t, err, c.want)
		})
	}
}
