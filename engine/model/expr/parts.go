package expr

import (
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/workflow"
)

// Parts takes a condition that has compiled apart, for explanations: one part
// for each statement between its && and ||, in the order in which they are
// written. source gives the text of a range. The condition itself is neither
// changed nor slowed down.
func (s *Scope) Parts(e hcl.Expression, source func(hcl.Range) string) []ledger.Part {
	x, ok := e.(hclsyntax.Expression)
	if !ok {
		return nil
	}
	p := &parts{scope: s, source: source}
	p.statements(x)
	return p.list
}

type parts struct {
	scope  *Scope
	source func(hcl.Range) string
	list   []ledger.Part
}

// statements walks down to what && and || join.
func (p *parts) statements(e hclsyntax.Expression) {
	switch x := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		p.statements(x.Expression)
		return
	case *hclsyntax.BinaryOpExpr:
		if x.Op == hclsyntax.OpLogicalAnd || x.Op == hclsyntax.OpLogicalOr {
			p.statements(x.LHS)
			p.statements(x.RHS)
			return
		}
	case *hclsyntax.UnaryOpExpr:
		if inner, joined := joint(x.Val); x.Op == hclsyntax.OpLogicalNot && joined {
			p.statements(inner)
			return
		}
	}
	x, diags := p.scope.Compile(e, Bool)
	if diags.HasErrors() {
		return
	}
	part := ledger.Part{Text: p.source(e.Range()), Cond: x.Cond}
	p.reads(e, &part)
	p.list = append(p.list, part)
}

// joint looks through parentheses for something that && or || join.
func joint(e hclsyntax.Expression) (inner hclsyntax.Expression, joined bool) {
	for {
		par, ok := e.(*hclsyntax.ParenthesesExpr)
		if !ok {
			break
		}
		e = par.Expression
	}
	b, ok := e.(*hclsyntax.BinaryOpExpr)
	return e, ok && (b.Op == hclsyntax.OpLogicalAnd || b.Op == hclsyntax.OpLogicalOr)
}

// reads finds the names and the calls that a statement depends on.
func (p *parts) reads(e hclsyntax.Expression, into *ledger.Part) {
	switch x := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		p.reads(x.Expression, into)
	case *hclsyntax.BinaryOpExpr:
		p.reads(x.LHS, into)
		p.reads(x.RHS, into)
	case *hclsyntax.UnaryOpExpr:
		p.reads(x.Val, into)
	case *hclsyntax.ConditionalExpr:
		p.reads(x.Condition, into)
		p.reads(x.TrueResult, into)
		p.reads(x.FalseResult, into)
	case *hclsyntax.TemplateExpr:
		for _, part := range x.Parts {
			p.reads(part, into)
		}
	case *hclsyntax.TemplateWrapExpr:
		p.reads(x.Wrapped, into)
	case *hclsyntax.ScopeTraversalExpr:
		p.read(x, into)
	case *hclsyntax.FunctionCallExpr:
		p.call(x, into)
	}
}

// call shows what a function of the lead's own state says; of the others, what
// they are given.
func (p *parts) call(x *hclsyntax.FunctionCallExpr, into *ledger.Part) {
	switch x.Name {
	case "peak", "age_days", "hour", "weekday":
		p.read(x, into)
	case "idle":
		into.Reads = append(into.Reads, ledger.Read{Text: "last activity", Value: quiet})
	case "stage":
		into.Reads = append(into.Reads, ledger.Read{Text: "stage", Value: stageOf})
	case "pending", "episode": // the statement says it all
	default:
		for _, arg := range x.Args {
			p.reads(arg, into)
		}
	}
}

// read adds an expression whose value is shown, once.
func (p *parts) read(e hclsyntax.Expression, into *ledger.Part) {
	text := p.source(e.Range())
	if text == into.Text { // a flag: the statement says it all
		return
	}
	for i := range into.Reads {
		if into.Reads[i].Text == text {
			return
		}
	}
	c := &compiler{scope: p.scope}
	if n := c.walk(e); n != nil {
		into.Reads = append(into.Reads, ledger.Read{Text: text, Value: n.exact()})
	}
}

// exact prints a value as it is compared: points to the milli-point, and texts
// in quotation marks.
func (n *node) exact() func(*ledger.Frame) (string, bool) {
	switch n.typ {
	case Points:
		pts := n.round()
		return func(f *ledger.Frame) (string, bool) {
			v, ok := pts(f)
			return v.String(), ok
		}
	case String:
		str := n.str
		return func(f *ledger.Frame) (string, bool) {
			v, ok := str(f)
			return strconv.Quote(v), ok
		}
	case Dynamic:
		dyn := n.dyn
		return func(f *ledger.Frame) (string, bool) {
			v := dyn(f)
			if v.Kind == lead.String || v.Kind == lead.List {
				return strconv.Quote(v.Text()), true
			}
			return v.Text(), v.Kind != lead.Absent
		}
	}
	return n.print()
}

// quiet tells how long the lead has done nothing.
func quiet(f *ledger.Frame) (string, bool) {
	since := IdleSince(f.Acct)
	if since == 0 {
		return "", false
	}
	const minute = 60_000
	return time.UnixMilli(since).UTC().Format("2006-01-02") + ", " + workflow.FormatDuration(max(f.Now-since, 0)/minute*minute) + " ago", true
}

// stageOf is the last answer of sales.
func stageOf(f *ledger.Frame) (string, bool) {
	return strconv.Quote(f.Acct.Marks.Stage), true
}
