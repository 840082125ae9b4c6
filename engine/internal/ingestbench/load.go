package main

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// leads is how many leads the load is about.
const leads = 100_000

// event appends one event of a lead, with its time of now.
func event(dst []byte, id, who int64, name string) []byte {
	dst = append(dst, `{"type":"track","messageId":"m`...)
	dst = strconv.AppendInt(dst, id, 10)
	dst = append(dst, `","userId":"`...)
	dst = append(dst, leadKey(who)...)
	dst = append(append(append(dst, `","event":"`...), name...), `","timestamp":"`...)
	dst = time.Now().UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	return append(dst, `","context":{"ip":"203.0.113.7"}}`...)
}

func leadKey(who int64) string { return "lead-" + strconv.FormatInt(1_000_000+who, 10) }

// who spreads events over the leads.
func who(id int64) int64 { return int64(uint64(id) * 0x9E3779B97F4A7C15 >> 40 % leads) }

// producer keeps a window of sends open. send starts one; whatever hears its
// answer calls done.
type producer struct {
	slots chan struct{}
	ok    atomic.Int64
	bad   atomic.Pointer[string]
	wg    sync.WaitGroup
}

func newProducer(window int) *producer {
	return &producer{slots: make(chan struct{}, window)}
}

func (p *producer) done(events int64) {
	p.ok.Add(events)
	<-p.slots
	p.wg.Done()
}

func (p *producer) fail(what string) {
	p.bad.CompareAndSwap(nil, &what)
	<-p.slots
	p.wg.Done()
}

// run sends until the time is over and waits for what is on its way.
func (p *producer) run(until time.Time, send func() error) error {
	for time.Now().Before(until) && p.bad.Load() == nil {
		p.slots <- struct{}{}
		p.wg.Add(1)
		if err := send(); err != nil {
			return err
		}
	}
	p.wg.Wait()
	if bad := p.bad.Load(); bad != nil {
		return fmt.Errorf("a producer got: %s", *bad)
	}
	return nil
}

// load runs one producer per connection and tells events a second.
func load(s *settings, at *site, length time.Duration, one func(nc *nats.Conn, until time.Time) (int64, error)) (rate, cpu float64, err error) {
	conns := make([]*nats.Conn, s.conns)
	for i := range conns {
		if conns[i], err = nats.Connect(at.url); err != nil {
			return 0, 0, err
		}
		defer conns[i].Close()
	}
	errs, counts := make([]error, len(conns)), make([]int64, len(conns))
	began, used := time.Now(), processCPU()
	var wg sync.WaitGroup
	for i, nc := range conns {
		wg.Go(func() { counts[i], errs[i] = one(nc, began.Add(length)) })
	}
	wg.Wait()
	took, total := time.Since(began), int64(0)
	for i := range conns {
		if errs[i] != nil {
			return 0, 0, errs[i]
		}
		total += counts[i]
	}
	at.accepted.Add(total)
	return float64(total) / took.Seconds(), float64((processCPU() - used).Nanoseconds()) / 1000 / float64(total), at.settle()
}

// plain publishes each event with the JetStream client, which keeps the window
// open and hears the acks, to the subject of the event's partition.
func plain(s *settings, at *site) func(*nats.Conn, time.Time) (int64, error) {
	return func(nc *nats.Conn, until time.Time) (int64, error) {
		p := newProducer(s.inflight / s.conns)
		js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(s.inflight),
			jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) { p.fail(err.Error()) }),
			jetstream.WithPublishAsyncAckHandler(func(jetstream.JetStream, *nats.Msg, *jetstream.PubAck) { p.done(1) }))
		if err != nil {
			return 0, err
		}
		var buf []byte
		err = p.run(until, func() error {
			id := at.next.Add(1)
			w := who(id)
			buf = event(buf[:0], id, w, "Email Opened")
			_, err := js.PublishAsync(journal.EventSubject(lead.Partition(leadKey(w), s.parts)), buf)
			return err
		})
		return p.ok.Load(), err
	}
}

// requests sends bodies of n events to ripen.in, window of them at a time.
func requests(s *settings, at *site, n, window int) func(*nats.Conn, time.Time) (int64, error) {
	return func(nc *nats.Conn, until time.Time) (int64, error) {
		p := newProducer(window / s.conns)
		want := fmt.Appendf(nil, `{"accepted":%d,"rejected":[]}`, n)
		inbox := nats.NewInbox()
		sub, err := nc.Subscribe(inbox, func(m *nats.Msg) {
			if !bytes.Equal(m.Data, want) {
				p.fail(string(m.Data))
				return
			}
			p.done(int64(n))
		})
		if err != nil {
			return 0, err
		}
		defer func() { _ = sub.Unsubscribe() }()
		var buf []byte
		err = p.run(until, func() error {
			buf = body(buf[:0], at, n)
			return nc.PublishRequest(ingest.Subject, inbox, buf)
		})
		return p.ok.Load(), err
	}
}

// body is one event, or an array of n.
func body(dst []byte, at *site, n int) []byte {
	if n == 1 {
		id := at.next.Add(1)
		return event(dst, id, who(id), "Email Opened")
	}
	for i := range n {
		dst = append(dst, "[,"[min(i, 1)])
		id := at.next.Add(1)
		dst = event(dst, id, who(id), "Email Opened")
	}
	return append(dst, ']')
}

// processCPU is the processor time that this process has used.
func processCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// turns lets the variants take turns.
func turns(s *settings, list []*variant) error {
	for range s.turns {
		for _, v := range list {
			rate, cpu, err := load(s, v.at, s.length, v.one)
			if err != nil {
				return fmt.Errorf("%s: %w", v.name, err)
			}
			v.rates, v.cpu = append(v.rates, rate), append(v.cpu, cpu)
		}
	}
	return nil
}
