package plan

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
)

// Switched is what a switch from the live release to the candidate led to.
type Switched struct {
	At        int64
	Newly     core.Newly
	Decisions []lead.Decision // published at once
}

// Onto makes the candidate's cores live behind those of the live release, in the
// way that apply does it, and tells what that leads to. With a re-score the
// candidate's cores have scored the history; without, they are empty and go on
// from what the live ones know. The live cores are only read; behind Nothing there
// are none. at is the time that the switch would have, in ms. Without a re-score it may be refused: core.ErrProgram.
func (c *Comparison) Onto(live, candidate []*core.Core, mode *Mode, at int64) (Switched, error) {
	was := c.sides[before].Program
	sw := core.Switch{Release: strconv.FormatUint(uint64(c.sides[after].Number), 10), At: at, OnRelease: mode.code(), PerDay: mode.PerDay}
	if !mode.Rescore {
		if err := fork(live, candidate, mode, sw, &was); err != nil {
			return Switched{}, err
		}
	}
	from := live
	switch {
	case c.begins():
		from = make([]*core.Core, len(candidate))
	case !mode.Rescore && mode.InPlace:
		from, sw.Was = candidate, &was
	}
	out := Switched{At: at}
	counts := make([]core.Newly, len(candidate))
	err := each(len(candidate), func(p int) error {
		_, _, err := candidate[p].CountNew(from[p], &sw, "", 0, &counts[p])
		return err
	})
	if err != nil {
		return out, err
	}
	for p := range counts {
		out.Newly.Add(&counts[p])
	}
	sw.Total = int64(out.Newly.Total)
	outs := make([]core.Output, len(candidate))
	err = each(len(candidate), func(p int) error {
		_, _, err := candidate[p].SwitchFrom(from[p], &sw, "", 0, &outs[p])
		return err
	})
	for p := range outs {
		out.Decisions = append(out.Decisions, outs[p].Decisions...)
	}
	return out, err
}

// fork fills the candidate's cores with what the live ones know. If the live
// release goes on beside the candidate, they become the candidate's own first.
func fork(live, candidate []*core.Core, mode *Mode, sw core.Switch, was *core.Program) error {
	sw.OnRelease, sw.Was, sw.At = decide.Mark, was, 0
	return each(len(live), func(p int) error {
		if _, _, err := candidate[p].CopyFrom(live[p], "", 0); err != nil || mode.InPlace {
			return err
		}
		var silent core.Output
		_, _, err := candidate[p].SwitchFrom(candidate[p], &sw, "", 0, &silent)
		return err
	})
}

// each runs fn for all partitions, side by side.
func each(partitions int, fn func(p int) error) error {
	errs := make([]error, partitions)
	var running sync.WaitGroup
	for p := range partitions {
		running.Go(func() { errs[p] = fn(p) })
	}
	running.Wait()
	return errors.Join(errs...)
}

// switched fills in what happens at the switch.
func (c *Comparison) switched(r *Report, s *State) {
	w := &s.Switched
	r.Switch = Switch{At: w.At, Newly: w.Newly.Total, Sales: w.Newly.Handoffs, ByRoute: []Counted{}, Decisions: len(w.Decisions), List: []NewlyTrue{},
		Refused: s.Mode.Most >= 0 && s.Mode.OnRelease != Mark && w.Newly.Handoffs > s.Mode.Most}
	var list []NewlyTrue
	decided := map[string]bool{}
	for i := range w.Decisions {
		d := &w.Decisions[i]
		decided[d.Lead] = true
		list = append(list, NewlyTrue{Lead: d.Lead, Action: d.Action, Route: d.Route, Display: d.Display, Say: d.Say, Lines: heaviest(d.Lines)})
	}
	for i := range w.Newly.Routes {
		x := &w.Newly.Routes[i]
		r.Switch.ByRoute = append(r.Switch.ByRoute, Counted{x.Action + " (" + x.Route + ")", x.Leads})
		for _, key := range x.First {
			if !decided[key] {
				list = append(list, NewlyTrue{Lead: key, Action: x.Action, Route: x.Route})
			}
		}
	}
	rank := func(f *NewlyTrue) int {
		if slices.Contains(c.sales, f.Action) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(list, func(a, b NewlyTrue) int {
		return cmp.Or(rank(&a)-rank(&b), cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.Action, b.Action))
	})
	r.Switch.List = append(r.Switch.List, list[:min(len(list), listed)]...)
}
