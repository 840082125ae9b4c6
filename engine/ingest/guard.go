package ingest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// guardEvery is how often room is looked at. What is stored here in between is
// counted, so that others alone can bring the stream beyond its bound.
const guardEvery = time.Second

// overhead is what a message takes in the stream besides its data, in bytes;
// rather too much than too little.
const overhead = 128

// fullPercent of max_bytes is where events are refused; what is left is for
// control messages.
const fullPercent = 95

// guard refuses events while there is no room for them.
type guard struct {
	o     Options
	state atomic.Pointer[Failure]
	used  atomic.Int64 // bytes of the stream: as told last, and stored since
	most  atomic.Int64 // its max_bytes, 0 = no limit
	once  sync.Once
	quit  chan struct{}
}

func newGuard(o Options) *guard { return &guard{o: o, quit: make(chan struct{})} }

// refuses is the reason to refuse, nil if there is none.
func (g *guard) refuses() *Failure { return g.state.Load() }

func (g *guard) close() { g.once.Do(func() { close(g.quit) }) }

func (g *guard) run(ctx context.Context) {
	t := time.NewTicker(guardEvery)
	defer t.Stop()
	for {
		select {
		case <-g.quit:
			return
		case <-ctx.Done():
			return
		case <-t.C:
		}
		if err := g.check(ctx); err != nil {
			g.o.Logger.Debug("room cannot be looked at", "error", err)
		}
	}
}

// check looks at stream and disk. While the server does not answer the last
// state stays.
func (g *guard) check(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, g.o.GiveUp)
	defer cancel()
	s, err := g.o.JS.Stream(bounded, eventsStream)
	if err != nil {
		return fmt.Errorf("%s: %w", eventsStream, err)
	}
	info := s.CachedInfo()
	g.set(int64(info.State.Bytes), info.Config.MaxBytes)
	return nil
}

// take counts size bytes that are about to be stored, or refuses them.
func (g *guard) take(size int) *Failure {
	used := g.used.Add(int64(size) + overhead)
	most := g.most.Load()
	if most <= 0 || used <= bound(most) {
		return nil
	}
	g.used.Add(-int64(size) - overhead)
	return errFull
}

// bound is up to where events may fill a stream, in bytes.
func bound(most int64) int64 { return most / 100 * fullPercent }

func (g *guard) set(used, most int64) {
	g.used.Store(used)
	g.most.Store(most)
	var why *Failure
	if most > 0 && used >= bound(most) {
		why = errFull
	}
	if g.o.FreeBytes != nil {
		if free, err := g.o.FreeBytes(); err == nil && free < g.o.FreeFloor {
			why = errDisk
		}
	}
	if before := g.state.Swap(why); before != why {
		if why != nil {
			g.o.Logger.Warn("events are refused", "code", why.Code, "used", used, "max_bytes", most)
		} else {
			g.o.Logger.Info("events are accepted again")
		}
	}
}
