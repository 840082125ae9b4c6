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
// UTC), and whether the event was refused. It holds no pointer, so a long list
// of them costs the collector nothing.
type seenID struct {
	hash idHash
	mark int32 // the day, shifted, and idRefused, idAgain
}

// The flags of an id.
const (
	idRefused int32 = 1 << iota // the event changed nothing: it may be driven again
	idAgain                     // that has changed since it was told
	idFlags   = idRefused | idAgain
	idShift   = 2
)

// maxDay is the last day that an id can have: about a million years from now.
const maxDay = 1<<29 - 1

// newID makes the id of an event received at a time, ms.
func newID(hash idHash, received int64) seenID {
	return seenID{hash, int32(min(max(received/dayMillis, -maxDay), maxDay)) << idShift}
}

func (id *seenID) day() int32 { return id.mark >> idShift }

func (id *seenID) refused() bool { return id.mark&idRefused != 0 }

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
	return i >= 0 && (days == 0 || s.list[i].day() >= day-days)
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
	if first := id.day() - days; days > 0 && len(s.list) > 0 && s.oldest < first {
		s.drop(first)
	}
	if len(s.list) == 0 {
		s.oldest = id.day()
	}
	s.oldest = min(s.oldest, id.day())
	s.list = append(s.list, id)
	s.fresh++
	switch {
	case s.index != nil:
		s.index.add(s.list)
	case len(s.list) > fewIDs:
		s.index = newIDIndex(s.list)
	}
}

// judge notes whether the event of an id was refused. told says that a record
// may hold it otherwise.
func (s *idSet) judge(hash *idHash, refused bool) (told bool) {
	i := s.find(hash)
	if i < 0 || s.list[i].refused() == refused {
		return false
	}
	s.list[i].mark ^= idRefused
	if i >= len(s.list)-int(s.fresh) {
		return false
	}
	s.list[i].mark |= idAgain
	return true
}

// settle notes that all is told.
func (s *idSet) settle() {
	s.fresh = 0
	for i := range s.list {
		s.list[i].mark &^= idAgain
	}
}

// drop forgets the ids of days before first.
func (s *idSet) drop(first int32) {
	kept, old := s.list[:0], len(s.list)-int(s.fresh)
	s.oldest, s.fresh = first, 0
	for i, id := range s.list {
		if id.day() < first {
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

// appendIDs encodes ids: their number, then each with its flags and its day as a
// difference to the one before.
func appendIDs(dst []byte, list []seenID) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(list)))
	day := int32(0)
	for i := range list {
		dst = appendID(dst, &list[i], day)
		day = list[i].day()
	}
	return dst
}

func appendID(dst []byte, id *seenID, before int32) []byte {
	dst = append(dst, id.hash[:]...)
	return binary.AppendVarint(dst, (int64(id.day())-int64(before))<<idShift|int64(id.mark&idFlags))
}

// appendNews encodes what a record has to tell: new ids, and old ones that were
// judged anew.
func (s *idSet) appendNews(dst []byte, again bool) []byte {
	news := s.list[len(s.list)-int(s.fresh):]
	if !again {
		return appendIDs(dst, news)
	}
	var list []seenID
	for _, id := range s.list[:len(s.list)-int(s.fresh)] {
		if id.mark&idAgain != 0 {
			list = append(list, id)
		}
	}
	return appendIDs(dst, append(list, news...))
}

// learn takes what a record tells.
func (s *idSet) learn(id seenID, days int32) {
	if id.mark&idAgain == 0 {
		s.add(id, days)
		return
	}
	if i := s.find(&id.hash); i >= 0 {
		s.list[i].mark = s.list[i].mark&^idRefused | id.mark&idRefused
	}
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
		day += diff >> idShift
		if k <= 0 || day < -maxDay || day > maxDay {
			return nil, false
		}
		id.mark = int32(day)<<idShift | int32(diff)&idFlags
		fn(id)
		b = b[16+k:]
	}
	return b, true
}
