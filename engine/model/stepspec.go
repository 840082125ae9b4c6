package model

import (
	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/model/lint"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// exprUse is one expression of a block, compiled as one type.
type exprUse struct {
	id   uint32
	want expr.Type
}

// steps compiles the expressions of each step and builds its spec.
func (b *builder) steps() {
	for i, w := range b.work {
		b.step(i, w)
		w.spec.OnError, w.spec.Breaker = onError(w.def.OnError), w.def.Breaker
		if w.backup != nil {
			b.step(i, w.backup)
			w.spec.Fallback = w.backup.spec
		}
	}
}

func onError(name string) step.OnError {
	switch name {
	case "skip":
		return step.OnErrorSkip
	case "hold":
		return step.OnErrorHold
	case "fallback":
		return step.OnErrorFallback
	}
	return step.OnErrorReject
}

func (b *builder) step(i int, w *stepWork) {
	s := w.spec
	s.Index, s.Name, s.Plugin, s.Digest = i, w.def.Name, w.info.Manifest.Name, w.info.Digest
	s.Needs, s.Config, s.Caps, s.StateMax = w.needs, w.blob, w.info.Caps, w.info.StateMax
	s.Sum = b.sum(w)
	w.scope = b.scope("an expression of a step", expr.InStep, i)
	w.scope.Lets = w.config.lets
	b.diags = append(b.diags, w.scope.LetNames()...)
	facts := len(w.needs.Inputs) > 0
	for k := range w.needs.Inputs {
		in := &w.needs.Inputs[k]
		s.Project = append(s.Project, b.projector(w, in))
		facts = facts && w.factual(in)
	}
	s.FactsOnly = facts && s.Caps&abi.CapPure != 0
	s.Triggers = triggers(w.needs)
	if w.info.Manifest.Voids == abi.VoidsListed {
		s.Voids = listed(w.needs)
	}
	b.unread(w)
}

// triggers are the inputs of a sparse step of which an event must match one,
// nil if the step wants every event: grades and flags may change with each.
func triggers(n *abi.Needs) (list []int) {
	if !n.Sparse || len(n.Grades)+len(n.Flags) > 0 {
		return nil
	}
	return listed(n)
}

// listed are the inputs that compare the event's name or path.
func listed(n *abi.Needs) (list []int) {
	for i := range n.Inputs {
		if in := &n.Inputs[i]; in.Kind == abi.InputEnum && (in.Source == abi.FromEvent || in.Source == abi.FromPath) {
			list = append(list, i)
		}
	}
	return list
}

// factual says that an input changes with the lead's facts only.
func (w *stepWork) factual(in *abi.Input) bool {
	switch in.Source {
	case abi.FromTrait, abi.FromAccount:
		return true
	case abi.FromExpr:
		x := w.exprs[exprUse{in.Expr, wanted(in.Kind)}]
		return x != nil && x.Reads.FactsOnly()
	}
	return false
}

// wanted is the type of expression that an input asks for.
func wanted(kind abi.InputKind) expr.Type {
	switch kind {
	case abi.InputBool:
		return expr.Bool
	case abi.InputNumber, abi.InputCount:
		return expr.Number
	}
	return expr.Printed
}

// expr compiles expression id of a block as a type, once; nil after a mistake.
func (b *builder) expr(w *stepWork, id uint32, want expr.Type) *expr.Expr {
	use := exprUse{id, want}
	if x, ok := w.exprs[use]; ok {
		return x
	}
	e := w.config.exprs[id]
	x, diags := w.scope.Compile(e, want)
	b.diags = append(b.diags, diags...)
	w.exprs[use] = x
	if x != nil && x.Const && want == expr.Bool && !isLiteral(e) {
		b.find(hcl.DiagWarning, lint.Never, w.def.Name, e.Range(), "Condition is constant", "This is always the same, whatever the lead does.")
	}
	return x
}

// unread compiles the expressions that no input reads, for their mistakes.
func (b *builder) unread(w *stepWork) {
	read := map[uint32]bool{}
	for use := range w.exprs {
		read[use.id] = true
	}
	for i := range w.needs.Counters {
		if c := w.needs.Counters[i].Where; c > 0 {
			read[c-1] = true
		}
	}
	for id := range w.config.exprs {
		e := w.config.exprs[id]
		if read[uint32(id)] || w.isLet(e) {
			continue
		}
		b.expr(w, uint32(id), expr.Any)
	}
}

func (w *stepWork) isLet(e hcl.Expression) bool {
	for _, l := range w.config.lets {
		if l == e {
			return true
		}
	}
	return false
}

func (b *builder) fromExpr(w *stepWork, in *abi.Input) step.Projector {
	x := b.expr(w, in.Expr, wanted(in.Kind))
	if x == nil {
		return nil
	}
	switch {
	case in.Kind == abi.InputBool && x.Bits != nil:
		return step.Projector(x.Bits)
	case in.Kind == abi.InputBool:
		cond := x.Cond
		return func(f *ledger.Frame) (uint64, string, bool) { return triBits(cond(f)) }
	case in.Kind == abi.InputNumber:
		return numberBits(x.Number)
	case in.Kind == abi.InputCount:
		return countBits(x.Number)
	}
	return fromText(in, x.String)
}
