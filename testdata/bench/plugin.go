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
	events []lead.Event
	frames []ledger.Frame // of a round, by lead
	slots  []step.Slot    // of a round
	awards [][]award      // nil while time is taken
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

// newPlugin makes the frames and slots of one round, which the next ones use
// again, as the engine does.
func newPlugin(events []lead.Event, book *ledger.Book, spec *step.Spec, scorer step.Scorer) *pluginRound {
	r := &pluginRound{spec: spec, scorer: scorer, events: events, frames: make([]ledger.Frame, roundSize), slots: make([]step.Slot, roundSize)}
	for i := range r.frames {
		r.frames[i] = ledger.Frame{Book: book, Acct: ledger.NewAccount(book, fmt.Sprint("lead-", i))}
		r.slots[i] = step.Slot{Frame: &r.frames[i], Kind: abi.SlotEvent}
	}
	return r
}

// fill puts the events of a round, which differ from those before, into its
// slots; it is part of what is measured.
func (r *pluginRound) fill(events []lead.Event) {
	for i := range events {
		e, f := &events[i], &r.frames[i]
		f.Event, f.At, f.Now = e, e.At, e.At
		r.slots[i].Seed, r.slots[i].Event = uint64(i), uint64(i)
	}
}

var errOutcome = errors.New("the plugin did not score an event")

func (r *pluginRound) score() error {
	for i := 0; i < len(r.events); i += roundSize {
		r.fill(r.events[i : i+roundSize])
		if err := r.scorer.Score(r.slots, false); err != nil {
			return err
		}
		if r.awards != nil {
			if err := r.keep(r.slots); err != nil {
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
