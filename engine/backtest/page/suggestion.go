package page

import (
	"fmt"

	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/sheet"
)

func (s suggestion) pointsTable(top int) Table {
	t := Table{ID: "suggestion", Title: "Suggested points", Left: 2, Head: []string{"of", "answer", "leads", "won", "points"},
		About: fmt.Sprintf("Learnt from %s (%s leads with an outcome, %s won) by a regularised logistic regression: %d points more double the odds.", halfName(s.Learnt), sheet.Count(s.Leads), sheet.Count(s.Won), backtest.DoubleOdds)}
	for i := range s.Features {
		f := &s.Features[i]
		name := f.Name
		if f.Account {
			name = "account " + name
		}
		for _, b := range f.Bins {
			text := b.Text
			if f.Action() {
				text = "done"
			}
			points := b.Points.String()
			if !b.Learnt() {
				points += " ·"
			}
			t.Rows = append(t.Rows, []string{name, text, sheet.Count(b.Leads), sheet.Mille(measure.Ratio(b.Won, b.Leads, 1000), b.Leads), points})
		}
	}
	all := len(t.Rows)
	if top > 0 && all > 8*top {
		t.Rows = t.Rows[:8*top]
	}
	t.Notes = append(t.Notes, "· = too few leads to learn from")
	t.Notes = append(t.Notes, more(all, 8*top)...)
	for _, x := range s.Cautions {
		t.Notes = append(t.Notes, "caution: "+x)
	}
	for _, x := range s.Skipped {
		t.Notes = append(t.Notes, "not used: "+x)
	}
	return t
}

func (s suggestion) judgedTable() Table {
	about := fmt.Sprintf("Judged on %s, from which nothing was learnt.", halfName(s.Judged))
	if s.Judged == s.Learnt {
		about = "Judged on the leads that the points were learnt from: expect less of new ones. Learn on one --half to judge on the other."
	}
	t := Table{ID: "judged", Title: "The suggestion judged", About: about, Left: 1, Head: []string{"", "AUC", "95 % from", "to", "won", "lost"}}
	t.Rows = append(t.Rows, aucRow("suggested workflow", &s.After), aucRow("workflow as it is", &s.Before))
	if s.Rival != nil {
		t.Rows = append(t.Rows, aucRow("the scores compared with", s.Rival))
	}
	if s.Dir != "" {
		t.Notes = append(t.Notes, fmt.Sprintf("written to %s; hand-off from %s points on: %s", s.Dir, s.Threshold, s.Why))
	}
	return t
}

func (s suggestion) thresholdTable() Table {
	return thresholdsOf(s.Thresholds, "suggested-thresholds", "Thresholds on the suggested score", "On "+halfName(s.Judged)+" (* = suggested).")
}

func halfName(h string) string {
	if h == "both" {
		return "all leads"
	}
	return "the " + h + " half"
}
