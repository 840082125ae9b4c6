package model

import (
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/model/lint"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// adjusted is the name of the host's own rule, one for each score that has
// buckets: corrections by hand (Score Adjusted).
const adjusted = "adjusted"

// rules enters the rules and classes into the book and gives every step its
// part of them.
func (b *builder) rules() {
	for _, w := range b.all() {
		w.spec = &step.Spec{}
		for i := range w.needs.Rules {
			at := -1
			if r := &w.needs.Rules[i]; r.Step == "" {
				at = b.rule(w, r)
			}
			w.spec.Rules = append(w.spec.Rules, at)
		}
	}
	for i := range b.book.Scores {
		if s := &b.book.Scores[i]; b.scoreDef(s.Name) == nil || b.scoreDef(s.Name).Value == nil {
			b.book.Rules = append(b.book.Rules, ledger.Rule{
				ID: ledger.Hash("rule", "", adjusted, s.Name), Score: i, Class: -1, Name: adjusted, Manual: true, Template: "adjusted by hand",
			})
			b.facts = append(b.facts, lint.RuleFacts{})
		}
	}
	for _, w := range b.all() {
		b.foreign(w)
		b.views(w)
		b.book.Voidable = b.book.Voidable || w.info.Caps&abi.CapVoid != 0
	}
}

// rule enters one rule; the rule of a fallback is that of its step.
func (b *builder) rule(w *stepWork, r *abi.Rule) int {
	score := b.scoreAt(w.scoreOf(r.Score))
	if score < 0 {
		names := b.scoreNames()
		b.errorf(w.config.rangeOf(r.Node), "Unknown score", "There is no score %q.%s The scores are: %s.", r.Score, expr.Suggest(r.Score, names), expr.OneOf(names))
		return -1
	}
	rule := ledger.Rule{
		ID: ledger.Hash("rule", w.def.Name, r.Name), Score: score, Class: b.class(w, r), Step: w.def.Name, Name: r.Name, Template: r.Template,
		Once: r.Scope == abi.ScopeOnce, Keys: r.Keys, PerDay: r.PerDay, MaxN: r.MaxN, Window: r.Window, Cap: lead.Points(r.Cap),
		Activity: r.Activity, Account: r.Account,
	}
	at := slices.IndexFunc(b.book.Rules, func(o ledger.Rule) bool { return o.Step == rule.Step && o.Name == rule.Name })
	if at >= 0 {
		if o := &b.book.Rules[at]; o.Score != rule.Score || o.Class != rule.Class {
			b.errorf(w.def.Range, "Fallback does not fit", "Rule %q of the fallback has another score or class than that of %q.", r.Name, w.def.Plugin)
		}
		return at
	}
	b.book.Rules = append(b.book.Rules, rule)
	b.facts = append(b.facts, lint.RuleFacts{Most: lead.Points(r.Max), Endless: endless(r), Range: w.config.rangeOf(r.Node)})
	return len(b.book.Rules) - 1
}

// endless says that a rule adds points at every event, without limit. Rules
// over facts replace their own lines.
func endless(r *abi.Rule) bool {
	return r.Scope == abi.ScopeEvery && r.Max > 0 && r.MaxN == 0 && r.Cap == 0 && !r.Passive && !r.Account && r.Activity
}

// class enters the class of a rule, -1 if it has none.
func (b *builder) class(w *stepWork, r *abi.Rule) int {
	if r.Class == "" {
		return -1
	}
	at := slices.IndexFunc(b.book.Classes, func(c ledger.Class) bool { return c.Step == w.def.Name && c.Name == r.Class })
	if at < 0 {
		at = len(b.book.Classes)
		b.book.Classes = append(b.book.Classes, ledger.Class{ID: ledger.Hash("class", w.def.Name, r.Class), Step: w.def.Name, Name: r.Class})
	}
	c := &b.book.Classes[at]
	c.Top = max(c.Top, lead.Points(r.Max))
	if r.ClassCap != 0 {
		if c.Cap != 0 && c.Cap != lead.Points(r.ClassCap) {
			b.needf(w, r.Node, "class %q with two caps", r.Class)
		}
		c.Cap = lead.Points(r.ClassCap)
	}
	return at
}

// foreign finds the rules of other steps that a plugin may take back.
func (b *builder) foreign(w *stepWork) {
	for i := range w.needs.Rules {
		r := &w.needs.Rules[i]
		if r.Step == "" {
			continue
		}
		var names []string
		for k := range b.book.Rules {
			if o := &b.book.Rules[k]; o.Step == r.Step {
				names = append(names, o.Name)
				if o.Name == r.Name {
					w.spec.Rules[i] = k
				}
			}
		}
		switch {
		case len(names) == 0:
			steps := b.stepNames()
			b.errorf(w.config.rangeOf(r.Node), "Unknown step", "There is no step %q with rules.%s The steps are: %s.", r.Step, expr.Suggest(r.Step, steps), expr.OneOf(steps))
		case w.spec.Rules[i] < 0:
			b.errorf(w.config.rangeOf(r.Node), "Unknown rule", "Step %q has no rule %q.%s Its rules are: %s.", r.Step, r.Name, expr.Suggest(r.Name, names), expr.OneOf(names))
		}
	}
}

func (b *builder) stepNames() (names []string) {
	for i := range b.book.Steps {
		names = append(names, b.book.Steps[i].Name)
	}
	return names
}

// views turns the names of a ledger view into ids, over the rules of all
// steps. Classes and rules may be written with their step: "recent/asked".
func (b *builder) views(w *stepWork) {
	for _, v := range w.needs.Views {
		out := step.RowView{}
		if v.Score != "" {
			at := b.scoreAt(v.Score)
			if at < 0 || b.isDerived(v.Score) {
				names := b.scoreNames()
				b.errorf(w.def.Range, "Unknown score", "Step %q looks at score %q, which has no ledger lines.%s The scores are: %s.", w.def.Name, v.Score, expr.Suggest(v.Score, names), expr.OneOf(names))
				continue
			}
			out.Score = b.book.Scores[at].ID
		}
		if v.Class != "" || v.Rule != "" {
			if out.Rules = b.viewRules(v.Score, v.Class, v.Rule); len(out.Rules) == 0 {
				b.errorf(w.def.Range, "View of nothing", "Step %q looks at %s, and no rule of the workflow is that.", w.def.Name, viewText(v))
				continue
			}
		}
		w.spec.Views = append(w.spec.Views, out)
	}
}

func (b *builder) viewRules(score, class, rule string) (ids []uint32) {
	for i := range b.book.Rules {
		r := &b.book.Rules[i]
		if r.Step == "" || (score != "" && b.book.Scores[r.Score].Name != score) {
			continue
		}
		if rule != "" && rule != r.Name && rule != r.Step+"/"+r.Name {
			continue
		}
		if class != "" && (r.Class < 0 || (class != b.book.Classes[r.Class].Name && class != r.Step+"/"+b.book.Classes[r.Class].Name)) {
			continue
		}
		ids = append(ids, r.ID)
	}
	slices.Sort(ids)
	return ids
}

func viewText(v abi.View) string {
	var parts []string
	for _, p := range [][2]string{{"score", v.Score}, {"class", v.Class}, {"rule", v.Rule}} {
		if p[1] != "" {
			parts = append(parts, p[0]+` "`+p[1]+`"`)
		}
	}
	return strings.Join(parts, ", ")
}
