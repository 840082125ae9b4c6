// Package ingest is the door for events: it takes requests, validates every
// event, groups what is good into packs per partition, and answers when all of
// it is durable.
//
// It may import engine/lead and engine/intake. It keeps no state beyond what is
// on its way, and never scores, never drops an event in silence and never
// answers "accepted" for one that is not stored. A retry of a request is safe:
// events are deduplicated by their id behind it.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/semaphore"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/lead"
)

// Subject is where clients request; the answer is a JSON Answer.
const Subject = "ripen.in"

const (
	eventsStream    = "RIPEN_EVENTS"
	eventsPrefix    = "ripen.ev."
	rejectedPrefix  = "ripen.rejected."
	queueGroup      = "ripen"
	requestsWaiting = 16 << 10 // before "busy"; their bytes are bounded by MaxQueued
)

// Defaults of Options.
const (
	DefaultLinger    = 2 * time.Millisecond
	DefaultMaxPack   = 256 << 10 // bytes
	DefaultMaxQueued = 64 << 20  // bytes
	DefaultGiveUp    = 10 * time.Second
	DefaultMaxEvents = 10_000 // of one request
)

// maxPackEvents bounds a pack by number, so that one pack of tiny events does
// not hold a partition's micro-batch up.
const maxPackEvents = 4096

// Options configure an Ingest. Conn, JS and Partitions are required.
type Options struct {
	Conn *nats.Conn
	// Doors are further connections, of other accounts, on which requests come.
	Doors      []*nats.Conn
	JS         jetstream.JetStream
	Partitions int
	Logger     hclog.Logger
	// Linger is how long an event waits for company, negative for not at all.
	Linger time.Duration
	// MaxPack is the size of events in bytes at which a pack is closed.
	MaxPack int
	// MaxQueued bounds the bytes of requests on their way; beyond it requests
	// are answered "busy".
	MaxQueued int64
	// MaxEvents bounds the events of one request; one with more is refused as a
	// whole.
	MaxEvents int
	// Scored tells that all events of partition p below the stream sequence next
	// are scored; mine is false if another engine has the partition. Nil if
	// nobody knows.
	Scored func(p int) (next uint64, mine bool)
	// MaxLag is how many events that were stored here may wait to be scored;
	// beyond it requests are refused until there are fewer. 0 is DefaultMaxLag,
	// negative is no bound.
	MaxLag int64
	// GiveUp is how long a pack that cannot be stored is tried again.
	GiveUp time.Duration
	// Ask is how long the first attempt waits for an answer, each further one
	// twice as long; default half of GiveUp. Shorter where requests get lost, as
	// they do when a leader changes.
	Ask time.Duration
	// Now is the time of receipt in ms since 1970 UTC; nil is the wall clock.
	Now func() int64
	// FreeBytes tells the free disk space, nil if the server is elsewhere.
	// Below FreeFloor bytes events are refused; it must lie above the floor of
	// the journal, so that what was accepted can still be decided on.
	FreeBytes func() (uint64, error)
	FreeFloor uint64
	// Limits bound an event's own time. Zero for a stream whose time is its own.
	Limits lead.Limits
	// Decoder bounds what an event may be.
	Decoder intake.Options
	// Tick lets time pass to at, ms. With it requests may hold ticks,
	// {"type":"tick","timestamp":"…"}; without, time is not a client's business.
	Tick func(ctx context.Context, at int64) error
}

func (o Options) withDefaults() (Options, error) {
	if o.Conn == nil || o.JS == nil || o.Partitions < 1 {
		return o, fmt.Errorf("ingest: a connection, its JetStream and at least one partition are needed (got %d)", o.Partitions)
	}
	o = o.logged()
	if o.Linger == 0 {
		o.Linger = DefaultLinger
	}
	if o.MaxPack <= 0 {
		o.MaxPack = DefaultMaxPack
	}
	o.MaxPack = min(o.MaxPack, intake.MaxPack/2, max(int(o.Conn.MaxPayload())/2, 1))
	if o.MaxQueued <= 0 {
		o.MaxQueued = DefaultMaxQueued
	}
	if o.MaxEvents <= 0 {
		o.MaxEvents = DefaultMaxEvents
	}
	if o.MaxLag == 0 {
		o.MaxLag = DefaultMaxLag
	}
	if o.GiveUp <= 0 {
		o.GiveUp = DefaultGiveUp
	}
	if o.Ask <= 0 {
		o.Ask = o.GiveUp / 2
	}
	if o.Now == nil {
		o.Now = func() int64 { return time.Now().UnixMilli() }
	}
	if o.FreeFloor == 0 {
		o.FreeFloor = 128 << 20
	}
	return o, nil
}

func (o Options) logged() Options {
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	return o
}

