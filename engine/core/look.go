package core

import (
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// lookChunk is how many leads one look takes through the plugins together.
const lookChunk = 512

// Look shows leads as they are at time now (ms; not before a lead's own
// clock), with decay up to that time, and changes nothing. Unknown leads are
// passed over. The frame is valid until fn returns.
func (c *Core) Look(keys []string, now int64, fn func(*ledger.Frame)) error {
	lanes := make([]lane, min(len(keys), lookChunk))
	for len(keys) > 0 {
		n := 0
		c.items = c.items[:0]
		for len(keys) > 0 && n < len(lanes) {
			if e := c.accounts[keys[0]]; e != nil {
				w := &lanes[n]
				n++
				t := max(now, e.acct.Clock, c.tick)
				w.item = step.Item{Kind: abi.SlotProbe, Seed: step.SeedOf(keys[0], 0, t), Frame: ledger.Frame{Book: c.prog.Book, Acct: e.acct, At: t, Now: t}}
				e.acct.Begin(&w.undo)
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
