package expr

import (
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/match"
)

// matching is a test of the text x; properties may be lists.
func (k *call) matching(x *node, key string, m *matcher) *node {
	if x == nil {
		return nil
	}
	if x.typ == Dynamic {
		dyn := x.dyn
		return boolNode(k.rng, opaque(key), func(f *ledger.Frame) lead.Tri { return m.match(dyn(f)) })
	}
	if x = k.c.asString(x); x == nil {
		return nil
	}
	str := x.str
	tri := func(f *ledger.Frame) lead.Tri {
		s, ok := str(f)
		if !ok {
			return lead.Unknown
		}
		return lead.TriOf(m.has(s))
	}
	if x.con {
		return constBool(k.rng, tri(nil))
	}
	return boolNode(k.rng, opaque(key), tri)
}

// texts are the written texts of the arguments from i on.
func (k *call) texts(i int, what string) (texts []string, ok bool) {
	ok = true
	for ; i < len(k.args); i++ {
		t, good := k.literal(i, what)
		texts, ok = append(texts, t), ok && good
	}
	return texts, ok
}

func like(k *call) *node {
	x := k.value(0)
	patterns, ok := k.texts(1, "pattern")
	if x == nil || !ok {
		return nil
	}
	m := &matcher{}
	for _, p := range patterns {
		m.globs = append(m.globs, match.NewGlob(p, true))
	}
	return k.matching(x, "like("+x.key+", "+OneOf(patterns)+")", m)
}

// oneOf compares with a list of written values: labels of a grade, texts, or
// numbers.
func oneOf(k *call) *node {
	x, rest := k.value(0), k.values(1)
	if x == nil || rest == nil {
		return nil
	}
	texts, ranges, allText := make([]string, len(rest)), make([]hcl.Range, len(rest)), true
	for i, n := range rest {
		t, ok := n.text()
		texts[i], ranges[i], allText = t, n.rng, allText && ok
	}
	switch {
	case allText && x.enum != nil:
		return k.c.inLabels(x, texts, ranges, false, k.rng)
	case allText:
		return k.matching(x, "oneof("+x.key+", "+OneOf(texts)+")", &matcher{set: match.NewSet(texts, false)})
	}
	var any *node
	for i, n := range rest {
		eq := k.c.compare("==", x, n, k.rng)
		if eq == nil {
			return nil
		}
		if i == 0 {
			any = eq
			continue
		}
		any = k.c.logic("||", any, eq, k.rng)
	}
	return any
}

func (k *call) table(i int) *Table {
	name, ok := k.literal(i, "name of the table")
	if !ok {
		return nil
	}
	t := k.c.scope.Tables[name]
	if t == nil {
		names := sortedKeys(k.c.scope.Tables)
		k.errorf(k.args[i].Range(), "Unknown table", "There is no table %q.%s The tables are: %s.", name, Suggest(name, names), OneOf(names))
	}
	return t
}

func listed(k *call) *node {
	t, x := k.table(0), k.value(1)
	if t == nil || x == nil {
		return nil
	}
	return k.matching(x, "listed("+strconv.Quote(t.Name)+", "+x.key+")", &matcher{set: t.keys})
}

func lookup(k *call) *node {
	t, x := k.table(0), k.c.asString(k.value(1))
	name, ok := k.literal(2, "name of the column")
	if t == nil || x == nil || !ok {
		return nil
	}
	col := t.column(name)
	if col < 0 {
		return k.errorf(k.args[2].Range(), "Unknown column", "Table %q has no column %q.%s It has %s.", t.Name, name, Suggest(name, t.columns), OneOf(t.columns))
	}
	str := x.str
	return dynamicNode(k.rng, "lookup("+strconv.Quote(t.Name)+", "+x.key+", "+strconv.Quote(name)+")", func(f *ledger.Frame) (v lead.Value) {
		if s, ok := str(f); ok {
			if text, ok := t.cell(t.keys.Find(s), col); ok {
				v = lead.StringOf(text)
			}
		}
		return v
	})
}

// contains asks for a part of a text, or for an element of a list.
func contains(k *call) *node {
	return k.part(strings.Contains)
}

func starts(k *call) *node { return k.part(strings.HasPrefix) }

func ends(k *call) *node { return k.part(strings.HasSuffix) }

func (k *call) part(test func(s, part string) bool) *node {
	x, y := k.value(0), k.c.asString(k.value(1))
	if x == nil || y == nil {
		return nil
	}
	list := func(*ledger.Frame) lead.Value { return lead.Value{} }
	if x.typ == Dynamic {
		list = x.dyn
	}
	key := k.key(x, y)
	x = k.c.asString(x)
	if x == nil {
		return nil
	}
	p, q := x.str, y.str
	tri := func(f *ledger.Frame) lead.Tri {
		part, ok := q(f)
		if !ok {
			return lead.Unknown
		}
		if v := list(f); v.Kind == lead.List {
			return lead.TriOf(listHas(v.Str, part))
		}
		s, ok := p(f)
		if !ok {
			return lead.Unknown
		}
		return lead.TriOf(test(s, part))
	}
	if x.con && y.con {
		return constBool(k.rng, tri(nil))
	}
	return boolNode(k.rng, opaque(key), tri)
}

func listHas(joined, want string) bool {
	for rest, more := joined, true; more; {
		var elem string
		if elem, rest, more = strings.Cut(rest, lead.ListSep); elem == want {
			return true
		}
	}
	return false
}

func lower(k *call) *node {
	x := k.c.asString(k.value(0))
	if x == nil {
		return nil
	}
	if s, ok := x.text(); ok {
		return constString(k.rng, strings.ToLower(s))
	}
	str := x.str
	return stringNode(k.rng, k.key(x), func(f *ledger.Frame) (string, bool) {
		s, ok := str(f)
		return strings.ToLower(s), ok
	})
}
