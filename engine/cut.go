package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
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
	at := oldest.UnixMilli() + e.opts.Skew.Milliseconds()
	if e.opts.Clock == ClockStream {
		if at, err = e.oldestEvent(ctx, at); err != nil {
			return 0, err
		}
	}
	return cutBehind(at, ageSteps)
}

// oldestEvent is the time, ms, of the newest event in the oldest message that
// has one that can be read: where the stream's own time counts, it is not that
// of the message. Without any it is other.
func (e *Engine) oldestEvent(ctx context.Context, other int64) (at int64, err error) {
	decoder := intake.NewDecoder(intake.Options{})
	err = e.journal.Scan(ctx, journal.EventsStream, e.eventSubjects(), 1, func(m journal.Message) error {
		_ = intake.Messages(m.Data, func(_ int, raw []byte, _ int64) {
			if ev, refused := decoder.Decode(raw, 0); refused == nil {
				at = max(at, ev.At)
			}
		})
		if at != 0 {
			return errFound
		}
		return nil
	})
	if err != nil && !errors.Is(err, errFound) {
		return 0, err
	}
	if at == 0 {
		return other, nil
	}
	return at, nil
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
