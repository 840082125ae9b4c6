package ledger

import (
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// Carry begins the account of a lead whose history is not whole any more, for a
// release that scores again what is left of it: what a knows of the time before
// cut (ms, begin of an age step of both books). Lines come undecayed, because
// decay is a function of their age; a line whose rule the new book does not have
// is left behind. nil = all that the lead did is in the history.
//
// Traits are those of now: when they changed is not known.
func (a *Account) Carry(from, to *Book, cut int64) *Account {
	if a.First == 0 || a.First >= cut {
		return nil
	}
	n := NewAccount(to, a.Key)
	c := carrying{a: a, n: n, from: from, to: to, step: from.AgeStepOf(cut), cut: cut}
	n.First, n.Clock, n.Person, n.Company = a.First, min(a.Clock, cut), a.Person, a.Company
	if a.LastActivity < cut {
		n.LastActivity = a.LastActivity
	}
	c.buckets()
	c.uses()
	c.counters()
	c.peaks()
	c.memos()
	c.marks()
	return n
}

type carrying struct {
	a, n     *Account
	from, to *Book
	step     int64 // of cut, by the old book
	cut      int64
}

// stepAfter is an age step of the old book in the new one.
func (c *carrying) stepAfter(step int64) int64 { return c.to.AgeStepOf(step * c.from.AgeStep) }

// old says whether a line lies before the cut. A line that was replaced has no
// age: it is as old as what it was replaced for.
func (c *carrying) old(k *Bucket) bool {
	if k.Step == 0 {
		return k.Last < c.cut
	}
	return k.Step < c.step
}

func (c *carrying) buckets() {
	for i := range c.a.Buckets {
		k := &c.a.Buckets[i]
		r, ok := c.to.RuleByID(k.Rule)
		if !ok || !c.old(k) || k.Awarded == k.Reversed {
			continue
		}
		key := Bucket{Score: c.to.Scores[r.Score].ID, Rule: r.ID, Scope: k.Scope, Step: c.stepAfter(k.Step), Event: k.Event}
		if !c.to.Voidable {
			key.Event = 0
		}
		left := k.Awarded - k.Reversed
		at, found := c.n.findBucket(&key)
		switch {
		case found:
			into := c.n.changeBucket(r.Score, at, left)
			into.Count += k.Count
			into.Awarded += k.Awarded
			into.Reversed += k.Reversed
			into.Remaining += left
			if k.Last >= into.Last {
				into.Last = k.Last
				c.n.SetLabel(at, c.a.Label(i))
			}
		case len(c.n.Buckets) >= c.to.MaxBuckets:
			continue
		default:
			key.Count, key.Awarded, key.Reversed, key.Remaining, key.Last = k.Count, k.Awarded, k.Reversed, left, k.Last
			c.n.insertBucket(r.Score, at, key, c.a.Label(i))
		}
		if k.Step != 0 {
			c.sums(r, left, k.Count)
		}
	}
}

// sums are what caps and limits look at.
func (c *carrying) sums(r *Rule, left lead.Points, count uint32) {
	c.n.addSums(c.to, r, left, 1)
	if r.MaxN > 0 && r.Window == 0 {
		c.n.addUse(Use{Kind: UseWindow, ID: r.ID}, int(count), left)
	}
}

// uses carries scope keys and what windows count. The key of a line behind the
// cut is left out: its event is scored again.
func (c *carrying) uses() {
	for i := range c.a.Uses {
		u := c.a.Uses[i]
		r, ok := c.to.RuleByID(u.ID)
		switch {
		case !ok:
			continue
		case u.Kind == UseKey && r.Once:
			if u.Day != 0 && u.Day >= c.from.Day(c.cut) || u.Day == 0 && c.usedAgain(&u) {
				continue
			}
		case u.Kind == UseWindow && r.MaxN > 0 && r.Window > 0:
			if int64(u.Key) >= c.step {
				continue
			}
			u.Key = uint64(c.stepAfter(int64(u.Key)))
		default:
			continue
		}
		if len(c.n.Uses) < c.to.MaxUses {
			c.n.addUse(Use{Kind: u.Kind, ID: u.ID, Key: u.Key, Day: u.Day}, int(u.N), u.Sum)
		}
	}
}

// usedAgain says whether a scope key awarded behind the cut.
func (c *carrying) usedAgain(u *Use) bool {
	return slices.ContainsFunc(c.a.Buckets, func(k Bucket) bool {
		return k.Rule == u.ID && k.Scope == u.Key && !c.old(&k)
	})
}

func (c *carrying) counters() {
	for i := range c.to.Counters {
		k := slices.IndexFunc(c.from.Counters, func(d CounterDef) bool { return d.ID == c.to.Counters[i].ID })
		if k < 0 {
			continue
		}
		into := &c.n.Counters[i]
		for _, t := range c.a.Counters[k].Steps {
			if t.Step < c.step {
				t.Step, t.mark = c.stepAfter(t.Step), markNew
				if n := len(into.Steps); n > 0 && into.Steps[n-1].Step == t.Step {
					into.Steps[n-1].N += t.N
					continue
				}
				into.Steps = append(into.Steps, t)
			}
		}
		for _, s := range c.a.Counters[k].Seen {
			if s.Step < c.step {
				into.Seen = append(into.Seen, Seen{s.Hash, c.stepAfter(s.Step)})
			}
		}
		if into.filled() {
			c.n.trimmed(into, stepsWhole|seenWhole)
		}
	}
}

func (c *carrying) peaks() {
	for i := range c.to.Peaks {
		k := slices.IndexFunc(c.from.Peaks, func(d PeakDef) bool { return d.ID == c.to.Peaks[i].ID })
		if k < 0 {
			continue
		}
		for _, p := range c.a.Peaks[k] {
			if p.Step < c.step {
				c.peak(i, Peak{c.stepAfter(p.Step), p.Max})
			}
		}
	}
}

func (c *carrying) peak(i int, p Peak) {
	list := c.n.Peaks[i]
	if n := len(list); n > 0 && list[n-1].Step == p.Step {
		list[n-1].Max = max(list[n-1].Max, p.Max)
		return
	}
	c.n.Peaks[i] = append(list, p)
	c.n.peakTail, c.n.dirty = max(c.n.peakTail, uint32(len(list)+1)), c.n.dirty|dirtyPeaks
}

// memos carries what steps without a state said, until they are asked again
// with the next input.
func (c *carrying) memos() {
	for i := range c.to.Steps {
		def := &c.to.Steps[i]
		k := slices.IndexFunc(c.from.Steps, func(d StepDef) bool { return d.ID == def.ID })
		if k < 0 || len(c.a.Steps[k].State) > 0 {
			continue
		}
		m := c.a.Steps[k].rebound(c.from.wordsOf(k), c.from.Steps[k].StateVersion, c.to.wordsOf(i), uint64(def.StateVersion))
		c.n.SetStep(i, StepMemo{Grade: m.Grade, Reason: m.Reason, Out: m.Out})
	}
}

// marks carries hand-raises that wait and corrections that end. Episodes come
// from the live lineage when the release takes over.
func (c *carrying) marks() {
	m := &c.n.Marks
	for _, p := range c.a.Marks.Pending {
		if p.Since < c.cut {
			m.Hands++
			p.Hand = m.Hands
			m.Pending = append(m.Pending, p)
		}
	}
	for _, j := range c.a.Marks.Adjusts {
		if slices.ContainsFunc(c.n.Buckets, func(k Bucket) bool { return k.Scope == j.Event }) {
			m.Adjusts = append(m.Adjusts, j)
		}
	}
}
