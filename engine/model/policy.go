package model

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/workflow"
)

// routes is what decides where leads go, with the shapes of the conditions for
// the lints.
type routes struct {
	policy *decide.Policy
	reads  expr.Reads
	// list are the routes in the order in which they are tried.
	list   []*routeWork
	labels []*labelWork
}

type routeWork struct {
	def  *workflow.Route
	when *expr.Expr // nil on the default
	out  decide.Route
}

type labelWork struct {
	def  *workflow.Label
	when *expr.Expr
}

// policy compiles suppress, veto, route and label blocks and the display.
func (b *builder) policy() {
	p := &decide.Policy{Workflow: b.def.Name, LeadWord: b.def.LeadWord, Sales: b.def.Sales, Primary: b.primary(), Grading: -1}
	b.routes.policy = p
	p.Grading = slices.IndexFunc(b.book.Steps, func(s ledger.StepDef) bool { return len(s.Grades) > 0 })
	for i := range b.def.Suppress {
		g := &b.def.Suppress[i]
		x := b.condition(g.When, "suppress")
		p.Suppress = append(p.Suppress, decide.Guard{Name: g.Name, When: cond(x), WhenText: b.source(g.When.Range()), Parts: b.parts(g.When), Say: b.text(g.Say)})
	}
	for i := range b.def.Vetoes {
		g := &b.def.Vetoes[i]
		x := b.condition(g.When, "veto")
		p.Vetoes = append(p.Vetoes, decide.Guard{Name: g.Name, When: cond(x), WhenText: b.source(g.When.Range()), Parts: b.parts(g.When), Actions: b.vetoed(g), Say: b.text(g.Say)})
	}
	b.allRoutes()
	for i := range b.def.Labels {
		l := &b.def.Labels[i]
		w := &labelWork{def: l}
		if l.When != nil {
			w.when = b.condition(l.When, "a label")
		}
		b.routes.labels = append(b.routes.labels, w)
		p.Labels = append(p.Labels, decide.Label{Name: l.Name, When: cond(w.when)})
	}
	b.display()
	b.policyReads()
}

func (b *builder) vetoed(g *workflow.Guard) []string {
	if len(g.Actions) == 0 {
		return b.def.Sales
	}
	return g.Actions
}

func cond(x *expr.Expr) ledger.Cond {
	if x == nil {
		return nil
	}
	return x.Cond
}

func (b *builder) routeScope(what string) *expr.Scope {
	return b.scope(what, expr.InRoute, len(b.book.Steps))
}

func (b *builder) condition(e hcl.Expression, what string) *expr.Expr {
	x, diags := b.routeScope(what).Compile(e, expr.Bool)
	b.diags = append(b.diags, diags...)
	if x == nil {
		return nil
	}
	b.thresholds(&x.Reads)
	b.routes.reads.Add(&x.Reads)
	return x
}

func (b *builder) text(e hcl.Expression) ledger.Text {
	if e == nil {
		return nil
	}
	t, reads, diags := b.routeScope("a text").Text(e)
	b.diags = append(b.diags, diags...)
	if len(reads.Peaks) > 0 { // recorded for texts too
		b.routes.reads.Add(&expr.Reads{Peaks: reads.Peaks})
	}
	return t
}

// allRoutes compiles the routes and puts those that ask pending() first.
func (b *builder) allRoutes() {
	var hands, others, last []*routeWork
	for i := range b.def.Routes {
		r := &b.def.Routes[i]
		w := b.route(r)
		switch {
		case r.Default || r.When == nil:
			last = append(last, w)
		case len(w.out.Classes) > 0:
			hands = append(hands, w)
		default:
			others = append(others, w)
		}
	}
	switch {
	case len(last) == 0:
		b.errorf(b.def.Range, "Default route missing", "Every lead needs a place: add route \"nurture\" \"rest\" { default = true }.")
	case len(last) > 1:
		b.errorf(last[1].def.Range, "Second default route", "Only one route can be the default.")
	}
	b.routes.list = slices.Concat(hands, others, last)
	for _, w := range b.routes.list {
		b.routes.policy.Routes = append(b.routes.policy.Routes, w.out)
	}
}

