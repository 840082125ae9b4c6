package engine

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/release"
)

// Engine runs one workflow over the events of a stream.
type Engine struct {
	opts     Options
	id       string // names this engine to others and in its claims
	log      hclog.Logger
	work     *Workflow
	server   *natsd.Server // nil with an external server
	conn     *nats.Conn
	door     *nats.Conn // where clients of the embedded server send events; nil with an external one
	js       jetstream.JetStream
	journal  *journal.Journal
	ingest   *ingest.Ingest
	parts    []*partition // all, also those that another engine runs
	keeper   *keeper
	clock    *clock
	local    localStore
	shots    chan struct{} // taken by who writes a snapshot
	web      *web
	subs     *nats.Subscription
	catalog  *release.Store // nil for an operator
	releases Releases
	shelf    *shelf // of stored releases; nil if the releases are the caller's
	ops      *operations
	doubts   doubts
	refusal  atomic.Pointer[context.CancelCauseFunc] // see allowed

	stopping atomic.Int64 // when Stop was asked for, ns since 1970; 0 = not yet

	restart sync.Mutex
	watch   sync.WaitGroup
	life    context.Context // of commits in flight: a drain lets them end
	die     context.CancelFunc
	stop    context.CancelCauseFunc
	done    chan struct{}
	err     error
	left    error // of the server, if Stop could not end it
	closing sync.Once
}

// New starts an engine: server, streams, partitions and doors. It returns when
// events are accepted. A failure leaves nothing behind.
func New(ctx context.Context, o Options) (_ *Engine, err error) {
	o = o.withDefaults()
	e := &Engine{opts: o, id: nuid.Next(), log: o.Logger, work: o.Workflow, done: make(chan struct{})}
	e.life, e.die = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			e.shut(context.Background())
		}
	}()
	if err = probeWeb(o.HTTP); err != nil {
		return nil, err
	}
	if err = e.connect(); err != nil {
		return nil, err
	}
	if err = e.openJournal(ctx, false); err != nil {
		return nil, err
	}
	if err = e.openStore(); err != nil {
		return nil, err
	}
	if err = e.allowed(ctx, e.agree); err != nil {
		return nil, err
	}
	if err = e.openReleases(ctx); err != nil {
		return nil, err
	}
	if err = e.allowed(ctx, e.ensureFirst); err != nil {
		return nil, err
	}
	if e.subs, err = e.journal.ServeSubscribers(ctx); err != nil {
		return nil, err
	}
	if err = e.startParts(ctx); err != nil {
		return nil, err
	}
	e.watch.Go(e.lookAtStreams)
	e.watch.Go(e.watchTrust)
	e.watch.Go(e.watchServer)
	return e, e.openDoors(ctx)
}

// startParts lets partitions work, and ends the engine if it cannot go on.
func (e *Engine) startParts(ctx context.Context) error {
	for n := range e.journal.Partitions() {
		p := &partition{e: e, number: n, log: e.log.Named("partition").With("partition", n), largest: maxInputs, errands: make(chan *errand, 4), wake: make(chan struct{}, 1), decoder: intake.NewDecoder(intake.Options{})}
		e.parts = append(e.parts, p)
	}
	k := newKeeper(e.log, e.parts, e.conn, e.newest)
	if e.server == nil {
		if err := e.allowed(ctx, func(ctx context.Context) error {
			h, known, err := openHints(ctx, e.js, e.id, e.opts.Replicas, e.log)
			if err == nil {
				k.share(h, known)
			}
			return err
		}); err != nil {
			return err
		}
	}
	e.keeper = k
	var run context.Context
	run, e.stop = context.WithCancelCause(context.Background())
	go func() {
		defer close(e.done)
		e.err = k.run(run)
		if cause := context.Cause(run); !errors.Is(cause, context.Canceled) && cause != nil {
			e.err = cause
		}
	}()
	return nil
}

// fail ends the engine: what is in flight is given up, its fate is found out at
// the next start.
func (e *Engine) fail(err error) {
	e.die()
	e.stop(err)
}

// openDoors takes events and lets time pass.
func (e *Engine) openDoors(ctx context.Context) (err error) {
	o := ingest.Options{Conn: e.conn, JS: e.js, Partitions: e.journal.Partitions(), Logger: e.log.Named("ingest"),
		Scored: e.scored, MaxLag: e.opts.MaxLag, MaxEvents: e.opts.MaxEvents, Now: e.opts.Now, Ask: askTime}
	if e.server != nil {
		o.FreeBytes, o.FreeFloor, o.Ask = e.server.FreeBytes, 2*journal.DefaultFreeFloor, 0
		if e.door, err = e.server.ConnectDoor("ripen door"); err != nil {
			return err
		}
		o.Doors = []*nats.Conn{e.door}
	}
	if err = e.allowed(ctx, func(ctx context.Context) (err error) {
		e.clock, err = startClock(ctx, e)
		return err
	}); err != nil {
		return err
	}
	if e.opts.Clock == ClockStream {
		o.Tick = e.clock.to
	} else {
		o.Limits = lead.Limits{Skew: e.opts.Skew.Milliseconds(), Horizon: e.opts.Dedupe.Milliseconds()}
	}
	if e.ingest, err = ingest.New(o); err != nil {
		return err
	}
	if err = e.ingest.Start(); err != nil {
		return err
	}
	if e.ops, err = e.serveOperators(); err != nil {
		return err
	}
	if e.opts.HTTP != "" {
		e.web, err = startWeb(e)
	}
	return err
}

