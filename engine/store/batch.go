package store

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// Batch collects changes of one partition that are written together: after a
// crash all of them are there or none.
type Batch struct {
	p    *Partition
	b    *pebble.Batch
	held []change
}

// change of the set of held leads, made once the batch is written.
type change struct {
	lead string
	held bool
}

// NewBatch starts a batch.
func (p *Partition) NewBatch() *Batch { return &Batch{p: p, b: p.d.db.NewBatch()} }

// Put writes the state of a lead. due is its earliest timer, ms since 1970 UTC,
// oldDue the one under which the store has it; 0 = none. held says that the
// lead has inputs that wait.
func (b *Batch) Put(lead string, state []byte, due, oldDue int64, held bool) error {
	p := b.p
	if err := b.b.Set(p.named(keyLead, lead), state, nil); err != nil {
		return p.d.check(err)
	}
	if due != oldDue && oldDue != 0 {
		if err := b.b.Delete(p.timer(oldDue, lead), nil); err != nil {
			return p.d.check(err)
		}
	}
	if due != 0 { // also if it is the old one: it may be that of a dropped store
		if err := b.b.Set(p.timer(due, lead), nil, nil); err != nil {
			return p.d.check(err)
		}
	}
	return b.hold(lead, held)
}

// hold keeps the index of held leads. They are few, so that the index is in
// memory too and a lead that never waits costs nothing.
func (b *Batch) hold(lead string, held bool) (err error) {
	p := b.p
	_, was := p.held[lead]
	for _, c := range b.held {
		if c.lead == lead {
			was = c.held
		}
	}
	if was == held {
		return nil
	}
	if held {
		err = b.b.Set(p.named(keyHeld, lead), nil, nil)
	} else {
		err = b.b.Delete(p.named(keyHeld, lead), nil)
	}
	b.held = append(b.held, change{lead, held})
	return p.d.check(err)
}

// Head says what the store is complete up to, once this batch is written.
func (b *Batch) Head(head []byte) error {
	return b.p.d.check(b.b.Set(appendPrefix(nil, b.p.number, keyHead), head, nil))
}

// Newest says what nothing in the store is newer than, once this batch is
// written.
func (b *Batch) Newest(newest []byte) error {
	return b.p.d.check(b.b.Set(appendPrefix(nil, b.p.number, keyNewest), newest, nil))
}

// Count says how many leads with an account the store has, once this batch is
// written.
func (b *Batch) Count(n int) error {
	return b.p.d.check(b.b.Set(appendPrefix(nil, b.p.number, keyCount), binary.AppendUvarint(nil, uint64(n)), nil))
}

// Raw writes an entry as Snapshot.Each gave it.
func (b *Batch) Raw(key, value []byte) error {
	p := b.p
	if len(key) == 0 {
		return errKey
	}
	if key[0] == keyHeld {
		b.held = append(b.held, change{string(key[1:]), true})
	}
	p.key = append(appendPrefix(p.key[:0], p.number, key[0]), key[1:]...)
	return p.d.check(b.b.Set(p.key, value, nil))
}

// Len is the size of the batch in bytes.
func (b *Batch) Len() int { return b.b.Len() }

// Empty says whether nothing was put into the batch.
func (b *Batch) Empty() bool { return b.b.Empty() }

// Commit writes the batch, which can be filled again afterwards.
func (b *Batch) Commit() error {
	if err := b.b.Commit(pebble.NoSync); err != nil {
		return b.p.d.check(err)
	}
	for _, c := range b.held {
		if c.held {
			b.p.held[c.lead] = struct{}{}
		} else {
			delete(b.p.held, c.lead)
		}
	}
	b.held = b.held[:0]
	b.b.Reset()
	return nil
}

// Close frees a batch; what was not committed is forgotten.
func (b *Batch) Close() { _ = b.b.Close() }
