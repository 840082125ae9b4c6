package core

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/ledger"
)

// Shelf is where leads lie that are not in memory.
type Shelf interface {
	// Load appends the state of a lead to dst; found is false if there is none.
	Load(dst []byte, lead string) (state []byte, found bool, err error)
	// Due calls fn for the stored timers that are due up to until (ms), in the
	// order of (due, lead), until fn returns false.
	Due(until int64, fn func(due int64, lead string) bool) error
}

// Stored is a lead on its way to the shelf.
type Stored struct {
	Lead  string
	State []byte // valid until the function that it is given to returns
	// Due is the lead's earliest timer, ms, 0 = none; OldDue the one under which
	// the shelf had it.
	Due, OldDue int64
	// Held says that inputs of the lead wait: it must be fetched at the start.
	Held bool
	// New says that the shelf has no account of the lead, and State does.
	New bool
}

// ErrState says that the stored state of a lead is damaged or of another
// version.
var ErrState = errors.New("stored state of a lead cannot be read")

// stateVersion is the first byte of a stored state.
const stateVersion = 2

// appendState encodes a lead: version, stamp, ids, and the account behind a 1,
// or a 0.
func (c *Core) appendState(dst []byte, e *entry, stamp uint64) []byte {
	dst = binary.AppendUvarint(append(dst, stateVersion), stamp)
	dst = appendIDs(dst, e.ids.list)
	if e.acct == nil {
		return append(dst, 0)
	}
	return e.acct.Append(append(dst, 1), c.prog.Book)
}

// AppendState encodes a lead as it would be stored, but without its stamp: two
// cores that saw the same give the same bytes. ok is false for a lead that is
// not in memory.
func (c *Core) AppendState(dst []byte, lead string) (state []byte, ok bool) {
	e := c.leads.get(lead)
	if e == nil {
		return dst, false
	}
	return c.appendState(dst, e, 0), true
}

// States calls fn for every lead in memory with its state as AppendState gives
// it, in no particular order; it includes those of which only event ids are
// known. The bytes are valid until fn returns.
func (c *Core) States(fn func(lead string, state []byte)) {
	var b []byte
	c.leads.all(func(e *entry) {
		b = c.appendState(b[:0], e, 0)
		fn(e.key, b)
	})
}

// RestoreLead puts the stored state of a lead back.
func (c *Core) RestoreLead(lead string, state []byte) error {
	_, err := c.place(lead, state)
	return err
}

// state is the decoded state of a lead.
type state struct {
	stamp uint64
	ids   idSet
	acct  *ledger.Account // nil: all that the lead ever had was refused
}

// decode reads what appendState wrote.
func (c *Core) decode(key string, b []byte) (s state, err error) {
	damaged := func(err error) (state, error) { return state{}, fmt.Errorf("%w: lead %q: %w", ErrState, key, err) }
	if len(b) == 0 || b[0] != stateVersion {
		return damaged(fmt.Errorf("%d bytes, expected version %d", len(b), stateVersion))
	}
	stamp, n := binary.Uvarint(b[1:])
	if n <= 0 {
		return damaged(errors.New("no stamp"))
	}
	s.stamp = stamp
	b, ok := readIDs(b[1+n:], func(id seenID) {
		id.mark &^= idAgain
		s.ids.add(id, c.opts.DedupeDays)
	})
	s.ids.fresh = 0
	if !ok || len(b) == 0 || b[0] > 1 {
		return damaged(errors.New("truncated event ids"))
	}
	if b[0] == 1 {
		if s.acct, err = ledger.DecodeAccount(b[1:], c.prog.Book); err != nil {
			return damaged(err)
		}
	}
	return s, nil
}

// place puts the stored state of a lead into memory.
func (c *Core) place(key string, b []byte) (*entry, error) {
	s, err := c.decode(key, b)
	if err != nil {
		return nil, err
	}
	e := c.leads.get(key)
	if e == nil {
		e = c.leads.add(key)
	}
	e.ids, e.stamp = s.ids, s.stamp
	if s.acct != nil {
		s.acct.Key = e.key
		e.acct, e.kept = s.acct, true
		if len(e.acct.Held) > 0 {
			c.hold(e)
		}
	}
	c.show(e)
	c.requeue(e)
	return e, nil
}

