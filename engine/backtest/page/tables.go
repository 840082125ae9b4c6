package page

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/backtest"
	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/sheet"
)

// Table is one part of the report in words and figures.
type Table = sheet.Table

// report and suggestion are what is told of a backtest, with the words for it.
type (
	report     struct{ *backtest.Report }
	suggestion struct{ *backtest.Suggestion }
)

// Tables puts a report into words; top is the most rows of a list, 0 = all.
func Tables(of *backtest.Report, top int) []Table {
	r := report{of}
	t := []Table{r.inputsTable(), r.rankingTable(), r.thresholdTable(), r.tenthsTable()}
	if len(r.Grades) > 0 {
		t = append(t, r.gradesTable())
	}
	if len(r.WhatIfs) > 0 {
		t = append(t, r.whatIfTable())
	}
	t = append(t, r.linesTable(top), r.actionsTable(top), r.monthsTable(top), r.classesTable(top), r.inflationTable(), r.speedTable())
	if r.Suggestion != nil {
		s := suggestion{r.Suggestion}
		t = append(t, s.pointsTable(top), s.judgedTable(), s.thresholdTable())
	}
	return t
}

func (r report) inputsTable() Table {
	in := &r.Inputs
	t := Table{ID: "inputs", Title: "What is judged", Left: 1, Words: []int{2}, Head: []string{"", "count", "for example"},
		About: fmt.Sprintf("%s of workflow %s, as of %s. Each lead is looked at at the moment of its outcome, or at the end: what came after never counts.", r.leadsText(), r.Workflow, sheet.Stamp(r.AsOf))}
	add := func(what string, n int, some ...string) {
		t.Rows = append(t.Rows, []string{what, sheet.Count(n), strings.Join(some, ", ")})
	}
	maybe := func(what string, n int, some ...string) {
		if n > 0 {
			add(what, n, some...)
		}
	}
	add("leads judged", in.Leads)
	add("  won", in.Won)
	add("  lost", in.Lost)
	maybe("    of them without an outcome, counted as lost", in.Assumed)
	maybe("  without an outcome, neither won nor lost", in.Open)
	add("events that count", in.Events)
	maybe("events after --as-of, left out", in.Later)
	maybe("events after their lead's outcome, left out", in.Behind)
	maybe("events of leads that were not asked for", in.Apart)
	maybe("ticks, passed over: time passes by itself", in.Ticks)
	maybe("outcomes before the lead's first contact, left out", in.Early.Count, in.Early.Some...)
	maybe("outcomes after the as-of time, left out", in.Future.Count, in.Future.Some...)
	maybe("outcomes of leads without an event up to then", in.Unknown.Count, in.Unknown.Some...)
	maybe("second outcomes of a lead, left out", in.Duplicates.Count, in.Duplicates.Some...)
	maybe("leads whose outcome was read after later events, left out", in.Hasty.Count, in.Hasty.Some...)
	maybe("leads of which every event was refused", in.Refused.Count, in.Refused.Some...)
	if n := len(r.Bad); n > 0 {
		add("lines of outcomes that cannot be read", n, fmt.Sprintf("line %d: %s", r.Bad[0].Line, r.Bad[0].Why))
	}
	for _, c := range r.Cautions {
		t.Notes = append(t.Notes, "caution: "+c)
	}
	return t
}

func (r report) leadsText() string {
	if r.Half == "both" {
		return "All leads"
	}
	return "The " + r.Half + " half of the leads (by a hash of their ids)"
}

