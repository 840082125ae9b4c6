package page

import (
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/sheet"
)

// Tables puts a plan into words; top is the most rows of a list, 0 = all that the
// report lists.
func Tables(of *plan.Report, top int) []sheet.Table {
	r := report{of}
	var t []sheet.Table
	if len(r.Diff) > 0 {
		t = append(t, r.diffTable())
	}
	t = append(t, r.scoresTable())
	for i := range r.Scores {
		if s := &r.Scores[i]; s.Changed > 0 || s.Change != "" && s.Leads > 0 {
			t = append(t, spreadTable(s))
		}
	}
	t = append(t, matrixTables(r)...)
	t = append(t, r.salesTables(top)...)
	t = append(t, r.switchTable(top), r.routesTable(), r.rulesTable(top))
	if len(r.Movers) > 0 {
		t = append(t, r.moversTable(top))
	}
	return append(t, r.costTable())
}

func (r report) diffTable() sheet.Table {
	t := sheet.Table{ID: "diff", Title: "What the files say otherwise", Left: 5, Head: []string{"", "kind", "where", "before", "after"},
		About: "Rules, scores, thresholds and routes; layout and comments make no difference."}
	sign := map[string]string{"added": "+", "removed": "-", "changed": "~"}
	for _, d := range r.Diff {
		t.Rows = append(t.Rows, []string{sign[d.Change], d.Kind, strings.Join(d.Path, " › "), d.Before, d.After})
	}
	return t
}

func (r report) scoresTable() sheet.Table {
	t := sheet.Table{ID: "scores", Title: "Scores", Left: 1, Head: []string{"score", "leads", "changed", "up", "down", "mean before", "after", "median before", "after", "90 % below", "after", "largest +", "largest −"},
		About: "All leads as they stand at the switch, " + r.under("under the live release and under the new one, ") + "with decay up to then."}
	for _, s := range r.Scores {
		name := s.Name
		if s.Change != "" {
			name += " (" + s.Change + ")"
		}
		up, down := max(s.Moved.Most, 0), min(s.Moved.Least, 0)
		t.Rows = append(t.Rows, []string{name, count(s.Leads), count(s.Changed), count(s.Raised), count(s.Lowered), tenth(s.Before.Mean), tenth(s.After.Mean),
			tenth(s.Before.Median), tenth(s.After.Median), tenth(s.Before.P90), tenth(s.After.P90), signed(up), signed(down)})
		if s.About != "" {
			t.Notes = append(t.Notes, s.Name+": "+s.About)
		}
	}
	return t
}

func tenth(p lead.Points) string { return p.MulDiv(1, 100).MulDiv(100, 1).String() }

// spreadTable is the histogram of a score as figures.
func spreadTable(s *plan.Score) sheet.Table {
	t := sheet.Table{ID: "spread-" + s.Name, Title: "Distribution of " + s.Name, Left: 0, Head: []string{"from", "to below", "before", "after", "change"}, About: "Leads by their score."}
	for _, b := range s.Bars {
		if b.Before+b.After == 0 {
			continue
		}
		t.Rows = append(t.Rows, []string{b.From.String(), b.To.String(), count(b.Before), count(b.After), signedCount(b.After - b.Before)})
	}
	return t
}

func matrixTables(r report) (out []sheet.Table) {
	for _, x := range []struct {
		id, title, word string
		m               *plan.Matrix
	}{{"grades", "Grades before → after", "grade", r.Grades}, {"labels", "Labels before → after", "label", r.Labels}} {
		if x.m == nil {
			continue
		}
		t := sheet.Table{ID: x.id, Title: x.title, Left: 1, Head: []string{"before"}, About: "Leads by their " + x.word + " under the live release (rows) and under the new one (columns)."}
		for _, name := range x.m.Names {
			t.Head = append(t.Head, "→ "+orNone(name))
		}
		for i, name := range x.m.Names {
			row := []string{orNone(name)}
			for _, n := range x.m.Leads[i] {
				row = append(row, count(n))
			}
			t.Rows = append(t.Rows, row)
		}
		out = append(out, t)
	}
	return out
}

// under is a text about the live release, if there is one, and first one for
// where there is none.
func (r report) under(text string) string {
	if r.Begins {
		return ""
	}
	return text
}

func (r report) first(text string) string {
	if r.Begins {
		return text
	}
	return ""
}

// salesTables list who goes to sales under one release only, or at another time.
func (r report) salesTables(top int) (out []sheet.Table) {
	if !r.Mode.Rescore {
		return nil
	}
	s := &r.Sales
	for _, x := range []struct {
		id, title, about string
		list             *plan.Handoffs
	}{
		{"newly", "Newly to sales", "Leads that the new release would have handed over in the history" + r.under(", and the live one has not") + ". What is past is not published: who still stands there at the switch is listed there.", &s.Gained},
		{"no-longer", "No longer to sales", "Leads that the live release has handed over, and the new one would not have.", &s.Lost},
		{"sooner", "Sooner to sales", "Leads that the new release would have handed over earlier.", &s.Sooner},
		{"later", "Later to sales", "Leads that the new release would have handed over later.", &s.Later},
	} {
		if x.list.Count == 0 {
			continue
		}
		t := sheet.Table{ID: x.id, Title: x.title, About: x.about, Left: 2, Words: []int{3, 4, 5}, Head: []string{r.LeadWord, "action (route)", "when", "then", "after", "why"}}
		for _, h := range sheet.Cut(x.list.List, top) {
			t.Rows = append(t.Rows, r.handoffRow(&h))
		}
		t.Notes = more(x.list.Count, len(t.Rows))
		out = append(out, t)
	}
	return out
}

