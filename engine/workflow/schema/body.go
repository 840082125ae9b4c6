package schema

import (
	"fmt"
	"slices"
	"sort"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// decoder turns HCL into Nodes, in source order, guided by a schema's shapes
// (nil: constants of any form).
type decoder struct {
	*value.Report
	root   *Node    // the outer block
	host   []string // its attributes that the host reads
	shapes map[*Node]*shape
	titles map[*Node]string // of blocks: class "asked"
	index  index            // once there are mistakes to explain
}

func newDecoder(r *value.Report) *decoder {
	return &decoder{Report: r, shapes: map[*Node]*shape{}, titles: map[*Node]string{}}
}

// Decode reads a step's block, but for the attributes of the host, and checks
// it. The node is never nil.
func (s *Schema) Decode(b *hclsyntax.Block, r *value.Report) *Node {
	d := newDecoder(r)
	d.host = s.host
	root := d.block(b, s.root, s.host)
	d.validate(root, s)
	return root
}

// Constant reads an expression that holds constants only, of any form.
func Constant(e hclsyntax.Expression, what string, r *value.Report) *Node {
	return newDecoder(r).expr(e, nil, what)
}

// block decodes a block's body into an object.
func (d *decoder) block(b *hclsyntax.Block, s *shape, host []string) *Node {
	n := &Node{Kind: NodeObject, Range: b.DefRange()}
	if d.root == nil {
		d.root = n
	}
	d.shapes[n], d.titles[n] = s, value.BlockTitle(b.Type, b.Labels)
	groups := map[string]*Node{}
	seen := map[string]hcl.Range{}
	for _, e := range entries(b.Body) {
		switch {
		case e.attr != nil && slices.Contains(host, e.attr.Name):
		case e.attr != nil:
			d.attribute(n, e.attr, s)
		case slices.Contains(host, e.block.Type):
			d.Errorf(e.block.DefRange(), "Unexpected block", "%s is an attribute, not a block. Write %s = …", e.block.Type, e.block.Type)
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
		d.Errorf(a.NameRange, "Unexpected attribute", "%s is a block, not an attribute. Write %s {", a.Name, blockExample(a.Name, sub))
		return
	}
	n := d.expr(a.Expr, sub, a.Name)
	n.Key, n.KeyRange = a.Name, a.NameRange
	parent.Members = append(parent.Members, n)
}

func isList(e hclsyntax.Expression) bool {
	_, ok := value.ListItems(e)
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
	where, names := d.titles[parent], s.names
	switch {
	case where == "":
		where = "This object"
	case parent == d.root:
		names = append(names[:len(names):len(names)], d.host...)
	default: // a block, whose label is no attribute
		names = without(names, "label")
	}
	d.Errorf(rng, "Unknown "+what, "%s has no %s %q. %s", where, what, value.Shorten(name), value.DidYouMean(name, names))
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
	title := value.BlockTitle(b.Type, b.Labels)
	old, twice := seen[title]
	seen[title] = b.DefRange()
	group := groups[b.Type]
	switch {
	case group == nil && memberOf(parent, b.Type) != nil:
		d.Errorf(b.DefRange(), "Declared twice", "%s is written as an attribute and as a block. Keep one of them.", b.Type)
	case rowsOfBlocks(sub):
		if twice && len(b.Labels) > 0 {
			d.Errorf(b.DefRange(), "Declared twice", "%s is already declared on line %d. Give one of them another name, or join them.", title, old.Start.Line)
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
			d.Errorf(b.DefRange(), "Declared twice", "%s is already declared on line %d. Join the two.", b.Type, group.Range.Start.Line)
			return
		}
		d.checkLabels(b, sub)
		n := d.block(b, sub, nil)
		groups[b.Type] = n
		n.Key, n.KeyRange = b.Type, b.TypeRange
		parent.Members = append(parent.Members, n)
	default:
		d.Errorf(b.DefRange(), "Unexpected block", "%s is an attribute, not a block. Write %s = …", b.Type, b.Type)
	}
}

// labelled decodes a block of a list, its label becoming the member "label".
func (d *decoder) labelled(b *hclsyntax.Block, s *shape) *Node {
	n := d.block(b, s, nil)
	if d.checkLabels(b, s) == 0 || len(b.Labels) == 0 {
		return n
	}
	if memberOf(n, "label") != nil {
		d.Errorf(b.LabelRanges[0], "Label twice", "%s has a label and an attribute label. Keep the label after %s.", d.titles[n], b.Type)
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
		want = fmt.Sprintf("takes one label: write %s {", value.BlockTitle(b.Type, b.Labels[:1]))
	}
	d.Errorf(b.LabelRanges[most], "Wrong number of labels", "%s %s", b.Type, want)
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
