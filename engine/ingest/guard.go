package ingest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// guardEvery is how often room is looked at. At 100 MB/s that is 100 MB, well
// within 5 % of a stream worth limiting and above the floor of a disk.
const guardEvery = time.Second

// fullPercent of max_bytes is where events are refused; what is left is for
// control messages.
const fullPercent = 95

// guard refuses events while there is no room for them.
type guard struct {
	o     Options
	state atomic.Pointer[Failure]
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
	g.set(info.State.Bytes, info.Config.MaxBytes)
	return nil
}

func (g *guard) set(used uint64, most int64) {
	var why *Failure
	if most > 0 && used >= uint64(most)/100*fullPercent {
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
