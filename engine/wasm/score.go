package wasm

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Scorer runs one configured step on one worker: an instance, and the buffers
// that results are copied into. It implements step.Scorer.
type Scorer struct {
	plugin *Plugin
	spec   *step.Spec
	needs  *abi.Needs
	lay    layout
	blob   []byte // encoded needs, which every new instance must answer again

	main    *instance // nil after a fault
	spare   *spare
	broke   bool // main was replaced in this call of Score
	plan    plan
	breaker Breaker
	told    bool   // whether it was open at the last News
	trial   *Trial // nil but for conformance checks

	entries []abi.Entry // of this call of Score
	states  []byte
	moved   []byte // the state that Migrate gave
	closed  bool
}

var (
	_ step.Scorer   = (*Scorer)(nil)
	_ step.Migrator = (*Scorer)(nil)
)

// NewScorer makes the instances of a configured step. The plugin stays loaded
// until the scorer is closed.
func (p *Plugin) NewScorer(ctx context.Context, spec *step.Spec) (*Scorer, error) {
	s := &Scorer{plugin: p, spec: spec, needs: spec.Needs, blob: abi.AppendNeeds(nil, spec.Needs)}
	if len(spec.Project) != len(spec.Needs.Inputs) {
		return nil, fmt.Errorf("%w: step %q has %d projectors for %d inputs", ErrNeeds, spec.Name, len(spec.Project), len(spec.Needs.Inputs))
	}
	s.spare = p.spareOf(spec.Config)
	var err error
	if s.main, err = s.begin(ctx); err != nil {
		p.dropSpare(spec.Config)
		return nil, err
	}
	if err := s.spare.fill(ctx, s.instance); err != nil {
		s.main.close()
		p.dropSpare(spec.Config)
		return nil, err
	}
	s.lay = newLayout(p.desc, s.main.size, spec.Needs, spec.Project)
	s.plan.most = s.lay.rounds
	s.plan.reset()
	p.refs.Add(1)
	return s, nil
}

// begin is the first instance of the scorer.
func (s *Scorer) begin(ctx context.Context) (*instance, error) {
	if s.plugin.host.opts.Warm {
		if inst := s.spare.take(); inst != nil {
			return inst, nil
		}
	}
	return s.instance(ctx)
}

// instance makes a configured instance that answers the needs that the
// workflow was compiled with.
func (s *Scorer) instance(ctx context.Context) (*instance, error) {
	inst, needs, err := s.plugin.configured(ctx, s.spec.Config)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(abi.AppendNeeds(nil, needs), s.blob) {
		inst.close()
		return nil, fmt.Errorf("%w: step %q: plugin %s answers other needs to the same configuration than when the workflow was compiled", ErrNeeds, s.spec.Name, s.plugin.manifest.Name)
	}
	if hasErrors(needs) {
		inst.close()
		return nil, fmt.Errorf("%w: step %q: the plugin found mistakes in its configuration", ErrRefused, s.spec.Name)
	}
	return inst, nil
}

// Breaker is the state of the circuit breaker, to be kept with the commits.
func (s *Scorer) Breaker() Breaker { return s.breaker }

// SetBreaker puts a state back.
func (s *Scorer) SetBreaker(b Breaker) { s.breaker = b }

// News is the circuit breaker, and whether it has opened or closed since it was
// asked for last.
func (s *Scorer) News() (b Breaker, news bool) {
	news = s.told != s.breaker.Open
	s.told = s.breaker.Open
	return s.breaker, news
}

// Step is the name of the step that is scored.
func (s *Scorer) Step() string { return s.spec.Name }

// Close closes the instances, and the plugin if it was the last to hold it.
func (s *Scorer) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	if s.main != nil && !(s.plugin.host.opts.Warm && s.spare.mend(s.main)) {
		s.main.close()
	}
	s.main = nil
	s.plugin.dropSpare(s.spec.Config)
	return s.plugin.release()
}

// Score scores slots in place. What it writes to Entries and NewState is valid
// until the next call. An error means that the plugin cannot be run at all.
func (s *Scorer) Score(slots []step.Slot, probe bool) error {
	if s.closed {
		return fmt.Errorf("%w: step %q", ErrClosed, s.spec.Name)
	}
	s.entries, s.states = s.entries[:0], s.states[:0]
	s.plan.reset()
	for done := 0; done < len(slots); {
		rest := slots[done:]
		if s.breaker.Open {
			if probe || !s.breaker.admit() {
				s.turnAway(&rest[0])
				done++
				continue
			}
			s.plan.trial()
		}
		n, err := s.run(rest, probe)
		if err != nil {
			return err
		}
		done += n
	}
	return s.warm()
}

// warm replaces the instances that were used up.
func (s *Scorer) warm() error {
	if !s.broke {
		return nil
	}
	if s.main == nil {
		var err error
		if s.main, err = s.fresh(); err != nil {
			return err
		}
	}
	s.broke = false
	return s.spare.fill(context.Background(), s.instance)
}

// fresh is the spare, or a new instance.
func (s *Scorer) fresh() (*instance, error) {
	if inst := s.spare.take(); inst != nil {
		return inst, nil
	}
	return s.instance(context.Background())
}

