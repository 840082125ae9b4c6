package main

import (
	"encoding/binary"
	"hash/fnv"

	"github.com/ripenhq/ripen/sdk"
)

// The state of a lead is a version, a count and one memo of 16 bytes for each
// block that remembers something. Memos are found by the name of their block,
// so that a new release of the workflow keeps those whose block it kept.
const (
	stateVersion = 1
	stateHead    = 2
	memoSize     = 16
	maxMemos     = 32
	stateMax     = stateHead + maxMemos*memoSize
)

// memo is what a block remembers of a lead; each kind of block gives its two
// numbers a meaning.
type memo struct {
	name uint32
	n    uint32
	at   int64
}

// memos is the state of the lead in hand.
type memos struct {
	list  [maxMemos]memo
	count int
	bytes [stateMax]byte
}

// nameOf is the name of a block in the state.
func nameOf(kind, label string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(kind + "/" + label))
	return h.Sum32()
}

// load reads the blob into the memos of the configured names.
func (m *memos) load(names []uint32, blob []byte) {
	m.count = len(names)
	for i, name := range names {
		m.list[i] = memo{name: name}
	}
	if len(blob) < stateHead || blob[0] != stateVersion {
		return
	}
	for i := 0; i < int(blob[1]) && len(blob) >= stateHead+(i+1)*memoSize; i++ {
		rec := blob[stateHead+i*memoSize:]
		name := binary.LittleEndian.Uint32(rec)
		// The same configuration finds it at the same place.
		at := i
		if at >= len(names) || names[at] != name {
			at = index(names, name)
		}
		if at >= 0 {
			m.list[at] = memo{name, binary.LittleEndian.Uint32(rec[4:]), int64(binary.LittleEndian.Uint64(rec[8:]))}
		}
	}
}

func index(names []uint32, name uint32) int {
	for i, n := range names {
		if n == name {
			return i
		}
	}
	return -1
}

// save writes the memos, if they say anything new.
func (m *memos) save(in *sdk.Input, out *sdk.Output) {
	b := m.bytes[:stateHead+m.count*memoSize]
	b[0], b[1] = stateVersion, byte(m.count)
	blank := true
	for i := range m.count {
		v, rec := &m.list[i], b[stateHead+i*memoSize:]
		binary.LittleEndian.PutUint32(rec, v.name)
		binary.LittleEndian.PutUint32(rec[4:], v.n)
		binary.LittleEndian.PutUint64(rec[8:], uint64(v.at))
		blank = blank && v.n == 0 && v.at == 0
	}
	old := in.State()
	if string(old) == string(b) || (blank && len(old) == 0) {
		return
	}
	out.SetState(b)
}
