//go:build !failpoints

package failpoint

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNothingHappensWithoutTheTag(t *testing.T) {
	t.Setenv("RIPEN_FAILPOINTS", "a=error%100")
	Hit("a")
	Soon("a")
	require.NoError(t, Err("a"))
	require.Zero(t, testing.AllocsPerRun(100, func() { Hit("a") }))
}
