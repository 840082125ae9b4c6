package store

import (
	"encoding/binary"
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// Lineage is what a partition has of one lineage: leads with timers of their
// own. It belongs to the partition's goroutine.
type Lineage struct {
	p  *Partition
	id uint64
}

// Lineage gives access to the leads of a lineage.
func (p *Partition) Lineage(id uint64) *Lineage { return &Lineage{p, id} }

const idSize = 8

// appendName appends what names a lead among all lineages.
func appendName(dst []byte, id uint64, lead string) []byte {
	return append(binary.BigEndian.AppendUint64(dst, id), lead...)
}

// Load appends the state of a lead to dst.
func (l *Lineage) Load(dst []byte, lead string) (state []byte, found bool, err error) {
	return l.p.load(dst, l.id, lead)
}

// Due hands the stored timers that are due up to a time, ms since 1970 UTC, to
// fn in (due, lead) order, until fn returns false. fn may Load.
func (l *Lineage) Due(until int64, fn func(due int64, lead string) bool) error {
	if l.p.behind.young.early <= until {
		if err := l.p.settle(); err != nil {
			return err
		}
	}
	return l.p.scan(keyTimer, l.id, "", func(name, _ []byte) (bool, error) {
		if len(name) < 8 {
			return false, errKey
		}
		due := int64(binary.BigEndian.Uint64(name) ^ 1<<63)
		return due <= until && fn(due, string(name[8:])), nil
	})
}

// Held hands the leads that have inputs that wait to fn, in order.
func (l *Lineage) Held(fn func(lead string) bool) error {
	if err := l.p.settle(); err != nil {
		return err
	}
	return l.p.scan(keyHeld, l.id, "", func(name, _ []byte) (bool, error) { return fn(string(name)), nil })
}

// Each hands the key of every lead behind after to fn, in order, until fn
// returns false.
func (l *Lineage) Each(after string, fn func(lead string) bool) error {
	if err := l.p.settle(); err != nil {
		return err
	}
	return l.p.scan(keyLead, l.id, after, func(name, _ []byte) (bool, error) { return fn(string(name)), nil })
}

// States hands every lead with its state to fn, in order. The state is valid
// during the call.
func (l *Lineage) States(fn func(lead string, state []byte) bool) error {
	if err := l.p.settle(); err != nil {
		return err
	}
	return l.p.scan(keyLead, l.id, "", func(name, value []byte) (bool, error) { return fn(string(name), value), nil })
}

// Count is the number of leads as Batch.Count wrote it, 0 without.
func (l *Lineage) Count() (int, error) {
	if err := l.p.settle(); err != nil {
		return 0, err
	}
	b, found, err := l.p.d.get(nil, appendKey(nil, l.p.number, keyCount, l.id))
	if err != nil || !found {
		return 0, err
	}
	n, _ := binary.Uvarint(b)
	return int(n), nil
}

// Lineages are those of which the partition has leads, by id.
func (p *Partition) Lineages() (ids []uint64, err error) {
	if err := p.settle(); err != nil {
		return nil, err
	}
	it, err := p.d.db.NewIter(bounds(p.number, keyLead))
	if err != nil {
		return nil, p.d.check(err)
	}
	for ok := it.First(); ok; {
		name := it.Key()[prefixSize:]
		if len(name) < idSize {
			err = errKey
			break
		}
		id := binary.BigEndian.Uint64(name)
		ids = append(ids, id)
		ok = it.SeekGE(appendKey(nil, p.number, keyLead, id+1))
	}
	return ids, p.d.check(errors.Join(err, it.Close()))
}

// lineageKinds are the kinds of keys that a lineage has.
var lineageKinds = []byte{keyCount, keyHeld, keyLead, keyTimer}

// DropLineage deletes all that the partition has of a lineage.
func (p *Partition) DropLineage(id uint64) error {
	if err := p.settle(); err != nil {
		return err
	}
	p.behind.forget() // it may have rows of the lineage
	for name := range p.held {
		if binary.BigEndian.Uint64([]byte(name)) == id {
			delete(p.held, name)
		}
	}
	for _, kind := range lineageKinds {
		if err := p.d.db.DeleteRange(appendKey(nil, p.number, kind, id), appendKey(nil, p.number, kind, id+1), pebble.NoSync); err != nil {
			return p.d.check(err)
		}
	}
	return nil
}

// CopyLineage makes a lineage that has all that another one has, byte for byte.
// A copy that is interrupted is dropped and made again.
func (p *Partition) CopyLineage(from, to uint64) error {
	if err := p.DropLineage(to); err != nil {
		return err
	}
	b := p.NewBatch()
	defer b.Close()
	for _, kind := range lineageKinds {
		err := p.scan(kind, from, "", func(name, value []byte) (bool, error) {
			if err := b.Raw(append(binary.BigEndian.AppendUint64([]byte{kind}, to), name...), value); err != nil || b.Len() < copyBytes {
				return true, err
			}
			return true, b.Commit()
		})
		if err != nil {
			return err
		}
	}
	return b.Commit()
}

// copyBytes is the size of the batches in which a lineage is copied.
const copyBytes = 1 << 20
