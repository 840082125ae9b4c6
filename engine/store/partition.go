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
	held   map[string]struct{} // also those that Pebble does not have yet
	behind behind
}

// never is later than all timers.
const never = math.MaxInt64

// Partition gives access to a partition's leads. It takes the place of one that
// was given before: what that one has not written yet is forgotten, as after a
// crash.
func (d *DB) Partition(number int) (*Partition, error) {
	p := &Partition{d: d, number: uint16(number), held: map[string]struct{}{}}
	p.behind.seed, p.behind.holding = maphash.MakeSeed(), map[string]struct{}{}
	p.behind.forget()
	d.register(p)
	err := p.Held(func(lead string) bool {
		p.held[lead] = struct{}{}
		return true
	})
	return p, err
}

func appendPrefix(dst []byte, partition uint16, kind byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, partition), kind)
}

func appendTimer(dst []byte, partition uint16, due int64, lead []byte) []byte {
	dst = appendPrefix(dst, partition, keyTimer)
	dst = binary.BigEndian.AppendUint64(dst, uint64(due)^1<<63) // in order also below zero
	return append(dst, lead...)
}

// named is the key of a lead or of a held lead.
func (p *Partition) named(kind byte, lead string) []byte {
	p.key = append(appendPrefix(p.key[:0], p.number, kind), lead...)
	return p.key
}

func (p *Partition) timer(due int64, lead []byte) []byte {
	p.key = appendTimer(p.key[:0], p.number, due, lead)
	return p.key
}

// bounds are the first key of a kind and the first behind it.
func bounds(partition uint16, kind byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: appendPrefix(nil, partition, kind), UpperBound: appendPrefix(nil, partition, kind+1)}
}

// Load appends the state of a lead to dst.
func (p *Partition) Load(dst []byte, lead string) (state []byte, found bool, err error) {
	if state, found = p.behind.load(dst, lead); found {
		return state, true, nil
	}
	return p.d.get(dst, p.named(keyLead, lead))
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

// Due hands the stored timers that are due up to a time, ms since 1970 UTC, to
// fn in (due, lead) order, until fn returns false. fn may Load.
func (p *Partition) Due(until int64, fn func(due int64, lead string) bool) error {
	if p.behind.young.early <= until {
		if err := p.settle(); err != nil {
			return err
		}
	}
	return p.scan(keyTimer, func(name, _ []byte) (bool, error) {
		if len(name) < 8 {
			return false, errKey
		}
		due := int64(binary.BigEndian.Uint64(name) ^ 1<<63)
		return due <= until && fn(due, string(name[8:])), nil
	})
}

// Held hands the leads that have inputs that wait to fn, in order.
func (p *Partition) Held(fn func(lead string) bool) error {
	if err := p.settle(); err != nil {
		return err
	}
	return p.scan(keyHeld, func(name, _ []byte) (bool, error) { return fn(string(name)), nil })
}

// Each hands every lead to fn, in order. The state is valid during the call.
func (p *Partition) Each(fn func(lead string, state []byte) bool) error {
	if err := p.settle(); err != nil {
		return err
	}
	return p.scan(keyLead, func(name, value []byte) (bool, error) { return fn(string(name), value), nil })
}

var errKey = errors.New("a key is too short")

// scan walks over the keys of a kind; fn gets what stands behind the prefix.
func (p *Partition) scan(kind byte, fn func(name, value []byte) (bool, error)) error {
	it, err := p.d.db.NewIter(bounds(p.number, kind))
	if err != nil {
		return p.d.check(err)
	}
	more := true
	for ok := it.First(); ok && more && err == nil; {
		if more, err = fn(it.Key()[prefixSize:], it.Value()); more {
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

// Count is the number of leads as Batch.Count wrote it, 0 without.
func (p *Partition) Count() (int, error) {
	if err := p.settle(); err != nil {
		return 0, err
	}
	b, found, err := p.d.get(nil, appendPrefix(nil, p.number, keyCount))
	if err != nil || !found {
		return 0, err
	}
	n, _ := binary.Uvarint(b)
	return int(n), nil
}

// Drop deletes all that the store has of this partition.
func (p *Partition) Drop() error {
	from := binary.BigEndian.AppendUint16(nil, p.number)
	to := binary.BigEndian.AppendUint16(nil, p.number+1)
	p.held = map[string]struct{}{}
	p.behind.forget()
	return p.d.check(p.d.db.DeleteRange(from, to, pebble.NoSync))
}
