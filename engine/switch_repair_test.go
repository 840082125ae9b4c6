package engine_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// A partition whose corrupt journal was purged is built again from its events:
// when it comes to the order that switches, the release has still to be built,
// while everything behind the order waits already.
func TestSwitch_AJournalIsMadeAgainAcrossASwitch(t *testing.T) {
	s := newStage(t, engine.Options{SnapshotEvery: -1}, 25, 15)
	s.downloads(0, 20, "2026-01-01T00:00:00Z")
	id := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory})
	s.downloads(0, 10, "2026-01-02T00:00:00Z")
	s.ready()
	s.order(lineage.Order{Op: lineage.Switch, Lineage: id})
	for range 3 {
		s.downloads(5, 25, "2026-01-03T00:00:00Z")
	}
	before := s.state()
	require.NoError(t, stopEngine(s.e))
	require.NoError(t, os.RemoveAll(filepath.Join(s.data, "state")))
	openStreams(t, s.data, func(js jetstream.JetStream) {
		stream, err := js.Stream(t.Context(), journal.JournalStream)
		require.NoError(t, err)
		for p := range s.opts.Partitions {
			require.NoError(t, stream.Purge(t.Context(), jetstream.WithPurgeSubject(journal.RecordSubject(p))))
		}
	})
	s.start()
	s.settled()
	assert.Equal(t, before, s.state())
	assert.Equal(t, "2 live", s.roles())
}
