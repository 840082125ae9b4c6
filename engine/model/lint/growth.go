package lint

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/model/expr"
)

// growth looks for points without end: rules that award at every event, with
// no cap of their own, of their class or of their score, and no decay on them.
// Hand-raises may: routes do not wait for their points. One finding for each
// step and score.
func (l *linter) growth() {
	type place struct {
		step  string
		score int
	}
	var order []place
	first, classes := map[place]int{}, map[place][]string{}
	for i := range l.Rules {
		if !l.Rules[i].Endless || l.capped(i) {
			continue
		}
		r := &l.Book.Rules[i]
		at, name := place{r.Step, r.Score}, r.Name
		if r.Class >= 0 {
			name = l.Book.Classes[r.Class].Name
		}
		if _, ok := first[at]; !ok {
			first[at] = i
			order = append(order, at)
		}
		if !slices.Contains(classes[at], name) {
			classes[at] = append(classes[at], name)
		}
	}
	for _, at := range order {
		l.find(hcl.DiagWarning, Growth, at.step, l.Rules[first[at]].Range, "Points without end",
			"Every event of %s adds points to %q for ever: there is no cap, no limit per window, no \"once\" and no decay.", expr.OneOf(classes[at]), l.Book.Scores[at.score].Name)
	}
}

// capped says that something above a rule bounds it, or that it need not be
// bounded.
func (l *linter) capped(i int) bool {
	r := &l.Book.Rules[i]
	if l.Book.Scores[r.Score].Cap > 0 {
		return true
	}
	return r.Class >= 0 && (l.Book.Classes[r.Class].Cap > 0 || l.Book.Classes[r.Class].Hand)
}
