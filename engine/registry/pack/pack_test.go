package pack_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/abi"
)

var empty = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}

const manifest = `{"name": "p", "version": "1.0.0", "abi": "1.0", "capabilities": ["pure", "state"], "schema": {}}`

func TestAppendThenRead(t *testing.T) {
	packed := pack.Append(empty, abi.ManifestSection, []byte(manifest))
	signed := pack.Append(packed, abi.SignatureSection, []byte("sig"))

	m, err := pack.Manifest(signed)
	require.NoError(t, err)
	require.Equal(t, "p", m.Name)
	caps, err := pack.Caps(m)
	require.NoError(t, err)
	require.Equal(t, abi.CapPure|abi.CapState, caps)

	sig, at, found, err := pack.Section(signed, abi.SignatureSection)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "sig", string(sig))
	require.Equal(t, packed, signed[:at], "a signature covers all that stands before it")
}

func TestManifestErrorsSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		module []byte
		want   string
	}{
		"text":       {[]byte("hello world"), "not a WASM module"},
		"unpacked":   {empty, "has no section ripen.manifest: build it together with its manifest.json"},
		"cut":        {append(empty[:8:8], 0, 200, 1), "longer than the module"},
		"no JSON":    {pack.Append(empty, abi.ManifestSection, []byte("{")), "no JSON"},
		"no name":    {pack.Append(empty, abi.ManifestSection, []byte(`{"version":"1"}`)), `no "name"`},
		"capability": {pack.Append(empty, abi.ManifestSection, []byte(`{"name":"p","version":"1","abi":"1.0","schema":{},"capabilities":["fly"]}`)), `"fly"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pack.Manifest(c.module)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func FuzzSection(f *testing.F) {
	f.Add(pack.Append(empty, abi.ManifestSection, []byte(manifest)))
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, _, _, err := pack.Section(b, abi.ManifestSection); err == nil {
			grown := pack.Append(b, abi.ManifestSection, []byte("x"))
			data, at, found, err := pack.Section(grown, abi.ManifestSection)
			require.NoError(t, err)
			require.True(t, found)
			require.Equal(t, len(b), at)
			require.Equal(t, "x", string(data))
		}
	})
}
