package model

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/model/match"
	"github.com/ripenhq/ripen/sdk/abi"
)

// counters enters the workflow's counters into the book, then those that
// plugins ask for, under "step/name".
func (b *builder) counters() {
	for i := range b.def.Counters {
		c := &b.def.Counters[i]
		if !b.wholeSteps(c.Window) {
			b.errorf(c.Range, "Window does not fit", "The window of counter %q is no multiple of the age step.", c.Name)
			continue
		}
		where := b.where(c.Where, nil)
		b.addCounter(c.Name, c.Window, c.Distinct, matchEvent(c.Events, c.Pages, where))
	}
	for _, w := range b.work {
		for i := range w.needs.Counters {
			c := &w.needs.Counters[i]
			var where ledger.Cond
			if c.Where > 0 {
				where = b.where(w.config.exprs[c.Where-1], w.config.lets)
			}
			b.addCounter(w.def.Name+"/"+c.Name, c.Window, c.Distinct, matchEvent(c.Events, c.Paths, where))
		}
	}
}

// where compiles the condition of a counter, nil if it has none.
func (b *builder) where(e hcl.Expression, lets map[string]hcl.Expression) ledger.Cond {
	if e == nil {
		return nil
	}
	scope := b.scope("the condition of a counter", expr.InCounter, 0)
	scope.NoCounters, scope.Lets = true, lets
	x, diags := scope.Compile(e, expr.Bool)
	b.diags = append(b.diags, diags...)
	if x == nil {
		return nil
	}
	return x.Cond
}

func (b *builder) addCounter(name string, window int64, distinct string, match func(*ledger.Frame) bool) {
	def := ledger.CounterDef{ID: ledger.Hash("counter", name), Name: name, Window: window, Match: match}
	if distinct != "" {
		def.Distinct = func(f *ledger.Frame) (string, bool) {
			v := f.Event.Props.Get(distinct)
			return v.Text(), v.Kind != lead.Absent
		}
	}
	b.book.Counters = append(b.book.Counters, def)
}

// matchEvent says whether an event counts: one of the names or one of the
// pages fits (any track, page or screen if there are neither), and the
// condition is true.
func matchEvent(events, pages []string, where ledger.Cond) func(*ledger.Frame) bool {
	names, paths := match.NewClassifier(globs(events)), match.NewClassifier(globs(pages))
	anything := len(events) == 0 && len(pages) == 0
	return func(f *ledger.Frame) bool {
		e := f.Event
		if e == nil || (e.Kind != lead.Track && e.Kind != lead.Page && e.Kind != lead.Screen) {
			return false
		}
		fits := anything || (e.Name != "" && names.Find(e.Name) > 0) || (e.Path != "" && paths.Find(e.Path) > 0)
		return fits && (where == nil || where(f) == lead.True)
	}
}

func globs(patterns []string) (list []abi.Literal) {
	for _, p := range patterns {
		list = append(list, abi.Literal{Text: p, Glob: true})
	}
	return list
}

// counterIndex finds a counter: the step's own first, then the workflow's.
func (b *builder) counterIndex(w *stepWork, name string) int {
	at := -1
	for i := range b.book.Counters {
		switch b.book.Counters[i].Name {
		case w.def.Name + "/" + name:
			return i
		case name:
			at = i
		}
	}
	return at
}
