package wasm

import (
	"github.com/tetratelabs/wazero/experimental"
)

// memory is the linear memory of one instance. Where the system lets us, it is
// an address range of the guest's whole limit of which only what was touched
// takes room: it grows without being copied, the garbage collector does not count
// it, and it is made zero again in proportion to what was touched.
type memory struct {
	all    []byte // up to the limit, if mapped
	size   uint64
	mapped bool
}

var _ experimental.LinearMemory = (*memory)(nil)

// Allocate implements experimental.MemoryAllocator, for one instance.
func (m *memory) Allocate(_, limit uint64) experimental.LinearMemory {
	m.all, m.mapped = reserve(limit)
	return m
}

// Reallocate implements experimental.LinearMemory.
func (m *memory) Reallocate(size uint64) []byte {
	m.size = size
	if m.mapped {
		return m.all[:size:size]
	}
	more := make([]byte, size)
	copy(more, m.all)
	m.all = more
	return more
}

// Free gives it back. Nothing of it may be looked at afterwards.
func (m *memory) Free() {
	if m.mapped {
		release(m.all)
	}
	m.all, m.mapped, m.size = nil, false, 0
}

// zero clears bytes from…to-1.
func (m *memory) zero(from, to uint32) {
	if from >= to {
		return
	}
	if m.mapped {
		first, last := (from+pageMask)&^uint32(pageMask), to&^uint32(pageMask)
		if last > first && last-first >= dropFrom && drop(m.all[first:last]) {
			clear(m.all[from:first])
			clear(m.all[last:to])
			return
		}
	}
	clear(m.all[from:to])
}

const (
	pageMask = 4095 // of the system's pages; larger ones refuse what is not theirs
	dropFrom = 64 << 10
)
