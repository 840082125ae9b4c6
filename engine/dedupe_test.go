package engine

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDedupeDays_CoverTheHorizon(t *testing.T) {
	const day = 24 * time.Hour
	for horizon, days := range map[time.Duration]int32{0: 0, time.Second: 1, day: 1, day + 1: 2, 30 * day: 30} {
		require.Equal(t, days, dedupeDays(horizon), "%s", horizon)
	}
}
