package journal

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// read takes messages up to at least number to of partition 0, checks that they
// are in order, and returns the number of the next one.
func read(t *testing.T, r *Reader, from, to int) (next int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for from < to {
		msgs, err := r.Next(ctx)
		require.NoError(t, err)
		require.NotEmpty(t, msgs)
		for _, m := range msgs {
			require.Equal(t, fmt.Sprint("ripen.ev.0 ", from), string(m.Data))
			require.Equal(t, EventSubject(0), m.Subject)
			require.InDelta(t, time.Now().UnixMilli(), m.Time, 120_000)
			from++
		}
	}
	return from
}

func TestReaderReadsItsPartitionAndControl(t *testing.T) {
	b := newBench(t, Config{})
	b.publish(EventSubject(0), 3000)
	b.publish(EventSubject(1), 100)
	r, err := b.j.NewReader(t.Context(), 0, Position{}, ReaderOptions{})
	require.NoError(t, err)
	defer r.Close()
	read(t, r, 0, 3000)

	line, err := b.j.OpenControl(t.Context())
	require.NoError(t, err)
	require.NoError(t, line.Tick(t.Context(), 60_000))
	msgs, err := r.Next(t.Context())
	require.NoError(t, err)
	require.Len(t, msgs, 1)
	require.Equal(t, ControlSubject, msgs[0].Subject)
	require.EqualValues(t, 3101, msgs[0].Seq)
}

func TestReaderStartsAtThePosition(t *testing.T) {
	b := newBench(t, Config{})
	b.publish(EventSubject(0), 50)
	r, err := b.j.NewReader(t.Context(), 0, Position{Seq: 21}, ReaderOptions{MaxBatch: 7})
	require.NoError(t, err)
	defer r.Close()
	require.Equal(t, 50, read(t, r, 20, 50))
}

