package journal

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/natsd"
)

// bench is a server with the streams.
type bench struct {
	t   testing.TB
	srv *natsd.Server
	nc  *nats.Conn
	js  jetstream.JetStream
	j   *Journal
}

func newBench(t testing.TB, cfg Config) *bench {
	t.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Port: -1, Durability: natsd.Process})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, srv.Stop(ctx))
	})
	b := &bench{t: t, srv: srv}
	b.nc, b.js, b.j = b.engine(cfg)
	return b
}

// engine is one more process on the same server.
func (b *bench) engine(cfg Config, opts ...nats.Option) (*nats.Conn, jetstream.JetStream, *Journal) {
	b.t.Helper()
	if cfg.Partitions == 0 {
		cfg.Partitions = 4
	}
	if cfg.CommitTimeout == 0 {
		cfg.CommitTimeout = 2 * time.Second
	}
	nc, err := b.srv.Connect("engine", opts...)
	require.NoError(b.t, err)
	b.t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(b.t, err)
	j, err := Open(b.t.Context(), js, cfg)
	require.NoError(b.t, err)
	return nc, js, j
}

func (b *bench) claim(p int) *Partition {
	b.t.Helper()
	pt, err := b.j.Claim(b.t.Context(), p)
	require.NoError(b.t, err)
	return pt
}

// publish stores n events. What a cluster loses while it settles is sent again,
// so that there may be more.
func (b *bench) publish(subject string, n int) {
	b.t.Helper()
	var sent []jetstream.PubAckFuture
	settle := func() {
		<-b.js.PublishAsyncComplete()
		for _, f := range sent {
			select {
			case <-f.Ok():
			case <-f.Err():
				require.Eventually(b.t, func() bool {
					_, err := b.js.Publish(b.t.Context(), subject, f.Msg().Data)
					return err == nil
				}, time.Minute, 10*time.Millisecond)
			}
		}
		sent = sent[:0]
	}
	for i := range n {
		f, err := b.js.PublishAsync(subject, fmt.Appendf(nil, "%s %d", subject, i))
		require.NoError(b.t, err)
		if sent = append(sent, f); len(sent) == 1000 {
			settle()
		}
	}
	settle()
}

// records restores partition p for reading only.
func (b *bench) restore(pt *Partition) []Record {
	b.t.Helper()
	var rs []Record
	require.NoError(b.t, pt.Restore(b.t.Context(), func(r Record) error { rs = append(rs, r); return nil }))
	return rs
}

// stored are the data of all messages under a filter.
func (b *bench) stored(filter string) []string {
	b.t.Helper()
	n, err := b.j.Count(b.t.Context(), JournalStream, filter)
	require.NoError(b.t, err)
	if n == 0 {
		return nil
	}
	r, err := b.j.open(b.t.Context(), source{stream: JournalStream, filters: []string{filter}, from: 1}, ReaderOptions{})
	require.NoError(b.t, err)
	defer r.Close()
	var out []string
	for uint64(len(out)) < n {
		msgs, err := r.Next(b.t.Context())
		require.NoError(b.t, err)
		for _, m := range msgs {
			out = append(out, string(m.Data))
		}
	}
	return out
}

func outputs(n int, text string) []Output {
	outs := make([]Output, n)
	for i := range outs {
		outs[i] = Output{Subject: DecisionSubject("b2b", "handoff"), Header: nats.Header{"ce-id": {fmt.Sprint(text, i)}},
			Data: fmt.Appendf(nil, "%s %d", text, i)}
	}
	return outs
}

func TestEnsureStreams(t *testing.T) {
	b := newBench(t, Config{Partitions: 7, MaxBytes: 1 << 30, History: time.Hour})
	n, err := EnsureStreams(t.Context(), b.js, Config{MaxBytes: 1 << 29, History: 2 * time.Hour})
	require.NoError(t, err)
	require.Equal(t, 7, n, "the count is taken from the streams")
	info, err := b.j.info(t.Context(), EventsStream)
	require.NoError(t, err)
	require.EqualValues(t, 1<<29, info.Config.MaxBytes, "limits follow the configuration")
	require.Equal(t, 2*time.Hour, info.Config.MaxAge)
	require.Equal(t, jetstream.DiscardNew, info.Config.Discard)

	_, err = EnsureStreams(t.Context(), b.js, Config{Partitions: 8})
	require.ErrorIs(t, err, ErrPartitions)
	require.ErrorContains(t, err, "made for 7 partitions, 8 are configured")
	_, err = EnsureStreams(t.Context(), b.js, Config{Partitions: 49})
	require.ErrorIs(t, err, ErrPartitions)
}

