package model

import (
	"slices"

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
