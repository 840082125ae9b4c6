package pack_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/sdk/abi"
)

// keyOf is the key of a seed that consists of one byte.
func keyOf(t testing.TB, b byte) pack.PrivateKey {
	t.Helper()
	key, err := pack.NewKey(bytes.NewReader(bytes.Repeat([]byte{b}, ed25519.SeedSize)))
	require.NoError(t, err)
	return key
}

// points is a small module, packed.
func points(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../../testdata/hostile/points.wasm")
	require.NoError(t, err)
	module, err := pack.Pack(raw, []byte(manifest))
	require.NoError(t, err)
	return module
}

func TestSign_ThenVerify(t *testing.T) {
	key := keyOf(t, 7)
	module := points(t)
	_, err := pack.Verify(module)
	require.ErrorIs(t, err, pack.ErrUnsigned)

	signed, err := pack.Sign(module, key)
	require.NoError(t, err)
	sig, err := pack.Verify(signed)
	require.NoError(t, err)
	require.Equal(t, key.Public(), sig.Key)
	require.Equal(t, len(module), sig.Covers)
	require.Len(t, sig.Key.ID(), 16)
	require.Equal(t, module, signed[:len(module)], "what was packed is not touched")

	other := keyOf(t, 8)
	again, err := pack.Sign(signed, other)
	require.NoError(t, err)
	sig, err = pack.Verify(again)
	require.NoError(t, err)
	require.Equal(t, other.Public(), sig.Key, "a new signature takes the place of the old one")
	require.Len(t, again, len(signed))

	raw, text, err := pack.Unpack(again)
	require.NoError(t, err)
	require.JSONEq(t, manifest, string(text))
	back, err := pack.Pack(raw, text)
	require.NoError(t, err)
	require.Equal(t, module, back)
}

// refused says whether a module would be refused for being other than it was
// signed: it must not pass as signed, nor as a whole module without signature.
func refused(module []byte) error {
	if _, err := pack.Manifest(module); err != nil {
		return err
	}
	_, err := pack.Verify(module)
	return err
}

func TestVerify_OneFlippedByteAnywhereIsRefused(t *testing.T) {
	signed, err := pack.Sign(points(t), keyOf(t, 7))
	require.NoError(t, err)
	require.NoError(t, refused(signed))
	why := map[string]int{}
	for at := range signed {
		for _, flip := range []byte{0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff} {
			signed[at] ^= flip
			err := refused(signed)
			require.Error(t, err, "byte %d of %d, flipped by %#x", at, len(signed), flip)
			require.NotErrorIs(t, err, pack.ErrUnsigned, "byte %d, flipped by %#x: a signed module passes as an unsigned one", at, flip)
			why[fmt.Sprintf("%.30s", err)]++
			signed[at] ^= flip
		}
	}
	require.NoError(t, refused(signed))
	require.Greater(t, len(why), 4, "%v", why)
}

func TestVerify_CutOrGrownIsRefused(t *testing.T) {
	signed, err := pack.Sign(points(t), keyOf(t, 7))
	require.NoError(t, err)
	packed := len(points(t))
	for n := range signed {
		if n == packed {
			continue // the module before it was signed: unsigned, and refused as that
		}
		require.Error(t, refused(signed[:n]), "cut to %d bytes", n)
	}
	require.ErrorIs(t, refused(signed[:packed]), pack.ErrUnsigned)
	require.ErrorContains(t, refused(pack.Append(signed, "name", nil)), "behind its signature")
	require.ErrorContains(t, refused(append(bytes.Clone(signed), 0)), "longer than the module")
	sig, _, _, err := pack.Section(signed, abi.SignatureSection)
	require.NoError(t, err)
	require.ErrorContains(t, refused(pack.Append(pack.Append(signed[:packed], "other", nil), abi.SignatureSection, sig)), "behind its manifest")
	require.ErrorContains(t, refused(pack.Append(empty, abi.SignatureSection, sig)), "no ripen.manifest stands before")
	require.ErrorContains(t, refused(pack.Append(signed[:packed], abi.SignatureSection, sig[:40])), "40 bytes, expected 105")
}

