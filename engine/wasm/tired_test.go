package wasm

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/step"
)

// A call has what the poorest of its slots may spend; one that may spend more
// has it when it is alone.
func TestBudget_IsThatOfThePoorestSlot(t *testing.T) {
	s := &Scorer{plugin: &Plugin{fuel: DefaultFuel}}
	rested, tired := step.Slot{}, step.Slot{Tired: true}
	require.Equal(t, DefaultFuel, s.budget([]step.Slot{rested, rested}))
	require.Equal(t, TiredFuel, s.budget([]step.Slot{rested, tired}))
	require.Equal(t, TiredFuel, s.budget([]step.Slot{tired}))
	require.Equal(t, DefaultFuel, s.budget([]step.Slot{rested}))
	s.plugin.fuel = 1000
	require.Equal(t, uint64(1000), s.budget([]step.Slot{tired}), "never more than the plugin's own")
}
