package store

import "github.com/cockroachdb/pebble/v2"

// Batch collects changes of one partition that are written together: after a
// crash all of them are there or none.
type Batch struct {
	p      *Partition
	rows   []byte
	raw    *pebble.Batch // nil: nothing came through Raw
	head   []byte        // nil, like newest, if it was not given
	newest []byte
	counts []count
	held   []change
}

// change of the set of held leads, made once the batch is written.
type change struct {
	name string // lineage and lead
	held bool
	raw  bool // the batch has the entry already
}

// count is how many leads with an account a lineage has.
type count struct {
	id uint64
	n  int
}

// NewBatch starts a batch.
func (p *Partition) NewBatch() *Batch {
	b := &Batch{p: p, rows: p.behind.stage[:0]}
	p.behind.stage = nil
	return b
}

// Put writes the state of a lead of a lineage. due is its earliest timer, ms since 1970 UTC,
// oldDue the one under which the store has it; 0 = none. held says that the
// lead has inputs that wait.
func (b *Batch) Put(id uint64, lead string, state []byte, due, oldDue int64, held bool) error {
	b.rows = appendRow(b.rows, id, lead, state, due, oldDue)
	b.hold(id, lead, held)
	return nil
}

// hold keeps the index of held leads. They are few, so that the index is in
// memory too and a lead that never waits costs nothing.
func (b *Batch) hold(id uint64, lead string, held bool) {
	if !held && len(b.p.held) == 0 && len(b.held) == 0 {
		return
	}
	name := string(appendName(nil, id, lead))
	_, was := b.p.held[name]
	for _, c := range b.held {
		if c.name == name {
			was = c.held
		}
	}
	if was != held {
		b.held = append(b.held, change{name: name, held: held})
	}
}

// Head says what the store is complete up to, once this batch is written. With
// it all that waits goes to Pebble.
func (b *Batch) Head(head []byte) error {
	b.head = append([]byte{}, head...)
	return nil
}

// Newest says what nothing in the store is newer than, once this batch is
// written.
func (b *Batch) Newest(newest []byte) error {
	b.newest = append([]byte{}, newest...)
	return nil
}

// Count says how many leads with an account the store has of a lineage, once
// this batch is written.
func (b *Batch) Count(id uint64, n int) error {
	b.counts = append(b.counts, count{id, n})
	return nil
}

// Raw writes an entry as Snapshot.Each gave it.
func (b *Batch) Raw(key, value []byte) error {
	p := b.p
	if len(key) == 0 {
		return errKey
	}
	if key[0] == keyHeld {
		b.held = append(b.held, change{string(key[1:]), true, true})
	}
	if b.raw == nil {
		b.raw = p.d.db.NewBatch()
	}
	p.key = append(appendPrefix(p.key[:0], p.number, key[0]), key[1:]...)
	return p.d.check(b.raw.Set(p.key, value, nil))
}

// Len is the size of the batch in bytes.
func (b *Batch) Len() int {
	n := len(b.rows) + len(b.head) + len(b.newest)
	if b.raw != nil {
		n += b.raw.Len()
	}
	return n
}

// Empty says whether nothing was put into the batch.
func (b *Batch) Empty() bool {
	return len(b.rows) == 0 && b.raw == nil && b.head == nil && b.newest == nil && len(b.counts) == 0
}

// Commit writes the batch, which can be filled again afterwards. Without a head
// or raw entries it waits in memory until there is enough to write.
func (b *Batch) Commit() error {
	p, w := b.p, &b.p.behind
	if b.raw != nil { // it may hold what the rows do
		if err := p.settle(); err != nil {
			return err
		}
		w.forget()
	}
	if err := p.room(len(b.rows)); err != nil {
		return err
	}
	for rest := row(b.rows); len(rest) > 0; rest = rest[rest.size():] {
		w.young.put(w.seed, rest)
	}
	if b.newest != nil {
		w.newest = b.newest
	}
	for _, c := range b.counts {
		w.counts[c.id] = c.n
	}
	b.settleHeld()
	var err error
	if raw := b.raw; raw != nil || b.head != nil {
		b.raw = nil
		err = p.write(raw, b.head)
	}
	b.rows, b.head, b.newest, b.counts, b.held = b.rows[:0], nil, nil, b.counts[:0], b.held[:0]
	return err
}

// settleHeld makes the changes of the set of held leads.
func (b *Batch) settleHeld() {
	p := b.p
	for _, c := range b.held {
		if c.held {
			p.held[c.name] = struct{}{}
		} else {
			delete(p.held, c.name)
		}
		if !c.raw {
			p.behind.holding[c.name] = struct{}{}
		}
	}
}

// Close frees a batch; what was not committed is forgotten.
func (b *Batch) Close() {
	if b.raw != nil {
		_ = b.raw.Close()
		b.raw = nil
	}
	if b.p.behind.stage == nil {
		b.p.behind.stage = b.rows[:0]
	}
	b.rows = nil
}
