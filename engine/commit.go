package engine

import (
	"fmt"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// take queues the inputs of one message and flushes when a batch is full.
func (p *partition) take(m *journal.Message) error {
	if m.Seq < p.pos.Seq {
		return nil
	}
	skip := uint32(0)
	if m.Seq == p.pos.Seq {
		skip = p.pos.Index
	}
	p.last = *m
	if m.Subject == journal.ControlSubject {
		return p.control(m)
	}
	index := uint32(0)
	var flushErr error
	err := intake.Messages(m.Data, func(_ int, raw []byte, received int64) {
		index++
		if index <= skip || flushErr != nil {
			return
		}
		if received == 0 {
			received = m.Time
		}
		p.decode(raw, received)
		if len(p.inputs) >= p.batch {
			p.pos = journal.Position{Seq: m.Seq, Index: index}
			flushErr = p.commit()
		}
	})
	if flushErr != nil {
		return flushErr
	}
	if err != nil {
		p.inputs = append(p.inputs, core.Input{Refused: intake.Reject(intake.CodePack, err.Error(), m.Data)})
	}
	p.pos = journal.Position{Seq: m.Seq + 1}
	return nil
}

// decode turns one event's bytes into an input.
func (p *partition) decode(raw []byte, received int64) {
	if p.e.opts.Clock == ClockStream {
		received = 0 // time is the stream's own
	}
	ev, refused := p.decoder.Decode(raw, received)
	if refused == nil {
		ev.Raw = raw
		if ev.At > p.status.newest.Load() {
			p.status.newest.Store(ev.At)
		}
		refused = misplaced(&ev, p.e.journal.Partitions(), p.number)
	}
	p.inputs = append(p.inputs, core.Input{Event: ev, Refused: refused})
}

// misplaced refuses an event that a producer published for another partition.
func misplaced(ev *lead.Event, partitions, number int) *lead.Rejected {
	other := lead.Partition(ev.Lead, partitions)
	if other == number {
		return nil
	}
	r := intake.Reject("wrong-partition", fmt.Sprintf("lead %q belongs to subject %s, found on %s; publish there, or send requests to ripen.in",
		ev.Lead, journal.EventSubject(other), journal.EventSubject(number)), ev.Raw)
	r.Lead, r.Event, r.At = ev.Lead, ev.ID, ev.At
	return r
}

// control takes a message of the engine to all partitions.
func (p *partition) control(m *journal.Message) error {
	c, err := journal.DecodeControl(m.Data)
	if err != nil {
		return err
	}
	if c.Type == journal.ControlTick {
		p.inputs = append(p.inputs, core.Input{Event: lead.Event{Kind: lead.Tick, At: c.At}})
		p.status.tick.Store(c.At)
	}
	p.pos = journal.Position{Seq: m.Seq + 1}
	return nil
}

// flush scores and commits what is queued.
func (p *partition) flush() error {
	if len(p.inputs) == 0 {
		return nil
	}
	return p.commit()
}

// commit runs the core over the queued inputs and hands the result to the
// journal. One commit is in flight while the next batch is scored.
func (p *partition) commit() error {
	inputs := p.inputs
	p.inputs = p.inputs[:0]
	for {
		p.out.Reset()
		failpoint.Hit("batch.before")
		n, err := p.core.RunSlice(inputs, &p.out)
		if err != nil {
			return err
		}
		failpoint.Hit("batch.after")
		inputs = inputs[n:]
		if err := p.commitSlice(len(inputs) == 0); err != nil {
			return err
		}
		if err := p.tidy(); err != nil {
			return err
		}
		if len(inputs) == 0 {
			return nil
		}
	}
}

// commitSlice hands what the core said to the journal. The position moves with
// the last slice of a batch: until then a restart reads all of it again.
func (p *partition) commitSlice(last bool) error {
	byRelease(p.out.Rejected, p.e.work.Model.Policy.Release)
	done := journal.Record{Pos: p.pos, InputSeq: p.last.Seq, InputHash: journal.HashInput(p.last.Data), Clock: p.core.Clock(), Model: modelName(p.e.work.Model),
		Health: appendHealth(nil, p.crew), Newest: p.status.newest.Load()}
	if !last {
		done.Pos, done.Clock, done.Health = p.begin.Pos, 0, p.begin.Health
	}
	plans, err := p.planner.plan(&p.out, p.begin, done, p.next)
	if err != nil {
		return err
	}
	p.next += uint64(len(plans))
	for i := range plans {
		events := 0
		if i == len(plans)-1 {
			events = p.out.Accepted
		}
		if err := p.send(&plans[i], events); err != nil {
			return err
		}
	}
	p.begin = journal.Record{Pos: done.Pos, Health: done.Health}
	p.count()
	p.adapt(p.planner.size)
	return nil
}

// adapt aims at micro-batches whose state fills most of one record: with more
// than one, the second waits for the first while nothing is scored.
func (p *partition) adapt(bytes int) {
	switch {
	case bytes > maxState*3/4:
		p.batch = p.batch * 3 / 4
	case bytes < maxState/2:
		p.batch = p.batch*5/4 + 1
	}
	p.batch = min(max(p.batch, leastInputs), p.largest)
}

// send waits for the commit in flight and starts the next. What becomes of it
// is noticed at once, also when no more input comes.
func (p *partition) send(plan *commitPlan, events int) error {
	if err := p.settle(true); err != nil {
		return err
	}
	f, end := newFlight(p.e.life)
	p.flight = f
	// A drain lets the last commit end, so it does not stop with the session.
	pending := p.pt.CommitAsync(p.e.life, plan.outs, plan.rec)
	abort, began := p.abort, time.Now()
	go func() {
		defer end()
		if f.rec, f.err = pending.Wait(p.e.life); f.err != nil {
			abort(f.err)
			return
		}
		p.status.commitTime.observe(time.Since(began))
		p.status.committed.Add(int64(events))
	}()
	return nil
}

// settle takes note of the fate of the commit in flight, if it is known or must
// be waited for.
func (p *partition) settle(wait bool) error {
	f := p.flight
	if f == nil {
		return nil
	}
	if !wait {
		select {
		case <-f.done:
		default:
			return nil
		}
	}
	<-f.done
	p.flight = nil
	if f.err != nil {
		return f.err
	}
	p.base.Follow(&f.rec)
	p.core.Acked(f.rec.Number)
	p.keeping.note(&f.rec)
	return nil
}

func (p *partition) count() {
	p.status.events.Add(int64(p.out.Accepted))
	p.status.repeated.Add(int64(p.out.Duplicates))
	p.status.decisions.Add(int64(len(p.out.Decisions)))
	p.status.rejected.Add(int64(len(p.out.Rejected)))
	p.status.leads.Store(int64(p.stored + p.core.Unstored()))
	p.status.timers.Store(int64(p.core.Timers()))
	p.status.codes.add(p.out.Rejected)
	p.status.commits.Add(1)
	if n := len(p.out.Rejected); n > 0 && time.Since(p.warned) >= warnEvery {
		p.warned = time.Now()
		first := &p.out.Rejected[0]
		p.log.Warn("events are rejected and kept on "+journal.RejectedSubject(p.number), "of this batch", n, "first code", first.Code, "first reason", first.Reason)
	}
}
