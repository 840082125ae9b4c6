package lead

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPartition(t *testing.T) {
	// Published test vectors of FNV-1a, 64 bit.
	for text, hash := range map[string]uint64{"": 0xcbf29ce484222325, "a": 0xaf63dc4c8601ec8c, "foobar": 0x85944171f73967e8} {
		for _, n := range []int{1, 7, 48} {
			require.Equal(t, int(hash%uint64(n)), Partition(text, n), text)
		}
	}
	seen := map[int]int{}
	for i := range 10_000 {
		seen[Partition(fmt.Sprint("lead-", i), 16)]++
	}
	for p := range 16 {
		require.Greater(t, seen[p], 400, "partition %d", p)
	}
}
