package abi

import (
	"encoding/binary"
	"math"
)

func put32(b []byte, off int, v uint32) { binary.LittleEndian.PutUint32(b[off:], v) }
func put64(b []byte, off int, v uint64) { binary.LittleEndian.PutUint64(b[off:], v) }
func get32(b []byte, off int) uint32    { return binary.LittleEndian.Uint32(b[off:]) }
func get64(b []byte, off int) uint64    { return binary.LittleEndian.Uint64(b[off:]) }

// HeaderSize is the size of the arena header. It lies at the arena's start and
// holds u32 fields at the offsets Hdr…; the host writes it before each call,
// the guest writes only HdrEntriesN, HdrCursor and HdrTextN.
const HeaderSize = 128

// Offsets of the header's fields.
const (
	HdrSize       = 0  // bytes of the arena
	HdrN          = 4  // slots in this round
	HdrFirst      = 8  // slot to begin with: >0 when resumed after a full ring
	HdrFlags      = 12 // HeaderProbe …
	HdrSlots      = 16 // offset of slot 0
	HdrSlotStride = 20 // fixed part + bitmap + columns, multiple of 8
	HdrInputs     = 24 // number of inputs (columns)
	HdrWords      = 28 // bitmap words (u64) per slot
	HdrRows       = 32 // offset of the ledger view
	HdrRowsN      = 36
	HdrResults    = 40 // offset of result 0, ResultSize each
	HdrEntries    = 44 // offset of the entry ring
	HdrEntriesCap = 48
	HdrEntriesN   = 52 // guest: entries written in this call
	HdrCursor     = 56 // guest: slots finished, counted from slot 0
	HdrText       = 60 // offset of the error text area
	HdrTextCap    = 64
	HdrTextN      = 68 // guest: bytes of text used in this call
	HdrHeap       = 72 // offset of the string heap
	HdrHeapN      = 76
)

// HeaderProbe says that the results of this call are discarded (a look into
// the future).
const HeaderProbe = 1

// A call of ripen_migrate finds a state of version `from` at MigrateState, its
// length at MigrateLen and the room for the new one at MigrateCap (u32 each). The
// guest leaves the state in version `to` and its length there and answers ≥0, or
// answers MigrateUnknown if it does not know one of the versions, or
// MigrateFails. A state of no bytes only asks whether it knows them.
const (
	MigrateLen   = 0
	MigrateCap   = 4
	MigrateState = HeaderSize

	MigrateUnknown int32 = -1
	MigrateFails   int32 = -2
)

// Slot is the fixed part of one slot. Behind it follow HdrWords bitmap words
// (bit i set: input i is present) and HdrInputs columns of 8 bytes.
type Slot struct {
	At        int64  // 0: time of the event, or due time of the timer, ms
	Now       int64  // 8: the lead's clock, ms
	Seed      uint64 // 16: the same for the same (lead, input), for ever
	Event     uint64 // 24: hash of the event id, 0 on a timer
	Kind      uint32 // 32: SlotEvent, SlotTimer, SlotProbe
	RowFirst  uint32 // 36: the lead's first row of the ledger view
	RowN      uint32 // 40
	StateOff  uint32 // 44: from the arena's start
	StateLen  uint32 // 48
	StateCap  uint32 // 52
	Flags     uint32 // 56: SlotFresh …
	_reserved uint32 // 60
}

// SlotSize is the size of the fixed part of a slot.
const SlotSize = 64

// Kinds of slots.
const (
	SlotEvent uint32 = 1 // an event of the lead
	SlotTimer uint32 = 2 // the time the plugin asked for has come
	SlotProbe uint32 = 3 // what would be true at Now if nothing happened
)

// SlotFresh says that the lead has no state of this step yet.
const SlotFresh uint32 = 1

// Encode writes the fixed part into b[:SlotSize].
func (s *Slot) Encode(b []byte) {
	_ = b[SlotSize-1]
	put64(b, 0, uint64(s.At))
	put64(b, 8, uint64(s.Now))
	put64(b, 16, s.Seed)
	put64(b, 24, s.Event)
	put32(b, 32, s.Kind)
	put32(b, 36, s.RowFirst)
	put32(b, 40, s.RowN)
	put32(b, 44, s.StateOff)
	put32(b, 48, s.StateLen)
	put32(b, 52, s.StateCap)
	put32(b, 56, s.Flags)
	put32(b, 60, 0)
}

