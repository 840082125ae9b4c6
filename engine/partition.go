package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/model"
)

// maxInputs is where a micro-batch is cut by its events; leastInputs is the
// least that it is cut to for the sake of its size.
const (
	maxInputs   = 4096
	leastInputs = 128
)

// partition owns one partition: it claims, restores, reads, scores and
// commits, in a single goroutine.
type partition struct {
	e      *Engine
	number int
	log    hclog.Logger
	status partitionStatus

	// largest is the number of events that a micro-batch may have; smaller after
	// a commit was too large for the journal. batch is what it has at the moment:
	// as many as make one record of a good size.
	largest, batch int

	pt      *journal.Partition
	crew    *Crew
	abort   context.CancelCauseFunc // ends the session
	older   string                  // digest of the model of the newest record, if it is not ours
	warned  time.Time               // when the log last told of rejected events
	core    *core.Core
	reader  *journal.Reader
	decoder *intake.Decoder
	inputs  []core.Input
	out     core.Output
	planner planner
	next    uint64 // number of the record that the next commit becomes
	flight  *flight
	begin   journal.Record   // position and breakers behind the newest batch
	pos     journal.Position // of the next input to be taken
	last    journal.Message  // last message read
}

// errTaken ends an engine that is no longer the owner of its partitions.
var errTaken = fmt.Errorf("another engine has taken over; this one ends, and nothing that it had not committed counts: %w", journal.ErrFenced)

// warnEvery thins out warnings that every batch could give.
const warnEvery = 10 * time.Second

// flight is a commit on its way.
type flight struct {
	done chan struct{}
	err  error // valid once done is closed
}

// partitionStatus is what others may know of a partition.
type partitionStatus struct {
	owned     atomic.Bool // runs here; says nothing of the claim
	ready     atomic.Bool
	epoch     atomic.Uint64 // of the claim, 0 before
	events    atomic.Int64  // events that changed something
	newest    atomic.Int64  // latest event time seen, ms
	position  atomic.Uint64
	leads     atomic.Int64
	tick      atomic.Int64
	decisions atomic.Int64
	rejected  atomic.Int64
	repeated  atomic.Int64
	commits   atomic.Int64
	committed atomic.Int64 // events whose commit is acknowledged

	behind     atomic.Int64 // messages behind the one read last
	timers     atomic.Int64 // of leads in memory
	commitTime latency
	codes      codeCounts // of rejected events
}

