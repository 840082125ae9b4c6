//go:build !failpoints

package failpoint

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNothingHappensWithoutTheTag(t *testing.T) {
	t.Setenv("RIPEN_FAILPOINTS", "a=error%100")
	Hit("a")
	Soon("a")
	require.NoError(t, Err("a"))
	t.Setenv("RIPEN_FAILPOINTS_SET", "a=1s;b=1")
	require.Equal(t, time.Hour, Duration("a", time.Hour))
	require.Equal(t, 9, Number("b", 9))
	require.Zero(t, testing.AllocsPerRun(100, func() { Hit("a") }))
}
