package conformance

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// UPDATE=1 go test writes the golden files anew.
func TestPlay_Golden(t *testing.T) {
	for _, name := range []string{"quotesize", "bot-filter"} {
		t.Run(name, func(t *testing.T) {
			list, err := Play(context.Background(), example(t, name), Options{Cases: casesOf(t, name), CacheDir: cacheDir(t)})
			require.NoError(t, err)
			for i := range list {
				p := &list[i]
				if os.Getenv("UPDATE") != "" {
					require.NoError(t, os.WriteFile(filepath.Join(sourceOf(name), "fixtures", p.Case+GoldenFile), p.Golden, 0o644))
					continue
				}
				require.True(t, p.OK(), "%s: %s", p.Case, p.Diff)
				require.Positive(t, p.Fuel)
				require.LessOrEqual(t, p.Fuel, p.FuelMost)
				require.Less(t, p.FuelMost, p.FuelLimit)
			}
		})
	}
}

func TestPlay_ShowsWhatDiffers(t *testing.T) {
	cases := casesOf(t, "quotesize")
	cases[0].Golden = []byte(strings.Replace(string(cases[0].Golden), "7500", "7400", 1))
	list, err := Play(context.Background(), example(t, "quotesize"), Options{Cases: cases, CacheDir: cacheDir(t)})
	require.NoError(t, err)
	require.False(t, list[0].OK())
	require.Contains(t, list[0].Diff, `-           "milli": 7400`)
	require.Contains(t, list[0].Diff, `+           "milli": 7500`)

	cases[0].Golden = nil
	list, err = Play(context.Background(), example(t, "quotesize"), Options{Cases: cases, CacheDir: cacheDir(t)})
	require.NoError(t, err)
	require.True(t, list[0].New)
	require.False(t, list[0].OK(), "what nobody has looked at is not right yet")
}

func TestBench_FuelIsExact(t *testing.T) {
	began := time.Now()
	clock := func() int64 { return time.Since(began).Nanoseconds() }
	var fuel uint64
	module, err := os.ReadFile(filepath.Join(root, "testdata", "modules", "c-quotesize.wasm"))
	require.NoError(t, err)
	for _, clock := range []func() int64{clock, nil} {
		list, err := Bench(context.Background(), module, Options{Cases: casesOf(t, "quotesize"), CacheDir: cacheDir(t)}, clock)
		require.NoError(t, err)
		require.Len(t, list, 1)
		f := list[0]
		require.Positive(t, f.Fuel)
		require.Equal(t, clock != nil, f.NS > 0)
		require.Equal(t, clock != nil, f.Compile > 0)
		require.True(t, fuel == 0 || fuel == f.Fuel, "fuel %d, then %d", fuel, f.Fuel)
		fuel = f.Fuel
	}
	_, err = Bench(context.Background(), module, Options{}, clock)
	require.ErrorIs(t, err, ErrNoCases)
}
