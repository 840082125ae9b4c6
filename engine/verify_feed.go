package engine

import (
	"context"

	"github.com/ripenhq/ripen/engine/journal"
)

// feed reads a partition's inputs ahead of the check.
type feed struct {
	j      *journal.Journal
	p      int
	cancel context.CancelFunc
	ch     chan journal.Message
	err    error // valid once ch is closed
	queue  []journal.Message
	ended  bool
}

func startFeed(ctx context.Context, j *journal.Journal, p int, from uint64) *feed {
	ctx, cancel := context.WithCancel(ctx)
	f := &feed{j: j, p: p, cancel: cancel, ch: make(chan journal.Message, 32)}
	go func() {
		defer close(f.ch)
		f.err = j.Scan(ctx, journal.EventsStream, []string{journal.EventSubject(p), journal.ControlSubject}, from, func(m journal.Message) error {
			select {
			case f.ch <- m:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return f
}

// until gives the messages up to seq, where one with the hash must be; false if
// the stream does not hold it. It is another partition's if this one had nothing
// to read up to there. What is given stays until skip.
func (f *feed) until(ctx context.Context, seq uint64, hash [32]byte) ([]journal.Message, bool, error) {
	for !f.ended && (len(f.queue) == 0 || f.queue[len(f.queue)-1].Seq < seq) {
		select {
		case m, ok := <-f.ch:
			if !ok {
				f.ended = true
				if f.err != nil {
					return nil, false, f.err
				}
				break
			}
			f.queue = append(f.queue, m)
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
	for i := range f.queue {
		if f.queue[i].Seq == seq {
			return f.queue[:i+1], journal.HashInput(f.queue[i].Data) == hash, nil
		}
	}
	n := len(f.queue)
	for n > 0 && f.queue[n-1].Seq > seq {
		n--
	}
	ok, err := f.j.Foreign(ctx, f.p, seq, hash)
	return f.queue[:n], ok, err
}

// before gives the messages in front of a sequence. What is given stays until
// skip.
func (f *feed) before(ctx context.Context, seq uint64) ([]journal.Message, error) {
	for !f.ended && (len(f.queue) == 0 || f.queue[len(f.queue)-1].Seq+1 < seq) {
		select {
		case m, ok := <-f.ch:
			if !ok {
				f.ended = true
				if f.err != nil {
					return nil, f.err
				}
				break
			}
			f.queue = append(f.queue, m)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	n := len(f.queue)
	for n > 0 && f.queue[n-1].Seq >= seq {
		n--
	}
	return f.queue[:n], nil
}

// skip lets go of what lies before the position.
func (f *feed) skip(to journal.Position) {
	n := 0
	for n < len(f.queue) && f.queue[n].Seq < to.Seq {
		n++
	}
	f.queue = append(f.queue[:0:0], f.queue[n:]...)
}

func (f *feed) close() {
	f.cancel()
	for range f.ch { // ends with the scan
	}
}
