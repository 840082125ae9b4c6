package plan

import (
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
)

// The two releases, as indexes.
const (
	before = 0
	after  = 1
)

// traces are what both releases decided about the leads of one partition over
// the history. They belong to the partition's goroutine.
type traces struct {
	sales  []string // actions that hand over under either release
	first  [2]map[traceKey]*Decided
	routes [2]map[routeKey]int
}

type traceKey struct {
	lead   string
	action int // index in sales
}

type routeKey struct{ action, route string }

func newTraces(sales []string) *traces {
	t := &traces{sales: sales}
	for i := range t.first {
		t.first[i], t.routes[i] = map[traceKey]*Decided{}, map[routeKey]int{}
	}
	return t
}

// add takes decisions of a release in the order in which a lead has them.
func (t *traces) add(release int, list []lead.Decision) {
	for i := range list {
		d := &list[i]
		t.routes[release][routeKey{d.Action, d.Route}]++
		action := slices.Index(t.sales, d.Action)
		if action < 0 {
			continue
		}
		key := traceKey{d.Lead, action}
		if known := t.first[release][key]; known != nil {
			known.Times++
			continue
		}
		t.first[release][key] = &Decided{ID: d.ID, At: d.At, Route: d.Route, Cause: causeText(&d.Cause), Display: d.Display, Lines: heaviest(d.Lines), Times: 1, event: d.Cause.Event}
	}
}

func causeText(c *lead.Cause) string {
	switch c.Kind {
	case "event":
		return c.Name
	case "release":
		return "release " + c.Event
	}
	return "time passed"
}

// heavyLines is how many lines a decision is remembered by.
const heavyLines = 3

// heaviest are the lines that add most, the largest first. Lines of combined
// scores say nothing that those of their parts do not.
func heaviest(lines []lead.Line) []lead.Line {
	out := make([]lead.Line, 0, heavyLines)
	for i := range lines {
		l := &lines[i]
		if l.Step == "" || l.Remaining <= 0 {
			continue
		}
		at := len(out)
		for at > 0 && out[at-1].Remaining < l.Remaining {
			at--
		}
		if at == heavyLines {
			continue
		}
		if len(out) == heavyLines {
			out = out[:heavyLines-1]
		}
		out = slices.Insert(out, at, *l)
	}
	return out
}

// moves are what the releases decide differently about hand-offs.
type moves struct {
	handed              [2]map[string]bool // leads
	gained, lost        []Handoff
	sooner, later       []Handoff
	routesWas, routesIs map[routeKey]int
}

// compare finds the hand-offs that one release decides and the other does not,
// or at another time.
func (t *traces) compare(m *moves) {
	for key, is := range t.first[after] {
		m.handed[after][key.lead] = true
		h := Handoff{Lead: key.lead, Action: t.sales[key.action], After: is, Before: t.first[before][key]}
		switch {
		case h.Before == nil:
			m.gained = append(m.gained, h)
		case h.Before.At > is.At:
			m.sooner = append(m.sooner, h)
		case h.Before.At < is.At:
			m.later = append(m.later, h)
		}
	}
	for key, was := range t.first[before] {
		m.handed[before][key.lead] = true
		if t.first[after][key] == nil {
			m.lost = append(m.lost, Handoff{Lead: key.lead, Action: t.sales[key.action], Before: was})
		}
	}
	for key, n := range t.routes[before] {
		m.routesWas[key] += n
	}
	for key, n := range t.routes[after] {
		m.routesIs[key] += n
	}
}

// sorted orders hand-offs by time, lead and action.
func sorted(list []Handoff) []Handoff {
	at := func(h *Handoff) int64 {
		if h.After != nil {
			return h.After.At
		}
		return h.Before.At
	}
	slices.SortFunc(list, func(a, b Handoff) int {
		if x, y := at(&a), at(&b); x != y {
			return int(min(max(x-y, -1), 1))
		}
		if n := strings.Compare(a.Lead, b.Lead); n != 0 {
			return n
		}
		return strings.Compare(a.Action, b.Action)
	})
	return list
}

// routeRows lists the decisions by route, those of sales first.
func (m *moves) routeRows(sales []string) []Route {
	out := []Route{}
	for key, n := range m.routesIs {
		out = append(out, Route{Action: key.action, Route: key.route, After: n, Before: m.routesWas[key]})
	}
	for key, n := range m.routesWas {
		if _, both := m.routesIs[key]; !both {
			out = append(out, Route{Action: key.action, Route: key.route, Before: n})
		}
	}
	rank := func(r *Route) int {
		if slices.Contains(sales, r.Action) {
			return 0
		}
		return 1
	}
	slices.SortFunc(out, func(a, b Route) int {
		if n := rank(&a) - rank(&b); n != 0 {
			return n
		}
		return strings.Compare(a.Action+"\x00"+a.Route, b.Action+"\x00"+b.Route)
	})
	return out
}
