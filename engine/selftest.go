package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// SelfTest runs a workflow before it may score anybody: each kind of event that
// its steps look for, which no plugin may break on, and the tests that came with it. Its golden
// leads were scored when it was loaded.
func (w *Workflow) SelfTest(ctx context.Context) error {
	if err := w.warmUp(ctx); err != nil {
		return err
	}
	tests, _, diags := workflow.LoadTests(w.Bundle.FS(), workflow.Options{})
	if !diags.HasErrors() {
		diags = append(diags, w.CheckScenarios(tests)...)
	}
	if diags.HasErrors() {
		return errors.New(firstError(diags))
	}
	var failed []string
	var why hcl.Diagnostics
	err := w.RunScenarios(ctx, tests, func(r ScenarioResult) {
		if len(r.Missed) > 0 {
			failed, why = append(failed, r.Name), append(why, r.Missed...)
		}
	})
	if err != nil {
		return err
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d tests fail, first %q: %s", len(failed), len(tests), failed[0], firstError(why))
	}
	return nil
}

// warmUp lets one lead do something of each kind that a step looks for, and
// time pass. An event may be refused; a plugin that traps, runs out of fuel or
// breaks the contract on it is not fit to run.
func (w *Workflow) warmUp(ctx context.Context) error {
	crew, err := w.NewCrew(ctx)
	if err != nil {
		return err
	}
	defer crew.Close()
	var inputs []core.Input
	at := int64(goldenStart)
	for _, e := range w.plainEvents() {
		at += 60_000
		e.Lead, e.ID, e.At = "self-test", strconv.FormatInt(at, 10), at
		inputs = append(inputs, core.Input{Event: e})
	}
	inputs = append(inputs, core.Input{Event: lead.Event{Kind: lead.Tick, At: at + 40*24*3_600_000}})
	var out core.Output
	if err := core.New(crew.Program, core.Options{Quiet: true}).Run(inputs, &out); err != nil {
		return err
	}
	for i := range out.Rejected {
		if r := &out.Rejected[i]; r.Step != "" && r.Code != wasm.CodeSoft && r.Code != "timer-"+wasm.CodeSoft {
			return fmt.Errorf("step %q breaks on an event that it looks for (%s): %s", r.Step, r.Code, r.Reason)
		}
	}
	return nil
}

// maxPlain bounds the events of a warm-up.
const maxPlain = 2000

// plainEvents are one event of each name and path that a step looks for, and
// one of no special name.
func (w *Workflow) plainEvents() []lead.Event {
	list := []lead.Event{
		{Kind: lead.Identify, Traits: lead.Props{{Name: "email", Value: lead.StringOf("self-test@example.com")}}},
		{Kind: lead.Page, Path: "/"}, {Kind: lead.Track, Name: "Self Test"},
	}
	for _, spec := range w.Model.Steps {
		for i := range spec.Needs.Inputs {
			in := &spec.Needs.Inputs[i]
			for _, l := range in.Literals {
				text := strings.ReplaceAll(l.Text, "*", "x")
				switch {
				case len(list) >= maxPlain:
					return list
				case in.Source == abi.FromEvent:
					list = append(list, lead.Event{Kind: lead.Track, Name: text})
				case in.Source == abi.FromPath:
					list = append(list, lead.Event{Kind: lead.Page, Path: text})
				}
			}
		}
	}
	return list
}
