package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/workflow/value"
)

// place is a node with the way that leads to it.
type place struct {
	node  *Node
	block string // title of the innermost block around it
	path  string // from that block: events["Demo Requested"]
}

// index finds nodes without walking long objects again for every mistake.
type index struct {
	members map[*Node]map[string]*Node
	keys    map[shapeKey][]keyed
}

// shapeKey is a key of objects of one shape.
type shapeKey struct{ at, key string }

type keyed struct {
	node   *Node
	parent place
}

func (d *decoder) indexOf(root *Node) index {
	x := index{members: map[*Node]map[string]*Node{}, keys: map[shapeKey][]keyed{}}
	d.addTo(x, place{node: root, block: d.titles[root]})
	return x
}

func (d *decoder) addTo(x index, p place) {
	members := make(map[string]*Node, len(p.node.Members))
	x.members[p.node] = members
	for i, m := range p.node.Members {
		step := m.Key
		if p.node.Kind == NodeList {
			step = strconv.Itoa(i)
		} else if sh := d.shapes[p.node]; sh != nil {
			k := shapeKey{sh.at, m.Key}
			x.keys[k] = append(x.keys[k], keyed{m, p})
		}
		members[step] = m
		d.addTo(x, d.below(p, m, step))
	}
}

// below is the place of a member or element.
func (d *decoder) below(p place, m *Node, step string) place {
	sub := place{node: m, block: p.block}
	switch title := d.titles[m]; {
	case title != "":
		sub.block = title
	case p.node.Kind == NodeList:
		sub.path = p.path + "[" + step + "]"
	case p.path == "":
		sub.path = step
	case plainName.MatchString(step):
		sub.path = p.path + "." + step
	default:
		sub.path = fmt.Sprintf("%s[%q]", p.path, value.Shorten(step))
	}
	return sub
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// locate follows a JSON pointer; spoiled is true if the node or one around it
// has had its diagnostic.
func (d *decoder) locate(root *Node, pointer []string) (p place, spoiled bool) {
	p = place{node: root, block: d.titles[root]}
	spoiled = root.Spoiled
	for _, step := range pointer {
		m := d.index.members[p.node][step]
		if m == nil {
			break
		}
		p = d.below(p, m, step)
		spoiled = spoiled || m.Spoiled
	}
	return p, spoiled
}

// name is what to call the place in a sentence.
func (p place) name() string {
	if p.path == "" {
		return p.block
	}
	return p.path
}

// title is the name with the word of its kind.
func (p place) title(d *decoder) string {
	if d.titles[p.node] != "" || p.path == "" {
		return p.block
	}
	return strings.TrimSpace(p.path)
}

func (d *decoder) keyRange(p place, key string) hcl.Range {
	if m := d.index.members[p.node][key]; m != nil {
		return m.KeyRange
	}
	return p.node.Range
}

func (p place) element(i int) hcl.Range {
	if p.node.Kind == NodeList && i < len(p.node.Members) {
		return p.node.Members[i].Range
	}
	return p.node.Range
}
