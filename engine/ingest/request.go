package ingest

import (
	"bytes"
	"context"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/lead"
)

// refuses is the reason to take no events just now, nil if there is none.
func (in *Ingest) refuses() *Failure {
	if f := in.guard.refuses(); f != nil {
		return f
	}
	return in.lag.refuses()
}

// request takes one message of ripen.in, whose room is taken already, and
// answers when it is settled.
func (in *Ingest) request(m *nats.Msg) {
	t := newTicket(func(a Answer) { in.respond(m, a) }, func() { in.room.Release(room(m)) })
	if f := in.refuses(); f != nil {
		t.refuse(f)
		return
	}
	in.read(t, func(each func(i int, raw []byte)) {
		if !intake.IsCloudEvent(m.Header) {
			intake.Split(m.Data, each)
			return
		}
		raw, bad := intake.FromBinary(m.Header, m.Data)
		if bad != nil {
			in.reject(t, 0, bad)
			return
		}
		each(0, raw)
	})
}

// Accept takes a body as ripen.in does and waits until it is settled. It does
// not wait for room: a full house is an Answer with the error "busy". body must
// not change until Accept returns. The error is that of ctx; what was taken
// is stored all the same.
func (in *Ingest) Accept(ctx context.Context, body []byte) (Answer, error) {
	if !in.enter() {
		return failed(0, errClosing), nil
	}
	size := int64(len(body)) + 1
	if !in.room.TryAcquire(size) {
		in.mu.RUnlock()
		return failed(0, errBusy), nil
	}
	return in.wait(ctx, size, func(each func(i int, raw []byte)) { intake.Split(body, each) })
}

// Publish takes events, one JSON object each, and waits until all are settled;
// if there is no room it waits for that first. events must not change until
// Publish returns.
func (in *Ingest) Publish(ctx context.Context, events [][]byte) (Answer, error) {
	if !in.enter() {
		return failed(len(events), errClosing), nil
	}
	size := int64(1)
	for _, e := range events {
		size += int64(len(e))
	}
	size = min(size, in.o.MaxQueued) // a giant waits until it is alone
	if err := in.room.Acquire(ctx, size); err != nil {
		in.mu.RUnlock()
		return Answer{}, err
	}
	return in.wait(ctx, size, func(each func(i int, raw []byte)) {
		for i, e := range events {
			each(i, e)
		}
	})
}

// enter keeps Close away until the caller frees in.mu; false if it is closed.
func (in *Ingest) enter() bool {
	in.mu.RLock()
	if in.closing {
		in.mu.RUnlock()
		return false
	}
	return true
}

// wait reads the events, lets Close go on (the lanes have them now), and waits
// until they are settled.
func (in *Ingest) wait(ctx context.Context, size int64, split func(each func(int, []byte))) (Answer, error) {
	done := make(chan Answer, 1)
	t := newTicket(func(a Answer) { done <- a }, func() { in.room.Release(size) })
	if f := in.refuses(); f != nil {
		t.refuse(f)
	} else {
		in.read(t, split)
	}
	in.mu.RUnlock()
	select {
	case a := <-done:
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// read validates events and hands them to the lanes.
func (in *Ingest) read(t *ticket, split func(each func(int, []byte))) {
	dec := in.decoders.Get().(*intake.Decoder)
	defer in.decoders.Put(dec)
	t.pass = func(at int64) error {
		ctx, cancel := context.WithTimeout(context.Background(), in.o.GiveUp)
		defer cancel()
		return in.o.Tick(ctx, at)
	}
	now := in.o.Now()
	n := 0
	split(func(i int, raw []byte) {
		n++
		ev, bad := dec.Decode(raw, now)
		if bad != nil {
			in.reject(t, i, bad)
			return
		}
		if ev.Kind == lead.Tick {
			t.passes(ev.At)
			return
		}
		if code, reason := in.o.Limits.Untimely(&ev); code != "" {
			in.reject(t, i, untimely(&ev, code, reason))
			return
		}
		in.lanes[lead.Partition(ev.Lead, in.o.Partitions)].put(t, intake.Packed{Raw: raw, Received: now})
	})
	if n == 0 && t.nothing() {
		t.refuse(errEmpty)
		return
	}
	t.kept(1) // the request itself
}

// untimely is a rejection of its own: the event's texts lie in the request.
func untimely(e *lead.Event, code, reason string) *lead.Rejected {
	return &lead.Rejected{Lead: strings.Clone(e.Lead), Event: strings.Clone(e.ID), At: e.At, Code: code, Reason: reason, Raw: bytes.Clone(e.Raw)}
}

// nothing says whether the request had no event at all.
func (t *ticket) nothing() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.left == 1 && len(t.answer.Rejected) == 0 && t.ticks == 0
}

func (in *Ingest) reject(t *ticket, index int, r *lead.Rejected) {
	t.reject(index, r)
	in.rejects.put(t, r)
}

func (in *Ingest) respond(m *nats.Msg, a Answer) {
	if m.Reply == "" {
		return
	}
	data, err := a.appendJSON(make([]byte, 0, 40))
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		in.o.Logger.Debug("a producer gets no answer", "error", err)
	}
}
