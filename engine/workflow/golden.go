package workflow

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/lead"
)

// maxGoldenCount bounds how often one event of a golden lead happens.
const maxGoldenCount = 10_000

func (l *loader) golden(b *hclsyntax.Block) {
	r := l.reader(b)
	l.unique("golden "+b.Labels[0], fmt.Sprintf("The golden lead %q", b.Labels[0]), b.DefRange(), "Give one of them another name.")
	g := Golden{
		Name: b.Labels[0], Traits: l.props(r, "traits"), Account: l.props(r, "account"),
		Grade: r.filled("grade"), Scores: r.texts("scores"), Range: b.DefRange(),
	}
	g.ScoresRange = r.at("scores")
	if a := r.attr("events"); a != nil {
		items, ok := listItems(a.Expr)
		if !ok {
			l.errorf(a.Expr.Range(), "Wrong type", "events must be a list such as [\"Demo Requested\", { page = \"/pricing\" }].")
		}
		for i, item := range items {
			if e, ok := l.goldenEvent(item, fmt.Sprintf("events[%d]", i)); ok {
				g.Events = append(g.Events, e)
			}
		}
	}
	r.done()
	l.def.Goldens = append(l.def.Goldens, g)
}

// props reads an object of constants; nested names are joined by ".".
func (l *loader) props(r *reader, name string) lead.Props {
	a := r.attr(name)
	if a == nil {
		return nil
	}
	d := l.decoder()
	return l.propsOf(d, d.expr(a.Expr, nil, name), name)
}

func (l *loader) propsOf(d *decoder, n *Node, what string) lead.Props {
	if n.Kind != NodeObject {
		if !d.spoiled[n] {
			l.errorf(n.Range, "Wrong type", "%s must be an object such as { industry = \"saas\" }, found %s.", what, foundNode(n))
		}
		return nil
	}
	var out lead.Props
	l.flatten(d, n, "", what, &out)
	return out.Sort()
}

func (l *loader) flatten(d *decoder, n *Node, prefix, what string, out *lead.Props) {
	for _, m := range n.Members {
		name := prefix + m.Key
		switch v, ok := plainValue(m); {
		case d.spoiled[m]:
		case ok:
			*out = append(*out, lead.Prop{Name: name, Value: v})
		case m.Kind == NodeObject:
			l.flatten(d, m, name+".", what, out)
		default:
			l.errorf(m.Range, "Wrong type", "%s[%q] must be a string, a number, true, false or a list of strings, found %s. Leave out what is not known.", what, shorten(name), foundNode(m))
		}
	}
}

// plainValue converts what a trait can be; ok is false for anything else.
func plainValue(n *Node) (v lead.Value, ok bool) {
	switch n.Kind {
	case NodeBool:
		return lead.BoolOf(n.Bool), true
	case NodeNumber:
		return lead.NumberOf(n.Number), true
	case NodeString:
		return lead.StringOf(n.Text), true
	case NodeList:
		elems := make([]string, len(n.Members))
		for i, m := range n.Members {
			if m.Kind != NodeString {
				return v, false
			}
			elems[i] = m.Text
		}
		return lead.ListOf(elems...), true
	}
	return v, false
}

// goldenEvent reads "Name" or { event = …, page = …, count = …, properties = { … } }.
func (l *loader) goldenEvent(e hclsyntax.Expression, what string) (GoldenEvent, bool) {
	d := l.decoder()
	n := d.expr(e, nil, what)
	out := GoldenEvent{Count: 1, Range: n.Range}
	switch {
	case d.spoiled[n]:
		return out, false
	case n.Kind == NodeString:
		out.Name = n.Text
		return out, l.goldenText(n, what)
	case n.Kind != NodeObject:
		l.errorf(n.Range, "Wrong type", "%s must be the name of an event or an object such as { page = \"/pricing\" }, found %s.", what, foundNode(n))
		return out, false
	}
	ok := true
	for _, m := range n.Members {
		ok = l.goldenMember(d, &out, m, fmt.Sprintf("%s.%s", what, m.Key)) && ok
	}
	if ok && out.Name == "" && out.Path == "" {
		l.errorf(n.Range, "Missing attribute", "%s has neither an event nor a page. Add event = \"Name\" or page = \"/path\".", what)
		return out, false
	}
	return out, ok
}

func (l *loader) goldenMember(d *decoder, out *GoldenEvent, m *Node, what string) bool {
	known := []string{"event", "page", "count", "properties"}
	switch m.Key {
	case "event":
		out.Name = m.Text
		return l.goldenText(m, what)
	case "page":
		out.Path = m.Text
		return l.goldenText(m, what)
	case "count":
		out.Count = int(m.Number)
		if m.Kind != NodeNumber || m.Number < 1 || m.Number > maxGoldenCount || m.Number != float64(out.Count) {
			l.errorf(m.Range, "Number out of range", "%s must be a whole number from 1 to %d, found %s.", what, maxGoldenCount, foundNode(m))
			return false
		}
		return true
	case "properties":
		out.Props = l.propsOf(d, m, what)
		return true
	}
	l.errorf(m.KeyRange, "Unknown attribute", "An event of a golden lead has no attribute %q. %s", shorten(m.Key), didYouMean(m.Key, known))
	return false
}

func (l *loader) goldenText(n *Node, what string) bool {
	if n.Kind == NodeString && n.Text != "" {
		return true
	}
	l.errorf(n.Range, "Wrong type", "%s must be a string that is not empty, found %s.", what, foundNode(n))
	return false
}