// DecodeSlot reads the fixed part of a slot.
func DecodeSlot(b []byte) (s Slot) {
	_ = b[SlotSize-1]
	s.At, s.Now = int64(get64(b, 0)), int64(get64(b, 8))
	s.Seed, s.Event = get64(b, 16), get64(b, 24)
	s.Kind, s.RowFirst, s.RowN = get32(b, 32), get32(b, 36), get32(b, 40)
	s.StateOff, s.StateLen, s.StateCap, s.Flags = get32(b, 44), get32(b, 48), get32(b, 52), get32(b, 56)
	return s
}

// Words is the number of bitmap words for n inputs.
func Words(n int) int { return (n + 63) / 64 }

// Stride is the size of a slot with n inputs.
func Stride(n int) int { return SlotSize + 8*Words(n) + 8*n }

// Row is one bucket of the lead's ledger as a plugin sees it.
type Row struct {
	View      uint32 // 0: index into Needs.Views, the first that takes the bucket
	Count     uint32 // 4: awards folded into it
	At        int64  // 8: begin of the age step that its events lie in, ms; 0 on a replaced line, which has no age
	Step      int64  // 16: length of an age step, ms
	Scope     uint64 // 24: scope key, 0 = none
	Awarded   int64  // 32: milli-points
	Reversed  int64  // 40: milli-points taken back, same sign as Awarded
	Remaining int64  // 48: milli-points
	Last      int64  // 56: time of the last event in it, ms
}

// RowSize is the size of a Row. Age in steps at time t is
// floor(t/Step) − At/Step: whole age steps between the two, so a 60-day
// window with 24 h steps ends when the 60th UTC midnight after the event's
// day is reached.
const RowSize = 64

// Encode writes the row into b[:RowSize].
func (r *Row) Encode(b []byte) {
	_ = b[RowSize-1]
	put32(b, 0, r.View)
	put32(b, 4, r.Count)
	put64(b, 8, uint64(r.At))
	put64(b, 16, uint64(r.Step))
	put64(b, 24, r.Scope)
	put64(b, 32, uint64(r.Awarded))
	put64(b, 40, uint64(r.Reversed))
	put64(b, 48, uint64(r.Remaining))
	put64(b, 56, uint64(r.Last))
}

// DecodeRow reads a row.
func DecodeRow(b []byte) Row {
	_ = b[RowSize-1]
	return Row{View: get32(b, 0), Count: get32(b, 4), At: int64(get64(b, 8)), Step: int64(get64(b, 16)), Scope: get64(b, 24),
		Awarded: int64(get64(b, 32)), Reversed: int64(get64(b, 40)), Remaining: int64(get64(b, 48)), Last: int64(get64(b, 56))}
}

// Entry is one line that a plugin writes for the ledger.
type Entry struct {
	Kind   uint8  // 0: EntryAward …
	Flags  uint8  // 1
	Rule   uint16 // 2: index into Needs.Rules
	Slot   uint32 // 4: index of the slot in this round
	Delta  int64  // 8: milli-points
	Scope  uint64 // 16: scope key; 0 = the host takes it from the rule's scope inputs
	Target uint32 // 24: EntryAdjust: row of the ledger view (absolute index)
	Label  uint32 // 28: EntryAward, EntryReplace: 1+index of an input whose text names what was done; 0 = the event's name
}

// EntrySize is the size of an Entry.
const EntrySize = 32

// Kinds of entries.
const (
	// EntryAward adds Delta under (rule, scope key), if scope and caps allow it.
	EntryAward uint8 = 1
	// EntryReplace makes Delta the only line of the rule.
	EntryReplace uint8 = 2
	// EntryAdjust changes what remains of one row: decay.
	EntryAdjust uint8 = 3
	// EntryVoid takes back all that is left under (rule, scope key) and frees
	// the key; with EntryVoidEvent set, all awards of the event whose hash is
	// Scope, whatever their rule.
	EntryVoid uint8 = 4
)

