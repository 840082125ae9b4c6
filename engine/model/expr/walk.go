package expr

import (
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// walk compiles one node of the syntax tree.
func (c *compiler) walk(e hclsyntax.Expression) *node {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		return c.walk(e.Expression)
	case *hclsyntax.LiteralValueExpr:
		return c.literal(e.Val, e.SrcRange)
	case *hclsyntax.TemplateExpr:
		return c.template(e)
	case *hclsyntax.TemplateWrapExpr:
		return c.walk(e.Wrapped)
	case *hclsyntax.ScopeTraversalExpr:
		return c.traversal(e.Traversal, e.SrcRange)
	case *hclsyntax.FunctionCallExpr:
		return c.call(e)
	case *hclsyntax.ConditionalExpr:
		return c.conditional(e)
	case *hclsyntax.UnaryOpExpr:
		return c.unary(e)
	case *hclsyntax.BinaryOpExpr:
		return c.binary(e)
	case *hclsyntax.IndexExpr:
		return c.errorf(e.SrcRange, "Unsupported index", "A property with an unusual name is read as trait[\"job title\"]; the name must be written out.")
	}
	return c.errorf(e.Range(), "Unsupported expression", "An expression is made of names, numbers, strings, operators and function calls; lists, objects, for and splats are not part of it.")
}

func (c *compiler) literal(v cty.Value, rng hcl.Range) *node {
	if v.IsNull() {
		return c.errorf(rng, "There is no null", "A missing value is unknown, and unknown never fires; test it with unknown(x) or known(x).")
	}
	switch v.Type() {
	case cty.Bool:
		return constBool(rng, lead.TriOf(v.True()))
	case cty.String:
		return constString(rng, v.AsString())
	case cty.Number:
		return c.number(v.AsBigFloat(), rng)
	}
	return c.errorf(rng, "Unsupported value", "Only numbers, strings, true and false can be written here.")
}

// number turns HCL's 512-bit float back into the decimal that was written:
// the shortest one that reads as the same float.
func (c *compiler) number(f *big.Float, rng hcl.Range) *node {
	if f.IsInf() || f.MantExp(nil) > 1100 || f.MantExp(nil) < -1100 {
		return c.errorf(rng, "Number out of range", "Numbers must lie within ±1e300.")
	}
	r, ok := new(big.Rat).SetString(f.Text('g', -1))
	if !ok {
		return c.errorf(rng, "Number out of range", "%s is not a number.", f.String())
	}
	return constNumber(rng, r)
}

func (c *compiler) template(e *hclsyntax.TemplateExpr) *node {
	if e.IsStringLiteral() {
		v, _ := e.Value(nil) // one literal part: nothing is evaluated
		return constString(e.SrcRange, v.AsString())
	}
	if len(e.Parts) == 0 {
		return constString(e.SrcRange, "")
	}
	parts := make([]func(*ledger.Frame) (string, bool), 0, len(e.Parts))
	key, con := "", true
	for _, p := range e.Parts {
		n := c.walk(p)
		if n == nil {
			return nil
		}
		parts, key, con = append(parts, n.print()), key+n.key+"~", con && n.con
	}
	n := stringNode(e.SrcRange, key, func(f *ledger.Frame) (string, bool) {
		s := ""
		for _, p := range parts {
			t, ok := p(f)
			if !ok {
				return "", false
			}
			s += t
		}
		return s, true
	})
	if con {
		s, _ := n.str(nil)
		return constString(e.SrcRange, s)
	}
	return n
}

func (c *compiler) conditional(e *hclsyntax.ConditionalExpr) *node {
	cond := c.asBool(c.walk(e.Condition))
	yes, no := c.walk(e.TrueResult), c.walk(e.FalseResult)
	yes, no, typ := c.unify(yes, no)
	if cond == nil || yes == nil {
		return nil
	}
	if cond.con {
		switch cond.tri(nil) {
		case lead.True:
			return yes
		case lead.False:
			return no
		}
	}
	test, key := cond.tri, cond.key+" ? "+yes.key+" : "+no.key
	switch typ {
	case Bool:
		a, b := yes.tri, no.tri
		return boolNode(e.SrcRange, opaque(key), func(f *ledger.Frame) lead.Tri {
			switch test(f) {
			case lead.True:
				return a(f)
			case lead.False:
				return b(f)
			}
			if v := a(f); v == b(f) {
				return v
			}
			return lead.Unknown
		})
	case Number:
		return numberNode(e.SrcRange, key, pick(test, yes.num, no.num))
	case Points:
		return &node{typ: Points, rng: e.SrcRange, key: key, den: yes.den, pts: pick(test, yes.pts, no.pts)}
	case String:
		return stringNode(e.SrcRange, key, pick(test, yes.str, no.str))
	}
	a, b := yes.dyn, no.dyn
	return dynamicNode(e.SrcRange, key, func(f *ledger.Frame) (v lead.Value) {
		switch test(f) {
		case lead.True:
			v = a(f)
		case lead.False:
			v = b(f)
		}
		return v
	})
}

// pick chooses between two values; an unknown condition is an unknown value.
func pick[T any](test ledger.Cond, yes, no func(*ledger.Frame) (T, bool)) func(*ledger.Frame) (T, bool) {
	return func(f *ledger.Frame) (v T, ok bool) {
		switch test(f) {
		case lead.True:
			return yes(f)
		case lead.False:
			return no(f)
		}
		return v, false
	}
}

// unify gives two nodes one type: equal types stay, a property takes the type
// of the other, a written number becomes points beside points. All are nil
// after an error.
func (c *compiler) unify(a, b *node) (x, y *node, typ Type) {
	if a == nil || b == nil {
		return nil, nil, Any
	}
	typ = a.typ
	switch {
	case a.typ == Points || b.typ == Points:
		typ = Points
	case a.typ == Dynamic:
		typ = b.typ
	}
	switch typ {
	case Bool:
		x, y = c.asBool(a), c.asBool(b)
	case Number:
		x, y = c.asNumber(a), c.asNumber(b)
	case Points:
		x, y = c.sameDen(c.asPoints(a), c.asPoints(b))
	case String:
		x, y = c.asString(a), c.asString(b)
	default:
		x, y = a, b
	}
	if x == nil || y == nil {
		return nil, nil, Any
	}
	return x, y, typ
}
