package engine

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// A decision is told to be of the release that made it: not of what a later
// record names once snapshots have taken the place of its own, nor of the one
// that was still live in the middle of the switch that led to it.
func TestStored_Within(t *testing.T) {
	stored := func() *Stored {
		return &Stored{Sequence: 30, Decision: lead.Decision{Workflow: "w", Release: "8cafea907863"}}
	}
	four := journal.Lineage{Workflow: "w", Release: 4, Model: "8cafea90786311", Bundle: "b4", Role: journal.RoleShadow}
	five := journal.Lineage{Workflow: "w", Release: 5, Model: "37a4e3b3aaaa11", Bundle: "b5", Role: journal.RoleLive}

	s := stored()
	assert.True(t, s.within(&journal.Record{Prev: 28, Number: 9, InputSeq: 7, Lineages: []journal.Lineage{five, four}}))
	assert.Equal(t, []any{uint64(9), uint64(7), uint32(4), "b4"}, []any{s.Record, s.Input, s.Number, s.Bundle})

	s = stored()
	assert.False(t, s.within(&journal.Record{Prev: 46, Number: 47, InputSeq: 43, Lineages: []journal.Lineage{five}}), "a later one")
	assert.Zero(t, s.Record)
	assert.Zero(t, s.Number)
}