// Ingest takes events. Its methods are safe for concurrent use.
type Ingest struct {
	o        Options
	lanes    []*lane
	rejects  *rejectLane
	room     *semaphore.Weighted // bytes on their way
	guard    *guard
	lag      *lag
	readings sync.Pool

	subs     []*nats.Subscription // one on each connection
	requests chan *nats.Msg       // each holds its bytes of room
	quit     context.CancelFunc   // ends retries and the guard
	served   sync.WaitGroup       // the goroutine that reads requests
	writers  sync.WaitGroup       // lanes and guard

	mu      sync.RWMutex
	closing bool // nothing new is taken in-process
	gone    bool // requests is closed
}

// New makes an Ingest; Start lets it work.
func New(o Options) (*Ingest, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	in := &Ingest{o: o, room: semaphore.NewWeighted(o.MaxQueued), guard: newGuard(o), lag: newLag(o),
		requests: make(chan *nats.Msg, requestsWaiting)}
	o.Decoder.AllowTicks = o.Tick != nil
	in.readings.New = func() any { return &reading{dec: intake.NewDecoder(o.Decoder)} }
	for p := range o.Partitions {
		in.lanes = append(in.lanes, newLane(o, p, in.guard, in.lag))
	}
	in.rejects = newRejectLane(o)
	return in, nil
}

// Start serves ripen.in and starts the writers.
func (in *Ingest) Start() error {
	ctx, quit := context.WithCancel(context.Background())
	in.quit = quit
	if err := in.guard.check(ctx); err != nil {
		quit()
		return err
	}
	run := func(f func(context.Context)) {
		in.writers.Add(1)
		go func() {
			defer in.writers.Done()
			f(ctx)
		}()
	}
	for _, l := range in.lanes {
		run(l.run)
	}
	run(in.rejects.run)
	run(in.guard.run)
	in.served.Add(1)
	go in.serve()
	for _, conn := range append([]*nats.Conn{in.o.Conn}, in.o.Doors...) {
		if err := in.listen(conn); err != nil {
			return errors.Join(fmt.Errorf("serve %s: %w", Subject, err), in.Close(ctx))
		}
	}
	return nil
}

// listen takes the requests of a connection; it is known to the server when
// this returns.
func (in *Ingest) listen(conn *nats.Conn) error {
	sub, err := conn.QueueSubscribe(Subject, queueGroup, in.enqueue)
	if err != nil {
		return err
	}
	in.subs = append(in.subs, sub)
	return conn.Flush()
}

// enqueue must not block: the connection would drop messages in silence.
func (in *Ingest) enqueue(m *nats.Msg) {
	in.mu.RLock()
	defer in.mu.RUnlock()
	if in.gone {
		in.respond(m, failed(0, errClosing))
		return
	}
	size := room(m)
	if !in.room.TryAcquire(size) {
		in.respond(m, failed(0, errBusy))
		return
	}
	select {
	case in.requests <- m:
	default:
		in.room.Release(size)
		in.respond(m, failed(0, errBusy))
	}
}

// room is what a request on its way counts for.
func room(m *nats.Msg) int64 { return int64(len(m.Data)) + 1 }

// serve works requests off in the order of arrival, so that events of one
// producer stay in order.
func (in *Ingest) serve() {
	defer in.served.Done()
	for m := range in.requests {
		in.request(m)
	}
}

// Close takes no more requests, stores what was taken, answers it and ends. A
// context that ends first gives up what is not stored; its producers get an
// error or no answer, never "accepted".
func (in *Ingest) Close(ctx context.Context) error {
	in.mu.Lock()
	if in.closing {
		in.mu.Unlock()
		return nil
	}
	in.closing = true
	in.mu.Unlock()
	if in.quit == nil {
		return nil // never started
	}
	err := in.unsubscribe(ctx)
	in.mu.Lock()
	in.gone = true
	close(in.requests)
	in.mu.Unlock()
	in.served.Wait()
	for _, l := range in.lanes {
		l.close()
	}
	in.rejects.close()
	in.guard.close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		in.writers.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		err = errors.Join(err, fmt.Errorf("close ingest: %w", ctx.Err()))
		in.quit()
		<-done
	}
	in.quit()
	return err
}

// unsubscribe waits until no request can arrive any more.
func (in *Ingest) unsubscribe(ctx context.Context) (err error) {
	for _, sub := range in.subs {
		err = errors.Join(err, drain(ctx, sub))
	}
	return err
}

func drain(ctx context.Context, sub *nats.Subscription) error {
	gone := sub.StatusChanged(nats.SubscriptionClosed)
	if err := sub.Drain(); err != nil {
		if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription) {
			return nil
		}
		return fmt.Errorf("close ingest: %w", err)
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close ingest: %w", errors.Join(ctx.Err(), sub.Unsubscribe()))
	}
}
