package core

import (
	"fmt"

	"github.com/ripenhq/ripen/engine/ledger"
)

// CopyFrom makes this empty core a copy of src, under its own program (fork):
// leads, event ids, clock. Slices as in SwitchFrom, without an input between
// them; nothing is told as a delta. What of src has not been stamped must be
// stamped before. With the last slice the leads are as src has them; follow with
// SwitchFrom(c, …) with Was = src's program and decide.Mark to make them this
// program's.
func (c *Core) CopyFrom(src *Core, after string, most int) (last string, done bool, err error) {
	if _, err := ledger.NewRebinding(src.prog.Book, c.prog.Book); err != nil {
		return after, false, fmt.Errorf("%w: %w", ErrProgram, err)
	}
	c.tick, c.acked = max(c.tick, src.tick), max(c.acked, src.acked)
	keys, more, err := src.keys(nil, after, most)
	if err != nil {
		return after, false, err
	}
	last = after
	for _, key := range keys {
		if err := c.copyLead(src, key); err != nil {
			return last, false, err
		}
		last = key
	}
	return last, !more, nil
}

// copyLead takes one lead over, as it would come from the shelf.
func (c *Core) copyLead(src *Core, key string) (err error) {
	e := src.leads.get(key)
	switch {
	case e != nil && e.pending:
		return fmt.Errorf("lead %q has changes of which the record is not known yet; commit before the copy", key)
	case e != nil:
		src.state = src.appendState(src.state[:0], e, e.stamp)
	default:
		var found bool
		if src.state, found, err = src.opts.Shelf.Load(src.state[:0], key); err != nil || !found {
			return err
		}
	}
	e, err = c.place(key, src.state)
	if err != nil {
		return err
	}
	c.soil(e)
	return nil
}
