package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/journal"
)

// commitMarks are in the last message of an atomic batch of partition 0.
var commitMarks = []string{"ripen.j.0", "Nats-Batch-Commit"}

// producer is a client of the server, past every wire.
func (s *site) producer(w *wire) *nats.Conn {
	s.t.Helper()
	nc, err := w.srv.Connect("producer")
	require.NoError(s.t, err)
	s.t.Cleanup(nc.Close)
	return nc
}

// An owner stands still with a commit on its lips, another takes over, and the
// first one moves again: its commit fails, and its decisions with it.
func TestFault_Zombie(t *testing.T) {
	s := newSite(t, engine.Options{Tick: 200 * time.Millisecond})
	srv := s.serve()
	a, b := newWire(srv), newWire(srv)
	first := s.over(a)
	nc := s.producer(a)
	s.store(nc, s.events(5)...)
	s.scored(nc)

	a.when(chill, commitMarks...)
	s.store(nc, s.fresh(20)...)
	require.Eventually(t, func() bool { return a.hits() == 1 }, 10*time.Second, time.Millisecond, "the commit was on its way")
	before := len(messages(t, nc, journal.JournalStream, "ripen.out.>"))
	second := s.over(b)
	s.scored(nc)
	after := len(messages(t, nc, journal.JournalStream, "ripen.out.>"))
	require.Greater(t, after, before, "the heir decides what the zombie could not")

	a.let()
	s.store(nc, s.events(3)...)
	s.scored(nc)
	time.Sleep(300 * time.Millisecond) // for the zombie to make trouble, if it can
	select {
	case <-first.Done():
		require.ErrorIs(t, first.Err(), journal.ErrFenced)
	default: // it lives on without the partition
	}
	epochs := map[uint64]bool{}
	for _, r := range s.records(nc, 0) {
		assert.False(t, r.Kind == journal.KindCommit && epochs[r.Epoch+1], "a commit of epoch %d behind the claim of the next", r.Epoch)
		epochs[r.Epoch] = true
	}
	require.GreaterOrEqual(t, len(epochs), 2)
	s.shutdown(srv, first, second)
	s.check(false)
}

// The commit is stored and its answer is lost: what became of it is read, not
// guessed.
func TestFault_LostAck(t *testing.T) {
	for name, marks := range map[string][]string{"batch": commitMarks, "single record": {"PUB ripen.j.0"}} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, engine.Options{Tick: time.Hour})
			srv := s.serve()
			w := newWire(srv)
			e := s.over(w)
			nc := s.producer(w)
			again := s.events(1)[0]
			s.store(nc, again)
			s.scored(nc)
			for range 3 {
				w.when(deaf, marks...)
				before := w.hits()
				if name == "batch" {
					s.store(nc, s.fresh(12)...)
				} else {
					s.store(nc, again) // known: only the position moves
				}
				require.Eventually(t, func() bool { return w.hits() > before }, 10*time.Second, time.Millisecond)
				time.Sleep(50 * time.Millisecond) // the server stores it, nobody hears of it
				w.let()
				w.cut()
				s.scored(nc)
			}
			s.shutdown(srv, e)
			require.Positive(t, s.check(false))
		})
	}
}

// The connection ends in the middle of an atomic batch: nothing of it is
// stored, and it is tried again.
func TestFault_DisconnectInsideABatch(t *testing.T) {
	s := newSite(t, engine.Options{Tick: time.Hour})
	srv := s.serve()
	w := newWire(srv)
	e := s.over(w)
	nc := s.producer(w)
	for i := range 3 {
		w.when(halve, "Nats-Batch-Sequence", "ripen.out.")
		s.store(nc, s.fresh(30)...)
		s.scored(nc)
		require.Equal(t, i+1, w.hits())
	}
	s.shutdown(srv, e)
	require.GreaterOrEqual(t, s.check(false), 90)
}

// The server is restarted while a commit is on its way to it.
func TestFault_ServerRestartedMidCommit(t *testing.T) {
	s := newSite(t, engine.Options{Tick: time.Hour})
	srv := s.serve()
	w := newWire(srv)
	e := s.over(w)
	nc := s.producer(w)
	for i := range 4 {
		w.when(pass, commitMarks...)
		s.store(nc, s.fresh(25)...)
		require.Eventually(t, func() bool { return w.hits() == i+1 }, 20*time.Second, 100*time.Microsecond)
		require.NoError(t, srv.Restart())
		s.scored(nc)
	}
	s.shutdown(srv, e)
	require.GreaterOrEqual(t, s.check(false), 100)
}

