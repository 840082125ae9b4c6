package main

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

func TestTraplike_AwardsUntilItIsToldOtherwise(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, `{"points": 2, "after": "2h"}`)
	got := h.Play(sdktest.Event{Name: "Visited", ID: "a", At: 1000})
	require.Len(t, got.Entries, 1)
	require.EqualValues(t, 2000, got.Entries[0].Milli)
	require.Empty(t, got.Flags)
	for i := range 8 {
		h.Play(sdktest.Event{Name: "Visited", ID: string(rune('b' + i)), At: 1000})
	}
	require.Equal(t, []string{"tenth"}, h.Play(sdktest.Event{Name: "Visited", ID: "z", At: 1000}).Flags)
}
