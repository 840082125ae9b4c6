package expr

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Reserved says that a name belongs to the language: no score, step or let
// can have it.
func Reserved(name string) bool { return reserved[name] }

var reserved = map[string]bool{
	"trait": true, "account": true, "prop": true, "context": true, "event": true,
	"grade": true, "count": true, "lead": true, "true": true, "false": true, "null": true,
}

// traversal compiles a name such as trait.title or recent.product.last.
func (c *compiler) traversal(t hcl.Traversal, rng hcl.Range) *node {
	parts, ok := c.parts(t, rng)
	if !ok {
		return nil
	}
	root, rest := parts[0], parts[1:]
	if _, ok := c.scope.Lets[root]; ok && !reserved[root] {
		if len(rest) > 0 {
			return c.errorf(rng, "No such part", "%q is a value of this block and has no parts.", root)
		}
		return c.let(root, rng)
	}
	switch root {
	case "trait", "account", "prop", "context":
		return c.property(root, rest, rng)
	case "event":
		return c.event(rest, rng)
	case "count":
		return c.counter(rest, rng)
	case "grade":
		return c.onlyGrade(rest, rng)
	case "lead":
		if len(rest) == 0 {
			return stringNode(rng, "lead", func(f *ledger.Frame) (string, bool) { return f.Acct.Key, f.Acct.Key != "" })
		}
	}
	return c.workflowName(root, rest, rng)
}

func (c *compiler) parts(t hcl.Traversal, rng hcl.Range) (parts []string, ok bool) {
	for _, step := range t {
		switch s := step.(type) {
		case hcl.TraverseRoot:
			parts = append(parts, s.Name)
			continue
		case hcl.TraverseAttr:
			parts = append(parts, s.Name)
			continue
		case hcl.TraverseIndex:
			if s.Key.Type() == cty.String && s.Key.IsKnown() && !s.Key.IsNull() {
				parts = append(parts, s.Key.AsString())
				continue
			}
		}
		c.errorf(rng, "Unsupported index", "Parts of a name are written with a dot, or as text in brackets: trait[\"job title\"].")
		return nil, false
	}
	return parts, true
}

func (c *compiler) property(root string, rest []string, rng hcl.Range) *node {
	if len(rest) == 0 {
		return c.errorf(rng, "Incomplete name", "Write which one: %s.name.", root)
	}
	name := strings.Join(rest, ".")
	key := root + "." + name
	switch root {
	case "trait":
		c.reads.Facts = true
		return dynamicNode(rng, key, func(f *ledger.Frame) lead.Value { return f.Acct.Person.Get(name) })
	case "account":
		c.reads.Facts = true
		return dynamicNode(rng, key, func(f *ledger.Frame) lead.Value { return f.Acct.Company.Get(name) })
	}
	if !c.allowed(AllowEvent, root, rng) {
		return nil
	}
	c.reads.Event = true
	if root == "prop" {
		n := dynamicNode(rng, key, func(f *ledger.Frame) (v lead.Value) {
			if f.Event != nil {
				v = f.Event.Props.Get(name)
			}
			return v
		})
		n.prop = name
		return n
	}
	return dynamicNode(rng, key, func(f *ledger.Frame) (v lead.Value) {
		if f.Event != nil {
			v = f.Event.Context.Get(name)
		}
		return v
	})
}

func (c *compiler) event(rest []string, rng hcl.Range) *node {
	if !c.allowed(AllowEvent, "event", rng) {
		return nil
	}
	c.reads.Event = true
	parts := []string{"name", "path", "kind"}
	if len(rest) != 1 || !slices.Contains(parts, rest[0]) {
		return c.errorf(rng, "Unknown part of the event", "It is event.name, event.path or event.kind.%s Properties are read as prop.name.", Suggest(strings.Join(rest, "."), parts))
	}
	part := rest[0]
	return stringNode(rng, "event."+part, func(f *ledger.Frame) (s string, ok bool) {
		if f.Event == nil {
			return "", false
		}
		switch part {
		case "name":
			s = f.Event.Name
		case "path":
			s = f.Event.Path
		default:
			s = f.Event.Kind.String()
		}
		return s, s != ""
	})
}

func (c *compiler) counter(rest []string, rng hcl.Range) *node {
	if c.scope.NoCounters {
		return c.errorf(rng, "No counters here", "What a counter counts cannot depend on a counter.")
	}
	if len(rest) != 1 {
		return c.errorf(rng, "Incomplete name", "Write which counter: count.name.")
	}
	var names []string
	for i := range c.scope.Book.Counters {
		name := c.scope.Book.Counters[i].Name
		if name == rest[0] {
			c.reads.Counters = append(c.reads.Counters, i)
			return c.counterNode(i, name, rng)
		}
		if !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	return c.errorf(rng, "Unknown counter", "There is no counter %q.%s The counters are: %s.", rest[0], Suggest(rest[0], names), OneOf(names))
}

func (c *compiler) counterNode(i int, name string, rng hcl.Range) *node {
	clock := c.scope.Allow&AllowClock != 0
	n := numberNode(rng, "count."+name, func(f *ledger.Frame) (float64, bool) {
		at := f.At
		if clock {
			at = f.Now
		}
		return float64(f.Acct.Counted(f.Book, i, at)), true
	})
	n.shown = n.key
	return n
}

// let compiles a named expression of the block, once.
func (c *compiler) let(name string, rng hcl.Range) *node {
	s := c.scope
	if at := slices.Index(s.path, name); at >= 0 {
		return c.errorf(rng, "Values in a circle", "%s → %s depend on each other.", strings.Join(s.path[at:], " → "), name)
	}
	if s.lets == nil {
		s.lets = map[string]*let{}
	}
	l := s.lets[name]
	if l == nil {
		l = &let{}
		s.lets[name] = l
		s.path = append(s.path, name)
		inner := &compiler{scope: s}
		l.node = inner.expression(s.Lets[name])
		s.path = s.path[:len(s.path)-1]
		l.reads = inner.reads
		c.diags = append(c.diags, inner.diags...)
	}
	if l.node == nil {
		return nil
	}
	c.reads.Add(&l.reads)
	n := *l.node
	n.rng = rng
	if !n.con && n.form == nil && len(n.key) > len(name) {
		n.key = name
	}
	return &n
}

// allowed reports a name that this place cannot use.
func (c *compiler) allowed(need Allow, what string, rng hcl.Range) bool {
	if c.scope.Allow&need != 0 {
		return true
	}
	why := map[Allow]string{
		AllowEvent:  "it belongs to a single event, and this is asked at other times too.",
		AllowScores: "scores are known only after all steps; use it in a route, a label or a derived score.",
		AllowMarks:  "it is kept for routes; use it in a route, suppress, veto or label.",
	}
	c.errorf(rng, "Not available here", "%s cannot be used in %s: %s", what, c.scope.Place, why[need])
	return false
}
