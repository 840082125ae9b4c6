package lint

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/model/expr"
)

// maxTableAxes is how many variables a table of routes has at most.
const maxTableAxes = 3

// table looks at the routes that form a table: conditions over scores,
// counters and grades alone, two or three of them in all (003-12). A case that
// falls to the default route although the table decides on both sides of it,
// along some variable, is a hole; a case that two routes with different
// actions claim, none of them being the special case of the other, is an
// overlap.
func (l *linter) table() {
	var table []*Branch
	var forms []*expr.Form
	for _, br := range l.Routes {
		if !br.Always() && !br.Fall && !l.dead[br] && inTable(br.Form) {
			table, forms = append(table, br), append(forms, br.Form)
		}
	}
	if len(table) < 2 {
		return
	}
	s, ok := l.newSpace(forms)
	if !ok || len(s.axes) < 2 || len(s.axes) > maxTableAxes {
		return
	}
	l.overlaps(s, table)
	if at := s.hole(forms); at != nil {
		last := table[len(table)-1]
		l.find(hcl.DiagError, Hole, last.Of, last.Range, "Table with a hole",
			"No route decides about %s, although routes decide on both sides of it; the default route takes it. Close the gap between the conditions.", s.text(at))
	}
}

// inTable says that a condition asks for ranges of scores and counters and for
// labels, and for nothing else.
func inTable(f *expr.Form) bool {
	ok := true
	f.Walk(func(k *expr.Form) { ok = ok && k.Op != expr.FormOpaque && k.Op != expr.FormConst })
	return ok
}

// hole finds a case that no form takes, between two that some form takes,
// along a variable with an order.
func (s *space) hole(forms []*expr.Form) (found []cell) {
	taken := func(at []cell) bool {
		return slices.ContainsFunc(forms, func(f *expr.Form) bool { return s.value(f, at) == lead.True })
	}
	s.each(func(at []cell) bool {
		if slices.ContainsFunc(at, func(c cell) bool { return c.unknown }) || taken(at) {
			return true
		}
		for i, a := range s.axes {
			if len(a.cuts) == 0 {
				continue
			}
			below, above := false, false
			probe := slices.Clone(at)
			for _, c := range a.cells {
				probe[i] = c
				below = below || c.at < at[i].at && taken(probe)
				above = above || c.at > at[i].at && taken(probe)
			}
			if below && above {
				found = slices.Clone(at)
				return false
			}
		}
		return true
	})
	return found
}

func (l *linter) overlaps(s *space, table []*Branch) {
	for j, later := range table {
		for _, first := range table[:j] {
			if first.Action == later.Action {
				continue
			}
			if at := s.claimed(first.Form, later.Form); at != nil {
				l.find(hcl.DiagWarning, Overlap, later.Of, later.Range, "Routes overlap",
					"Both this route and %s claim %s; the first one in the file wins.", first.Of, s.text(at))
				break
			}
		}
	}
}

// claimed finds a case of both forms, if each also has a case of its own.
func (s *space) claimed(a, b *expr.Form) (both []cell) {
	onlyA, onlyB := false, false
	known := s.each(func(at []cell) bool {
		x, y := s.value(a, at) == lead.True, s.value(b, at) == lead.True
		switch {
		case x && y && both == nil:
			both = slices.Clone(at)
		case x && !y:
			onlyA = true
		case y && !x:
			onlyB = true
		}
		return true
	})
	if !known || !onlyA || !onlyB {
		return nil
	}
	return both
}
