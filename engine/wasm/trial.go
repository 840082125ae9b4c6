package wasm

import (
	"context"

	"github.com/ripenhq/ripen/engine/step"
)

// Trial lets a conformance check look at single calls and make them fail: a
// plugin must come through whatever a host does to it within the contract.
type Trial struct {
	// Budget says how much fuel the next call gets that begins with the first of
	// these slots; nil = what the plugin is given.
	Budget func(slots []step.Slot, fuel uint64) uint64
	// Entries is the room for entries of one call; 0 = what the arena has.
	Entries int
	// Called is told of each call; nil = nobody is.
	Called func(Call)
}

// Call is what became of one call of ripen_process.
type Call struct {
	Slots  int    // that it was to score
	Done   int    // by the guest's cursor
	Fuel   uint64 // used
	Memory uint32 // bytes of the instance's memory behind it
	Code   string // of the fault; empty = none
}

// NewTrial is NewScorer with every call under trial.
func (p *Plugin) NewTrial(ctx context.Context, spec *step.Spec, t *Trial) (*Scorer, error) {
	s, err := p.NewScorer(ctx, spec)
	if err != nil {
		return nil, err
	}
	if s.trial = t; t.Entries > 0 {
		s.lay.entryCap = min(s.lay.entryCap, t.Entries)
	}
	return s, nil
}

// budget is the fuel of a call: what the poorest of its slots may spend, so that
// none can hide among others. One that may spend more shows it alone.
func (s *Scorer) budget(slots []step.Slot) uint64 {
	fuel := s.plugin.fuel
	for i := range slots {
		if slots[i].Tired {
			fuel = min(fuel, TiredFuel)
			break
		}
	}
	if s.trial == nil || s.trial.Budget == nil {
		return fuel
	}
	return s.trial.Budget(slots, fuel)
}

// tell tells the trial of a call.
func (s *Scorer) tell(inst *instance, slots, done int, budget uint64, f *fault) {
	if s.trial == nil || s.trial.Called == nil {
		return
	}
	c := Call{Slots: slots, Done: done, Fuel: budget - uint64(max(int64(inst.fuel.Get()), 0)), Memory: inst.mem.Size()}
	if f != nil {
		c.Code = f.code
	}
	s.trial.Called(c)
}
