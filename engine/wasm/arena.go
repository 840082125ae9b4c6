package wasm

import (
	"encoding/binary"
	"math"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// layout divides an arena. From its start: header, slots, results, then rows
// growing up and states and texts growing down towards each other, and at fixed
// places at the end the error texts and the ring of entries.
//
// The sizes of the last two depend on the arena alone. What fits into them for
// one slot must not depend on how many slots travel together.
type layout struct {
	size     int
	inputs   int
	words    int
	stride   int
	rules    int
	state    int // room for one state, multiple of 8
	maxState int
	rounds   int // most slots of one call

	texts, textCap     int
	entries, entryCap  int
	floor              int // where the part that varies must end: texts
	columns            []column
	open               []*column // those that are always projected
	heap               int       // begin of the part that varies, for this fill
	arena              []byte    // of this fill
	results, rows, top int       // of this fill: offsets, rows written, lowest byte used from above

	// Where each slot of this fill has its state and its first row. The slots in
	// the arena say so too, but a guest can write there.
	stateAt, rowAt []int
}

// canonicalNaN is the one NaN that guests see.
const canonicalNaN = 0x7ff8_0000_0000_0000

// column is one input.
type column struct {
	at      int // in a slot, from its bitmap on
	index   int
	kind    abi.InputKind
	special bool // what was projected is not yet what guests see
	project step.Projector
	// gates lists, by the literal that this enum has, the columns that are wanted
	// then; nil = none.
	gates [][]*column
}

func newLayout(d abi.Descriptor, arena uint32, needs *abi.Needs, project []step.Projector) layout {
	n := len(needs.Inputs)
	l := layout{
		size: int(arena), inputs: n, words: abi.Words(n), stride: abi.Stride(n), rules: len(needs.Rules),
		maxState: int(d.StateMax), state: (int(d.StateMax) + 7) &^ 7, rounds: int(d.MaxRound),
	}
	l.columns, l.open = columnsOf(needs, project)
	l.entryCap = l.size / 8 / abi.EntrySize
	l.entries = l.size - l.entryCap*abi.EntrySize
	l.textCap = max(abi.MaxText, l.size/32)
	l.texts = (l.entries - l.textCap) &^ 7
	l.floor = l.texts
	l.stateAt, l.rowAt = make([]int, l.rounds), make([]int, l.rounds)
	return l
}

func columnsOf(needs *abi.Needs, project []step.Projector) (columns []column, open []*column) {
	gated := make([]bool, len(needs.Inputs))
	columns = make([]column, len(needs.Inputs))
	for i := range needs.Inputs {
		kind := needs.Inputs[i].Kind
		columns[i] = column{
			at: 8 * (abi.Words(len(columns)) + i), index: i, kind: kind, project: project[i],
			special: kind == abi.InputString || kind == abi.InputNumber,
		}
		gated[i] = kind == abi.InputLabel // nobody ever reads it
	}
	for _, g := range needs.Gates { // the model has checked them
		c := &columns[g.Of]
		if c.gates == nil {
			c.gates = make([][]*column, 1+len(needs.Inputs[g.Of].Literals))
		}
		c.gates[g.Literal] = append(c.gates[g.Literal], &columns[g.Input])
		gated[g.Input] = true
	}
	for i := range columns {
		if !gated[i] {
			open = append(open, &columns[i])
		}
	}
	return columns, open
}

// fill lays out as many of the slots as fit and returns how many. None means
// that the first one alone is too large, for the reason given.
func (l *layout) fill(b []byte, slots []step.Slot, probe bool) (int, *fault) {
	room := l.floor - abi.HeaderSize
	// Slots and results stand before the part whose size is only known afterwards,
	// so a guess says how many to make room for.
	guess := min(len(slots), l.rounds, max(1, room/4*3/(l.stride+abi.ResultSize+l.state)))
	n, why := l.place(b, slots[:guess])
	if n == 0 && guess > 1 {
		n, why = l.place(b, slots[:1])
	}
	if n == 0 {
		return 0, why
	}
	l.header(b, n, probe)
	clear(b[l.results : l.results+n*abi.ResultSize])
	return n, nil
}

// place writes slots until one does not fit.
func (l *layout) place(b []byte, slots []step.Slot) (int, *fault) {
	l.results = abi.HeaderSize + len(slots)*l.stride
	l.heap = (l.results + len(slots)*abi.ResultSize + 7) &^ 7
	l.rows, l.top, l.arena = 0, l.floor, b
	if l.heap > l.floor {
		return 0, bad(CodeArena, "%d inputs of one slot do not fit the arena of %d bytes", l.inputs, l.size)
	}
	var last *abi.Row // begin of the rows of the slot before
	first := 0
	for k := range slots {
		s := &slots[k]
		if len(s.State) > l.maxState {
			if k > 0 {
				return k, nil
			}
			return 0, bad(CodeState, "the lead's state has %d bytes, the plugin's maximum is %d", len(s.State), l.maxState)
		}
		if len(s.Rows) > 0 && &s.Rows[0] != last {
			last, first = &s.Rows[0], l.rows
			if !l.putRows(b, s.Rows) {
				return k, l.tooLarge(s)
			}
		}
		if !l.putSlot(b, k, s, first) {
			return k, l.tooLarge(s)
		}
	}
	return len(slots), nil
}

func (l *layout) tooLarge(s *step.Slot) *fault {
	return bad(CodeArena, "the input, %d rows of the ledger and %d bytes of state do not fit the arena of %d bytes", len(s.Rows), len(s.State), l.size)
}

// bottom is the end of the rows.
func (l *layout) bottom() int { return l.heap + l.rows*abi.RowSize }

func (l *layout) putRows(b []byte, rows []abi.Row) bool {
	at := l.bottom()
	if at+len(rows)*abi.RowSize > l.top {
		return false
	}
	for i := range rows {
		rows[i].Encode(b[at+i*abi.RowSize:])
	}
	l.rows += len(rows)
	return true
}

// take reserves n bytes from above, aligned to align.
func (l *layout) take(n, align int) (int, bool) {
	at := (l.top - n) &^ (align - 1)
	if at < l.bottom() {
		return 0, false
	}
	l.top = at
	return at, true
}

// putSlot writes one slot where the guest looks for it.
func (l *layout) putSlot(b []byte, k int, s *step.Slot, firstRow int) bool {
	off := abi.HeaderSize + k*l.stride
	rec, f := b[off:off+l.stride], s.Frame
	// abi.Slot, field by field: this is done for every input.
	_ = rec[abi.SlotSize-1]
	binary.LittleEndian.PutUint64(rec, uint64(f.At))
	binary.LittleEndian.PutUint64(rec[8:], uint64(f.Now))
	binary.LittleEndian.PutUint64(rec[16:], s.Seed)
	binary.LittleEndian.PutUint64(rec[24:], s.Event)
	binary.LittleEndian.PutUint64(rec[32:], uint64(s.Kind)|uint64(firstRow)<<32)
	stateAt := 0
	if l.state > 0 {
		var ok bool
		if stateAt, ok = l.putState(b, s); !ok {
			return false
		}
	}
	var flags uint32
	if s.State == nil {
		flags = abi.SlotFresh
	}
	binary.LittleEndian.PutUint64(rec[40:], uint64(uint32(len(s.Rows)))|uint64(stateAt)<<32)
	binary.LittleEndian.PutUint64(rec[48:], uint64(len(s.State))|uint64(l.maxState)<<32)
	binary.LittleEndian.PutUint64(rec[56:], uint64(flags))
	l.stateAt[k], l.rowAt[k] = stateAt, firstRow
	return l.putColumns(rec[abi.SlotSize:], f)
}

// putState copies the lead's state into the arena and says where.
func (l *layout) putState(b []byte, s *step.Slot) (at int, ok bool) {
	if at, ok = l.take(l.state, 8); !ok {
		return 0, false
	}
	n := copy(b[at:at+l.state], s.State)
	clear(b[at+n : at+l.state]) // nothing of the lead before
	return at, true
}

// putColumns writes the bitmap and the columns, which stand behind it. What is
// not there must not show what the lead before left.
func (l *layout) putColumns(b []byte, f *ledger.Frame) bool {
	clear(b)
	var first uint64 // word of the bitmap
	for _, c := range l.open {
		bits, text, present := c.project(f)
		if !present {
			bits = 0
		} else if c.special {
			if bits, present = l.finish(c, bits, text); !present {
				return false
			}
		}
		first |= put(b, c, bits, present)
		if bits >= uint64(len(c.gates)) {
			continue
		}
		for _, g := range c.gates[bits] {
			bits, text, present := g.project(f)
			if !present {
				bits = 0
			} else if g.special {
				if bits, present = l.finish(g, bits, text); !present {
					return false
				}
			}
			first |= put(b, g, bits, present)
		}
	}
	if l.words > 0 {
		binary.LittleEndian.PutUint64(b, first)
	}
	return true
}

// put writes a value, 0 if it is not present, into columns that were cleared,
// and returns its bit of the first word of the bitmap; those of other words it
// sets. What values are is nothing that a processor could guess, so it does not
// branch on them.
func put(b []byte, c *column, bits uint64, present bool) (bit uint64) {
	if present {
		bit = 1
	}
	binary.LittleEndian.PutUint64(b[c.at:], bits)
	if c.index >= 64 {
		b[uint(c.index)>>3] |= byte(bit) << (c.index & 7)
		return 0
	}
	return bit << (c.index & 63)
}

// finish makes what guests see of a number or a text; false: the text does not
// fit.
func (l *layout) finish(c *column, bits uint64, text string) (uint64, bool) {
	if c.kind == abi.InputNumber {
		if math.IsNaN(abi.BitsFloat(bits)) {
			bits = canonicalNaN
		}
		return bits, true
	}
	at, fits := l.take(len(text), 1)
	if !fits {
		return 0, false
	}
	copy(l.arena[at:], text)
	return uint64(at-l.heap) | uint64(len(text))<<32, true
}

func (l *layout) header(b []byte, n int, probe bool) {
	clear(b[:abi.HeaderSize])
	var flags uint32
	if probe {
		flags = abi.HeaderProbe
	}
	for _, f := range [...]struct{ at, v uint32 }{
		{abi.HdrSize, uint32(l.size)}, {abi.HdrN, uint32(n)}, {abi.HdrFlags, flags},
		{abi.HdrSlots, abi.HeaderSize}, {abi.HdrSlotStride, uint32(l.stride)},
		{abi.HdrInputs, uint32(l.inputs)}, {abi.HdrWords, uint32(l.words)},
		{abi.HdrRows, uint32(l.heap)}, {abi.HdrRowsN, uint32(l.rows)},
		{abi.HdrResults, uint32(l.results)},
		{abi.HdrEntries, uint32(l.entries)}, {abi.HdrEntriesCap, uint32(l.entryCap)},
		{abi.HdrText, uint32(l.texts)}, {abi.HdrTextCap, uint32(l.textCap)},
		{abi.HdrHeap, uint32(l.heap)}, {abi.HdrHeapN, uint32(l.floor - l.heap)},
	} {
		binary.LittleEndian.PutUint32(b[f.at:], f.v)
	}
}

// begin writes what changes when a call is resumed at slot first.
func (l *layout) begin(b []byte, first int) {
	binary.LittleEndian.PutUint32(b[abi.HdrFirst:], uint32(first))
	binary.LittleEndian.PutUint32(b[abi.HdrEntriesN:], 0)
	binary.LittleEndian.PutUint32(b[abi.HdrCursor:], uint32(first))
	binary.LittleEndian.PutUint32(b[abi.HdrTextN:], 0)
}

func get32(b []byte, at int) int { return int(binary.LittleEndian.Uint32(b[at:])) }
