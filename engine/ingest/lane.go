package ingest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// lane is the way of one partition's events into the stream: one pack at a
// time, so that order holds even when a pack is tried again. While one is on
// its way the next fills up.
type lane struct {
	o       Options
	number  int
	guard   *guard
	lag     *lag
	subject string
	wake    chan struct{} // something to do
	full    chan struct{} // no need to linger

	mu     sync.Mutex
	queue  []intake.Packed
	owners []*ticket // of the events in queue
	head   int       // queue[:head] has been taken
	bytes  int       // of queue[head:]
	since  time.Time // when queue[head] was put
	closed bool
}

func newLane(o Options, p int, g *guard, behind *lag) *lane {
	return &lane{o: o, number: p, guard: g, lag: behind, subject: eventsPrefix + strconv.Itoa(p), wake: make(chan struct{}, 1), full: make(chan struct{}, 1)}
}

// put adds an event; t is told when it is durable.
func (l *lane) put(t *ticket, e intake.Packed) {
	t.add(1)
	l.mu.Lock()
	if l.head == len(l.queue) {
		l.since = time.Now()
	}
	l.queue = append(l.queue, e)
	l.owners = append(l.owners, t)
	l.bytes += len(e.Raw)
	full := l.isFull()
	l.mu.Unlock()
	poke(l.wake)
	if full {
		poke(l.full)
	}
}

func (l *lane) isFull() bool {
	return l.bytes >= l.o.MaxPack || len(l.queue)-l.head >= maxPackEvents
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (l *lane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	poke(l.wake)
	poke(l.full)
}

// run stores packs until the lane is closed and empty, or ctx ends.
func (l *lane) run(ctx context.Context) {
	for {
		l.mu.Lock()
		empty, closed := l.head == len(l.queue), l.closed
		rest := l.o.Linger - time.Since(l.since)
		if l.isFull() || closed {
			rest = 0
		}
		l.mu.Unlock()
		switch {
		case empty && closed:
			return
		case empty:
			<-l.wake
		case rest > 0:
			l.linger(rest)
		default:
			events, owners := l.take()
			settle(owners, l.store(ctx, events))
		}
	}
}

func (l *lane) linger(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.full: // may be an old poke; run looks again
	}
}

// take cuts the next pack off. What is taken is never written again; the rest
// moves to memory of its own before the taken part outweighs it.
func (l *lane) take() ([]intake.Packed, []*ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := l.head, 0
	for n < len(l.queue) && n-l.head < maxPackEvents && (n == l.head || size+len(l.queue[n].Raw) <= l.o.MaxPack) {
		size += len(l.queue[n].Raw)
		n++
	}
	events, owners := l.queue[l.head:n:n], l.owners[l.head:n:n]
	l.head, l.bytes = n, l.bytes-size
	if 2*l.head >= len(l.queue) {
		l.queue = append([]intake.Packed(nil), l.queue[n:]...)
		l.owners = append([]*ticket(nil), l.owners[n:]...)
		l.head = 0
	}
	return events, owners
}

// store publishes one pack until it is durable, refused, or given up. The
// message id makes a second try of a stored pack harmless.
func (l *lane) store(ctx context.Context, events []intake.Packed) error {
	data, err := intake.EncodePack(nil, events)
	if err != nil {
		return err
	}
	if f := l.guard.take(len(data)); f != nil {
		return f
	}
	seq, err := publish(ctx, l.o, &nats.Msg{Subject: l.subject, Data: data})
	if err == nil {
		l.lag.stored(l.number, seq, len(events))
	}
	return err
}

// mostPause is the longest pause between two attempts: while a leader is chosen
// the stream says so at once.
const mostPause = 250 * time.Millisecond

// publish stores a message, trying again while that may help. It returns the
// message's sequence in the stream.
func publish(ctx context.Context, o Options, m *nats.Msg) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, o.GiveUp)
	defer cancel()
	id := jetstream.WithMsgID(nuid.Next())
	for pause, ask := 20*time.Millisecond, o.Ask; ; pause, ask = min(2*pause, mostPause), min(2*ask, o.GiveUp/2) {
		failpoint.Hit("ingest.before")
		failpoint.Soon("ingest.sent")
		attempt, end := context.WithTimeout(ctx, ask)
		ack, err := o.JS.PublishMsg(attempt, m, id, jetstream.WithRetryAttempts(0))
		end()
		if err == nil {
			err = failpoint.Err("ingest.stored")
		}
		if err == nil {
			return ack.Sequence, nil
		}
		if !passing(err) {
			return 0, fullOr(err)
		}
		o.Logger.Debug("a pack is tried again", "subject", m.Subject, "error", err)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return 0, err
		}
	}
}

// Error codes of the server.
const (
	codeNotLeader   jetstream.ErrorCode = 10009
	codeStoreFailed jetstream.ErrorCode = 10077 // among others: the stream is full
)

// passing says whether an error may go away by itself: no answer came, or the
// stream has no leader just now.
func passing(err error) bool {
	var api *jetstream.APIError
	return !errors.Is(err, nats.ErrConnectionClosed) && (!errors.As(err, &api) || api.ErrorCode == codeNotLeader)
}

// fullOr names the one refusal that producers can wait for.
func fullOr(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == codeStoreFailed {
		return errors.Join(errFull, err)
	}
	return err
}

// settle tells the owners of a pack; runs of one owner are told at once.
func settle(owners []*ticket, err error) {
	for i := 0; i < len(owners); {
		n := 1
		for i+n < len(owners) && owners[i+n] == owners[i] {
			n++
		}
		if err != nil {
			owners[i].fail(n, notStored(err))
		} else {
			owners[i].stored(n)
		}
		i += n
	}
}
