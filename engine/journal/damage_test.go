package journal

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/natsd"
)

// harmed makes streams with events and a journal, lets harm change a block file
// of one of them while nothing runs, and opens them again.
func harmed(t *testing.T, stream string, harm func([]byte) []byte) *Journal {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	start := func() (*bench, func()) {
		srv, err := natsd.Start(natsd.Options{Dir: dir, NoListen: true, Durability: natsd.Process})
		require.NoError(t, err)
		b := &bench{t: t, srv: srv}
		b.nc, b.js, b.j = b.engine(Config{})
		return b, func() { require.NoError(t, srv.Stop(context.Background())) }
	}
	b, stop := start()
	for i := range 300 {
		_, err := b.js.Publish(t.Context(), EventSubject(i%4), fmt.Appendf(nil, "event %03d ........", i))
		require.NoError(t, err)
	}
	pt := b.claim(0)
	for i := range 30 {
		_, err := pt.Commit(t.Context(), outputs(10, fmt.Sprintf("decision %02d", i)), Record{Clock: int64(i)})
		require.NoError(t, err)
	}
	stop()
	files, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "*", "streams", stream, "msgs", "*.blk"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(files[0], harm(data), 0o600))
	b, stop = start()
	t.Cleanup(stop)
	return b.j
}

func TestLook(t *testing.T) {
	flip := func(text string) func([]byte) []byte {
		return func(b []byte) []byte {
			at := bytes.Index(b, []byte(text))
			require.Positive(t, at)
			b[at] ^= 1
			return b
		}
	}
	look := func(j *Journal, stream string, most uint64) Damage {
		d, err := j.Look(t.Context(), stream, most)
		require.NoError(t, err)
		return d
	}
	t.Run("nothing wrong", func(t *testing.T) {
		j := harmed(t, EventsStream, func(b []byte) []byte { return b })
		require.Equal(t, Damage{Looked: 300}, look(j, EventsStream, 0))
		require.Equal(t, Damage{Looked: 100}, look(j, EventsStream, 100))
		require.Equal(t, Damage{Looked: 331}, look(j, JournalStream, 0))
		require.False(t, look(j, JournalStream, 5).Any())
		_, err := j.js.Stream(t.Context(), EventsStream)
		require.NoError(t, err)
		require.NoError(t, j.records.Purge(t.Context()))
		require.Zero(t, look(j, JournalStream, 0))
	})
	t.Run("a byte of an event", func(t *testing.T) {
		j := harmed(t, EventsStream, flip("event 200"))
		require.Equal(t, Damage{Looked: 300, Unreadable: 1}, look(j, EventsStream, 0))
		require.False(t, look(j, EventsStream, 50).Any(), "it lies before")
		require.Equal(t, "1 messages cannot be read", look(j, EventsStream, 150).String())
	})
	t.Run("a byte of a decision", func(t *testing.T) {
		j := harmed(t, JournalStream, flip("decision 17"))
		require.Equal(t, Damage{Looked: 331, Unreadable: 1}, look(j, JournalStream, 0))
	})
	t.Run("the end of the events", func(t *testing.T) {
		j := harmed(t, EventsStream, func(b []byte) []byte { return b[:len(b)-200] })
		d := look(j, EventsStream, 0)
		require.Positive(t, d.Missing)
		require.Contains(t, d.String(), "messages are missing inside the stream")
	})
	t.Run("no stream", func(t *testing.T) {
		j := newBench(t, Config{}).j
		require.NoError(t, j.js.DeleteStream(t.Context(), JournalStream))
		_, err := j.Look(t.Context(), JournalStream, 0)
		require.ErrorContains(t, err, "stream not found")
		_, err = Open(t.Context(), j.js, Config{ReadOnly: true})
		require.ErrorIs(t, err, ErrStreams)
		require.ErrorContains(t, err, "RIPEN_EVENTS is there and RIPEN_JOURNAL is not")
	})
}

// A stream under work is not called damaged.
func TestLook_UnderWork(t *testing.T) {
	b := newBench(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			_, _ = b.js.Publish(ctx, RejectedSubject(0), []byte("x"))
			if i%50 == 49 {
				_ = b.j.records.Purge(ctx)
			}
		}
	}()
	for range 20 {
		d, err := b.j.Look(t.Context(), JournalStream, 0)
		require.NoError(t, err)
		require.False(t, d.Any(), d.String())
	}
	cancel()
	<-done
}
