package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/lead"
)

// rejectWindow is how many rejected events are on their way at a time.
const rejectWindow = 256

// rejectLane keeps rejected events in the journal stream, one message each,
// where people list, correct and redrive them.
type rejectLane struct {
	o    Options
	wake chan struct{}

	mu     sync.Mutex
	queue  []kept
	closed bool
}

type kept struct {
	owner *ticket
	what  *lead.Rejected
}

func newRejectLane(o Options) *rejectLane {
	return &rejectLane{o: o, wake: make(chan struct{}, 1)}
}

func (l *rejectLane) put(t *ticket, r *lead.Rejected) {
	t.add(1)
	l.mu.Lock()
	l.queue = append(l.queue, kept{t, r})
	l.mu.Unlock()
	poke(l.wake)
}

func (l *rejectLane) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	poke(l.wake)
}

func (l *rejectLane) run(ctx context.Context) {
	for {
		l.mu.Lock()
		work, closed := l.queue, l.closed
		l.queue = nil
		l.mu.Unlock()
		if len(work) == 0 {
			if closed {
				return
			}
			<-l.wake
			continue
		}
		for len(work) > 0 {
			n := min(len(work), rejectWindow)
			l.keep(ctx, work[:n])
			work = work[n:]
		}
	}
}

// keep stores a window of rejected events and settles them.
func (l *rejectLane) keep(ctx context.Context, work []kept) {
	errs := make([]error, len(work))
	var wg sync.WaitGroup
	for i := range work {
		data, err := json.Marshal(work[i].what)
		if err != nil {
			errs[i] = err
			continue
		}
		subject := rejectedPrefix + strconv.Itoa(lead.Partition(work[i].what.Lead, l.o.Partitions))
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, errs[i] = publish(ctx, l.o, &nats.Msg{Subject: subject, Data: data})
		}()
	}
	wg.Wait()
	for i := range work {
		switch err := errs[i]; {
		case err == nil:
			work[i].owner.kept(1)
		case errors.Is(err, errFull):
			work[i].owner.unkept(notStored(errors.New("rejected events cannot be kept: the journal stream is full")))
		default:
			work[i].owner.unkept(notStored(err))
		}
	}
}
