package core

import (
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// lookChunk is how many leads one look takes through the plugins together.
const lookChunk = 512

// Look shows leads as they are at time now (ms; not before a lead's own
// clock), with decay up to that time, and changes nothing; leads on the shelf
// stay there. Unknown leads are passed over. The frame is valid until fn
// returns.
func (c *Core) Look(keys []string, now int64, fn func(*ledger.Frame)) error {
	lanes := make([]lane, min(len(keys), lookChunk))
	for len(keys) > 0 {
		n := 0
		c.items = c.items[:0]
		for len(keys) > 0 && n < len(lanes) {
			a, err := c.peek(keys[0])
			if err != nil {
				return err
			}
			if a != nil {
				w := &lanes[n]
				n++
				t := max(now, a.Clock, c.tick)
				w.item = step.Item{Kind: abi.SlotProbe, Seed: step.SeedOf(keys[0], 0, t), Frame: ledger.Frame{Book: c.prog.Book, Acct: a, At: t, Now: t}}
				a.Begin(&w.undo)
				c.items = append(c.items, &w.item)
			}
			keys = keys[1:]
		}
		err := c.runner.Settle(c.items)
		for _, it := range c.items {
			if err == nil {
				it.Frame.Evaluate(c.values)
				fn(&it.Frame)
			}
			it.Frame.Acct.Rollback()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// peek gives a lead's account, from the shelf if it is not in memory; nil if
// there is none.
func (c *Core) peek(key string) (*ledger.Account, error) {
	e := c.leads.get(key)
	if e != nil || c.opts.Shelf == nil {
		return c.Lead(key), nil
	}
	state, found, err := c.opts.Shelf.Load(nil, key)
	if err != nil || !found {
		return nil, err
	}
	s, err := c.decode(key, state)
	return s.acct, err
}
