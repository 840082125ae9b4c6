package ingest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultMaxLag is how many events may be stored and not scored.
const DefaultMaxLag = 1_000_000

// lagSteps is into how many entries a partition's share of the bound is cut.
const lagSteps = 256

// lag knows how many events were stored here and are not scored yet. It counts
// what it stored and asks how far the engine is, and that only when the sum
// reaches the bound: until then it costs one addition per pack.
type lag struct {
	o     Options
	count atomic.Int64 // events stored and not known to be scored
	parts []backlog
	quiet atomic.Int64 // until then, ns since 1970 UTC, the log is not told again
}

// backlog are the packs of one partition that are not known to be scored.
type backlog struct {
	mu    sync.Mutex
	steps []backlogStep
}

// backlogStep are packs up to a sequence of the stream. Small ones share a
// step, so that there are never many.
type backlogStep struct {
	seq    uint64
	events int64
}

func newLag(o Options) *lag { return &lag{o: o, parts: make([]backlog, o.Partitions)} }

// stored notes a pack of partition p that the stream has at seq.
func (l *lag) stored(p int, seq uint64, events int) {
	if l.o.Scored == nil || l.o.MaxLag < 0 {
		return
	}
	n := int64(events)
	b := &l.parts[p]
	b.mu.Lock()
	if k := len(b.steps) - 1; k >= 0 && b.steps[k].events+n <= l.o.MaxLag/lagSteps {
		b.steps[k].seq = max(b.steps[k].seq, seq)
		b.steps[k].events += n
	} else {
		b.steps = append(b.steps, backlogStep{seq, n})
	}
	b.mu.Unlock()
	l.count.Add(n)
}

// refuses is the reason to refuse events while scoring is too far behind, nil
// if it is not.
func (l *lag) refuses() *Failure {
	if l.o.Scored == nil || l.o.MaxLag < 0 || l.count.Load() < l.o.MaxLag {
		return nil
	}
	for p := range l.parts {
		l.count.Add(-l.parts[p].settle(l.o.Scored(p)))
	}
	behind := l.count.Load()
	if behind < l.o.MaxLag {
		return nil
	}
	if now := time.Now().UnixNano(); now > l.quiet.Load() {
		l.quiet.Store(now + int64(10*time.Second))
		l.o.Logger.Warn("events are refused: scoring is behind", "events", behind, "bound", l.o.MaxLag)
	}
	return &Failure{Code: CodeBehind, RetryAfter: 250, Reason: fmt.Sprintf(
		"%d stored events wait to be scored, the bound is %d; wait and send the request again", behind, l.o.MaxLag)}
}

// settle forgets what lies before next, or all of a partition that another
// engine has, and says how many events that were.
func (b *backlog) settle(next uint64, mine bool) (events int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for n < len(b.steps) && (!mine || b.steps[n].seq < next) {
		events += b.steps[n].events
		n++
	}
	b.steps = append(b.steps[:0], b.steps[n:]...)
	return events
}
