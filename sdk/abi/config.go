package abi

import (
	"errors"
	"strconv"
)

// NodeKind is the type of a configuration node.
type NodeKind uint8

// The types of nodes. The host has validated the tree against the manifest's
// JSON Schema, so a guest may rely on the types there.
const (
	NodeNull NodeKind = iota
	NodeBool
	NodeNumber // Value: IEEE bits
	NodeString // Value: offset (low 32), length (high 32) in the heap
	NodeList   // children in order
	NodeObject // children with keys, in source order; a block's label is its child "label"
	NodeExpr   // Value: expression id, for Input.Expr
	NodePoints // Value: milli-points (schema: "x-ripen": "points")
	NodeMillis // Value: ms (schema: "x-ripen": "duration")
)

// Node is one node of the configuration tree, in pre-order; node 0 is the
// step's block.
type Node struct {
	Kind   NodeKind
	Key    string // name of the attribute or block in its parent object
	Value  uint64
	Text   string // NodeString
	Next   uint32 // next sibling, 0 = none
	Child  uint32 // first child, 0 = none
	Parent uint32
}

// NodeSize is the size of an encoded node: kind u8, 3 reserved, key offset
// u32, key length u32, parent u32, value u64, next u32, child u32.
const NodeSize = 32

// ConfigHeader is the size of the blob's header: magic, count, heap offset,
// heap length (u32 each). Node 0 follows it.
const ConfigHeader = 16

const configMagic uint32 = 'C' | 'O'<<8 | 'N'<<16 | 'F'<<24

// ErrConfig says that a configuration blob is damaged.
var ErrConfig = errors.New("configuration blob is damaged")

// blobError is an error of a blob with what is wrong in it. Package fmt would
// make each guest half a megabyte larger.
type blobError struct {
	err  error
	text string
}

func damaged(err error, text string) error { return &blobError{err, text} }

func (e *blobError) Error() string { return e.err.Error() + ": " + e.text }
func (e *blobError) Unwrap() error { return e.err }

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

// AppendConfig encodes nodes behind b.
func AppendConfig(b []byte, nodes []Node) []byte {
	base := len(b)
	heapOff := ConfigHeader + NodeSize*len(nodes)
	b = append(b, make([]byte, heapOff)...)
	out := b[base:]
	put32(out, 0, configMagic)
	put32(out, 4, uint32(len(nodes)))
	put32(out, 8, uint32(heapOff))
	var heap []byte
	for i := range nodes {
		n, rec := &nodes[i], out[ConfigHeader+NodeSize*i:]
		rec[0] = byte(n.Kind)
		put32(rec, 4, uint32(len(heap)))
		put32(rec, 8, uint32(len(n.Key)))
		heap = append(heap, n.Key...)
		value := n.Value
		if n.Kind == NodeString {
			value = uint64(len(heap)) | uint64(len(n.Text))<<32
			heap = append(heap, n.Text...)
		}
		put32(rec, 12, n.Parent)
		put64(rec, 16, value)
		put32(rec, 24, n.Next)
		put32(rec, 28, n.Child)
	}
	put32(out, 12, uint32(len(heap)))
	return append(b, heap...)
}

// DecodeConfig reads a configuration blob. The strings are copies.
func DecodeConfig(b []byte) ([]Node, error) {
	if len(b) < ConfigHeader || get32(b, 0) != configMagic {
		return nil, damaged(ErrConfig, "no CONF header")
	}
	n, heapOff, heapLen := uint64(get32(b, 4)), uint64(get32(b, 8)), uint64(get32(b, 12))
	if heapOff != ConfigHeader+NodeSize*n || heapOff+heapLen > uint64(len(b)) {
		return nil, damaged(ErrConfig, utoa(n)+" nodes and "+utoa(heapLen)+" bytes of heap do not fit "+utoa(uint64(len(b)))+" bytes")
	}
	heap := b[heapOff : heapOff+heapLen]
	text := func(off, length uint64) (string, bool) {
		if off+length > uint64(len(heap)) {
			return "", false
		}
		return string(heap[off : off+length]), true
	}
	nodes := make([]Node, n)
	for i := range nodes {
		rec := b[ConfigHeader+NodeSize*i:]
		key, ok := text(uint64(get32(rec, 4)), uint64(get32(rec, 8)))
		node := Node{Kind: NodeKind(rec[0]), Key: key, Parent: get32(rec, 12), Value: get64(rec, 16), Next: get32(rec, 24), Child: get32(rec, 28)}
		if node.Kind == NodeString && ok {
			node.Text, ok = text(node.Value&0xffffffff, node.Value>>32)
		}
		// Links point forward only, so that a walk always ends.
		if !ok || uint64(node.Next) >= max(n, 1) || uint64(node.Child) >= max(n, 1) ||
			(node.Next != 0 && node.Next <= uint32(i)) || (node.Child != 0 && node.Child <= uint32(i)) {
			return nil, damaged(ErrConfig, "node "+utoa(uint64(i))+" points outside")
		}
		nodes[i] = node
	}
	return nodes, nil
}

// Binding is what ripen_bind hands over: the layout that stays the same for
// all rounds. Ids of inputs and rules are their indexes in Needs.
type Binding struct {
	SlotStride uint32
	Inputs     uint32
	Words      uint32
	Rules      uint32
}

// BindingSize is the size of an encoded Binding.
const BindingSize = 16

// Encode writes the binding into b[:BindingSize].
func (v *Binding) Encode(b []byte) {
	put32(b, 0, v.SlotStride)
	put32(b, 4, v.Inputs)
	put32(b, 8, v.Words)
	put32(b, 12, v.Rules)
}

// DecodeBinding reads a binding from b[:BindingSize].
func DecodeBinding(b []byte) Binding {
	return Binding{SlotStride: get32(b, 0), Inputs: get32(b, 4), Words: get32(b, 8), Rules: get32(b, 12)}
}
