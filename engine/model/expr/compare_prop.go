package expr

import (
	"math"
	"sort"

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
		var v *lead.Value
		if props := f.Event.Props; len(props) <= fewProps {
			for i := range props { // Props.Get without the copy
				if props[i].Name == name {
					v = &props[i].Value
					break
				}
			}
		} else if i := sort.Search(len(props), func(i int) bool { return props[i].Name >= name }); i < len(props) && props[i].Name == name {
			v = &props[i].Value
		}
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

// fewProps is how many properties are looked through one by one.
const fewProps = 8