func (r report) rankingTable() Table {
	t := Table{ID: "ranking", Title: "Ranking", Left: 1, Head: []string{"", "AUC", "95 % from", "to", "won", "lost"},
		About: "How often a lead that was won stands above one that was lost, ties counting half: 0.5 is chance, 1 is perfect."}
	t.Rows = append(t.Rows, aucRow("score "+r.Score, &r.AUC))
	if r.Rival != nil {
		t.Rows = append(t.Rows, aucRow(r.Rival.Name, &r.Rival.AUC))
		if r.Rival.Ours.Won+r.Rival.Ours.Lost != r.AUC.Won+r.AUC.Lost {
			t.Rows = append(t.Rows, aucRow("score "+r.Score+" on the same leads", &r.Rival.Ours))
		}
	}
	h := &r.Handed
	t.Notes = append(t.Notes, fmt.Sprintf("handed to sales (%s) up to their moment: leads %s, won %s, lost %s; precision %s, recall %s, lift %s%s",
		strings.Join(r.Sales, ", "), sheet.Count(h.Leads), sheet.Count(h.Won), sheet.Count(h.Lost), sheet.Mille(h.Rate, h.Won+h.Lost), sheet.Mille(h.Recall, r.Inputs.Won), lift(h.Lift), fewMark(h.Few && h.Leads > 0)))
	return t
}

func aucRow(what string, a *measure.AUC) []string {
	if !a.Known() {
		return []string{what, "–", "–", "–", sheet.Count(a.Won), sheet.Count(a.Lost)}
	}
	return []string{what, figure(a.Value), figure(a.Low), figure(a.High), sheet.Count(a.Won), sheet.Count(a.Lost)}
}

func (r report) thresholdTable() Table {
	return thresholdsOf(r.Thresholds, "thresholds", "Thresholds on "+r.Score,
		"What each threshold would hand off, by the score at each lead's moment (* = in use now). Precision: won of those with an outcome. Recall: of all winners. Lift: against handing off at random.")
}

func thresholdsOf(rows []measure.ThresholdRow, id, title, about string) Table {
	t := Table{ID: id, Title: title, About: about, Left: 0, Head: []string{"from", "leads", "of all", "won", "lost", "precision", "recall", "lift"}}
	for _, x := range rows {
		mark := ""
		if x.Current {
			mark = "*"
		}
		t.Rows = append(t.Rows, []string{mark + x.At.String(), sheet.Count(x.Volume), sheet.Mille(x.Share, 1), sheet.Count(x.Won), sheet.Count(x.Lost),
			sheet.Mille(x.Precision, x.Won+x.Lost) + fewMark(x.Few && x.Won+x.Lost > 0), sheet.Mille(x.Recall, 1), lift(x.Lift)})
	}
	t.Notes = fewNote(t.Rows)
	return t
}

func (r report) tenthsTable() Table {
	t := Table{ID: "tenths", Title: "Lift by tenths", Head: []string{"tenth", "from", "to", "leads", "won", "rate", "lift", "recall so far"},
		About: "Leads with an outcome in order of the score, best tenth first; leads of one score stay together."}
	for i, x := range r.Tenths {
		t.Rows = append(t.Rows, []string{strconv.Itoa(i + 1), x.From.String(), x.To.String(), sheet.Count(x.Leads), sheet.Count(x.Won), sheet.Mille(x.Rate, x.Leads) + fewMark(x.Few), lift(x.Lift), sheet.Mille(x.Recall, 1)})
	}
	t.Notes = fewNote(t.Rows)
	return t
}

func (r report) gradesTable() Table {
	t := Table{ID: "grades", Title: "Grades", Left: 1, Head: []string{"grade", "leads", "won", "lost", "rate", "lift"}, About: "Leads by their grade at their moment, best first."}
	for _, x := range r.Grades {
		t.Rows = append(t.Rows, append([]string{x.Grade}, groupCells(&x.Group)...))
	}
	t.Notes = fewNote(t.Rows)
	return t
}

func groupCells(g *measure.Group) []string {
	return []string{sheet.Count(g.Leads), sheet.Count(g.Won), sheet.Count(g.Lost), sheet.Mille(g.Rate, g.Won+g.Lost) + fewMark(g.Few), lift(g.Lift)}
}

