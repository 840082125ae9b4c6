package model

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/workflow"
)

// named is a name with its id.
type named struct {
	id   uint32
	name string
}

func words(list []string, id func(string) uint32) (out []named) {
	for _, w := range list {
		out = append(out, named{id(w), w})
	}
	return out
}

// ids refuses two names of one kind with the same id: accounts are kept by
// ids. With 32 bits that happens once in a while, and a new name helps.
func (b *builder) ids() {
	check := func(kind string, list []named) {
		seen := map[uint32]string{}
		for _, n := range list {
			if other, ok := seen[n.id]; ok {
				b.errorf(b.def.Range, "Names collide", "The %ss %q and %q have the same id; rename one of them.", kind, other, n.name)
			}
			seen[n.id] = n.name
		}
	}
	var scores, rules, classes, counters, steps, routes, peaks []named
	for i := range b.book.Scores {
		scores = append(scores, named{b.book.Scores[i].ID, b.book.Scores[i].Name})
	}
	for i := range b.book.Rules {
		rules = append(rules, named{b.book.Rules[i].ID, b.book.Rules[i].Step + "/" + b.book.Rules[i].Name})
	}
	for i := range b.book.Classes {
		classes = append(classes, named{b.book.Classes[i].ID, b.book.Classes[i].Step + "/" + b.book.Classes[i].Name})
	}
	for i := range b.book.Counters {
		counters = append(counters, named{b.book.Counters[i].ID, b.book.Counters[i].Name})
	}
	for i := range b.book.Steps {
		steps = append(steps, named{b.book.Steps[i].ID, b.book.Steps[i].Name})
	}
	for _, r := range b.routes.list {
		routes = append(routes, named{r.out.ID, r.of()})
	}
	for i := range b.book.Peaks {
		peaks = append(peaks, named{b.book.Peaks[i].ID, b.book.Scores[b.book.Peaks[i].Score].Name})
	}
	check("score", scores)
	check("rule", rules)
	check("class", classes)
	check("counter", counters)
	check("step", steps)
	check("route", routes)
	check("peak", peaks)
	for i := range b.book.Steps {
		s := &b.book.Steps[i]
		check("grade", words(s.Grades, ledger.GradeID))
		check("reason", words(s.Reasons, ledger.ReasonID))
		check("flag", words(s.Flags, ledger.FlagID))
	}
}

// of names a route for silences.
func (w *routeWork) of() string { return w.def.Action + "/" + w.def.Name }

func (b *builder) scoreDef(name string) *workflow.Score {
	for i := range b.def.Scores {
		if b.def.Scores[i].Name == name {
			return &b.def.Scores[i]
		}
	}
	return nil
}

func (b *builder) isDerived(name string) bool {
	s := b.scoreDef(name)
	return s != nil && s.Value != nil
}

// whenRange is where a route's condition is written.
func (w *routeWork) whenRange() hcl.Range { return place(w.def.WhenRng, w.def.Range) }
