package sdk

import (
	"unsafe"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Tabular is a Scorer whose awards a table says in full. The SDK then runs
// whole rounds from the table and calls Score only where the table does not
// fit; both must award the same.
type Tabular interface {
	Scorer
	// Table is asked for once, after Configure. Nil: only Score knows.
	Table() *Table
}

// Table says what an event is worth by the literals that two columns have.
// Other inputs than events are worth nothing.
type Table struct {
	A, B  Enum
	Width int     // literals of B, and 1
	Cells [][]Hit // of literals a and b at a*Width+b; each in the order of its awards
}

// Hit is a line that is awarded if a condition is known and true.
type Hit struct {
	Line
	When   Bool
	Always bool // there is no condition
}

// The table is run without calls and nearly without branches: in a guest both
// are dear. Each of the first hits of a cell is written to the ring, and counts
// or not.
const inlined = 3

// program is a table as it is run.
type program struct {
	a, b  uintptr // of the columns in a slot
	width uint64  // 0 where there is no column A
	b1    uint64  // 1, or 0 where there is no column B
	cells []cell
	more  []award
	room  uint32 // entries that the largest cell may write
}

type cell struct {
	hits  [inlined]award
	n     uint32 // of further ones, from program.more[first] on
	first uint32
}

// award is a hit: an entry, and where the slot has a number that is 1 if it
// counts and else 0.
type award struct {
	head  uint64 // of the entry, with its label where the slot's number comes
	milli uint64
	when  uintptr
}

const (
	labels = 0xffff_ffff << 32

	always = unsafe.Offsetof(abi.Slot{}.Kind) // abi.SlotEvent
	never  = abi.SlotSize - 4                 // reserved
)

// maxCells bounds the memory that a program takes.
const maxCells = 1 << 12

// compile lays a table out for slots with so many bitmap words; nil if it is too
// large.
func (t *Table) compile(words int) *program {
	if t == nil || len(t.Cells) == 0 || len(t.Cells) > maxCells {
		return nil
	}
	column := func(handle uint32) uintptr { return abi.SlotSize + 8*uintptr(words) + 8*uintptr(max(handle, 1)-1) }
	p := &program{a: column(t.A.col), b: column(t.B.col)}
	if t.A.col != 0 {
		p.width = uint64(t.Width)
	}
	if t.B.col != 0 {
		p.b1 = 1
	}
	if t.A.col+t.B.col == 0 {
		p.a, p.b = 0, 0 // a slot without columns ends before them
	}
	for _, hits := range t.Cells {
		c := cell{first: uint32(len(p.more))}
		for i := range c.hits {
			c.hits[i].when = never
		}
		for i := range hits {
			h := &hits[i]
			a := award{head: h.head | h.tail&labels, milli: uint64(h.milli), when: column(h.When.col)}
			if h.Always {
				a.when = always
			} else if h.When.col == 0 {
				a.when = never
			}
			if i < inlined {
				c.hits[i] = a
			} else {
				p.more = append(p.more, a)
			}
		}
		c.n = uint32(len(p.more)) - c.first
		p.room = max(p.room, inlined, uint32(len(hits)))
		p.cells = append(p.cells, c)
	}
	return p
}

var _ = [1]struct{}{}[abi.SlotEvent-1] // the kind of an event is 1

// put writes the entry as the n-th and returns n, or n+1 if it counts in a
// slot.
func (a *award) put(ring unsafe.Pointer, n uintptr, slot unsafe.Pointer, owner uint64) uintptr {
	e := (*[4]uint64)(unsafe.Add(ring, n*abi.EntrySize))
	head := a.head
	e[3], e[2], e[1], e[0] = head&labels, 0, a.milli, head&^labels|owner
	return n + uintptr(*(*uint32)(unsafe.Add(slot, a.when))&1)
}

// run scores slots i…n-1 and returns the first that it did not: the ring may
// be too full for it, or the table does not know it.
func (p *program) run(g *Guest, i, n uint32) uint32 {
	base, ring, count := g.in.base, g.out.ring, uintptr(g.out.ringN)
	if g.out.limit < p.room {
		return i
	}
	last := uintptr(g.out.limit - p.room)
	stride := uintptr(g.get(abi.HdrSlotStride))
	slot := unsafe.Add(base, uintptr(g.get(abi.HdrSlots))+uintptr(i)*stride)
	result := unsafe.Add(base, uintptr(g.get(abi.HdrResults))+uintptr(i)*abi.ResultSize)
	cursor := (*uint32)(unsafe.Add(base, abi.HdrCursor))
	a, b, width, b1 := p.a, p.b, p.width, p.b1
	cells, many := unsafe.Pointer(unsafe.SliceData(p.cells)), uint64(len(p.cells))
	for ; i < n; i++ {
		*cursor = i
		at := *(*uint64)(unsafe.Add(slot, a))*width + *(*uint64)(unsafe.Add(slot, b))*b1
		if count > last || at >= many {
			break
		}
		if *(*uint32)(unsafe.Add(slot, always)) == abi.SlotEvent {
			c := (*cell)(unsafe.Add(cells, uintptr(at)*unsafe.Sizeof(cell{})))
			first, owner := count, uint64(i)<<32
			count = c.hits[0].put(ring, count, slot, owner)
			count = c.hits[1].put(ring, count, slot, owner)
			count = c.hits[2].put(ring, count, slot, owner)
			for k := uint32(0); k != c.n; k++ {
				h := (*award)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(p.more)), uintptr(c.first+k)*unsafe.Sizeof(award{})))
				count = h.put(ring, count, slot, owner)
			}
			*(*uint64)(unsafe.Add(result, entriesAt)) = uint64(first) | uint64(count-first)<<32
		}
		slot, result = unsafe.Add(slot, stride), unsafe.Add(result, abi.ResultSize)
	}
	g.out.ringN = uint32(count)
	return i
}

// entriesAt is where a result says which entries are its own: EntryFirst, and
// EntryN behind it.
const entriesAt = unsafe.Offsetof(abi.Result{}.EntryFirst)
