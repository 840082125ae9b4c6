package model

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/sdk/abi"
)

// lintGrowth looks for points without end: rules that award at every event,
// with no cap of their own, of their class or of their score, and no decay on
// them. Hand-raises may: routes do not wait for their points. One finding for
// each step and score.
func (b *builder) lintGrowth() {
	for _, w := range b.work {
		type growth struct {
			classes []string
			node    uint32
		}
		byScore := make([]growth, len(b.book.Scores))
		for i := range w.needs.Rules {
			need, at := &w.needs.Rules[i], w.spec.Rules[i]
			if need.Step != "" || at < 0 || !b.endless(need, at) {
				continue
			}
			name := need.Class
			if name == "" {
				name = need.Name
			}
			g := &byScore[b.book.Rules[at].Score]
			if len(g.classes) == 0 {
				g.node = need.Node
			}
			if !slices.Contains(g.classes, name) {
				g.classes = append(g.classes, name)
			}
		}
		for score, g := range byScore {
			if len(g.classes) == 0 {
				continue
			}
			b.find(hcl.DiagWarning, lintGrowth, w.def.Name, w.config.rangeOf(g.node), "Points without end",
				"Every event of %s adds points to %q for ever: there is no cap, no limit per window, no \"once\" and no decay.", expr.OneOf(g.classes), b.book.Scores[score].Name)
		}
	}
}

func (b *builder) endless(need *abi.Rule, at int) bool {
	r := &b.book.Rules[at]
	switch {
	case need.Scope != abi.ScopeEvery, need.Max <= 0, need.Passive, need.MaxN > 0, need.Cap > 0, b.book.Scores[r.Score].Cap > 0:
		return false
	case r.Class >= 0 && (b.book.Classes[r.Class].Cap > 0 || b.book.Classes[r.Class].Hand):
		return false
	case need.Account, !need.Activity:
		return false // facts replace their own lines
	}
	return !b.decays(at)
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
