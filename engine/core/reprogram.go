package core

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// ErrProgram says that a core cannot go on with another program in place.
var ErrProgram = errors.New("the release cannot take over the state of the leads")

// CanReprogram says why leads under one program cannot go on under another, nil
// if they can; if not, the release must be built from history. It asks the
// plugins of both, so the scorers must not be at work.
func CanReprogram(was, prog *Program) error {
	if _, err := ledger.NewRebinding(was.Book, prog.Book); err != nil {
		return fmt.Errorf("%w: %w", ErrProgram, err)
	}
	for i, spec := range prog.Steps {
		def := &prog.Book.Steps[i]
		k := stepIndex(was.Book, def.ID)
		if k < 0 || spec.Caps&abi.CapState == 0 || was.Steps[k].Caps&abi.CapState == 0 {
			continue
		}
		from, to := was.Book.Steps[k].StateVersion, def.StateVersion
		if from == to {
			continue
		}
		if _, err := migrate(nil, from, to, prog.Scorers[i], was.Scorers[k]); err != nil {
			return fmt.Errorf("%w: step %q: %w", ErrProgram, def.Name, err)
		}
	}
	return nil
}

// migrate converts a state by the first of the scorers that can: a plugin knows
// the versions before its own, so the way back is up to the one that leaves.
func migrate(state []byte, from, to uint32, scorers ...step.Scorer) ([]byte, error) {
	err := fmt.Errorf("states of version %d cannot be converted to version %d", from, to)
	for n, s := range scorers {
		m, ok := s.(step.Migrator)
		if !ok {
			continue
		}
		out, why := m.Migrate(state, from, to)
		if why == nil {
			return out, nil
		}
		if n == 0 {
			err = why
		}
	}
	return nil, err
}

func stepIndex(b *ledger.Book, id uint32) int {
	return slices.IndexFunc(b.Steps, func(s ledger.StepDef) bool { return s.ID == id })
}

// Reprogram gives the core another program: what it does from the next input
// on. Accounts lose nothing by it. After it, SwitchFrom with live == c must run
// to its end before the next input. An error (states that no plugin can convert,
// another age step) leaves the core as it was.
func (c *Core) Reprogram(prog Program) error {
	if c.was != nil {
		return fmt.Errorf("%w: the switch before has not come to its end", ErrProgram)
	}
	if err := CanReprogram(&c.prog, &prog); err != nil {
		return err
	}
	r, err := ledger.NewRebinding(c.prog.Book, prog.Book)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProgram, err)
	}
	was := c.prog
	c.was = &was
	c.prog, c.values = prog, make([]lead.Points, len(prog.Book.Scores))
	c.runner = step.NewRunner(prog.Book, prog.Steps, prog.Scorers, prog.Backups)
	if r.Same() {
		return nil
	}
	c.leads.all(func(e *entry) {
		if e.acct != nil {
			e.acct = r.Account(e.acct)
		}
	})
	return nil
}

// change is how one program differs from the one before it, as far as it
// concerns leads that stay in place.
type change struct {
	was   *Program
	calm  bool   // routes and scores are what they were, and change when they would have
	force uint64 // memoryless steps that must look again
	anew  uint64 // steps over facts that must look again at the next input
	state uint64 // steps whose states are of another version
	steps bool   // timers may be others
}

// changeOf compares the program with the one before it.
func (c *Core) changeOf(was *Program) change {
	d := change{was: was, calm: was.Policy.Basis != "" && was.Policy.Basis == c.prog.Policy.Basis}
	d.steps = len(was.Steps) != len(c.prog.Steps)
	for i, spec := range c.prog.Steps {
		def := &c.prog.Book.Steps[i]
		k := stepIndex(was.Book, def.ID)
		if k < 0 {
			d.steps = true
		}
		same := k >= 0 && spec.SameTask(was.Steps[k])
		switch {
		case spec.Caps&abi.CapMemoryless != 0:
			if !same || spec.Digest != was.Steps[k].Digest {
				d.force |= 1 << uint(i)
			}
		case spec.FactsOnly && !same:
			d.anew |= 1 << uint(i)
		}
		if k >= 0 && def.StateVersion != was.Book.Steps[k].StateVersion {
			d.state |= 1 << uint(i)
		}
		if k >= 0 && (spec.Caps^was.Steps[k].Caps)&abi.CapMemoryless != 0 {
			d.steps = true
		}
	}
	return d
}

// idle says that no lead is touched by the change.
func (d *change) idle() bool {
	return d.calm && d.force|d.anew|d.state == 0 && !d.steps
}
