package expr

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/match"
)

// holds says whether an order (-1, 0, 1) satisfies an operator.
func holds(op string) func(order int) bool {
	switch op {
	case "==":
		return func(o int) bool { return o == 0 }
	case "!=":
		return func(o int) bool { return o != 0 }
	case "<":
		return func(o int) bool { return o < 0 }
	case "<=":
		return func(o int) bool { return o <= 0 }
	case ">":
		return func(o int) bool { return o > 0 }
	}
	return func(o int) bool { return o >= 0 }
}

// mirrored is the operator with its sides exchanged.
func mirrored(op string) string {
	return strings.NewReplacer("<", ">", ">", "<").Replace(op)
}

func (c *compiler) compare(op string, a, b *node, rng hcl.Range) *node {
	if a.con && !b.con {
		a, b, op = b, a, mirrored(op)
	}
	switch {
	case a.typ == Bool || b.typ == Bool:
		return c.compareBools(op, a, b, rng)
	case a.typ == Points || b.typ == Points:
		return c.comparePoints(op, a, b, rng)
	case a.enum != nil && (b.typ == String || b.typ == Dynamic):
		return c.compareLabel(op, a, b, rng)
	case b.enum != nil && (a.typ == String || a.typ == Dynamic):
		return c.compareLabel(mirrored(op), b, a, rng)
	case a.typ == String || b.typ == String:
		return c.compareStrings(op, a, b, rng)
	case a.typ == Number || b.typ == Number:
		return c.compareNumbers(op, a, b, rng)
	}
	p, q, test := a.dyn, b.dyn, holds(op)
	return boolNode(rng, opaque(compareKey(op, a, b)), func(f *ledger.Frame) lead.Tri {
		order, ok := compareDyn(p(f), q(f))
		if !ok {
			return lead.Unknown
		}
		return lead.TriOf(test(order))
	})
}

func compareKey(op string, a, b *node) string { return fmt.Sprintf("%s %s %s", a.key, op, b.key) }

func (c *compiler) compareBools(op string, a, b *node, rng hcl.Range) *node {
	if op != "==" && op != "!=" {
		return c.errorf(rng, "Conditions have no order", "Conditions are compared with == and != only.")
	}
	a, b = c.asBool(a), c.asBool(b)
	if a == nil || b == nil {
		return nil
	}
	p, q, same := a.tri, b.tri, op == "=="
	eq := func(f *ledger.Frame) lead.Tri {
		x, y := p(f), q(f)
		if x == lead.Unknown || y == lead.Unknown {
			return lead.Unknown
		}
		return lead.TriOf((x == y) == same)
	}
	if a.con && b.con {
		return constBool(rng, eq(nil))
	}
	return boolNode(rng, opaque(compareKey(op, a, b)), eq)
}

func (c *compiler) comparePoints(op string, a, b *node, rng hcl.Range) *node {
	var at *big.Rat
	if b.con && b.rat != nil {
		at = b.rat
		c.threshold(a, b)
	}
	x, y := c.sameDen(c.asPoints(a), c.asPoints(b))
	if x == nil {
		return nil
	}
	p, q, test := x.pts, y.pts, holds(op)
	tri := func(f *ledger.Frame) lead.Tri {
		v, ok := p(f)
		w, okW := q(f)
		if !ok || !okW {
			return lead.Unknown
		}
		return lead.TriOf(test(orderOf(v, w)))
	}
	switch {
	case x.con && y.con:
		return constBool(rng, tri(nil))
	case at != nil:
		return boolNode(rng, rangeForm(a, op, at), tri)
	}
	return boolNode(rng, opaque(compareKey(op, a, b)), tri)
}

// threshold notes that a score is compared with a constant.
func (c *compiler) threshold(a, b *node) {
	if a.score == 0 {
		return
	}
	p, err := lead.PointsFromRat(b.rat)
	if err != nil {
		c.errorf(b.rng, "Threshold is no amount of points", "%s: points have at most three decimals and lie within ±%s.", b.rat.FloatString(6), lead.MaxPoints)
		return
	}
	c.reads.Thresholds = append(c.reads.Thresholds, Threshold{Score: a.score - 1, At: p})
}

