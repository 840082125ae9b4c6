package model

import (
	"math"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// config is a step's block as it crosses to the plugin, with the places that
// its nodes and expressions come from.
type config struct {
	nodes  []abi.Node
	ranges []hcl.Range // by node
	exprs  []hcl.Expression
	lets   map[string]hcl.Expression
}

// flatten lays a block out in pre-order.
func flatten(root *workflow.Node, block hcl.Range) *config {
	c := &config{lets: map[string]hcl.Expression{}}
	if root == nil {
		root = &workflow.Node{Kind: workflow.NodeObject, Range: block}
	}
	c.add(root, 0, true)
	c.ranges[0] = block
	for _, m := range root.Members {
		if m.Key == "let" {
			c.letsIn(m)
		}
	}
	return c
}

func (c *config) add(n *workflow.Node, parent uint32, root bool) uint32 {
	at := uint32(len(c.nodes))
	c.nodes = append(c.nodes, abi.Node{Kind: abi.NodeKind(n.Kind), Key: n.Key, Parent: parent})
	c.ranges = append(c.ranges, n.Range)
	out := abi.Node{Kind: abi.NodeKind(n.Kind), Key: n.Key, Parent: parent, Text: n.Text}
	if root {
		out.Key = ""
	}
	switch n.Kind {
	case workflow.NodeBool:
		if n.Bool {
			out.Value = 1
		}
	case workflow.NodeNumber:
		out.Value = math.Float64bits(n.Number)
	case workflow.NodePoints:
		out.Value = uint64(n.Points)
	case workflow.NodeMillis:
		out.Value = uint64(n.Millis)
	case workflow.NodeExpr:
		out.Value = uint64(len(c.exprs))
		c.exprs = append(c.exprs, n.Expr)
	}
	last := uint32(0)
	for _, m := range n.Members {
		child := c.add(m, at, false)
		if last == 0 {
			out.Child = child
		} else {
			c.nodes[last].Next = child
		}
		last = child
	}
	next := c.nodes[at].Next
	out.Next = next
	c.nodes[at] = out
	return at
}

// letsIn collects the named expressions of `let { … }`, written as a block or
// as an object.
func (c *config) letsIn(n *workflow.Node) {
	for _, m := range n.Members {
		switch {
		case m.Kind == workflow.NodeExpr && m.Key != "":
			c.lets[m.Key] = m.Expr
		case n.Kind == workflow.NodeList:
			c.letsIn(m)
		}
	}
}

// rangeOf is where a node was written; the whole block for a node that does
// not exist.
func (c *config) rangeOf(node uint32) hcl.Range {
	if int(node) < len(c.ranges) {
		return c.ranges[node]
	}
	return c.ranges[0]
}

func (c *config) encode() []byte { return abi.AppendConfig(nil, c.nodes) }
