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
	t := newTicket(func(a Answer) { in.respond(m, a) }, func(more int64) { in.room.Release(room(m) + more) })
	if f := in.refuses(); f != nil {
		t.refuse(f)
		return
	}
	in.read(t, false, func(r *reading) *Failure {
		if !intake.IsCloudEvent(m.Header) {
			return in.split(t, r, m.Data)
		}
		if raw, bad := intake.FromBinary(m.Header, m.Data); bad != nil {
			r.bad = append(r.bad, refused{0, bad})
		} else {
			r.raw = append(r.raw, raw)
		}
		return nil
	})
}

// split cuts a body into events, unless these are too many, or so much larger
// than the body (a batch gives each of its events a copy of what they share)
// that there is no room for them.
func (in *Ingest) split(t *ticket, r *reading, body []byte) *Failure {
	size := 0
	found := intake.SplitMost(body, in.o.MaxEvents, func(_ int, raw []byte) {
		size += len(raw)
		r.raw = append(r.raw, raw)
	})
	if found > in.o.MaxEvents {
		return tooMany(found, in.o.MaxEvents)
	}
	if more := int64(size - len(body)); more > 0 {
		if !in.room.TryAcquire(more) {
			return errBusy
		}
		t.more = more
	}
	return nil
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
	return in.wait(ctx, size, false, func(t *ticket, r *reading) *Failure { return in.split(t, r, body) })
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
	return in.wait(ctx, size, true, func(_ *ticket, r *reading) *Failure {
		r.raw = append(r.raw, events...)
		return nil
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
// until they are settled. patient says whether it waits for room too.
func (in *Ingest) wait(ctx context.Context, size int64, patient bool, split func(*ticket, *reading) *Failure) (Answer, error) {
	done := make(chan Answer, 1)
	t := newTicket(func(a Answer) { done <- a }, func(more int64) { in.room.Release(size + more) })
	if f := in.refuses(); f != nil {
		t.refuse(f)
	} else {
		in.read(t, patient, func(r *reading) *Failure { return split(t, r) })
	}
	in.mu.RUnlock()
	select {
	case a := <-done:
		return a, nil
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

// reading is a request while it is read: nothing of it is taken before all of
// it is known. It is reused.
type reading struct {
	dec    *intake.Decoder
	raw    [][]byte // the events as they came
	events []placed // those that are good
	bad    []refused
}

// placed is a good event and its partition.
type placed struct {
	lane int
	raw  []byte
}

// refused is an event that is not, by its place in the request.
type refused struct {
	index int
	what  *lead.Rejected
}

// done lets go of the request's memory.
func (r *reading) done() {
	clear(r.raw)
	clear(r.events)
	clear(r.bad)
	r.raw, r.events, r.bad = r.raw[:0], r.events[:0], r.bad[:0]
}

// read cuts a request, validates its events and hands them to the lanes.
func (in *Ingest) read(t *ticket, patient bool, split func(*reading) *Failure) {
	r := in.readings.Get().(*reading)
	defer func() {
		r.done()
		in.readings.Put(r)
	}()
	if f := split(r); f != nil {
		t.refuse(f)
		return
	}
	t.pass = in.pass
	now := in.o.Now()
	for i, raw := range r.raw {
		in.judge(t, r, i, raw, now)
	}
	switch n := len(r.bad); {
	case n == 0 && len(r.events) == 0 && t.ticks == 0:
		t.refuse(errEmpty)
		return
	case n > 0 && !in.rejects.reserve(n, patient):
		t.refuse(errBusy)
		return
	case n > 0:
		for _, b := range r.bad {
			t.reject(b.index, b.what)
		}
		in.rejects.put(t, r.bad)
	}
	for _, e := range r.events {
		in.lanes[e.lane].put(t, intake.Packed{Raw: e.raw, Received: now})
	}
	t.kept(1) // the request itself
}

// judge decodes one event.
func (in *Ingest) judge(t *ticket, r *reading, i int, raw []byte, now int64) {
	ev, bad := r.dec.Decode(raw, now)
	if bad == nil && ev.Kind != lead.Tick {
		if code, reason := in.o.Limits.Untimely(&ev); code != "" {
			bad = untimely(&ev, code, reason)
		}
	}
	switch {
	case bad != nil:
		r.bad = append(r.bad, refused{i, bad})
	case ev.Kind == lead.Tick:
		t.passes(ev.At)
	default:
		r.events = append(r.events, placed{lead.Partition(ev.Lead, in.o.Partitions), raw})
	}
}

// pass lets time pass to at, ms.
func (in *Ingest) pass(at int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), in.o.GiveUp)
	defer cancel()
	return in.o.Tick(ctx, at)
}

// untimely is a rejection of its own: the event's texts lie in the request.
func untimely(e *lead.Event, code, reason string) *lead.Rejected {
	return &lead.Rejected{Lead: strings.Clone(e.Lead), Event: strings.Clone(e.ID), At: e.At, Code: code, Reason: reason, Raw: bytes.Clone(e.Raw)}
}

func (in *Ingest) respond(m *nats.Msg, a Answer) {
	if m.Reply == "" {
		return
	}
	data, err := a.bounded(int(in.o.Conn.MaxPayload()))
	if err == nil {
		err = m.Respond(data)
	}
	if err != nil {
		in.o.Logger.Debug("a producer gets no answer", "error", err)
	}
}
