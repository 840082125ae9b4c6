package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/engine/workflow/value"
)

// ScenarioResult is what became of one scenario: nothing is missed if it passed.
type ScenarioResult struct {
	*workflow.Scenario
	Missed hcl.Diagnostics // each expectation that does not hold, at its place
}

// CheckScenarios reports what tests ask for that the workflow does not have:
// scores and routes.
func (w *Workflow) CheckScenarios(tests []workflow.Scenario) (diags hcl.Diagnostics) {
	scores, routes := w.names()
	told := map[hcl.Range]bool{} // a name that stands once for many looks is told once
	for i := range tests {
		for _, act := range tests[i].Acts {
			if act.Look == nil {
				continue
			}
			for _, d := range checkLook(act.Look, scores, routes) {
				if !told[*d.Subject] {
					diags = append(diags, d)
				}
				told[*d.Subject] = true
			}
		}
	}
	return diags
}

// names are the scores, and the actions and routes as decisions are named.
func (w *Workflow) names() (scores, routes []string) {
	for i := range w.Model.Book.Scores {
		scores = append(scores, w.Model.Book.Scores[i].Name)
	}
	for i := range w.Model.Policy.Routes {
		r := &w.Model.Policy.Routes[i]
		routes = append(routes, r.Action+"/"+r.Name)
		if !slices.Contains(routes, r.Action) {
			routes = append(routes, r.Action)
		}
	}
	return scores, routes
}

func checkLook(e *workflow.Expectation, scores, routes []string) (diags hcl.Diagnostics) {
	for _, s := range e.Scores {
		if !slices.Contains(scores, s.Name) {
			diags = append(diags, value.Error(s.NameRange, "Unknown score", fmt.Sprintf("The workflow has no score %q. %s", s.Name, value.DidYouMean(s.Name, scores))))
		}
	}
	for _, list := range []*workflow.ExpectedList{e.Decisions, e.Never} {
		if list == nil {
			continue
		}
		for _, item := range list.Items {
			if action, _, _ := strings.Cut(item, "/"); !slices.Contains(routes, item) && action != decide.UpdateAction {
				diags = append(diags, value.Error(list.Range, "Unknown route", fmt.Sprintf("The workflow has no route %q. %s", item, value.DidYouMean(item, routes))))
			}
		}
	}
	return diags
}

// RunScenarios plays each test with leads of its own, in their order, and hands
// the results to done.
func (w *Workflow) RunScenarios(ctx context.Context, tests []workflow.Scenario, done func(ScenarioResult)) error {
	crew, err := w.NewCrew(ctx)
	if err != nil {
		return err
	}
	defer crew.Close() // a crew remembers nothing from test to test
	for i := range tests {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := &player{w: w, core: core.New(crew.Program, core.Options{}), test: &tests[i], now: tests[i].Start, seen: map[string]int{}, refused: map[string]int{}}
		if err := p.play(); err != nil {
			return fmt.Errorf("test %q: %w", tests[i].Name, err)
		}
		slices.SortStableFunc(p.missed, func(a, b *hcl.Diagnostic) int { return a.Subject.Start.Byte - b.Subject.Start.Byte })
		done(ScenarioResult{&tests[i], p.missed})
	}
	return nil
}

// player plays one scenario.
type player struct {
	w       *Workflow
	core    *core.Core
	test    *workflow.Scenario
	now     int64 // ms
	events  int
	out     core.Output
	seen    map[string]int // decisions of a lead that a look has been at
	refused map[string]int // likewise refused events
	missed  hcl.Diagnostics
}

func (p *player) play() error {
	for i := range p.test.Acts {
		act := &p.test.Acts[i]
		if err := p.act(act); err != nil {
			return err
		}
		if act.Look != nil {
			if err := p.look(act.Look); err != nil {
				return err
			}
		}
	}
	return nil
}

// act lets an event happen, as often as it is asked for, or time pass.
func (p *player) act(act *workflow.Act) error {
	for n := range act.Count {
		if n > 0 && act.Every > 0 {
			if err := p.wait(act.Every); err != nil {
				return err
			}
		}
		e := act.Event
		e.At = p.now
		if p.events++; e.ID == "" {
			e.ID = "event-" + strconv.Itoa(p.events)
		}
		if err := p.core.Run([]core.Input{{Event: e}}, &p.out); err != nil {
			return err
		}
	}
	if act.Wait > 0 {
		return p.wait(act.Wait)
	}
	return nil
}

// wait lets ms pass; what is due on the way happens at its time.
func (p *player) wait(ms int64) error {
	p.now += ms
	return p.core.Run([]core.Input{{Event: lead.Event{Kind: lead.Tick, At: p.now}}}, &p.out)
}

