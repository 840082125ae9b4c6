package plan

import (
	"cmp"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// Switched is what a switch from the live release to the candidate led to.
type Switched struct {
	At        int64
	Newly     int
	Handoffs  int // of them with a sales action
	Routes    []Counted
	Decisions []lead.Decision // published at once
	Named     []Fire          // of those that are not: lead, action and route of some
}

// switched fills in what happens at the switch.
func (c *Comparison) switched(r *Report, s *State) {
	w := &s.Switched
	r.Switch = Switch{At: w.At, Newly: w.Newly, Sales: w.Handoffs, ByRoute: append([]Counted{}, w.Routes...), Decisions: len(w.Decisions), List: []Fire{},
		Refused: s.Mode.Most > 0 && w.Handoffs > s.Mode.Most}
	list := slices.Clone(w.Named)
	for i := range w.Decisions {
		d := &w.Decisions[i]
		list = append(list, Fire{Lead: d.Lead, Action: d.Action, Route: d.Route, Display: d.Display, Say: d.Say, Lines: heaviest(d.Lines)})
	}
	rank := func(f *Fire) int {
		if slices.Contains(c.sales, f.Action) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b Fire) int {
		return cmp.Or(rank(&a)-rank(&b), cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.Action, b.Action))
	})
	r.Switch.List = append(r.Switch.List, list[:min(len(list), listed)]...)
}