func TestReaderWaitsAndEnds(t *testing.T) {
	b := newBench(t, Config{})
	r, err := b.j.NewReader(t.Context(), 0, Position{}, ReaderOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	b.publish(EventSubject(0), 2)
	read(t, r, 0, 2)
	r.Close()
	r.Close()
	_, err = r.Next(t.Context())
	require.ErrorIs(t, err, ErrClosed)
	require.Eventually(t, func() bool {
		info, err := b.j.info(t.Context(), EventsStream)
		return err == nil && info.State.Consumers == 0
	}, 5*time.Second, 20*time.Millisecond, "no consumer is left behind")
}

func TestReaderPrefetchIsBounded(t *testing.T) {
	b := newBench(t, Config{})
	for range 200 {
		_, err := b.js.Publish(t.Context(), EventSubject(0), make([]byte, 100_000))
		require.NoError(t, err)
	}
	r, err := b.j.NewReader(t.Context(), 0, Position{}, ReaderOptions{MaxBatch: 8, Prefetch: 64, PrefetchBytes: 2 << 20})
	require.NoError(t, err)
	defer r.Close()
	for got := 0; got < 200; {
		msgs, err := r.Next(t.Context())
		require.NoError(t, err)
		got += len(msgs)
		require.LessOrEqual(t, r.open, 64)
		if got > 100 { // the mean size is known by now
			require.LessOrEqual(t, r.open*100_000, 4<<20)
		}
	}
}

func TestReaderSurvivesRestartOfTheServer(t *testing.T) {
	b := newBench(t, Config{})
	b.publish(EventSubject(0), 5000)
	r, err := b.j.NewReader(t.Context(), 0, Position{}, ReaderOptions{MaxBatch: 100})
	require.NoError(t, err)
	defer r.Close()
	n := read(t, r, 0, 1000)
	require.NoError(t, b.srv.Restart())
	require.Equal(t, 5000, read(t, r, n, 5000))
}

func TestReaderSurvivesLossOfItsConsumer(t *testing.T) {
	b := newBench(t, Config{})
	b.publish(EventSubject(0), 3000)
	r, err := b.j.NewReader(t.Context(), 0, Position{}, ReaderOptions{MaxBatch: 100, Prefetch: 200})
	require.NoError(t, err)
	defer r.Close()
	n := read(t, r, 0, 1000)
	require.NoError(t, b.js.DeleteConsumer(t.Context(), EventsStream, r.consumer))
	require.Equal(t, 3000, read(t, r, n, 3000))
}

func TestReaderNoticesMissedMessages(t *testing.T) {
	b := newBench(t, Config{})
	b.publish(EventSubject(0), 100)
	r, err := b.j.NewReader(t.Context(), 0, Position{}, ReaderOptions{MaxBatch: 10})
	require.NoError(t, err)
	defer r.Close()
	n := read(t, r, 0, 10)
	require.Eventually(t, func() bool { return len(r.in) > 10 }, 5*time.Second, time.Millisecond)
	<-r.in // a message lost on the way
	require.Equal(t, 100, read(t, r, n, 100))
}

func TestReaderNoticesALostTail(t *testing.T) {
	b := newBench(t, Config{})
	b.publish(EventSubject(0), 10)
	_, err := b.j.NewReader(t.Context(), 0, Position{Seq: 100}, ReaderOptions{})
	require.ErrorIs(t, err, ErrInputLost)
}

func TestReaderOnAClosedConnection(t *testing.T) {
	b := newBench(t, Config{})
	nc, _, j := b.engine(Config{})
	r, err := j.NewReader(t.Context(), 0, Position{}, ReaderOptions{})
	require.NoError(t, err)
	defer r.Close()
	nc.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = r.Next(ctx)
	require.ErrorIs(t, err, ErrClosed)
}

func TestScanEndsAtTheNewest(t *testing.T) {
	b := newBench(t, Config{})
	scan := func(from uint64, filters ...string) (seqs []uint64) {
		require.NoError(t, b.j.Scan(t.Context(), EventsStream, filters, from, func(m Message) error {
			seqs = append(seqs, m.Seq)
			return nil
		}))
		return seqs
	}
	require.Empty(t, scan(1, "ripen.ev.*"))
	b.publish(EventSubject(0), 3)
	b.publish(EventSubject(1), 2)
	require.Equal(t, []uint64{1, 2, 3, 4, 5}, scan(0, "ripen.ev.*"))
	require.Equal(t, []uint64{2, 3}, scan(2, EventSubject(0)))
	require.Equal(t, []uint64{1, 2, 3, 4, 5}, scan(1, EventSubject(0), EventSubject(1)))
	require.Empty(t, scan(4, EventSubject(0)))
	stop := errors.New("stop")
	require.ErrorIs(t, b.j.Scan(t.Context(), EventsStream, []string{">"}, 1, func(Message) error { return stop }), stop)
}

// BenchmarkReader compares the reader with the client's ordered consumer, one
// message an event; "two filters" is what a partition reads.
func BenchmarkReader(b *testing.B) {
	const messages = 200_000
	h := newBench(b, Config{})
	event := make([]byte, 135)
	for i := range messages {
		_, err := h.js.PublishAsync(EventSubject(0), event)
		require.NoError(b, err)
		if i%2000 == 1999 {
			<-h.js.PublishAsyncComplete()
		}
	}
	rate := func(b *testing.B) { b.ReportMetric(float64(b.N)*messages/b.Elapsed().Seconds(), "msg/s") }
	ours := func(filters ...string) func(b *testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				r, err := h.j.open(b.Context(), source{stream: EventsStream, filters: filters, from: 1}, ReaderOptions{})
				require.NoError(b, err)
				for n := 0; n < messages; {
					msgs, err := r.Next(b.Context())
					require.NoError(b, err)
					n += len(msgs)
				}
				r.Close()
			}
			rate(b)
		}
	}
	b.Run("ours/one filter", ours(EventSubject(0)))
	b.Run("ours/two filters", ours(EventSubject(0), ControlSubject))
	b.Run("ordered consumer", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			c, err := h.js.OrderedConsumer(b.Context(), EventsStream, jetstream.OrderedConsumerConfig{
				FilterSubjects: []string{EventSubject(0)}})
			require.NoError(b, err)
			it, err := c.Messages(jetstream.PullMaxMessages(16 << 10))
			require.NoError(b, err)
			for range messages {
				_, err := it.Next()
				require.NoError(b, err)
			}
			it.Stop()
		}
		rate(b)
	})
}

// BenchmarkCommit publishes records of 100 kB with and without decisions.
func BenchmarkCommit(b *testing.B) {
	for _, outs := range []int{0, 100, MaxOutputs} {
		b.Run(fmt.Sprint("outputs=", outs), func(b *testing.B) {
			h := newBench(b, Config{})
			pt := h.claim(0)
			delta := make([]byte, 100_000)
			for i := range delta {
				delta[i] = byte(i * i >> 7)
			}
			var before *Pending
			for i := range b.N {
				c := pt.CommitAsync(b.Context(), outputs(outs, "decision"), Record{Clock: int64(i), Lineages: deltaOf(delta)})
				if before != nil {
					_, err := before.Wait(b.Context())
					require.NoError(b, err)
				}
				before = c
			}
			_, err := before.Wait(b.Context())
			require.NoError(b, err)
			b.ReportMetric(float64(b.N)*float64(outs)/b.Elapsed().Seconds(), "decisions/s")
		})
	}
}
