package expr

import (
	"math"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// propLimit compares a property of the event with a number that is written
// out: what conditions of steps mostly do, so it is one closure, and what it
// computes depends on no branch that the values decide.
func propLimit(name, op string, limit float64) ledger.Cond {
	if math.IsInf(limit, 0) {
		return func(*ledger.Frame) lead.Tri { return lead.Unknown }
	}
	test := holds(op)
	answers := [4]lead.Tri{lead.TriOf(test(0)), lead.TriOf(test(-1)), lead.TriOf(test(1))}
	return func(f *ledger.Frame) lead.Tri {
		if f.Event == nil {
			return lead.Unknown
		}
		v := propOf(f.Event.Props, name)
		if v == nil {
			return lead.Unknown
		}
		x := v.Num
		if v.Kind != lead.Number {
			var ok bool
			if x, ok = NumberOf(*v); !ok {
				return lead.Unknown
			}
		}
		below, above := 0, 0
		if x < limit {
			below = 1
		}
		if x > limit {
			above = 2
		}
		return answers[below+above]
	}
}

// propOf is Props.Get without the copy; nil: there is none.
func propOf(p lead.Props, name string) *lead.Value {
	const few = 8
	if len(p) > few {
		return manyPropOf(p, name)
	}
	for i := range p {
		if p[i].Name == name {
			return &p[i].Value
		}
	}
	return nil
}

func manyPropOf(p lead.Props, name string) *lead.Value {
	if v := p.Get(name); v.Kind != lead.Absent {
		return &v
	}
	return nil
}
