package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/ripenhq/ripen/engine/journal"
)

// clock lets time pass: it writes ticks behind the events of the stream. Only
// the choice of when to write one looks at a real clock; what a tick says is
// part of the stream from then on.
type clock struct {
	e      *Engine
	line   *journal.ControlLine
	mu     sync.Mutex // line belongs to one goroutine at a time
	cancel context.CancelFunc
	done   chan struct{}
}

// quietPoll is how often the stream clock looks whether the stream is still.
const quietPoll = 100 * time.Millisecond

func startClock(ctx context.Context, e *Engine) (*clock, error) {
	line, err := e.journal.OpenControl(ctx)
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(context.Background())
	c := &clock{e: e, line: line, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		if e.opts.Clock == ClockStream {
			c.followStream(run)
			return
		}
		c.followWall(run)
	}()
	return c, nil
}

func (c *clock) stop() {
	c.cancel()
	<-c.done
}

// to lets time pass up to at (ms).
func (c *clock) to(ctx context.Context, at int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		err := c.line.Tick(ctx, at)
		if !errors.Is(err, journal.ErrFenced) {
			return err
		}
	}
}

func (c *clock) tick(ctx context.Context, at int64) {
	if err := c.to(ctx, at); err != nil && ctx.Err() == nil {
		c.e.log.Warn("tick not written, trying again", "error", err)
	}
}

func (c *clock) followWall(ctx context.Context) {
	t := time.NewTicker(c.e.opts.Tick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			c.tick(ctx, now.UnixMilli())
		}
	}
}

// followStream writes a tick when the stream has been still for a while, and
// with a lateness also while it flows.
func (c *clock) followStream(ctx context.Context) {
	t := time.NewTicker(quietPoll)
	defer t.Stop()
	var newest, events, ticked int64
	still := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		at, n := c.e.newest()
		if n != events || at != newest {
			newest, events, still = at, n, time.Now()
		}
		target := int64(0)
		switch {
		case events == 0:
		case time.Since(still) >= c.e.opts.Quiet:
			target = newest
		case c.e.opts.Lateness > 0:
			late := newest - c.e.opts.Lateness.Milliseconds()
			target = late - late%c.e.opts.Tick.Milliseconds()
		}
		if target > ticked {
			ticked = target
			c.tick(ctx, target)
		}
	}
}

// newest is the latest event time that any partition has seen, and how many
// events were taken in all.
func (e *Engine) newest() (at, events int64) {
	for _, p := range e.parts {
		at = max(at, p.status.newest.Load())
		events += p.status.events.Load() + p.status.repeated.Load() + p.status.rejected.Load()
	}
	return at, events
}
