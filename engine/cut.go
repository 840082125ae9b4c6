package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ripenhq/ripen/engine/lineage"
)

// complete fills into an order what only an engine knows: a lineage that is
// built from a history whose beginning is gone passes over events before the
// cut, and has from the live lineage what lies before it.
func (e *Engine) complete(ctx context.Context, o *lineage.Order) error {
	if o.Op != lineage.Start || o.Origin != lineage.FromHistory || o.Cut != 0 {
		return nil
	}
	w, err := e.releases.Acquire(ctx, o.Workflow, o.Release)
	if err != nil {
		return err
	}
	defer e.releases.Return(o.Workflow, o.Release)
	steps := []int64{w.Def.AgeStep}
	live, done, err := e.acquireLive(ctx, o.Workflow)
	if err != nil {
		return err
	}
	if live != nil {
		steps = append(steps, live.Def.AgeStep)
		done()
	}
	o.Cut, err = e.historyCut(ctx, steps...)
	return err
}

// historyCut is from when on history is whole, ms: an age step of each release
// begins there. 0 says that nothing of history is gone.
func (e *Engine) historyCut(ctx context.Context, ageSteps ...int64) (int64, error) {
	_, oldest, whole, err := e.journal.Oldest(ctx)
	if err != nil || whole {
		return 0, err
	}
	if oldest.IsZero() {
		oldest = time.UnixMilli(e.opts.Now())
	}
	return cutBehind(oldest.UnixMilli()+e.opts.Skew.Milliseconds(), ageSteps)
}

// cutBehind is the first moment at or behind a time (ms) at which an age step
// of each length begins.
func cutBehind(at int64, ageSteps []int64) (int64, error) {
	every := int64(1)
	for _, step := range ageSteps {
		if step <= 0 {
			return 0, errors.New("internal error: an age step of no length")
		}
		a, b := every, step
		for b != 0 {
			a, b = b, a%b
		}
		every = every / a * step
	}
	return (at + every - 1) / every * every, nil
}
