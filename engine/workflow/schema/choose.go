package schema

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// choose picks the alternative of oneOf or anyOf that an expression is meant
// to be, by its form: an object goes to the object with most of its names, a
// number to points or number, anything computed to an expression.
func choose(s *shape, e hclsyntax.Expression) *shape {
	for depth := 0; s != nil && len(s.alts) > 0 && depth < 8; depth++ {
		next := chooseOnce(s, e)
		if next == nil {
			return s
		}
		s = next
	}
	return s
}

func chooseOnce(s *shape, e hclsyntax.Expression) *shape {
	var best, expression *shape
	score := -1
	form := formOf(e)
	for _, alt := range s.alts {
		if alt.mark == markExpression {
			expression = alt
			continue
		}
		if n := alt.fit(form); n > score {
			best, score = alt, n
		}
	}
	if best == nil {
		return expression
	}
	return best
}

// form is what can be said of an expression without its meaning.
type form struct {
	json   string // JSON type, "" if computed
	text   string // of a string
	names  []string
	length int
}

func formOf(e hclsyntax.Expression) form {
	switch x := value.Unwrap(e).(type) {
	case *hclsyntax.ObjectConsExpr:
		f := form{json: "object"}
		for _, item := range x.Items {
			if k, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr); ok && len(f.names) < 100 && value.NotConstant(k) == nil {
				if v, diags := k.Value(nil); !diags.HasErrors() && v.Type() == cty.String && !v.IsNull() && v.IsKnown() {
					f.names = append(f.names, v.AsString())
				}
			}
		}
		return f
	case *hclsyntax.TupleConsExpr:
		return form{json: "array", length: len(x.Exprs)}
	}
	if value.NotConstant(e) != nil {
		return form{}
	}
	v, diags := e.Value(nil)
	switch {
	case diags.HasErrors() || !v.IsKnown() || v.IsNull():
		return form{}
	case v.Type() == cty.Number:
		return form{json: "number"}
	case v.Type() == cty.Bool:
		return form{json: "boolean"}
	case v.Type() == cty.String:
		return form{json: "string", text: v.AsString()}
	}
	return form{}
}

// fit says how well a form suits a shape: -1 not at all.
func (s *shape) fit(f form) int {
	switch {
	case f.json == "":
		return -1
	case s.mark == markPoints:
		return fitIf(f.json == "number", 2)
	case s.mark == markDuration:
		_, err := value.ParseDuration(f.text)
		return fitIf(f.json == "string" && err == nil, 2)
	case len(s.alts) > 0:
		best := -1
		for _, alt := range s.alts {
			if len(alt.alts) == 0 {
				best = max(best, alt.fit(f))
			}
		}
		return best
	case len(s.enum) > 0 && f.json == "string":
		return fitIf(slices.Contains(s.enum, any(f.text)), 3)
	case !s.accepts(f.json):
		return -1
	}
	known := 0
	for _, name := range f.names {
		if s.props[name] != nil {
			known++
		}
	}
	return 1 + known
}

func fitIf(ok bool, n int) int {
	if ok {
		return n
	}
	return -1
}

func (s *shape) accepts(json string) bool {
	if len(s.types) > 0 {
		return slices.Contains(s.types, json) || json == "number" && slices.Contains(s.types, "integer")
	}
	switch {
	case isObject(s):
		return json == "object"
	case s.items != nil || len(s.prefix) > 0:
		return json == "array"
	}
	return true
}
