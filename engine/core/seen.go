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

// seenIDs is the set of event ids within the horizon.
type seenIDs struct {
	days    int32 // 0 = for ever
	newest  int32
	oldest  int32
	all     map[[16]byte]int32
	byDay   map[int32][][16]byte
	scratch []byte
}

func newSeenIDs(days int32) seenIDs {
	return seenIDs{days: days, all: make(map[[16]byte]int32), byDay: make(map[int32][][16]byte)}
}

// has says whether the id was seen within the days before its own. Ids that
// are remembered for longer do not count: when they are forgotten depends on
// what else a partition saw.
func (s *seenIDs) has(id SeenID) bool {
	day, ok := s.all[id.Hash]
	return ok && (s.days == 0 || day >= id.Day-s.days)
}

func (s *seenIDs) add(id SeenID) {
	s.all[id.Hash] = id.Day
	if s.days == 0 {
		return
	}
	s.byDay[id.Day] = append(s.byDay[id.Day], id.Hash)
	if len(s.byDay) == 1 {
		s.oldest = id.Day
	}
	s.oldest = min(s.oldest, id.Day)
	if id.Day > s.newest {
		s.newest = id.Day
		s.forget(s.newest - s.days)
	}
}

// forget drops the days before first.
func (s *seenIDs) forget(first int32) {
	for ; s.oldest < first; s.oldest++ {
		for _, hash := range s.byDay[s.oldest] {
			if s.all[hash] == s.oldest {
				delete(s.all, hash)
			}
		}
		delete(s.byDay, s.oldest)
	}
}
