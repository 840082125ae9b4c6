package decide

import (
	"encoding/hex"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// OnRelease says what happens at a switch with leads that are newly true.
type OnRelease uint8

// What a release does with leads that are newly true.
const (
	Fire OnRelease = iota // a decision each, at once
	Mark                  // the episode is opened silently
	Drip                  // a decision each, some a day
)

// CauseRelease is the kind of a decision's cause that is a switch point: Event
// is the number of the release, At the time of the switch (of a drip: of the
// lead's turn).
const CauseRelease = "release"

// RecallAction is the action of a decision that takes an earlier one back.
const RecallAction = "recall"

// Handover is a switch point as it comes to one lead: episodes belong to the
// workflow and not to the release, so they come from the lineage that was live.
type Handover struct {
	Cause lead.Cause
	// Was decided before, nil if it never saw the lead; Before are the marks that
	// it left.
	Was    *Policy
	Before *ledger.Marks
	// OnRelease says what happens if the lead is newly true; Due is the lead's turn
	// in a drip, ms.
	OnRelease OnRelease
	Due       int64
	// Recall takes back sales episodes opened at Since (ms) or later that the
	// lead's own marks, before Inherit, do not have open: Own are their actions.
	Recall bool
	Since  int64
	Own    []string
}

// Newly is what a switch found of one lead.
type Newly struct {
	Route   *Route // that is newly true and publishes, nil if there is none
	Recalls int    // episodes that are taken back
}

// OpenActions are the actions that have an open episode.
func OpenActions(m *ledger.Marks) (list []string) {
	for i := range m.Episodes {
		if m.Episodes[i].Open {
			list = append(list, m.Episodes[i].Action)
		}
	}
	return list
}

// Inherit gives the marks of a lead with what the workflow knows, from the marks
// before: episodes, stage, rest, and how far decisions are counted. Pending
// hand-raises and corrections are the lineage's own. Sales may know of every
// hand-raise that lies before the switch: none of them is an update.
func (p *Policy) Inherit(own, before *ledger.Marks) ledger.Marks {
	m := *own
	m.Seq, m.Stage, m.Resting, m.Silent, m.Drip = before.Seq, before.Stage, before.Resting, before.Silent, before.Drip
	m.Episodes = slices.Clone(before.Episodes)
	for i := range m.Episodes {
		if e := &m.Episodes[i]; e.Open {
			e.Hands, e.Route = m.Hands, p.routeAfter(e)
		}
	}
	return m
}

// Begun gives the marks of a lead for a workflow that begins. What its release has
// found in history was told to nobody: an episode that is still open there is
// none yet, and the route that opened it is no edge of the past. One that was
// closed stays closed, with its number and its cooldown, because sales has
// answered, or the lead has cooled.
func (p *Policy) Begun(own *ledger.Marks) ledger.Marks {
	m := *own
	m.Seq, m.Drip, m.Episodes = 0, nil, nil
	matched := p.Route(m.Matched)
	for i := range own.Episodes {
		e := own.Episodes[i]
		e.Last = [16]byte{}
		if e.Open {
			e.Open, e.Hands, e.Number = false, 0, e.Number-1
			if matched != nil && matched.Action == e.Action {
				m.Matched = 0
			}
		}
		if e.Number > 0 {
			m.Episodes = append(m.Episodes, e)
		}
	}
	return m
}

// routeAfter is the route that an open episode belongs to from now on: its own,
// or that of its action which can close it.
func (p *Policy) routeAfter(e *ledger.Episode) uint32 {
	if p.Route(e.Route) != nil {
		return e.Route
	}
	for i := range p.Routes {
		if r := &p.Routes[i]; r.Action == e.Action && r.Reset != nil {
			return r.ID
		}
	}
	return e.Route
}

// Route finds a route by its id, nil if the policy does not have it.
func (p *Policy) Route(id uint32) *Route {
	for i := range p.Routes {
		if p.Routes[i].ID == id {
			return &p.Routes[i]
		}
	}
	return nil
}

// Switch looks at the evaluated frame of a lead whose marks are inherited,
// moves the marks as the switch point says, and appends what is to be published.
//
// A route that is true now is no edge if its action is that of the route which
// matched before. Else the lead is newly true if the route would open an
// episode.
func (p *Policy) Switch(f *ledger.Frame, h *Handover, out []lead.Decision) (Newly, []lead.Decision) {
	m := &f.Acct.Marks
	var found Newly
	found.Recalls, out = p.recall(f, h, out)
	m.True = p.fallsTrue(f)
	p.rematch(f, h)
	o := p.look(f)
	m.Suppressed = o.suppressed
	if o.open == nil {
		return found, p.take(f, h.Cause, &o, out)
	}
	if !o.open.Silent {
		found.Route = o.open
	}
	switch {
	case h.OnRelease == Mark:
		r := o.open
		o.open = nil
		p.take(f, h.Cause, &o, nil)
		e := opened(f, r)
		e.Last, m.Drip = [16]byte{}, nil
		return found, out
	case h.OnRelease == Drip && h.Due > f.Now && found.Route != nil:
		m.Drip = &ledger.Drip{Due: h.Due, Route: o.open.ID, Hands: m.Hands, Release: h.Cause.Event}
		o.open = nil
	}
	return found, p.take(f, h.Cause, &o, out)
}

// rematch says which route counts as matched: the one that is true now, if what
// matched before had the same action. A lead that waits for its turn goes on
// waiting under it.
func (p *Policy) rematch(f *ledger.Frame, h *Handover) {
	m, before, drip := &f.Acct.Marks, uint32(0), f.Acct.Marks.Drip
	if h.Before != nil {
		before = h.Before.Matched
	}
	m.Matched, m.Drip = 0, nil
	var was *Route
	if h.Was != nil {
		was = h.Was.Route(before)
	}
	at := p.holding(f, 0, m.True)
	if was == nil || at < 0 || p.Routes[at].Action != was.Action {
		return
	}
	id := p.Routes[at].ID
	m.Matched = id
	switch {
	case drip == nil || drip.Route != before:
	case drip.Route == id && drip.Hands == m.Hands:
		m.Drip = drip
	default:
		m.Drip = &ledger.Drip{Due: drip.Due, Route: id, Hands: m.Hands, Release: drip.Release}
	}
}

// recall takes back the sales episodes that the lineage would not have opened.
func (p *Policy) recall(f *ledger.Frame, h *Handover, out []lead.Decision) (n int, all []lead.Decision) {
	if !h.Recall {
		return 0, out
	}
	m := &f.Acct.Marks
	for i := range m.Episodes {
		e := &m.Episodes[i]
		if !e.Open || e.Opened < h.Since || slices.Contains(h.Own, e.Action) || !(p.isSales(e.Action) || h.Was != nil && h.Was.isSales(e.Action)) {
			continue
		}
		e.Open, e.Closed = false, f.Now
		if e.Last == [16]byte{} {
			continue // nobody was told
		}
		n++
		r := Route{Action: RecallAction, Name: h.routeName(e.Action)}
		recalled := hex.EncodeToString(e.Last[:])
		out = p.publish(f, h.Cause, &r, RecallAction, e, out)
		out[len(out)-1].Recalls = recalled
	}
	return n, out
}

// routeName is the name of the route that opened the action's episode.
func (h *Handover) routeName(action string) string {
	if h.Was == nil {
		return ""
	}
	if e := episode(h.Before, action); e != nil {
		if r := h.Was.Route(e.Route); r != nil {
			return r.Name
		}
	}
	return ""
}

// dripped takes the lead whose turn in a drip has come off its wait: if the
// route still matches, the next look opens it.
func (p *Policy) dripped(f *ledger.Frame) *ledger.Drip {
	m := &f.Acct.Marks
	d := m.Drip
	if d == nil || f.Event != nil || d.Due > f.At {
		return nil
	}
	m.Drip = nil
	if m.Matched != d.Route {
		return nil
	}
	m.Matched = 0
	return d
}

// Undrip ends the wait of a lead whose turn could not be looked at: the next
// look hands it out.
func Undrip(m *ledger.Marks) {
	if m.Drip != nil && m.Matched == m.Drip.Route {
		m.Matched = 0
	}
	m.Drip = nil
}
