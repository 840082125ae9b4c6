// Package page shows the report of a backtest to people: as tables of words and
// figures, and as one page of HTML with plots.
//
// It imports backtest, its arithmetic and lead. It computes nothing that is not
// in the report, and the page needs no network and no script.
package page

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/sheet"
)

// Page is a report as one page of HTML: it needs no network and no script,
// follows the reader's light or dark scheme, and prints.
func Page(of *backtest.Report, top int) ([]byte, error) {
	r := report{of}
	p := sheet.Page{Title: "Backtest of " + r.Workflow, Cautions: r.Cautions,
		Lead: fmt.Sprintf("%s, as of %s, judged by score %s under release %s.", r.leadsText(), sheet.Stamp(r.AsOf), r.Score, r.Release)}
	p.Key = []sheet.Key{{Text: sheet.Count(r.Inputs.Leads), Kind: "leads judged"}, {Text: sheet.Count(r.Inputs.Won), Kind: "won"}, {Text: sheet.Count(r.Inputs.Lost), Kind: "lost"},
		{Text: aucRow("", &r.AUC)[1], Kind: "AUC of " + r.Score}}
	if r.Rival != nil {
		p.Key = append(p.Key, sheet.Key{Text: aucRow("", &r.Rival.AUC)[1], Kind: "AUC of " + r.Rival.Name})
	}
	if s := r.Suggestion; s != nil {
		p.Key = append(p.Key, sheet.Key{Text: aucRow("", &s.After)[1], Kind: "AUC of the suggestion on " + halfName(s.Judged)})
	}
	p.Key = append(p.Key, sheet.Key{Text: sheet.Count(r.Handed.Leads), Kind: "handed to sales"})
	for _, t := range Tables(of, top) {
		s := sheet.Section{Table: t, Plot: r.plotOf(t.ID)}
		if t.ID == "inputs" {
			s.Notes = nil // the cautions stand at the top
		}
		p.Sections = append(p.Sections, s)
	}
	return p.HTML()
}

// plotOf draws what belongs to a table, nothing for most.
func (r report) plotOf(id string) template.HTML {
	switch id {
	case "ranking":
		return r.rocPlot() + r.histogramPlot()
	case "thresholds":
		return thresholdPlot(r.Thresholds, "Precision, recall and share of leads by threshold on "+r.Score)
	case "suggested-thresholds":
		return thresholdPlot(r.Suggestion.Thresholds, "Precision, recall and share of leads by threshold on the suggested score")
	case "tenths":
		return r.tenthsPlot()
	case "actions":
		return r.actionsPlot()
	case "months":
		return r.monthsPlot()
	case "what-if":
		return r.whatIfPlot()
	}
	return ""
}

func (r report) rocPlot() template.HTML {
	if !r.AUC.Known() {
		return ""
	}
	p := sheet.NewPlot("How many winners (up) stand above how many losers (right): the area below is the AUC, "+figure(r.AUC.Value), 360, 300)
	p.Axes("losers at or above, %", "winners at or above, %", 0, 100, 0, 100)
	p.Line("chance", []sheet.XY{{}, {X: 1000, Y: 1000}}, "dash")
	var list []sheet.XY
	for _, x := range r.Curve {
		list = append(list, sheet.XY{X: x.Lost, Y: x.Won})
	}
	p.Line("score "+r.Score, list, "a")
	return p.Done()
}

func (r report) histogramPlot() template.HTML {
	if len(r.Histogram) == 0 {
		return ""
	}
	most := 1
	for _, b := range r.Histogram {
		most = max(most, b.Won, b.Lost)
	}
	p := sheet.NewPlot("Leads won and lost by score "+r.Score, 460, 300)
	p.Bars(len(r.Histogram), most, "leads")
	for i, b := range r.Histogram {
		p.Bar(i, 0, 2, b.Won, most, "a", fmt.Sprintf("%s to below %s points: %d won", b.From, b.To, b.Won))
		p.Bar(i, 1, 2, b.Lost, most, "b", fmt.Sprintf("%s to below %s points: %d lost", b.From, b.To, b.Lost))
		if len(r.Histogram) <= 8 || i%2 == 0 {
			p.Tick(i, b.From.String())
		}
	}
	p.Legend("won", "a", "lost", "b")
	return p.Done()
}

