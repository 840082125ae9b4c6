package workflow

import (
	"slices"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// element is a part of a workflow as two of them are compared: a block, an
// attribute, a member of an object or of a list. It is named within its parent,
// or, in a list, by nothing.
type element struct {
	name    string
	text    string // canonical source of what has no members
	members []*element
	list    bool // members are told apart by what they say, not by name
	rng     hcl.Range
}

// tree is a definition without its layout: comments, line breaks, files and the
// order of named things in the workflow are gone, what a reader would call the
// content is left.
func (d *Definition) tree() *element {
	root := &element{}
	names := make([]string, 0, len(d.Files))
	for name := range d.Files {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		body, ok := d.Files[name].Body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		root.members = append(root.members, bodyElements(body, d.Files[name].Bytes)...)
	}
	for i := range d.Tables {
		root.members = append(root.members, tableElement(&d.Tables[i]))
	}
	return root
}

// bodyElements are the attributes and blocks of a body, in their order.
func bodyElements(body *hclsyntax.Body, src []byte) (out []*element) {
	for _, a := range byPlace(body.Attributes) {
		e := expressionElement(a.Expr, src)
		e.name = a.Name
		out = append(out, e)
	}
	for _, b := range body.Blocks {
		out = append(out, &element{name: value.BlockTitle(b.Type, b.Labels), members: bodyElements(b.Body, src), rng: b.DefRange()})
	}
	return out
}

func expressionElement(expr hclsyntax.Expression, src []byte) *element {
	e := &element{rng: expr.Range()}
	switch x := value.Unwrap(expr).(type) {
	case *hclsyntax.ObjectConsExpr:
		for _, item := range x.Items {
			m := expressionElement(item.ValueExpr, src)
			m.name = canonical(item.KeyExpr.Range(), src)
			e.members = append(e.members, m)
		}
	case *hclsyntax.TupleConsExpr:
		e.list = true
		for _, item := range x.Exprs {
			m := expressionElement(item, src)
			m.text, m.members, m.list = canonical(item.Range(), src), nil, false
			e.members = append(e.members, m)
		}
	default:
		e.text = canonical(expr.Range(), src)
	}
	return e
}

// canonical is the source of a place with one space between its tokens, so that
// layout and comments make no difference.
func canonical(rng hcl.Range, src []byte) string {
	if !rng.CanSliceBytes(src) {
		return ""
	}
	tokens, _ := hclsyntax.LexExpression(rng.SliceBytes(src), rng.Filename, rng.Start)
	var b strings.Builder
	quoted := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenComment, hclsyntax.TokenNewline, hclsyntax.TokenEOF:
			continue
		case hclsyntax.TokenCQuote:
			quoted--
		}
		if b.Len() > 0 && quoted == 0 && spaced(b.String(), t) {
			b.WriteByte(' ')
		}
		b.Write(t.Bytes)
		if t.Type == hclsyntax.TokenOQuote {
			quoted++
		}
	}
	return b.String()
}

// spaced says whether a space belongs in front of a token: as people write it.
func spaced(before string, t hclsyntax.Token) bool {
	switch t.Type {
	case hclsyntax.TokenComma, hclsyntax.TokenCParen, hclsyntax.TokenCBrack, hclsyntax.TokenDot, hclsyntax.TokenOBrack, hclsyntax.TokenCQuote:
		return false
	case hclsyntax.TokenOParen:
		last := before[len(before)-1]
		return strings.IndexByte("&|=<>+-*/?:,!", last) >= 0
	}
	return !slices.Contains([]byte("(.!["), before[len(before)-1])
}

// tableElement holds the rows of a table, wherever they are kept.
func tableElement(t *Table) *element {
	e := &element{name: value.BlockTitle("table", []string{t.Name}), rng: t.Range}
	rows := &element{name: "rows", list: true, rng: t.Range}
	for _, row := range t.Rows {
		rows.members = append(rows.members, &element{text: strings.Join(row, ", "), rng: t.Range})
	}
	e.members = []*element{rows}
	return e
}
