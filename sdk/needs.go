package sdk

import (
	"slices"

	"github.com/ripenhq/ripen/sdk/abi"
)

// Needs collects what a plugin asks the host for. Asking twice for the same
// column gives the same handle.
type Needs struct {
	abi abi.Needs
}

// Handles of columns, by type. The zero handle is absent in every slot.
type (
	// Bool is a truth value.
	Bool struct{ col uint32 }
	// Number is a double.
	Number struct{ col uint32 }
	// Time is a time in ms.
	Time struct{ col uint32 }
	// Count is a whole number.
	Count struct{ col uint32 }
	// Enum is the 1-based index of the first literal that a text matched, 0 for
	// none of them.
	Enum struct{ col uint32 }
	// Text is a text.
	Text struct{ col uint32 }
	// Hash is the 64-bit hash of a text.
	Hash struct{ col uint32 }
)

// Handle is the handle of a column, of any type.
type Handle interface{ column() uint32 }

func (h Bool) column() uint32   { return h.col }
func (h Number) column() uint32 { return h.col }
func (h Time) column() uint32   { return h.col }
func (h Count) column() uint32  { return h.col }
func (h Enum) column() uint32   { return h.col }
func (h Text) column() uint32   { return h.col }
func (h Hash) column() uint32   { return h.col }

// RuleID, Flag, Grade and Reason name what a plugin may write. The zero Grade
// and Reason mean none.
type (
	RuleID uint16
	Flag   uint8
	Grade  uint16
	Reason uint16
)

// Exact and Globs make literals for Enum columns.
func Exact(texts ...string) []abi.Literal { return literals(texts, false, false) }

// Globs are literals with * for any run of characters.
func Globs(texts ...string) []abi.Literal { return literals(texts, true, false) }

// FoldedGlobs are globs that ignore case.
func FoldedGlobs(texts ...string) []abi.Literal { return literals(texts, true, true) }

func literals(texts []string, glob, fold bool) []abi.Literal {
	list := make([]abi.Literal, len(texts))
	for i, s := range texts {
		list[i] = abi.Literal{Text: s, Glob: glob, Fold: fold}
	}
	return list
}

// MatchGlob says whether a glob takes a text, as the host compares them.
func MatchGlob(pattern, text string) bool { return abi.MatchGlob(pattern, text) }

// Column asks for any input of the contract and returns 1 + its index; the
// typed methods below are made of it.
func (n *Needs) Column(in abi.Input) uint32 {
	for i := range n.abi.Inputs {
		have := &n.abi.Inputs[i]
		if have.Kind == in.Kind && have.Source == in.Source && have.Name == in.Name && have.Expr == in.Expr && slices.Equal(have.Literals, in.Literals) {
			return uint32(i) + 1
		}
	}
	n.abi.Inputs = append(n.abi.Inputs, in)
	return uint32(len(n.abi.Inputs))
}

func (n *Needs) enum(src abi.Source, name string, list []abi.Literal) Enum {
	return Enum{n.Column(abi.Input{Kind: abi.InputEnum, Source: src, Name: name, Literals: list})}
}

// Event compares the event's name with literals.
func (n *Needs) Event(list ...abi.Literal) Enum { return n.enum(abi.FromEvent, "", list) }

// Path compares the path of a page view with literals.
func (n *Needs) Path(list ...abi.Literal) Enum { return n.enum(abi.FromPath, "", list) }

// PathText is the path of a page view.
func (n *Needs) PathText() Text {
	return Text{n.Column(abi.Input{Kind: abi.InputString, Source: abi.FromPath})}
}

// PathLabel is the path of a page view, to name what was done (AwardFor). It
// costs nothing for each slot: reading it gives nothing.
func (n *Needs) PathLabel() Text {
	return Text{n.Column(abi.Input{Kind: abi.InputLabel, Source: abi.FromPath})}
}

