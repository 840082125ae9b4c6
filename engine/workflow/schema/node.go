package schema

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow/value"
)

// NodeKind is the type of a configuration node.
type NodeKind uint8

// The types of configuration nodes.
const (
	NodeNull NodeKind = iota
	NodeBool
	NodeNumber
	NodeString
	NodeList
	NodeObject
	NodeExpr
	NodePoints
	NodeMillis
)

// Node is one value of a plugin's block, in source order. Blocks of one type
// are a list of objects under the type's name; a block's label is its member
// "label".
type Node struct {
	Kind     NodeKind
	Key      string
	KeyRange hcl.Range // of the name in the parent, empty in a list
	Bool     bool
	Number   float64
	Text     string
	Points   lead.Points // NodePoints
	Millis   int64       // NodeMillis
	Expr     hcl.Expression
	Members  []*Node // NodeList, NodeObject
	Range    hcl.Range
	// Spoiled: the value is wrong and has had its diagnostic.
	Spoiled bool
}

// Found describes a node for people: a string "ten".
func (n *Node) Found() string {
	switch n.Kind {
	case NodeBool:
		return strconv.FormatBool(n.Bool)
	case NodeNumber:
		return "a number " + strconv.FormatFloat(n.Number, 'g', 12, 64)
	case NodePoints:
		return "a number " + n.Points.String()
	case NodeString, NodeMillis:
		return fmt.Sprintf("a string %q", value.Shorten(n.Text))
	case NodeList:
		return "a list"
	case NodeObject:
		return "an object"
	case NodeExpr:
		return "an expression"
	}
	return "null"
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
