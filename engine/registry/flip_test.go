package registry_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/abi"
)

// TestRead_OneFlippedByteOfALargeModuleIsRefusedByName changes one byte of a
// signed std-Go module at a time: all of its manifest and its signature, and a
// sample of the rest. (Package pack does so with every byte of a small one.)
func TestRead_OneFlippedByteOfALargeModuleIsRefusedByName(t *testing.T) {
	const file, sample = "plugins/quotesize.wasm", 200
	module, err := os.ReadFile("../../build/examples/quotesize.wasm")
	require.NoError(t, err, "run make plugins")
	key, err := pack.NewKey(bytes.NewReader(bytes.Repeat([]byte{5}, 32)))
	require.NoError(t, err)
	signed, err := pack.Sign(module, key)
	require.NoError(t, err)
	p, err := registry.Read(signed, file)
	require.NoError(t, err)
	require.Equal(t, key.Public(), p.Signer)
	_, manifest, found, err := pack.Section(signed, abi.ManifestSection)
	require.NoError(t, err)
	require.True(t, found)

	r := rand.New(rand.NewPCG(3, 3))
	var list []int
	for range sample {
		list = append(list, r.IntN(manifest))
	}
	for at := manifest; at < len(signed); at++ {
		list = append(list, at)
	}
	require.Greater(t, len(list), sample+105)
	named := 0
	for _, at := range list {
		bit := byte(1) << r.IntN(8)
		signed[at] ^= bit
		_, err := registry.Read(signed, file)
		signed[at] ^= bit
		require.ErrorContains(t, err, file, "byte %d of %d, bit %#x", at, len(signed), bit)
		require.NotErrorIs(t, err, pack.ErrUnsigned)
		if bytes.Contains([]byte(err.Error()), []byte("plugin quotesize ")) {
			named++
		}
	}
	require.Greater(t, named, sample, "wherever the manifest can be read, the plugin is named")
	_, err = registry.Read(signed, file)
	require.NoError(t, err)
}
