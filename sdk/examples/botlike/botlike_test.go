package main

import (
	_ "embed"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

func TestBotlike_HidesWhatComesTooFast(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, `{"human_after": "3s"}`)
	play := func(name string, at int64) sdktest.Outcome {
		return h.Play(sdktest.Event{Name: name, ID: name, At: at})
	}
	require.False(t, play("Email Opened", 500).Hidden, "no delivery is known")
	require.False(t, play("Email Delivered", 1000).Hidden)
	got := play("Email Opened", 3999)
	require.True(t, got.Hidden)
	require.Equal(t, []string{"robot"}, got.Flags)
	require.False(t, play("Email Opened", 4000).Hidden, "three seconds are human")
	require.False(t, play("Demo Requested", 1001).Hidden)
}

func TestBotlike_TakesBackTheOpenBeforeARobotsClick(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, `{}`)
	h.Play(sdktest.Event{Name: "Email Delivered", ID: "d", At: 10_000})
	h.Play(sdktest.Event{Name: "Email Opened", ID: "o", At: 13_000})
	got := h.Play(sdktest.Event{Name: "Email Link Clicked", ID: "c", At: 11_000})
	require.True(t, got.Hidden)
	require.Len(t, got.Entries, 1)
	require.Equal(t, abi.EntryVoidEvent, got.Entries[0].Flags)
	require.NotZero(t, got.Entries[0].Scope)
	require.Empty(t, h.Play(sdktest.Event{Name: "Email Link Clicked", ID: "c2", At: 11_001}).Entries, "once")
}
