package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/engine/store"
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
	free   func() // says that a session that was asked to end commits nothing more

	// largest is the number of events that a micro-batch may have; smaller after
	// a commit was too large for the journal. batch is what it has at the moment:
	// as many as make one record of a good size.
	largest, batch int

	pt      *journal.Partition
	abort   context.CancelCauseFunc // ends the session
	warned  time.Time               // when the log last told of rejected events
	house   *household
	set     *lineage.Set
	reader  *journal.Reader
	history *historian // reads for a lineage that is being built, nil without one
	decoder *intake.Decoder
	inputs  []core.Input
	planner planner
	rivals  rivals
	next    uint64 // number of the record that the next commit becomes
	flight  *flight
	base    journal.Base // the newest record that is acknowledged
	db      *store.DB    // of this session
	shelf   *store.Partition
	keeping keeping
	doubts  int                // how often the stored state could not be read
	spoiled []journal.Snapshot // found damaged in this start
	begin   journal.Record     // what the newest batch left: position, input, lineages and their breakers
	pos     journal.Position   // of the next input to be taken
	last    heardInput         // last message read
	moved   time.Time          // when the position last moved, or was looked at
	errands chan *errand
	errand  *errand            // at hand
	wake    chan struct{}      // an errand waits
	firsts  map[string]*scored // by workflow: what its newest release has scored
	// unscored says that no event came behind a switch so far, untold that one
	// did whose commit is not acknowledged.
	unscored, untold bool
}

// heardInput is the last message of the events stream that was read. Only that
// of a commit is hashed, not each on the way.
type heardInput struct {
	seq    uint64
	data   []byte
	hash   [32]byte
	hashed bool
}

func (h *heardInput) sum() [32]byte {
	if !h.hashed {
		h.hash, h.hashed, h.data = journal.HashInput(h.data), true, nil
	}
	return h.hash
}

// errTaken ends an engine that is no longer the owner of its partitions.
var errTaken = fmt.Errorf("another engine has taken over; this one ends, and nothing that it had not committed counts: %w", journal.ErrFenced)

// warnEvery thins out warnings that every batch could give.
const warnEvery = 10 * time.Second

// flight is a commit on its way.
type flight struct {
	done chan struct{}
	over context.Context // ends with done
	rec  journal.Record  // as it is stored; valid, like err, once done is closed
	err  error
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
	lineages  atomic.Pointer[[]release.LineageStatus]
	kept      atomic.Pointer[[]journal.Lineage] // of the newest snapshot
	commits   atomic.Int64
	committed atomic.Int64 // events whose commit is acknowledged

	checkpoint atomic.Int64 // when the local store was last complete, ms
	snapshot   atomic.Int64 // when the newest snapshot was made here, ms; 0 = none yet
	purged     atomic.Int64 // when history was last purged, ms

	behind     atomic.Int64 // messages behind the one read last
	timers     atomic.Int64 // of leads in memory
	commitTime latency
	codes      codeCounts // of rejected events
	tallies    tallies    // by release
}

// run owns the partition until the context ends or another engine takes it.
func (p *partition) run(ctx context.Context) error {
	for {
		err := p.session(ctx)
		p.status.ready.Store(false)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, core.ErrInterrupted):
			<-ctx.Done() // a stop is under way
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
		case errors.Is(err, store.ErrDamaged):
			p.log.Warn("the local store is damaged; a new one is made from snapshot and journal", "error", err)
			if rerr := p.e.replaceStore(p.db); rerr != nil {
				return errors.Join(err, rerr)
			}
		case errors.Is(err, core.ErrState) && p.doubts < maxDoubts:
			if derr := p.distrust(err); derr != nil {
				return errors.Join(err, derr)
			}
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
func (p *partition) session(outer context.Context) error {
	defer p.close()
	ctx, abort := context.WithCancelCause(outer)
	p.abort = abort
	defer abort(nil)
	if err := p.open(ctx); err != nil {
		return err
	}
	defer p.reader.Close()
	p.status.ready.Store(true)
	for {
		if err := p.turn(ctx); err != nil {
			return p.leave(outer, err)
		}
		p.status.position.Store(p.pos.Seq)
		p.status.behind.Store(p.reader.Behind())
	}
}

// turn takes what has arrived, scores and commits it. Without anything to do it
// looks after the local store.
func (p *partition) turn(ctx context.Context) error {
	msgs, err := p.read(ctx)
	if err != nil {
		return err
	}
	for i := range msgs {
		if err := p.take(&msgs[i]); err != nil {
			return err
		}
	}
	if err := p.collect(); err != nil {
		return err
	}
	if err := p.flush(); err != nil {
		return err
	}
	if err := p.runErrand(); err != nil {
		return err
	}
	if m := p.set.Building(); m != nil {
		return p.build(ctx, m, len(msgs) == 0)
	}
	if len(msgs) > 0 {
		p.moved = time.Now()
		return nil
	}
	if err := p.advance(ctx); err != nil {
		return err
	}
	return p.tidy()
}

// read waits for messages, for a while: longer if there is nothing to store, and
// hardly if a lineage is being built.
func (p *partition) read(ctx context.Context) ([]journal.Message, error) {
	if p.set.Building() != nil || p.errand != nil {
		return p.reader.Poll(ctx, buildPause)
	}
	wait := p.patience()
	if !p.keeping.little() {
		wait = min(wait, idlePause, p.keeping.every)
	}
	idle, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	msgs, err := p.reader.Next(idle)
	if err != nil && idle.Err() != nil && ctx.Err() == nil {
		return nil, nil
	}
	return msgs, err
}

// leave waits for the commit in flight, so that a drain loses no work, and
// says why the session ends: a failed commit is the cause, not its consequence.
// A session that was asked to end brings the local store up to date, so that
// the next start is quick.
func (p *partition) leave(outer context.Context, err error) error {
	if ferr := p.settle(true); ferr != nil {
		return ferr
	}
	if errors.Is(err, core.ErrInterrupted) {
		p.log.Warn("what plugins were at took too long for a stop and was called off; it is scored at the next start")
		p.free()
		return err // leads are ahead of the journal: nothing of them is stored
	}
	if outer.Err() != nil {
		p.conclude()
		p.free() // others need not wait for our store
		if perr := p.park(); perr != nil {
			p.log.Warn("the local store is not up to date; the next start reads more of the journal", "error", perr)
		}
	}
	return err
}

// close gives the plugins' instances and the leads in memory back.
func (p *partition) close() {
	p.keeping.end()
	p.dropErrands()
	p.history.close()
	if p.house != nil {
		p.house.close()
	}
	p.house, p.set, p.shelf, p.history, p.planner = nil, nil, nil, nil, planner{}
}
