package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
	"golang.org/x/sync/semaphore"

	"github.com/ripenhq/ripen/engine/lead"
)

// rejectRoom is how many rejected events may wait to be kept: each takes a
// message, so that a flood of bad requests must not pile up. Beyond it requests
// with rejected events are answered "busy"; good ones pass.
const rejectRoom = 16 << 10

// rejectWindow is how many rejected events are on their way at a time.
const rejectWindow = 256

// rejectLane keeps rejected events in the journal stream, one message each,
// where people list, correct and redrive them.
type rejectLane struct {
	o    Options
	wake chan struct{}
	most int64
	room *semaphore.Weighted // rejected events that wait

	mu     sync.Mutex
	queue  []kept
	closed bool
}

type kept struct {
	owner  *ticket
	what   *lead.Rejected
	weight int64 // of the room, 0 or 1
}

func newRejectLane(o Options) *rejectLane {
	most := max(rejectRoom, int64(o.MaxEvents))
	return &rejectLane{o: o, wake: make(chan struct{}, 1), most: most, room: semaphore.NewWeighted(most)}
}

// reserve takes room for n rejected events, or as many as there is room for at
// all; wait says whether to wait for it.
func (l *rejectLane) reserve(n int, wait bool) bool {
	weight := min(int64(n), l.most)
	if wait {
		return l.room.Acquire(context.Background(), weight) == nil // what waits is kept, also while this closes
	}
	return l.room.TryAcquire(weight)
}

// put adds the rejected events of a request, whose room is reserved.
func (l *rejectLane) put(t *ticket, list []refused) {
	t.add(len(list))
	l.mu.Lock()
	for i := range list {
		k := kept{owner: t, what: list[i].what}
		if int64(i) < l.most {
			k.weight = 1
		}
		l.queue = append(l.queue, k)
	}
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
	msgs := make([]*nats.Msg, len(work))
	for i := range work {
		var data []byte
		if data, errs[i] = json.Marshal(work[i].what); errs[i] == nil {
			subject := rejectedPrefix + strconv.Itoa(lead.Partition(work[i].what.Lead, l.o.Partitions))
			msgs[i] = &nats.Msg{Subject: subject, Data: data, Header: nats.Header{}}
		}
	}
	l.publish(ctx, msgs, errs)
	for i := range work {
		l.room.Release(work[i].weight)
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

// companyFrom is from how many rejected events on they go out as one batch: the
// server syncs each single message, and a batch once.
const companyFrom = 8

// maxCompany bounds such a batch, in bytes: the server stages it.
const maxCompany = 4 << 20

func size(msgs []*nats.Msg) (n int) {
	for _, m := range msgs {
		n += len(m.Data)
	}
	return n
}

// Headers of an atomic batch.
const (
	headerBatchID  = "Nats-Batch-Id"
	headerBatchSeq = "Nats-Batch-Sequence"
	headerBatchEnd = "Nats-Batch-Commit"
)

// publish stores messages, nil ones left out, and notes what went wrong.
func (l *rejectLane) publish(ctx context.Context, msgs []*nats.Msg, errs []error) {
	if len(msgs) >= companyFrom && !slices.Contains(msgs, nil) && size(msgs) <= maxCompany {
		err := l.together(ctx, msgs)
		var refused *jetstream.APIError
		if !errors.As(err, &refused) { // stored, or nobody knows: the producer asks again
			for i := range errs {
				errs[i] = err
			}
			return
		}
		l.o.Logger.Debug("a batch of rejected events is refused, they go out one by one", "error", err)
	}
	var wg sync.WaitGroup
	for i, m := range msgs {
		if m == nil {
			continue
		}
		wg.Go(func() {
			_, errs[i] = publish(ctx, l.o, &nats.Msg{Subject: m.Subject, Data: m.Data})
		})
	}
	wg.Wait()
}

// together stores messages as one atomic batch. Its id says that no record of a
// partition belongs to it.
func (l *rejectLane) together(ctx context.Context, msgs []*nats.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, l.o.GiveUp)
	defer cancel()
	id := []string{lead.RejectedBatch + nuid.Next()}
	for i, m := range msgs {
		m.Header[headerBatchID], m.Header[headerBatchSeq] = id, []string{strconv.Itoa(i + 1)}
		if i < len(msgs)-1 {
			if err := l.o.Conn.PublishMsg(m); err != nil {
				return err
			}
		}
	}
	last := msgs[len(msgs)-1]
	last.Header[headerBatchEnd] = []string{"1"}
	answer, err := l.o.Conn.RequestMsgWithContext(ctx, last)
	if err != nil {
		return err
	}
	var ack struct {
		Error *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return err
	}
	if ack.Error != nil {
		return ack.Error
	}
	return nil
}
