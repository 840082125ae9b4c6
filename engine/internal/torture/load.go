package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// The load of a round.
const (
	producers        = 4
	leadsPerProducer = 30
	batchMost        = 9
	pauseMost        = 80 // ms between two batches of a producer
	requestTimeout   = 800 * time.Millisecond
)

// load is the producers of a round. Each sends the events of its own leads in
// order and goes on when they are acknowledged.
type load struct {
	r *round
	// gate is held for reading while something is sent; who locks it knows that
	// nothing is on its way.
	gate    sync.RWMutex
	tame    atomic.Bool // requests only: no publishing past the door
	full    atomic.Int64
	retries atomic.Int64
	late    atomic.Int64 // duplicates sent days later
	failed  atomic.Pointer[string]

	mu     sync.Mutex
	events []*event
	stop   chan struct{}
	done   sync.WaitGroup
}

func newLoad(r *round) *load { return &load{r: r, stop: make(chan struct{})} }

func (l *load) start() error {
	for p := range producers {
		nc, err := l.r.client(fmt.Sprintf("producer-%d", p))
		if err != nil {
			return err
		}
		js, err := jetstream.New(nc)
		if err != nil {
			return err
		}
		w := &producer{l: l, nc: nc, js: js, src: newSource(l.r.seed, uint64(p), leadsPerProducer)}
		w.rnd = rand.New(rand.NewPCG(l.r.seed, 100+uint64(p)))
		l.done.Go(func() {
			defer nc.Close()
			w.run()
		})
	}
	return nil
}

// finish lets the producers end once all they took up is acknowledged.
func (l *load) finish() error {
	close(l.stop)
	done := make(chan struct{})
	go func() { l.done.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		return errors.New("producers get no acknowledgment although the engine runs")
	}
	if why := l.failed.Load(); why != nil {
		return errors.New(*why)
	}
	return nil
}

// fail notes an answer that must not be.
func (l *load) fail(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.failed.CompareAndSwap(nil, &text)
}

func (l *load) note(list []*event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, list...)
}

func (l *load) ack(list []*event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range list {
		e.acked = true
	}
}

// all are the events sent so far, by id.
func (l *load) all() map[string]event {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := make(map[string]event, len(l.events))
	for _, e := range l.events {
		m[e.id] = *e
	}
	return m
}

// producer is one of them.
type producer struct {
	l    *load
	nc   *nats.Conn
	js   jetstream.JetStream
	src  *source
	rnd  *rand.Rand
	past []*event
}

func (w *producer) run() {
	for {
		select {
		case <-w.l.stop:
			return
		case <-time.After(time.Duration(w.rnd.IntN(pauseMost)) * time.Millisecond):
		}
		batch := w.batch()
		w.l.note(batch)
		w.deliver(batch)
		w.past = append(w.past, batch...)
		switch w.rnd.IntN(12) {
		case 0: // did not hear the answer
			w.l.r.tally.row(RowRetry)
			w.deliver(batch)
		case 1:
			w.again()
		}
	}
}

func (w *producer) batch() (list []*event) {
	if w.rnd.IntN(25) == 0 {
		return []*event{w.src.poison()}
	}
	for range 1 + w.rnd.IntN(batchMost) {
		list = append(list, w.src.one())
	}
	return list
}

// again sends something of at least three logical days ago once more.
func (w *producer) again() {
	for range 10 {
		e := w.past[w.rnd.IntN(len(w.past))]
		if !e.poison && w.src.at.Sub(e.at) >= 72*time.Hour {
			w.deliver([]*event{e})
			w.l.late.Add(1)
			return
		}
	}
}

// deliver sends until everything is acknowledged.
func (w *producer) deliver(list []*event) {
	send := w.request
	if w.rnd.IntN(5) < 2 {
		send = w.publish
	}
	for n := 0; ; n++ {
		w.l.gate.RLock()
		if w.l.tame.Load() {
			send = w.request
		}
		err := send(list)
		if err == nil {
			w.l.ack(list)
		}
		w.l.gate.RUnlock()
		if err == nil {
			return
		}
		if n == 0 {
			w.l.retries.Add(1)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// request asks ripen.in with lines or an array.
func (w *producer) request(list []*event) error {
	var lines []string
	for _, e := range list {
		lines = append(lines, e.line)
	}
	body := strings.Join(lines, "\n")
	if len(list) > 1 && len(list)%3 == 0 {
		body = "[" + strings.Join(lines, ",") + "]"
	}
	m, err := w.nc.Request("ripen.in", []byte(body), requestTimeout)
	if err != nil {
		return err
	}
	var a struct {
		Accepted int
		Rejected []struct{ Code, Reason string }
		Error    *struct {
			Code, Reason string
			RetryAfterMs int64
		}
	}
	if err := json.Unmarshal(m.Data, &a); err != nil {
		w.l.fail("answer %q: %v", m.Data, err)
		return nil
	}
	if a.Error != nil {
		if a.Error.RetryAfterMs == 0 || a.Error.Reason == "" {
			w.l.fail("an error without advice: %s", m.Data)
		}
		if a.Error.Code == "stream-full" {
			w.l.full.Add(1)
		}
		return errors.New(a.Error.Code)
	}
	bad := 0
	if list[0].poison {
		bad = 1
	}
	if a.Accepted != len(list)-bad || len(a.Rejected) != bad {
		w.l.fail("%d events, %d of them poison, were answered with %s", len(list), bad, m.Data)
	}
	return nil
}

// publish stores straight in the stream: single events, or lines of a partition.
func (w *producer) publish(list []*event) error {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	single := len(list)%2 == 0
	for rest := list; len(rest) > 0; {
		p := lead.Partition(rest[0].lead, w.l.r.partitions)
		n := 1
		for !single && n < len(rest) && lead.Partition(rest[n].lead, w.l.r.partitions) == p {
			n++
		}
		var lines []string
		for _, e := range rest[:n] {
			lines = append(lines, e.line)
		}
		_, err := w.js.PublishMsg(ctx, &nats.Msg{Subject: journal.EventSubject(p), Data: []byte(strings.Join(lines, "\n"))},
			jetstream.WithRetryAttempts(0))
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}
