package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model"
	"github.com/ripenhq/ripen/engine/workflow"
)

// goldenStart is when golden leads live: any fixed time will do.
const goldenStart = 1_767_225_600_000 // 2026-01-01T00:00:00Z

// lintGoldens scores each declared ideal lead and reports those that miss the
// maximum of a scale, or their grade (001-02).
func (w *Workflow) lintGoldens(ctx context.Context) (hcl.Diagnostics, error) {
	var diags hcl.Diagnostics
	for i := range w.Model.Goldens {
		g := &w.Model.Goldens[i]
		if _, silent := w.Model.Silenced(model.GoldenLint, g.Name); silent {
			continue
		}
		found, err := w.scoreGolden(ctx, g)
		if err != nil {
			return diags, err
		}
		diags = append(diags, found...)
	}
	return diags, nil
}

func (w *Workflow) scoreGolden(ctx context.Context, g *workflow.Golden) (diags hcl.Diagnostics, err error) {
	crew, err := w.NewCrew(ctx)
	if err != nil {
		return nil, err
	}
	defer crew.Close()
	c := core.New(crew.Program, core.Options{Quiet: true})
	inputs := goldenInputs(g)
	var out core.Output
	if err := c.Run(inputs, &out); err != nil {
		return nil, err
	}
	for i := range out.Rejected {
		diags = append(diags, goldenDiag(g, fmt.Sprintf("Its event %q is refused: %s.", out.Rejected[i].Event, out.Rejected[i].Reason)))
	}
	err = c.Look([]string{goldenLead}, inputs[len(inputs)-1].Event.At, func(f *ledger.Frame) {
		diags = append(diags, w.judgeGolden(g, f)...)
	})
	return diags, err
}

const goldenLead = "golden"

// goldenInputs lets the lead do everything a minute apart.
func goldenInputs(g *workflow.Golden) []core.Input {
	var inputs []core.Input
	add := func(e lead.Event) {
		e.Lead, e.ID = goldenLead, strconv.Itoa(len(inputs))
		e.At = goldenStart + int64(len(inputs))*60_000
		inputs = append(inputs, core.Input{Event: e})
	}
	add(lead.Event{Kind: lead.Identify, Traits: g.Traits})
	if len(g.Account) > 0 {
		add(lead.Event{Kind: lead.Group, Traits: g.Account})
	}
	for _, e := range g.Events {
		for range e.Count {
			kind := lead.Track
			if e.Path != "" {
				kind = lead.Page
			}
			add(lead.Event{Kind: kind, Name: e.Name, Path: e.Path, Props: e.Props})
		}
	}
	return inputs
}

func (w *Workflow) judgeGolden(g *workflow.Golden, f *ledger.Frame) (diags hcl.Diagnostics) {
	for i := range f.Book.Scores {
		s := &f.Book.Scores[i]
		named := slices.Contains(g.Scores, s.Name)
		if (len(g.Scores) > 0 && !named) || s.Scale == ledger.ScaleNone || f.Values[i] == s.Max {
			continue
		}
		diags = append(diags, goldenDiag(g, fmt.Sprintf("Score %q is %s; the declared ideal lead must reach the maximum of the scale, %s. Raise the points of what it does and is, add what is missing to the golden lead, or lower the scale.",
			s.Name, f.Values[i], s.Max)))
	}
	if grade, why := w.Model.Policy.GradeOf(f); g.Grade != "" && grade != g.Grade {
		diags = append(diags, goldenDiag(g, fmt.Sprintf("Its grade is %q (%s), expected %q.", grade, why, g.Grade)))
	}
	return diags
}

func goldenDiag(g *workflow.Golden, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: fmt.Sprintf("Golden lead %q misses", g.Name), Detail: detail, Subject: g.Range.Ptr()}
}
