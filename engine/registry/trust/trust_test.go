package trust_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/registry/trust"
)

func key(t testing.TB, b byte) pack.PrivateKey {
	t.Helper()
	k, err := pack.NewKey(bytes.NewReader(bytes.Repeat([]byte{b}, 32)))
	require.NoError(t, err)
	return k
}

func packed(t testing.TB) []byte {
	t.Helper()
	raw, err := os.ReadFile("../../../testdata/hostile/points.wasm")
	require.NoError(t, err)
	m, err := pack.Pack(raw, []byte(`{"name": "points", "version": "1.0.0", "abi": "1.0", "schema": {}}`))
	require.NoError(t, err)
	return m
}

func plugin(t testing.TB, module []byte) *registry.Plugin {
	t.Helper()
	p, err := registry.Read(module, "plugins/points.wasm")
	require.NoError(t, err)
	return p
}

func TestPolicy_WhoseAreRun(t *testing.T) {
	acme, mallory := key(t, 1), key(t, 2)
	keys, err := trust.NewKeys([][2]string{{"acme", acme.Public().String()}}, nil)
	require.NoError(t, err)
	read := 0
	p, err := trust.New(func() (*trust.Keys, error) { read++; return keys, nil }, false)
	require.NoError(t, err)

	unsigned := plugin(t, packed(t))
	_, err = p.Check(unsigned)
	require.ErrorIs(t, err, trust.ErrUnsigned)
	require.ErrorContains(t, err, "points 1.0.0 (plugins/points.wasm, sha256:")
	require.ErrorContains(t, err, "--allow-unsigned")

	signed, err := pack.Sign(packed(t), acme)
	require.NoError(t, err)
	s, err := p.Check(plugin(t, signed))
	require.NoError(t, err)
	require.Equal(t, "signed by acme (key "+acme.Public().ID()+")", s.String())

	other, err := pack.Sign(packed(t), mallory)
	require.NoError(t, err)
	_, err = p.Check(plugin(t, other))
	require.ErrorIs(t, err, trust.ErrUnknown)
	require.ErrorContains(t, err, "ripen plugin trust add NAME "+mallory.Public().String())

	// A key that is taken back counts at the next look.
	keys, err = trust.NewKeys([][2]string{{"acme", acme.Public().String()}}, []string{acme.Public().String()})
	require.NoError(t, err)
	s, err = p.Check(plugin(t, signed))
	require.ErrorIs(t, err, trust.ErrRevoked)
	require.ErrorContains(t, err, acme.Public().ID()+" of acme")
	require.Equal(t, "acme", s.Publisher)
	require.Equal(t, 3, read)

	p.AllowUnsigned = true
	for _, module := range [][]byte{packed(t), other} {
		_, err = p.Check(plugin(t, module))
		require.NoError(t, err)
	}
	_, err = p.Check(plugin(t, signed))
	require.ErrorIs(t, err, trust.ErrRevoked, "whatever is allowed")
}

func TestPolicy_BrokenIsRefusedWhateverIsAllowed(t *testing.T) {
	p, err := trust.New(func() (*trust.Keys, error) { return &trust.Keys{}, nil }, true)
	require.NoError(t, err)
	signed, err := pack.Sign(packed(t), key(t, 1))
	require.NoError(t, err)
	good := plugin(t, signed)
	broken := *good
	broken.Wasm = bytes.Clone(signed)
	broken.Wasm[100] ^= 1
	_, err = p.Check(&broken)
	require.ErrorIs(t, err, pack.ErrBroken)
	_, err = registry.Read(broken.Wasm, "plugins/points.wasm")
	require.ErrorIs(t, err, pack.ErrBroken, "nor is it read in the first place")
}

func TestPolicy_ShippedAndUnreadable(t *testing.T) {
	p, err := trust.New(func() (*trust.Keys, error) { return nil, errors.New("ripen.hcl:3: no") }, false)
	require.NoError(t, err)
	set, err := registry.Builtin()
	require.NoError(t, err)
	b, err := set.Lookup("decay")
	require.NoError(t, err)
	s, err := p.Check(b)
	require.NoError(t, err)
	require.Equal(t, "shipped", s.String())

	signed, err := pack.Sign(packed(t), key(t, 1))
	require.NoError(t, err)
	_, err = p.Check(plugin(t, signed))
	require.ErrorContains(t, err, "ripen.hcl:3")
}

func TestNewKeys_SaysWhatIsWrong(t *testing.T) {
	k := key(t, 1).Public().String()
	for _, tt := range []struct {
		publishers [][2]string
		revoked    []string
		says       string
	}{
		{[][2]string{{"acme", "ed25519:x"}}, nil, `publisher "acme": not a key`},
		{[][2]string{{"acme", k}, {"umbra", k}}, nil, `"acme" and "umbra" have the same key`},
		{[][2]string{{"a b", k}}, nil, `cannot be called "a b"`},
		{nil, []string{"0123"}, "revoked: not a key"},
	} {
		_, err := trust.NewKeys(tt.publishers, tt.revoked)
		require.ErrorContains(t, err, tt.says)
	}
}
