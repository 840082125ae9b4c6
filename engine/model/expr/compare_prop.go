package expr

import (
	"math"
	"sort"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Bits is a condition in the form in which plugins get it: 1 or 0, unless it is
// unknown. It is a projector, hence the text, which it has none of.
type Bits func(f *ledger.Frame) (bit uint64, text string, known bool)

func (b Bits) tri(f *ledger.Frame) lead.Tri {
	bit, _, known := b(f)
	if !known {
		return lead.Unknown
	}
	return lead.TriOf(bit != 0)
}

// propLimit compares a property of the event with a number that is written
// out. Conditions of steps mostly do that, so it is one closure, and what it
// computes depends on no branch that the values decide.
func propLimit(name, op string, limit float64) Bits {
	if math.IsInf(limit, 0) {
		return func(*ledger.Frame) (uint64, string, bool) { return 0, "", false }
	}
	test := holds(op)
	var answers [4]uint64 // equal, below, above
	for i, order := range []int{0, -1, 1} {
		if test(order) {
			answers[i] = 1
		}
	}
	// Most names have 4 to 8 letters, which two words hold; that saves a call.
	size, short := len(name), len(name) >= 4 && len(name) <= 8
	var head, tail uint32
	if short {
		head, tail = word(name), word(name[size-4:])
	}
	return func(f *ledger.Frame) (uint64, string, bool) {
		if f.Event == nil {
			return 0, "", false
		}
		props := f.Event.Props
		var v *lead.Value
		if len(props) <= fewProps {
			for i := range props { // Props.Get without the copy
				if s := props[i].Name; len(s) == size && (short && word(s) == head && word(s[size-4:]) == tail || !short && s == name) {
					v = &props[i].Value
					break
				}
			}
		} else if i := sort.Search(len(props), func(i int) bool { return props[i].Name >= name }); i < len(props) && props[i].Name == name {
			v = &props[i].Value
		}
		if v == nil {
			return 0, "", false
		}
		x := v.Num
		if v.Kind != lead.Number {
			var ok bool
			if x, ok = NumberOf(*v); !ok {
				return 0, "", false
			}
		}
		below, above := 0, 0
		if x < limit {
			below = 1
		}
		if x > limit {
			above = 2
		}
		return answers[below+above], "", true
	}
}

// fewProps is how many properties are looked through one by one.
const fewProps = 8

// word is the first four bytes of a text.
func word(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// limitNode is the condition that such a comparison is.
func limitNode(rng hcl.Range, form *Form, bits Bits) *node {
	n := boolNode(rng, form, bits.tri)
	n.bits = bits
	return n
}
