package plan

import (
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Retrace holds the inputs of the leads that a report lists, for a second look:
// how did they stand under both releases in the moment of the decision?
type Retrace struct {
	events map[string][]traced
	ticks  []traced // those that are later than all before
	n      int
}

// traced is an input and its place among all.
type traced struct {
	place int
	event lead.Event
}

// NewRetrace is for the leads of a report's hand-offs.
func NewRetrace(r *Report) *Retrace {
	t := &Retrace{events: map[string][]traced{}}
	for _, list := range r.handoffLists() {
		for i := range list {
			t.events[list[i].Lead] = nil
		}
	}
	return t
}

// Empty says that no lead is listed.
func (t *Retrace) Empty() bool { return len(t.events) == 0 }

// Wants says whether a lead is listed.
func (t *Retrace) Wants(key string) bool {
	_, ok := t.events[key]
	return ok
}

// Event takes the next event; those of other leads may be left out. Its strings
// must not change.
func (t *Retrace) Event(e *lead.Event) {
	t.n++
	switch {
	case e.Kind == lead.Tick:
		if n := len(t.ticks); n == 0 || t.ticks[n-1].event.At < e.At {
			t.ticks = append(t.ticks, traced{t.n, *e})
		}
	case t.Wants(e.Lead):
		t.events[e.Lead] = append(t.events[e.Lead], traced{t.n, *e})
	}
}

// Retrace runs the listed leads again, each alone, up to the moment in which the
// releases part, and says why they do.
func (c *Comparison) Retrace(r *Report, t *Retrace, o core.Options) error {
	for kind, list := range r.handoffLists() {
		for i := range list {
			h := &list[i]
			d := h.decided()
			then := &Standing{}
			for release, at := range [2]*Stand{&then.Before, &then.After} {
				if err := c.standAt(release, h.Lead, d, t, o, at); err != nil {
					return err
				}
			}
			h.Then = then
			h.Why = c.whyThen(then, kind, c.changedRoutes(r, h.Action, d.Route))
		}
	}
	return nil
}

// standAt describes a lead behind the input that led to a decision.
func (c *Comparison) standAt(release int, key string, d *Decided, t *Retrace, o core.Options, at *Stand) error {
	one := core.New(c.sides[release].Program, o)
	var out core.Output
	for _, x := range t.until(key, d) {
		out.Reset()
		if err := one.Run([]core.Input{{Event: x.event}}, &out); err != nil {
			return err
		}
	}
	if d.event == "" { // its timers were due
		out.Reset()
		if err := one.Run([]core.Input{{Event: lead.Event{Kind: lead.Tick, At: d.At}}}, &out); err != nil {
			return err
		}
	}
	return one.Look([]string{key}, d.At, func(f *ledger.Frame) { c.describe(release, f, at) })
}

// until are a lead's events up to the cause of a decision: that event, or, if
// time has led to it, what came before that time was reached.
func (t *Retrace) until(key string, d *Decided) []traced {
	list := t.events[key]
	if d.event != "" {
		for i := range list {
			if list[i].event.ID == d.event {
				return list[:i+1]
			}
		}
		return list
	}
	reached := t.n + 1
	for i := range t.ticks {
		if t.ticks[i].event.At >= d.At {
			reached = t.ticks[i].place
			break
		}
	}
	for i := range list {
		if list[i].place > reached || list[i].event.At >= d.At {
			return list[:i]
		}
	}
	return list
}
