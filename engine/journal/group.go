package journal

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// group lets commits of several partitions share an atomic batch. A batch costs
// the server some milliseconds whatever its size (a single node makes a file
// store for each, with its own syncs), and the batches of all partitions queue
// up behind each other in one stream. So while a batch is on its way the commits
// that come meanwhile wait, and go out together.
//
// Each record keeps its own fence. What goes wrong with a shared batch goes
// wrong for all in it, and each partition then finds out by itself, as always:
// it reads its last record, and what is tried again is tried alone.
type group struct {
	j       *Journal
	mu      sync.Mutex
	waiting []*share
	busy    bool          // a goroutine works waiting off
	lone    int           // records without outputs on their way: they need no batch
	missing int           // how many are expected back before the next batch
	full    chan struct{} // closed when none is missing any more
}

// share is one partition's commit in a group.
type share struct {
	subject string
	expect  uint64 // last sequence of subject: the fence
	outs    []Output
	record  []byte

	batch *batch        // that it went out with, nil while it waits
	done  chan struct{} // closed when seq and err are valid
	seq   uint64
	err   error
}

// batch is one atomic batch on its way.
type batch struct {
	shares []*share
	left   atomic.Int32 // shares that somebody waits for
	cancel context.CancelFunc
}

// commit publishes outs and record together with those of others, or alone if
// there are none just now. It returns the sequence of the record.
func (g *group) commit(ctx context.Context, s *share) (uint64, error) {
	s.done = make(chan struct{})
	g.mu.Lock()
	g.waiting = append(g.waiting, s)
	g.arrived()
	if !g.busy {
		g.busy = true
		go g.work()
	}
	g.mu.Unlock()
	select {
	case <-s.done:
		return s.seq, s.err
	case <-ctx.Done():
		g.leave(s)
		return 0, ctx.Err()
	}
}

// alone publishes a record that has no outputs. The server stores it behind the
// batch that is on its way.
func (g *group) alone(ctx context.Context, s *share) (uint64, error) {
	g.mu.Lock()
	g.arrived()
	g.lone++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		g.lone--
		g.mu.Unlock()
	}()
	return request(ctx, g.j.nc, s.fenced())
}

// leave gives up waiting for a share. Its memory is the caller's again: either
// it is not sent at all, or it is waited for, the shorter the fewer others do.
func (g *group) leave(s *share) {
	g.mu.Lock()
	b := s.batch
	if b == nil {
		g.waiting = slices.DeleteFunc(g.waiting, func(w *share) bool { return w == s })
	}
	g.mu.Unlock()
	if b == nil {
		return
	}
	if b.left.Add(-1) == 0 {
		b.cancel()
	}
	<-s.done
}

// work sends what waits, one batch at a time, until nothing does.
func (g *group) work() {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), g.j.cfg.AskTimeout)
		b := g.take(cancel)
		if b == nil {
			cancel()
			return
		}
		began := time.Now()
		seq, err := send(ctx, g.j.nc, b)
		cancel()
		full := g.expect(len(b.shares))
		b.tell(seq, err)
		if err == nil {
			g.regroup(full, min(time.Since(began)/2, mostRegroup))
		}
	}
}

// mostRegroup bounds what a batch waits for those who were in the one before.
const mostRegroup = 2 * time.Millisecond

// expect gives a channel that is closed once n and those with a lone record
// have come with their next commit.
func (g *group) expect(n int) <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.missing, g.full = n+g.lone, make(chan struct{})
	return g.full
}

// arrived is called with the lock held.
func (g *group) arrived() {
	if g.missing--; g.missing == 0 {
		close(g.full)
	}
}

// regroup waits until the partitions of the last batch are back, for a part of
// the time that a batch takes at most. They scored the next micro-batch while it
// was on its way and only need to hear what became of it. Without them the next
// batch would hold the others alone, and each commit would wait for one of
// theirs before its own.
func (g *group) regroup(full <-chan struct{}, most time.Duration) {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-full:
	case <-t.C:
	}
}

// take cuts off what fits into one batch: the oldest first, at least one. It
// returns nil, and the next commit starts the work again, if nothing waits.
func (g *group) take(cancel context.CancelFunc) *batch {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.busy = false
		return nil
	}
	n, messages := 0, 0
	for n < len(g.waiting) && (n == 0 || messages+len(g.waiting[n].outs)+1 <= maxBatch) {
		messages += len(g.waiting[n].outs) + 1
		n++
	}
	b := &batch{shares: slices.Clone(g.waiting[:n]), cancel: cancel}
	b.left.Store(int32(n))
	for _, s := range b.shares {
		s.batch = b
	}
	g.waiting = slices.Delete(g.waiting, 0, n)
	return b
}

// send publishes one batch. It returns the sequence of its last record.
func send(ctx context.Context, nc *nats.Conn, b *batch) (uint64, error) {
	last, err := publishBatch(nc, b.shares)
	if err != nil {
		return 0, err
	}
	return request(ctx, nc, last)
}

// tell says to all in a batch what became of it. It lies in the stream without
// a gap and ends with the last record.
func (b *batch) tell(seq uint64, err error) {
	for _, s := range slices.Backward(b.shares) {
		if s.err = err; err == nil {
			s.seq, seq = seq, seq-uint64(len(s.outs))-1
		}
		close(s.done)
	}
}

// fenced is the record's message: it is stored only behind the last one that
// was seen.
func (s *share) fenced() *nats.Msg {
	return &nats.Msg{Subject: s.subject, Data: s.record, Header: nats.Header{headerExpectLast: {strconv.FormatUint(s.expect, 10)}}}
}

// publishBatch sends all messages of an atomic batch, under an id of its own,
// but the last, which it returns: that commits the batch and waits for the
// answer.
func publishBatch(nc *nats.Conn, shares []*share) (last *nats.Msg, err error) {
	id, n := []string{nuid.Next()}, 0
	put := func(m *nats.Msg) {
		if last != nil && err == nil {
			err = nc.PublishMsg(last)
		}
		n++
		m.Header[headerBatchID] = id
		m.Header[headerBatchSeq] = []string{strconv.Itoa(n)}
		last = m
	}
	for _, s := range shares {
		for i := range s.outs {
			o := &s.outs[i]
			if o.Header == nil {
				o.Header = make(nats.Header, 2)
			}
			put(&nats.Msg{Subject: o.Subject, Header: o.Header, Data: o.Data})
		}
		put(s.fenced())
	}
	if err != nil {
		return nil, err
	}
	last.Header[headerBatchEnd] = []string{"1"}
	failpoint.Hit("commit.outputs")
	failpoint.Soon("commit.sent")
	return last, nil
}
