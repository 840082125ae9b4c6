package store

import (
	"encoding/binary"
	"errors"
	"hash/maphash"
	"math"

	"github.com/cockroachdb/pebble/v2"
)

// Kinds of keys, behind the number of the partition.
const (
	keyCount  = 'c'
	keyHeld   = 'h'
	keyLead   = 'l'
	keyHead   = 'm'
	keyNewest = 'n'
	keyTimer  = 't'
)

const prefixSize = 3 // partition and kind

// Partition is one partition's part of the store. It belongs to one goroutine.
type Partition struct {
	d      *DB
	number uint16
	key    []byte              // memory that keys are made in
	held   map[string]struct{} // by lineage and lead; also those that Pebble does not have yet
	behind behind
}

// never is later than all timers.
const never = math.MaxInt64

// Partition gives access to a partition's leads. It takes the place of one that
// was given before: what that one has not written yet is forgotten, as after a
// crash.
func (d *DB) Partition(number int) (*Partition, error) {
	p := &Partition{d: d, number: uint16(number), held: map[string]struct{}{}}
	p.behind.seed, p.behind.holding, p.behind.counts = maphash.MakeSeed(), map[string]struct{}{}, map[uint64]int{}
	p.behind.forget()
	d.register(p)
	it, err := d.db.NewIter(bounds(p.number, keyHeld))
	if err != nil {
		return p, d.check(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		p.held[string(it.Key()[prefixSize:])] = struct{}{}
	}
	return p, d.check(errors.Join(it.Error(), it.Close()))
}

func appendPrefix(dst []byte, partition uint16, kind byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, partition), kind)
}

// appendKey is the beginning of all keys of a kind that a lineage has.
func appendKey(dst []byte, partition uint16, kind byte, id uint64) []byte {
	return binary.BigEndian.AppendUint64(appendPrefix(dst, partition, kind), id)
}

// named is the key of a lead or of a held lead. Its name is that of its lineage
// and its own.
func (p *Partition) named(kind byte, name []byte) []byte {
	p.key = append(appendPrefix(p.key[:0], p.number, kind), name...)
	return p.key
}

func (p *Partition) timer(due int64, name []byte) []byte {
	p.key = append(appendPrefix(p.key[:0], p.number, keyTimer), name[:idSize]...)
	p.key = binary.BigEndian.AppendUint64(p.key, uint64(due)^1<<63) // in order also below zero
	p.key = append(p.key, name[idSize:]...)
	return p.key
}

// bounds are the first key of a kind and the first behind it.
func bounds(partition uint16, kind byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: appendPrefix(nil, partition, kind), UpperBound: appendPrefix(nil, partition, kind+1)}
}

// load appends the state of a lead to dst.
func (p *Partition) load(dst []byte, id uint64, lead string) (state []byte, found bool, err error) {
	w := &p.behind
	w.spot = appendName(w.spot[:0], id, lead)
	if state, found = w.load(dst, w.spot); found {
		return state, true, nil
	}
	return p.d.get(dst, p.named(keyLead, w.spot))
}

func (d *DB) get(dst, key []byte) ([]byte, bool, error) {
	v, closer, err := d.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return dst, false, nil
	}
	if err != nil {
		return dst, false, d.check(err)
	}
	dst = append(dst, v...)
	return dst, true, d.check(closer.Close())
}

var errKey = errors.New("a key is too short")

// scan walks over the keys of a kind that Pebble has of a lineage, from behind a
// name on; fn gets what stands behind the lineage.
func (p *Partition) scan(kind byte, id uint64, after string, fn func(name, value []byte) (bool, error)) error {
	it, err := p.d.db.NewIter(&pebble.IterOptions{LowerBound: appendKey(nil, p.number, kind, id), UpperBound: appendKey(nil, p.number, kind, id+1)})
	if err != nil {
		return p.d.check(err)
	}
	ok, more := false, true
	if after == "" {
		ok = it.First()
	} else {
		ok = it.SeekGE(append(append(appendKey(nil, p.number, kind, id), after...), 0))
	}
	for ok && more && err == nil {
		if more, err = fn(it.Key()[prefixSize+idSize:], it.Value()); more {
			ok = it.Next()
		}
	}
	return p.d.check(errors.Join(err, it.Close()))
}

// Head is the head as it was written last: what the store is complete up to.
func (p *Partition) Head() (head []byte, found bool, err error) {
	return p.d.get(nil, appendPrefix(nil, p.number, keyHead))
}

// Newest is what nothing in this part of the store is newer than.
func (p *Partition) Newest() (newest []byte, found bool, err error) {
	if err := p.settle(); err != nil {
		return nil, false, err
	}
	return p.d.get(nil, appendPrefix(nil, p.number, keyNewest))
}

// Drop deletes all that the store has of this partition.
func (p *Partition) Drop() error {
	from := binary.BigEndian.AppendUint16(nil, p.number)
	to := binary.BigEndian.AppendUint16(nil, p.number+1)
	p.held = map[string]struct{}{}
	p.behind.forget()
	return p.d.check(p.d.db.DeleteRange(from, to, pebble.NoSync))
}
