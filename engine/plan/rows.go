package plan

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// scoreRows sums up each score.
func (c *Comparison) scoreRows(f *finding) []Score {
	out := []Score{}
	for s, name := range c.scores {
		x := Score{Name: name, Leads: max(len(f.values[s][before]), len(f.values[s][after])), Changed: len(f.deltas[s])}
		switch {
		case c.places[before][s] < 0:
			x.Change = "added"
		case c.places[after][s] < 0:
			x.Change = "removed"
		}
		for _, release := range []int{after, before} {
			if at := c.places[release][s]; at >= 0 && x.About == "" {
				x.About = c.sides[release].Book.Scores[at].About
			}
		}
		for _, d := range f.deltas[s] {
			if d > 0 {
				x.Raised++
			} else {
				x.Lowered++
			}
		}
		x.Before, x.After, x.Moved = spreadOf(f.values[s][before]), spreadOf(f.values[s][after]), spreadOf(f.deltas[s])
		x.Bars = histogram(f.values[s][before], f.values[s][after])
		out = append(out, x)
	}
	return out
}

// gradeNames are the grades of both releases, best first; none if neither grades.
func (c *Comparison) gradeNames() (names []string) {
	for _, release := range []int{after, before} {
		s := &c.sides[release]
		if s.Policy.Grading >= 0 {
			names = addNames(names, s.Book.Steps[s.Policy.Grading].Grades...)
		}
	}
	return names
}

func (c *Comparison) labelNames() (names []string) {
	for _, release := range []int{after, before} {
		for i := range c.sides[release].Policy.Labels {
			names = addNames(names, c.sides[release].Policy.Labels[i].Name)
		}
	}
	return names
}

func addNames(names []string, more ...string) []string {
	for _, n := range more {
		if !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// matrixOf arranges counts by name; nil if there are no names. Leads that have
// none stand in a last row and column.
func matrixOf(counts map[[2]string]int, names []string) *Matrix {
	if len(names) == 0 {
		return nil
	}
	for pair := range counts {
		if pair[0] == "" || pair[1] == "" {
			names = addNames(names, "")
		}
	}
	m := &Matrix{Names: names}
	for _, was := range names {
		row := make([]int, len(names))
		for i, is := range names {
			row[i] = counts[[2]string{was, is}]
		}
		m.Leads = append(m.Leads, row)
	}
	return m
}

// ruleRows names the rules and sums them up, those that change most first.
func (c *Comparison) ruleRows(f *finding) []Rule {
	out := []Rule{}
	for key, sums := range f.rules {
		x := Rule{Before: sums[before], After: sums[after]}
		c.nameRule(&x, key)
		out = append(out, x)
	}
	by := func(r *Rule) lead.Points {
		d := r.After.Remaining - r.Before.Remaining
		return max(d, -d)
	}
	slices.SortFunc(out, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(by(&b), by(&a)), cmp.Compare(a.Score, b.Score), cmp.Compare(a.Step, b.Step), cmp.Compare(a.Rule, b.Rule))
	})
	return out
}

// nameRule finds the names of a rule in the newest release that has it.
func (c *Comparison) nameRule(x *Rule, key ruleKey) {
	x.Rule = "retired-" + strconv.FormatUint(uint64(key.rule), 16)
	for _, release := range []int{before, after} {
		book := c.sides[release].Book
		if i := book.ScoreIndex(key.score); i >= 0 {
			x.Score = book.Scores[i].Name
		}
		if r, ok := book.RuleByID(key.rule); ok {
			x.Step, x.Rule, x.Class = r.Step, r.Name, classOf(book, r)
		}
	}
}

func classOf(book *ledger.Book, r *ledger.Rule) string {
	if r.Class < 0 {
		return ""
	}
	return book.Classes[r.Class].Name
}