// fetch finds a lead in memory or brings it there; nil if it is unknown.
func (c *Core) fetch(key string) (*entry, error) {
	if e := c.leads.get(key); e != nil || c.opts.Shelf == nil {
		return e, nil
	}
	var found bool
	var err error
	if c.state, found, err = c.opts.Shelf.Load(c.state[:0], key); err != nil || !found {
		return nil, err
	}
	e, err := c.place(key, c.state)
	if err != nil {
		return nil, err
	}
	e.stored = e.due // as it lies there
	if e.acct != nil {
		e.shelved = true
		c.unstored--
	}
	return e, nil
}

// Fetch brings a lead from the shelf into memory, for leads whose inputs wait.
func (c *Core) Fetch(lead string) (found bool, err error) {
	e, err := c.fetch(lead)
	return e != nil, err
}

// soil notes that the shelf has the lead not as it is.
func (c *Core) soil(e *entry) {
	if c.opts.Shelf == nil {
		return
	}
	if e.dirty = true; !e.listed {
		e.listed = true
		c.dirty = append(c.dirty, e)
	}
}

// Acked says that the records up to this number are durable: what they hold may
// be stored.
func (c *Core) Acked(stamp uint64) { c.acked = max(c.acked, stamp) }

// Unstored is how many leads with an account are in memory alone.
func (c *Core) Unstored() int { return c.unstored }

// durable says whether all that the lead is lies in the journal.
func (c *Core) durable(e *entry) bool { return !e.pending && e.stamp <= c.acked }

// write hands the lead to put.
func (c *Core) write(e *entry, put func(Stored) error) error {
	c.state = c.appendState(c.state[:0], e, e.stamp)
	s := Stored{Lead: e.key, State: c.state, Due: e.due, OldDue: e.stored,
		Held: e.acct != nil && len(e.acct.Held) > 0, New: e.acct != nil && !e.shelved}
	if err := put(s); err != nil {
		return err
	}
	if e.stored, e.dirty = e.due, false; s.New {
		e.shelved = true
		c.unstored--
	}
	return nil
}

// Evict brings the number of leads in memory down to Options.Cache: those used
// least go, about: a clock's hand passes over a lead as often as it was used
// again, up to mostUsed. What the shelf does not have goes through put first.
// Leads that are ahead of the journal, and those with inputs that wait, stay. It
// looks at a few times as many leads as are too many, so that it costs little
// when none may go yet.
func (c *Core) Evict(put func(Stored) error) error {
	if c.opts.Shelf == nil || c.opts.Cache <= 0 {
		return nil
	}
	over := c.leads.used - c.opts.Cache
	for looks := 1024 + 8*over; looks > 0 && c.leads.used > c.opts.Cache; looks-- {
		if c.hand++; c.hand >= c.leads.made {
			c.hand = 0
		}
		e := c.leads.at(c.hand)
		switch {
		case !e.live, e.aside, !c.durable(e), e.acct != nil && len(e.acct.Held) > 0:
			continue
		case e.used > 0:
			e.used--
			continue
		}
		if e.dirty {
			if err := c.write(e, put); err != nil {
				return err
			}
		}
		if e.shown {
			c.shown--
		}
		c.leads.remove(e)
	}
	return nil
}

// Flush writes up to most leads that the shelf does not have, of those that it
// did not have when the checkpoint began; the first call begins one. done says
// that it is complete, and the next call begins a new one. A lead that is ahead
// of the journal is not written: call again when its record is durable.
func (c *Core) Flush(most int, put func(Stored) error) (done bool, err error) {
	if !c.flushing {
		c.flushing = true
		c.flush, c.dirty = c.dirty, c.flush[:0]
	}
	waiting := c.flush[:0]
	for i, e := range c.flush {
		switch {
		case !e.live || !e.dirty: // written meanwhile, or gone
			e.listed = false
			continue
		case !c.durable(e):
			waiting = append(waiting, e)
			continue
		case most > 0:
			err = c.write(e, put)
			most--
		}
		if err != nil || e.dirty {
			c.flush = append(waiting, c.flush[i:]...)
			return false, err
		}
		e.listed = false
	}
	clear(c.flush[len(waiting):])
	c.flush = waiting
	c.flushing = len(waiting) > 0
	return !c.flushing, nil
}
