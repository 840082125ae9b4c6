package sdk

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Protocol errors of Process.
const (
	processUnready = -1 // called before configure and bind succeeded
	processLayout  = -2 // the header names places outside the arena
)

// DefaultArena is what a plugin asks for unless it says otherwise.
const DefaultArena = 2 << 20

var (
	errNoArena    = errors.New("configure was called before the arena was reserved")
	errConfigured = errors.New("configure was called twice")
	errState      = errors.New("the new state is larger than the plugin's StateMax")
	errEntries    = errors.New("the plugin wrote more entries for one input than the host has room for")
)

// Guest is the guest side of the contract for one configured plugin: arena,
// loop, cursor and errors. The exports of a module call it, and so does the
// native test harness, so that both run the same code.
type Guest struct {
	plugin     Plugin
	descriptor []byte
	arena      []byte
	needs      *abi.Needs
	answer     []byte // what configure points to
	scorer     Scorer
	program    *program // of the scorer's table, if it has one
	bound      bool
	in         Input
	out        Output
}

// NewGuest makes the guest of a plugin.
func NewGuest(p Plugin) *Guest {
	d := abi.Descriptor{
		Magic: abi.DescriptorMagic, Minor: abi.Minor, Caps: p.Caps, StateMax: p.StateMax, StateVersion: p.StateVersion,
		MaxRound: abi.MaxRound, ArenaWant: p.ArenaWant,
		SlotStride: abi.SlotSize, ResultStride: abi.ResultSize, EntryStride: abi.EntrySize, RowStride: abi.RowSize,
	}
	if d.ArenaWant == 0 {
		d.ArenaWant = DefaultArena
	}
	g := &Guest{plugin: p, descriptor: make([]byte, abi.DescriptorSize)}
	g.out.state = make([]byte, p.StateMax)
	d.Encode(g.descriptor)
	return g
}

// Describe returns the encoded descriptor.
func (g *Guest) Describe() []byte { return g.descriptor }

// Reserve takes the arena, once. It must be aligned to 8 bytes.
func (g *Guest) Reserve(arena []byte) bool {
	if g.arena != nil || len(arena) < abi.HeaderSize || len(arena) > abi.MaxArena {
		return false
	}
	g.arena = arena
	return true
}

// Configure reads the blob at arena[off:off+n], runs the plugin's Configure
// and returns the answer: u32 length, needs.
func (g *Guest) Configure(off, n uint32) ([]byte, error) {
	if g.arena == nil {
		return nil, errNoArena
	}
	if g.needs != nil {
		return nil, errConfigured
	}
	if uint64(off)+uint64(n) > uint64(len(g.arena)) {
		return nil, abi.ErrConfig
	}
	nodes, err := abi.DecodeConfig(g.arena[off : off+n])
	if err != nil {
		return nil, err
	}
	var needs Needs
	root := NewConfig(nodes)
	scorer, err := g.plugin.Configure(root, &needs)
	if err != nil {
		// A refusal without a place still deserves its text.
		needs.Error(root, "configuration", "the plugin refuses its configuration", err.Error())
	}
	g.needs, g.scorer = needs.Record(), scorer
	g.answer = abi.AppendNeeds(make([]byte, 4), g.needs)
	binary.LittleEndian.PutUint32(g.answer, uint32(len(g.answer)-4))
	return g.answer, nil
}

// Bind accepts the layout of the slots; negative when it is not the one that
// the needs call for.
func (g *Guest) Bind(off, n uint32) int32 {
	if g.needs == nil || g.scorer == nil || n < abi.BindingSize || uint64(off)+uint64(n) > uint64(len(g.arena)) {
		return processUnready
	}
	b := abi.DecodeBinding(g.arena[off:])
	inputs := len(g.needs.Inputs)
	if int(b.Inputs) != inputs || int(b.Words) != abi.Words(inputs) || int(b.SlotStride) != abi.Stride(inputs) || int(b.Rules) != len(g.needs.Rules) {
		return processLayout
	}
	if t, ok := g.scorer.(Tabular); ok {
		g.program = t.Table().compile(int(b.Words))
	}
	g.bound = true
	return 0
}

func (g *Guest) get(off uint32) uint32    { return binary.LittleEndian.Uint32(g.arena[off:]) }
func (g *Guest) put(off uint32, v uint32) { binary.LittleEndian.PutUint32(g.arena[off:], v) }

// Process scores slots HdrFirst…n-1 of the round in the arena. It returns how
// many slots of the round are done, fewer than n when the room for entries was
// used up; negative is a protocol error.
func (g *Guest) Process(n int32) int32 {
	if !g.bound {
		return processUnready
	}
	if n < 0 || uint32(n) != g.get(abi.HdrN) || !g.prepare(uint32(n)) {
		return processLayout
	}
	text := uint32(0)
	i := g.round(uint32(n), &text)
	g.put(abi.HdrCursor, i)
	g.put(abi.HdrEntriesN, g.out.ringN)
	g.put(abi.HdrTextN, text)
	return int32(i)
}

