package core

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/ledger"
)

// deltaVersion is the first byte of the state in a record of the journal:
// version 1 held whole accounts and SHA-256 ids, version 2 grades by their index
// and ids without a verdict.
const deltaVersion = 3

// ErrDelta says that the state in a record is damaged or of another version.
var ErrDelta = errors.New("state in the journal cannot be read")

// Change is what one segment of the stream changed of a lead: a stretch of
// Output.Deltas.
type Change struct {
	Lead  string
	End   int // where its stretch ends; it begins where the one before ends
	entry *entry
}

// AppendDeltaHead begins a record's state; stretches of Output.Deltas follow.
func AppendDeltaHead(dst []byte) []byte { return append(dst, deltaVersion) }

// The flags of a change.
const changeAccount = 1 // the account changed

// emit writes what changed of the lead since its last delta behind the
// output's deltas: its key, its new event ids, and what changed in the account.
func (c *Core) emit(e *entry, out *Output) {
	if e.ids.fresh == 0 && !e.changed && !e.retold {
		return
	}
	b := out.Deltas
	if len(b) == 0 {
		b = AppendDeltaHead(b)
	}
	b = binary.AppendUvarint(b, uint64(len(e.key)))
	b = append(b, e.key...)
	b = e.ids.appendNews(b, e.retold)
	if e.changed {
		b = append(b, changeAccount, 0)
		from := len(b)
		b = sized(e.acct.AppendDelta(b, c.prog.Book), from)
	} else {
		b = append(b, 0)
	}
	out.Deltas = b
	out.Changes = append(out.Changes, Change{Lead: e.key, End: len(b), entry: e})
	if e.ids.fresh = 0; e.retold {
		e.ids.settle()
	}
	e.changed, e.retold, e.pending = false, false, true
	c.soil(e)
}

// sized writes the length of what lies behind from into the byte before it, and
// makes room where one byte is not enough.
func sized(b []byte, from int) []byte {
	n := uint64(len(b) - from)
	if n < 0x80 {
		b[from-1] = byte(n)
		return b
	}
	var head [binary.MaxVarintLen64]byte
	size := binary.PutUvarint(head[:], n)
	b = append(b, head[:size-1]...)
	copy(b[from-1+size:], b[from:])
	copy(b[from-1:], head[:size])
	return b
}

// Stamp tells the number of the record that will hold the change.
func (ch *Change) Stamp(number uint64) {
	if ch.entry != nil && ch.entry.live && ch.entry.key == ch.Lead {
		ch.entry.stamp, ch.entry.pending = number, false
	}
}

// Apply restores the state of one record of the journal: number stamp. Leads
// that are as new as the record already are left alone, so what was stored may
// be newer than the record from which the restoring began.
func (c *Core) Apply(delta []byte, stamp uint64) error {
	c.acked = max(c.acked, stamp)
	if len(delta) == 0 {
		return nil
	}
	if delta[0] != deltaVersion {
		return fmt.Errorf("%w: record %d has version %d, this program reads %d; run the program that wrote it, or let the partition be scored again from its events",
			ErrDelta, stamp, delta[0], deltaVersion)
	}
	c.applied++
	for b := delta[1:]; len(b) > 0; {
		rest, err := c.applyChange(b, stamp)
		if err != nil {
			return fmt.Errorf("record %d: %w", stamp, err)
		}
		b = rest
	}
	return nil
}

// applyChange restores one change and gives what follows it.
func (c *Core) applyChange(b []byte, stamp uint64) ([]byte, error) {
	truncated := fmt.Errorf("%w: truncated", ErrDelta)
	key, b, ok := cut(b)
	if !ok {
		return nil, truncated
	}
	e, err := c.fetch(string(key))
	if err != nil {
		return nil, err
	}
	skip := e != nil && e.stamp >= stamp && e.applied != c.applied
	if e == nil {
		e = c.leads.add(string(key))
	}
	b, ok = readIDs(b, func(id seenID) {
		if !skip {
			e.ids.learn(id, c.opts.DedupeDays)
		}
	})
	if !ok || len(b) == 0 {
		return nil, truncated
	}
	flags := b[0]
	b = b[1:]
	if flags&changeAccount != 0 {
		body, rest, ok := cut(b)
		if !ok {
			return nil, truncated
		}
		if b = rest; !skip {
			if err := c.applyAccount(e, body); err != nil {
				return nil, err
			}
		}
	}
	if !skip {
		e.stamp, e.applied, e.ids.fresh = stamp, c.applied, 0
		c.soil(e)
		c.show(e)
		c.requeue(e)
	}
	return b, nil
}

// applyAccount brings the lead's account up to date.
func (c *Core) applyAccount(e *entry, delta []byte) error {
	if e.acct == nil {
		e.acct = ledger.NewAccount(c.prog.Book, e.key)
	}
	if err := e.acct.ApplyDelta(delta, c.prog.Book); err != nil {
		return err
	}
	e.kept = true
	if len(e.acct.Held) > 0 {
		c.hold(e)
	}
	return nil
}

// DeltaLeads calls fn for each lead that a record's state names, in its order;
// a lead may come more than once.
func DeltaLeads(delta []byte, fn func(lead string)) error {
	if len(delta) == 0 {
		return nil
	}
	if delta[0] != deltaVersion {
		return fmt.Errorf("%w: version %d, this program reads %d", ErrDelta, delta[0], deltaVersion)
	}
	for b := delta[1:]; len(b) > 0; {
		key, rest, ok := cut(b)
		if ok {
			rest, ok = readIDs(rest, func(seenID) {})
		}
		if ok = ok && len(rest) > 0; ok && rest[0]&changeAccount != 0 {
			_, b, ok = cut(rest[1:])
		} else if ok {
			b = rest[1:]
		}
		if !ok {
			return fmt.Errorf("%w: truncated", ErrDelta)
		}
		fn(string(key))
	}
	return nil
}

// cut takes a length and as many bytes.
func cut(b []byte) (v, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, false
	}
	return b[k : k+int(n)], b[k+int(n):], true
}