// A producer sends an event again three days later, with restarts in between:
// it counts once. Behind the horizon it is refused, with the reason.
func TestFault_RetryThreeDaysLater(t *testing.T) {
	now := time.Now()
	s := newSite(t, engine.Options{Tick: 50 * time.Millisecond})
	s.opts.Now = func() int64 { return now.UnixMilli() }
	old := event("once", "ann", "Seen", now)
	for i := range 4 {
		e := s.start()
		nc := e.Conn()
		s.send(nc, old, event(fmt.Sprint("other-", i), "ann", "Seen", now))
		s.scored(nc)
		require.NoError(t, stop(e))
		now = now.Add(day)
	}
	require.Positive(t, s.check(false))
	count := 0
	for _, d := range s.decisions() {
		if d.Cause.Event == "once" {
			count++
		}
	}
	require.Equal(t, 1, count, "the event decided once")

	now = now.Add(30 * day)
	e := s.start()
	a, err := ask(e.Conn(), old)
	require.NoError(t, err)
	require.Len(t, a.Rejected, 1)
	assert.Equal(t, "too-old", a.Rejected[0].Code)
	assert.Contains(t, a.Rejected[0].Reason, "30 days")
	require.NoError(t, stop(e))
}

// The events stream is full: producers get an error that says when to try
// again, and control messages still pass.
func TestFault_StreamFull(t *testing.T) {
	s := newSite(t, engine.Options{Tick: 50 * time.Millisecond, MaxBytes: 200_000})
	e := s.start()
	nc := e.Conn()
	var full *ingest.Failure
	require.Eventually(t, func() bool {
		a, err := ask(nc, s.events(100)...)
		require.NoError(t, err)
		full = a.Error
		return full != nil
	}, 30*time.Second, 5*time.Millisecond)
	assert.Equal(t, ingest.CodeStreamFull, full.Code)
	assert.Positive(t, full.RetryAfter)
	assert.Contains(t, full.Reason, "max_bytes")
	ticks := len(messages(t, nc, journal.EventsStream, journal.ControlSubject))
	require.Eventually(t, func() bool { return len(messages(t, nc, journal.EventsStream, journal.ControlSubject)) > ticks+3 }, 10*time.Second, 20*time.Millisecond, "time goes on")
	s.scored(nc)
	require.NoError(t, stop(e))
	s.check(false)
}

// A byte of a record is changed, or a record is missing: its partition stops
// and says why and what to do, the others go on; after the repair that it names
// everything comes again under the same ids.
func TestFault_CorruptRecord(t *testing.T) {
	for _, how := range []string{"changed", "missing"} {
		t.Run(how, func(t *testing.T) {
			s := newSite(t, engine.Options{Partitions: 2, Tick: time.Hour})
			e := s.start()
			for range 6 {
				s.send(e.Conn(), s.fresh(6)...)
				s.scored(e.Conn())
			}
			require.NoError(t, stop(e))
			before := s.decisionIDs()
			s.damage(how)

			_, err := s.report()
			require.ErrorContains(t, err, "corrupt", "`ripen journal verify` reads all of it")
			// A start reads only what its local store does not know.
			require.NoError(t, os.RemoveAll(filepath.Join(s.data, "state")))
			e = s.start()
			require.Eventually(t, func() bool {
				said := e.Ready()
				return said != nil && strings.Contains(said.Error(), "partition 0") && strings.Contains(said.Error(), "purge the subject ripen.j.0")
			}, 20*time.Second, 10*time.Millisecond, "the engine says what is wrong and what to do: %v", e.Ready())
			other := s.ofPartition(1, 5)
			s.send(e.Conn(), other...)
			require.Eventually(t, func() bool { return e.Committed() >= 5 }, 20*time.Second, 10*time.Millisecond, "the other partition goes on")
			require.NoError(t, stop(e))

			srv := s.serve()
			nc, js := s.admin(srv)
			stream, err := js.Stream(t.Context(), journal.JournalStream)
			require.NoError(t, err)
			require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeSubject(journal.RecordSubject(0))))
			nc.Close()
			require.NoError(t, srv.Stop(t.Context()))
			e = s.start()
			s.scored(e.Conn())
			require.NoError(t, e.Ready())
			require.NoError(t, stop(e))
			after := s.decisionIDs()
			for id := range before {
				assert.Contains(t, after, id)
			}
			assert.Len(t, after, len(before)+len(other))
			s.check(true)
		})
	}
}
