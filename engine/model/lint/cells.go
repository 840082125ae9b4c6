package lint

import (
	"math/big"
	"slices"
	"sort"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
)

// maxCells bounds the cases that a lint looks at, maxWork what all of them
// together cost: about a second. What would need more is let pass.
const (
	maxCells = 1 << 16
	maxWork  = 30_000_000 // conditions looked at in one case, constants compared
)

// axis is everything that some conditions distinguish of one variable: the
// constants it is compared with and the gaps between them, its labels, or
// true and false. Conditions that nothing is known about are variables of
// their own.
type axis struct {
	key   string
	score int // 1+index
	cuts  []*big.Rat
	// unit is the distance between two values of the variable: a milli-point, or
	// one event of a counter.
	unit   *big.Rat
	labels []string
	cells  []cell
	atomic bool
}

// cell is one case of an axis. For a range: 2k is the gap below cut k, 2k+1
// the cut k itself. For labels: the position. For a condition: its value.
type cell struct {
	at      int
	tri     lead.Tri
	unknown bool
}

// space is the set of all cases that some conditions distinguish.
type space struct {
	axes  []*axis
	byKey map[string]int
	left  *int64 // of maxWork
}

func (s *space) spend(work int) { *s.left -= int64(work) }

// newSpace collects the variables of the forms; ok is false when they have too
// many cases.
func (l *linter) newSpace(forms []*expr.Form) (s *space, ok bool) {
	s = &space{byKey: map[string]int{}, left: &l.left}
	for _, f := range forms {
		f.Walk(s.take)
		if *s.left < 0 {
			return nil, false
		}
	}
	total := 1
	for _, a := range s.axes {
		a.cut(l.Book)
		if total *= max(1, len(a.cells)); total > maxCells {
			return nil, false
		}
	}
	return s, true
}

func (s *space) take(f *expr.Form) {
	key := f.Var
	switch f.Op {
	case expr.FormOpaque:
		key = f.Key
	case expr.FormRange, expr.FormLabel:
	default:
		return
	}
	i, ok := s.byKey[key]
	if !ok {
		i = len(s.axes)
		s.byKey[key] = i
		s.axes = append(s.axes, newAxis(key, f))
	}
	a := s.axes[i]
	s.spend(len(a.cuts) + 1)
	if f.Op == expr.FormRange && !slices.ContainsFunc(a.cuts, func(r *big.Rat) bool { return r.Cmp(f.At) == 0 }) {
		a.cuts = append(a.cuts, f.At)
	}
}

func newAxis(key string, f *expr.Form) *axis {
	a := &axis{key: key, score: f.Score, labels: f.Domain}
	switch {
	case f.Op == expr.FormOpaque:
		a.atomic = true
		a.cells = []cell{{tri: lead.True}, {tri: lead.False}}
		if !f.Known {
			a.cells = append(a.cells, cell{tri: lead.Unknown})
		}
	case f.Counter:
		a.unit = big.NewRat(1, 1)
	default:
		a.unit = big.NewRat(1, int64(lead.Point))
	}
	return a
}

// cut makes the cells of a range, leaving out those that no value lies in, and
// of labels.
func (a *axis) cut(book *ledger.Book) {
	if a.atomic {
		return
	}
	if len(a.labels) > 0 {
		for i := range a.labels {
			a.cells = append(a.cells, cell{at: i})
		}
		a.cells = append(a.cells, cell{unknown: true})
		return
	}
	sort.Slice(a.cuts, func(i, j int) bool { return a.cuts[i].Cmp(a.cuts[j]) < 0 })
	low, high := a.bounds(book)
	for i := 0; i <= len(a.cuts); i++ {
		if a.gap(i, low, high) {
			a.cells = append(a.cells, cell{at: 2 * i})
		}
		if i < len(a.cuts) && a.whole(a.cuts[i]) && (low == nil || a.cuts[i].Cmp(low) >= 0) && (high == nil || a.cuts[i].Cmp(high) <= 0) {
			a.cells = append(a.cells, cell{at: 2*i + 1})
		}
	}
}