func TestPack_OnlyOnceAndOnlyAsItShould(t *testing.T) {
	module := points(t)
	_, err := pack.Pack(module, []byte(manifest))
	require.ErrorIs(t, err, pack.ErrPacked)
	_, err = pack.Pack(empty, []byte(`{"name": "../p", "version": "1", "abi": "1.0", "schema": {}}`))
	require.ErrorContains(t, err, `cannot be called "../p"`)
	_, err = pack.Sign(empty, keyOf(t, 7))
	require.ErrorIs(t, err, pack.ErrNoManifest)
	_, err = pack.Manifest(pack.Append(module, "ripen.signaturf", nil))
	require.ErrorContains(t, err, "behind its manifest")
	_, err = pack.Manifest(pack.Append(pack.Append(empty, "ripen.manifesto", nil), abi.ManifestSection, []byte(manifest)))
	require.ErrorContains(t, err, "ripen.manifesto")
}

func TestKeys_AreWrittenAndReadBack(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "acme")
	key := keyOf(t, 9)
	require.NoError(t, pack.WriteKey(name, key))
	require.ErrorContains(t, pack.WriteKey(name, key), "is there already")

	info, err := os.Stat(name + ".key")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	back, err := pack.ReadKey(name + ".key")
	require.NoError(t, err)
	require.Equal(t, key, back)
	public, err := pack.ReadPublicKey(name + ".pub")
	require.NoError(t, err)
	require.Equal(t, key.Public(), public)

	_, err = pack.ReadPublicKey(name + ".key")
	require.ErrorContains(t, err, "it is a private key")
	require.NotContains(t, err.Error(), "ed25519-private", "the key is not shown")
	_, err = pack.ReadKey(name + ".pub")
	require.ErrorContains(t, err, "a public one")
	require.NoError(t, os.Chmod(name+".key", 0o640))
	_, err = pack.ReadKey(name + ".key")
	require.ErrorContains(t, err, "mode 0640, expected 0600")
	_, err = pack.ReadKey(filepath.Join(dir, "none.key"))
	require.ErrorContains(t, err, "keygen")
	assert.NotContains(t, fmt.Sprintf("%v %+v %#v %s", key, key, key, key), "ed25519-private")
}

func TestParsePublicKey_OneTextForOneKey(t *testing.T) {
	text := keyOf(t, 1).Public().String()
	for _, bad := range []string{"", "ed25519:", text[:len(text)-1], text + "=", "rsa:" + text[8:], "ed25519:" + text[9:], text[:20] + "\n" + text[20:]} {
		_, err := pack.ParsePublicKey(bad)
		require.ErrorIs(t, err, pack.ErrKey, bad)
	}
}

func FuzzVerify(f *testing.F) {
	signed, err := pack.Sign(points(f), keyOf(f, 7))
	require.NoError(f, err)
	f.Add(signed, 3, byte(1))
	f.Add(points(f), 9, byte(0xff))
	f.Add([]byte("hello"), 0, byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at int, flip byte) {
		sig, err := pack.Verify(b)
		if err != nil {
			return
		}
		require.Less(t, sig.Covers, len(b))
		_, err = pack.Manifest(b)
		_ = err // a signed manifest may still be a bad one
		if flip == 0 || at < 0 {
			return
		}
		b = bytes.Clone(b)
		b[at%len(b)] ^= flip
		_, err = pack.Verify(b)
		require.Error(t, err)
	})
}

func FuzzParsePublicKey(f *testing.F) {
	f.Add(keyOf(f, 1).Public().String())
	f.Add("ed25519:")
	f.Fuzz(func(t *testing.T, text string) {
		if key, err := pack.ParsePublicKey(text); err == nil {
			again, err := pack.ParsePublicKey(key.String())
			require.NoError(t, err)
			require.Equal(t, key, again)
		}
	})
}

func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifest))
	f.Add([]byte(`{"name": "p", "version": "1", "abi": "1.0", "schema": {}, "limits": {"fuel": -1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := pack.ParseManifest(b); err == nil {
			require.NoError(t, pack.CheckName(m.Name))
			module, err := pack.Pack(empty, b)
			require.NoError(t, err)
			again, err := pack.Manifest(module)
			require.NoError(t, err)
			require.Equal(t, m, again)
		}
	})
}