func (r report) whatIfTable() Table {
	t := Table{ID: "what-if", Title: "What if", Left: 1, Head: []string{"change", "AUC", "handed off", "new", "no longer", "won", "precision", "recall", "winners blank"},
		About: "The same leads scored again with one change. Winners blank: leads whose points for behaviour had all faded when they were won."}
	for _, x := range r.WhatIfs {
		auc := "–"
		if x.AUC.Known() {
			auc = figure(x.AUC.Value)
		}
		h := &x.Handed
		t.Rows = append(t.Rows, []string{x.Change, auc, sheet.Count(h.Leads), sheet.Count(x.Gained), sheet.Count(x.Dropped), sheet.Count(h.Won), sheet.Mille(h.Rate, h.Won+h.Lost) + fewMark(h.Few),
			sheet.Mille(h.Recall, r.Inputs.Won), fmt.Sprintf("%s of %s", sheet.Count(x.Blank), sheet.Count(x.Winners))})
	}
	t.Notes = fewNote(t.Rows)
	return t
}

func (r report) linesTable(top int) Table {
	t := Table{ID: "attribution", Title: "What rules are worth", Left: 1, Head: []string{"rule", "leads", "won", "rate", "lift", "of winners", "points each", "suggested", "left to winners"},
		About: "Leads that a rule gave points, and what became of them. Suggested: what a logistic regression over all rules together gives, in points of the same size. Left to winners: points that winners still had from it at their moment."}
	for _, x := range sheet.Cut(r.Lines, top) {
		suggested := "–"
		if x.Suggested {
			suggested = x.Suggest.String()
		}
		t.Rows = append(t.Rows, []string{x.Name(), sheet.Count(x.Leads), sheet.Count(x.Won), sheet.Mille(x.Rate, x.Won+x.Lost) + fewMark(x.Few), lift(x.Lift), sheet.Mille(x.PerWin, 1),
			tenth(x.Each), suggested, tenth(x.ToWon)})
	}
	t.Notes = append(fewNote(t.Rows), more(len(r.Lines), top)...)
	return t
}

func (r report) actionsTable(top int) Table {
	t := Table{ID: "actions", Title: "Conversion rate per action", Left: 1, Head: []string{"action", "leads", "of leads", "times", "won", "lost", "rate", "lift", "of winners"},
		About: "Leads that took an action before their moment, whether or not a rule gives points for it."}
	for _, x := range sheet.Cut(r.Actions, top) {
		t.Rows = append(t.Rows, []string{x.Action, sheet.Count(x.Leads), sheet.Mille(x.OfLeads, 1), sheet.Count(x.Times), sheet.Count(x.Won), sheet.Count(x.Lost), sheet.Mille(x.Rate, x.Won+x.Lost) + fewMark(x.Few), lift(x.Lift), sheet.Mille(x.PerWin, 1)})
	}
	t.Notes = append(fewNote(t.Rows), more(len(r.Actions), top)...)
	return t
}

func (r report) monthsTable(top int) Table {
	e := &r.Engagement
	t := Table{ID: "months", Title: "Engagement by month", Left: 1, Head: []string{"month", "active leads", "growth", "new leads", "events", "events per lead", "low-value awards", "other awards"},
		About: fmt.Sprintf("What leads did in each month (UTC). Low-value awards give %s points or fewer: they move no lead, but tell whether people still come.", backtest.LowWorth)}
	list := e.Months
	if top > 0 && len(list) > top {
		list = list[len(list)-top:]
		t.Notes = append(t.Notes, fmt.Sprintf("the latest %d of %d months", top, len(e.Months)))
	}
	for _, x := range list {
		growth := "–"
		if x.GrowthKnown {
			growth = fmt.Sprintf("%+.1f %%", float64(x.Growth)/10)
		}
		per := "–"
		if x.Active > 0 {
			per = fmt.Sprintf("%.1f", float64(measure.Ratio(x.Events, x.Active, 10))/10)
		}
		t.Rows = append(t.Rows, []string{x.Month, sheet.Count(x.Active), growth, sheet.Count(x.New), sheet.Count(x.Events), per, sheet.Count(x.Low), sheet.Count(x.High)})
	}
	t.Notes = append(t.Notes, fmt.Sprintf("in the last 30 days %s leads did something, %s did not", sheet.Count(e.Active), sheet.Count(e.Quiet)))
	return t
}

