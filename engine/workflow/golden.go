package workflow

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow/schema"
	"github.com/ripenhq/ripen/engine/workflow/value"
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
		items, ok := value.ListItems(a.Expr)
		if !ok {
			l.Errorf(a.Expr.Range(), "Wrong type", "events must be a list such as [\"Demo Requested\", { page = \"/pricing\" }].")
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
	return l.propsOf(schema.Constant(a.Expr, name, &l.Report), name)
}

func (l *loader) propsOf(n *Node, what string) lead.Props {
	if n.Kind != NodeObject {
		if !n.Spoiled {
			l.Errorf(n.Range, "Wrong type", "%s must be an object such as { industry = \"saas\" }, found %s.", what, n.Found())
		}
		return nil
	}
	var out lead.Props
	l.flatten(n, "", what, &out)
	return out.Sort()
}

func (l *loader) flatten(n *Node, prefix, what string, out *lead.Props) {
	for _, m := range n.Members {
		name := prefix + m.Key
		switch v, ok := plainValue(m); {
		case m.Spoiled:
		case ok:
			*out = append(*out, lead.Prop{Name: name, Value: v})
		case m.Kind == NodeObject:
			l.flatten(m, name+".", what, out)
		default:
			l.Errorf(m.Range, "Wrong type", "%s[%q] must be a string, a number, true, false or a list of strings, found %s. Leave out what is not known.", what, value.Shorten(name), m.Found())
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
	n := schema.Constant(e, what, &l.Report)
	out := GoldenEvent{Count: 1, Range: n.Range}
	switch {
	case n.Spoiled:
		return out, false
	case n.Kind == NodeString:
		out.Name = n.Text
		return out, l.goldenText(n, what)
	case n.Kind != NodeObject:
		l.Errorf(n.Range, "Wrong type", "%s must be the name of an event or an object such as { page = \"/pricing\" }, found %s.", what, n.Found())
		return out, false
	}
	ok := true
	for _, m := range n.Members {
		ok = l.goldenMember(&out, m, fmt.Sprintf("%s.%s", what, m.Key)) && ok
	}
	if ok && out.Name == "" && out.Path == "" {
		l.Errorf(n.Range, "Missing attribute", "%s has neither an event nor a page. Add event = \"Name\" or page = \"/path\".", what)
		return out, false
	}
	return out, ok
}

func (l *loader) goldenMember(out *GoldenEvent, m *Node, what string) bool {
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
			l.Errorf(m.Range, "Number out of range", "%s must be a whole number from 1 to %d, found %s.", what, maxGoldenCount, m.Found())
			return false
		}
		return true
	case "properties":
		out.Props = l.propsOf(m, what)
		return true
	}
	l.Errorf(m.KeyRange, "Unknown attribute", "An event of a golden lead has no attribute %q. %s", value.Shorten(m.Key), value.DidYouMean(m.Key, known))
	return false
}

func (l *loader) goldenText(n *Node, what string) bool {
	if n.Kind == NodeString && n.Text != "" {
		return true
	}
	l.Errorf(n.Range, "Wrong type", "%s must be a string that is not empty, found %s.", what, n.Found())
	return false
}
