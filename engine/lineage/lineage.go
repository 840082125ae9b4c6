// Package lineage runs several releases over the leads of one partition, side
// by side.
//
// A lineage is one release of one workflow with a state of its own: accounts,
// event ids, timers. All lineages of a partition get the same inputs in the
// same order. Of each workflow exactly one is live: what it decides is
// published. The others are shadows of it, or are still being built from
// history. Orders in the stream start, switch and stop them, so all of this is
// a function of the stream.
//
// The package may import core, decide, ledger and lead. It has no clock, no
// network and no file: the running engine, plan, explain and the verification
// of a journal run the same code.
package lineage

import (
	"cmp"
	"errors"

	"github.com/ripenhq/ripen/engine/core"
)

// ID names a lineage: the sequence of the control message that started it.
type ID uint64

// Role is what a lineage is for.
type Role uint8

// The roles.
const (
	Building Role = iota + 1 // reads history, behind the others
	Shadow                   // in step; what it decides is not published
	Live                     // in step; its decisions count
)

func (r Role) String() string {
	switch r {
	case Building:
		return "building"
	case Shadow:
		return "shadow"
	case Live:
		return "live"
	}
	return "unknown"
}

// Place is where a lineage is in the events stream: the next input, Index in
// the pack of message Seq.
type Place struct {
	Seq   uint64
	Index uint32
}

// Before says whether p comes before q.
func (p Place) Before(q Place) bool {
	return cmp.Or(cmp.Compare(p.Seq, q.Seq), cmp.Compare(p.Index, q.Index)) < 0
}

// Descriptor is what a commit says of a lineage beside its state.
type Descriptor struct {
	ID       ID
	Workflow string
	Release  Release
	Role     Role
	Origin   Origin
	Cut      int64   // ms: events of history before it are passed over, 0 = none
	Was      Release // while a switch in place is being carried out: the release before
	Since    ID      // sequence of the order that made it live, 0 = it never was
	Until    int64   // ms: a shadow is kept until time reaches it, 0 = until it is stopped
	At       Place   // building: how far it is
	Clock    int64   // building: the latest tick it has seen, ms
}

// Member is a lineage at work.
type Member struct {
	Descriptor
	Core *core.Core
	// Out is what the last slice of inputs, or of a walk, led to.
	Out core.Output

	left   []core.Input // of the batch
	rising bool         // a switch makes it the live one
}

// InStep says that the lineage gets the inputs of the partition.
func (m *Member) InStep() bool { return m.Role == Shadow || m.Role == Live }

// ErrOrder says that an order cannot be read, or cannot be obeyed.
var ErrOrder = errors.New("order cannot be obeyed")
