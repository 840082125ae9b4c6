package model

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/model/expr"
)

// lint looks for workflows that are well-formed and yet not what anybody
// means. Every finding can be silenced by the name of its lint.
func (b *builder) lint() {
	b.lintRoutes()
	b.lintLabels()
	b.lintTable()
	b.lintHands()
	b.lintGrowth()
}

// branch is a route or a label as the lints see it: the first true one wins.
type branch struct {
	name, of string
	form     *expr.Form // nil = always
	rng      hcl.Range
	// wins says that nothing but an earlier branch keeps this one from being
	// taken when it is true; over is a further restriction by the later branch.
	wins bool
	over func(later *branch) bool
	// action of a route.
	action string
}

func (b *builder) lintRoutes() {
	var list []*branch
	for _, w := range b.routes.list {
		if w.def.OnFall {
			continue // fires beside the others
		}
		br := &branch{name: "route", of: w.of(), rng: w.whenRange(), wins: true, action: w.def.Action}
		if w.when != nil {
			br.form = w.when.Form
		}
		br.over = func(later *branch) bool { return b.vetoesAlike(br.action, later.action) }
		list = append(list, br)
	}
	b.branches(list, hcl.DiagError)
}

// vetoesAlike says that whatever forbids the first action forbids the second.
func (b *builder) vetoesAlike(first, second string) bool {
	for i := range b.routes.policy.Vetoes {
		if a := b.routes.policy.Vetoes[i].Actions; slices.Contains(a, first) && !slices.Contains(a, second) {
			return false
		}
	}
	return true
}

func (b *builder) lintLabels() {
	var list []*branch
	for _, w := range b.routes.labels {
		br := &branch{name: "label", of: "label/" + w.def.Name, rng: place(w.def.WhenRng, w.def.Range), wins: true, over: func(*branch) bool { return true }}
		if w.when != nil {
			br.form = w.when.Form
		}
		list = append(list, br)
	}
	b.branches(list, hcl.DiagWarning)
}

// branches reports those that are never true, and those whose every case an
// earlier one takes.
func (b *builder) branches(list []*branch, severity hcl.DiagnosticSeverity) {
	for i, br := range list {
		if br.form == nil {
			continue // a default may be unreachable: it is required
		}
		if b.impossible(br) {
			b.find(hcl.DiagWarning, lintNever, br.of, br.rng, "Condition is never true", "No lead can make this %s true.", br.name)
			continue
		}
		var before []*branch
		for _, e := range list[:i] {
			if e.over(br) {
				before = append(before, e)
			}
		}
		if taker := b.takenBy(br, before); taker != "" {
			b.find(severity, lintUnreachable, br.of, br.rng, "Unreachable "+br.name, "Whenever this is true, %s before it is true, and the first one wins.", taker)
		}
	}
}

func (b *builder) impossible(br *branch) bool {
	s, ok := newSpace(b.book, []*expr.Form{br.form})
	if !ok {
		return false
	}
	possible := false
	s.each(func(at []cell) bool {
		possible = s.value(br.form, at) == lead.True
		return !possible
	})
	return !possible
}

// takenBy names what takes every case of a branch; empty if some case is left.
func (b *builder) takenBy(br *branch, before []*branch) string {
	for _, e := range before {
		if b.covers([]*branch{e}, br) {
			return e.name + " " + e.of
		}
	}
	if len(before) > 1 && b.covers(before, br) {
		return "one of those"
	}
	return ""
}

func (b *builder) covers(before []*branch, br *branch) bool {
	forms := []*expr.Form{br.form}
	for _, e := range before {
		if e.form == nil {
			return true
		}
		forms = append(forms, e.form)
	}
	s, ok := newSpace(b.book, forms)
	if !ok {
		return false
	}
	covered := true
	s.each(func(at []cell) bool {
		if s.value(br.form, at) == lead.True {
			covered = slices.ContainsFunc(forms[1:], func(f *expr.Form) bool { return s.value(f, at) == lead.True })
		}
		return covered
	})
	return covered
}
