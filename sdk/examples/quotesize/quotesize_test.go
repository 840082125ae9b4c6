package main

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

func TestQuotesize_GivesAPointForEveryThousand(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, `{"most": 20}`)
	ask := func(props map[string]any) int64 {
		return h.Play(sdktest.Event{Name: "Quote Requested", Props: props}).Points("quote")
	}
	require.EqualValues(t, 7_500, ask(map[string]any{"amount": 7500.0}))
	require.EqualValues(t, 20_000, ask(map[string]any{"amount": 1e9}))
	require.Zero(t, ask(nil), "an amount that is missing gives nothing")
	require.Zero(t, h.Play(sdktest.Event{Name: "Order Placed", Props: map[string]any{"amount": 7500.0}}).Sum())
}
