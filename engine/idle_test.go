package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
)

// one sends an event of a lead of its own to a partition.
func (s *stage) one(partition int) {
	s.t.Helper()
	s.sent++
	who := inPartition(partition, s.opts.Partitions, fmt.Sprint("lead", s.sent))
	send(s.t, s.nc, track(fmt.Sprint("e", s.sent), who, "Demo Requested", "2026-01-02T00:00:00Z"))
}

// age lets all events be gone while no engine runs, as by age.
func (s *stage) age(before func(js jetstream.JetStream)) {
	s.t.Helper()
	openStreams(s.t, s.data, func(js jetstream.JetStream) {
		before(js)
		stream, err := js.Stream(s.t.Context(), journal.EventsStream)
		require.NoError(s.t, err)
		require.NoError(s.t, stream.Purge(s.t.Context()))
	})
}

// A partition that had nothing to read goes on after a stop for longer than
// events are kept: nothing of its own was lost. Both orderly and behind a kill.
func TestIdle_PartitionOutlivesHistory(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2}, 25)
	s.one(1)
	for range 20 {
		s.one(0)
	}
	s.settled()
	for _, kill := range []bool{false, true} {
		if kill {
			s.one(0)
			s.settled()
			require.NoError(t, s.e.Advance(t.Context()))
			s.crash()
		} else {
			require.NoError(t, stopEngine(s.e))
		}
		s.age(func(jetstream.JetStream) {})
		s.start()
		s.one(1)
		s.one(0)
		s.settled()
	}
	assert.Equal(t, 20+1+1+2+2, many(s.decisions(), "sales-handoff"))
	r := s.verify()
	assert.Empty(t, texts(r))
}

// What a partition moved on over is verified, and it moves on over nothing of
// its own.
func TestIdle_PositionsAreVerified(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2}, 25)
	for i := range 30 {
		s.one(i % 2 * (i / 10 % 2)) // sometimes for both, sometimes for one alone
		if i%4 == 0 {
			require.NoError(t, s.e.Advance(t.Context()))
		}
	}
	s.settled()
	require.NoError(t, s.e.Advance(t.Context()))
	for n := range 2 {
		assert.EqualValues(t, s.end()+1, s.position(n), "partition %d", n)
	}
	s.verified()
	s.restart()
	s.one(0)
	s.one(1)
	s.settled()
	assert.Equal(t, 32, many(s.decisions(), "sales-handoff"))
	s.verified()
}

// An event that was never read, and is gone, is told as before.
func TestIdle_LostEventsAreTold(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2}, 25)
	s.one(1)
	s.one(0)
	s.settled()
	require.NoError(t, stopEngine(s.e))
	s.age(func(js jetstream.JetStream) {
		for n := range 2 {
			_, err := js.Publish(t.Context(), journal.EventSubject(n), []byte(track(fmt.Sprint("lost", n), inPartition(n, 2, "lost"), "Demo Requested", "2026-01-02T00:00:00Z")))
			require.NoError(t, err)
		}
	})
	s.e = startEngine(t, s.opts)
	select {
	case <-s.e.Done():
		require.ErrorIs(t, s.e.Err(), journal.ErrRetention)
	case <-time.After(10 * time.Second):
		t.Fatal("the engine goes on")
	}
}

// A power loss without synced writes may take the message that a position was
// moved behind: the position goes back, and what comes then is read.
func TestIdle_PositionGoesBackWithTheStream(t *testing.T) {
	log := &lockedText{}
	s := newStage(t, engine.Options{Partitions: 2, Logger: hclog.New(&hclog.LoggerOptions{Output: log})}, 25)
	s.one(1)
	s.one(0)
	s.settled()
	require.NoError(t, s.e.Advance(t.Context()))
	require.EqualValues(t, s.end()+1, s.position(1))
	require.NoError(t, stopEngine(s.e))
	openStreams(t, s.data, func(js jetstream.JetStream) {
		stream, err := js.Stream(t.Context(), journal.EventsStream)
		require.NoError(t, err)
		last := stream.CachedInfo().State.LastSeq
		require.NoError(t, stream.DeleteMsg(t.Context(), last)) // the one that the record names
	})
	s.start()
	assert.Contains(t, log.String(), "events behind the recorded position are missing, reading again", "it can no longer be told whether the stream is the one that was read")
	s.one(1)
	s.settled()
	assert.Equal(t, 3, many(s.decisions(), "sales-handoff"))
}
