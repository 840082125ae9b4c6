//go:build !wasip1

// The manifest is read by hosts and tools only: encoding/json has no place in
// a guest.

package abi

import "encoding/json"

// Manifest is the JSON in the custom section ripen.manifest, readable without
// running the module.
type Manifest struct {
	Name    string `json:"name"`    // "behavior-points"
	Version string `json:"version"` // semver
	About   string `json:"about"`
	Author  string `json:"author,omitempty"`
	License string `json:"license,omitempty"`
	ABI     string `json:"abi"` // "1.0"
	// Capabilities by name: "ledger", "memoryless", "state", "void", "pure", "timers".
	Capabilities []string `json:"capabilities,omitempty"`
	// Voids says whose awards a plugin with the capability "void" takes back:
	// "listed", those of events that match a literal of its FromEvent and FromPath
	// inputs; empty, those of any event. Hosts that do not know the word take it for
	// empty, which only costs more: the awards of each event are kept apart.
	Voids string `json:"voids,omitempty"`
	State struct {
		Max     uint32 `json:"max,omitempty"` // bytes per lead
		Version uint32 `json:"version,omitempty"`
	} `json:"state,omitzero"`
	Limits struct {
		MemoryPages uint32 `json:"memory_pages,omitempty"` // 64 KiB each
		Fuel        uint64 `json:"fuel,omitempty"`         // per input
	} `json:"limits,omitzero"`
	// Schema is the JSON Schema (2020-12) of the step's block. Two words of ours:
	// "x-ripen": "expression" | "points" | "duration".
	Schema json.RawMessage `json:"schema"`
}

// VoidsListed is a value of Manifest.Voids.
const VoidsListed = "listed"

// CapNames maps the names in a manifest to bits.
var CapNames = map[string]uint64{
	"ledger": CapLedger, "memoryless": CapMemoryless, "state": CapState,
	"void": CapVoid, "pure": CapPure, "timers": CapTimers,
}