// PropLabel is a property of the event, to name what was done.
func (n *Needs) PropLabel(name string) Text {
	return Text{n.Column(abi.Input{Kind: abi.InputLabel, Source: abi.FromProp, Name: name})}
}

// Kind compares the kind of event ("track", "page", …).
func (n *Needs) Kind(kinds ...string) Enum { return n.enum(abi.FromKind, "", Exact(kinds...)) }

// PropText is a property of the event as text.
func (n *Needs) PropText(name string) Text {
	return Text{n.Column(abi.Input{Kind: abi.InputString, Source: abi.FromProp, Name: name})}
}

// PropNumber is a property of the event as a number.
func (n *Needs) PropNumber(name string) Number {
	return Number{n.Column(abi.Input{Kind: abi.InputNumber, Source: abi.FromProp, Name: name})}
}

// PropHash is the hash of a property's text.
func (n *Needs) PropHash(name string) Hash {
	return Hash{n.Column(abi.Input{Kind: abi.InputKey, Source: abi.FromProp, Name: name})}
}

// Prop compares a property of the event with literals.
func (n *Needs) Prop(name string, list ...abi.Literal) Enum { return n.enum(abi.FromProp, name, list) }

// Context compares a part of the event's context, such as "userAgent", with
// literals.
func (n *Needs) Context(name string, list ...abi.Literal) Enum {
	return n.enum(abi.FromContext, name, list)
}

// ContextText is a part of the event's context, such as "ip", as text.
func (n *Needs) ContextText(name string) Text {
	return Text{n.Column(abi.Input{Kind: abi.InputString, Source: abi.FromContext, Name: name})}
}

// ContextHash is the hash of the text of a part of the event's context.
func (n *Needs) ContextHash(name string) Hash {
	return Hash{n.Column(abi.Input{Kind: abi.InputKey, Source: abi.FromContext, Name: name})}
}

// Trait compares a person-level fact with literals.
func (n *Needs) Trait(name string, list ...abi.Literal) Enum {
	return n.enum(abi.FromTrait, name, list)
}

// Account compares an account-level fact with literals.
func (n *Needs) Account(name string, list ...abi.Literal) Enum {
	return n.enum(abi.FromAccount, name, list)
}

// Cond is a condition: the expression at c, an absent handle if it is not
// written.
func (n *Needs) Cond(c Config) Bool { return Bool{n.expr(c, abi.InputBool, nil)} }

// OnlyOn says that a condition, or any other input, is read only where the
// column has that literal (from 1). The host then leaves it unknown elsewhere.
// Say it for every place, or for none.
func (n *Needs) OnlyOn(input Handle, column Enum, literal int) {
	if at := input.column(); at > 0 && column.col > 0 {
		n.abi.Gates = append(n.abi.Gates, abi.Gate{Input: at - 1, Of: column.col - 1, Literal: uint32(literal)})
	}
}

// NumberExpr is an expression of type number or points (in points).
func (n *Needs) NumberExpr(c Config) Number { return Number{n.expr(c, abi.InputNumber, nil)} }

// TextExpr is the text of an expression.
func (n *Needs) TextExpr(c Config) Text { return Text{n.expr(c, abi.InputString, nil)} }

// EnumExpr compares the text of an expression with literals.
func (n *Needs) EnumExpr(c Config, list ...abi.Literal) Enum {
	return Enum{n.expr(c, abi.InputEnum, list)}
}

func (n *Needs) expr(c Config, kind abi.InputKind, list []abi.Literal) uint32 {
	id, ok := c.AsExpr()
	if !ok {
		return 0
	}
	return n.Column(abi.Input{Kind: kind, Source: abi.FromExpr, Expr: id, Literals: list})
}

// Counter declares a counter that the host keeps, and reads it: its value with
// this event included.
func (n *Needs) Counter(c Counter) Count {
	if !slices.ContainsFunc(n.abi.Counters, func(have Counter) bool { return have.Name == c.Name }) {
		n.abi.Counters = append(n.abi.Counters, c)
	}
	return n.CounterNamed(c.Name)
}

