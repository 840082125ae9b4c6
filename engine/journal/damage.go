package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// Damage is what a look at a stream has found. A server leaves out, without a
// word, what it cannot read; a block of which it cannot make sense it cuts off
// when it starts.
type Damage struct {
	Looked     uint64 // messages that should be there
	Unreadable uint64 // of them, those that the server does not hand out
	Lost       uint64 // bytes that the server gave up when it last started
	Missing    uint64 // holes inside the events stream, which nobody makes
}

// Any says whether something is wrong.
func (d Damage) Any() bool { return d.Unreadable+d.Lost+d.Missing > 0 }

func (d Damage) String() string {
	text := ""
	add := func(n uint64, format string) {
		if n == 0 {
			return
		}
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf(format, n)
	}
	add(d.Unreadable, "%d messages cannot be read")
	add(d.Missing, "%d messages are missing inside the stream")
	add(d.Lost, "the server lost %d bytes when it started")
	return text
}

// pulled is how many messages are asked for at a time.
const pulled = 2000

// Look counts what can be read of a stream's newest messages, at most so many
// (0: all), and compares that with what the server says is there. Streams under
// work are looked at up to where they ended; what is purged meanwhile is no
// damage, and a look that cannot tell finds none.
func (j *Journal) Look(ctx context.Context, stream string, most uint64) (d Damage, err error) {
	for range 5 {
		var sure bool
		if d, sure, err = j.look(ctx, stream, most); err != nil || sure {
			return d, err
		}
	}
	d.Unreadable = 0
	return d, nil
}

// streamState is what jetstream.StreamState leaves out.
type streamState struct {
	Messages   uint64    `json:"messages"`
	FirstSeq   uint64    `json:"first_seq"`
	LastSeq    uint64    `json:"last_seq"`
	NumDeleted uint64    `json:"num_deleted"`
	Lost       lostBytes `json:"lost"`
}

type lostBytes struct {
	Bytes uint64 `json:"bytes"`
}

func (j *Journal) state(ctx context.Context, stream string) (streamState, error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
	defer cancel()
	var answer struct {
		State streamState `json:"state"`
		Error *apiError   `json:"error"`
	}
	m, err := j.nc.RequestWithContext(ctx, j.api("STREAM.INFO."+stream), nil)
	if err == nil {
		err = json.Unmarshal(m.Data, &answer)
	}
	if err == nil && answer.Error != nil {
		err = answer.Error
	}
	return answer.State, wrap(stream, err)
}

// Astray counts the events on subjects that are no partition, by subject. An
// external server with the streams of an earlier version took them; nobody
// reads them.
func (j *Journal) Astray(ctx context.Context) (map[string]uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
	defer cancel()
	astray, err := j.counts(ctx, EventsStream, eventsPrefix+"*")
	if err != nil {
		return nil, err
	}
	for p := range j.partitions {
		delete(astray, EventSubject(p))
	}
	return astray, nil
}

// look counts once. sure is false if the stream changed in a way that explains
// a difference.
func (j *Journal) look(ctx context.Context, stream string, most uint64) (d Damage, sure bool, err error) {
	before, err := j.state(ctx, stream)
	if err != nil {
		return d, false, err
	}
	d.Lost = before.Lost.Bytes
	if stream == EventsStream {
		d.Missing = before.NumDeleted
	}
	if before.Messages == 0 {
		return d, true, nil
	}
	from := before.FirstSeq
	if most > 0 && before.LastSeq > most {
		from = max(from, before.LastSeq-most+1)
	}
	name := "look-" + nuid.Next()
	c, err := j.js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{Name: name, AckPolicy: jetstream.AckNonePolicy, MemoryStorage: true, Replicas: 1,
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, HeadersOnly: true, InactiveThreshold: time.Minute})
	if err != nil {
		return d, false, wrap(stream, err)
	}
	defer func() { _ = j.js.DeleteConsumer(context.WithoutCancel(ctx), stream, name) }() // it would go by itself
	d.Looked = c.CachedInfo().NumPending
	same, err := j.state(ctx, stream)
	if err != nil {
		return d, false, err
	}
	readable, err := countUpTo(ctx, c, before.LastSeq)
	if err != nil {
		return d, false, wrap(stream, err)
	}
	after, err := j.state(ctx, stream)
	d.Unreadable = d.Looked - min(d.Looked, readable)
	still := same.LastSeq == before.LastSeq && same.NumDeleted == after.NumDeleted && same.FirstSeq == after.FirstSeq && before.FirstSeq == same.FirstSeq && before.NumDeleted == same.NumDeleted
	return d, still || d.Unreadable == 0, err
}

// countUpTo counts the messages that a consumer hands out up to a sequence.
func countUpTo(ctx context.Context, c jetstream.Consumer, last uint64) (n uint64, err error) {
	for ctx.Err() == nil {
		batch, err := c.FetchNoWait(pulled)
		if err != nil {
			return n, err
		}
		got := 0
		for m := range batch.Messages() {
			meta, err := m.Metadata()
			if err != nil {
				return n, err
			}
			got++
			if meta.Sequence.Stream <= last {
				n++
			}
			if meta.Sequence.Stream >= last {
				got = 0
			}
		}
		if got == 0 {
			return n, batch.Error()
		}
	}
	return n, ctx.Err()
}