// bounds are the least and the greatest value of the variable, nil if it has
// none.
func (a *axis) bounds(book *ledger.Book) (low, high *big.Rat) {
	if a.score == 0 {
		return new(big.Rat), nil // counters
	}
	s := &book.Scores[a.score-1]
	point := func(p lead.Points) *big.Rat { return big.NewRat(int64(p), int64(lead.Point)) }
	switch {
	case s.Scale != ledger.ScaleNone:
		return point(s.Min), point(s.Max)
	case s.HasFloor:
		return point(s.Floor), nil
	}
	return nil, nil
}

func (a *axis) whole(v *big.Rat) bool { return new(big.Rat).Quo(v, a.unit).IsInt() }

// gap says whether a value lies strictly below cut i and above the one before.
func (a *axis) gap(i int, low, high *big.Rat) bool {
	if i == 0 {
		return low == nil || a.cuts[0].Cmp(low) > 0
	}
	if i == len(a.cuts) {
		return high == nil || a.cuts[i-1].Cmp(high) < 0
	}
	if low != nil && a.cuts[i].Cmp(low) <= 0 || high != nil && a.cuts[i-1].Cmp(high) >= 0 {
		return false
	}
	width := new(big.Rat).Sub(a.cuts[i], a.cuts[i-1])
	return width.Cmp(a.unit) > 0 || !a.whole(a.cuts[i-1])
}

// each visits every case until visit says stop. It returns false when there
// was no work left to do so: then nothing is known.
func (s *space) each(visit func(at []cell) (more bool)) (known bool) {
	at := make([]cell, len(s.axes))
	known = true
	var walk func(i int) bool
	walk = func(i int) bool {
		if i == len(at) {
			known = *s.left >= 0
			return known && visit(at)
		}
		for _, c := range s.axes[i].cells {
			if at[i] = c; !walk(i + 1) {
				return false
			}
		}
		return true
	}
	walk(0)
	return known
}

// value is the truth of a form in one case.
func (s *space) value(f *expr.Form, at []cell) lead.Tri {
	s.spend(1)
	switch f.Op {
	case expr.FormConst:
		return f.Const
	case expr.FormNot:
		return s.value(f.Kids[0], at).Not()
	case expr.FormAnd:
		v := lead.True
		for _, k := range f.Kids {
			v = v.And(s.value(k, at))
		}
		return v
	case expr.FormOr:
		v := lead.False
		for _, k := range f.Kids {
			v = v.Or(s.value(k, at))
		}
		return v
	case expr.FormOpaque:
		return at[s.byKey[f.Key]].tri
	case expr.FormLabel:
		c := at[s.byKey[f.Var]]
		if c.unknown {
			return lead.Unknown
		}
		return lead.TriOf(slices.Contains(f.Labels, f.Domain[c.at]))
	}
	i := s.byKey[f.Var]
	s.spend(len(s.axes[i].cuts) / 4) // which are searched
	return lead.TriOf(s.axes[i].satisfies(at[i], f))
}

func (a *axis) satisfies(c cell, f *expr.Form) bool {
	cut := slices.IndexFunc(a.cuts, func(r *big.Rat) bool { return r.Cmp(f.At) == 0 })
	order := c.at - (2*cut + 1) // below, at or above the constant
	switch f.Cmp {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order == 0
}

// text describes a case for people, e.g. `5 ≤ fit < 8`.
func (s *space) text(at []cell) string {
	out := ""
	for i, a := range s.axes {
		if i > 0 {
			out += ", "
		}
		out += a.text(at[i])
	}
	return out
}

func (a *axis) text(c cell) string {
	switch {
	case a.atomic:
		return a.key + " is " + [...]string{"unknown", "false", "true"}[c.tri]
	case c.unknown:
		return a.key + " is unknown"
	case len(a.labels) > 0:
		return a.key + " = " + a.labels[c.at]
	case c.at%2 == 1:
		return a.key + " = " + ratText(a.cuts[c.at/2])
	case c.at == 0:
		return a.key + " < " + ratText(a.cuts[0])
	case c.at == 2*len(a.cuts):
		return a.key + " > " + ratText(a.cuts[len(a.cuts)-1])
	}
	return ratText(a.cuts[c.at/2-1]) + " < " + a.key + " < " + ratText(a.cuts[c.at/2])
}

func ratText(r *big.Rat) string {
	if p, err := lead.PointsFromRat(r); err == nil {
		return p.String()
	}
	return r.FloatString(6)
}
