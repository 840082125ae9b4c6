package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/ingest"
)

// decideEvery is the share of events that lead to a decision: one in so many
// is the request for a demo of a lead that nobody saw before.
const decideEvery = 100

// latencyTarget is for the 99th percentile on a quiet machine.
const latencyTarget = 25 * time.Millisecond

// watch hears decisions about new leads and tells how long each took.
type watch struct {
	mu    sync.Mutex
	sent  []time.Time // by number of the new lead
	took  []time.Duration
	first int64 // number of the first new lead
}

func (w *watch) heard(m *nats.Msg) {
	now := time.Now()
	key, ok := strings.CutPrefix(m.Header.Get("ce-subject"), "lead-")
	if !ok {
		return
	}
	n, err := strconv.ParseInt(key, 10, 64)
	n -= 1_000_000 + w.first
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && n >= 0 && n < int64(len(w.sent)) {
		w.took = append(w.took, now.Sub(w.sent[n]))
	}
}

// latency sends single events at a fixed rate, whatever the answers do, and
// measures from the instant at which a request was due to the decision at a
// subscriber. It informs: a noisy machine fails nothing, but a decision that
// does not come does.
func latency(ctx context.Context, s *settings, at *site, rate float64, load string) error {
	listener, err := nats.Connect(at.url)
	if err != nil {
		return err
	}
	defer listener.Close()
	w := &watch{first: leads}
	if _, err = listener.Subscribe("ripen.decisions.>", w.heard); err != nil {
		return err
	}
	if err = listener.Flush(); err != nil {
		return err
	}
	p := &pacer{s: s, at: at, w: w, rate: rate}
	if err = p.run(ctx); err != nil {
		return err
	}
	for began := time.Now(); w.missing() > 0 && time.Since(began) < 10*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	listener.Close()
	fmt.Printf("\nlatency, engine scoring, requests of one event, %.0f a second for %s (%s), 1 in %d leads to a decision\n",
		float64(len(p.answers))/s.latency.Seconds(), s.latency, load, decideEvery)
	line("request to answer", p.answers, 0)
	line("request to decision", w.took, latencyTarget)
	switch missing := w.missing(); {
	case p.refused > 0:
		fmt.Printf("  %d requests were refused, the engine could not keep up\n", p.refused)
	case missing > 0:
		return fmt.Errorf("%d of %d decisions did not come", missing, len(w.sent))
	}
	return nil
}

// missing is the number of decisions that are due.
func (w *watch) missing() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent) - len(w.took)
}

func line(what string, list []time.Duration, target time.Duration) {
	if len(list) == 0 {
		return
	}
	slices.Sort(list)
	round := func(q float64) time.Duration { return quantile(list, q).Round(10 * time.Microsecond) }
	p99, verdict := round(0.99), ""
	if target > 0 {
		verdict = fmt.Sprintf("   target p99 ≤ %s on a quiet machine: PASS", target)
		if p99 > target {
			verdict = fmt.Sprintf("   target p99 ≤ %s on a quiet machine: FAIL (informs only)", target)
		}
	}
	fmt.Printf("  %-20s p50 %8s  p90 %8s  p99 %8s  max %8s  of %d%s\n", what, round(0.5), round(0.9), p99, round(1), len(list), verdict)
}

// pacer sends requests at a fixed rate.
type pacer struct {
	s    *settings
	at   *site
	w    *watch
	rate float64

	answers []time.Duration // from the instant at which a request was due
	refused int             // requests
}

// run sends each millisecond what is due, and waits for the answers. They carry
// the number of their request in the last part of their subject.
func (p *pacer) run(ctx context.Context) error {
	nc, err := nats.Connect(p.at.url)
	if err != nil {
		return err
	}
	defer nc.Close()
	total := int(p.rate * p.s.latency.Seconds())
	due := make([]time.Time, total)
	p.answers = make([]time.Duration, 0, total)
	all := make(chan struct{})
	inbox := nats.NewInbox()
	_, err = nc.Subscribe(inbox+".*", func(m *nats.Msg) {
		i, _ := strconv.Atoi(m.Subject[len(inbox)+1:])
		if p.answers = append(p.answers, time.Since(due[i])); string(m.Data) != `{"accepted":1,"rejected":[]}` {
			p.refused++
		}
		if len(p.answers) == total {
			close(all)
		}
	})
	if err != nil {
		return err
	}
	began := time.Now()
	for sent := 0; sent < total && ctx.Err() == nil; time.Sleep(time.Millisecond) {
		for upTo := min(int(time.Since(began).Seconds()*p.rate)+1, total); sent < upTo; sent++ {
			due[sent] = began.Add(time.Duration(float64(sent) / p.rate * float64(time.Second)))
			if err := nc.PublishRequest(ingest.Subject, inbox+"."+strconv.Itoa(sent), one(p.at, p.w, sent, due[sent])); err != nil {
				return err
			}
		}
	}
	select {
	case <-all:
		return ctx.Err()
	case <-time.After(30 * time.Second):
		return fmt.Errorf("some of %d requests got no answer", total)
	}
}

// one makes request i, due at t.
func one(at *site, w *watch, i int, t time.Time) []byte {
	id := at.next.Add(1)
	if i%decideEvery != 0 {
		return event(nil, id, who(id), "Email Opened")
	}
	w.mu.Lock()
	n := w.first + int64(len(w.sent))
	w.sent = append(w.sent, t)
	w.mu.Unlock()
	return event(nil, id, n, "Demo Requested")
}
