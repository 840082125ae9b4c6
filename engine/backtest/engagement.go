package backtest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
)

// LowWorth is up to how many points an award counts as low-value engagement:
// blog views and the like, which move no lead but tell whether people still
// come (002-13).
const LowWorth = 2 * lead.Point

// MonthRow is the engagement of one calendar month, UTC.
type MonthRow struct {
	Month  string `json:"month"`  // 2026-03
	Events int    `json:"events"` // what leads did, scored or not
	Active int    `json:"active_leads"`
	New    int    `json:"new_leads"` // first contact in this month
	Low    int    `json:"low_value_awards"`
	High   int    `json:"other_awards"`
	// Growth is Active against the month before, in per mille of it; known only if
	// the month before is listed.
	Growth      int  `json:"growth_per_mille"`
	GrowthKnown bool `json:"growth_known"`
}

// ClassRow is the engagement of one class of rules; a rule without a class is
// one of its own.
type ClassRow struct {
	Class  string      `json:"class"` // step/class
	Each   lead.Points `json:"points_each_milli"`
	Low    bool        `json:"low_value"`
	Awards int         `json:"awards"`
	Recent int         `json:"awards_last_30_days"`
	Before int         `json:"awards_30_days_before"`
	measure.Group
}

// Engagement is the report on health and growth.
type Engagement struct {
	Months  []MonthRow `json:"months"`
	Classes []ClassRow `json:"classes"`
	// Quiet are the leads that did nothing in the last 30 days, Active the others.
	Active int `json:"active_last_30_days"`
	Quiet  int `json:"quiet_last_30_days"`
}

// classStep is a class in an age step.
type classStep struct {
	class int
	step  int64
}

// classify names the classes and finds that of each rule.
func (g *Gatherer) classify() {
	at := map[string]int{}
	for i := range g.book.Rules {
		r := &g.book.Rules[i]
		name := r.Step + "/" + r.Name
		if r.Class >= 0 {
			name = r.Step + "/" + g.book.Classes[r.Class].Name
		}
		if _, ok := at[name]; !ok {
			at[name] = len(g.classNames)
			g.classNames = append(g.classNames, name)
		}
		g.classOf = append(g.classOf, at[name])
	}
}

const thirtyDays = 30 * 86_400_000

// engagement reports on health and growth.
func (g *Gatherer) engagement(all *measure.Group) Engagement {
	e := Engagement{Classes: g.classRows(all)}
	months := map[int32]*MonthRow{}
	at := func(n int32) *MonthRow {
		if months[n] == nil {
			months[n] = &MonthRow{Month: fmt.Sprintf("%04d-%02d", n/12, n%12+1)}
		}
		return months[n]
	}
	for i := range g.Cases {
		c := &g.Cases[i]
		at(monthNumber(c.First)).New++
		for _, m := range c.months {
			row := at(m.month)
			row.Active++
			row.Events += int(m.events)
		}
		recent := int64(0)
		for _, d := range c.did {
			recent = max(recent, d.last)
		}
		if recent > g.opts.AsOf-thirtyDays {
			e.Active++
		} else {
			e.Quiet++
		}
	}
	low := map[string]bool{}
	for i := range e.Classes {
		low[e.Classes[i].Class] = e.Classes[i].Low
	}
	for k, n := range g.classes { // sums only: their order does not matter
		row := at(monthNumber(k.step * g.book.AgeStep))
		if low[g.classNames[k.class]] {
			row.Low += n
		} else {
			row.High += n
		}
	}
	e.Months = inOrder(months)
	return e
}

func inOrder(months map[int32]*MonthRow) []MonthRow {
	numbers := make([]int32, 0, len(months))
	for n := range months {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	rows := make([]MonthRow, 0, len(numbers))
	for i, n := range numbers {
		row := *months[n]
		if i > 0 && numbers[i-1] == n-1 && rows[i-1].Active > 0 {
			row.GrowthKnown = true
			row.Growth = measure.Ratio(row.Active, rows[i-1].Active, 1000) - 1000
		}
		rows = append(rows, row)
	}
	return rows
}

// classRows sums the dated lines per class, cheapest first.
func (g *Gatherer) classRows(all *measure.Group) []ClassRow {
	rows := make([]ClassRow, len(g.classNames))
	points := make([]lead.Points, len(rows))
	for i := range g.Cases {
		g.addClasses(&g.Cases[i], rows, points)
	}
	end := g.book.AgeStepOf(g.opts.AsOf)
	span := max(thirtyDays/g.book.AgeStep, 1)
	for k, n := range g.classes {
		switch age := end - k.step; {
		case age >= 0 && age < span:
			rows[k.class].Recent += n
		case age >= span && age < 2*span:
			rows[k.class].Before += n
		}
	}
	for i := range rows {
		r := &rows[i]
		r.Class = g.classNames[i]
		if r.Awards > 0 {
			r.Each = points[i].MulDiv(1, int64(r.Awards))
		}
		r.Low = r.Awards > 0 && r.Each <= LowWorth
		r.Finish(all)
	}
	rows = slices.DeleteFunc(rows, func(r ClassRow) bool { return r.Leads == 0 })
	slices.SortFunc(rows, func(a, b ClassRow) int {
		return cmp.Or(cmp.Compare(a.Each, b.Each), cmp.Compare(a.Class, b.Class))
	})
	return rows
}

// addClasses adds what a lead was awarded.
func (g *Gatherer) addClasses(c *Case, rows []ClassRow, points []lead.Points) {
	var seen []int
	for _, l := range c.lines {
		info := &g.lines[l.of]
		if !info.dated || l.awarded <= 0 {
			continue
		}
		at := g.classOf[info.rule]
		points[at] += l.awarded
		rows[at].Awards += int(l.count)
		if !slices.Contains(seen, at) {
			seen = append(seen, at)
			rows[at].Add(c.Fate)
		}
	}
}
