package engine

import (
	"fmt"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
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
	if m.Subject == journal.ControlSubject {
		return p.control(m)
	}
	p.hear(m)
	p.firstEvent(m.Seq)
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

// hear notes that a message was read.
func (p *partition) hear(m *journal.Message) { p.last = heardInput{seq: m.Seq, data: m.Data} }

// control takes a message of the engine to all partitions.
func (p *partition) control(m *journal.Message) error {
	c, err := journal.DecodeControl(m.Data)
	if err != nil {
		return err
	}
	switch c.Type {
	case journal.ControlRelease:
		return p.order(m, &c)
	case journal.ControlTick:
		if p.set.Expires(c.At) { // before the tick, in whatever batch it comes
			if err := p.flush(); err != nil {
				return err
			}
			p.set.Expire(c.At)
			p.house.tidy(p.set)
			p.tell()
		}
		p.inputs = append(p.inputs, core.Input{Event: lead.Event{Kind: lead.Tick, At: c.At}})
		p.status.tick.Store(c.At)
	}
	p.hear(m)
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

// commit runs all lineages over the queued inputs and hands the result to the
// journal. One commit is in flight while the next batch is scored.
func (p *partition) commit() error {
	p.set.Take(p.inputs)
	p.inputs = p.inputs[:0]
	for done := false; !done; {
		failpoint.Hit("batch.before")
		var err error
		if done, err = p.set.Slice(); err != nil {
			return err
		}
		failpoint.Hit("batch.after")
		p.rivals.note(p.set)
		if err := p.commitSlice(done); err != nil {
			return err
		}
		if err := p.tidy(); err != nil {
			return err
		}
	}
	return nil
}

// commitSlice hands what the lineages said to the journal. The position moves
// with the last slice of a batch: until then a restart reads all of it again.
func (p *partition) commitSlice(last bool) error {
	done := p.begin
	if last {
		done = p.record(p.pos)
	} else {
		done.Clock = 0
	}
	if err := p.plan(done, true); err != nil {
		return err
	}
	p.adapt(p.planner.size)
	return nil
}

// record is what a commit says beside the state of leads, if all that was read
// is done.
func (p *partition) record(pos journal.Position) journal.Record {
	return journal.Record{Pos: pos, InputSeq: p.last.seq, InputHash: p.last.sum(), Clock: p.set.Clock(), Lineages: p.lineages(), Newest: p.status.newest.Load()}
}

// lineages are those of the partition, as a record names them.
func (p *partition) lineages() []journal.Lineage {
	members := p.set.Members()
	list := make([]journal.Lineage, len(members))
	for i, m := range members {
		list[i] = recordOf(&m.Descriptor)
		crew := p.house.homes[m.ID].crew
		list[i].Health = appendHealth(nil, crew)
		p.tellBreakers(crew, m)
	}
	return list
}

// plan cuts what the lineages said into commits and sends them. fresh says that
// their inputs are new to the partition, and are counted.
func (p *partition) plan(done journal.Record, fresh bool) error {
	var more []journal.Output
	if fresh && done.Pos != p.begin.Pos {
		var err error
		if more, err = p.rivals.outputs(p.set); err != nil {
			return err
		}
	}
	plans, err := p.planner.plan(p.set.Members(), p.begin, done, p.next, more)
	if err != nil {
		return err
	}
	p.next += uint64(len(plans))
	keeper := p.keeper()
	for i := range plans {
		events := 0
		if i == len(plans)-1 && fresh && keeper != nil {
			events = keeper.Out.Accepted
		}
		if err := p.send(&plans[i], events); err != nil {
			return err
		}
	}
	p.begin = done
	p.count(keeper, fresh)
	return nil
}

// keeper is the lineage that the inputs are counted by, nil without a live one.
func (p *partition) keeper() *lineage.Member {
	for _, m := range p.set.Members() {
		if m.Role == lineage.Live {
			return m
		}
	}
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
	var old, news *[]release.LineageStatus
	if p.untold && events > 0 {
		old, news, p.untold = p.status.lineages.Load(), p.standing(), false
	}
	go func() {
		defer end()
		if f.rec, f.err = pending.Wait(p.e.life); f.err != nil {
			abort(f.err)
			return
		}
		if news != nil {
			p.status.lineages.CompareAndSwap(old, news) // else something newer is told already
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
	for _, m := range p.set.Members() {
		m.Core.Acked(f.rec.Number)
	}
	p.keeping.note(&f.rec)
	return nil
}

func (p *partition) count(keeper *lineage.Member, fresh bool) {
	s := &p.status
	if keeper != nil && fresh {
		s.events.Add(int64(keeper.Out.Accepted))
		s.repeated.Add(int64(keeper.Out.Duplicates))
	}
	timers := 0
	s.tallies.count(p.set.Members())
	for _, m := range p.set.Members() {
		timers += m.Core.Timers()
		if m.Heard() {
			s.decisions.Add(int64(len(m.Out.Decisions)))
			p.countRejected(m.Out.Rejected)
		}
	}
	s.leads.Store(int64(p.house.leads(p.set)))
	s.timers.Store(int64(timers))
	s.commits.Add(1)
}

func (p *partition) countRejected(list []lead.Rejected) {
	p.status.rejected.Add(int64(len(list)))
	p.status.codes.add(list)
	if n := len(list); n > 0 && time.Since(p.warned) >= warnEvery {
		p.warned = time.Now()
		p.log.Warn("events are rejected and kept on "+journal.RejectedSubject(p.number), "of this batch", n, "first code", list[0].Code, "first reason", list[0].Reason)
	}
}
