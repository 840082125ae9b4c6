package model

import (
	"slices"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/sdk/abi"
)

// lintGrowth looks for points without end: rules that award at every event,
// with no cap of their own, of their class or of their score, and no decay on
// them. One finding for each class, or rule without a class.
func (b *builder) lintGrowth() {
	seen := map[string]bool{}
	for _, w := range b.work {
		for i := range w.needs.Rules {
			need := &w.needs.Rules[i]
			at := w.spec.Rules[i]
			if need.Step != "" || at < 0 || !b.endless(need, at) {
				continue
			}
			r := &b.book.Rules[at]
			name, kind := need.Class, "class"
			if name == "" {
				name, kind = need.Name, "rule"
			}
			of := w.def.Name + "/" + name
			if seen[of] {
				continue
			}
			seen[of] = true
			b.find(hcl.DiagWarning, lintGrowth, of, w.config.rangeOf(need.Node), "Points without end",
				"Every event of %s %q adds points to %q for ever: it has no cap, no limit per window and no decay.", kind, name, b.book.Scores[r.Score].Name)
		}
	}
}

func (b *builder) endless(need *abi.Rule, at int) bool {
	r := &b.book.Rules[at]
	switch {
	case need.Scope != abi.ScopeEvery, need.Max <= 0, need.Passive, need.MaxN > 0, need.Cap > 0, b.book.Scores[r.Score].Cap > 0:
		return false
	case r.Class >= 0 && b.book.Classes[r.Class].Cap > 0:
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
