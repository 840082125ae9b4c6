package main

import "github.com/ripenhq/ripen/sdk"

// line is one rule of the ledger with what it takes.
type line struct {
	rule  sdk.RuleID
	milli int64
	label sdk.Text
}

// trigger is what sets a block off: an event's name or a page, under a
// condition.
type trigger struct {
	event, page sdk.Enum
	where       sdk.Bool
	hasWhere    bool
}

func (t *trigger) hit(in *sdk.Input) bool {
	event, _ := in.Enum(t.event)
	page, _ := in.Enum(t.page)
	return event+page > 0 && (!t.hasWhere || in.True(t.where))
}

// scorer is the configured plugin. Its memos are scratch: they are read from
// and written to the state of the lead in hand.
type scorer struct {
	event, page     sdk.Enum
	onEvent, onPage []line // by literal
	reversals       []reversal
	stops           []stop
	facts           []fact
	ignores         []ignored
	idles           []idle
	names           []uint32 // of the memos
	memos           memos
}

// Score runs every block over one input; blocks know nothing of each other.
func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	s.memos.load(s.names, in.State())
	if in.IsEvent() {
		s.lines(in, out)
		for i := range s.reversals {
			s.reversals[i].score(in, out)
		}
	}
	for i := range s.stops {
		s.stops[i].score(in, out, &s.memos)
	}
	for i := range s.facts {
		s.facts[i].score(in, out, &s.memos)
	}
	for i := range s.ignores {
		s.ignores[i].score(in, out, &s.memos)
	}
	for i := range s.idles {
		s.idles[i].score(in, out, &s.memos)
	}
	if !in.IsProbe() {
		s.memos.save(in, out)
	}
	return nil
}

func (s *scorer) lines(in *sdk.Input, out *sdk.Output) {
	if hit, _ := in.Enum(s.event); hit > 0 {
		l := &s.onEvent[hit-1]
		out.AwardFor(l.rule, l.milli, l.label)
	}
	if hit, _ := in.Enum(s.page); hit > 0 {
		l := &s.onPage[hit-1]
		out.AwardFor(l.rule, l.milli, l.label)
	}
}

// reversal takes back what rules of other steps have awarded.
type reversal struct {
	trigger trigger
	of      []sdk.RuleID
	instead bool // line is what it takes if there was nothing to take back
	line    line
}

func (r *reversal) score(in *sdk.Input, out *sdk.Output) {
	if !r.trigger.hit(in) {
		return
	}
	for _, rule := range r.of {
		out.Void(rule)
	}
	if r.instead {
		out.AwardElse(r.line.rule, r.line.milli)
	}
}

// stop is a flag that an event raises and another lowers: memo n is 1 while it
// is up. Raising it takes the points.
type stop struct {
	memo  int
	raise trigger
	lower sdk.Enum
	flag  sdk.Flag
	takes bool
	line  line
}

func (s *stop) score(in *sdk.Input, out *sdk.Output, m *memos) {
	v := &m.list[s.memo]
	if in.IsEvent() {
		lower, _ := in.Enum(s.lower)
		switch {
		case s.raise.hit(in):
			if v.n == 0 && s.takes {
				out.Award(s.line.rule, s.line.milli)
			}
			v.n = 1
		case lower > 0:
			v.n = 0
		}
	}
	out.Flag(s.flag, v.n == 1)
}

// fact is a line that stands while a condition holds: memo n is 1 while it
// does. Unknown changes nothing.
type fact struct {
	memo    int
	when    sdk.Bool
	domains [3]sdk.Enum // any literal of any of them
	line    line
}

func (f *fact) score(in *sdk.Input, out *sdk.Output, m *memos) {
	holds, known := in.Bool(f.when)
	for _, d := range f.domains {
		hit, ok := in.Enum(d)
		known, holds = known || ok, holds || hit > 0
	}
	v := &m.list[f.memo]
	switch {
	case !known || in.IsProbe():
	case holds && v.n == 0:
		v.n = 1
		out.Replace(f.line.rule, f.line.milli, f.line.label)
	case !holds && v.n == 1:
		v.n = 0
		out.Replace(f.line.rule, 0, f.line.label)
	}
}
