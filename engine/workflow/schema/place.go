package schema

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// place is a node with the way that leads to it.
type place struct {
	node  *Node
	block string // title of the innermost block around it
	path  string // from that block: events["Demo Requested"]
}

// locate follows a JSON pointer; spoiled is true if the node or one around it
// has had its diagnostic.
func (d *decoder) locate(root *Node, pointer []string) (p place, spoiled bool) {
	p = place{node: root, block: d.titles[root]}
	spoiled = root.Spoiled
	for _, step := range pointer {
		next := child(p.node, step)
		if next == nil {
			return p, spoiled
		}
		switch title := d.titles[next]; {
		case title != "":
			p.block, p.path = title, ""
		case p.node.Kind == NodeList:
			p.path += "[" + step + "]"
		case p.path == "":
			p.path = step
		case plainName.MatchString(step):
			p.path += "." + step
		default:
			p.path += fmt.Sprintf("[%q]", step)
		}
		p.node = next
		spoiled = spoiled || next.Spoiled
	}
	return p, spoiled
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

func child(n *Node, step string) *Node {
	if n.Kind != NodeList {
		return memberOf(n, step)
	}
	i, err := strconv.Atoi(step)
	if err != nil || i < 0 || i >= len(n.Members) {
		return nil
	}
	return n.Members[i]
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

func (p place) keyRange(key string) hcl.Range {
	if m := memberOf(p.node, key); m != nil {
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
