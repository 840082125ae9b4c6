package main

import (
	_ "embed"
	"testing"

	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

// The test runs the same code over the same memory layout as in WebAssembly,
// with plain `go test` and without any.
func TestAPointForEveryThousand(t *testing.T) {
	for _, tt := range []struct {
		event string
		props map[string]any
		milli int64
	}{
		{"Quote Requested", map[string]any{"amount": 7500.0}, 7_500},
		{"Quote Requested", map[string]any{"amount": 1e9}, 20_000}, // at most
		{"Quote Requested", nil, 0},                                // missing is unknown
		{"Order Placed", map[string]any{"amount": 7500.0}, 0},
	} {
		h := sdktest.New(t, plugin, manifest, `{"most": 20}`)
		if got := h.Play(sdktest.Event{Name: tt.event, Props: tt.props}).Sum(); got != tt.milli {
			t.Errorf("%s %v: %d milli-points, expected %d", tt.event, tt.props, got, tt.milli)
		}
	}
}
