package core

import (
	"cmp"
	"slices"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/ledger"
)

// CountNew says what SwitchFrom would find, and changes nothing. Slices as in
// SwitchFrom; inputs may come between them. Counts are added to into.
func (c *Core) CountNew(live *Core, sw *Switch, after string, most int, into *Newly) (last string, done bool, err error) {
	t, err := c.turningFrom(live, sw)
	if err != nil {
		return after, false, err
	}
	t.count = into
	if t.inPlace && t.change.idle() {
		return after, true, nil
	}
	return t.countSlice(c, live, after, most)
}

// CountProgram is CountNew for a switch in place that has not happened: what
// Reprogram(prog) and SwitchFrom would find.
func (c *Core) CountProgram(prog Program, sw *Switch, after string, most int, into *Newly) (last string, done bool, err error) {
	if err := CanReprogram(&c.prog, &prog); err != nil {
		return after, false, err
	}
	trial := New(prog, Options{Skew: c.opts.Skew, Horizon: c.opts.Horizon, DedupeDays: c.opts.DedupeDays, Slice: c.opts.Slice})
	trial.tick = c.tick
	t := turning{core: trial, sw: sw, count: into, change: trial.changeOf(&c.prog), inPlace: true}
	return t.countSlice(c, c, after, most)
}

// countSlice takes copies of leads through the switch: from has their accounts.
func (t *turning) countSlice(from, live *Core, after string, most int) (last string, done bool, err error) {
	keys, more, err := from.keys(live, after, most)
	if err != nil {
		return after, false, err
	}
	var out Output
	last = after
	for len(keys) > 0 {
		n := min(len(keys), roundSize)
		t.leads = t.leads[:0]
		for _, key := range keys[:n] {
			if err := t.copied(from, live, key); err != nil {
				return last, false, err
			}
		}
		if err := t.run(&out); err != nil {
			return last, false, err
		}
		last, keys = keys[n-1], keys[n:]
	}
	return last, !more, nil
}

// copied brings a copy of a lead to the switch.
func (t *turning) copied(from, live *Core, key string) error {
	own, err := from.copyOf(key, t.core.prog.Book)
	if err != nil {
		return err
	}
	switch {
	case own == nil && (t.inPlace || t.begins):
		return nil
	case t.inPlace:
		t.leads = append(t.leads, turned{acct: own, before: &own.Marks})
		return nil
	case t.begins:
		t.leads = append(t.leads, turned{acct: own, before: t.begun(own)})
		return nil
	}
	was, err := live.peek(key)
	switch {
	case err != nil, own == nil && (was == nil || was.First == 0):
		return err
	case own == nil:
		own = ledger.NewAccount(t.core.prog.Book, key)
		own.First, own.Clock = was.First, was.Clock
	}
	l := turned{acct: own, before: &ledger.Marks{}}
	if was != nil {
		l.before = &was.Marks
	}
	t.leads = append(t.leads, l)
	return nil
}

// copyOf gives a copy of a lead's account under a book, nil if there is none.
func (c *Core) copyOf(key string, b *ledger.Book) (*ledger.Account, error) {
	a, err := c.peek(key)
	if err != nil || a == nil {
		return nil, err
	}
	c.state = a.Append(c.state[:0], c.prog.Book)
	return ledger.DecodeAccount(c.state, b)
}

// counted adds what was found of a lead.
func (t *turning) counted(l *turned, found decide.Newly) {
	n := t.count
	if n == nil {
		return
	}
	n.Leads++
	n.Recalls += found.Recalls
	r := found.Route
	if r == nil {
		return
	}
	n.Total++
	if slices.Contains(t.core.prog.Policy.Sales, r.Action) {
		n.Handoffs++
	}
	n.add(NewlyRoute{Action: r.Action, Route: r.Name, Leads: 1, First: []string{l.acct.Key}})
}

// Add adds what another slice or another partition found.
func (n *Newly) Add(other *Newly) {
	n.Leads += other.Leads
	n.Total += other.Total
	n.Handoffs += other.Handoffs
	n.Recalls += other.Recalls
	for i := range other.Routes {
		n.add(other.Routes[i])
	}
}

func (n *Newly) add(r NewlyRoute) {
	i, found := slices.BinarySearchFunc(n.Routes, r, func(x, y NewlyRoute) int {
		return cmp.Or(cmp.Compare(x.Action, y.Action), cmp.Compare(x.Route, y.Route))
	})
	if !found {
		n.Routes = slices.Insert(n.Routes, i, NewlyRoute{Action: r.Action, Route: r.Route})
	}
	into := &n.Routes[i]
	into.Leads += r.Leads
	if len(r.First) > 0 && (len(into.First) < NewlyNamed || r.First[0] < into.First[NewlyNamed-1]) {
		into.First = append(into.First, r.First...)
		slices.Sort(into.First)
		into.First = into.First[:min(len(into.First), NewlyNamed)]
	}
}
