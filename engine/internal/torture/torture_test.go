package torture

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	ServeIfAsked()
	os.Exit(m.Run())
}

// TestTorture is the short form of `make torture`: every row of the failure
// table once. RIPEN_TORTURE_SEED chooses another schedule.
func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	seed := uint64(1)
	if text := os.Getenv("RIPEN_TORTURE_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
		seed = n
	}
	// Not t.TempDir: a failure leaves its folder to be looked at.
	tally, err := Run(t.Context(), Options{Kills: 20, Seed: seed, Faults: 6, Source: "../../..", Out: t.Output()})
	require.NoError(t, err, "seed %d", seed)
	require.Zero(t, tally.Faults())
	require.GreaterOrEqual(t, tally.Kills(), 20)
}
