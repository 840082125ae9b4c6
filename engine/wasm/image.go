package wasm

import (
	"bytes"

	"github.com/tetratelabs/wazero/api"

	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// image is all that an instance holds when it has been configured and has scored
// nothing yet. To put that back takes a fraction of the time that it takes to
// make an instance, which for std Go means to start its runtime.
//
// A module that can change anything else (references in tables, segments that it
// can drop) has no image.
type image struct {
	arena, size uint32 // of the arena, see instance
	memory      uint32 // bytes
	parts       []part // of the memory, in order; what lies between them is zero
	globals     []uint64
}

// part is a stretch of memory that is not all zero.
type part struct {
	at   uint32
	data []byte
}

// imageBlock is the grain in which zero is told from the rest, bytes.
const imageBlock = 4096

var zeroBlock [imageBlock]byte

// newImage takes the image of an instance; nil if it holds more than that.
func newImage(i *instance) *image {
	if i.p.info.Sticky {
		return nil
	}
	m := &image{arena: i.arena, size: i.size, memory: i.mem.Size()}
	all, _ := i.mem.Read(0, m.memory)
	for at := 0; at < len(all); {
		end := at
		for end < len(all) && !bytes.Equal(all[end:min(end+imageBlock, len(all))], zeroBlock[:min(imageBlock, len(all)-end)]) {
			end = min(end+imageBlock, len(all))
		}
		if end == at {
			at = min(at+imageBlock, len(all))
			continue
		}
		m.parts = append(m.parts, part{uint32(at), bytes.Clone(all[at:end])})
		at = end
	}
	for _, g := range i.globals() {
		m.globals = append(m.globals, g.Get())
	}
	return m
}

// globals are the mutable ones of the module's own.
func (i *instance) globals() (list []api.MutableGlobal) {
	for _, index := range i.p.info.Mutable {
		list = append(list, i.mod.ExportedGlobal(meter.GlobalExport(index)).(api.MutableGlobal))
	}
	return list
}

// restore makes an instance, whatever has become of it, what it was when the
// image was taken. One whose memory has grown cannot be: memory never shrinks.
func (m *image) restore(i *instance) bool {
	if i.mem.Size() != m.memory {
		return false
	}
	all, _ := i.mem.Read(0, m.memory)
	at := uint32(0)
	for _, p := range m.parts {
		i.linear.zero(at, p.at)
		at = p.at + uint32(copy(all[p.at:], p.data))
	}
	i.linear.zero(at, m.memory)
	for k, g := range i.globals() {
		g.Set(m.globals[k])
	}
	i.arena, i.size, i.calls = m.arena, m.size, 0
	i.said, i.saidLine = "", false
	// The function has a stack of its own, which may have grown.
	i.process, i.migrate = i.mod.ExportedFunction(abi.ExportProcess), nil
	i.p.stats.restored.Add(1)
	return true
}
