// Package value is what reading the workflow language needs at every place:
// constants, exact points, durations, suggestions, and a report that collects
// diagnostics.
//
// It may import lead, hcl and cty. It knows no block and no schema.
package value

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Report collects what is wrong with a workflow.
type Report struct {
	Diags hcl.Diagnostics
}

// Errorf adds an error about a place.
func (r *Report) Errorf(rng hcl.Range, summary, format string, args ...any) {
	r.Diags = append(r.Diags, Error(rng, summary, fmt.Sprintf(format, args...)))
}

// Warnf adds a warning about a place.
func (r *Report) Warnf(rng hcl.Range, summary, format string, args ...any) {
	d := Error(rng, summary, fmt.Sprintf(format, args...))
	d.Severity = hcl.DiagWarning
	r.Diags = append(r.Diags, d)
}

// Error makes a diagnostic about a place.
func Error(rng hcl.Range, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &rng}
}

// BlockTitle names a block as it is written: route "nurture" "rest".
func BlockTitle(typ string, labels []string) string {
	var s strings.Builder
	s.WriteString(typ)
	for _, label := range labels {
		fmt.Fprintf(&s, " %q", Shorten(label))
	}
	return s.String()
}

// WholeOf converts a number without a fraction.
func WholeOf(v cty.Value) (int, bool) {
	f := v.AsBigFloat()
	if !f.IsInt() || f.MantExp(nil) > 40 {
		return 0, false
	}
	n, _ := f.Int64()
	return int(n), true
}

// ListItems are the elements of a list that is written out.
func ListItems(e hclsyntax.Expression) ([]hclsyntax.Expression, bool) {
	t, ok := Unwrap(e).(*hclsyntax.TupleConsExpr)
	if !ok {
		return nil, false
	}
	return t.Exprs, true
}

// Unwrap takes parentheses away.
func Unwrap(e hclsyntax.Expression) hclsyntax.Expression {
	for {
		p, ok := e.(*hclsyntax.ParenthesesExpr)
		if !ok {
			return e
		}
		e = p.Expression
	}
}
