package workflow

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// decoder turns HCL into Nodes, in source order, guided by a schema's shapes
// (nil: constants of any form).
type decoder struct {
	l *loader
	// spoiled nodes have had their diagnostic; the schema says no more of them.
	spoiled map[*Node]bool
	shapes  map[*Node]*shape
	titles  map[*Node]string // of blocks: class "asked"
	badKeys map[*Node]bool   // reported by their names
}

func (l *loader) decoder() *decoder {
	return &decoder{l: l, spoiled: map[*Node]bool{}, shapes: map[*Node]*shape{}, titles: map[*Node]string{}, badKeys: map[*Node]bool{}}
}

// config decodes and validates a step's block.
func (l *loader) config(b *hclsyntax.Block, s *Schema) *Node {
	d := l.decoder()
	skip := map[string]bool{}
	for _, name := range hostAttrs() {
		skip[name] = true
	}
	root := d.block(b, s.root, skip)
	d.validate(root, s)
	return root
}

// block decodes a block's body into an object.
func (d *decoder) block(b *hclsyntax.Block, s *shape, skip map[string]bool) *Node {
	n := &Node{Kind: NodeObject, Range: b.DefRange()}
	d.shapes[n], d.titles[n] = s, blockTitle(b.Type, b.Labels)
	groups := map[string]*Node{}
	seen := map[string]hcl.Range{}
	for _, e := range entries(b.Body) {
		switch {
		case e.attr != nil && skip[e.attr.Name]:
		case e.attr != nil:
			d.attribute(n, e.attr, s)
		case skip[e.block.Type]:
			d.l.errorf(e.block.DefRange(), "Unexpected block", "%s is an attribute, not a block. Write %s = …", e.block.Type, e.block.Type)
		default:
			d.nested(n, e.block, s, groups, seen)
		}
	}
	return n
}

// entry is an attribute or a block.
type entry struct {
	attr  *hclsyntax.Attribute
	block *hclsyntax.Block
	at    int // byte
}

// entries lists a body in source order.
func entries(body *hclsyntax.Body) []entry {
	out := make([]entry, 0, len(body.Attributes)+len(body.Blocks))
	for _, a := range body.Attributes {
		out = append(out, entry{attr: a, at: a.NameRange.Start.Byte})
	}
	for _, b := range body.Blocks {
		out = append(out, entry{block: b, at: b.TypeRange.Start.Byte})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].at < out[j].at })
	return out
}

func (d *decoder) attribute(parent *Node, a *hclsyntax.Attribute, s *shape) {
	sub, ok := d.member(parent, s, a.Name, a.NameRange, "attribute")
	if !ok {
		return
	}
	if rowsOfBlocks(sub) && !isList(a.Expr) {
		d.l.errorf(a.NameRange, "Unexpected attribute", "%s is a block, not an attribute. Write %s {", a.Name, blockExample(a.Name, sub))
		return
	}
	n := d.expr(a.Expr, sub, a.Name)
	n.Key, n.KeyRange = a.Name, a.NameRange
	parent.Members = append(parent.Members, n)
}

func isList(e hclsyntax.Expression) bool {
	_, ok := listItems(e)
	return ok
}

// member finds the shape of a name in an object; ok is false if it is unknown,
// which is reported.
func (d *decoder) member(parent *Node, s *shape, name string, rng hcl.Range, what string) (sub *shape, ok bool) {
	if s == nil {
		return nil, true
	}
	if sub, ok = s.props[name]; ok {
		return sub, true
	}
	if !s.closed {
		return s.extra, true
	}
	where := d.titles[parent]
	if where == "" {
		where = "This object"
	}
	names := s.names
	if parent.Key == "" && d.titles[parent] != "" {
		names = without(names, "label")
	}
	d.l.errorf(rng, "Unknown "+what, "%s has no %s %q. %s", where, what, shorten(name), didYouMean(name, names))
	return nil, false
}

