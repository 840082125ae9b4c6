package core

import (
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Routes change with time alone: points decay, idle periods pass, windows
// close. After each input the core knows the earliest time at which that can
// happen (Marks.Probe). When that time comes it does not look at the routes
// day after day: it walks the future once, from one change to the next, until
// a route would really change, and sleeps until then (Marks.Wake), or until it
// has looked far enough for a lead that may be back tomorrow (horizon). A
// search changes nothing that can be observed.

// maxProbes bounds one search; it goes on when the last probed time comes.
const maxProbes = 4000

// searchOnly says that the timer due at t is only the search.
func (c *Core) searchOnly(a *ledger.Account, t int64) bool {
	m := &a.Marks
	if m.Probe == 0 || m.Probe > t || (m.Wake != 0 && m.Wake <= t) || (m.Drip != nil && m.Drip.Due <= t) || c.dueSteps(a, t) != 0 {
		return false
	}
	for i := range m.Adjusts {
		if m.Adjusts[i].Expires <= t {
			return false
		}
	}
	return true
}

// schedule sets when the routes must be thought of again.
func (c *Core) schedule(f *ledger.Frame) {
	f.Acct.Marks.Wake = 0
	f.Acct.Marks.Probe = c.firstChance(f.Acct, f.Now)
}

// firstChance is the earliest time after t at which a condition of the policy
// can change without an input; 0 = never.
func (c *Core) firstChance(a *ledger.Account, t int64) (first int64) {
	p, b := c.prog.Policy, c.prog.Book
	after := func(at int64) {
		if at > t {
			first = earliest(first, at)
		}
	}
	if p.ReadsScores {
		for i, spec := range c.prog.Steps {
			if spec.Caps&abi.CapMemoryless != 0 {
				after(a.Steps[i].Wake)
			}
		}
	}
	for _, d := range p.Idles {
		after(max(a.LastActivity, a.First) + d)
	}
	for i := range b.Peaks {
		after(a.PeakChange(b, i, t))
	}
	for _, i := range p.ReadsCounters {
		after(a.CounterChange(b, i, t))
	}
	if p.ReadsDays {
		after((b.AgeStepOf(t) + 1) * b.AgeStep)
	}
	after(a.Marks.Resting)
	for i := range a.Marks.Episodes {
		e := &a.Marks.Episodes[i]
		if e.Closed == 0 {
			continue
		}
		for k := range p.Routes {
			if p.Routes[k].Action == e.Action {
				after(e.Closed + p.Routes[k].Cooldown)
			}
		}
	}
	return first
}

// horizon is how far ahead a search at a tick looks: the longer a lead has
// been quiet, the farther. So a busy lead costs a few probes a day, a quiet
// one is searched a few times only, and no time is probed twice.
func (c *Core) horizon(a *ledger.Account, tick int64) int64 {
	return tick + max(tick-a.Clock, 0) + 8*c.prog.Book.AgeStep
}

// search finds for each lead when its routes change next. The leads walk
// through time together, so that one call of a plugin serves them all.
func (c *Core) search(works []*work) error {
	for n := 0; len(works) > 0; n++ {
		c.items = c.items[:0]
		for _, w := range works {
			a := w.entry.acct
			w.lane.item = step.Item{Hands: w.lane.item.Hands[:0], Kind: abi.SlotProbe, Seed: step.SeedOf(a.Key, 0, w.due),
				Frame: ledger.Frame{Book: c.prog.Book, Acct: a, At: w.due, Now: w.due}}
			a.Begin(&w.lane.undo)
			c.items = append(c.items, &w.lane.item)
		}
		if err := c.runner.Settle(c.items); err != nil {
			return err
		}
		left := works[:0]
		for _, w := range works {
			if c.probed(w, n) {
				left = append(left, w)
			}
		}
		works = left
	}
	c.items = c.items[:0]
	for _, w := range c.round {
		c.items = append(c.items, &w.lane.item)
	}
	return nil
}

// probed looks at one lead at one future time; true means that the walk goes
// on at w.due.
func (c *Core) probed(w *work, n int) bool {
	a, f := w.entry.acct, &w.lane.item.Frame
	f.Evaluate(c.values)
	// A plugin that fails on a probe is looked at for real, where its policy says
	// what happens.
	changes := w.lane.item.Failure != nil || c.prog.Policy.WouldChange(f)
	next := c.firstChance(a, f.Now)
	at := w.due
	w.toll.looked(at)
	a.Rollback()
	m := &a.Marks
	m.Wake, m.Probe = 0, 0
	w.entry.touch()
	switch {
	case changes:
		m.Wake = at
	case next == 0:
	case n >= maxProbes, next > w.limit:
		m.Probe = next
	default:
		w.due = next
		return true
	}
	return false
}
