//go:build failpoints

package failpoint

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestActsAtTheNamedPass(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	r, err := open("a=error@3; b=sleep:5ms", "", trace)
	require.NoError(t, err)
	for n := 1; n <= 5; n++ {
		a := r.pass("a")
		require.Equal(t, n == 3, a != nil, "pass %d", n)
		if a != nil {
			require.ErrorIs(t, a.do(), ErrInjected)
		}
	}
	started := time.Now()
	require.NoError(t, r.pass("b").do())
	require.GreaterOrEqual(t, time.Since(started), 5*time.Millisecond)
	require.Nil(t, r.pass("c"))
	text, err := os.ReadFile(trace)
	require.NoError(t, err)
	require.Equal(t, "hit a\nact a error\nhit b\nact b sleep\nhit c\n", string(text))
}

func TestChanceFollowsTheSeed(t *testing.T) {
	draw := func(seed string) (list []bool) {
		r, err := open("a=error%30", seed, "")
		require.NoError(t, err)
		for range 200 {
			list = append(list, r.pass("a") != nil)
		}
		return list
	}
	require.Equal(t, draw("7"), draw("7"))
	require.NotEqual(t, draw("7"), draw("8"))
	require.Contains(t, draw("7"), true)
}

func TestBadSpecsAreRefused(t *testing.T) {
	for _, spec := range []string{"a", "a=", "a=burn", "a=kill@0", "a=kill@x", "a=error%0", "a=sleep:x"} {
		_, err := open(spec, "", "")
		require.ErrorContains(t, err, "expected NAME=ACTION", spec)
	}
	_, err := open("", "x", "")
	require.Error(t, err)
}

func TestConstantsAreSet(t *testing.T) {
	t.Setenv("RIPEN_FAILPOINTS_SET", "a.every=20ms; b.records=7")
	require.Equal(t, 20*time.Millisecond, Duration("a.every", time.Hour))
	require.Equal(t, time.Hour, Duration("other", time.Hour))
	require.Equal(t, 7, Number("b.records", 1000))
	require.Equal(t, 1000, Number("other", 1000))
}
