package sdk

import (
	"math"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Config is one node of the plugin's configuration: its block, or anything in
// it. The zero Config is an absent one: it has no members and every getter
// answers with its default. The host has checked the types by the schema.
type Config struct {
	nodes []abi.Node
	at    uint32
	ok    bool
}

// NewConfig is the root of a tree of nodes.
func NewConfig(nodes []abi.Node) Config { return Config{nodes: nodes, ok: len(nodes) > 0} }

// Exists says whether the node was written (null counts as not written).
func (c Config) Exists() bool { return c.ok && c.node().Kind != abi.NodeNull }

// Node is the index of the node, for errors and rules.
func (c Config) Node() uint32 { return c.at }

// Kind is the node's type.
func (c Config) Kind() abi.NodeKind {
	if !c.ok {
		return abi.NodeNull
	}
	return c.node().Kind
}

// Key is the name under which the node stands in its parent.
func (c Config) Key() string {
	if !c.ok {
		return ""
	}
	return c.node().Key
}

func (c Config) node() *abi.Node { return &c.nodes[c.at] }

// Get is the member of that name of an object; absent if there is none.
func (c Config) Get(key string) Config {
	if !c.ok {
		return Config{}
	}
	for i := c.node().Child; i != 0; i = c.nodes[i].Next {
		if c.nodes[i].Key == key {
			return Config{nodes: c.nodes, at: i, ok: true}
		}
	}
	return Config{}
}

// Items are the elements of a list, or the members of an object in the order
// of the source.
func (c Config) Items() []Config {
	if !c.ok || (c.Kind() != abi.NodeList && c.Kind() != abi.NodeObject) {
		return nil
	}
	var items []Config
	for i := c.node().Child; i != 0; i = c.nodes[i].Next {
		items = append(items, Config{nodes: c.nodes, at: i, ok: true})
	}
	return items
}

// Blocks are the blocks of that type, in the order of the source. A single
// object counts as one block.
func (c Config) Blocks(kind string) []Config {
	list := c.Get(kind)
	if list.Kind() == abi.NodeObject {
		return []Config{list}
	}
	return list.Items()
}

// Label is the label of a block.
func (c Config) Label() string { return c.Text("label", "") }

// AsText is the text of a string node.
func (c Config) AsText() (string, bool) {
	if c.Kind() != abi.NodeString {
		return "", false
	}
	return c.node().Text, true
}

// AsNumber is the value of a number node, or of a points node in points.
func (c Config) AsNumber() (float64, bool) {
	switch c.Kind() {
	case abi.NodeNumber:
		return math.Float64frombits(c.node().Value), true
	case abi.NodePoints:
		return float64(int64(c.node().Value)) / 1000, true
	}
	return 0, false
}

// AsPoints are the milli-points of a points node.
func (c Config) AsPoints() (int64, bool) {
	if c.Kind() != abi.NodePoints {
		return 0, false
	}
	return int64(c.node().Value), true
}

// AsMillis is the length of a duration node in ms.
func (c Config) AsMillis() (int64, bool) {
	if c.Kind() != abi.NodeMillis {
		return 0, false
	}
	return int64(c.node().Value), true
}

// AsExpr is the id of an expression node.
func (c Config) AsExpr() (uint32, bool) {
	if c.Kind() != abi.NodeExpr {
		return 0, false
	}
	return uint32(c.node().Value), true
}

// Text is the member key as text, def if it is not written.
func (c Config) Text(key, def string) string {
	if s, ok := c.Get(key).AsText(); ok {
		return s
	}
	return def
}

// Bool is the member key as a truth value, def if it is not written.
func (c Config) Bool(key string, def bool) bool {
	if m := c.Get(key); m.Kind() == abi.NodeBool {
		return m.node().Value != 0
	}
	return def
}

// Number is the member key as a number, def if it is not written.
func (c Config) Number(key string, def float64) float64 {
	if f, ok := c.Get(key).AsNumber(); ok {
		return f
	}
	return def
}

// Int is the member key as a whole number, def if it is not written. The
// schema says "integer", so nothing is cut off.
func (c Config) Int(key string, def int64) int64 {
	if f, ok := c.Get(key).AsNumber(); ok {
		return int64(f)
	}
	return def
}

// Points is the member key in milli-points, def if it is not written.
func (c Config) Points(key string, def int64) int64 {
	if p, ok := c.Get(key).AsPoints(); ok {
		return p
	}
	return def
}

// Millis is the member key as a duration in ms, def if it is not written.
func (c Config) Millis(key string, def int64) int64 {
	if ms, ok := c.Get(key).AsMillis(); ok {
		return ms
	}
	return def
}

// Strings is the member key as a list of texts; one text is a list of one.
func (c Config) Strings(key string) []string {
	m := c.Get(key)
	if s, ok := m.AsText(); ok {
		return []string{s}
	}
	var list []string
	for _, item := range m.Items() {
		if s, ok := item.AsText(); ok {
			list = append(list, s)
		}
	}
	return list
}