// look compares a lead with what is expected of it.
func (p *player) look(e *workflow.Expectation) error {
	found := false
	err := p.core.Look([]string{e.Lead}, p.now, func(f *ledger.Frame) {
		found = true
		p.compare(e, f)
	})
	p.compareDecisions(e)
	if err == nil && !found { // behind what was refused, which may be why
		p.miss(e.Range, "No such lead", fmt.Sprintf("Nothing has happened to the lead %q so far.", e.Lead))
	}
	return err
}

func (p *player) compare(e *workflow.Expectation, f *ledger.Frame) {
	var d lead.Decision
	p.w.Model.Policy.Describe(f, &d)
	p.text(e.Grade, "grade", d.Grade, d.Why)
	p.text(e.Because, "because", d.Why, "")
	p.text(e.Label, "label", d.Label, "")
	p.text(e.Display, "display", d.Display, "")
	for _, want := range e.Scores {
		for _, s := range d.Scores {
			if s.Name == want.Name && s.Milli != want.Value {
				p.miss(want.Range, "Another score", fmt.Sprintf("%s: expected %s, found %s.%s", scoreAfter(s.Name, e.After), want.Value, s.Milli, linesOf(f, s.Name)))
			}
		}
	}
}

// scoreAfter names a score, and what alone has happened.
func scoreAfter(score, event string) string {
	if event == "" {
		return score
	}
	return fmt.Sprintf("%s after %q alone", score, event)
}

func (p *player) text(want *workflow.ExpectedText, what, found, why string) {
	if want == nil || want.Text == found {
		return
	}
	detail := fmt.Sprintf("%s: expected %q, found %q", what, want.Text, found)
	if why != "" {
		detail += " (" + why + ")"
	}
	p.miss(want.Range, "Another "+what, detail+".")
}

// linesOf is what a score consists of, for people who look for the difference.
func linesOf(f *ledger.Frame, score string) string {
	var b strings.Builder
	for _, l := range f.Explain() {
		if l.Score == score {
			fmt.Fprintf(&b, "\n  %10s  %s", l.Remaining, l.Text)
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return " It consists of:" + b.String()
}

// compareDecisions looks at what was decided since the look before, and at all
// so far.
func (p *player) compareDecisions(e *workflow.Expectation) {
	all := []string{}
	for i := range p.out.Decisions {
		if d := &p.out.Decisions[i]; d.Lead == e.Lead {
			all = append(all, d.Action+"/"+d.Route)
		}
	}
	recent := all[p.seen[e.Lead]:]
	p.seen[e.Lead] = len(all)
	if e.Decisions != nil && !slices.EqualFunc(e.Decisions.Items, recent, sameDecision) {
		p.miss(e.Decisions.Range, "Other decisions", fmt.Sprintf("decisions: expected %s, found %s.", listed(e.Decisions.Items), listed(recent)))
	}
	if e.Never != nil {
		for _, want := range e.Never.Items {
			if n := slices.IndexFunc(all, func(found string) bool { return sameDecision(want, found) }); n >= 0 {
				p.miss(e.Never.Range, "A decision that must not be", fmt.Sprintf("never: expected no %q, found it as decision %d of %s.", want, n+1, listed(all)))
			}
		}
	}
	p.compareRejected(e)
}

func (p *player) compareRejected(e *workflow.Expectation) {
	n, reasons := 0, ""
	for i := range p.out.Rejected {
		if r := &p.out.Rejected[i]; r.Lead == e.Lead {
			if n++; n > p.refused[e.Lead] {
				reasons += "\n  " + r.Code + ": " + r.Reason
			}
		}
	}
	recent := n - p.refused[e.Lead]
	p.refused[e.Lead] = n
	switch want := e.Rejected; {
	case want == nil && recent > 0:
		p.miss(e.Range, "An event is refused", fmt.Sprintf("expected none of the events of %q to be refused, found %d:%s", e.Lead, recent, reasons))
	case want != nil && int(want.Value) != recent:
		p.miss(want.Range, "Another number of refused events", fmt.Sprintf("rejected: expected %d, found %d.%s", int(want.Value), recent, reasons))
	}
}

// sameDecision compares "action/route" with what is asked for, which may be an
// action alone.
func sameDecision(want, found string) bool {
	action, _, _ := strings.Cut(found, "/")
	return want == found || want == action
}

func listed(items []string) string {
	if len(items) == 0 {
		return "none"
	}
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

func (p *player) miss(at hcl.Range, summary, detail string) {
	p.missed = append(p.missed, value.Error(at, summary, detail))
}
