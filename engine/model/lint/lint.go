// Package lint looks for workflows that are well-formed and yet not what
// anybody means: routes that nothing reaches, tables with holes, hand-raises
// that lead nowhere, points without end.
//
// It reasons about the shapes of compiled conditions (expr.Form) by trying all
// cases that they distinguish, and says nothing where there are too many. It
// imports lead, ledger and model/expr, never runs a plugin and never scores a
// lead.
package lint

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
)

// The names of the lints.
const (
	Unreachable = "unreachable-route"
	Hand        = "hand-raise"
	Hole        = "table-hole"
	Overlap     = "overlap"
	Never       = "never-fires"
	Growth      = "unbounded-growth"
	HiddenLate  = "hidden-too-late"
)

// Names are the names of all lints of this package.
func Names() []string { return []string{Unreachable, Hand, Hole, Overlap, Never, Growth, HiddenLate} }

// Input is what the lints look at.
type Input struct {
	Book   *ledger.Book
	Sales  []string    // actions that hand a lead to sales
	Routes []*Branch   // in the order in which they are tried
	Labels []*Branch   // in the order in which they are tried
	Vetoes [][]string  // the actions that each veto forbids
	Rules  []RuleFacts // by index in the book
}

// Branch is a route or a label: of several, the first true one is taken.
type Branch struct {
	Of     string // name for silences, e.g. "sales-handoff/warm"
	Action string // of a route
	Form   *expr.Form
	Fall   bool // fires when its condition stops being true, beside the others
	Range  hcl.Range
	// Classes are the classes (indexes in the book) that it asks pending() of.
	Classes []int
}

// Always says that the branch has no condition.
func (b *Branch) Always() bool { return b.Form == nil }

// RuleFacts is what the book does not say of a rule.
type RuleFacts struct {
	Most lead.Points // the most that one award gives
	// Endless says that every event awards again: no scope, no limit, no cap of
	// the rule itself, and no decay on its lines.
	Endless bool
	Range   hcl.Range
}

// Finding is something that a workflow's author can silence.
type Finding struct {
	Lint string
	Of   string // what it was found at, for silences
	Diag *hcl.Diagnostic
}

// New makes a finding. How to silence it is part of its message.
func New(severity hcl.DiagnosticSeverity, lint, of string, rng hcl.Range, summary, format string, args ...any) Finding {
	detail := fmt.Sprintf(format, args...) + fmt.Sprintf(" If it is meant so: silence %q with of = %q and the reason.", lint, of)
	return Finding{lint, of, &hcl.Diagnostic{Severity: severity, Summary: summary, Detail: detail, Subject: &rng}}
}

// Run looks at a workflow.
func Run(in *Input) []Finding {
	l := &linter{Input: in, dead: map[*Branch]bool{}, left: maxWork}
	l.branches(in.Routes, "route", hcl.DiagError)
	l.branches(in.Labels, "label", hcl.DiagWarning)
	l.table()
	l.hands()
	l.growth()
	return l.found
}

type linter struct {
	*Input
	found []Finding
	dead  map[*Branch]bool // reported as unreachable or impossible
	left  int64            // of maxWork
}

func (l *linter) find(severity hcl.DiagnosticSeverity, lint, of string, rng hcl.Range, summary, format string, args ...any) {
	l.found = append(l.found, New(severity, lint, of, rng, summary, format, args...))
}
