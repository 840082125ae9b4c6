package store

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"slices"
)

// rowHead is the size of what stands before the key and the state in a row:
// their lengths (4 bytes each), due and oldDue (8 each).
const rowHead = 24

// row is a lead as it was put: a part of rows.bytes. Its key is the name of its
// lineage and its own.
type row []byte

func (r row) size() int     { return rowHead + r.named() + int(binary.LittleEndian.Uint32(r[4:])) }
func (r row) named() int    { return int(binary.LittleEndian.Uint32(r)) }
func (r row) key() []byte   { return r[rowHead : rowHead+r.named()] }
func (r row) state() []byte { return r[rowHead+r.named() : r.size()] }
func (r row) due() int64    { return int64(binary.LittleEndian.Uint64(r[8:])) }
func (r row) oldDue() int64 { return int64(binary.LittleEndian.Uint64(r[16:])) }

func appendRow(dst []byte, id uint64, lead string, state []byte, due, oldDue int64) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(idSize+len(lead)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(state)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(due))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(oldDue))
	return append(appendName(dst, id, lead), state...)
}

// rows are the newest states of the leads that were put, one behind the other,
// and an index over them. Neither holds a pointer: the garbage collector does
// not look into them.
type rows struct {
	bytes []byte
	// slots is a power of two of them, at most half taken: 0 or the upper half of
	// the key's hash over 1 + where its newest row begins.
	slots []uint64
	taken int
	// written is where the rows begin that Pebble does not have, early the least
	// due or oldDue of those.
	written int
	early   int64
}

func (r *rows) reset() {
	clear(r.slots)
	r.bytes, r.taken, r.written, r.early = r.bytes[:0], 0, 0, never
}

func (r *rows) at(begin int) row { return row(r.bytes[begin:]) }

// pending says whether rows wait to be written to Pebble.
func (r *rows) pending() bool { return r.written < len(r.bytes) }

// find is where the newest row of a lead begins, and the slot that says so, or
// else the one that would.
func (r *rows) find(hash uint64, lead []byte) (begin int, slot int, found bool) {
	if len(r.slots) == 0 {
		return 0, 0, false
	}
	mask := len(r.slots) - 1
	for slot = int(hash>>32) & mask; r.slots[slot] != 0; slot = (slot + 1) & mask {
		if r.slots[slot]>>32 != hash>>32 {
			continue
		}
		if begin = int(uint32(r.slots[slot])) - 1; bytes.Equal(r.at(begin).key(), lead) {
			return begin, slot, true
		}
	}
	return 0, slot, false
}

// put appends a row. If one of the same lead waits to be written, it is
// written in its place, and what Pebble has is still under that one's oldDue.
func (r *rows) put(seed maphash.Seed, add row) {
	if 2*(r.taken+1) > len(r.slots) {
		r.grow()
	}
	hash := maphash.Bytes(seed, add.key())
	begin, slot, found := r.find(hash, add.key())
	oldDue := add.oldDue()
	switch {
	case !found:
		r.taken++
	case begin >= r.written:
		oldDue = r.at(begin).oldDue()
	}
	r.slots[slot] = hash>>32<<32 | uint64(len(r.bytes)+1)
	for _, due := range [...]int64{add.due(), oldDue} {
		if due != 0 {
			r.early = min(r.early, due)
		}
	}
	binary.LittleEndian.PutUint64(add[16:], uint64(oldDue))
	r.bytes = append(r.bytes, add[:add.size()]...)
}

func (r *rows) grow() {
	old := r.slots
	r.slots = make([]uint64, max(256, 2*len(old)))
	mask := len(r.slots) - 1
	for _, s := range old {
		if s == 0 {
			continue
		}
		slot := int(s>>32) & mask
		for r.slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		r.slots[slot] = s
	}
}

// waiting appends to dst where the rows begin that Pebble does not have, in the
// order of their keys, without those that newer ones took the place of.
func (r *rows) waiting(dst []int) []int {
	for _, s := range r.slots {
		if begin := int(uint32(s)) - 1; begin >= r.written {
			dst = append(dst, begin)
		}
	}
	slices.SortFunc(dst, func(a, b int) int { return bytes.Compare(r.at(a).key(), r.at(b).key()) })
	return dst
}
