package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/abi"
)

// frozen are modules that partners built when the contract was 1.0, with the
// digests that releases in the field name. They are never built again: what
// they say today they must say for ever.
var frozen = []struct{ file, plays, digest string }{
	{"c-everything.wasm", "everything", "8e40c238ebe8a5bc6cf90024592d660a7730b5070ec3b9b66398ec07e69d2702"},
	{"as-everything.wasm", "everything", "9d7028d5861c98469754479f9a90b9a57fd8f6c0d170c22b44ead8bba285a108"},
	{"rust-quotesize.wasm", "quotesize", "bc01d8f34b5253a382634515bd020b6ceae459b161b299952f557d7bc03c43d9"},
	{"go-botlike.wasm.gz", "botlike", "04560ec04dce2862898fd0c03f7296db82979df0c6567f576ab72fc61f161c1b"},
}

// goldenFolder holds the modules, and what each plays.
var goldenFolder = filepath.Join(root, "testdata", "modules", "v1.0")

// frozenModule reads one of them, byte for byte as it was built.
func frozenModule(t testing.TB, file, digest string) []byte {
	t.Helper()
	module, err := os.ReadFile(filepath.Join(goldenFolder, file))
	require.NoError(t, err)
	if strings.HasSuffix(file, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(module))
		require.NoError(t, err)
		module, err = io.ReadAll(z)
		require.NoError(t, err)
	}
	sum := sha256.Sum256(module)
	require.Equal(t, digest, hex.EncodeToString(sum[:]), "%s is not what was built against the contract 1.0", file)
	return module
}

func TestGolden_ModulesOfContract1_0WorkForEver(t *testing.T) {
	quotes := frozenModule(t, frozen[2].file, frozen[2].digest)
	manifest, err := pack.Manifest(quotes)
	require.NoError(t, err)
	for _, f := range frozen {
		t.Run(f.file, func(t *testing.T) {
			module := frozenModule(t, f.file, f.digest)
			c := Case{Name: f.plays}
			for suffix, into := range map[string]*[]byte{ConfigFile: &c.Config, EventsFile: &c.Events, GoldenFile: &c.Golden} {
				*into, err = os.ReadFile(filepath.Join(goldenFolder, f.plays+suffix))
				require.NoError(t, err)
			}
			o := Options{Cases: []Case{c}, Beside: []*registry.Plugin{{Manifest: manifest, Wasm: quotes}}, CacheDir: cacheDir(t)}
			played, err := Play(context.Background(), module, o)
			require.NoError(t, err)
			require.True(t, played[0].OK(), played[0].Diff)
			require.Greater(t, bytes.Count(c.Golden, []byte(`"input"`)), 1, "it says something")

			p, err := pack.Manifest(module)
			require.NoError(t, err)
			require.Equal(t, "1.0", p.ABI)
			require.EqualValues(t, 1, abi.Major, "a new major version stands beside the old one, it does not replace it")
		})
	}
}

// The golden modules between them use every capability and every kind of entry
// that the contract 1.0 has.
func TestGolden_SaysAllThatTheContractHas(t *testing.T) {
	var all []byte
	for _, name := range []string{"everything", "quotesize", "botlike"} {
		text, err := os.ReadFile(filepath.Join(goldenFolder, name+GoldenFile))
		require.NoError(t, err)
		all = append(all, text...)
	}
	for _, said := range []string{`"award"`, `"replace"`, `"adjust"`, `"void"`, `"void event"`, `"else": true`, `"hidden": true`, `"grade": "A"`, `"reason": "because"`, `"flags"`,
		`"wake"`, `"state"`, `"scope"`, `"timer"`, "bad: héllo wörld", "StateMax", "unreachable"} {
		require.True(t, bytes.Contains(all, []byte(said)), said)
	}
}
