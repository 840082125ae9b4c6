package decide

import (
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// UpdateAction is the action of a decision that tells sales of a new
// hand-raise inside an open episode.
const UpdateAction = "sales-update"

// outcome is what one look at a lead would change. It is computed without
// changing anything, so that the same code answers "what now?" and "would
// anything change then?".
type outcome struct {
	suppressed bool
	matched    uint32   // id of the route that will be remembered as matched
	open       *Route   // opens an episode
	update     *Route   // tells an open sales episode of a new hand-raise
	closes     []string // actions whose episode is reset
	trueNow    []uint32 // OnFall routes that are true
}

// look evaluates all conditions over an evaluated frame.
func (p *Policy) look(f *ledger.Frame) outcome {
	m := &f.Acct.Marks
	o := outcome{matched: m.Matched, trueNow: p.fallsTrue(f)}
	for i := range p.Suppress {
		if p.Suppress[i].When(f) == lead.True {
			o.suppressed, o.matched = true, 0
			return o
		}
	}
	for i := range p.Routes {
		r := &p.Routes[i]
		if r.Reset != nil && IsOpen(m, r.Action) && episode(m, r.Action).Route == r.ID && r.Reset(f) == lead.True {
			o.closes = append(o.closes, r.Action)
			if m.Matched == r.ID {
				o.matched = 0 // armed again, unless it still fires
			}
		}
	}
	for i := range p.Routes {
		r := &p.Routes[i]
		if !p.fires(f, r, o.trueNow) || p.vetoed(f, r.Action) {
			continue
		}
		if !r.OnFall {
			p.weigh(f, i, &o)
			break
		}
		if p.falls(f, i, &o) {
			break
		}
	}
	return o
}

// fires says whether the route's turn has come: its condition is true, or, on
// the fall, has just stopped to be true.
func (p *Policy) fires(f *ledger.Frame, r *Route, trueNow []uint32) bool {
	if r.OnFall {
		_, was := slices.BinarySearch(f.Acct.Marks.True, r.ID)
		_, is := slices.BinarySearch(trueNow, r.ID)
		return was && !is && r.When(f) == lead.False
	}
	return r.When == nil || r.When(f) == lead.True
}

// fallsTrue lists the OnFall routes that are true, and those that were and are
// unknown now: unknown is no fall.
func (p *Policy) fallsTrue(f *ledger.Frame) []uint32 {
	var room [8]uint32
	ids := room[:0]
	for i := range p.Routes {
		r := &p.Routes[i]
		if !r.OnFall {
			continue
		}
		switch r.When(f) {
		case lead.True:
			ids = append(ids, r.ID)
		case lead.Unknown:
			if _, was := slices.BinarySearch(f.Acct.Marks.True, r.ID); was {
				ids = append(ids, r.ID)
			}
		}
	}
	slices.Sort(ids)
	if slices.Equal(ids, f.Acct.Marks.True) {
		return f.Acct.Marks.True // the usual case costs no memory
	}
	return slices.Clone(ids)
}

func (p *Policy) vetoed(f *ledger.Frame, action string) bool {
	for i := range p.Vetoes {
		if v := &p.Vetoes[i]; slices.Contains(v.Actions, action) && v.When(f) == lead.True {
			return true
		}
	}
	return false
}

// weigh decides what the route that fires (index at) leads to.
func (p *Policy) weigh(f *ledger.Frame, at int, o *outcome) {
	r, m := &p.Routes[at], &f.Acct.Marks
	if sales := p.openSales(m); sales != nil && !slices.Contains(o.closes, sales.Action) {
		if p.isSales(r.Action) {
			o.update = p.raised(f, at, sales, o.trueNow)
			o.matched = r.ID
			return
		}
		if cools(r) {
			return // an open hand-off is not undone by nurture; the edge stays for when it closes
		}
	}
	e := episode(m, r.Action)
	switch {
	case m.Matched == r.ID && p.cannotWait(f, r):
		o.open, o.matched = r, r.ID
	case m.Matched == r.ID, e != nil && e.Open && !slices.Contains(o.closes, r.Action):
		o.matched = r.ID
	case p.waits(f, r, e, o):
		// Not yet: the edge stays until the rest or the cooldown is over.
	case e != nil && e.Closed == f.Now && f.Event != nil && IsAnswer(f.Event) && p.isSales(r.Action):
		o.matched = r.ID // sales has just sent the lead back: that is no reason to hand it over
	default:
		o.open, o.matched = r, r.ID
	}
}

// cannotWait says that a lead which waits for its turn in a drip raises its hand
// again.
func (p *Policy) cannotWait(f *ledger.Frame, r *Route) bool {
	d := f.Acct.Marks.Drip
	return d != nil && d.Route == r.ID && newHand(f, r, d.Hands)
}

// waits says whether the action must not open yet: the lead rests, or the
// action cools down since its episode was closed.
func (p *Policy) waits(f *ledger.Frame, r *Route, e *ledger.Episode, o *outcome) bool {
	if p.isSales(r.Action) && f.Acct.Marks.Resting > f.Now {
		return true
	}
	if e == nil || r.Cooldown == 0 {
		return false
	}
	return slices.Contains(o.closes, r.Action) || e.Closed > 0 && e.Closed+r.Cooldown > f.Now
}

// falls decides what a fall (index at) leads to; false = to nothing, and the
// routes behind it are tried. A fall is over in the moment in which it fires:
// what is remembered is the route that holds behind it, if that one too takes
// the lead back to nurture; another one has its turn next.
func (p *Policy) falls(f *ledger.Frame, at int, o *outcome) bool {
	r, m := &p.Routes[at], &f.Acct.Marks
	sales, e := p.openSales(m), episode(m, r.Action)
	switch {
	case sales != nil && !slices.Contains(o.closes, sales.Action): // an open hand-off is not undone by cooling
		return false
	case e != nil && e.Open && !slices.Contains(o.closes, r.Action), p.waits(f, r, e, o):
		return false
	}
	o.open = r
	if i := p.holding(f, at+1, o.trueNow); i >= 0 && cools(&p.Routes[i]) {
		o.matched = p.Routes[i].ID
	}
	return true
}

// raised finds the route that tells the open episode of a new hand-raise: the
// one that fires, or, because an older hand-raise may hide it, a later one.
func (p *Policy) raised(f *ledger.Frame, at int, e *ledger.Episode, trueNow []uint32) *Route {
	for i := at; i < len(p.Routes); i++ {
		r := &p.Routes[i]
		if len(r.Classes) > 0 && p.isSales(r.Action) && newHand(f, r, e.Hands) && (i == at || p.fires(f, r, trueNow) && !p.vetoed(f, r.Action)) {
			return r
		}
	}
	return nil
}

// cools says whether a route (not on the fall) takes a lead back to nurture.
func cools(r *Route) bool {
	return r.When == nil || strings.HasPrefix(r.Action, "nurture")
}

// newHand says whether a hand-raise that the route asks for is newer than
// what was told of.
func newHand(f *ledger.Frame, r *Route, told uint64) bool {
	for _, class := range r.Classes {
		id := f.Book.Classes[class].ID
		for _, pending := range f.Acct.Marks.Pending {
			if pending.Class == id && pending.Hand > told {
				return true
			}
		}
	}
	return false
}

// WouldChange says whether a look at the evaluated frame would change anything
// that can be observed, now or at a later edge.
func (p *Policy) WouldChange(f *ledger.Frame) bool {
	m, o := &f.Acct.Marks, p.look(f)
	return o.suppressed != m.Suppressed || o.matched != m.Matched || o.open != nil || o.update != nil ||
		len(o.closes) > 0 || !slices.Equal(o.trueNow, m.True)
}

// Decide looks at the evaluated frame, moves the marks and appends what is to
// be published.
func (p *Policy) Decide(f *ledger.Frame, cause lead.Cause, out []lead.Decision) []lead.Decision {
	drip := p.dripped(f)
	m, o := &f.Acct.Marks, p.look(f)
	m.Suppressed, m.True = o.suppressed, o.trueNow
	if drip != nil && o.open != nil && o.open.ID == drip.Route {
		cause = lead.Cause{Kind: CauseRelease, Event: drip.Release, At: drip.Due}
	}
	out = p.take(f, cause, &o, out)
	if o.open == nil || !o.open.OnFall {
		return out
	}
	// A fall is over in its moment: the route that holds behind it has its turn
	// now, because nothing else may ever wake the lead for it.
	o = outcome{matched: m.Matched, trueNow: o.trueNow}
	if at := p.holding(f, 0, o.trueNow); at >= 0 {
		p.weigh(f, at, &o)
	}
	return p.take(f, cause, &o, out)
}

// holding is the first route from an index on whose condition is true and that
// no veto forbids, -1 if there is none; those that fire on the fall have no
// part in it.
func (p *Policy) holding(f *ledger.Frame, from int, trueNow []uint32) int {
	for i := from; i < len(p.Routes); i++ {
		if r := &p.Routes[i]; !r.OnFall && p.fires(f, r, trueNow) && !p.vetoed(f, r.Action) {
			return i
		}
	}
	return -1
}

// take moves episodes and the matched route as the outcome says.
func (p *Policy) take(f *ledger.Frame, cause lead.Cause, o *outcome, out []lead.Decision) []lead.Decision {
	m := &f.Acct.Marks
	m.Matched = o.matched
	for _, action := range o.closes {
		closeEpisode(m, action, f.Now)
	}
	if o.update != nil {
		e := p.openSales(m)
		e.Hands = m.Hands
		out = p.publish(f, cause, o.update, UpdateAction, e, out)
	}
	if o.open != nil {
		out = p.publish(f, cause, o.open, o.open.Action, opened(f, o.open), out)
	}
	if m.Drip != nil && (o.open != nil || m.Matched != m.Drip.Route) {
		m.Drip = nil // its edge is gone
	}
	return out
}

// opened opens the route's episode.
func opened(f *ledger.Frame, r *Route) *ledger.Episode {
	m := &f.Acct.Marks
	e := ensureEpisode(m, r.Action)
	e.Number++
	e.Open, e.Route, e.Opened, e.Closed, e.Hands = true, r.ID, f.Now, 0, m.Hands
	return e
}

func closeEpisode(m *ledger.Marks, action string, now int64) {
	if e := episode(m, action); e != nil && e.Open {
		e.Open, e.Closed = false, now
	}
}
