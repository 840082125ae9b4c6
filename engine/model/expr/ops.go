package expr

import (
	"fmt"
	"math"
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

var signs = map[*hclsyntax.Operation]string{
	hclsyntax.OpLogicalOr: "||", hclsyntax.OpLogicalAnd: "&&",
	hclsyntax.OpEqual: "==", hclsyntax.OpNotEqual: "!=",
	hclsyntax.OpGreaterThan: ">", hclsyntax.OpGreaterThanOrEqual: ">=",
	hclsyntax.OpLessThan: "<", hclsyntax.OpLessThanOrEqual: "<=",
	hclsyntax.OpAdd: "+", hclsyntax.OpSubtract: "-", hclsyntax.OpMultiply: "*", hclsyntax.OpDivide: "/",
}

func (c *compiler) binary(e *hclsyntax.BinaryOpExpr) *node {
	sign, ok := signs[e.Op]
	if !ok {
		return c.errorf(e.SrcRange, "Unsupported operator", "The operators are && || ! == != < <= > >= + - * / and ?:.")
	}
	if isNull(e.LHS) || isNull(e.RHS) {
		return c.errorf(e.SrcRange, "Comparison with null", "A missing value is unknown, not null: %s", nullAdvice(sign))
	}
	a, b := c.walk(e.LHS), c.walk(e.RHS)
	if a == nil || b == nil {
		return nil
	}
	switch sign {
	case "&&", "||":
		return c.logic(sign, a, b, e.SrcRange)
	case "+", "-", "*", "/":
		return c.arithmetic(sign, a, b, e.SrcRange)
	}
	return c.compare(sign, a, b, e.SrcRange)
}

func isNull(e hclsyntax.Expression) bool {
	if p, ok := e.(*hclsyntax.ParenthesesExpr); ok {
		return isNull(p.Expression)
	}
	l, ok := e.(*hclsyntax.LiteralValueExpr)
	return ok && l.Val.IsNull()
}

func nullAdvice(sign string) string {
	if sign == "!=" {
		return "write known(x) instead of x != null."
	}
	return "write unknown(x) instead of x == null."
}

func (c *compiler) logic(sign string, a, b *node, rng hcl.Range) *node {
	a, b = c.asBool(a), c.asBool(b)
	if a == nil || b == nil {
		return nil
	}
	if v, ok := decided(sign, a, b); ok {
		return constBool(rng, v)
	}
	if v, ok := neutral(sign, a, b); ok {
		return v
	}
	p, q := a.tri, b.tri
	if sign == "&&" {
		return boolNode(rng, joinForm(FormAnd, a.form, b.form), func(f *ledger.Frame) lead.Tri {
			v := p(f)
			if v == lead.False {
				return v
			}
			return v.And(q(f))
		})
	}
	return boolNode(rng, joinForm(FormOr, a.form, b.form), func(f *ledger.Frame) lead.Tri {
		v := p(f)
		if v == lead.True {
			return v
		}
		return v.Or(q(f))
	})
}

// decided folds constants: both sides, or the one that decides alone.
func decided(sign string, a, b *node) (lead.Tri, bool) {
	stop := lead.False
	if sign == "||" {
		stop = lead.True
	}
	switch {
	case a.con && a.tri(nil) == stop, b.con && b.tri(nil) == stop:
		return stop, true
	case a.con && b.con && sign == "&&":
		return a.tri(nil).And(b.tri(nil)), true
	case a.con && b.con:
		return a.tri(nil).Or(b.tri(nil)), true
	}
	return lead.Unknown, false
}

// neutral drops a constant side that changes nothing: true && x, false || x.
func neutral(sign string, a, b *node) (*node, bool) {
	idle := lead.True
	if sign == "||" {
		idle = lead.False
	}
	switch {
	case a.con && a.tri(nil) == idle:
		return b, true
	case b.con && b.tri(nil) == idle:
		return a, true
	}
	return nil, false
}

func (c *compiler) unary(e *hclsyntax.UnaryOpExpr) *node {
	n := c.walk(e.Val)
	if n == nil {
		return nil
	}
	switch e.Op {
	case hclsyntax.OpLogicalNot:
		if n = c.asBool(n); n == nil {
			return nil
		}
		tri := n.tri
		if n.con {
			return constBool(e.SrcRange, tri(nil).Not())
		}
		return boolNode(e.SrcRange, notForm(n.form), func(f *ledger.Frame) lead.Tri { return tri(f).Not() })
	case hclsyntax.OpNegate:
		if n.typ == Points {
			return c.timesRat(n, big.NewRat(-1, 1), e.SrcRange, "-"+n.key)
		}
		if n = c.asNumber(n); n == nil {
			return nil
		}
		if n.rat != nil {
			return constNumber(e.SrcRange, new(big.Rat).Neg(n.rat))
		}
		num := n.num
		return numberNode(e.SrcRange, "-"+n.key, func(f *ledger.Frame) (float64, bool) {
			v, ok := num(f)
			return -v, ok
		})
	}
	return c.errorf(e.SrcRange, "Unsupported operator", "The operators before a value are ! and -.")
}

func (c *compiler) arithmetic(sign string, a, b *node, rng hcl.Range) *node {
	if a.typ == Points || b.typ == Points {
		return c.pointsArithmetic(sign, a, b, rng)
	}
	if sign == "+" && (a.typ == String || b.typ == String) {
		return c.errorf(rng, "Strings are not added", "Texts are put together in a template: \"${a}${b}\".")
	}
	a, b = c.asNumber(a), c.asNumber(b)
	if a == nil || b == nil {
		return nil
	}
	if a.rat != nil && b.rat != nil {
		return c.foldArithmetic(sign, a, b, rng)
	}
	p, q, key := a.num, b.num, fmt.Sprintf("(%s %s %s)", a.key, sign, b.key)
	both := func(op func(x, y float64) float64) *node {
		return numberNode(rng, key, func(f *ledger.Frame) (float64, bool) {
			x, ok := p(f)
			y, okY := q(f)
			if !ok || !okY {
				return 0, false
			}
			return finite(op(x, y))
		})
	}
	// The conversions keep the compiler from fusing operations, so that every
	// machine rounds alike.
	switch sign {
	case "+":
		return both(func(x, y float64) float64 { return float64(x + y) })
	case "-":
		return both(func(x, y float64) float64 { return float64(x - y) })
	case "*":
		return both(func(x, y float64) float64 { return float64(x * y) })
	}
	return both(func(x, y float64) float64 { return float64(x / y) })
}

// finite turns the results of overflow and division by zero into unknown.
func finite(v float64) (float64, bool) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, false
	}
	return v, true
}

func (c *compiler) foldArithmetic(sign string, a, b *node, rng hcl.Range) *node {
	r := new(big.Rat)
	switch sign {
	case "+":
		r.Add(a.rat, b.rat)
	case "-":
		r.Sub(a.rat, b.rat)
	case "*":
		r.Mul(a.rat, b.rat)
	case "/":
		if b.rat.Sign() == 0 {
			return c.errorf(b.rng, "Division by zero", "The divisor is 0.")
		}
		r.Quo(a.rat, b.rat)
	}
	if r.Num().BitLen() > 4096 || r.Denom().BitLen() > 4096 {
		return c.errorf(rng, "Number out of range", "This constant is too large or too fine.")
	}
	return constNumber(rng, r)
}