// URL is the address that clients connect to.
func (e *Engine) URL() string {
	if e.server != nil {
		return e.server.URL()
	}
	return e.opts.NATS
}

// HTTPAddr is the address of the health and metrics pages, nil if there are
// none.
func (e *Engine) HTTPAddr() net.Addr {
	if e.web == nil {
		return nil
	}
	return e.web.addr
}

// Ingest takes events in process.
func (e *Engine) Ingest() *ingest.Ingest { return e.ingest }

// Committed is the number of events whose effect this engine has made durable.
func (e *Engine) Committed() (n int64) {
	for _, p := range e.parts {
		n += p.status.committed.Load()
	}
	return n
}

// Partitions are those that this engine runs, claimed and restored.
func (e *Engine) Partitions() (list []int) {
	for n, p := range e.parts {
		if p.status.ready.Load() {
			list = append(list, n)
		}
	}
	return list
}

// Conn is the engine's own connection, with all rights.
func (e *Engine) Conn() *nats.Conn { return e.conn }

// Done is closed when the engine stopped, by Stop or because it failed.
func (e *Engine) Done() <-chan struct{} { return e.done }

// Err is why the engine failed, nil after a Stop. Valid once Done is closed.
func (e *Engine) Err() error { return e.err }

// Stop drains: no new requests, what was taken is stored and answered, commits
// in flight end, the server flushes. A context that ends first gives up commits
// whose fate cannot be learned. A stuck server (natsd.ErrStuck) is left as it is,
// with the data folder locked: the process must end.
func (e *Engine) Stop(ctx context.Context) error {
	if e.stuck() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, stuckTime)
		defer cancel()
	}
	e.shut(ctx)
	return cmp.Or(e.err, e.left)
}

func (e *Engine) shut(ctx context.Context) {
	e.closing.Do(func() {
		if e.stop != nil && e.server == nil {
			e.halt() // others wait for the partitions
		}
		if e.web != nil {
			e.web.close(ctx)
		}
		e.ops.close()
		if e.clock != nil {
			e.clock.stop()
		}
		if e.ingest != nil {
			if err := e.ingest.Close(ctx); err != nil {
				e.log.Warn("requests were given up", "error", err)
			}
		}
		if e.stop != nil {
			e.halt()
			select {
			case <-e.done:
			case <-ctx.Done(): // the server is away: what became of the last commits the next owner finds out
				e.die()
				<-e.done
			}
		}
		if e.die != nil {
			e.die()
			e.watch.Wait()
		}
		e.closeStore()
		if e.shelf != nil {
			e.shelf.Close()
		}
		for _, conn := range []*nats.Conn{e.door, e.conn} {
			if conn != nil {
				conn.Close()
			}
		}
		if e.server != nil {
			e.left = e.server.Stop(ctx)
		}
	})
}

// lastPatience is how long a stopping engine lets a micro-batch go on that is
// being scored. What is called off was not committed, and is scored at the next
// start.
const lastPatience = 5 * time.Second

// halt lets the partitions end.
func (e *Engine) halt() {
	e.stopping.CompareAndSwap(0, time.Now().UnixNano())
	e.stop(nil)
}

// overdue says that the engine is stopping, and has waited long enough for what
// plugins are at.
func (e *Engine) overdue() bool {
	at := e.stopping.Load()
	return at != 0 && time.Since(time.Unix(0, at)) > lastPatience
}

// scored tells up to which sequence of the events stream a partition is
// scored, for ingest: what it stored behind that waits.
func (e *Engine) scored(n int) (next uint64, mine bool) {
	s := &e.parts[n].status
	return s.position.Load(), s.owned.Load()
}

func (e *Engine) coreOptions() core.Options {
	if e.opts.Clock == ClockStream {
		return core.Options{Interrupted: e.overdue}
	}
	return core.Options{Interrupted: e.overdue, Skew: e.opts.Skew.Milliseconds(), Horizon: e.opts.Dedupe.Milliseconds(), DedupeDays: dedupeDays(e.opts.Dedupe)}
}

// dedupeDays are the days of receipt that cover a horizon: ids are forgotten by
// whole days, and 0 would keep them for ever.
func dedupeDays(horizon time.Duration) int32 {
	const day = 24 * time.Hour
	return int32((horizon + day - 1) / day)
}
