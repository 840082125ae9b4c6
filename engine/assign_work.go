package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
)

// work is a partition at work.
type work struct {
	cancel   context.CancelFunc // nil when it is not running
	stopping bool
	freed    bool
	since    time.Time
}

type ending struct {
	partition int
	err       error
}

// states says what runs, in the roster's words. A partition that has failed
// counts: this engine holds it.
func (k *keeper) states() []run {
	list := make([]run, len(k.runs))
	for n := range k.runs {
		list[n] = run{running: k.runs[n].cancel != nil || k.failure(n) != nil, stopping: k.runs[n].stopping, epoch: k.parts[n].status.epoch.Load()}
	}
	return list
}

func (k *keeper) start(n int) {
	ctx, cancel := context.WithCancel(k.ctx)
	p := k.parts[n]
	p.status.epoch.Store(0)
	p.status.owned.Store(true)
	p.free = func() { k.freed <- n }
	k.runs[n] = work{cancel: cancel, since: time.Now()}
	go func() {
		e := ending{partition: n}
		defer func() {
			// A bug of ours ends the engine with one line; what is committed stays.
			if r := recover(); r != nil {
				p.log.Error("internal error", "panic", r, "stack", string(debug.Stack()))
				e.err = fmt.Errorf("partition %d: internal error: %v; please report it", n, r)
			}
			p.close()
			k.ended <- e
		}()
		failpoint.Hit("assign.claim")
		e.err = p.run(ctx)
	}()
}

// stop tells a partition to finish its commit and end. One that has failed is
// forgotten, for the next engine to try.
func (k *keeper) stop(n int) {
	if k.runs[n].cancel != nil {
		k.runs[n].cancel()
		k.runs[n].stopping = true
		return
	}
	k.mu.Lock()
	k.failed[n] = nil
	k.mu.Unlock()
}

// note strikes off a partition that has ended. It said that it is free before
// that, which must not be taken for a word of its next run.
func (k *keeper) note(n int) (ran time.Duration) {
	for len(k.freed) > 0 {
		k.runs[<-k.freed].freed = true
	}
	k.runs[n].cancel()
	ran = time.Since(k.runs[n].since)
	k.runs[n] = work{}
	k.parts[n].status.owned.Store(false)
	return ran
}

// end takes note of why a partition has ended. An error is the engine's end.
func (k *keeper) end(e ending) error {
	stopped := k.ctx.Err() != nil
	ran := k.note(e.partition)
	switch {
	case e.err == nil || stopped:
		return nil
	case errors.Is(e.err, journal.ErrFenced) && k.hints != nil:
		if ran > fenceMost {
			k.roster.waits[e.partition] = wait{}
		}
		k.roster.fenced(e.partition, time.Now())
		k.log.Info("another engine has claimed a partition, giving it up", "partition", e.partition)
		return nil
	case !k.bearable(e.err):
		return e.err
	}
	k.log.Error("a partition has stopped, the others go on", "partition", e.partition, "error", e.err)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failed[e.partition] = e.err
	if slices.Contains(k.failed, nil) {
		return nil
	}
	return errors.Join(k.failed...)
}

// bearable says whether an error concerns one partition and no other.
func (k *keeper) bearable(err error) bool {
	return errors.Is(err, journal.ErrCorrupt) || errors.Is(err, journal.ErrInputLost) || errors.Is(err, journal.ErrRetention) || k.hints != nil && errors.Is(err, journal.ErrFenced)
}

func (k *keeper) running() (n int) {
	for i := range k.runs {
		if k.runs[i].cancel != nil {
			n++
		}
	}
	return n
}
