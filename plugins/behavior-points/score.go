package main

import "github.com/ripenhq/ripen/sdk"

// line is one rule of the ledger with what it is worth.
type line struct {
	sdk.Line
	milli int64
}

func newLine(r sdk.RuleID, milli int64, label sdk.Text) line {
	return line{sdk.NewLine(r, milli, label), milli}
}

// group is a set of lines of which one input reaches at most one: events
// before pages, the first that matches. One whose patterns are all names, paths
// or beginnings of them lives in the shared columns (see shared.go); the others
// look at columns of their own.
type group struct {
	where    sdk.Bool
	hasWhere bool
	events   sdk.Enum
	pages    sdk.Enum
	onEvent  []line // by literal of events
	onPage   []line // by literal of pages
}

// hit is a line that hangs on one literal of a shared column.
type hit struct {
	line   line
	where  sdk.Bool
	always bool // it has no condition
	mixed  bool // its group has events too: those come before this page
	group  int
}

// step is one threshold of a tier, a bonus or a ratio.
type step struct {
	least float64
	line  line
}

// ladder awards each step that a number has reached; the host lets each award
// once.
type ladder struct {
	where    sdk.Bool
	hasWhere bool
	of       sdk.Number  // either an expression
	counts   []sdk.Count // or the sum of counters
	each     bool        // or how many of the counters are not zero
	steps    []step
}

// ratio awards when of reaches a share of over.
type ratio struct {
	of, over sdk.Number
	least    float64 // in millionths, so that counts are compared exactly
	min      float64
	where    sdk.Bool
	hasWhere bool
	line     line
}

// first awards on the first of a set of events.
type first struct {
	seen     sdk.Count
	kind     sdk.Enum // what the counter takes: a kind of event, …
	event    sdk.Enum // … or one of these names
	page     sdk.Enum // … or paths
	where    sdk.Bool
	hasWhere bool
	line     line
}

// scorer is the configured plugin; read-only after configure.
type scorer struct {
	name    sdk.Enum
	page    sdk.Enum
	pairs   [][]hit // by literals of both columns: width for each name
	width   int     // 0 = too many pairs
	byName  [][]hit // by literal of name; none hangs on 0
	byPage  [][]hit // by literal of page
	anyways []hit   // whatever the event is
	own     []group // groups with columns of their own
	ladders []ladder
	ratios  []ratio
	firsts  []first
	more    bool // there is more than the shared columns
}

// Table is all there is where nothing but the shared columns counts.
func (s *scorer) Table() *sdk.Table {
	if s.width == 0 || s.more {
		return nil
	}
	t := &sdk.Table{A: s.name, B: s.page, Width: s.width, Cells: make([][]sdk.Hit, len(s.pairs))}
	for i, hits := range s.pairs {
		for k := range hits {
			h := &hits[k]
			t.Cells[i] = append(t.Cells[i], sdk.Hit{Line: h.line.Line, When: h.where, Always: h.always})
		}
	}
	return t
}

// Score awards what the event is worth. Only events count: time is the
// business of decay.
func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	if !in.IsEvent() {
		return nil
	}
	name, page := in.Which(s.name), in.Which(s.page)
	if s.width == 0 {
		s.apart(in, out, name, page)
	} else {
		hits := s.pairs[name*s.width+page]
		for i := range hits {
			if h := &hits[i]; h.always || in.True(h.where) {
				out.Give(&h.line.Line)
			}
		}
	}
	if s.more {
		s.rest(in, out)
	}
	return nil
}

// apart looks at each of the shared columns for itself.
func (s *scorer) apart(in *sdk.Input, out *sdk.Output, name, page int) {
	named, viewed := s.byName[name], s.byPage[page]
	awardAll(in, out, named)
	for i := range viewed {
		if !viewed[i].mixed || !taken(named, viewed[i].group) {
			awardAll(in, out, viewed[i:i+1])
		}
	}
	awardAll(in, out, s.anyways)
}

func awardAll(in *sdk.Input, out *sdk.Output, hits []hit) {
	for i := range hits {
		if h := &hits[i]; h.always || in.True(h.where) {
			out.Give(&h.line.Line)
		}
	}
}

// rest is what the shared columns do not say.
func (s *scorer) rest(in *sdk.Input, out *sdk.Output) {
	for i := range s.own {
		s.own[i].score(in, out)
	}
	for i := range s.ladders {
		s.ladders[i].score(in, out)
	}
	for i := range s.ratios {
		s.ratios[i].score(in, out)
	}
	for i := range s.firsts {
		s.firsts[i].score(in, out)
	}
}

// taken says that a group has reached a line already.
func taken(hits []hit, group int) bool {
	for i := range hits {
		if hits[i].group == group {
			return true
		}
	}
	return false
}

func award(out *sdk.Output, l *line) { out.Give(&l.Line) }

// score looks at the columns that belong to this group alone.
func (g *group) score(in *sdk.Input, out *sdk.Output) {
	if g.hasWhere && !in.True(g.where) {
		return
	}
	if hit, _ := in.Enum(g.events); hit > 0 {
		award(out, &g.onEvent[hit-1])
		return
	}
	if hit, _ := in.Enum(g.pages); hit > 0 {
		award(out, &g.onPage[hit-1])
	}
}

func (l *ladder) score(in *sdk.Input, out *sdk.Output) {
	n, known := l.count(in)
	if !known || n < l.steps[0].least || (l.hasWhere && !in.True(l.where)) {
		return
	}
	for i := range l.steps {
		if n < l.steps[i].least {
			return
		}
		award(out, &l.steps[i].line)
	}
}

// count is the number that the ladder looks at.
func (l *ladder) count(in *sdk.Input) (n float64, known bool) {
	if l.counts == nil {
		return in.Number(l.of)
	}
	for _, c := range l.counts {
		v, ok := in.Count(c)
		known = known || ok
		if l.each {
			v = min(v, 1)
		}
		n += float64(v)
	}
	return n, known
}

func (r *ratio) score(in *sdk.Input, out *sdk.Output) {
	of, okOf := in.Number(r.of)
	over, okOver := in.Number(r.over)
	if !okOf || !okOver || over < r.min || over <= 0 || of*1e6 < r.least*over || (r.hasWhere && !in.True(r.where)) {
		return
	}
	award(out, &r.line)
}

// score looks at events that the counter takes: after it the count is 1.
func (f *first) score(in *sdk.Input, out *sdk.Output) {
	n, known := in.Count(f.seen)
	if !known || n != 1 || (f.hasWhere && !in.True(f.where)) {
		return
	}
	kind, _ := in.Enum(f.kind)
	event, _ := in.Enum(f.event)
	page, _ := in.Enum(f.page)
	if kind+event+page > 0 {
		award(out, &f.line)
	}
}
