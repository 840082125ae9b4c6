package lint

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/model/expr"
)

// branches reports those that are never true, and those whose every case an
// earlier one takes. Routes on the fall are left out: they fire beside the
// others.
func (l *linter) branches(all []*Branch, kind string, severity hcl.DiagnosticSeverity) {
	for i, br := range all {
		if br.Always() || br.Fall {
			continue // a default may be unreachable: it is required
		}
		if l.impossible(br) {
			l.dead[br] = true
			l.find(hcl.DiagWarning, Never, br.Of, br.Range, "Condition is never true", "No lead can make this %s true.", kind)
			continue
		}
		var before []*Branch
		for _, e := range all[:i] {
			if !e.Fall && l.vetoedAlike(e.Action, br.Action) {
				before = append(before, e)
			}
		}
		if taker := l.takenBy(br, before); taker != "" {
			l.dead[br] = true
			l.find(severity, Unreachable, br.Of, br.Range, "Unreachable "+kind, "Whenever this is true, %s before it is true, and the first one wins.", taker)
		}
	}
}

// vetoedAlike says that whatever forbids the first action forbids the second:
// a vetoed route leaves its leads to the next.
func (l *linter) vetoedAlike(first, second string) bool {
	return !slices.ContainsFunc(l.Vetoes, func(actions []string) bool {
		return slices.Contains(actions, first) && !slices.Contains(actions, second)
	})
}

func (l *linter) impossible(br *Branch) bool {
	s, ok := l.newSpace([]*expr.Form{br.Form})
	if !ok {
		return false
	}
	possible := false
	known := s.each(func(at []cell) bool {
		possible = s.value(br.Form, at) == lead.True
		return !possible
	})
	return known && !possible
}

// takenBy names what takes every case of a branch; empty if some case is left.
func (l *linter) takenBy(br *Branch, before []*Branch) string {
	for _, e := range before {
		if l.covers([]*Branch{e}, br) {
			return e.Of
		}
	}
	if len(before) > 1 && l.covers(before, br) {
		return "one of those"
	}
	return ""
}

func (l *linter) covers(before []*Branch, br *Branch) bool {
	forms := []*expr.Form{br.Form}
	for _, e := range before {
		if e.Always() {
			return true
		}
		forms = append(forms, e.Form)
	}
	s, ok := l.newSpace(forms)
	if !ok {
		return false
	}
	covered := true
	known := s.each(func(at []cell) bool {
		if s.value(br.Form, at) == lead.True {
			covered = slices.ContainsFunc(forms[1:], func(f *expr.Form) bool { return s.value(f, at) == lead.True })
		}
		return covered
	})
	return known && covered
}
