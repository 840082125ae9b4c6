// Package sdktest runs a plugin natively, in plain `go test`: the same guest
// code over the same arena as in WASM, with a small host in place of Ripen.
//
//	h := sdktest.New(t, plugin, manifest, `{"class": [{"label": "asked", "events": {"Demo Requested": 100}}]}`)
//	got := h.Play(sdktest.Event{Name: "Demo Requested"})
//	require.Equal(t, int64(100_000), got.Points("asked/Demo Requested"))
//
// The configuration is written as JSON after the plugin's own schema (which
// must be free of $ref); blocks are lists of objects with a "label". An
// expression is its text, and a test says what each text is worth
// (Event.Exprs); a text that is not listed is unknown.
//
// The host keeps state, timers and counters of each lead. It does not apply
// scopes and caps: entries are shown as the plugin wrote them.
package sdktest
