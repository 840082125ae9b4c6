package expr

import (
	"math/big"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
)

// Form is the logical shape of a condition: what the lints of a load reason
// about. It says the same as the compiled condition, with everything that no
// lint understands as opaque atoms.
type Form struct {
	Op    FormOp
	Key   string // canonical text; equal keys mean equal conditions
	Kids  []*Form
	Const lead.Tri // FormConst

	// FormRange: Var Cmp At. FormLabel: Var is one of Labels out of Domain.
	Var    string
	Cmp    string   // "<", "<=", ">", ">=", "==" ("!=" is FormNot of "==")
	At     *big.Rat // points or number
	Labels []string
	Domain []string
	// Score is 1+index of the score that a FormRange is about, Counter says that
	// it is about a counter.
	Score   int
	Counter bool
	// Known says that the variable always has a value.
	Known bool
	// Pending are the classes (indexes in the book) of a pending() atom.
	Pending []int
}

// FormOp is what a Form is.
type FormOp uint8

// The shapes.
const (
	FormOpaque FormOp = iota
	FormConst
	FormAnd
	FormOr
	FormNot
	FormRange
	FormLabel
)

func constForm(v lead.Tri) *Form {
	return &Form{Op: FormConst, Const: v, Key: [...]string{"unknown", "false", "true"}[v]}
}

func opaque(key string) *Form { return &Form{Op: FormOpaque, Key: key} }

func notForm(f *Form) *Form {
	if f.Op == FormConst {
		return constForm(f.Const.Not())
	}
	if f.Op == FormNot {
		return f.Kids[0]
	}
	return &Form{Op: FormNot, Key: "!(" + f.Key + ")", Kids: []*Form{f}}
}

func joinForm(op FormOp, a, b *Form) *Form {
	sign := " && "
	if op == FormOr {
		sign = " || "
	}
	kids := make([]*Form, 0, 2)
	for _, f := range []*Form{a, b} {
		if f.Op == op {
			kids = append(kids, f.Kids...)
			continue
		}
		kids = append(kids, f)
	}
	var key strings.Builder
	key.WriteByte('(')
	for i, k := range kids {
		if i > 0 {
			key.WriteString(sign)
		}
		key.WriteString(k.Key)
	}
	key.WriteByte(')')
	return &Form{Op: op, Key: key.String(), Kids: kids}
}

// rangeForm is the form of "var cmp constant", opaque if the node is no
// variable that lints know.
func rangeForm(n *node, op string, at *big.Rat) *Form {
	key := n.key + " " + op + " " + at.RatString()
	if n.score == 0 && n.shown == "" {
		return opaque(key)
	}
	f := &Form{Op: FormRange, Var: n.key, Cmp: op, At: at, Score: n.score, Counter: n.shown != "", Known: true}
	f.Key = key
	if op == "!=" {
		f.Cmp, f.Key = "==", n.key+" == "+at.RatString()
		return notForm(f)
	}
	return f
}

// labelForm is the form of "var is one of labels".
func labelForm(n *node, labels []string) *Form {
	return &Form{Op: FormLabel, Key: n.key + " in " + OneOf(labels), Var: n.key, Labels: labels, Domain: n.enum.labels}
}

// Walk calls visit for the form and everything below it.
func (f *Form) Walk(visit func(*Form)) {
	visit(f)
	for _, k := range f.Kids {
		k.Walk(visit)
	}
}

// Hands are the classes (indexes in the book) whose hand-raises make the
// condition true: those that it asks pending() of, and not the ones whose
// absence it asks for.
func (x *Expr) Hands() (classes []int) {
	seen := false
	var walk func(f *Form, wanted bool)
	walk = func(f *Form, wanted bool) {
		seen = seen || len(f.Pending) > 0
		if wanted {
			classes = append(classes, f.Pending...)
		}
		for _, k := range f.Kids {
			walk(k, wanted != (f.Op == FormNot))
		}
	}
	if x.Form != nil {
		walk(x.Form, true)
	}
	if !seen {
		return x.Reads.Pending
	}
	slices.Sort(classes)
	return slices.Compact(classes)
}
