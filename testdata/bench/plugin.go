package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// pluginRound scores a round with the shipped plugin as the engine does:
// events are projected into the arena, scored inside the sandbox, and what the
// plugin said is checked and copied out.
type pluginRound struct {
	spec   *step.Spec
	scorer step.Scorer
	slots  []step.Slot
	awards [][]award // nil while time is taken
}

// load loads the workflow and the plugin's scorer.
func load(ctx context.Context, dir string) (*engine.Workflow, *engine.Crew, error) {
	w, diags, err := engine.Load(ctx, engine.LoadOptions{Dir: dir})
	if err == nil && diags.HasErrors() {
		err = diags
	}
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	crew, err := w.NewCrew(ctx)
	if err != nil {
		w.Close()
		return nil, nil, err
	}
	return w, crew, nil
}

// unmetered loads the same plugin without fuel, for the same compiled step.
func unmetered(ctx context.Context, dir string, spec *step.Spec) (*wasm.Scorer, error) {
	set, err := registry.Open(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	file, err := set.Lookup(spec.Plugin)
	if err != nil {
		return nil, err
	}
	host, err := wasm.NewHost(wasm.Options{Unmetered: true})
	if err != nil {
		return nil, err
	}
	p, err := host.Load(ctx, file.Wasm)
	if err != nil {
		return nil, err
	}
	return p.NewScorer(ctx, spec)
}

// newPlugin puts every event into the slot of a lead of its own.
func newPlugin(events []lead.Event, book *ledger.Book, spec *step.Spec, scorer step.Scorer) *pluginRound {
	r := &pluginRound{spec: spec, scorer: scorer, slots: make([]step.Slot, len(events))}
	for i := range events {
		e := &events[i]
		acct := ledger.NewAccount(book, e.Lead)
		r.slots[i] = step.Slot{
			Frame: &ledger.Frame{Book: book, Acct: acct, Event: e, At: e.At, Now: e.At},
			Kind:  abi.SlotEvent, Seed: uint64(i), Event: ledger.Hash64(e.ID),
		}
	}
	return r
}

var errOutcome = errors.New("the plugin did not score an event")

func (r *pluginRound) score() error {
	for i := 0; i < len(r.slots); i += roundSize {
		round := r.slots[i : i+roundSize]
		if err := r.scorer.Score(round, false); err != nil {
			return err
		}
		if r.awards != nil {
			if err := r.keep(round); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep notes what a round awarded: entries are valid until the next one.
func (r *pluginRound) keep(round []step.Slot) error {
	for i := range round {
		s := &round[i]
		if o := s.Outcome; o.Kind != step.OutcomeOK {
			return fmt.Errorf("%w: %s: %s", errOutcome, o.Code, o.Text)
		}
		var list []award
		for _, e := range s.Entries {
			list = append(list, award{r.spec.Needs.Rules[e.Rule].Name, e.Delta})
		}
		r.awards = append(r.awards, list)
	}
	return nil
}

func (r *pluginRound) result(i int) []award { return r.awards[i] }
