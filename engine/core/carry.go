package core

import (
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// CarryFrom begins a lineage whose history is not whole: leads get what src
// knows of the time before cut (ms, begin of an age step): traits, scope keys,
// counters and the lines that are left. Slices as in SwitchFrom. Give the core
// PassOver(cut) before the replay.
func (c *Core) CarryFrom(src *Core, cut int64, after string, most int, out *Output) (last string, done bool, err error) {
	keys, more, err := src.keys(nil, after, most)
	if err != nil {
		return after, false, err
	}
	last = after
	for len(keys) > 0 {
		n := min(len(keys), roundSize)
		if err := c.carrySome(src, cut, keys[:n], out); err != nil {
			return last, false, err
		}
		last, keys = keys[n-1], keys[n:]
	}
	return last, !more, nil
}

// carrySome takes a few leads over.
func (c *Core) carrySome(src *Core, cut int64, keys []string, out *Output) error {
	var entries []*entry
	c.items = c.items[:0]
	for _, key := range keys {
		s, err := src.stateOf(key)
		if err != nil {
			return err
		}
		if s.acct == nil {
			continue
		}
		a := s.acct.Carry(src.prog.Book, c.prog.Book, cut)
		if a == nil {
			continue
		}
		e, err := c.fetch(key)
		if err != nil {
			return err
		}
		if e == nil {
			e = c.leads.add(key)
		}
		if e.acct != nil {
			continue // carried already
		}
		a.Key = e.key
		e.acct = a
		c.carryIDs(e, &s.ids, cut)
		w := &c.lanes[len(c.items)]
		w.item = step.Item{Hands: w.item.Hands[:0], Kind: abi.SlotProbe, Seed: step.SeedOf(key, 0, cut), Frame: ledger.Frame{Book: c.prog.Book, Acct: a, At: cut, Now: cut}}
		c.items, entries = append(c.items, &w.item), append(entries, e)
	}
	if len(c.items) == 0 {
		return nil
	}
	// Lines come undecayed, and nothing else may ever wake the lead.
	if err := c.runner.Resettle(c.items, ^uint64(0)); err != nil {
		return err
	}
	for i, e := range entries {
		c.schedule(&c.lanes[i].item.Frame)
		e.touch()
		c.show(e)
		c.requeue(e)
		c.emit(e, out)
	}
	return nil
}

// carryIDs takes over the ids of events that are surely not in the history any
// more: those in it are told apart as they are scored again.
func (c *Core) carryIDs(e *entry, ids *idSet, cut int64) {
	first := newID(idHash{}, cut-c.opts.Skew-c.prog.Book.AgeStep)
	for _, id := range ids.list {
		if id.day() < first.day() {
			id.mark &^= idAgain
			e.ids.add(id, c.opts.DedupeDays)
		}
	}
}

// stateOf is a copy of what is known of a lead, from the shelf if it is not in
// memory.
func (c *Core) stateOf(key string) (s state, err error) {
	if e := c.leads.get(key); e != nil {
		c.state = c.appendState(c.state[:0], e, 0)
		return c.decode(key, c.state)
	}
	if c.opts.Shelf == nil {
		return state{}, nil
	}
	b, found, err := c.opts.Shelf.Load(nil, key)
	if err != nil || !found {
		return state{}, err
	}
	return c.decode(key, b)
}
