package engine

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCutBehind_IsABoundaryOfAllAgeSteps(t *testing.T) {
	const hour, day = 3_600_000, 86_400_000
	for _, c := range []struct {
		at    int64
		steps []int64
		want  int64
	}{
		{5*day + 1, []int64{day}, 6 * day},
		{5 * day, []int64{day}, 5 * day},
		{5*day + 1, []int64{day, day}, 6 * day},
		{5*day + 1, []int64{hour, day}, 6 * day},
		{5*day + 1, []int64{2 * day, 3 * day}, 6 * day},
		{6*day + 1, []int64{2 * day, 3 * day}, 12 * day},
		{hour + 1, []int64{hour}, 2 * hour},
	} {
		got, err := cutBehind(c.at, c.steps)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%d %v", c.at, c.steps)
	}
	_, err := cutBehind(1, []int64{0})
	require.Error(t, err)
}