// Who only looks must not change, by limits of his own, what is kept.
func TestOpen_ReadOnlyChangesNothing(t *testing.T) {
	b := newBench(t, Config{Partitions: 7, MaxBytes: 1 << 30, History: time.Hour})
	j, err := Open(t.Context(), b.js, Config{ReadOnly: true, History: time.Minute})
	require.NoError(t, err)
	require.Equal(t, 7, j.Partitions())
	info, err := b.j.info(t.Context(), EventsStream)
	require.NoError(t, err)
	require.EqualValues(t, 1<<30, info.Config.MaxBytes)
	require.Equal(t, time.Hour, info.Config.MaxAge)

	require.NoError(t, b.js.DeleteStream(t.Context(), EventsStream))
	_, err = Open(t.Context(), b.js, Config{ReadOnly: true})
	require.ErrorIs(t, err, ErrStreams)
	require.ErrorContains(t, err, "no engine has run here so far")
	_, err = b.js.Stream(t.Context(), EventsStream)
	require.ErrorIs(t, err, jetstream.ErrStreamNotFound)
}

func TestStreamsOfSomebodyElseAreRefused(t *testing.T) {
	b := newBench(t, Config{})
	require.NoError(t, b.js.DeleteStream(t.Context(), EventsStream))
	_, err := b.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: EventsStream, Subjects: []string{"ripen.ev.*"}})
	require.NoError(t, err)
	_, err = Open(t.Context(), b.js, Config{})
	require.ErrorIs(t, err, ErrStreams)
}

// An event on a subject that is no partition is refused, where earlier versions
// stored it and never read it; their streams are brought up to date.
func TestEventsOfNoPartition(t *testing.T) {
	b := newBench(t, Config{Partitions: 3})
	info, err := b.j.info(t.Context(), EventsStream)
	require.NoError(t, err)
	require.Equal(t, []string{"ripen.ctl", "ripen.ev.0", "ripen.ev.1", "ripen.ev.2"}, info.Config.Subjects)
	old := info.Config
	old.Subjects = anyPartition
	_, err = b.js.UpdateStream(t.Context(), old)
	require.NoError(t, err)
	_, err = b.js.Publish(t.Context(), "ripen.ev.9", []byte("{}"))
	require.NoError(t, err)
	require.NoError(t, b.j.CheckStreams(t.Context()), "it works with the streams of an earlier version")
	astray, err := b.j.Astray(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]uint64{"ripen.ev.9": 1}, astray)

	_, _, j := b.engine(Config{Partitions: 3})
	info, err = j.info(t.Context(), EventsStream)
	require.NoError(t, err)
	require.Len(t, info.Config.Subjects, 4)
	for _, subject := range []string{"ripen.ev.9", "ripen.ev.x", "ripen.ev.00", "ripen.ev.3"} {
		_, err = b.js.Publish(t.Context(), subject, []byte("{}"), jetstream.WithRetryAttempts(0))
		require.ErrorIs(t, err, jetstream.ErrNoStreamResponse, subject)
	}
	_, err = b.js.Publish(t.Context(), "ripen.ev.2", []byte("{}"))
	require.NoError(t, err)
}

func TestFullEventsStreamRefuses(t *testing.T) {
	b := newBench(t, Config{MaxBytes: 10_000})
	var err error
	for i := 0; i < 20 && err == nil; i++ {
		_, err = b.js.Publish(t.Context(), EventSubject(0), make([]byte, 1000))
	}
	require.Error(t, err, "never a silent drop")
	info, err := b.j.info(t.Context(), EventsStream)
	require.NoError(t, err)
	require.EqualValues(t, 1, info.State.FirstSeq)
}
