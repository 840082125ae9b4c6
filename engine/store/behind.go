package store

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/cockroachdb/pebble/v2"
)

// behind is what a partition has in front of Pebble: the rows that were put
// since Pebble was written last, and those before them, which save reading
// them there. A lead that comes and goes several times meanwhile is written
// once, and Pebble gets large sorted batches. A crash loses what waits, which
// is the end of what was put: what is in Pebble stays a prefix.
type behind struct {
	seed        maphash.Seed
	young, old  rows // old ones are all in Pebble
	order       []int
	newest      []byte              // nil: as in Pebble
	counts      map[uint64]int      // by lineage: those that Pebble does not have
	holding     map[string]struct{} // leads of lineages whose entry in the index of held ones changed
	stage, spot []byte              // memory of a batch; of a key to look for
}

func (w *behind) forget() {
	w.young.reset()
	w.old.reset()
	w.newest = nil
	clear(w.counts)
	clear(w.holding)
}

// empty says whether Pebble has all.
func (w *behind) empty() bool {
	return !w.young.pending() && w.newest == nil && len(w.counts) == 0 && len(w.holding) == 0
}

// load looks for a lead of a lineage among the rows.
func (w *behind) load(dst, name []byte) ([]byte, bool) {
	if w.young.taken+w.old.taken == 0 {
		return dst, false
	}
	hash := maphash.Bytes(w.seed, name)
	for _, r := range [...]*rows{&w.young, &w.old} {
		if begin, _, found := r.find(hash, name); found {
			return append(dst, r.at(begin).state()...), true
		}
	}
	return dst, false
}

// room makes place for n bytes more: what does not fit goes to Pebble, and the
// young rows become the old ones.
func (p *Partition) room(n int) error {
	w := &p.behind
	if len(w.young.bytes) == 0 || len(w.young.bytes)+n <= p.d.rowBytes() {
		return nil
	}
	if err := p.settle(); err != nil {
		return err
	}
	w.young, w.old = w.old, w.young
	w.young.reset()
	return nil
}

// settle writes to Pebble all that waits.
func (p *Partition) settle() error {
	if p.behind.empty() {
		return nil
	}
	return p.write(nil, nil)
}

// write writes to Pebble, as one batch, what raw holds, all that waits and,
// behind it, a head. It takes raw.
func (p *Partition) write(raw *pebble.Batch, head []byte) error {
	w, b := &p.behind, raw
	if b == nil {
		b = p.d.db.NewBatchWithSize(len(w.young.bytes) - w.young.written + 4<<10)
	}
	defer func() { _ = b.Close() }()
	if err := p.fill(b); err != nil {
		return p.d.check(err)
	}
	for id, n := range w.counts {
		if err := b.Set(appendKey(nil, p.number, keyCount, id), uvarint(n), nil); err != nil {
			return p.d.check(err)
		}
	}
	for kind, value := range map[byte][]byte{keyNewest: w.newest, keyHead: head} {
		if value == nil {
			continue
		}
		if err := b.Set(appendPrefix(nil, p.number, kind), value, nil); err != nil {
			return p.d.check(err)
		}
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return p.d.check(err)
	}
	w.young.written, w.young.early = len(w.young.bytes), never
	w.newest = nil
	clear(w.counts)
	clear(w.holding)
	return nil
}

// fill puts the rows that wait into a batch, their timers, and what changed of
// the held leads.
func (p *Partition) fill(b *pebble.Batch) error {
	w := &p.behind
	w.order = w.young.waiting(w.order[:0])
	for _, begin := range w.order {
		r := w.young.at(begin)
		if err := b.Set(p.named(keyLead, r.key()), r.state(), nil); err != nil {
			return err
		}
	}
	for _, begin := range w.order {
		r := w.young.at(begin)
		due, oldDue := r.due(), r.oldDue()
		if due != oldDue && oldDue != 0 {
			if err := b.Delete(p.timer(oldDue, r.key()), nil); err != nil {
				return err
			}
		}
		if due != 0 { // also if it is the old one: it may be that of a dropped store
			if err := b.Set(p.timer(due, r.key()), nil, nil); err != nil {
				return err
			}
		}
	}
	for name := range w.holding {
		var err error
		if _, held := p.held[name]; held {
			err = b.Set(p.named(keyHeld, []byte(name)), nil, nil)
		} else {
			err = b.Delete(p.named(keyHeld, []byte(name)), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func uvarint(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }
