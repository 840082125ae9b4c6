package pack

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Under a point of small order a signature can be made without a private key.
func TestParsePublicKey_RefusesWeakKeys(t *testing.T) {
	for _, k := range weakKeys {
		for _, sign := range []byte{0, 0x80} {
			b := k
			b[len(b)-1] |= sign
			_, err := ParsePublicKey(PublicKey(b[:]).String())
			require.ErrorIs(t, err, ErrKey)
			require.ErrorContains(t, err, "small order")
		}
	}
}