func (b *builder) route(r *workflow.Route) *routeWork {
	w := &routeWork{def: r, out: decide.Route{
		ID: ledger.Hash("route", r.Action, r.Name), Action: r.Action, Name: r.Name,
		OnFall: r.OnFall, Silent: r.Silent, Cooldown: r.Cooldown, Traits: r.Traits, Say: b.text(r.Say),
	}}
	if r.When != nil {
		w.when = b.condition(r.When, "a route")
		w.out.When, w.out.WhenText = cond(w.when), b.source(r.When.Range())
		if w.when != nil {
			w.out.Classes, w.out.Parts = w.when.Hands(), b.parts(r.When)
		}
	}
	if r.Reset != nil {
		w.out.Reset, w.out.ResetText = cond(b.condition(r.Reset, "a reset")), b.source(r.Reset.Range())
	}
	return w
}

// parts takes a condition that has compiled apart, for explanations.
func (b *builder) parts(e hcl.Expression) []ledger.Part {
	return b.routeScope("a condition").Parts(e, b.source)
}

// source is the text of a condition as it was written, on one line.
func (b *builder) source(rng hcl.Range) string {
	f := b.def.Files[rng.Filename]
	if f == nil || !rng.CanSliceBytes(f.Bytes) {
		return ""
	}
	return strings.Join(strings.Fields(string(rng.SliceBytes(f.Bytes))), " ")
}

// primary is the score that ranks leads: the last derived one (it combines the
// others), else the first with buckets that awards activity, else the first.
func (b *builder) primary() int {
	for i := len(b.book.Scores) - 1; i >= 0; i-- {
		if b.book.Scores[i].Derive != nil {
			return i
		}
	}
	for i := range b.book.Rules {
		if b.book.Rules[i].Activity {
			return b.book.Rules[i].Score
		}
	}
	return min(0, len(b.book.Scores)-1)
}

// display compiles the workflow's display, by default the grade and the
// primary score.
func (b *builder) display() {
	p := b.routes.policy
	if b.def.Display != nil {
		p.Display = b.text(b.def.Display)
		return
	}
	var parts []string
	if p.Grading >= 0 {
		parts = append(parts, "{grade}")
	}
	if p.Primary >= 0 {
		parts = append(parts, "{"+b.book.Scores[p.Primary].Name+"}")
	}
	t, _, diags := b.routeScope("the display").TextOf(strings.Join(parts, " "))
	b.diags = append(b.diags, diags...)
	p.Display = t
}

// policyReads sums up what conditions depend on besides events.
func (b *builder) policyReads() {
	p, r := b.routes.policy, &b.routes.reads
	p.Idles, p.ReadsDays = r.Idles, r.Days
	p.ReadsScores = len(r.Scores)+len(r.Classes) > 0
	counters := slices.Clone(r.Counters)
	for i := range b.def.Scores {
		if s := &b.def.Scores[i]; s.Value != nil {
			if x, _ := b.scope("", expr.InDerived, len(b.book.Steps)).Compile(s.Value, expr.Points); x != nil {
				counters = append(counters, x.Reads.Counters...)
			}
		}
	}
	slices.Sort(counters)
	for _, c := range slices.Compact(counters) {
		if b.book.Counters[c].Window > 0 {
			p.ReadsCounters = append(p.ReadsCounters, c)
		}
	}
	for _, c := range r.Pending {
		b.book.Classes[c].Hand = true
	}
}

func isLiteral(e hcl.Expression) bool {
	switch x := e.(type) {
	case *hclsyntax.LiteralValueExpr:
		return true
	case *hclsyntax.TemplateExpr:
		return x.IsStringLiteral()
	}
	return false
}
