package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/lineage"
)

// Rehearsal is the live release of a workflow with all leads as they are at one
// moment, and the history that led there: for who asks what another release
// would make of it. It reads only, and an engine on the same streams goes on.
type Rehearsal struct {
	// Release is the live one, Work what it consists of; nothing and nil if none
	// is: the candidate begins a workflow beside those that run.
	Release lineage.Release
	Work    *Workflow
	// Whole says that the history goes back to the first event. If not, what lies
	// before Cut, ms, is carried over.
	Whole bool
	Cut   int64

	e     *Engine
	next  *Workflow // the candidate
	parts []rehearsed
	end   uint64 // of the history, the newest position of all partitions
}

// rehearsed is one partition as it was read.
type rehearsed struct {
	visit *visit
	live  *lineage.Member  // nil without one
	pos   journal.Position // up to where its state has seen the history
	clock int64            // the latest tick there, ms
}

// ErrNoLive says that no release of any workflow runs on the streams.
var ErrNoLive = errors.New("no release is live")

// errPartly says that only some partitions are behind the switch that made a
// workflow's first release live.
var errPartly = errors.New("a switch is under way; try again when it is over")

// Rehearse reads the streams of a data folder, also while an engine runs on it,
// or of an external server. Options.Workflow is the candidate: its name says
// which workflow is meant. With anyClock the streams tell whose time the engine
// went by, as far as they can.
func Rehearse(ctx context.Context, o Options, anyClock bool) (_ *Rehearsal, err error) {
	e, err := reach(o)
	if err != nil {
		return nil, err
	}
	r := &Rehearsal{e: e, next: e.work}
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if err := e.openJournal(ctx, true); err != nil {
		return nil, err
	}
	if err := e.allowed(ctx, e.findReleases); err != nil {
		return nil, err
	}
	if err := r.readAll(ctx); err != nil {
		return nil, err
	}
	if anyClock && e.opts.Clock != ClockStream {
		if err := r.findClock(ctx); err != nil {
			return nil, err
		}
	}
	return r, e.allowed(ctx, r.bounds)
}

// read restores the live lineage of one partition.
func (r *Rehearsal) read(ctx context.Context, n int) error {
	name := r.next.Model.Name
	v, base, err := r.e.readState(ctx, n)
	if err != nil {
		return err
	}
	m := v.set.Live(name)
	r.parts = append(r.parts, rehearsed{visit: v, live: m, pos: base.Pos, clock: base.Clock})
	r.end = max(r.end, base.Pos.Seq)
	switch {
	case len(base.Lineages) == 0:
		return fmt.Errorf("%w: no engine has run on the streams; compare two folders with --against", ErrNoLive)
	case (m == nil) != (r.parts[0].live == nil):
		return errPartly
	case m == nil:
		return nil
	}
	for _, h := range v.hired {
		if h.workflow == name && h.release.Number == m.Release.Number && modelIs(h.work.Model, m.Release.Model) {
			r.Release, r.Work = m.Release, h.work
			return nil
		}
	}
	return fmt.Errorf("%w: release %d of workflow %q is live; run the engine's own version of ripen, or compare two folders with --against", ErrNotPrepared, m.Release.Number, name)
}

// bounds looks at where the history begins.
func (r *Rehearsal) bounds(ctx context.Context) (err error) {
	steps := []int64{r.next.Def.AgeStep}
	if r.Work != nil {
		steps = append(steps, r.Work.Def.AgeStep)
	}
	r.Cut, err = r.e.historyCut(ctx, steps...)
	r.Whole = r.Cut == 0
	return err
}

// eventSubjects are those of the partitions, by their number.
func (e *Engine) eventSubjects() (list []string) {
	for n := range e.journal.Partitions() {
		list = append(list, journal.EventSubject(n))
	}
	return slices.Clip(list)
}

