// Package abi is the contract between Ripen and a plugin: export names,
// versions, the layout of the arena, the needs that a plugin answers and the
// configuration records that it is given.
//
// It is the only thing that host and guest share. It imports nothing but the
// standard library, allocates nothing on the hot path and builds for wasip1.
// All numbers are little-endian; all offsets count from the start of the
// arena (or of the blob that they stand in) and are checked by the host.
//
// # The life of an instance
//
//	_initialize            if exported
//	ripen_describe         → *Descriptor: versions, capabilities, state, limits
//	ripen_reserve(bytes)   → pointer to the arena, asked for once
//	ripen_configure(o, n)  the configuration blob lies at arena+o; answers a
//	                       pointer to {u32 length, needs blob}
//	ripen_bind(o, n)       the Binding blob lies at arena+o; ≥0 accepts
//	ripen_process(n)       a round of n slots lies in the arena; any number of
//	                       times; ≥0 done up to the cursor, <0 protocol error
//	ripen_migrate(from, to) optional; between rounds: one state lies in the
//	                       arena, see MigrateState
//
// A guest that trapped is never called again.
package abi

// Versions of the contract. A host runs every module of its own major version
// and of a minor version up to its own; unknown capabilities are refused.
const (
	Major = 1
	Minor = 0
)

// Export names. All take and give i32.
const (
	ExportMemory     = "memory"
	ExportInitialize = "_initialize"
	ExportMarker     = "ripen_abi_v1"
	ExportDescribe   = "ripen_describe"
	ExportReserve    = "ripen_reserve"
	ExportConfigure  = "ripen_configure"
	ExportBind       = "ripen_bind"
	ExportProcess    = "ripen_process"
	ExportMigrate    = "ripen_migrate"

	// MarkerPrefix starts the marker of every major version.
	MarkerPrefix = "ripen_abi_v"
)

// Imports that the host offers. Any other import fails the load.
const (
	ImportModule = "ripen_v1"
	ImportLog    = "log" // (ptr, len i32): one line, rate-limited, silent in replay
)

// Custom sections of a packed module.
const (
	ManifestSection  = "ripen.manifest"
	SignatureSection = "ripen.signature"
)

// Limits of the contract.
const (
	MaxArena    = 4 << 20  // bytes of the arena
	MaxRound    = 1024     // slots of one call
	MaxModule   = 10 << 20 // bytes of a module
	MaxInputs   = 512
	MaxRules    = 4096
	MaxGates    = 1 << 16
	MaxNeeds    = 1 << 20 // bytes of the needs blob
	MaxText     = 1024    // bytes of one error text
	MaxState    = 64 << 10
	MaxManifest = 256 << 10
)

// Capabilities of a plugin, bits of Descriptor.Caps.
const (
	// CapLedger asks for the ledger view declared by Needs.Views.
	CapLedger uint64 = 1 << iota
	// CapMemoryless: output depends on the ledger view, the inputs and now only;
	// the host runs the step around each input and probes future times with it.
	CapMemoryless
	// CapState: the plugin keeps a state blob per lead.
	CapState
	// CapVoid: the plugin may void awards of earlier events (the host then keeps
	// the event in the key of each award) and hide events from later steps.
	CapVoid
	// CapPure: output depends on the inputs only, neither on time, state nor
	// ledger; the host skips the step when none of its inputs changed.
	CapPure
	// CapTimers: the plugin may ask to be woken (Result.WakeAt).
	CapTimers

	// KnownCaps are the bits that this version understands.
	KnownCaps = CapLedger | CapMemoryless | CapState | CapVoid | CapPure | CapTimers
)

// DescriptorMagic opens the descriptor: "RPEN".
const DescriptorMagic uint32 = 'R' | 'P'<<8 | 'E'<<16 | 'N'<<24

// DescriptorSize is the size in bytes of an encoded Descriptor.
const DescriptorSize = 64

// Descriptor is what ripen_describe points to.
type Descriptor struct {
	Magic        uint32 // 0: DescriptorMagic
	Minor        uint32 // 4
	Caps         uint64 // 8
	StateMax     uint32 // 16: largest state blob of a lead in bytes, 0 without CapState
	StateVersion uint32 // 20
	MaxRound     uint32 // 24: most slots it takes in one call, 1…MaxRound
	ArenaWant    uint32 // 28: bytes of arena that it would like, ≤ MaxArena
	SlotStride   uint32 // 32: size of the fixed part of a slot: SlotSize
	ResultStride uint32 // 36: ResultSize
	EntryStride  uint32 // 40: EntrySize
	RowStride    uint32 // 44: RowSize
}

// Encode writes the descriptor into b[:DescriptorSize].
func (d *Descriptor) Encode(b []byte) {
	clear(b[:DescriptorSize])
	put32(b, 0, d.Magic)
	put32(b, 4, d.Minor)
	put64(b, 8, d.Caps)
	for i, v := range []uint32{d.StateMax, d.StateVersion, d.MaxRound, d.ArenaWant, d.SlotStride, d.ResultStride, d.EntryStride, d.RowStride} {
		put32(b, 16+4*i, v)
	}
}

// DecodeDescriptor reads a descriptor from b, which holds DescriptorSize bytes.
func DecodeDescriptor(b []byte) Descriptor {
	return Descriptor{
		Magic: get32(b, 0), Minor: get32(b, 4), Caps: get64(b, 8),
		StateMax: get32(b, 16), StateVersion: get32(b, 20), MaxRound: get32(b, 24), ArenaWant: get32(b, 28),
		SlotStride: get32(b, 32), ResultStride: get32(b, 36), EntryStride: get32(b, 40), RowStride: get32(b, 44),
	}
}
