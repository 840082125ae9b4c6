package expr

import (
	"fmt"
	"math"
	"math/big"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// node is a compiled part of an expression. A nil node is one whose mistake
// has been reported; everything that takes nodes passes nil on in silence.
type node struct {
	typ Type
	rng hcl.Range
	key string // canonical text, equal for equal expressions
	con bool   // constant: its closures ignore the frame

	tri  ledger.Cond                                // Bool
	bits Bits                                       // Bool: the same, where that is faster
	form *Form                                      // Bool
	num  func(*ledger.Frame) (float64, bool)        // Number
	rat  *big.Rat                                   // constant Number
	pts  func(*ledger.Frame) (units int64, ok bool) // Points: milli-points × den
	den  int64
	str  func(*ledger.Frame) (string, bool) // String
	dyn  func(*ledger.Frame) lead.Value     // Dynamic

	prop  string // Dynamic: name of the event's property that it is, "" = something else
	enum  *enum  // a String out of known labels
	score int    // 1+index: the plain value of a score
	shown string // Bool, Number: name of the variable for lints, "" = none
}

// enum is a string out of a fixed list.
type enum struct {
	what   string // for messages, e.g. `grade of step "who"`
	labels []string
	at     func(*ledger.Frame) int // 1+index, 0 = unknown
}

func (c *compiler) errorf(rng hcl.Range, summary, format string, args ...any) *node {
	c.diags = append(c.diags, &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(format, args...), Subject: &rng,
	})
	return nil
}

// maxKey bounds the canonical text of a condition, so that values built on
// values built on values cannot explode; a longer one is opaque to lints.
const maxKey = 8 << 10

func boolNode(rng hcl.Range, form *Form, tri ledger.Cond) *node {
	if len(form.Key) > maxKey {
		form = opaque(fmt.Sprintf("#%x", ledger.Hash64(form.Key)))
	}
	n := &node{typ: Bool, rng: rng, key: form.Key, form: form, tri: tri}
	if form.Op == FormConst {
		n.con = true
	}
	return n
}

func constBool(rng hcl.Range, v lead.Tri) *node {
	return boolNode(rng, constForm(v), func(*ledger.Frame) lead.Tri { return v })
}

func constNumber(rng hcl.Range, r *big.Rat) *node {
	f, _ := r.Float64()
	return &node{typ: Number, rng: rng, key: r.RatString(), con: true, rat: r,
		num: func(*ledger.Frame) (float64, bool) { return f, !math.IsInf(f, 0) }}
}

func constString(rng hcl.Range, s string) *node {
	return &node{typ: String, rng: rng, key: fmt.Sprintf("%q", s), con: true,
		str: func(*ledger.Frame) (string, bool) { return s, true }}
}

// text is the value of a constant string.
func (n *node) text() (string, bool) {
	if n == nil || n.typ != String || !n.con {
		return "", false
	}
	return n.str(nil)
}

func numberNode(rng hcl.Range, key string, f func(*ledger.Frame) (float64, bool)) *node {
	return &node{typ: Number, rng: rng, key: key, num: f}
}

func stringNode(rng hcl.Range, key string, f func(*ledger.Frame) (string, bool)) *node {
	return &node{typ: String, rng: rng, key: key, str: f}
}

func dynamicNode(rng hcl.Range, key string, f func(*ledger.Frame) lead.Value) *node {
	return &node{typ: Dynamic, rng: rng, key: key, dyn: f}
}

func enumNode(rng hcl.Range, key string, e *enum) *node {
	return &node{typ: String, rng: rng, key: key, enum: e, str: func(f *ledger.Frame) (string, bool) {
		if i := e.at(f); i > 0 && i <= len(e.labels) {
			return e.labels[i-1], true
		}
		return "", false
	}}
}

func (c *compiler) asBool(n *node) *node {
	if n == nil || n.typ == Bool {
		return n
	}
	if n.typ != Dynamic {
		return c.errorf(n.rng, "Not a condition", "This is %s, but a condition is needed here; compare it with something.", n.typ)
	}
	dyn := n.dyn
	return boolNode(n.rng, opaque(n.key), func(f *ledger.Frame) lead.Tri { return TriOf(dyn(f)) })
}

func (c *compiler) asNumber(n *node) *node {
	if n == nil || n.typ == Number {
		return n
	}
	switch n.typ {
	case Dynamic:
		dyn := n.dyn
		return numberNode(n.rng, n.key, func(f *ledger.Frame) (float64, bool) { return NumberOf(dyn(f)) })
	case Points:
		return c.errorf(n.rng, "Not a number", "This is points, but a number is needed here; ratio(a, b) makes a number of two amounts of points.")
	}
	return c.errorf(n.rng, "Not a number", "This is %s, but a number is needed here.", n.typ)
}

func (c *compiler) asPoints(n *node) *node {
	if n == nil || n.typ == Points {
		return n
	}
	switch {
	case n.rat != nil:
		return c.ratPoints(n)
	case n.typ == Number || n.typ == Dynamic:
		return c.errorf(n.rng, "Not points", "This is %s, and points do not mix with numbers that are not written out; convert it: points(…).", n.typ)
	}
	return c.errorf(n.rng, "Not points", "This is %s, but points are needed here.", n.typ)
}

func (c *compiler) asString(n *node) *node {
	if n == nil || n.typ == String {
		return n
	}
	if n.typ != Dynamic {
		return c.errorf(n.rng, "Not a string", "This is %s, but a string is needed here.", n.typ)
	}
	dyn := n.dyn
	return stringNode(n.rng, n.key, func(f *ledger.Frame) (string, bool) { return TextOf(dyn(f)) })
}
