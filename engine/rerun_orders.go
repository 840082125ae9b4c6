package engine

import (
	"errors"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

// order obeys an order about the workflow.
func (r *rerun) order(m *journal.Message, c *journal.Control) error {
	if err := r.flush(); err != nil {
		return err
	}
	o, err := lineage.DecodeOrder(c.Body)
	if err != nil || !r.about(o.Workflow) {
		return nil // it was passed over
	}
	set := r.story.visit.set
	w, err := set.Obey(o, m.Seq, c.At)
	if errors.Is(err, lineage.ErrOrder) || err == nil && w.Passed != "" {
		return nil
	}
	if err := r.known(err); err != nil {
		return err
	}
	if w.New || o.Op == lineage.Switch {
		r.story.Orders++
	}
	after := ""
	for done := false; !done; {
		if after, done, err = w.Step(after, 0); err != nil {
			return err
		}
		r.collect()
	}
	w.Done()
	if k := w.Member(); k != nil && k.Role == lineage.Building {
		if err := r.build(k, m.Seq); err != nil {
			return err
		}
	}
	return r.known(r.end())
}

// build brings a new lineage to where the others are: an engine takes its time
// for that, which changes nothing.
func (r *rerun) build(m *lineage.Member, until uint64) error {
	set := r.story.visit.set
	run := func() error {
		for list := r.batch; len(list) > 0; {
			n, err := set.Build(m, list)
			if err != nil {
				return err
			}
			r.collect()
			list = list[n:]
		}
		r.batch = r.batch[:0]
		return nil
	}
	err := r.x.e.journal.Scan(r.ctx, journal.EventsStream, r.subjects(), 1, func(msg journal.Message) error {
		if msg.Seq >= until {
			return errLater
		}
		if msg.Subject == journal.ControlSubject {
			if c, err := journal.DecodeControl(msg.Data); err == nil && c.Type == journal.ControlTick {
				r.batch = append(r.batch, core.Input{Event: lead.Event{Kind: lead.Tick, At: c.At}})
			}
		} else {
			r.events(&msg, 0)
		}
		if len(r.batch) < pastBatch {
			return nil
		}
		return run()
	})
	if err != nil && !errors.Is(err, errLater) {
		return err
	}
	if err := run(); err != nil {
		return err
	}
	set.Join(m, set.Clock())
	return nil
}
