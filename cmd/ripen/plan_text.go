package main

import (
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/plan/page"
	"github.com/ripenhq/ripen/engine/sheet"
)

// planWidth is how wide texts of a plan are on a terminal.
const planWidth = 100

// printPlan prints the summary, and the details behind it.
func (a *app) printPlan(r *plan.Report, limit int) {
	for _, text := range page.Summary(r) {
		a.sayWrapped("", text)
	}
	for _, c := range r.Cautions {
		a.sayWrapped("", "caution: "+c)
	}
	if !r.Changed {
		return
	}
	for _, t := range page.Tables(r, limit) {
		a.say("")
		switch {
		case t.ID == "diff":
			a.printChanges(&t, r.Diff)
		case tall[t.ID]:
			a.printTall(&t)
		default:
			a.printTables([]sheet.Table{t})
		}
	}
}

// tall are the tables whose rows do not fit into a line of a terminal.
var tall = map[string]bool{"newly": true, "no-longer": true, "sooner": true, "later": true, "switch": true, "movers": true}

// printTall prints each row over several lines: what comes first of it, then a
// line for each of the others with its name.
func (a *app) printTall(t *sheet.Table) {
	a.say("%s", heading(a, clean(t.Title)))
	a.sayWrapped("", t.About)
	for _, row := range t.Rows {
		a.say("%s", clean(strings.Join(row[:min(3, len(row))], "  ")))
		for i := 3; i < len(row); i++ {
			if row[i] != "" {
				a.sayWrapped(fmt.Sprintf("  %-6s ", t.Head[i]), row[i])
			}
		}
	}
	for _, n := range t.Notes {
		a.say("%s", clean(n))
	}
}

// printChanges prints what the files say otherwise as ripen diff does.
func (a *app) printChanges(t *sheet.Table, list []plan.Change) {
	a.say("%s", heading(a, clean(t.Title)))
	for i, row := range t.Rows {
		a.say("%s", clean(fmt.Sprintf("%s %-9s  %s", row[0], list[i].Kind, row[2])))
		for _, x := range [][2]string{{"- ", list[i].Before}, {"+ ", list[i].After}} {
			if x[1] != "" {
				a.sayWrapped("               "+x[0], x[1])
			}
		}
	}
}

// sayWrapped prints a text in lines behind a head; the others stand in as far.
func (a *app) sayWrapped(head, text string) {
	for i, line := range wrap(clean(text), planWidth-len([]rune(head))) {
		if i > 0 {
			head = strings.Repeat(" ", len([]rune(head)))
		}
		a.say("%s%s", head, line)
	}
}