func (r report) classesTable(top int) Table {
	t := Table{ID: "classes", Title: "Engagement by class", Left: 1, Head: []string{"class", "points each", "", "awards", "last 30 days", "30 days before", "leads", "won", "rate", "lift"},
		About: "Awards per class of rules, the cheapest first."}
	for _, x := range sheet.Cut(r.Engagement.Classes, top) {
		low := ""
		if x.Low {
			low = "low"
		}
		t.Rows = append(t.Rows, []string{x.Class, tenth(x.Each), low, sheet.Count(x.Awards), sheet.Count(x.Recent), sheet.Count(x.Before), sheet.Count(x.Leads), sheet.Count(x.Won), sheet.Mille(x.Rate, x.Won+x.Lost) + fewMark(x.Few), lift(x.Lift)})
	}
	t.Notes = append(fewNote(t.Rows), more(len(r.Engagement.Classes), top)...)
	return t
}

func (r report) inflationTable() Table {
	f := &r.Inflation
	t := Table{ID: "inflation", Title: "Inflation", Head: []string{"threshold", "leads now", "with decay off", "of them mostly old", "of these won"},
		About: fmt.Sprintf("Were decay off: leads that stand at a threshold, and those of them whose points for behaviour come mostly (more than half) from events older than %s.", sheet.Duration(f.Old))}
	for _, a := range f.Above {
		t.Rows = append(t.Rows, []string{a.At.String(), sheet.Count(a.Current), sheet.Count(a.Off), sheet.Count(a.ByOld), sheet.Count(a.WonOld)})
	}
	t.Notes = append(t.Notes, fmt.Sprintf("leads mostly old: %s (%s of all), of those with an outcome %s won%s; other leads with points for behaviour: %s, %s won%s",
		sheet.Count(f.Leads), sheet.Mille(f.OfLeads, 1), sheet.Mille(f.Rate, f.Won+f.Lost), fewMark(f.Few && f.Won+f.Lost > 0), sheet.Count(f.Fresh.Leads), sheet.Mille(f.Fresh.Rate, f.Fresh.Won+f.Fresh.Lost), fewMark(f.Fresh.Few && f.Fresh.Won+f.Fresh.Lost > 0)))
	for i, x := range f.Top {
		if i == 3 {
			break
		}
		t.Notes = append(t.Notes, fmt.Sprintf("for example %s: %s now, %s with decay off, %s of its points for behaviour are old", x.Lead, tenth(x.Score), tenth(x.Off), sheet.Mille(x.Old, 1)))
	}
	return t
}

func (r report) speedTable() Table {
	t := Table{ID: "speed", Title: "Speed of hand-off", Left: 1, Head: []string{"from → to", "hand-offs", "half within", "nine of ten within", "longest"},
		About: "The first hand-off of each lead, in the time of the inputs. How fast the running engine decides is in its metrics."}
	for _, s := range r.Speed.Spans {
		row := []string{s.Of, sheet.Count(s.Count), "–", "–", "–"}
		if s.Count > 0 {
			row = []string{s.Of, sheet.Count(s.Count) + fewMark(s.Few), sheet.Duration(s.P50), sheet.Duration(s.P90), sheet.Duration(s.Max)}
		}
		t.Rows = append(t.Rows, row)
	}
	t.Notes = append(fewNote(t.Rows), fmt.Sprintf("%s of %s hand-offs have no answer of sales in the inputs", sheet.Count(r.Speed.Unanswered), sheet.Count(r.Speed.HandOffs)))
	return t
}