// EntryVoidEvent marks an EntryVoid that names an event instead of a rule.
const EntryVoidEvent uint8 = 1

// EntryElse marks an EntryAward that counts only if the EntryVoid before it
// (same slot) found nothing to take back.
const EntryElse uint8 = 2

// Encode writes the entry into b[:EntrySize].
func (e *Entry) Encode(b []byte) {
	_ = b[EntrySize-1]
	b[0], b[1] = e.Kind, e.Flags
	binary.LittleEndian.PutUint16(b[2:], e.Rule)
	put32(b, 4, e.Slot)
	put64(b, 8, uint64(e.Delta))
	put64(b, 16, e.Scope)
	put32(b, 24, e.Target)
	put32(b, 28, e.Label)
}

// DecodeEntry reads an entry.
func DecodeEntry(b []byte) Entry {
	_ = b[EntrySize-1]
	return Entry{Kind: b[0], Flags: b[1], Rule: binary.LittleEndian.Uint16(b[2:]), Slot: get32(b, 4),
		Delta: int64(get64(b, 8)), Scope: get64(b, 16), Target: get32(b, 24), Label: get32(b, 28)}
}

// Result is what a plugin says of one slot. The host clears the results of a
// round before the first call.
type Result struct {
	Status     uint32 // 0: 0 ok, else a soft error with a text
	Flags      uint32 // 4: ResultHide, ResultDirty
	Out        uint64 // 8: named flags (Needs.Flags), bit i = flag i
	WakeAt     int64  // 16: when it wants to be called again, ms; 0 = never
	Grade      uint16 // 24: 1+index into Needs.Grades; 0 = none
	Reason     uint16 // 26: 1+index into Needs.Reasons; 0 = none
	StateLen   uint32 // 28: new length of the state when dirty
	EntryFirst uint32 // 32: index in the ring of this call
	EntryN     uint32 // 36
	TextOff    uint32 // 40: into the text area
	TextLen    uint32 // 44
}

// ResultSize is the size of a Result.
const ResultSize = 48

// Flags of a result.
const (
	ResultHide  uint32 = 1 // later steps and counters do not see this event
	ResultDirty uint32 = 2 // the state changed
)

// Encode writes the result into b[:ResultSize].
func (r *Result) Encode(b []byte) {
	_ = b[ResultSize-1]
	put32(b, 0, r.Status)
	put32(b, 4, r.Flags)
	put64(b, 8, r.Out)
	put64(b, 16, uint64(r.WakeAt))
	binary.LittleEndian.PutUint16(b[24:], r.Grade)
	binary.LittleEndian.PutUint16(b[26:], r.Reason)
	put32(b, 28, r.StateLen)
	put32(b, 32, r.EntryFirst)
	put32(b, 36, r.EntryN)
	put32(b, 40, r.TextOff)
	put32(b, 44, r.TextLen)
}

// DecodeResult reads a result.
func DecodeResult(b []byte) Result {
	_ = b[ResultSize-1]
	return Result{Status: get32(b, 0), Flags: get32(b, 4), Out: get64(b, 8), WakeAt: int64(get64(b, 16)),
		Grade: binary.LittleEndian.Uint16(b[24:]), Reason: binary.LittleEndian.Uint16(b[26:]), StateLen: get32(b, 28),
		EntryFirst: get32(b, 32), EntryN: get32(b, 36), TextOff: get32(b, 40), TextLen: get32(b, 44)}
}

// Columns hold 8 bytes each, 0 where the input is absent; by InputKind of the
// input:
//
//	InputBool    0 or 1
//	InputNumber  IEEE 754 double
//	InputTime    ms since 1970 UTC
//	InputCount   i64
//	InputEnum    1+index of the literal that matched first, 0 = none of them
//	InputString  offset (low 32) and length (high 32) in the string heap
//	InputKey     64-bit hash of the text
//	InputLabel   nothing: the column is absent in every slot

// FloatBits and BitsFloat convert number columns.
func FloatBits(f float64) uint64 { return math.Float64bits(f) }

// BitsFloat reads a number column.
func BitsFloat(b uint64) float64 { return math.Float64frombits(b) }