func (s *Scorer) turnAway(slot *step.Slot) {
	s.plugin.stats.turned.Add(1)
	slot.Entries, slot.NewState, slot.Result = nil, nil, abi.Result{}
	slot.Outcome = step.Outcome{Kind: step.OutcomeOpen, Code: CodeOpen, Text: fmt.Sprintf(
		"the circuit breaker is open: plugin %s failed %d inputs in a row; one in %d is tried", s.plugin.manifest.Name, s.breaker.Failed, breakerTrial)}
}

// run settles at least one slot from the front, or plans a smaller round. It
// returns how many have their outcome.
func (s *Scorer) run(slots []step.Slot, probe bool) (int, error) {
	take, alone := s.plan.next(len(slots))
	inst, err := s.take(alone)
	if err != nil {
		return 0, err
	}
	b := inst.bytes()
	n, tooLarge := s.lay.fill(b, slots[:take], probe)
	if tooLarge != nil {
		s.done(inst)
		s.verdict(&slots[0], tooLarge, probe)
		s.plan.settled(1)
		return 1, nil
	}
	fresh := inst.calls == 0
	for first := 0; first < n; {
		at, f := s.call(inst, slots[:n], first)
		if f == nil {
			s.answered(at-first, probe)
			first = at
			continue
		}
		s.discard(inst, f)
		if n == 1 && fresh {
			s.verdict(&slots[0], f, probe)
			s.plan.verdict()
			return 1, nil
		}
		s.plugin.stats.splits.Add(1)
		s.plan.settled(first)
		s.plan.broke(at-first, n-first, f.code == CodeFuel)
		return first, nil
	}
	s.done(inst)
	s.plan.settled(n)
	return n, nil
}

// take chooses the instance: a slot alone gets one that never scored anything.
// One that did goes on when the suspect has had its own: nothing of a fault is in
// it.
func (s *Scorer) take(alone bool) (*instance, error) {
	if s.main != nil && (!alone || s.main.calls == 0) {
		return s.main, nil
	}
	inst, err := s.fresh()
	if err != nil {
		return nil, err
	}
	if s.broke = true; s.main == nil {
		s.main = inst
	}
	return inst, nil
}

// discard takes an instance out of use: after a fault nothing in it can be
// trusted. It comes back as a new one, or not at all.
func (s *Scorer) discard(inst *instance, f *fault) {
	if s.broke = true; inst == s.main {
		s.main = nil
	}
	if f.code == CodeStack || !s.spare.mend(inst) {
		inst.close()
	}
}

// done gives an instance back that a suspect had to itself and that outlived it.
func (s *Scorer) done(inst *instance) {
	if inst != s.main && !s.spare.mend(inst) {
		inst.close()
	}
}

// call runs slots first… of the round in the arena and decodes those that were
// finished. It returns the first slot that was not, or, with a fault, the slot
// that the fault is suspected to come from.
func (s *Scorer) call(inst *instance, slots []step.Slot, first int) (int, *fault) {
	n := len(slots)
	s.lay.begin(inst.bytes(), first)
	inst.stack[0] = uint64(n)
	inst.calls++
	s.plugin.stats.calls.Add(1)
	budget := s.budget(slots[first:])
	f := inst.call(inst.process, budget)
	b := inst.bytes()
	cursor := get32(b, abi.HdrCursor)
	s.tell(inst, n-first, cursor-first, budget, f)
	if f != nil {
		if cursor < first || cursor >= n {
			cursor = first
		}
		return cursor, f
	}
	entries, code := get32(b, abi.HdrEntriesN), int32(uint32(inst.stack[0]))
	switch {
	case code < 0:
		return first, bad(CodeProtocol, "the plugin answered with the protocol error %d", code)
	case cursor > n || cursor < first:
		return first, bad(CodeProtocol, "the plugin says that %d slots are done, of slots %d to %d", cursor, first, n)
	case entries > s.lay.entryCap:
		return first, bad(CodeProtocol, "the plugin says that it wrote %d entries into room for %d", entries, s.lay.entryCap)
	case cursor == first:
		return first, bad(CodeProgress, "the plugin returned without finishing its first slot")
	}
	if at, f := s.decode(reply{b: b, entries: entries}, slots, first, cursor); f != nil {
		return at, f
	}
	return cursor, nil
}

// answered counts slots that the plugin gave an answer for.
func (s *Scorer) answered(n int, probe bool) {
	s.plugin.stats.slots.Add(uint64(n))
	if !probe {
		s.breaker.ok()
	}
}

// verdict ends a slot that broke the plugin, alone in a fresh instance.
func (s *Scorer) verdict(slot *step.Slot, f *fault, probe bool) {
	kind := step.OutcomeBad
	if f.trap {
		kind = step.OutcomeTrap
	}
	slot.Entries, slot.NewState, slot.Result = nil, nil, abi.Result{}
	slot.Outcome = step.Outcome{Kind: kind, Code: f.code, Text: fmt.Sprintf("plugin %s: %s", s.plugin.manifest.Name, f.text)}
	s.plugin.stats.failed.Add(1)
	if !probe {
		s.breaker.failed(s.spec.Breaker)
	}
}
