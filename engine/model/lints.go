package model

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/model/lint"
	"github.com/ripenhq/ripen/sdk/abi"
)

// lint hands the model to the lints.
func (b *builder) lint() {
	in := &lint.Input{Book: b.book, Sales: b.def.Sales, Rules: b.facts}
	for i := range in.Rules {
		in.Rules[i].Endless = in.Rules[i].Endless && !b.decays(i)
	}
	for _, w := range b.routes.list {
		in.Routes = append(in.Routes, &lint.Branch{
			Of: w.of(), Action: w.def.Action, Form: form(w.when), Fall: w.def.OnFall, Range: w.whenRange(), Classes: w.out.Classes,
		})
	}
	for _, w := range b.routes.labels {
		in.Labels = append(in.Labels, &lint.Branch{Of: "label/" + w.def.Name, Form: form(w.when), Range: place(w.def.WhenRng, w.def.Range)})
	}
	for i := range b.routes.policy.Vetoes {
		in.Vetoes = append(in.Vetoes, b.routes.policy.Vetoes[i].Actions)
	}
	b.found = append(b.found, lint.Run(in)...)
	b.hiddenLate()
}

// hiddenLate warns of a step that may hide events and stands behind one that
// gives points for what leads do: that one has seen them by then.
func (b *builder) hiddenLate() {
	for i, w := range b.work {
		if w.info.Caps&abi.CapVoid == 0 {
			continue
		}
		for _, before := range b.work[:i] {
			if slices.ContainsFunc(before.needs.Rules, func(r abi.Rule) bool { return r.Activity }) {
				b.find(hcl.DiagWarning, lint.HiddenLate, w.def.Name, w.def.Range, "Events are hidden too late",
					"%q hides events from the steps behind it, and %q before it has given points for them already. Write it before that step.", w.def.Name, before.def.Name)
				break
			}
		}
	}
}

func form(x *expr.Expr) *expr.Form {
	if x == nil {
		return nil
	}
	return x.Form
}

// decays says that some memoryless step looks at the lines of a rule.
func (b *builder) decays(at int) bool {
	r := &b.book.Rules[at]
	for _, w := range b.work {
		if w.info.Caps&(abi.CapLedger|abi.CapMemoryless) != abi.CapLedger|abi.CapMemoryless {
			continue
		}
		for _, v := range w.spec.Views {
			if (v.Score == 0 || v.Score == b.book.Scores[r.Score].ID) && (v.Rules == nil || slices.Contains(v.Rules, r.ID)) {
				return true
			}
		}
	}
	return false
}
