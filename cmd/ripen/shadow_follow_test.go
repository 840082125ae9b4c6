package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
)

// Who follows a shadow sees each difference when it comes, not when the command
// ends.
func TestShadowFollow_PrintsAtOnce(t *testing.T) {
	var out bytes.Buffer
	a := newApp(nil, &out, nil)
	d := &engine.ShadowDifference{Lead: "ann", Workflow: "w", At: 1_767_225_600_000, Why: "only the shadow decides: 20"}
	d.Live.Release, d.Shadow.Release, d.Shadow.Decision = 1, 2, &lead.Decision{Action: "sales-handoff", Route: "warm"}
	require.NoError(t, a.printDifference(d, false))
	assert.Equal(t, "2026-01-01T00:00:00Z  ann  release 1: –  release 2: sales-handoff/warm  only the shadow decides: 20\n", out.String())
	out.Reset()
	require.NoError(t, a.printDifference(d, true))
	assert.Contains(t, out.String(), `"lead":"ann"`)
}