func without(names []string, name string) (out []string) {
	for _, n := range names {
		if n != name {
			out = append(out, n)
		}
	}
	return out
}

// nested decodes a block inside a block: one of a list of objects, or the only
// one if the schema says object.
func (d *decoder) nested(parent *Node, b *hclsyntax.Block, s *shape, groups map[string]*Node, seen map[string]hcl.Range) {
	sub, ok := d.member(parent, s, b.Type, b.TypeRange, "block")
	if !ok {
		return
	}
	title := blockTitle(b.Type, b.Labels)
	old, twice := seen[title]
	seen[title] = b.DefRange()
	group := groups[b.Type]
	switch {
	case group == nil && memberOf(parent, b.Type) != nil:
		d.l.errorf(b.DefRange(), "Declared twice", "%s is written as an attribute and as a block. Keep one of them.", b.Type)
	case rowsOfBlocks(sub):
		if twice && len(b.Labels) > 0 {
			d.l.errorf(b.DefRange(), "Declared twice", "%s is already declared on line %d. Give one of them another name, or join them.", title, old.Start.Line)
		}
		if group == nil {
			group = &Node{Kind: NodeList, Key: b.Type, KeyRange: b.TypeRange, Range: b.DefRange()}
			d.shapes[group] = sub
			groups[b.Type] = group
			parent.Members = append(parent.Members, group)
		}
		group.Members = append(group.Members, d.labelled(b, sub.items))
	case isObject(sub):
		if group != nil {
			d.l.errorf(b.DefRange(), "Declared twice", "%s is already declared on line %d. Join the two.", b.Type, group.Range.Start.Line)
			return
		}
		d.checkLabels(b, sub)
		n := d.block(b, sub, nil)
		groups[b.Type] = n
		n.Key, n.KeyRange = b.Type, b.TypeRange
		parent.Members = append(parent.Members, n)
	default:
		d.l.errorf(b.DefRange(), "Unexpected block", "%s is an attribute, not a block. Write %s = …", b.Type, b.Type)
	}
}

// labelled decodes a block of a list, its label becoming the member "label".
func (d *decoder) labelled(b *hclsyntax.Block, s *shape) *Node {
	n := d.block(b, s, nil)
	if d.checkLabels(b, s) == 0 || len(b.Labels) == 0 {
		return n
	}
	if memberOf(n, "label") != nil {
		d.l.errorf(b.LabelRanges[0], "Label twice", "%s has a label and an attribute label. Keep the label after %s.", d.titles[n], b.Type)
		return n
	}
	label := &Node{Kind: NodeString, Key: "label", Text: b.Labels[0], Range: b.LabelRanges[0], KeyRange: b.LabelRanges[0]}
	if s != nil {
		d.shapes[label] = s.props["label"]
	}
	n.Members = append([]*Node{label}, n.Members...)
	return n
}

// checkLabels reports labels that the block does not take; it returns how many
// it takes.
func (d *decoder) checkLabels(b *hclsyntax.Block, s *shape) (most int) {
	if s == nil || s.props["label"] != nil || !s.closed {
		most = 1
	}
	if len(b.Labels) <= most {
		return most
	}
	want := fmt.Sprintf("takes no label: write %s {", b.Type)
	if most == 1 {
		want = fmt.Sprintf("takes one label: write %s {", blockTitle(b.Type, b.Labels[:1]))
	}
	d.l.errorf(b.LabelRanges[most], "Wrong number of labels", "%s %s", b.Type, want)
	return most
}

func memberOf(n *Node, key string) *Node {
	for _, m := range n.Members {
		if m.Key == key {
			return m
		}
	}
	return nil
}

// rowsOfBlocks says whether a property is a list of objects.
func rowsOfBlocks(s *shape) bool {
	return s != nil && s.mark == markNone && s.items != nil && isObject(s.items)
}

