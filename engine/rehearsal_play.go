package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

// Present lets the live release's time pass up to now, as an engine does before
// a switch, unless it is the stream's own, and returns what it is then, ms: the
// candidate, whose cores are given, has to follow. decided gets what that alone
// leads to.
func (r *Rehearsal) Present(candidate []*core.Core, decided func(partition int, list []lead.Decision)) (int64, error) {
	at := r.Clock(candidate...)
	if r.e.opts.Clock == ClockStream || at == 0 {
		return at, nil
	}
	at = max(at, r.e.opts.Now())
	for n, c := range r.Cores() {
		var out core.Output
		if err := c.Run([]core.Input{{Event: lead.Event{Kind: lead.Tick, At: at}}}, &out); err != nil {
			return 0, err
		}
		decided(n, out.Decisions)
	}
	return at, nil
}

// Next is the sequence that the next message of the history would have.
func (r *Rehearsal) Next() uint64 { return r.end }

// Play hands the history to fn as a candidate would read it: in the order of the
// stream, the inputs of a partition up to where its state is. Inputs that cannot
// be read are left out: no release takes them. progress is told how many
// messages of how many are read; nil is fine.
func (r *Rehearsal) Play(ctx context.Context, progress func(at, end uint64), fn func(partition int, e *lead.Event) error) error {
	var all []inputs
	subjects := r.e.eventSubjects()
	for n := range r.parts {
		all = append(all, inputs{decoder: intake.NewDecoder(intake.Options{}), partitions: len(r.parts), number: n, timeless: r.e.opts.Clock == ClockStream})
	}
	take := func(m *journal.Message, n int) error {
		in := &all[n]
		in.list = in.list[:0]
		if err := in.take(m, journal.Position{Seq: m.Seq}, r.parts[n].pos); err != nil {
			return err
		}
		for i := range in.list {
			if in.list[i].Refused != nil {
				continue
			}
			if err := fn(n, &in.list[i].Event); err != nil {
				return err
			}
		}
		return nil
	}
	return r.e.allowed(ctx, func(ctx context.Context) error {
		return r.e.journal.Scan(ctx, journal.EventsStream, append(subjects, journal.ControlSubject), 1, func(m journal.Message) error {
			if progress != nil {
				progress(m.Seq, r.end)
			}
			if m.Subject != journal.ControlSubject {
				n := slices.Index(subjects, m.Subject)
				if n < 0 {
					return nil
				}
				return take(&m, n)
			}
			for n := range r.parts {
				if err := take(&m, n); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// Build lets a candidate, which has as many partitions and has seen nothing,
// score the history as apply would let it: with what is carried over from the
// live release, up to where that is. see is shown each event and tick.
func (r *Rehearsal) Build(ctx context.Context, candidate *replay.Replay, progress func(at, end uint64), see func(partition int, e *lead.Event)) error {
	cores := candidate.Cores()
	if !r.Whole {
		if err := r.carry(cores); err != nil {
			return err
		}
	}
	err := r.Play(ctx, progress, func(n int, e *lead.Event) error {
		if see(n, e); e.Kind == lead.Tick {
			candidate.TickIn(n, e.At)
		} else {
			candidate.Event(*e, replay.Place{})
		}
		return nil
	})
	if err := errors.Join(err, candidate.Drain()); err != nil {
		return err
	}
	for n := range r.parts {
		cores[n].PassOver(0)
		cores[n].RestoreClock(r.parts[n].tick())
	}
	return nil
}

// tick is the latest tick that what is live has seen, ms.
func (r *rehearsed) tick() int64 {
	if r.live == nil {
		return r.clock
	}
	return r.live.Core.Clock()
}

// carry gives a candidate what the live release knows from before the history.
func (r *Rehearsal) carry(cores []*core.Core) error {
	for n := range r.parts {
		if live := r.parts[n].live; live != nil {
			var out core.Output
			if _, _, err := cores[n].CarryFrom(live.Core, r.Cut, "", 0, &out); err != nil {
				return err
			}
		}
		cores[n].PassOver(r.Cut)
	}
	return nil
}

// Decisions hands all decisions of the workflow that the state knows of to fn, in
// the order of the journal.
func (r *Rehearsal) Decisions(ctx context.Context, fn func(partition int, d *lead.Decision)) error {
	if r.Work == nil {
		return nil
	}
	filter := []string{journal.DecisionSubject(r.next.Model.Name, "*")}
	return r.e.allowed(ctx, func(ctx context.Context) error {
		return r.e.journal.Scan(ctx, journal.JournalStream, filter, 1, func(m journal.Message) error {
			var d lead.Decision
			if err := json.Unmarshal(m.Data, &d); err != nil {
				return fmt.Errorf("decision at sequence %d cannot be read: %w", m.Seq, err)
			}
			n := lead.Partition(d.Lead, len(r.parts))
			if a := r.parts[n].live.Core.Lead(d.Lead); a != nil && d.Seq <= a.Marks.Seq {
				fn(n, &d)
			}
			return nil
		})
	})
}