func thresholdPlot(rows []measure.ThresholdRow, title string) template.HTML {
	if len(rows) < 2 {
		return ""
	}
	low, high := rows[len(rows)-1].At, rows[0].At
	p := sheet.NewPlot(title, 460, 300)
	p.Axes("threshold, points", "%", int(low/1000), int(high/1000), 0, 100)
	var precision, recall, share []sheet.XY
	for _, x := range rows {
		at := int((x.At - low) * 1000 / max(high-low, 1))
		if x.Won+x.Lost > 0 {
			precision = append(precision, sheet.XY{X: at, Y: x.Precision})
		}
		recall, share = append(recall, sheet.XY{X: at, Y: x.Recall}), append(share, sheet.XY{X: at, Y: x.Share})
		if x.Current {
			p.Mark(at, "in use: "+x.At.String())
		}
	}
	p.Line("precision", precision, "a")
	p.Line("recall", recall, "b")
	p.Line("share of leads", share, "c")
	p.Legend("precision", "a", "recall", "b", "share of leads", "c")
	return p.Done()
}

func (r report) tenthsPlot() template.HTML {
	if len(r.Tenths) < 2 {
		return ""
	}
	p := sheet.NewPlot("Share of leads that were won, by tenth of the score, best first", 460, 260)
	p.Bars(len(r.Tenths), 100, "% won")
	for i, t := range r.Tenths {
		p.Bar(i, 0, 1, t.Rate, 1000, "a", fmt.Sprintf("tenth %d (%s to %s points): %s won of %d", i+1, t.From, t.To, sheet.Mille(t.Rate, 1), t.Leads))
		p.Tick(i, fmt.Sprint(i+1))
	}
	p.Level(measure.Ratio(r.Inputs.Won, r.Inputs.Won+r.Inputs.Lost, 1000), 1000, "all leads")
	return p.Done()
}

func (r report) monthsPlot() template.HTML {
	list := r.Engagement.Months
	if len(list) < 2 {
		return ""
	}
	list = list[max(0, len(list)-24):]
	most := 1
	for _, m := range list {
		most = max(most, m.Active, m.New)
	}
	p := sheet.NewPlot("Active and new leads by month", 640, 260)
	p.Bars(len(list), most, "leads")
	for i, m := range list {
		p.Bar(i, 0, 2, m.Active, most, "a", fmt.Sprintf("%s: %d active", m.Month, m.Active))
		p.Bar(i, 1, 2, m.New, most, "c", fmt.Sprintf("%s: %d new", m.Month, m.New))
		if len(list) <= 8 || i%3 == 0 {
			p.Tick(i, m.Month)
		}
	}
	p.Legend("active", "a", "new", "c")
	return p.Done()
}

func (r report) whatIfPlot() template.HTML {
	most := 1
	for _, w := range r.WhatIfs {
		most = max(most, w.Handed.Leads)
	}
	p := sheet.NewPlot("Leads handed off, and of them won, by change", 640, 260)
	p.Bars(len(r.WhatIfs), most, "leads")
	for i, w := range r.WhatIfs {
		p.Bar(i, 0, 2, w.Handed.Leads, most, "c", fmt.Sprintf("%s: %d handed off", w.Change, w.Handed.Leads))
		p.Bar(i, 1, 2, w.Handed.Won, most, "a", fmt.Sprintf("%s: %d of them won", w.Change, w.Handed.Won))
		p.Tick(i, strings.TrimPrefix(w.Change, "threshold "))
	}
	p.Legend("handed off", "c", "won", "a")
	return p.Done()
}

func (r report) actionsPlot() template.HTML {
	list := sheet.Cut(r.Actions, 12)
	if len(list) == 0 {
		return ""
	}
	p := sheet.NewPlot("Share of leads that were won, of those that took an action", 640, 40+24*len(list))
	base := measure.Ratio(r.Inputs.Won, r.Inputs.Won+r.Inputs.Lost, 1000)
	for i, x := range list {
		p.Row(i, x.Action, x.Rate, fmt.Sprintf("%s of %s", sheet.Mille(x.Rate, x.Won+x.Lost), sheet.Count(x.Won+x.Lost)))
	}
	p.Upright(base, len(list), "all leads")
	return p.Done()
}
