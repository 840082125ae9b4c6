package engine

import (
	"context"
	"errors"
	"fmt"
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
	jumps  *jumpGuard
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
	c := &clock{e: e, line: line, jumps: newJumpGuard(e.opts.Skew), cancel: cancel, done: make(chan struct{})}
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

// tickPause is how long a tick that was not written waits for the next attempt.
const tickPause = time.Second

// tick writes a tick, trying until the next one is due.
func (c *clock) tick(ctx context.Context, at int64) {
	for end := time.Now().Add(c.e.opts.Tick); ; {
		err := c.to(ctx, at)
		if err == nil || ctx.Err() != nil {
			return
		}
		c.e.log.Debug("tick not written", "error", err)
		if time.Now().Add(tickPause).After(end) {
			c.e.log.Warn("tick not written, the next one is due", "error", err)
			return
		}
		sleep(ctx, tickPause)
	}
}

// followWall ticks at whole intervals of UTC, so that several engines write the
// same tick: whoever comes first does, and the others find it there.
func (c *clock) followWall(ctx context.Context) {
	every := c.e.opts.Tick
	for {
		now := time.Now()
		if sleep(ctx, now.Truncate(every).Add(every).Sub(now)); ctx.Err() != nil {
			return
		}
		at := time.UnixMilli(c.e.opts.Now()).Truncate(every).UnixMilli()
		if why := c.doubt(ctx, at); why != "" {
			c.e.log.Error("time stands still: the clock of this machine is not believed", "reason", why)
			continue
		}
		c.tick(ctx, at)
	}
}

// present lets time pass up to now, for what is judged by the present time: a
// switch, and the count before it. It returns the position that has to be read
// for that. The stream's own clock stands where the events have brought it, and
// a clock that is not believed stands still.
func (c *clock) present(ctx context.Context) (seq uint64, err error) {
	if c.e.opts.Clock != ClockStream {
		at := c.e.opts.Now()
		if c.doubt(ctx, at) == "" {
			if err := c.to(ctx, at); err != nil {
				return 0, fmt.Errorf("the present time could not be written: %w", err)
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.line.Refresh(ctx); err != nil { // another engine may have written what this one has not met
		return 0, err
	}
	return c.line.Seq(), nil
}

// doubt says why time at (ms) must not be written, "" if it may. A tick cannot be
// taken back, and every timer before it fires. The clock of an external server
// is a second opinion; beside an embedded one there is only the clock that runs
// since the start.
func (c *clock) doubt(ctx context.Context, at int64) string {
	last := c.lastTick()
	if behind := time.Duration(last-at) * time.Millisecond; behind > c.e.opts.Skew {
		return fmt.Sprintf("it is %s behind the time that has passed in the stream; time goes on when it has caught up", behind.Round(time.Second))
	}
	if c.e.server != nil {
		return c.jumps.look(time.Now(), time.Since(c.jumps.began))
	}
	theirs, err := c.e.journal.ServerTime(ctx)
	if err != nil {
		return "" // the tick itself will say what is wrong
	}
	if ahead := time.UnixMilli(at).Sub(theirs); ahead > c.e.opts.Skew {
		return fmt.Sprintf("it is %s ahead of the NATS server's, at most %s is accepted (--skew); set the clock", ahead.Round(time.Second), c.e.opts.Skew)
	}
	return ""
}

func (c *clock) lastTick() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.line.Last().At
}

// jumpGuard notices that the wall clock moved forward by more than has passed.
// It cannot tell a clock that was set wrong from a machine that was suspended,
// so it waits whether somebody corrects it.
type jumpGuard struct {
	mu    sync.Mutex    // shift and since
	began time.Time     // with its monotonic reading
	shift time.Duration // wall minus monotonic, as believed
	least time.Duration // jumps below are none
	since time.Duration // monotonic time of the first doubt, 0 = none
}

// jumpHold is how long a jump of the wall clock must stay to be believed.
const jumpHold = 10 * time.Minute

func newJumpGuard(skew time.Duration) *jumpGuard {
	return &jumpGuard{began: time.Now(), least: max(skew, time.Minute)}
}

// look compares the wall clock with the time that has passed since the guard
// began, and says why it is not believed.
func (g *jumpGuard) look(wall time.Time, passed time.Duration) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	shift := wall.Round(0).Sub(g.began.Round(0)) - passed
	jump := shift - g.shift
	if jump <= g.least {
		g.shift, g.since = max(shift, g.shift), 0
		return ""
	}
	if g.since == 0 {
		g.since = passed
	}
	if passed-g.since >= jumpHold {
		g.shift, g.since = shift, 0
		return ""
	}
	return fmt.Sprintf("it jumped forward by %s; set it right, or wait %s more if it is right now",
		jump.Round(time.Second), (jumpHold - passed + g.since).Round(time.Second))
}

// followStream writes a tick when the stream has been still for a while, and
// with a lateness also while it flows. Of several engines the one that runs
// partition 0 does: it asks the stream itself whether it is still, and hears
// from the others how far time has come in their partitions. What it has not
// heard yet makes a tick earlier than it could be, and another one follows.
func (c *clock) followStream(ctx context.Context) {
	t := time.NewTicker(quietPoll)
	defer t.Stop()
	var newest, ticked int64
	var end uint64
	still := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		first, abroad := c.e.keeper.first()
		if !first {
			still = time.Now()
			continue
		}
		at, n, err := c.e.progress(ctx)
		at = max(at, abroad)
		if err != nil || n != end || at != newest {
			newest, end, still = at, n, time.Now()
		}
		target := int64(0)
		switch {
		case newest == 0:
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

// progress is the latest event time that this engine has seen, and a number
// that changes while events come: of those taken, or where the stream ends if
// other engines take some too.
func (e *Engine) progress(ctx context.Context) (at int64, n uint64, err error) {
	at = e.newest()
	if e.server == nil {
		n, err = e.journal.LastEvent(ctx)
		return at, n, err
	}
	for _, p := range e.parts {
		n += uint64(p.status.events.Load() + p.status.repeated.Load() + p.status.rejected.Load())
	}
	return at, n, nil
}

// newest is the latest event time that any partition has seen, ms.
func (e *Engine) newest() (at int64) {
	for _, p := range e.parts {
		at = max(at, p.status.newest.Load())
	}
	return at
}