// CounterNamed reads a counter of the workflow.
func (n *Needs) CounterNamed(name string) Count {
	return Count{n.Column(abi.Input{Kind: abi.InputCount, Source: abi.FromCounter, Name: name})}
}

// GradeOf compares the grade that an earlier step gave; step may be empty when
// there is only one that grades.
func (n *Needs) GradeOf(step string, grades ...string) Enum {
	return n.enum(abi.FromGrade, step, Exact(grades...))
}

// FlagOf reads the flag "step.flag" of an earlier step.
func (n *Needs) FlagOf(name string) Bool {
	return Bool{n.Column(abi.Input{Kind: abi.InputBool, Source: abi.FromFlag, Name: name})}
}

// LastActivity is when the lead was last active.
func (n *Needs) LastActivity() Time {
	return Time{n.Column(abi.Input{Kind: abi.InputTime, Source: abi.FromLastActivity})}
}

// Rule declares a line of the ledger.
func (n *Needs) Rule(r Rule) RuleID {
	n.abi.Rules = append(n.abi.Rules, r)
	return RuleID(len(n.abi.Rules) - 1)
}

// Foreign names the rule of another step, to take its awards back (Output.Void).
func (n *Needs) Foreign(step, rule string, node uint32) RuleID {
	return n.Rule(Rule{Step: step, Name: rule, Node: node})
}

// View asks for ledger rows (CapLedger) and returns the index that Row.View
// has for them.
func (n *Needs) View(v View) uint32 {
	n.abi.Views = append(n.abi.Views, v)
	return uint32(len(n.abi.Views) - 1)
}

// Flag declares a named flag that later steps and routes can read.
func (n *Needs) Flag(name string) Flag {
	n.abi.Flags = append(n.abi.Flags, name)
	return Flag(len(n.abi.Flags) - 1)
}

// Grade declares a grade; declare the best first.
func (n *Needs) Grade(name string) Grade { return Grade(intern(&n.abi.Grades, name)) }

// Reason declares why a grade was given.
func (n *Needs) Reason(text string) Reason { return Reason(intern(&n.abi.Reasons, text)) }

func intern(list *[]string, s string) int {
	if i := slices.Index(*list, s); i >= 0 {
		return i + 1
	}
	*list = append(*list, s)
	return len(*list)
}

// Scale says what range the step's own score can have, in milli-points.
func (n *Needs) Scale(least, most int64) { n.abi.ScaleMin, n.abi.ScaleMax = least, most }

// AgeStep asks for age steps of that length in ms.
func (n *Needs) AgeStep(ms int64) { n.abi.AgeStep = ms }

// Sparse says that an event that matches none of the literals given to Event
// and Path changes nothing: the host then skips the plugin for it. It has no
// effect on a plugin with grades or flags.
func (n *Needs) Sparse() { n.abi.Sparse = true }

// KeepsFresh says that a memoryless step leaves rows of the current age step
// alone: the host then skips it after an award that is dated now.
func (n *Needs) KeepsFresh() { n.abi.KeepsFresh = true }

// Horizon says after which age in ms a row never changes again.
func (n *Needs) Horizon(ms int64) { n.abi.Horizon = ms }

// Error reports a mistake at node c under a stable lint name. detail says what
// was found, what was expected and what to do.
func (n *Needs) Error(c Config, name, summary, detail string) {
	n.diag(abi.DiagError, c, name, summary, detail)
}

// Warn reports what is probably a mistake.
func (n *Needs) Warn(c Config, name, summary, detail string) {
	n.diag(abi.DiagWarning, c, name, summary, detail)
}

func (n *Needs) diag(severity uint8, c Config, name, summary, detail string) {
	n.abi.Diags = append(n.abi.Diags, abi.Diag{Severity: severity, Node: c.Node(), Name: name, Summary: summary, Detail: detail})
}

// Record is what will be sent to the host.
func (n *Needs) Record() *abi.Needs { return &n.abi }
