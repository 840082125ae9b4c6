package expr

import (
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Type is the static type of an expression.
type Type uint8

// The types. Dynamic is a property, typed by what it holds; Any asks for
// whatever the expression is.
const (
	Any Type = iota
	Bool
	Number
	Points
	String
	Dynamic
	// Printed asks for the text of any value, as templates show it.
	Printed
)

var typeNames = [...]string{"any value", "a condition", "a number", "points", "a string", "a property", "a text"}

func (t Type) String() string { return typeNames[t] }

// Allow says which names an expression may use, by its place.
type Allow uint8

// What a place may allow.
const (
	AllowEvent  Allow = 1 << iota // prop, context, event, hour, weekday
	AllowScores                   // score values and classes
	AllowMarks                    // pending, idle, peak, episode, stage, age_days
	AllowClock                    // counters are read at the lead's clock, not at the event's time
)

// The places of a workflow.
const (
	InStep    = AllowEvent
	InCounter = AllowEvent
	InDerived = AllowScores | AllowClock
	InRoute   = AllowEvent | AllowScores | AllowMarks | AllowClock
)

// Scope is what an expression is compiled against. A scope is used by one
// goroutine.
type Scope struct {
	// Book names scores, classes, rules, steps and counters. peak() adds to its
	// Peaks.
	Book   *ledger.Book
	Tables map[string]*Table
	// Place names the place in messages, e.g. "a step's expression".
	Place string
	Allow Allow
	// Steps is how many of Book.Steps may be read: a step reads earlier ones.
	Steps int
	// NoCounters is set where counters are defined.
	NoCounters bool
	// Lets are the named expressions of the same block.
	Lets map[string]hcl.Expression

	lets map[string]*let
	path []string // lets being compiled, for cycles
}

type let struct {
	node  *node
	reads Reads
	done  bool
}

// Expr is a compiled expression. One of Cond, Number, Points and String is set,
// by Type; a Dynamic one (only where Any was asked for) has all but Points.
type Expr struct {
	Type   Type
	Cond   ledger.Cond
	Bits   Bits // of a condition, nil unless it is faster than Cond
	Number func(*ledger.Frame) (float64, bool)
	Points func(*ledger.Frame) (lead.Points, bool)
	String func(*ledger.Frame) (string, bool)
	Reads  Reads
	Form   *Form // of conditions
	Const  bool  // does not depend on anything
	Range  hcl.Range
}

// Compile type-checks e and turns it into closures. The result is nil if there
// are errors.
func (s *Scope) Compile(e hcl.Expression, want Type) (*Expr, hcl.Diagnostics) {
	c := &compiler{scope: s}
	n := c.expression(e)
	if n == nil {
		return nil, c.diags
	}
	x := &Expr{Type: want, Range: e.Range(), Const: n.con}
	if want == Any {
		x.Type = n.typ
	}
	switch x.Type {
	case Bool:
		if b := c.asBool(n); b != nil {
			x.Cond, x.Bits, x.Form = b.tri, b.bits, b.form
		}
	case Number:
		x.Number = (&call{c: c}).plain(n) // an amount of points is its number of points
	case Points:
		if p := c.asPoints(n); p != nil {
			x.Points = p.round()
		}
	case String:
		if t := c.asString(n); t != nil {
			x.String = t.str
		}
	case Printed:
		x.String = n.print()
	case Dynamic:
		x.Cond, x.Number, x.String = c.asBool(n).tri, c.asNumber(n).num, c.asString(n).str
	}
	if c.diags.HasErrors() {
		return nil, c.diags
	}
	x.Reads = c.reads.sorted()
	return x, c.diags
}

// LetNames checks the names of the lets and compiles them all, so that a
// mistake in an unused one is found too.
func (s *Scope) LetNames() (diags hcl.Diagnostics) {
	for _, name := range sortedKeys(s.Lets) {
		c := &compiler{scope: s}
		if reserved[name] {
			c.errorf(s.Lets[name].Range(), "Name is taken", "%q is a name of the language; call the value something else.", name)
		} else {
			c.let(name, s.Lets[name].Range())
		}
		diags = append(diags, c.diags...)
	}
	return diags
}

// compiler is the work on one expression.
type compiler struct {
	scope *Scope
	file  string // of templates, for their placeholders
	diags hcl.Diagnostics
	reads Reads
}

func (c *compiler) expression(e hcl.Expression) *node {
	x, ok := e.(hclsyntax.Expression)
	if !ok {
		return c.errorf(e.Range(), "Unsupported expression", "Expressions are written in HCL's native syntax.")
	}
	return c.walk(x)
}

func (c *compiler) zone() *time.Location {
	if z := c.scope.Book.Zone; z != nil {
		return z
	}
	return time.UTC
}
