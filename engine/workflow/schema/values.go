package schema

import (
	"fmt"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// expr decodes an expression; the node is never nil.
func (d *decoder) expr(e hclsyntax.Expression, s *shape, what string) *Node {
	s = choose(s, e)
	n := &Node{Range: e.Range()}
	d.shapes[n] = s
	if s != nil && s.mark == markExpression {
		n.Kind, n.Expr = NodeExpr, e
		return n
	}
	switch x := value.Unwrap(e).(type) {
	case *hclsyntax.ObjectConsExpr:
		n.Kind = NodeObject
		n.Range = x.Range()
		d.object(n, x, s, what)
	case *hclsyntax.TupleConsExpr:
		n.Kind = NodeList
		for i, item := range x.Exprs {
			n.Members = append(n.Members, d.expr(item, s.element(i), fmt.Sprintf("%s[%d]", what, i)))
		}
	default:
		d.scalar(n, e, s, what)
	}
	return n
}

func (s *shape) element(i int) *shape {
	switch {
	case s == nil:
		return nil
	case i < len(s.prefix):
		return s.prefix[i]
	}
	return s.items
}

// object decodes { key = value, … } in source order.
func (d *decoder) object(n *Node, x *hclsyntax.ObjectConsExpr, s *shape, what string) {
	seen := make(map[string]hcl.Range, len(x.Items))
	for _, item := range x.Items {
		key, ok := d.key(item.KeyExpr)
		if !ok {
			n.Spoiled = true
			continue
		}
		rng := item.KeyExpr.Range()
		if old, twice := seen[key]; twice {
			d.Errorf(rng, "Key twice", "%s already has %q, on line %d. Remove one of them.", what, value.Shorten(key), old.Start.Line)
			continue
		}
		seen[key] = rng
		sub, ok := d.member(n, s, key, rng, "attribute")
		if !ok {
			continue
		}
		m := d.expr(item.ValueExpr, sub, fmt.Sprintf("%s[%q]", what, value.Shorten(key)))
		m.Key, m.KeyRange = key, rng
		n.Members = append(n.Members, m)
	}
}

func (d *decoder) key(e hclsyntax.Expression) (string, bool) {
	if k, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok && !k.ForceNonLiteral {
		if word := hcl.ExprAsKeyword(k.Wrapped); word != "" {
			return word, true
		}
	}
	if t, ok := e.(*hclsyntax.ObjectConsKeyExpr); ok {
		e = t.Wrapped
	}
	v, ok := d.Constant(e, "a key")
	switch {
	case !ok:
		return "", false
	case !v.IsNull() && v.Type() == cty.Number:
		if n, ok := value.WholeOf(v); ok { // { 3 = 5, 30 = 20 }: counts to points
			return strconv.Itoa(n), true
		}
		fallthrough
	case v.IsNull() || v.Type() != cty.String:
		d.Errorf(e.Range(), "Wrong key", "A key must be a name or a string, found %s. Put it in quotes.", value.Found(v))
		return "", false
	case v.AsString() == "":
		d.Errorf(e.Range(), "Wrong key", "A key must not be empty.")
		return "", false
	}
	return v.AsString(), true
}

// scalar decodes a constant that is neither object nor list.
func (d *decoder) scalar(n *Node, e hclsyntax.Expression, s *shape, what string) {
	v, ok := d.Constant(e, what)
	if !ok {
		n.Spoiled = true
		return
	}
	m := markNone
	if s != nil {
		m = s.mark
	}
	switch {
	case v.IsNull():
		n.Kind = NodeNull
	case v.Type() == cty.Bool:
		n.Kind, n.Bool = NodeBool, v.True()
	case v.Type() == cty.Number && m == markPoints:
		n.Kind = NodePoints
		if p := d.Points(v, what, n.Range); p != nil {
			n.Points = *p
			return
		}
		n.Spoiled = true
	case v.Type() == cty.Number:
		n.Kind = NodeNumber
		n.Number, _ = v.AsBigFloat().Float64()
	case v.Type() == cty.String && m == markDuration:
		d.millis(n, v.AsString(), what)
	case v.Type() == cty.String:
		n.Kind, n.Text = NodeString, v.AsString()
	default:
		n.Spoiled = true
		d.Errorf(n.Range, "Constant expected", "%s is a computed list or object. Write it out: [ … ] or { … }.", what)
	}
}

func (d *decoder) millis(n *Node, text, what string) {
	ms, err := value.ParseDuration(text)
	n.Kind, n.Millis, n.Text = NodeMillis, ms, text
	if err != nil {
		n.Spoiled = true
		d.DurationError(err, what, "30d", n.Range)
	}
}