// readAll restores the live lineage of all partitions. Of a workflow that has no
// lineage at all, it is how far the others are that tells of the history.
func (r *Rehearsal) readAll(ctx context.Context) error {
	r.let()
	for n := range r.e.journal.Partitions() {
		err := r.e.allowed(ctx, func(ctx context.Context) error { return r.read(ctx, n) })
		switch {
		case errors.Is(err, errWorkflow) && r.e.work != nil:
			r.e.work = nil
			return r.readAll(ctx)
		case errors.Is(err, ErrNoLive):
			return err
		case err != nil:
			return fmt.Errorf("partition %d: %w", n, err)
		}
	}
	return nil
}

// clockEvents is how many messages are looked at for the clock.
const clockEvents = 1000

// findClock finds out whose time the engine went by: that of the stream, if it
// took events that are too old, or too far ahead, for the wall clock.
func (r *Rehearsal) findClock(ctx context.Context) error {
	wall := lead.Limits{Skew: r.e.opts.Skew.Milliseconds(), Horizon: r.e.opts.Dedupe.Milliseconds()}
	seen, found := 0, false
	err := r.e.allowed(ctx, func(ctx context.Context) error {
		decoder := intake.NewDecoder(intake.Options{})
		return r.e.journal.Scan(ctx, journal.EventsStream, r.e.eventSubjects(), 1, func(m journal.Message) error {
			_ = intake.Messages(m.Data, func(_ int, raw []byte, received int64) {
				if received == 0 {
					received = m.Time
				}
				ev, refused := decoder.Decode(raw, received)
				if refused != nil || ev.Backfill {
					return
				}
				if code, _ := wall.Untimely(&ev); code == "" {
					return
				}
				found = found || r.took(&ev)
			})
			if seen++; found || seen == clockEvents {
				return errFound
			}
			return nil
		})
	})
	if err != nil && !errors.Is(err, errFound) || !found {
		return clearFound(err)
	}
	r.e.opts.Clock = ClockStream
	return r.readAll(ctx) // ids are forgotten by the clock too
}

// took says whether a release that is in step took an event.
func (r *Rehearsal) took(e *lead.Event) bool {
	return slices.ContainsFunc(r.parts[lead.Partition(e.Lead, len(r.parts))].visit.set.Members(), func(m *lineage.Member) bool {
		a := m.Core.Lead(e.Lead)
		return m.InStep() && a != nil && a.First != 0 && a.First <= e.At
	})
}

// clearFound takes the end of a search for no error.
func clearFound(err error) error {
	if errors.Is(err, errFound) {
		return nil
	}
	return err
}

// Partitions is how many partitions there are.
func (r *Rehearsal) Partitions() int { return len(r.parts) }

// Cores are the live lineage's, by partition; none if there is none.
func (r *Rehearsal) Cores() (list []*core.Core) {
	for i := range r.parts {
		if r.parts[i].live != nil {
			list = append(list, r.parts[i].live.Core)
		}
	}
	return list
}

// CoreOptions are those that a candidate is built with.
func (r *Rehearsal) CoreOptions() core.Options { return r.e.coreOptions() }

// Clock is the latest time in the state, ms: of a tick or of a lead, also of one
// in the cores of a candidate that has scored the history.
func (r *Rehearsal) Clock(candidate ...*core.Core) (at int64) {
	for i := range r.parts {
		at = max(at, r.parts[i].clock)
	}
	for _, c := range append(r.Cores(), candidate...) {
		at = max(at, c.Clock())
		c.Leads(func(a *ledger.Account) { at = max(at, a.Clock) })
	}
	return at
}

// Close lets go of the streams and the plugins' instances.
func (r *Rehearsal) Close() {
	r.let()
	r.e.shut(context.Background())
}

// let lets go of what was read.
func (r *Rehearsal) let() {
	for i := range r.parts {
		r.parts[i].visit.close()
	}
	r.parts, r.end = nil, 0
}
