package sdk

import (
	"errors"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Capabilities, see package abi.
const (
	CapLedger     = abi.CapLedger
	CapMemoryless = abi.CapMemoryless
	CapState      = abi.CapState
	CapVoid       = abi.CapVoid
	CapPure       = abi.CapPure
	CapTimers     = abi.CapTimers
)

// Rule, View, Counter and Row are the contract's own records.
type (
	Rule    = abi.Rule
	View    = abi.View
	Counter = abi.Counter
	Row     = abi.Row
)

// Scope modes of a rule.
const (
	ScopeEvery = abi.ScopeEvery
	ScopeOnce  = abi.ScopeOnce
)

// Plugin is what a module registers.
type Plugin struct {
	// Caps are the capabilities that it asks for.
	Caps uint64
	// StateMax is the size of the largest state blob of a lead in bytes, 0
	// without CapState.
	StateMax uint32
	// StateVersion names the layout of the blob. A blob of another version is
	// never handed to Score: see Migrate.
	StateVersion uint32
	// Migrate converts a blob between two versions, up or down, so that a release
	// with this plugin can follow one with another version of it, and the other
	// way round, without scoring from history. ErrVersion says that it does not know
	// one of the versions; an empty blob only asks for that. nil = it knows none.
	Migrate func(state []byte, from, to uint32) ([]byte, error)
	// ArenaWant is how many bytes of arena it would like, 0 for the default.
	ArenaWant uint32
	// Configure reads the configuration, says what the plugin needs and returns
	// its scorer. Called once.
	Configure func(cfg Config, n *Needs) (Scorer, error)
}

// ErrVersion says that a plugin does not know a version of its state.
var ErrVersion = errors.New("unknown version of the state")

// Scorer scores one slot. It must not keep in or out.
type Scorer interface {
	Score(in *Input, out *Output) error
}

// ScorerFunc is a Scorer made of a function.
type ScorerFunc func(in *Input, out *Output) error

// Score calls f.
func (f ScorerFunc) Score(in *Input, out *Output) error { return f(in, out) }
