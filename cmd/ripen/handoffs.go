package main

import (
	"context"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/release"
)

// handOffJSON is a hand-off that was made under a release that is left.
type handOffJSON struct {
	Decision string `json:"decision"`
	Lead     string `json:"lead"`
	Action   string `json:"action"`
	Route    string `json:"route"`
	At       int64  `json:"at"` // ms since 1970 UTC
	Display  string `json:"display,omitempty"`
}

// shownHandOffs is how many people see of a long list.
const shownHandOffs = 20

// handOffs are the hand-offs to sales that the live release of a workflow has
// made since it became live.
func handOffs(ctx context.Context, op *engine.Operator, now *release.LineageStatus) ([]handOffJSON, error) {
	def, err := op.Definition(ctx, release.Entry{Workflow: now.Workflow, Number: now.Release, Digest: now.Digest})
	if err != nil {
		return nil, err
	}
	list, err := op.Decided(ctx, now.Workflow, def.Sales, now.Switch)
	if err != nil {
		return nil, err
	}
	out := make([]handOffJSON, 0, len(list))
	for i := range list {
		out = append(out, handOffOf(&list[i]))
	}
	return out, nil
}

func handOffOf(d *lead.Decision) handOffJSON {
	return handOffJSON{Decision: d.ID, Lead: d.Lead, Action: d.Action, Route: d.Route, At: d.At, Display: d.Display}
}

// printHandOffs lists them for people.
func (a *app) printHandOffs(list []handOffJSON, release uint32) {
	if len(list) == 0 {
		a.say("release %d has handed no lead over", release)
		return
	}
	a.say("release %d has handed over %s:", release, plural(len(list), "lead"))
	rows := [][]string{{"when", "lead", "display", "why", "decision"}}
	for i := range list[:min(len(list), shownHandOffs)] {
		h := &list[i]
		rows = append(rows, []string{stamp(h.At)[:16], h.Lead, h.Display, h.Action + "/" + h.Route, h.Decision})
	}
	a.printTable(rows, nil)
	if more := len(list) - shownHandOffs; more > 0 {
		a.say("… and %s more; --json lists all", plural(more, "lead"))
	}
}
