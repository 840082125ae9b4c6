package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
)

// A lineage ends while a checkpoint that names it is on its way, and the process
// is killed later: what the store has of it may not be enough for the records
// that still speak of it. The store is copied as a kill at many instants would
// leave it, and an engine starts from each of the copies.
func TestSwitch_ALineageEndsInACheckpoint(t *testing.T) {
	const leads = 4500 // several slices of a checkpoint
	s := newStage(t, engine.Options{Partitions: 1}, 25, 15)
	s.downloads(0, leads, "2026-01-01T00:00:00Z")
	id := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory})
	var copies []string
	kill := func() {
		to := filepath.Join(t.TempDir(), "state")
		require.NoError(t, s.e.CopyStore(to))
		copies = append(copies, to)
	}
	s.downloads(leads-40, leads, "2026-01-02T00:00:00Z")
	kill()
	s.order(lineage.Order{Op: lineage.Stop, Lineage: id})
	kill()
	for i := range 6 {
		s.downloads(0, 10, fmt.Sprintf("2026-01-0%dT00:00:00Z", i+3))
		kill()
	}
	want := s.state()
	for i, from := range copies {
		require.NoError(t, stopEngine(s.e))
		store := filepath.Join(s.data, "state")
		require.NoError(t, os.RemoveAll(store))
		require.NoError(t, os.Rename(from, store))
		s.start()
		require.Eventually(t, func() bool { return s.e.Behind() == 0 }, 20*time.Second, time.Millisecond, "copy %d", i)
		require.Equal(t, "1 live", s.roles())
		require.Equal(t, want, s.state(), "copy %d", i)
	}
	s.verified()
}
