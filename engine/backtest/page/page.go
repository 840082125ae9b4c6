// Package page shows the report of a backtest to people: as tables of words and
// figures, and as one page of HTML with plots.
//
// It imports backtest, its arithmetic and lead. It computes nothing that is not
// in the report, and the page needs no network and no script.
package page

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/backtest/measure"
)

//go:embed page.html
var pageText string

// pageTemplate is parsed once; it is only read afterwards.
var pageTemplate = template.Must(template.New("page").Parse(pageText))

// section is one part of the page: a table and the plot of it.
type section struct {
	Table
	Plot  template.HTML
	Cells [][]cell
	Heads []cell
}

// cell is one field of a table.
type cell struct {
	Text string
	Kind string // "text" or "num"
}

// content is what the template shows.
type content struct {
	Title, Lead string
	Key         []cell // the figures to see first: name in Kind
	Cautions    []string
	Sections    []section
}

// Page is a report as one page of HTML: it needs no network and no script,
// follows the reader's light or dark scheme, and prints.
func Page(of *backtest.Report, top int) ([]byte, error) {
	r := report{of}
	p := content{Title: "Backtest of " + r.Workflow, Cautions: r.Cautions,
		Lead: fmt.Sprintf("%s, as of %s, judged by score %s under release %s.", r.leadsText(), stamp(r.AsOf), r.Score, r.Release)}
	p.Key = []cell{{count(r.Inputs.Leads), "leads judged"}, {count(r.Inputs.Won), "won"}, {count(r.Inputs.Lost), "lost"}, {aucRow("", &r.AUC)[1], "AUC of " + r.Score}}
	if r.Rival != nil {
		p.Key = append(p.Key, cell{aucRow("", &r.Rival.AUC)[1], "AUC of " + r.Rival.Name})
	}
	if s := r.Suggestion; s != nil {
		p.Key = append(p.Key, cell{aucRow("", &s.After)[1], "AUC of the suggestion on " + halfName(s.Judged)})
	}
	p.Key = append(p.Key, cell{count(r.Handed.Leads), "handed to sales"})
	for _, t := range Tables(of, top) {
		s := section{Table: t, Plot: r.plotOf(t.ID)}
		if t.ID == "inputs" {
			s.Notes = nil // the cautions stand at the top
		}
		for i, h := range t.Head {
			s.Heads = append(s.Heads, cell{h, t.kind(i)})
		}
		for _, row := range t.Rows {
			var cells []cell
			for i, text := range row {
				cells = append(cells, cell{text, t.kind(i)})
			}
			s.Cells = append(s.Cells, cells)
		}
		p.Sections = append(p.Sections, s)
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return out.Bytes(), nil
}

func (t *Table) kind(column int) string {
	if column < t.Left || t.ID == "inputs" && column != 1 {
		return "text"
	}
	return "num"
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
	p := newPlot("How many winners (up) stand above how many losers (right): the area below is the AUC, "+figure(r.AUC.Value), 360, 300)
	p.axes("losers at or above, %", "winners at or above, %", 0, 100, 0, 100)
	p.line("chance", []xy{{0, 0}, {1000, 1000}}, "dash")
	var list []xy
	for _, x := range r.Curve {
		list = append(list, xy{x.Lost, x.Won})
	}
	p.line("score "+r.Score, list, "a")
	return p.done()
}

func (r report) histogramPlot() template.HTML {
	if len(r.Histogram) == 0 {
		return ""
	}
	most := 1
	for _, b := range r.Histogram {
		most = max(most, b.Won, b.Lost)
	}
	p := newPlot("Leads won and lost by score "+r.Score, 460, 300)
	p.bars(len(r.Histogram), most, "leads")
	for i, b := range r.Histogram {
		p.bar(i, 0, 2, b.Won, most, "a", fmt.Sprintf("%s to below %s points: %d won", b.From, b.To, b.Won))
		p.bar(i, 1, 2, b.Lost, most, "b", fmt.Sprintf("%s to below %s points: %d lost", b.From, b.To, b.Lost))
		if len(r.Histogram) <= 8 || i%2 == 0 {
			p.tick(i, b.From.String())
		}
	}
	p.legend("won", "a", "lost", "b")
	return p.done()
}

func thresholdPlot(rows []measure.ThresholdRow, title string) template.HTML {
	if len(rows) < 2 {
		return ""
	}
	low, high := rows[len(rows)-1].At, rows[0].At
	p := newPlot(title, 460, 300)
	p.axes("threshold, points", "%", int(low/1000), int(high/1000), 0, 100)
	var precision, recall, share []xy
	for _, x := range rows {
		at := int((x.At - low) * 1000 / max(high-low, 1))
		if x.Won+x.Lost > 0 {
			precision = append(precision, xy{at, x.Precision})
		}
		recall, share = append(recall, xy{at, x.Recall}), append(share, xy{at, x.Share})
		if x.Current {
			p.mark(at, "in use: "+x.At.String())
		}
	}
	p.line("precision", precision, "a")
	p.line("recall", recall, "b")
	p.line("share of leads", share, "c")
	p.legend("precision", "a", "recall", "b", "share of leads", "c")
	return p.done()
}

func (r report) tenthsPlot() template.HTML {
	if len(r.Tenths) < 2 {
		return ""
	}
	p := newPlot("Share of leads that were won, by tenth of the score, best first", 460, 260)
	p.bars(len(r.Tenths), 100, "% won")
	for i, t := range r.Tenths {
		p.bar(i, 0, 1, t.Rate, 1000, "a", fmt.Sprintf("tenth %d (%s to %s points): %s won of %d", i+1, t.From, t.To, mille(t.Rate, 1), t.Leads))
		p.tick(i, fmt.Sprint(i+1))
	}
	p.level(measure.Ratio(r.Inputs.Won, r.Inputs.Won+r.Inputs.Lost, 1000), 1000, "all leads")
	return p.done()
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
	p := newPlot("Active and new leads by month", 640, 260)
	p.bars(len(list), most, "leads")
	for i, m := range list {
		p.bar(i, 0, 2, m.Active, most, "a", fmt.Sprintf("%s: %d active", m.Month, m.Active))
		p.bar(i, 1, 2, m.New, most, "c", fmt.Sprintf("%s: %d new", m.Month, m.New))
		if len(list) <= 8 || i%3 == 0 {
			p.tick(i, m.Month)
		}
	}
	p.legend("active", "a", "new", "c")
	return p.done()
}

func (r report) whatIfPlot() template.HTML {
	most := 1
	for _, w := range r.WhatIfs {
		most = max(most, w.Handed.Leads)
	}
	p := newPlot("Leads handed off, and of them won, by change", 640, 260)
	p.bars(len(r.WhatIfs), most, "leads")
	for i, w := range r.WhatIfs {
		p.bar(i, 0, 2, w.Handed.Leads, most, "c", fmt.Sprintf("%s: %d handed off", w.Change, w.Handed.Leads))
		p.bar(i, 1, 2, w.Handed.Won, most, "a", fmt.Sprintf("%s: %d of them won", w.Change, w.Handed.Won))
		p.tick(i, strings.TrimPrefix(w.Change, "threshold "))
	}
	p.legend("handed off", "c", "won", "a")
	return p.done()
}

func (r report) actionsPlot() template.HTML {
	list := cut(r.Actions, 12)
	if len(list) == 0 {
		return ""
	}
	p := newPlot("Share of leads that were won, of those that took an action", 640, 40+24*len(list))
	base := measure.Ratio(r.Inputs.Won, r.Inputs.Won+r.Inputs.Lost, 1000)
	for i, x := range list {
		p.row(i, x.Action, x.Rate, fmt.Sprintf("%s of %s", mille(x.Rate, x.Won+x.Lost), count(x.Won+x.Lost)))
	}
	p.upright(base, len(list), "all leads")
	return p.done()
}
