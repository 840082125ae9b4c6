// Package step runs the steps of a workflow over rounds of inputs.
//
// It declares the small Scorer interface that a sandboxed plugin implements
// and knows nothing of WASM, of files or of routes. It imports lead, ledger
// and the vocabulary of the plugin contract.
package step

import (
	"bytes"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Spec is one configured step of a compiled workflow. It is immutable.
type Spec struct {
	Index  int    // position in the workflow and in Book.Steps
	Name   string // label of the step
	Plugin string // name of the plugin
	Digest string // sha256 of the module, hex
	Needs  *abi.Needs
	Config []byte // encoded configuration blob (abi.AppendConfig)
	// Sum is the identity of all that the step was told: configuration,
	// expressions, tables. Empty = unknown.
	Sum  string
	Caps uint64 // abi.Cap…
	// StateMax is the largest state blob in bytes.
	StateMax int
	// Project fills the columns, one projector per Needs.Inputs.
	Project []Projector
	// Rules are indexes into Book.Rules, one per Needs.Rules.
	Rules []int
	// Views selects ledger rows for CapLedger.
	Views []RowView
	// FactsOnly says that all inputs come from the lead's traits: with CapPure
	// the step is skipped while the traits stay the same.
	FactsOnly bool
	// Triggers are inputs of which an event must match one, or the step is
	// skipped for it (abi.Needs.Sparse); nil = it wants every event.
	Triggers []int
	// Voids are inputs of which an event must match one for the step to take its
	// awards back later (abi.CapVoid); nil = it may be any event.
	Voids   []int
	OnError OnError
	// Fallback is the step's second plugin for OnErrorFallback, nil otherwise.
	Fallback *Spec
	// Breaker opens after this many failed inputs in a row, 0 = never.
	Breaker int
}

// SameTask says that a step does what another one did, as far as its text goes:
// the same plugin, perhaps in another version, with the same configuration.
func (s *Spec) SameTask(o *Spec) bool {
	return s.Plugin == o.Plugin && s.Sum == o.Sum && bytes.Equal(s.Config, o.Config)
}

// OnError says what happens to an input whose step failed.
type OnError uint8

// The error policies.
const (
	OnErrorReject   OnError = iota // the input changes nothing and is kept as rejected
	OnErrorSkip                    // the step says nothing of this input, the rest goes on
	OnErrorHold                    // the lead's inputs wait until the step works again
	OnErrorFallback                // a second plugin answers
)

// Projector computes one column for one input; present is false when the
// value is missing. For InputString the text is returned in str and the host
// places it in the heap.
type Projector func(*ledger.Frame) (bits uint64, str string, present bool)

// RowView is a compiled abi.View: ids, 0 = any.
type RowView struct {
	Score uint32 // score id
	// Rules are the rule ids that the view takes, sorted; nil = any.
	Rules []uint32
}

// Slot is one input of one lead on its way through a step. The core owns the
// slots and reuses them.
type Slot struct {
	Frame *ledger.Frame
	Kind  uint32 // abi.SlotEvent …
	Seed  uint64
	Event uint64 // hash of the event id
	// Tired says that the lead had many timers of this step without an input
	// between them: a scorer gives it less to spend.
	Tired bool

	// State is the lead's state blob of this step. A scorer that reports Dirty
	// has written the new state to NewState (valid until its next call).
	State    []byte
	NewState []byte

	// Rows are the ledger rows for CapLedger; RowRef names the bucket (index into
	// Account.Buckets) behind each row. Two slots may share Rows (probes).
	Rows   []abi.Row
	RowRef []int32

	// Written by the scorer:
	Outcome Outcome
	Result  abi.Result
	Entries []abi.Entry // Target counts within Rows; valid until the next call
}

// OutcomeKind is how a slot ended.
type OutcomeKind uint8

// The outcomes of a slot.
const (
	OutcomeOK   OutcomeKind = iota
	OutcomeSoft             // the plugin said no, with a text
	OutcomeTrap             // the plugin broke: trap, fuel, memory, stack, exit
	OutcomeBad              // the plugin wrote something that the contract forbids
	OutcomeOpen             // the circuit breaker is open, the plugin was not asked
)

// Outcome is the verdict on one slot. It depends on the slot alone, never on
// the round that it travelled in.
type Outcome struct {
	Kind OutcomeKind
	Code string // stable: "fuel", "unreachable", "out-of-bounds", "stack", "exit", "soft", …
	Text string // for people
}

// Scorer is one configured plugin: it scores slots in place. Score returns an
// error only when the scorer itself is unusable (closed, cannot instantiate);
// failures of slots are outcomes. Calls must not overlap.
type Scorer interface {
	Score(slots []Slot, probe bool) error
	Close() error
}

// Migrator is a Scorer that can convert states between the versions that its
// plugin knows, up or down.
type Migrator interface {
	// Migrate gives the state in version to. An empty state asks whether the plugin
	// knows both versions. The result is valid until the next call.
	Migrate(state []byte, from, to uint32) ([]byte, error)
}
