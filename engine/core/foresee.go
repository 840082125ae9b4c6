package core

import (
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Foresight is what time alone will do to a lead.
type Foresight struct {
	// At is when its routes change, ms; 0 = never, or not before one of Timers.
	At int64
	// Decay is when points decay next; At 0 = never.
	Decay LeadTimer
	// Timers are times at which a step or the end of a correction can change
	// anything, in the order of the steps.
	Timers []LeadTimer
}

// LeadTimer is a time at which something is done about a lead.
type LeadTimer struct {
	At   int64  // ms
	Step string // whose timer it is; empty = a correction by hand ends
}

// Foresee tells what happens to a lead from now (ms) on if it does nothing, and
// hands fn the frame at the time when its routes change. It changes nothing: it
// is the search by which the core itself sleeps, for people. The frame is valid
// until fn returns.
func (c *Core) Foresee(key string, now int64, fn func(*ledger.Frame)) (Foresight, error) {
	a, err := c.peek(key)
	if a == nil || err != nil {
		return Foresight{}, err
	}
	s := Foresight{Timers: c.timersOf(a)}
	until := int64(0)
	for _, t := range s.Timers {
		until = earliest(until, t.At)
	}
	at := max(now, a.Clock, c.tick)
	for n := range maxProbes {
		p, err := c.probe(a, at, fn)
		if err != nil {
			return s, err
		}
		if n == 0 {
			s.Decay = p.decay
		}
		if p.changes {
			s.At = at
		}
		if p.changes || p.next == 0 || until != 0 && p.next >= until {
			return s, nil
		}
		at = p.next
	}
	return s, nil
}

// probe is a look at a lead at a time to come.
type probe struct {
	changes bool
	next    int64 // when to look again, ms
	decay   LeadTimer
}

func (c *Core) probe(a *ledger.Account, at int64, fn func(*ledger.Frame)) (p probe, err error) {
	w := lane{item: step.Item{Kind: abi.SlotProbe, Seed: step.SeedOf(a.Key, 0, at), Frame: ledger.Frame{Book: c.prog.Book, Acct: a, At: at, Now: at}}}
	a.Begin(&w.undo)
	defer a.Rollback()
	c.items = append(c.items[:0], &w.item)
	if err := c.runner.Settle(c.items); err != nil {
		return p, err
	}
	f := &w.item.Frame
	f.Evaluate(c.values)
	if p.changes = w.item.Failure != nil || c.prog.Policy.WouldChange(f); p.changes {
		fn(f)
	}
	for i, spec := range c.prog.Steps {
		if t := a.Steps[i].Wake; spec.Caps&abi.CapMemoryless != 0 && t > at && earliest(p.decay.At, t) == t {
			p.decay = LeadTimer{At: t, Step: spec.Name}
		}
	}
	p.next = c.firstChance(a, at)
	return p, nil
}

// timersOf lists the timers of an account but for those of its routes.
func (c *Core) timersOf(a *ledger.Account) (list []LeadTimer) {
	for i, spec := range c.prog.Steps {
		if at := a.Steps[i].Wake; at != 0 && spec.Caps&abi.CapMemoryless == 0 {
			list = append(list, LeadTimer{At: at, Step: spec.Name})
		}
	}
	for i := range a.Marks.Adjusts {
		list = append(list, LeadTimer{At: a.Marks.Adjusts[i].Expires})
	}
	return list
}
