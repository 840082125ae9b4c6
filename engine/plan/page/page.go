// Package page shows a plan to people: a summary to read first, tables of words
// and figures, and one page of HTML with plots.
//
// It imports plan, lead and sheet. It computes nothing that is not in the report.
package page

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/sheet"
)

// report is what is told of a plan, with the words for it.
type report struct{ *plan.Report }

// Page is a plan as one page of HTML; top is the most rows of a list, 0 = all.
func Page(of *plan.Report, top int) ([]byte, error) {
	r := report{of}
	p := sheet.Page{Title: "Plan for " + r.Workflow, Lead: strings.Join(Summary(of), " "), Cautions: r.Cautions}
	l := r.LeadWord
	p.Key = []sheet.Key{{Text: sheet.Count(r.Leads.All), Kind: l + "s"}, {Text: sheet.Count(r.Leads.Changed), Kind: "change"}}
	if r.Mode.Rescore {
		p.Key = append(p.Key, sheet.Key{Text: sheet.Count(r.Sales.Gained.Count), Kind: "newly to sales in the history"}, sheet.Key{Text: sheet.Count(r.Sales.Lost.Count), Kind: "no longer"})
	}
	p.Key = append(p.Key, sheet.Key{Text: sheet.Count(r.Switch.Sales), Kind: "to sales by the switch"})
	for _, t := range Tables(of, top) {
		p.Sections = append(p.Sections, sheet.Section{Table: t, Plot: r.plotOf(&t)})
	}
	return p.HTML()
}

// plotOf draws what belongs to a table, nothing for most.
func (r report) plotOf(t *sheet.Table) template.HTML {
	if t.ID == "scores" {
		var all template.HTML
		for i := range r.Scores {
			all += histogramPlot(&r.Scores[i])
		}
		return all
	}
	switch t.ID {
	case "grades":
		return matrixPlot(r.Grades, "grade")
	case "labels":
		return matrixPlot(r.Labels, "label")
	case "rules":
		return r.rulesPlot()
	case "routes":
		return r.routesPlot()
	}
	return ""
}

func histogramPlot(s *plan.Score) template.HTML {
	if len(s.Bars) == 0 {
		return ""
	}
	most := 1
	for _, b := range s.Bars {
		most = max(most, b.Before, b.After)
	}
	p := sheet.NewPlot("Leads by score "+s.Name+", before and after", 520, 280)
	p.Bars(len(s.Bars), most, "leads")
	for i, b := range s.Bars {
		p.Bar(i, 0, 2, b.Before, most, "c", fmt.Sprintf("%s to below %s points: %d before", b.From, b.To, b.Before))
		p.Bar(i, 1, 2, b.After, most, "a", fmt.Sprintf("%s to below %s points: %d after", b.From, b.To, b.After))
		if len(s.Bars) <= 8 || i%3 == 0 {
			p.Tick(i, b.From.String())
		}
	}
	p.Legend("before", "c", "after", "a")
	return p.Done()
}

// matrixPlot shows how many leads have each name before and after.
func matrixPlot(m *plan.Matrix, what string) template.HTML {
	if m == nil || len(m.Names) == 0 {
		return ""
	}
	was, is := make([]int, len(m.Names)), make([]int, len(m.Names))
	most := 1
	for i, row := range m.Leads {
		for k, n := range row {
			was[i] += n
			is[k] += n
		}
	}
	for i := range was {
		most = max(most, was[i], is[i])
	}
	p := sheet.NewPlot("Leads by "+what+", before and after", 420, 240)
	p.Bars(len(m.Names), most, "leads")
	for i, name := range m.Names {
		p.Bar(i, 0, 2, was[i], most, "c", fmt.Sprintf("%s: %d before", orNone(name), was[i]))
		p.Bar(i, 1, 2, is[i], most, "a", fmt.Sprintf("%s: %d after", orNone(name), is[i]))
		p.Tick(i, orNone(name))
	}
	p.Legend("before", "c", "after", "a")
	return p.Done()
}

// plotted is how many rows a lying drawing has at most.
const plotted = 12

// rulesPlot shows the rules whose points change, as shares of the largest.
func (r report) rulesPlot() template.HTML {
	var list []*plan.Rule
	for i := range r.Rules {
		if x := &r.Rules[i]; x.Before.Remaining != x.After.Remaining && len(list) < plotted {
			list = append(list, x)
		}
	}
	if len(list) == 0 {
		return ""
	}
	largest := change(list[0])
	p := sheet.NewPlot("How much the points of each rule change, over all leads", 640, 40+24*len(list))
	for i, x := range list {
		p.Row(i, x.Step+" "+x.Rule, int(change(x).MulDiv(1000, int64(max(largest, 1)))), signed(x.After.Remaining-x.Before.Remaining))
	}
	return p.Done()
}

func (r report) routesPlot() template.HTML {
	most := 1
	for _, x := range r.Routes {
		most = max(most, x.Before, x.After)
	}
	list := sheet.Cut(r.Routes, plotted)
	if len(list) == 0 {
		return ""
	}
	p := sheet.NewPlot("Decisions over the history by route, before and after", 640, 260)
	p.Bars(len(list), most, "decisions")
	for i, x := range list {
		p.Bar(i, 0, 2, x.Before, most, "c", fmt.Sprintf("%s (%s): %d before", x.Action, x.Route, x.Before))
		p.Bar(i, 1, 2, x.After, most, "a", fmt.Sprintf("%s (%s): %d after", x.Action, x.Route, x.After))
		p.Tick(i, short(x.Route, 90/len(list)+3))
	}
	p.Legend("before", "c", "after", "a")
	return p.Done()
}

func short(text string, most int) string {
	if list := []rune(text); len(list) > most {
		return string(list[:most-1]) + "…"
	}
	return text
}
