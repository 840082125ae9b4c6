package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// audience are the subscribers of the demo.
type audience struct {
	app    *app
	engine *engine.Engine
	print  sync.Mutex
	seats  []*seat
}

// seat is one subscriber: an ordinary client with a durable consumer, which
// knows decisions by their id.
type seat struct {
	action string
	shown  int // decisions that are printed
	conn   *nats.Conn
	stop   func()
	full   chan struct{} // closed when all that is expected has come

	mu       sync.Mutex
	expected map[string]bool
	got      map[string]bool
	left     int
	first    error
}

// seat connects a subscriber for one action.
func (c *audience) seat(ctx context.Context, workflow, action string, shown int, expected map[string]bool) error {
	conn, err := nats.Connect(c.engine.URL(), nats.Name(action))
	if err != nil {
		return err
	}
	s := &seat{action: action, shown: shown, conn: conn, full: make(chan struct{}), expected: expected, got: make(map[string]bool), left: len(expected)}
	c.seats = append(c.seats, s)
	if s.left == 0 {
		return no("the story has no decision %s for its subscriber; try another --seed, or more --leads", action)
	}
	request, err := json.Marshal(journal.Subscriber{Name: action, Filter: workflow + "." + action, From: "all"})
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	reply, err := conn.RequestWithContext(bounded, journal.SubscribeSubject, request)
	if err != nil {
		return fmt.Errorf("subscriber %s: %w", action, err)
	}
	var made struct{ Stream, Consumer, Error string }
	if err := json.Unmarshal(reply.Data, &made); err != nil || made.Error != "" {
		return fmt.Errorf("subscriber %s is not accepted: %s", action, made.Error)
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	consumer, err := js.Consumer(bounded, made.Stream, made.Consumer)
	if err != nil {
		return fmt.Errorf("subscriber %s: %w", action, err)
	}
	run, err := consumer.Consume(func(m jetstream.Msg) { c.receive(s, m) })
	if err != nil {
		return fmt.Errorf("subscriber %s: %w", action, err)
	}
	s.stop = run.Stop
	c.app.say("client   %s subscribed to decisions %s.%s", action, workflow, action)
	return c.app.stdout.Flush()
}

// receive takes one decision: once per id, whatever is delivered twice.
func (c *audience) receive(s *seat, m jetstream.Msg) {
	var d lead.Decision
	if err := json.Unmarshal(m.Data(), &d); err != nil {
		s.fail(fmt.Errorf("subscriber %s: a decision that is none: %w", s.action, err))
		return
	}
	s.take(&d, func(n int) {
		if n > s.shown {
			return
		}
		c.print.Lock()
		defer c.print.Unlock()
		c.app.say("  → %-13s  %s  %-12s %-16s %s", s.action, stamp(d.At)[:10], clean(d.Lead), clean(d.Display), clean(d.Say))
		if n == s.shown {
			c.app.say("  → %-13s  … and so on", s.action)
		}
		_ = c.app.stdout.Flush()
	})
	if err := m.Ack(); err != nil {
		s.fail(err)
	}
}

// take notes a decision; show gets the ordinal of one that is new.
func (s *seat) take(d *lead.Decision, show func(n int)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.got[d.ID] {
		return
	}
	s.got[d.ID] = true
	show(len(s.got))
	if !s.expected[d.ID] {
		s.first = errors.Join(s.first, fmt.Errorf("decision %s for %s reached the subscriber %s, but a replay does not give it", d.ID, d.Lead, s.action))
		return
	}
	if s.left--; s.left == 0 {
		close(s.full)
	}
}

func (s *seat) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		s.first = err
	}
}

// wait returns when every subscriber has all its decisions.
func (c *audience) wait(ctx context.Context) error {
	timeout := time.NewTimer(demoWait)
	defer timeout.Stop()
	for _, s := range c.seats {
		select {
		case <-s.full:
		case <-ctx.Done():
			return errors.New("interrupted")
		case <-c.engine.Done():
			return errors.Join(errors.New("the engine stopped"), c.engine.Err())
		case <-timeout.C:
			s.mu.Lock()
			left := s.left
			s.mu.Unlock()
			return no("subscriber %s still waits for %s after %s", s.action, plural(left, "decision"), demoWait)
		}
	}
	for _, s := range c.seats {
		s.mu.Lock()
		err := s.first
		s.mu.Unlock()
		if err != nil {
			return no("%v", err)
		}
	}
	return nil
}

// report tells who got what.
func (c *audience) report(took time.Duration) {
	c.app.say("")
	for _, s := range c.seats {
		s.mu.Lock()
		got := len(s.got)
		s.mu.Unlock()
		c.app.say("%-13s  got %s, each once, the same as in a replay", s.action, plural(got, "decision"))
	}
	c.app.say("played, decided and delivered in %s", took.Round(time.Millisecond))
}

func (c *audience) close() {
	for _, s := range c.seats {
		if s.stop != nil {
			s.stop()
		}
		s.conn.Close()
	}
}
