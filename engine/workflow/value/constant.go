package value

import (
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
)

var errNotNumber = errors.New("not a number")

// PointsOf converts a number of points exactly. HCL keeps numbers as 512-bit
// binary floats, in which 0.1 has no exact form, so that an amount which is a
// whole milli-point in its first 400 bits is that milli-point.
func PointsOf(v cty.Value) (lead.Points, error) {
	if v == cty.NilVal || !v.Type().Equals(cty.Number) || v.IsNull() || !v.IsKnown() {
		return 0, errNotNumber
	}
	f := v.AsBigFloat()
	if f.IsInf() || f.MantExp(nil) > 60 {
		return 0, fmt.Errorf("%s: %w", f.Text('g', 10), lead.ErrPointsRange)
	}
	milli := new(big.Float).SetPrec(640).Mul(f, big.NewFloat(float64(lead.Point)))
	half := big.NewFloat(0.5)
	if f.Sign() < 0 {
		half.Neg(half)
	}
	whole, _ := new(big.Float).SetPrec(640).Add(milli, half).Int(nil)
	off := new(big.Float).SetPrec(640).Sub(milli, new(big.Float).SetInt(whole))
	if off.Sign() != 0 && off.MantExp(nil) > milli.MantExp(nil)-400 {
		return 0, fmt.Errorf("%s: %w", f.Text('g', 10), lead.ErrPointsFine)
	}
	return lead.PointsFromRat(new(big.Rat).SetFrac(whole, big.NewInt(int64(lead.Point))))
}

// Constant evaluates an expression that may hold no names and no functions.
func (r *Report) Constant(e hclsyntax.Expression, what string) (cty.Value, bool) {
	if bad := NotConstant(e); bad != nil {
		r.notConstant(bad, what)
		return cty.NilVal, false
	}
	v, diags := e.Value(nil)
	r.Diags = append(r.Diags, diags...)
	if diags.HasErrors() || !v.IsWhollyKnown() {
		return cty.NilVal, false
	}
	if !v.IsNull() && v.Type() == cty.Number {
		if f, _ := v.AsBigFloat().Float64(); math.IsInf(f, 0) {
			r.Errorf(e.Range(), "Number out of range", "%s is infinite or too large, perhaps by a division by zero. Write a number below 1e308.", what)
			return cty.NilVal, false
		}
	}
	return v, true
}

// NotConstant returns the first part of e that needs more than the text
// itself, nil if there is none. For and splat expressions count as such: they
// would let a short text take unbounded time.
func NotConstant(e hclsyntax.Expression) hclsyntax.Expression {
	var bad hclsyntax.Expression
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		if bad != nil {
			return nil
		}
		switch n := n.(type) {
		case *hclsyntax.ScopeTraversalExpr:
			bad = n
		case *hclsyntax.FunctionCallExpr:
			bad = n
		case *hclsyntax.ForExpr:
			bad = n
		case *hclsyntax.SplatExpr:
			bad = n
		}
		return nil
	})
	return bad
}

func (r *Report) notConstant(bad hclsyntax.Expression, what string) {
	found, do := "a computed list", "Write the values themselves."
	switch b := bad.(type) {
	case *hclsyntax.ScopeTraversalExpr:
		found, do = "the name "+traversalText(b.Traversal), "Write the value itself."
		if len(b.Traversal) == 1 {
			do = fmt.Sprintf("Write the value itself; if it is text, put it in quotes: %q.", b.Traversal.RootName())
		}
	case *hclsyntax.FunctionCallExpr:
		found, do = "a call of "+b.Name, "Write the value itself."
	}
	r.Errorf(bad.Range(), "Constant expected", "%s must be a constant, because it is read once, when the workflow is loaded; found %s. %s", what, found, do)
}

func traversalText(t hcl.Traversal) string {
	text := ""
	for i, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			text += s.Name
		case hcl.TraverseAttr:
			text += "." + s.Name
		default:
			return text + "[…]"
		}
		if i > 8 {
			return text + "…"
		}
	}
	return text
}

// Found describes a value for people: a string "ten", a number 5.
func Found(v cty.Value) string {
	switch {
	case v == cty.NilVal || v.IsNull():
		return "null"
	case v.Type() == cty.String:
		return fmt.Sprintf("a string %q", Shorten(v.AsString()))
	case v.Type() == cty.Number:
		return "a number " + v.AsBigFloat().Text('g', 12)
	case v.Type() == cty.Bool:
		if v.True() {
			return "true"
		}
		return "false"
	case v.Type().IsTupleType() || v.Type().IsListType():
		return "a list"
	}
	return "an object"
}

// Shorten cuts long texts for a diagnostic.
func Shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:39]) + "…"
	}
	return s
}

// pointsError says what is wrong with an amount and how to mend it.
func (r *Report) pointsError(err error, what string, rng hcl.Range, v cty.Value) {
	switch {
	case errors.Is(err, lead.ErrPointsFine):
		r.Errorf(rng, "Points too fine", "%s is %s; points are exact to 0.001. Round it to three decimals.", what, v.AsBigFloat().Text('g', 12))
	case errors.Is(err, lead.ErrPointsRange):
		r.Errorf(rng, "Points out of range", "%s is %s; amounts lie between -%s and %s.", what, v.AsBigFloat().Text('g', 12), lead.MaxPoints, lead.MaxPoints)
	default:
		r.Errorf(rng, "Wrong type", "%s must be a number of points, found %s.", what, Found(v))
	}
}

// DurationError reports what ParseDuration refused.
func (r *Report) DurationError(err error, what, example string, rng hcl.Range) {
	r.Errorf(rng, "Wrong duration", "%s: %v. Write whole numbers with the units w, d, h, m, s, ms, from long to short, such as %q.", what, err, example)
}

// Points converts a constant; what names it in the diagnostic.
func (r *Report) Points(v cty.Value, what string, rng hcl.Range) *lead.Points {
	p, err := PointsOf(v)
	if err != nil {
		r.pointsError(err, what, rng, v)
		return nil
	}
	return &p
}
