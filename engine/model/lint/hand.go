package lint

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
)

// handWords are what people call it when a lead asks for sales: a rule whose
// name contains all words of a line is taken for a hand-raise.
func handWords() [][]string {
	return [][]string{
		{"demo", "request"}, {"demo", "book"}, {"trial", "start"}, {"meeting", "book"}, {"meeting", "request"},
		{"contact", "sales"}, {"quote", "request"}, {"callback", "request"},
	}
}

// hands looks for hand-raises that lead nowhere (000-13): a class that
// asks for sales, and no route that a single award of it opens, neither by its
// points nor by pending().
func (l *linter) hands() {
	for class := range l.Book.Classes {
		rule := l.handRule(class)
		if rule < 0 || l.handsOver(class, rule) {
			continue
		}
		c, r := &l.Book.Classes[class], &l.Book.Rules[rule]
		l.find(hcl.DiagError, Hand, c.Step+"/"+c.Name, l.Rules[rule].Range, "Hand-raise leads nowhere",
			"%q alone gives %s points to %q, which opens no route to sales, and no route asks for pending(%q) that it could open. Lower the threshold, raise the points, or add such a route.",
			lastPart(r.Name), c.Top, l.Book.Scores[r.Score].Name, c.Name)
	}
}

// handRule is the dearest rule of a hand-raise class, -1 if the class is none.
func (l *linter) handRule(class int) (best int) {
	best = -1
	hand := l.Book.Classes[class].Hand
	for i := range l.Book.Rules {
		if r := &l.Book.Rules[i]; r.Class == class && l.Rules[i].Most > 0 {
			hand = hand || soundsLikeHand(lastPart(r.Name))
			if best < 0 || l.Rules[i].Most > l.Rules[best].Most {
				best = i
			}
		}
	}
	if !hand {
		return -1
	}
	return best
}

func lastPart(rule string) string { return rule[strings.LastIndexByte(rule, '/')+1:] }

// SoundsLikeHand says whether a name is one that people give to an event by
// which a lead asks for sales.
func SoundsLikeHand(name string) bool { return soundsLikeHand(name) }

func soundsLikeHand(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(handWords(), func(words []string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(name, w) })
	})
}

// handsOver says whether one award can open a route: to sales, or one that
// asks for this class.
func (l *linter) handsOver(class, rule int) bool {
	after := award{class: class, values: l.valuesAfter(rule, l.Rules[rule].Most), before: l.valuesAfter(rule, 0)}
	sales := false
	for _, br := range l.Routes {
		toSales := slices.Contains(l.Sales, br.Action)
		asks := slices.Contains(br.Classes, class)
		sales = sales || toSales
		if br.Always() || (!toSales && !asks) {
			continue
		}
		if can, _ := after.possible(br.Form); can {
			return true
		}
	}
	return !sales // a workflow without sales has nobody to hand over to
}

// award is what a lead has after one award of a class and nothing else.
type award struct {
	class          int
	values, before []lead.Points // scores with the award, and without
}

// valuesAfter are the scores of a lead with one award and nothing else.
func (l *linter) valuesAfter(rule int, given lead.Points) []lead.Points {
	a := ledger.NewAccount(l.Book, "")
	f := &ledger.Frame{Book: l.Book, Acct: a, Totals: make([]lead.Points, len(l.Book.Scores)), Values: make([]lead.Points, len(l.Book.Scores))}
	f.Totals[l.Book.Rules[rule].Score] = given
	for i := range l.Book.Scores {
		s := &l.Book.Scores[i]
		raw := f.Totals[i]
		if s.Derive != nil {
			raw = s.Derive(f)
		}
		f.Values[i] = s.Value(raw)
	}
	return f.Values
}

// possible says whether a condition can be true, and whether it can fail,
// after the award. What else it asks for, such as scores that the award does
// not move, may be either way.
func (a *award) possible(f *expr.Form) (can, fail bool) {
	switch {
	case f.Op == expr.FormConst:
		return f.Const == lead.True, f.Const != lead.True
	case f.Op == expr.FormNot:
		can, fail = a.possible(f.Kids[0])
		return fail, can
	case f.Op == expr.FormAnd || f.Op == expr.FormOr:
		can, fail = f.Op == expr.FormAnd, f.Op == expr.FormOr
		for _, k := range f.Kids {
			c, n := a.possible(k)
			if f.Op == expr.FormAnd {
				can, fail = can && c, fail || n
			} else {
				can, fail = can || c, fail && n
			}
		}
		return can, fail
	case len(f.Pending) > 0:
		can = slices.Contains(f.Pending, a.class)
		return can, !can
	case f.Op == expr.FormRange && f.Score > 0 && a.values[f.Score-1] != a.before[f.Score-1]:
		can = meets(a.values[f.Score-1], f)
		return can, !can
	}
	return true, true
}

func meets(v lead.Points, f *expr.Form) bool {
	at, err := lead.PointsFromRat(f.At)
	if err != nil {
		return true
	}
	switch f.Cmp {
	case "<":
		return v < at
	case "<=":
		return v <= at
	case ">":
		return v > at
	case ">=":
		return v >= at
	}
	return v == at
}
