package store

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Snapshot is a partition's part of the store at one moment. It may be read in
// another goroutine while the partition goes on. An open Snapshot keeps deleted
// data on the disk.
type Snapshot struct {
	d      *DB
	s      *pebble.Snapshot
	number uint16
	failed error // why it is not complete
}

// Snapshot freezes the partition's part of the store.
func (p *Partition) Snapshot() *Snapshot {
	err := p.settle()
	return &Snapshot{d: p.d, s: p.d.db.NewSnapshot(), number: p.number, failed: err}
}

// Head and Newest are as in Partition.
func (s *Snapshot) Head() (head []byte, found bool, err error) { return s.get(keyHead) }

// Newest is what nothing in the snapshot is newer than.
func (s *Snapshot) Newest() (newest []byte, found bool, err error) { return s.get(keyNewest) }

func (s *Snapshot) get(kind byte) ([]byte, bool, error) {
	if s.failed != nil {
		return nil, false, s.failed
	}
	v, closer, err := s.s.Get(appendPrefix(nil, s.number, kind))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, s.d.check(err)
	}
	v = append([]byte(nil), v...)
	return v, true, s.d.check(closer.Close())
}

// Each hands every entry but head and newest to fn, in order, until fn fails:
// its error comes back as it is. Key and value are valid during the call; a
// Batch takes them with Raw.
func (s *Snapshot) Each(fn func(key, value []byte) error) error {
	if s.failed != nil {
		return s.failed
	}
	it, err := s.s.NewIter(&pebble.IterOptions{
		LowerBound: binary.BigEndian.AppendUint16(nil, s.number), UpperBound: binary.BigEndian.AppendUint16(nil, s.number+1)})
	if err != nil {
		return s.d.check(err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		key := it.Key()[2:]
		if key[0] == keyHead || key[0] == keyNewest {
			continue
		}
		if err := fn(key, it.Value()); err != nil {
			_ = it.Close()
			return err
		}
	}
	return s.d.check(errors.Join(it.Error(), it.Close()))
}

// LeadOf is the lineage and the lead whose state an entry of a snapshot holds;
// ok is false if it holds something else.
func LeadOf(key []byte) (id uint64, lead string, ok bool) {
	if len(key) < 1+idSize || key[0] != keyLead {
		return 0, "", false
	}
	return binary.BigEndian.Uint64(key[1:]), string(key[1+idSize:]), true
}

// Close lets the snapshot go.
func (s *Snapshot) Close() { _ = s.s.Close() }
