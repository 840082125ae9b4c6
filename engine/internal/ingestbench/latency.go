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
const decideEvery = 50

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
// subscriber. It informs: a noisy machine fails nothing.
func latency(ctx context.Context, s *settings, at *site, rate float64) error {
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
	nc, err := nats.Connect(at.url)
	if err != nil {
		return err
	}
	defer nc.Close()
	answers, took, failed, err := pace(ctx, s, at, nc, w, rate)
	if err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		w.mu.Lock()
		n := len(w.took)
		w.mu.Unlock()
		if n == len(w.sent) {
			break
		}
	}
	listener.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Printf("\nlatency, engine scoring, requests of one event at half of the rate of (a) there: %.0f events/s for %s, from the instant a request was due\n", float64(took)/s.latency.Seconds(), s.latency)
	if failed > 0 {
		fmt.Printf("  %d requests were not accepted\n", failed)
	}
	line("request to answer", answers, 0)
	if len(w.took) != len(w.sent) {
		return fmt.Errorf("%d decisions were due, %d came", len(w.sent), len(w.took))
	}
	line("request to decision", w.took, latencyTarget)
	return nil
}

func line(what string, list []time.Duration, target time.Duration) {
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

// pace sends each millisecond what is due. The answers carry the number of
// their request in the last part of their subject.
func pace(ctx context.Context, s *settings, at *site, nc *nats.Conn, w *watch, rate float64) (answers []time.Duration, sent, failed int, err error) {
	total := int(rate * s.latency.Seconds())
	due := make([]time.Time, total)
	answers = make([]time.Duration, 0, total)
	all := make(chan struct{})
	inbox := nats.NewInbox()
	_, err = nc.Subscribe(inbox+".*", func(m *nats.Msg) {
		i, _ := strconv.Atoi(m.Subject[len(inbox)+1:])
		if answers = append(answers, time.Since(due[i])); string(m.Data) != `{"accepted":1,"rejected":[]}` {
			failed++
		}
		if len(answers) == total {
			close(all)
		}
	})
	if err != nil {
		return nil, 0, 0, err
	}
	w.mu.Lock()
	w.sent = make([]time.Time, 0, total/decideEvery+1)
	w.mu.Unlock()
	began := time.Now()
	for sent < total {
		next := began.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
		if d := time.Until(next); d > 0 {
			time.Sleep(max(d, time.Millisecond))
		}
		for upTo := min(int(time.Since(began).Seconds()*rate)+1, total); sent < upTo; sent++ {
			due[sent] = began.Add(time.Duration(float64(sent) / rate * float64(time.Second)))
			if err := nc.PublishRequest(ingest.Subject, inbox+"."+strconv.Itoa(sent), one(at, w, sent, due[sent])); err != nil {
				return nil, 0, 0, err
			}
		}
		if ctx.Err() != nil {
			return nil, 0, 0, ctx.Err()
		}
	}
	select {
	case <-all:
	case <-time.After(10 * time.Second):
		return nil, 0, 0, fmt.Errorf("some of %d requests got no answer", total)
	}
	return answers, sent, failed, nil
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
