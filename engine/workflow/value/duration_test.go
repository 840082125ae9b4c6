package value

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]int64{
		"60d": 60 * Day, "24h": Day, "90m": 5_400_000, "30s": 30_000, "500ms": 500,
		"1d12h": 36 * 3_600_000, "2w": 14 * Day, "0s": 0, "1w2d3h4m5s6ms": 7*Day + 2*Day + 3*3_600_000 + 4*60_000 + 5_006,
		"365250d": MaxDuration,
	} {
		got, err := ParseDuration(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", "60", "d", "-1d", "+1d", "1.5d", "1 d", " 1d", "1d ", "1y", "1D", "1h1d", "1d1d", "365251d",
		"9223372036854775807ms", "99999999999999999999d", "365250d1ms", "1d\x00", "١d",
	} {
		_, err := ParseDuration(text)
		require.ErrorIs(t, err, ErrDuration, text)
	}
}

func TestFormatDuration(t *testing.T) {
	require.Equal(t, "60d", FormatDuration(60*Day))
	require.Equal(t, "2w", FormatDuration(14*Day))
	require.Equal(t, "1d12h", FormatDuration(36*3_600_000))
	require.Equal(t, "0s", FormatDuration(0))
	require.Equal(t, "-1m", FormatDuration(-60_000))
	rapid.Check(t, func(t *rapid.T) {
		ms := rapid.Int64Range(0, MaxDuration).Draw(t, "ms")
		back, err := ParseDuration(FormatDuration(ms))
		if err != nil || back != ms {
			t.Fatalf("%d ms became %q and %d, %v", ms, FormatDuration(ms), back, err)
		}
	})
}