func (r report) handoffRow(h *plan.Handoff) []string {
	d := h.After
	if d == nil {
		d = h.Before
	}
	when := minute(d.At)
	if h.Before != nil && h.After != nil {
		when = minute(h.After.At) + ", not " + minute(h.Before.At)
	}
	return []string{h.Lead, h.Action + " (" + d.Route + ")", when, d.Display + heaviest(d.Lines), d.Cause, strings.Join(h.Why, "; ")}
}

// heaviest puts the lines that weigh most into words.
func heaviest(lines []lead.Line) string {
	if len(lines) == 0 {
		return ""
	}
	parts := make([]string, len(lines))
	for i := range lines {
		text := lines[i].Text
		if text == "" {
			text = lines[i].Rule
		}
		parts[i] = signed(lines[i].Remaining) + " " + text
	}
	return ": " + strings.Join(parts, ", ")
}

func (r report) switchTable(top int) sheet.Table {
	s := &r.Switch
	t := sheet.Table{ID: "switch", Title: "At the switch", Left: 4, Head: []string{r.LeadWord, "action (route)", "at", "why"},
		About: "Leads for which a route holds behind the switch that did not hold before, without an open episode. Were it now: " + sheet.Stamp(s.At) + "."}
	if r.Begins {
		t.About = "Leads for which a route holds, and whom nobody has been told of: no release of the workflow was live before. Were it now: " + sheet.Stamp(s.At) + "."
	}
	for _, f := range sheet.Cut(s.List, top) {
		t.Rows = append(t.Rows, []string{f.Lead, f.Action + " (" + f.Route + ")", f.Display + heaviest(f.Lines), strings.Join(f.Why, "; ")})
	}
	for _, x := range s.ByRoute {
		t.Notes = append(t.Notes, fmt.Sprintf("%s: %s newly true", x.Name, count(x.Count)))
	}
	if n := s.Newly - len(t.Rows); n > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("%s more", count(n)))
	}
	if s.Newly == 0 {
		t.Notes = append(t.Notes, "nobody is newly true")
	}
	return t
}

func (r report) routesTable() sheet.Table {
	t := sheet.Table{ID: "routes", Title: "Decisions over the history", Left: 2, Head: []string{"action", "route", "before", "after", "change"},
		About: r.under("What the live release decided, and what") + r.first("What") + " the new one would have."}
	if !r.Mode.Rescore {
		t.About = "What the live release decided; without a re-score the new one has no history."
		t.Head = t.Head[:3]
	}
	for _, x := range r.Routes {
		t.Rows = append(t.Rows, []string{x.Action, x.Route, count(x.Before), count(x.After), signedCount(x.After - x.Before)}[:len(t.Head)])
	}
	return t
}

func (r report) rulesTable(top int) sheet.Table {
	t := sheet.Table{ID: "rules", Title: "Points by rule", Left: 2, Head: []string{"rule", "score", "leads before", "after", "awarded before", "after", "left before", "after", "change"},
		About: "What each rule has given all leads together, and what decay has left of it at the switch; those that change most first."}
	for _, x := range sheet.Cut(r.Rules, top) {
		t.Rows = append(t.Rows, []string{x.Step + " " + x.Rule, x.Score, count(x.Before.Leads), count(x.After.Leads), tenth(x.Before.Awarded), tenth(x.After.Awarded),
			tenth(x.Before.Remaining), tenth(x.After.Remaining), signed(x.After.Remaining - x.Before.Remaining)})
	}
	t.Notes = more(len(r.Rules), top)
	return t
}

func (r report) moversTable(top int) sheet.Table {
	t := sheet.Table{ID: "movers", Title: "Most changed", Left: 1, Words: []int{3, 4}, Head: []string{r.LeadWord, r.Primary, "change", "stands", "why"},
		About: "Leads whose score " + r.Primary + " changes most."}
	for _, m := range sheet.Cut(r.Movers, top) {
		t.Rows = append(t.Rows, []string{m.Lead, m.Before.String() + " → " + m.After.String(), signed(m.After - m.Before), m.Now.Before.Display + " → " + m.Now.After.Display, strings.Join(m.Why, "; ")})
	}
	for _, s := range r.Scores {
		if s.Name == r.Primary {
			t.Notes = more(s.Changed, len(t.Rows))
		}
	}
	return t
}

func (r report) costTable() sheet.Table {
	t := sheet.Table{ID: "cost", Title: "Cost", Left: 1, Head: []string{"release", "events", "fuel per event", "time per event"},
		About: "Fuel counts what the steps execute, whatever the machine; the time is that of one core of this one, with everything around the steps."}
	for _, x := range []struct {
		name string
		*plan.Effort
	}{{"before", &r.Cost.Before}, {"after", &r.Cost.After}} {
		if x.Events == 0 { // it has not scored the history, or there is none
			t.Rows = append(t.Rows, []string{x.name, "–", "–", "–"})
			continue
		}
		took := "–"
		if x.Nanos > 0 {
			took = fmt.Sprintf("%d.%d µs", x.Nanos/1000, x.Nanos%1000/100)
		}
		t.Rows = append(t.Rows, []string{x.name, count(x.Events), count(int(x.Fuel)), took})
	}
	return t
}
