package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/sdk/conformance"
)

// Fuel depends on the modules and their inputs alone, so it is compared to the
// unit. A change that is meant, or another Go toolchain, needs a new baseline:
//
//	go run ./cmd/ripen plugin bench --shipped --json > testdata/plugins/bench.json
func TestBenchShipped_FuelIsThatOfTheBaseline(t *testing.T) {
	root := filepath.Join("..", "..")
	text, err := os.ReadFile(filepath.Join(root, "testdata", "plugins", "bench.json"))
	require.NoError(t, err)
	var before []conformance.Figures
	require.NoError(t, json.Unmarshal(text, &before))
	cache := filepath.Join(root, "build", "plugin-cache")
	require.NoError(t, os.MkdirAll(cache, 0o700))
	now, err := benchShipped(t.Context(), cache, nil)
	require.NoError(t, err)
	require.Len(t, now, len(before))
	for i := range now {
		assert.Empty(t, fuelChanged(&now[i], before))
		require.NotNil(t, earlier(&now[i], before), "%s in %s", now[i].Plugin, now[i].Case)
	}

	worse := now[0]
	worse.Fuel++
	assert.Contains(t, fuelChanged(&worse, before), "the baseline has")
}
