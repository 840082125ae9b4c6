package model

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/model/lint"
	"github.com/ripenhq/ripen/engine/workflow"
)

// scores enters the scores into the book: those with buckets first, then the
// derived ones, each after its parts. A step's own score exists if a rule
// awards to it or a block declares it.
func (b *builder) scores() {
	awarded := b.awarded()
	var derived []*workflow.Score
	for i := range b.def.Scores {
		s := &b.def.Scores[i]
		if s.Value != nil {
			derived = append(derived, s)
			continue
		}
		if !awarded[s.Name] && !s.Declared {
			continue
		}
		b.scoreName(s)
		if !awarded[s.Name] {
			b.find(hcl.DiagWarning, lint.Never, s.Name, place(s.NameRange, s.Range), "Score without points", "No rule of any step gives points to %q.", s.Name)
		}
		b.book.Scores = append(b.book.Scores, newScore(s))
	}
	for i := range b.def.Steps { // of definitions that were not merged by Load
		name := b.def.Steps[i].Name
		if awarded[name] && b.scoreAt(name) < 0 && !slices.ContainsFunc(b.def.Scores, func(s workflow.Score) bool { return s.Name == name }) {
			b.book.Scores = append(b.book.Scores, newScore(&workflow.Score{Name: name}))
		}
	}
	for _, s := range b.order(derived) {
		b.scoreName(s)
		if awarded[s.Name] {
			b.errorf(s.Range, "Derived score with rules", "%q is computed from other scores, so no step can give it points.", s.Name)
		}
		b.book.Scores = append(b.book.Scores, newScore(s))
	}
}

// awarded are the names of the scores that rules give points to.
func (b *builder) awarded() map[string]bool {
	names := map[string]bool{}
	for _, w := range b.all() {
		for i := range w.needs.Rules {
			if r := &w.needs.Rules[i]; r.Step == "" {
				names[w.scoreOf(r.Score)] = true
			}
		}
	}
	return names
}

func (w *stepWork) scoreOf(name string) string {
	if name == "" {
		return w.def.Name
	}
	return name
}

func (b *builder) scoreName(s *workflow.Score) {
	if expr.Reserved(s.Name) {
		b.errorf(place(s.NameRange, s.Range), "Name is taken", "%q is a name of the language; call the score something else.", s.Name)
	}
}

func newScore(s *workflow.Score) ledger.Score {
	out := ledger.Score{Name: s.Name, ID: ledger.Hash("score", s.Name), About: s.About}
	if s.Cap != nil {
		out.Cap = *s.Cap
	}
	if s.Floor != nil {
		out.Floor, out.HasFloor = *s.Floor, true
	}
	if s.Scale != nil {
		out.Scale, out.Min, out.Max, out.RawMax = ledger.ScaleClamp, s.Scale.Min, s.Scale.Max, s.Scale.RawMax
		if s.Scale.Normalise {
			out.Scale = ledger.ScaleNormalise
		}
	}
	return out
}

func (b *builder) scoreAt(name string) int {
	return slices.IndexFunc(b.book.Scores, func(s ledger.Score) bool { return s.Name == name })
}

func (b *builder) scoreNames() (names []string) {
	for i := range b.book.Scores {
		names = append(names, b.book.Scores[i].Name)
	}
	return names
}

// order sorts derived scores so that each comes after those that it reads.
func (b *builder) order(list []*workflow.Score) (sorted []*workflow.Score) {
	byName := map[string]*workflow.Score{}
	for _, s := range list {
		byName[s.Name] = s
	}
	done := map[string]bool{}
	var visit func(s *workflow.Score, path []string)
	visit = func(s *workflow.Score, path []string) {
		if done[s.Name] {
			return
		}
		if at := slices.Index(path, s.Name); at >= 0 {
			b.errorf(s.Value.Range(), "Scores in a circle", "%s → %s are computed from each other.", strings.Join(path[at:], " → "), s.Name)
			done[s.Name] = true
			return
		}
		for _, v := range s.Value.Variables() {
			if part := byName[v.RootName()]; part != nil {
				visit(part, append(slices.Clone(path), s.Name))
			}
		}
		if !done[s.Name] {
			done[s.Name] = true
			sorted = append(sorted, s)
		}
	}
	for _, s := range list {
		visit(s, nil)
	}
	return sorted
}

// derive compiles the derived scores, once all classes and counters are known.
func (b *builder) derive() {
	for i := range b.def.Scores {
		s := &b.def.Scores[i]
		if s.Value == nil {
			continue
		}
		scope := b.scope("a derived score", expr.InDerived, len(b.book.Steps))
		x, diags := scope.Compile(s.Value, expr.Points)
		b.diags = append(b.diags, diags...)
		if x == nil {
			continue
		}
		value := x.Points
		score := &b.book.Scores[b.scoreAt(s.Name)]
		score.Parts = x.Reads.Scores
		// Unknown (a trait that is missing) is 0 here: a score is never null.
		score.Derive = func(f *ledger.Frame) lead.Points {
			p, ok := value(f)
			if !ok {
				return 0
			}
			return p
		}
		b.thresholds(&x.Reads)
	}
}

func (b *builder) scope(what string, allow expr.Allow, steps int) *expr.Scope {
	return &expr.Scope{Book: b.book, Tables: b.tables, Place: what, Allow: allow, Steps: steps}
}

// thresholds notes the constants that scores are compared with.
func (b *builder) thresholds(r *expr.Reads) {
	for _, t := range r.Thresholds {
		s := &b.book.Scores[t.Score]
		if !slices.Contains(s.Thresholds, t.At) {
			s.Thresholds = append(s.Thresholds, t.At)
			slices.Sort(s.Thresholds)
		}
	}
}