// run owns the partition until the context ends or another engine takes it.
func (p *partition) run(ctx context.Context) error {
	for {
		err := p.session(ctx)
		p.status.ready.Store(false)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, journal.ErrTooLarge) && p.largest > 1:
			p.largest = max(1, p.largest/8)
			p.log.Warn("micro-batch was too large for one commit, going on with smaller ones", "events", p.largest)
		case errors.Is(err, journal.ErrRefused):
			p.log.Error("commit refused, restarting the server to settle it", "error", err)
			if rerr := p.e.restartServer(); rerr != nil {
				return errors.Join(err, rerr)
			}
		case errors.Is(err, journal.ErrDiskLow):
			p.log.Error("waiting for free disk space", "error", err)
			sleep(ctx, 5*time.Second)
		case errors.Is(err, journal.ErrUnresolved):
			p.log.Warn("fate of a commit is unknown, restoring", "error", err)
			sleep(ctx, 200*time.Millisecond)
		case errors.Is(err, journal.ErrFenced):
			p.log.Debug("fenced", "error", err)
			return errTaken
		default:
			return fmt.Errorf("partition %d: %w", p.number, err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// session is one ownership: from the claim to the first failure.
func (p *partition) session(ctx context.Context) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	defer p.reader.Close()
	ctx, p.abort = context.WithCancelCause(ctx)
	defer p.abort(nil)
	p.status.ready.Store(true)
	for {
		msgs, err := p.reader.Next(ctx)
		if err != nil {
			return p.leave(err)
		}
		for i := range msgs {
			if err := p.take(ctx, &msgs[i]); err != nil {
				return p.leave(err)
			}
		}
		if err := p.flush(ctx); err != nil {
			return p.leave(err)
		}
		p.status.position.Store(p.pos.Seq)
		p.status.behind.Store(p.reader.Behind())
	}
}

// leave waits for the commit in flight, so that a drain loses no work, and
// says why the session ends: a failed commit is the cause, not its consequence.
func (p *partition) leave(err error) error {
	if p.flight == nil {
		return err
	}
	<-p.flight.done
	if p.flight.err != nil {
		err = p.flight.err
	}
	p.flight = nil
	return err
}

// open claims the partition and restores its state.
func (p *partition) open(ctx context.Context) (err error) {
	if p.pt, err = p.e.journal.Claim(ctx, p.number); err != nil {
		return err
	}
	p.status.epoch.Store(p.pt.Epoch())
	p.status.newest.Store(max(p.status.newest.Load(), p.pt.Claimed().Newest))
	p.close()
	if p.crew, err = p.e.work.NewCrew(ctx); err != nil {
		return err
	}
	p.core = core.New(p.crew.Program, p.e.coreOptions())
	p.planner, p.next = planner{partition: p.number}, p.pt.Claimed().Number+1
	p.flight, p.inputs, p.batch = nil, p.inputs[:0], min(1024, p.largest)
	started, records := time.Now(), 0
	err = p.pt.Restore(ctx, func(rec journal.Record) error {
		records++
		if err := p.checkModel(&rec); err != nil {
			return err
		}
		if rec.Kind == journal.KindCommit {
			if err := restoreHealth(rec.Health, p.crew); err != nil {
				return err
			}
		}
		return restoreRecord(p.core, &rec)
	})
	if err != nil {
		return err
	}
	pos, rewound, err := p.pt.Resume(ctx)
	if err != nil {
		return err
	}
	if rewound {
		p.log.Warn("events behind the recorded position are missing, reading again from the newest that is there", "position", pos.Seq)
	}
	p.begin, p.pos = journal.Record{Pos: pos, Health: appendHealth(nil, p.crew)}, pos
	p.status.leads.Store(int64(p.core.Len()))
	p.status.position.Store(pos.Seq)
	if p.older != "" && p.number == 0 {
		p.log.Warn("the workflow or its plugins changed since the last commit: ledgers stay as they are, the new rules count from now on",
			"before", p.older[:min(12, len(p.older))], "now", p.e.work.Model.Policy.Release)
	}
	p.log.Debug("restored", "records", records, "leads", p.core.Len(), "position", pos.Seq, "took", time.Since(started).Round(time.Millisecond))
	p.reader, err = p.e.journal.NewReader(ctx, p.number, pos, journal.ReaderOptions{})
	return err
}

// errWorkflow says that the streams hold the state of another workflow.
var errWorkflow = errors.New("the data belongs to another workflow")

// modelName is what a record says of the model that decided.
func modelName(m *model.Model) string { return m.Name + "@" + m.Digest }

// checkModel compares the model of a record with the one that runs now. Another
// workflow's state means nothing here; another release of the same goes on with
// its ledgers.
func (p *partition) checkModel(rec *journal.Record) error {
	name, digest, ok := strings.Cut(rec.Model, "@")
	if rec.Kind != journal.KindCommit || !ok {
		return nil
	}
	m := p.e.work.Model
	if name != m.Name {
		return fmt.Errorf("%w: found %q, this engine runs %q; give it a data folder (or streams) of its own, or run the workflow that the data belongs to", errWorkflow, name, m.Name)
	}
	p.older = ""
	if digest != m.Digest {
		p.older = digest
	}
	return nil
}

// restoreRecord puts the state of one record into the core.
func restoreRecord(c *core.Core, rec *journal.Record) error {
	c.RestoreClock(rec.Clock)
	return c.Apply(rec.Delta, rec.Number)
}

// take queues the inputs of one message and flushes when a batch is full.
func (p *partition) take(ctx context.Context, m *journal.Message) error {
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
			flushErr = p.commit(ctx)
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
func (p *partition) flush(ctx context.Context) error {
	if len(p.inputs) == 0 {
		return nil
	}
	return p.commit(ctx)
}

// commit runs the core over the queued inputs and hands the result to the
// journal. One commit is in flight while the next batch is scored.
func (p *partition) commit(ctx context.Context) error {
	inputs := p.inputs
	p.inputs = p.inputs[:0]
	for {
		p.out.Reset()
		n, err := p.core.RunSlice(inputs, &p.out)
		if err != nil {
			return err
		}
		inputs = inputs[n:]
		if err := p.commitSlice(ctx, len(inputs) == 0); err != nil {
			return err
		}
		if len(inputs) == 0 {
			return nil
		}
	}
}

// commitSlice hands what the core said to the journal. The position moves with
// the last slice of a batch: until then a restart reads all of it again.
func (p *partition) commitSlice(ctx context.Context, last bool) error {
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
		if err := p.send(ctx, &plans[i], events); err != nil {
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
func (p *partition) send(ctx context.Context, plan *commitPlan, events int) error {
	if p.flight != nil {
		<-p.flight.done
		if p.flight.err != nil {
			return p.flight.err
		}
	}
	f := &flight{done: make(chan struct{})}
	p.flight = f
	// A drain lets the last commit end, so it does not stop with the session.
	pending := p.pt.CommitAsync(p.e.life, plan.outs, plan.rec)
	abort, began := p.abort, time.Now()
	go func() {
		defer close(f.done)
		if _, f.err = pending.Wait(p.e.life); f.err != nil {
			abort(f.err)
			return
		}
		p.status.commitTime.observe(time.Since(began))
		p.status.committed.Add(int64(events))
	}()
	return nil
}

func (p *partition) count() {
	p.status.events.Add(int64(p.out.Accepted))
	p.status.repeated.Add(int64(p.out.Duplicates))
	p.status.decisions.Add(int64(len(p.out.Decisions)))
	p.status.rejected.Add(int64(len(p.out.Rejected)))
	p.status.leads.Store(int64(p.core.Len()))
	p.status.timers.Store(int64(p.core.Timers()))
	p.status.codes.add(p.out.Rejected)
	p.status.commits.Add(1)
	if n := len(p.out.Rejected); n > 0 && time.Since(p.warned) >= warnEvery {
		p.warned = time.Now()
		first := &p.out.Rejected[0]
		p.log.Warn("events are rejected and kept on "+journal.RejectedSubject(p.number), "of this batch", n, "first code", first.Code, "first reason", first.Reason)
	}
}

// close gives the plugins' instances back.
func (p *partition) close() {
	if p.crew != nil {
		p.crew.Close()
		p.crew = nil
	}
}
