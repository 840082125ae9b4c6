package core

import (
	"encoding/binary"

	"github.com/minio/highwayhash"
)

// idHash is the 128-bit hash of (lead, event id).
type idHash [16]byte

// idKey is the key of the hash: fixed, because the hashes lie in journals.
var idKey = []byte("ripen: event ids of leads, 128 b")

// hashID hashes (lead, event id): HighwayHash-128. scratch is reused.
func hashID(scratch []byte, leadKey, event string) (idHash, []byte) {
	scratch = binary.AppendUvarint(scratch[:0], uint64(len(leadKey)))
	scratch = append(scratch, leadKey...)
	scratch = append(scratch, event...)
	return highwayhash.Sum128(scratch, idKey), scratch
}

// seenID is an event id of a lead with its day of receipt (days since 1970
// UTC). It holds no pointer, so a long list of them costs the collector nothing.
type seenID struct {
	hash idHash
	day  int32
}

// idSet is the event ids of one lead within the horizon, in the order in which
// they were accepted. Few are looked through one by one; many have an index.
// Which ids it holds depends on the lead's own events alone, not on what else
// its partition saw and not on when somebody looks.
type idSet struct {
	list   []seenID
	index  *idIndex // nil while there are few
	oldest int32    // no day in list is before it
	fresh  uint32   // the last ones of list, that no record holds yet
}

// fewIDs is how many ids are looked through one by one: about what a cache miss
// or two cost.
const fewIDs = 48

// has says whether the id was seen within days before its own day; days 0 =
// ever.
func (s *idSet) has(hash *idHash, day, days int32) bool {
	i := s.find(hash)
	return i >= 0 && (days == 0 || s.list[i].day >= day-days)
}

func (s *idSet) find(hash *idHash) int {
	if s.index != nil {
		return s.index.find(s.list, hash)
	}
	for i := range s.list {
		if s.list[i].hash == *hash {
			return i
		}
	}
	return -1
}

// add appends an id that the set does not have, and forgets those of more than
// days before it. (Only the new id counts: after a clock that jumped ahead and
// back again, ids are told apart as before.)
func (s *idSet) add(id seenID, days int32) {
	if first := id.day - days; days > 0 && len(s.list) > 0 && s.oldest < first {
		s.drop(first)
	}
	if len(s.list) == 0 {
		s.oldest = id.day
	}
	s.oldest = min(s.oldest, id.day)
	s.list = append(s.list, id)
	s.fresh++
	switch {
	case s.index != nil:
		s.index.add(s.list)
	case len(s.list) > fewIDs:
		s.index = newIDIndex(s.list)
	}
}

// drop forgets the ids of days before first.
func (s *idSet) drop(first int32) {
	kept, old := s.list[:0], len(s.list)-int(s.fresh)
	s.oldest, s.fresh = first, 0
	for i, id := range s.list {
		if id.day < first {
			continue
		}
		kept = append(kept, id)
		if i >= old {
			s.fresh++
		}
	}
	s.list = kept
	if s.index = nil; len(kept) > fewIDs {
		s.index = newIDIndex(kept)
	}
}

// idIndex finds ids in a long list: open addressing with linear probing over
// places in the list, by the ids themselves, which are hashes already.
type idIndex struct{ places []uint32 } // 1 + place, 0 = free; at most half are used

func newIDIndex(list []seenID) *idIndex {
	size := 4 * fewIDs
	for size < 3*len(list) {
		size *= 2
	}
	x := &idIndex{places: make([]uint32, size)}
	for i := range list {
		x.put(list, i)
	}
	return x
}

func (x *idIndex) slot(hash *idHash) uint64 {
	return binary.LittleEndian.Uint64(hash[8:]) % uint64(len(x.places))
}

func (x *idIndex) find(list []seenID, hash *idHash) int {
	for i := x.slot(hash); ; i = x.after(i) {
		at := x.places[i]
		if at == 0 {
			return -1
		}
		if list[at-1].hash == *hash {
			return int(at - 1)
		}
	}
}

func (x *idIndex) after(i uint64) uint64 {
	if i++; i == uint64(len(x.places)) {
		return 0
	}
	return i
}

// add puts the last id of the list in.
func (x *idIndex) add(list []seenID) {
	if 2*len(list) > len(x.places) {
		*x = *newIDIndex(list)
		return
	}
	x.put(list, len(list)-1)
}

func (x *idIndex) put(list []seenID, at int) {
	i := x.slot(&list[at].hash)
	for x.places[i] != 0 {
		i = x.after(i)
	}
	x.places[i] = uint32(at + 1)
}

// appendIDs encodes ids: their number, then each with its day as a difference
// to the one before.
func appendIDs(dst []byte, list []seenID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	day := int32(0)
	for i := range list {
		dst = append(dst, list[i].hash[:]...)
		dst = binary.AppendVarint(dst, int64(list[i].day)-int64(day))
		day = list[i].day
	}
	return dst
}

// readIDs decodes what appendIDs wrote, one by one; ok is false if b is
// damaged. rest is what follows.
func readIDs(b []byte, fn func(seenID)) (rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k)/(uint64(len(idHash{}))+1) {
		return nil, false
	}
	b = b[k:]
	day := int64(0)
	for range n {
		if len(b) < len(idHash{}) {
			return nil, false
		}
		id := seenID{hash: idHash(b[:16])}
		diff, k := binary.Varint(b[16:])
		day += diff
		if k <= 0 || int64(int32(day)) != day {
			return nil, false
		}
		id.day = int32(day)
		fn(id)
		b = b[16+k:]
	}
	return b, true
}
