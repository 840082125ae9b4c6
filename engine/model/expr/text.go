package expr

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// unknownText is what an unknown value prints as.
const unknownText = "?"

// Text compiles a template: "{grade} {recent}" with any expression between the
// braces, "{{" and "}}" for braces, and HCL's own "${…}" too. Unknown values
// print as "?". The result is nil if there are errors.
func (s *Scope) Text(e hcl.Expression) (ledger.Text, Reads, hcl.Diagnostics) {
	c := &compiler{scope: s, file: e.Range().Filename}
	var parts []printer
	switch x := e.(type) {
	case *hclsyntax.TemplateExpr:
		for _, p := range mergeText(x.Parts) {
			parts = append(parts, c.textPart(p)...)
		}
	case *hclsyntax.TemplateWrapExpr:
		parts = c.textPart(x.Wrapped)
	default:
		if n := c.expression(e); n != nil {
			parts = append(parts, n.print())
		}
	}
	if c.diags.HasErrors() {
		return nil, Reads{}, c.diags
	}
	return func(f *ledger.Frame) string {
		var b strings.Builder
		for _, p := range parts {
			t, ok := p(f)
			if !ok {
				t = unknownText
			}
			b.WriteString(t)
		}
		return b.String()
	}, c.reads.sorted(), c.diags
}

// TextOf compiles a template that no file holds, such as the default display.
func (s *Scope) TextOf(template string) (ledger.Text, Reads, hcl.Diagnostics) {
	e := &hclsyntax.LiteralValueExpr{Val: cty.StringVal(template), SrcRange: hcl.Range{Filename: "default"}}
	return s.Text(&hclsyntax.TemplateExpr{Parts: []hclsyntax.Expression{e}})
}

// mergeText joins neighbouring texts: HCL splits at its own escapes.
func mergeText(in []hclsyntax.Expression) (out []hclsyntax.Expression) {
	for _, e := range in {
		lit, ok := e.(*hclsyntax.LiteralValueExpr)
		if ok && isText(lit) && len(out) > 0 {
			if last, ok := out[len(out)-1].(*hclsyntax.LiteralValueExpr); ok && isText(last) {
				joined := last.Val.AsString() + lit.Val.AsString()
				out[len(out)-1] = &hclsyntax.LiteralValueExpr{Val: cty.StringVal(joined), SrcRange: hcl.RangeBetween(last.SrcRange, lit.SrcRange)}
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

func isText(l *hclsyntax.LiteralValueExpr) bool {
	return !l.Val.IsNull() && l.Val.Type() == cty.String
}

type printer = func(*ledger.Frame) (string, bool)

func constText(s string) printer {
	return func(*ledger.Frame) (string, bool) { return s, true }
}

func (c *compiler) textPart(e hclsyntax.Expression) []printer {
	if lit, ok := e.(*hclsyntax.LiteralValueExpr); ok && isText(lit) {
		return c.placeholders(lit.Val.AsString(), lit.SrcRange)
	}
	if n := c.walk(e); n != nil {
		return []printer{n.print()}
	}
	return nil
}

// placeholders splits a text at its braces.
func (c *compiler) placeholders(s string, rng hcl.Range) (parts []printer) {
	var plain strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			plain.WriteByte(s[i])
			i++
		case strings.HasPrefix(s[i:], "${"), strings.HasPrefix(s[i:], "%{"):
			// HCL has resolved its own templates: what is left was written "$${".
			plain.WriteString(s[i : i+2])
			i++
		case s[i] == '{':
			end := closing(s[i+1:])
			if end < 0 {
				c.errorf(rng, "Open brace", "A placeholder begins with { and has no }; a brace itself is written {{.")
				return parts
			}
			parts = append(parts, constText(plain.String()))
			plain.Reset()
			parts = append(parts, c.placeholder(s[i+1:i+1+end], offset(rng, s[:i+1]))...)
			i += end + 1
		default:
			plain.WriteByte(s[i])
		}
	}
	return append(parts, constText(plain.String()))
}

// closing finds the } that ends a placeholder, outside of quotes.
func closing(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '}' && !quoted:
			return i
		}
	}
	return -1
}

// offset is the position behind prefix in a text that begins at rng; exact as
// long as the text has no escapes.
func offset(rng hcl.Range, prefix string) hcl.Pos {
	if strings.Contains(prefix, "\n") {
		return rng.Start
	}
	p := rng.Start
	p.Column += len([]rune(prefix))
	p.Byte += len(prefix)
	return p
}

func (c *compiler) placeholder(src string, at hcl.Pos) []printer {
	e, diags := hclsyntax.ParseExpression([]byte(src), c.file, at)
	if diags.HasErrors() {
		c.diags = append(c.diags, diags...)
		return nil
	}
	if n := c.walk(e); n != nil {
		return []printer{n.print()}
	}
	return nil
}

// print turns a value into text. A score is shown in whole points, never
// rounded across one of its thresholds.
func (n *node) print() printer {
	switch n.typ {
	case Bool:
		tri := n.tri
		return func(f *ledger.Frame) (string, bool) {
			v := tri(f)
			return fmt.Sprint(v == lead.True), v != lead.Unknown
		}
	case Number:
		num := n.num
		return func(f *ledger.Frame) (string, bool) {
			v, ok := num(f)
			return strconv.FormatFloat(v, 'f', -1, 64), ok
		}
	case Points:
		pts, score := n.round(), n.score
		return func(f *ledger.Frame) (string, bool) {
			p, ok := pts(f)
			if score > 0 {
				return strconv.FormatInt(p.Display(f.Book.Scores[score-1].Thresholds), 10), ok
			}
			return strconv.FormatInt(p.Round(), 10), ok
		}
	case String:
		return n.str
	}
	dyn := n.dyn
	return func(f *ledger.Frame) (string, bool) {
		v := dyn(f)
		return v.Text(), v.Kind != lead.Absent
	}
}
