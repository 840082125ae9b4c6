package backtest

import (
	"cmp"
	"slices"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
)

// names numbers the actions: names of events and paths of pages.
type names struct {
	at    map[string]int32
	list  []string
	kinds []lead.Kind // of the first event of the name
}

// actionOf names what an event did; facts are no action.
func actionOf(e *lead.Event) string {
	switch e.Kind {
	case lead.Track:
		return e.Name
	case lead.Page, lead.Screen:
		if e.Path != "" {
			return e.Path
		}
		return e.Name
	}
	return ""
}

// others is the action that stands for all beyond the bound.
const others = "(other actions)"

func (n *names) of(name string, kind lead.Kind) int32 {
	if at, ok := n.at[name]; ok {
		return at
	}
	if len(n.list) >= maxActions {
		if at, ok := n.at[others]; ok {
			return at
		}
		name, kind = others, lead.KindUnknown
	}
	at := int32(len(n.list))
	name = string([]byte(name)) // lets go of the event's buffer
	n.at[name], n.list, n.kinds = at, append(n.list, name), append(n.kinds, kind)
	return at
}

// act notes what a lead did.
func (g *Gatherer) act(s *subject, e *lead.Event) {
	name := actionOf(e)
	if name == "" {
		return
	}
	s.touch(monthNumber(e.At))
	kind := e.Kind
	if kind == lead.Page && e.Path == "" {
		kind = lead.Screen // a page without a path is known by its name alone
	}
	at := g.actions.of(name, kind)
	for i := range s.did {
		if d := &s.did[i]; d.action == at {
			d.count++
			d.last = max(d.last, e.At)
			return
		}
	}
	s.did = append(s.did, did{at, 1, e.At})
}

// touch counts an event in its month.
func (s *subject) touch(month int32) {
	for i := len(s.months) - 1; i >= 0; i-- {
		if s.months[i].month == month {
			s.months[i].events++
			return
		}
	}
	s.months = append(s.months, active{month, 1})
}

// monthNumber counts months of the proleptic Gregorian calendar from days since
// 1970 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
// civil_from_days).
func monthNumber(ms int64) int32 {
	days := ms / 86_400_000
	if ms%86_400_000 < 0 {
		days--
	}
	z := days + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	y, m := yoe+era*400, mp+2 // March is 0
	return int32(y*12 + m)
}

// ActionRow is one action and how leads that took it convert (001-06).
type ActionRow struct {
	Action string `json:"action"`
	Times  int    `json:"times"`
	measure.Group
	OfLeads  int   `json:"per_mille_of_leads"`
	PerWin   int   `json:"per_mille_of_winners"`
	LastSeen int64 `json:"last"` // ms
}

// actionRows lists actions, those of most winners first.
func (g *Gatherer) actionRows(all *measure.Group) []ActionRow {
	rows := make([]ActionRow, len(g.actions.list))
	for i := range rows {
		rows[i].Action = g.actions.list[i]
	}
	for i := range g.Cases {
		c := &g.Cases[i]
		for _, d := range c.did {
			r := &rows[d.action]
			r.Add(c.Fate)
			r.Times += int(d.count)
			r.LastSeen = max(r.LastSeen, d.last)
		}
	}
	rows = slices.DeleteFunc(rows, func(r ActionRow) bool { return r.Leads == 0 })
	for i := range rows {
		r := &rows[i]
		r.Finish(all)
		r.OfLeads, r.PerWin = measure.Ratio(r.Leads, all.Leads, 1000), measure.Ratio(r.Won, all.Won, 1000)
	}
	slices.SortFunc(rows, func(a, b ActionRow) int {
		if a.Won != b.Won {
			return b.Won - a.Won
		}
		if a.Leads != b.Leads {
			return b.Leads - a.Leads
		}
		return cmp.Compare(a.Action, b.Action)
	})
	return rows
}
