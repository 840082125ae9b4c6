package core

import (
	"crypto/sha256"
	"encoding/binary"
)

// SeenID is the 128-bit hash of (lead, event id) with its day of receipt
// (days since 1970 UTC).
type SeenID struct {
	Hash [16]byte
	Day  int32
	Lead string // whose event it is; may be empty in a restored one
}

// EventID hashes (lead, event id): SHA-256, cut to 128 bits. scratch is reused.
func EventID(scratch []byte, leadKey, event string) ([16]byte, []byte) {
	scratch = binary.AppendUvarint(scratch[:0], uint64(len(leadKey)))
	scratch = append(scratch, leadKey...)
	scratch = append(scratch, event...)
	sum := sha256.Sum256(scratch)
	return [16]byte(sum[:16]), scratch
}

// seenIDs is the set of event ids within the horizon: a table with open
// addressing and linear probing, indexed by the ids themselves, which are
// hashes already. Looking one up is one access to memory, and many can be
// looked up ahead (see warm).
type seenIDs struct {
	days    int32 // 0 = for ever
	newest  int32
	oldest  int32 // no id is older
	slots   []seenSlot
	used    int
	scratch []byte
}

type seenSlot struct {
	hash  [16]byte
	day   int32
	taken bool
}

// leastSlots is the size of an empty table; sizes are powers of two.
const leastSlots = 1024

func newSeenIDs(days int32) seenIDs { return seenIDs{days: days, slots: make([]seenSlot, leastSlots)} }

// find is the slot that holds the id, or the free one that it belongs into.
func (s *seenIDs) find(hash *[16]byte) *seenSlot {
	mask := uint64(len(s.slots) - 1)
	for i := binary.LittleEndian.Uint64(hash[:]) & mask; ; i = (i + 1) & mask {
		if slot := &s.slots[i]; !slot.taken || slot.hash == *hash {
			return slot
		}
	}
}

// warm reads where the id belongs.
func (s *seenIDs) warm(hash *[16]byte) int32 {
	return s.slots[binary.LittleEndian.Uint64(hash[:])&uint64(len(s.slots)-1)].day
}

// has says whether the id was seen within the days before its own. Ids that
// are remembered for longer do not count: when they are forgotten depends on
// what else a partition saw.
func (s *seenIDs) has(id *SeenID) bool {
	slot := s.find(&id.Hash)
	return slot.taken && (s.days == 0 || slot.day >= id.Day-s.days)
}

func (s *seenIDs) add(id *SeenID) {
	if s.used >= len(s.slots)/4*3 {
		s.rebuild(2*len(s.slots), s.oldest)
	}
	if s.used == 0 {
		s.oldest = id.Day
	}
	s.oldest = min(s.oldest, id.Day)
	slot := s.find(&id.Hash)
	if !slot.taken {
		s.used++
	}
	*slot = seenSlot{id.Hash, id.Day, true}
	if id.Day > s.newest {
		s.newest = id.Day
		if first := s.newest - s.days; s.days > 0 && s.oldest < first {
			s.rebuild(len(s.slots), first)
		}
	}
}

// rebuild makes a table of that size, without the ids of days before first.
func (s *seenIDs) rebuild(size int, first int32) {
	old := s.slots
	s.slots, s.used, s.oldest = make([]seenSlot, size), 0, first
	for i := range old {
		if slot := &old[i]; slot.taken && slot.day >= first {
			*s.find(&slot.hash) = *slot
			s.used++
		}
	}
}