// Migrate converts the state in the arena, see abi.MigrateState.
func (g *Guest) Migrate(from, to uint32) int32 {
	if g.plugin.Migrate == nil {
		return abi.MigrateUnknown
	}
	n, room := g.get(abi.MigrateLen), g.get(abi.MigrateCap)
	if uint64(abi.MigrateState)+uint64(max(n, room)) > uint64(len(g.arena)) {
		return abi.MigrateFails
	}
	state, err := g.plugin.Migrate(g.arena[abi.MigrateState:abi.MigrateState+n], from, to)
	switch {
	case errors.Is(err, ErrVersion):
		return abi.MigrateUnknown
	case n == 0 && err == nil:
		return 0
	case err != nil, uint32(len(state)) > room, uint32(len(state)) > g.plugin.StateMax && to == g.plugin.StateVersion:
		return abi.MigrateFails
	}
	copy(g.arena[abi.MigrateState:], state)
	g.put(abi.MigrateLen, uint32(len(state)))
	return 0
}

// round runs the slots from HdrFirst on and returns the first that is not
// done. Calls and copies are what costs in a guest: a slot without an error and
// without a state takes one call here, the scorer's.
func (g *Guest) round(n uint32, text *uint32) uint32 {
	i := g.get(abi.HdrFirst)
	if g.program != nil {
		if i = g.program.run(g, i, n); i == n || g.out.ringN > 0 {
			return i
		}
	}
	stride := uintptr(g.get(abi.HdrSlotStride))
	words := 8 * uintptr(g.get(abi.HdrWords))
	slot := uintptr(g.get(abi.HdrSlots)) + uintptr(i)*stride
	result := uintptr(g.get(abi.HdrResults)) + uintptr(i)*abi.ResultSize
	cursor := (*uint32)(unsafe.Add(g.in.base, abi.HdrCursor))
	in, out, scorer := &g.in, &g.out, g.scorer
	for ; i < n; i++ {
		// Written before the slot, so that the host knows which one broke.
		*cursor = i
		in.slot, in.bits, in.cols = slot, slot+abi.SlotSize, slot+abi.SlotSize+words
		out.slot, out.at, out.first = i, result, out.ringN
		if err := scorer.Score(in, out); err != nil || out.todo != 0 {
			if !g.commit(err, text) {
				break
			}
		}
		r := out.result()
		r.EntryFirst, r.EntryN = out.first, out.ringN-out.first
		slot, result = slot+stride, result+abi.ResultSize
	}
	return i
}

// prepare checks the header against the arena once a call and points the
// input and the output at their sections.
func (g *Guest) prepare(n uint32) bool {
	slotsEnd := uint64(g.get(abi.HdrSlots)) + uint64(n)*uint64(g.get(abi.HdrSlotStride))
	rowsEnd := uint64(g.get(abi.HdrRows)) + uint64(g.get(abi.HdrRowsN))*abi.RowSize
	resultsEnd := uint64(g.get(abi.HdrResults)) + uint64(n)*abi.ResultSize
	entriesEnd := uint64(g.get(abi.HdrEntries)) + uint64(g.get(abi.HdrEntriesCap))*abi.EntrySize
	textEnd := uint64(g.get(abi.HdrText)) + uint64(g.get(abi.HdrTextCap))
	heapEnd := uint64(g.get(abi.HdrHeap)) + uint64(g.get(abi.HdrHeapN))
	if max(slotsEnd, rowsEnd, resultsEnd, entriesEnd, textEnd, heapEnd) > uint64(len(g.arena)) ||
		int(g.get(abi.HdrSlotStride)) != abi.Stride(len(g.needs.Inputs)) || g.get(abi.HdrFirst) > n {
		return false
	}
	base := unsafe.Pointer(&g.arena[0])
	g.in.base, g.out.base = base, base
	g.in.rows = g.section(abi.HdrRows)
	g.in.heap = g.section(abi.HdrHeap)
	g.out.ring = g.section(abi.HdrEntries)
	g.out.ringN, g.out.todo, g.out.limit = 0, 0, g.get(abi.HdrEntriesCap)
	return true
}

// section is the address of the section whose offset stands at hdr. An empty
// section may begin at the arena's end; its address is never used.
func (g *Guest) section(hdr uint32) unsafe.Pointer {
	off := g.get(hdr)
	if off >= uint32(len(g.arena)) {
		off = 0
	}
	return unsafe.Pointer(&g.arena[off])
}

// commit ends a slot that needs more than its entries. False: there was no room
// left in this call; the slot has left no trace and is to be run again.
func (g *Guest) commit(err error, text *uint32) bool {
	out := &g.out
	todo := out.todo
	out.todo = 0
	switch {
	case err != nil:
	case todo&tooBig != 0:
		err = errState
	case todo&over != 0:
		if out.ringN = out.first; out.first > 0 {
			*out.result() = abi.Result{}
			return false
		}
		err = errEntries
	default:
		slot, r := g.in.fixed(), out.result()
		if r.StateLen <= slot.StateCap {
			copy(g.arena[slot.StateOff:slot.StateOff+slot.StateCap], out.state[:r.StateLen])
			return true
		}
		err = errState
	}
	out.ringN = out.first
	return g.fail(err, text)
}

// fail writes a soft error. Its text never depends on the round: when the rest
// of the text area is too small the slot waits for the next call.
func (g *Guest) fail(err error, text *uint32) bool {
	message := err.Error()
	if len(message) > abi.MaxText {
		message = message[:abi.MaxText]
	}
	room := g.get(abi.HdrTextCap) - *text
	if uint32(len(message)) > room {
		if *text > 0 {
			*g.out.result() = abi.Result{}
			return false
		}
		message = message[:room]
	}
	copy(g.arena[g.get(abi.HdrText)+*text:], message)
	*g.out.result() = abi.Result{Status: 1, TextOff: *text, TextLen: uint32(len(message))}
	*text += uint32(len(message))
	return true
}
