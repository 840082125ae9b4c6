package engine_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/journal"
)

// A byte of a frame is changed in the middle or at the very beginning of the
// journal: the server takes what stands behind it for no messages, and may lose
// what it writes into the damaged file until it is started again. The engine
// that owns it settles that; it does not take its own loss for another engine.
func TestRun_GoesOnWhenTheServerHasCutTheJournalOff(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := playedWith(t, w, func(string) {})
	for name, part := range map[string]float64{"all of it": 0, "its end": 0.9} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
			damageJournal(t, dir, part)
			e := startEngine(t, engine.Options{Workflow: w, Data: dir, Clock: engine.ClockStream, Partitions: 2, Quiet: time.Hour})
			nc := anonymous(t, e)
			require.Eventually(t, func() bool { return e.Ready() == nil }, 20*time.Second, 10*time.Millisecond)
			send(t, nc, track("behind", "ann", "Demo Requested", "2026-06-01T00:00:00Z"))
			require.Eventually(t, func() bool { return e.Leads() == 21 }, 20*time.Second, 10*time.Millisecond)
			require.NoError(t, stopEngine(e))
			r := verify(t, w, dir)
			assert.Empty(t, texts(r))
			assert.Equal(t, 21, verifiedLeads(r), "none is lost")
		})
	}
}

// The records of a partition are purged while the engine runs, so that it is
// built again from its events, as `journal is corrupt` advises.
func TestRun_BuildsAPartitionAgainWhoseRecordsArePurged(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := played(t, w)
	e := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, Partitions: 2, Quiet: time.Hour})
	nc := anonymous(t, e)
	require.Eventually(t, func() bool { return e.Ready() == nil }, 20*time.Second, 10*time.Millisecond)
	for p := range 2 {
		require.NoError(t, e.PurgeRecords(t.Context(), p))
	}
	for i := range 20 { // of both partitions
		body := track(fmt.Sprint("behind-", i), fmt.Sprint("new-", i), "Demo Requested", "2026-06-01T00:00:00Z")
		require.Eventually(t, func() bool { // the server is started again meanwhile, and takes requests with it
			_, err := nc.Request(ingest.Subject, []byte(body), time.Second)
			return err == nil
		}, 20*time.Second, 10*time.Millisecond)
	}
	require.Eventually(t, func() bool { return e.Ready() == nil && e.Leads() == 40 }, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, stopEngine(e))
	r := verify(t, w, data)
	assert.Empty(t, texts(r))
	assert.Equal(t, 40, verifiedLeads(r))
}

func verifiedLeads(r *engine.VerifyReport) (n int) {
	for _, p := range r.Partitions {
		n += p.Leads
	}
	return n
}

// A byte of the files of the snapshots is changed: they are a convenience as long
// as the local store is whole, and the engine does not wait for what will not come.
func TestRun_DoesNotWaitForSnapshotsThatAreDamaged(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := playedWith(t, w, func(data string) {
		require.NoError(t, engine.SnapshotAndPurge(t.Context(), engine.Options{Data: data}))
	})
	rel := filepath.Join("jetstream", "jetstream", "RIPEN", "streams", "OBJ_"+journal.SnapshotBucket, "msgs", "1.blk")
	for _, at := range []func(size int) int{func(int) int { return 3 }, func(size int) int { return size / 2 }, func(size int) int { return size - 3 }} {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
		all, err := os.ReadFile(filepath.Join(dir, rel))
		require.NoError(t, err)
		all[at(len(all))] ^= 0x20
		require.NoError(t, os.WriteFile(filepath.Join(dir, rel), all, 0o600))
		e := startEngine(t, engine.Options{Workflow: w, Data: dir, Clock: engine.ClockStream, Partitions: 2, Quiet: time.Hour})
		require.Eventually(t, func() bool { return e.Ready() == nil && e.Leads() == 20 }, 20*time.Second, 10*time.Millisecond)
		require.NoError(t, stopEngine(e))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		_, err = engine.Verify(ctx, engine.Options{Workflow: w, Data: dir, Clock: engine.ClockStream}, engine.VerifyOptions{})
		cancel()
		require.NoError(t, err)
	}
}

// damageJournal changes the length of the message that stands behind a part of the
// journal's only file.
func damageJournal(t *testing.T, dir string, part float64) {
	t.Helper()
	var files []string
	require.NoError(t, filepath.WalkDir(dir, func(name string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(name, ".blk") && strings.Contains(name, journal.JournalStream) {
			files = append(files, name)
		}
		return err
	}))
	require.Len(t, files, 1)
	// As behind a power loss, in a folder that was restored: without what testifies.
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "state")))
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(files[0]), "index.db")))
	all, err := os.ReadFile(files[0])
	require.NoError(t, err)
	at := 0
	for float64(at) < part*float64(len(all)) {
		at += int(binary.LittleEndian.Uint32(all[at:]) &^ (1 << 31))
	}
	all[at] ^= 0x20
	require.NoError(t, os.WriteFile(files[0], all, 0o600))
}

// A byte of a decision's message is changed: who reads all decisions is told that
// one is missing.
func TestInspect_SaysWhenADecisionCannotBeRead(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := played(t, w)
	whole, err := engine.Inspect(t.Context(), engine.Options{Workflow: w, Data: data})
	require.NoError(t, err)
	defer whole.Close()
	assert.False(t, whole.Damaged)
	require.Greater(t, len(whole.Decisions), 2)
	flip(t, data, []byte(whole.Decisions[1].ID+`"`))
	s, err := engine.Inspect(t.Context(), engine.Options{Workflow: w, Data: data})
	require.NoError(t, err)
	defer s.Close()
	assert.True(t, s.Damaged)
	assert.Len(t, s.Decisions, len(whole.Decisions)-1)
	assert.Len(t, s.Leads(), len(whole.Leads()), "scores come from the records")
}