func isObject(s *shape) bool {
	if s == nil || s.mark != markNone {
		return false
	}
	if len(s.types) > 0 {
		return len(s.types) == 1 && s.types[0] == "object"
	}
	return len(s.props) > 0 || s.extra != nil
}

func blockExample(name string, s *shape) string {
	if s != nil && s.items != nil && s.items.props["label"] != nil {
		return name + ` "name"`
	}
	return name
}

// expr decodes an expression; the node is never nil.
func (d *decoder) expr(e hclsyntax.Expression, s *shape, what string) *Node {
	s = choose(s, e)
	n := &Node{Range: e.Range()}
	d.shapes[n] = s
	if s != nil && s.mark == markExpression {
		n.Kind, n.Expr = NodeExpr, e
		return n
	}
	switch x := unwrap(e).(type) {
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
			d.spoiled[n] = true
			continue
		}
		rng := item.KeyExpr.Range()
		if old, twice := seen[key]; twice {
			d.l.errorf(rng, "Key twice", "%s already has %q, on line %d. Remove one of them.", what, shorten(key), old.Start.Line)
			continue
		}
		seen[key] = rng
		sub, ok := d.member(n, s, key, rng, "attribute")
		if !ok {
			continue
		}
		m := d.expr(item.ValueExpr, sub, fmt.Sprintf("%s[%q]", what, shorten(key)))
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
	v, ok := d.l.constant(e, "a key")
	switch {
	case !ok:
		return "", false
	case !v.IsNull() && v.Type() == cty.Number:
		if n, ok := wholeOf(v); ok { // { 3 = 5, 30 = 20 }: counts to points
			return strconv.Itoa(n), true
		}
		fallthrough
	case v.IsNull() || v.Type() != cty.String:
		d.l.errorf(e.Range(), "Wrong key", "A key must be a name or a string, found %s. Put it in quotes.", found(v))
		return "", false
	case v.AsString() == "":
		d.l.errorf(e.Range(), "Wrong key", "A key must not be empty.")
		return "", false
	}
	return v.AsString(), true
}

// scalar decodes a constant that is neither object nor list.
func (d *decoder) scalar(n *Node, e hclsyntax.Expression, s *shape, what string) {
	v, ok := d.l.constant(e, what)
	if !ok {
		d.spoiled[n] = true
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
		if p := d.l.points(v, what, n.Range); p != nil {
			n.Points = *p
			return
		}
		d.spoiled[n] = true
	case v.Type() == cty.Number:
		n.Kind = NodeNumber
		n.Number, _ = v.AsBigFloat().Float64()
	case v.Type() == cty.String && m == markDuration:
		d.millis(n, v.AsString(), what)
	case v.Type() == cty.String:
		n.Kind, n.Text = NodeString, v.AsString()
	default:
		d.spoiled[n] = true
		d.l.errorf(n.Range, "Constant expected", "%s is a computed list or object. Write it out: [ … ] or { … }.", what)
	}
}

func (d *decoder) millis(n *Node, text, what string) {
	ms, err := ParseDuration(text)
	n.Kind, n.Millis, n.Text = NodeMillis, ms, text
	if err != nil {
		d.spoiled[n] = true
		d.l.durationError(err, what, "30d", n.Range)
	}
}

// instance is the JSON value that the schema validates.
func instance(n *Node) any {
	switch n.Kind {
	case NodeBool:
		return n.Bool
	case NodeNumber:
		return n.Number
	case NodePoints:
		return json.Number(n.Points.String())
	case NodeString:
		return n.Text
	case NodeMillis:
		return map[string]any{durationMember: true}
	case NodeExpr:
		return map[string]any{exprMember: true}
	case NodeList:
		out := make([]any, len(n.Members))
		for i, m := range n.Members {
			out[i] = instance(m)
		}
		return out
	case NodeObject:
		out := make(map[string]any, len(n.Members))
		for _, m := range n.Members {
			out[m.Key] = instance(m)
		}
		return out
	}
	return nil
}