func (c *compiler) compareNumbers(op string, a, b *node, rng hcl.Range) *node {
	prop := a.prop
	a, b = c.asNumber(a), c.asNumber(b)
	if a == nil || b == nil {
		return nil
	}
	if a.rat != nil && b.rat != nil {
		return constBool(rng, lead.TriOf(holds(op)(a.rat.Cmp(b.rat))))
	}
	p, q, test := a.num, b.num, holds(op)
	tri := func(f *ledger.Frame) lead.Tri {
		x, ok := p(f)
		y, okY := q(f)
		if !ok || !okY {
			return lead.Unknown
		}
		return lead.TriOf(test(orderOf(x, y)))
	}
	if b.rat != nil {
		limit, finite := q(nil) // most comparisons are with a number that is written out
		if prop != "" {
			return limitNode(rng, rangeForm(a, op, b.rat), propLimit(prop, op, limit))
		}
		return boolNode(rng, rangeForm(a, op, b.rat), func(f *ledger.Frame) lead.Tri {
			x, ok := p(f)
			if !ok || !finite {
				return lead.Unknown
			}
			return lead.TriOf(test(orderOf(x, limit)))
		})
	}
	return boolNode(rng, opaque(compareKey(op, a, b)), tri)
}

func (c *compiler) compareStrings(op string, a, b *node, rng hcl.Range) *node {
	lit, isLit := b.text()
	if a.typ == Dynamic && isLit && (op == "==" || op == "!=") {
		return c.equalsLiteral(op, a, lit, rng)
	}
	x, y := c.asString(a), c.asString(b)
	if x == nil || y == nil {
		return nil
	}
	p, q, test := x.str, y.str, holds(op)
	tri := func(f *ledger.Frame) lead.Tri {
		v, ok := p(f)
		w, okW := q(f)
		if !ok || !okW {
			return lead.Unknown
		}
		return lead.TriOf(test(strings.Compare(v, w)))
	}
	if x.con && y.con {
		return constBool(rng, tri(nil))
	}
	return boolNode(rng, opaque(compareKey(op, a, b)), tri)
}

// equalsLiteral compares a property with a text; a number is compared with
// the number that prints as the text, so nothing is printed per event.
func (c *compiler) equalsLiteral(op string, a *node, lit string, rng hcl.Range) *node {
	dyn, same := a.dyn, op == "=="
	num, err := strconv.ParseFloat(lit, 64)
	isNum := err == nil && lead.NumberOf(num).Text() == lit
	key := compareKey("==", a, constString(rng, lit))
	form := opaque(key)
	if !same {
		form = notForm(form)
	}
	return boolNode(rng, form, func(f *ledger.Frame) lead.Tri {
		v := dyn(f)
		switch v.Kind {
		case lead.String:
			return lead.TriOf((v.Str == lit) == same)
		case lead.Number:
			return lead.TriOf((isNum && v.Num == num) == same)
		case lead.Bool:
			return lead.TriOf((v.Text() == lit) == same)
		}
		return lead.Unknown
	})
}

// compareLabel compares a grade or a reason.
func (c *compiler) compareLabel(op string, a, b *node, rng hcl.Range) *node {
	if op != "==" && op != "!=" {
		return c.errorf(rng, "Labels have no order", "The %s is compared with == and !=, or with oneof(x, \"A\", \"B\").", a.enum.what)
	}
	lit, isLit := b.text()
	if !isLit {
		plain := *a
		plain.enum = nil
		return c.compareStrings(op, &plain, b, rng)
	}
	return c.inLabels(a, []string{lit}, []hcl.Range{b.rng}, op == "!=", rng)
}

// inLabels tests a label against some of its values, by position.
func (c *compiler) inLabels(a *node, texts []string, ranges []hcl.Range, negate bool, rng hcl.Range) *node {
	want := make([]bool, len(a.enum.labels)+1)
	for i, t := range texts {
		at := match.NewSet(a.enum.labels, false).Find(t)
		if at < 0 {
			return c.errorf(ranges[i], "Unknown label", "The %s is never %q.%s It is one of %s.", a.enum.what, t, Suggest(t, a.enum.labels), OneOf(a.enum.labels))
		}
		want[at+1] = true
	}
	form, at := labelForm(a, texts), a.enum.at
	if negate {
		form = notForm(form)
	}
	return boolNode(rng, form, func(f *ledger.Frame) lead.Tri {
		i := at(f)
		if i <= 0 || i >= len(want) {
			return lead.Unknown
		}
		return lead.TriOf(want[i] != negate)
	})
}
