package engine_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/natsd"
)

// played is a data folder that an engine filled in several runs.
func played(t *testing.T, w *engine.Workflow) string {
	t.Helper()
	return playedWith(t, w, func(string) {})
}

// playedWith is played, with something done to the folder after each run.
func playedWith(t *testing.T, w *engine.Workflow, between func(data string)) string {
	t.Helper()
	data := t.TempDir()
	n := 0
	for day := range 4 {
		e := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, Partitions: 2})
		nc := anonymous(t, e)
		for hour := range 12 {
			var lines []string
			for who := range 20 {
				n++
				name := []string{"Guide Downloaded", "Demo Requested", "Email Opened"}[(who+hour)%3]
				lines = append(lines, track(fmt.Sprint(n), fmt.Sprintf("lead-%d", who), name, fmt.Sprintf("2026-01-%02dT%02d:00:00Z", 1+20*day%28, hour)))
			}
			lines = append(lines, track("again", "lead-1", "Guide Downloaded", "2026-01-01T00:00:00Z"), "{no event}")
			send(t, nc, strings.Join(lines, "\n"))
		}
		send(t, nc, tick(fmt.Sprintf("2026-0%d-01T00:00:00Z", 2+day)))
		total := int64(20 * 12)
		if day == 0 {
			total++
		}
		require.Eventually(t, func() bool { return e.Committed() == total }, 20*time.Second, time.Millisecond)
		require.NoError(t, stopEngine(e))
		between(data)
	}
	return data
}

func verify(t *testing.T, w *engine.Workflow, data string) *engine.VerifyReport {
	t.Helper()
	r, err := engine.Verify(t.Context(), engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream}, engine.VerifyOptions{})
	require.NoError(t, err)
	return r
}

func texts(r *engine.VerifyReport) (list []string) {
	for i := range r.Problems {
		list = append(list, r.Problems[i].String())
	}
	return list
}

func TestVerify_AJournalIsWhatItsInputsMake(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := played(t, w)
	r := verify(t, w, data)
	assert.Empty(t, texts(r))
	leads, decisions, inputs := 0, 0, 0
	for _, p := range r.Partitions {
		leads, decisions, inputs = leads+p.Leads, decisions+p.Decisions, inputs+p.Inputs
		assert.Zero(t, p.Adopted)
		assert.Empty(t, p.Notes)
		assert.Greater(t, p.Computed, uint64(4))
	}
	assert.Equal(t, 20, leads)
	assert.Greater(t, decisions, 40)
	assert.Greater(t, inputs, 4*12*20)

	// However few leads fit into memory.
	few, err := engine.Verify(t.Context(), engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream}, engine.VerifyOptions{Cache: 2})
	require.NoError(t, err)
	assert.Equal(t, r, few)

	// Also while an engine runs on the folder.
	e := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, Partitions: 2})
	send(t, anonymous(t, e), track("new", "ann", "Demo Requested", "2026-06-01T00:00:00Z"))
	r = verify(t, w, data)
	assert.Empty(t, texts(r))
}

// openStreams gives the streams of a folder on which no engine runs.
func openStreams(t testing.TB, data string, fn func(jetstream.JetStream)) {
	t.Helper()
	s, err := natsd.Start(natsd.Options{Dir: data, NoListen: true})
	require.NoError(t, err)
	nc, err := s.Connect("test")
	require.NoError(t, err)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	fn(js)
	nc.Close()
	require.NoError(t, s.Stop(context.Background()))
}

// records are the messages of a partition's journal.
func records(t *testing.T, js jetstream.JetStream, subject string) (list []*jetstream.RawStreamMsg) {
	t.Helper()
	s, err := js.Stream(t.Context(), journal.JournalStream)
	require.NoError(t, err)
	for seq := s.CachedInfo().State.FirstSeq; seq <= s.CachedInfo().State.LastSeq; seq++ {
		if m, err := s.GetMsg(t.Context(), seq); err == nil && m.Subject == subject {
			list = append(list, m)
		}
	}
	return list
}

// One byte of a journal record is changed on disk: at the beginning, in the
// middle and in the last one.
func TestVerify_FindsAByteChangedOnDisk(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := played(t, w)
	for name, pick := range map[string]func(n int) int{"first": func(int) int { return 0 }, "middle": func(n int) int { return n / 2 }, "last": func(n int) int { return n - 1 }} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
			var target *jetstream.RawStreamMsg
			openStreams(t, dir, func(js jetstream.JetStream) {
				list := records(t, js, journal.RecordSubject(1))
				target = list[pick(len(list))]
			})
			flip(t, dir, target.Data)
			r := verify(t, w, dir)
			require.NotEmpty(t, r.Problems)
			assert.Contains(t, texts(r)[0], fmt.Sprint(target.Sequence))
			t.Log(texts(r)[0])
		})
	}
}

// flip changes one byte of a message in the files of the journal's stream.
func flip(t *testing.T, dir string, payload []byte) {
	t.Helper()
	flipAt(t, dir, payload, len(payload)*2/3)
}

// flipAt changes the byte that stands so far behind the beginning of a message's
// payload; in front of that stand its frame and its subject.
func flipAt(t *testing.T, dir string, payload []byte, off int) {
	t.Helper()
	found := false
	require.NoError(t, filepath.Walk(dir, func(name string, info os.FileInfo, err error) error {
		if err != nil || !strings.HasSuffix(name, ".blk") || !strings.Contains(name, journal.JournalStream) {
			return err
		}
		all, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if at := bytes.Index(all, payload); at >= 0 {
			all[at+off] ^= 0x20
			found = true
			return os.WriteFile(name, all, 0o600)
		}
		return nil
	}))
	require.True(t, found, "the record is in a file")
}

// Whatever byte of a record is changed, be it one of the frame that the server
// has around it: then the server cuts the stream off in front of it, and what is
// left is whole in itself. Of the very last message of the stream, which is a
// record of one of the partitions, the server forgets the bytes and keeps the number.
func TestVerify_FindsAnyByte(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := played(t, w)
	lists := make([][]*jetstream.RawStreamMsg, 2)
	openStreams(t, data, func(js jetstream.JetStream) {
		for p := range lists {
			lists[p] = records(t, js, journal.RecordSubject(p))
		}
	})
	last := func(p int) *jetstream.RawStreamMsg { return lists[p][len(lists[p])-1] }
	for _, c := range []struct {
		rec  *jetstream.RawStreamMsg
		offs []int // behind the beginning of the payload; those from len(payload) on are of the checksum
	}{
		{lists[1][len(lists[1])/2], []int{-32, -8, 0, len(lists[1][len(lists[1])/2].Data) + 7}},
		{last(0), []int{-32, -31, -28, -20, -8, 0, len(last(0).Data) - 1, len(last(0).Data) + 7}},
		{last(1), []int{-32, -31, -28, -20, -8, 0, len(last(1).Data) - 1, len(last(1).Data) + 7}},
	} {
		for i := range 2 * len(c.offs) {
			dir, off := t.TempDir(), c.offs[i/2]
			require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
			if i%2 == 1 { // as behind a kill, in a folder that was restored: nothing testifies
				bare(t, dir)
			}
			flipAt(t, dir, c.rec.Data, off)
			require.NotEmpty(t, verify(t, w, dir).Problems, "byte %d of the record at sequence %d", off, c.rec.Sequence)
			if off < 0 { // the doctor does not run the inputs again, but it sees that the end is gone
				require.Contains(t, fmt.Sprint(engine.Doctor(t.Context(), engine.Options{Data: dir}, nil)), " "+string(engine.Failing)+" ", "byte %d of the record at sequence %d", off, c.rec.Sequence)
			}
		}
	}
}

// bare takes away what testifies to the end of the journal: the local store, the
// snapshots and the server's index.
func bare(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "state")))
	streams := filepath.Join(dir, "jetstream", "jetstream", "RIPEN", "streams")
	require.NoError(t, os.RemoveAll(filepath.Join(streams, "OBJ_RIPEN_SNAPSHOTS")))
	require.NoError(t, os.Remove(filepath.Join(streams, journal.JournalStream, "msgs", "index.db")))
}

// A decision that is gone, and a record that somebody else wrote.
func TestVerify_FindsWhatNoInputMakes(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := played(t, w)
	t.Run("a decision is gone", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
		var id string
		openStreams(t, dir, func(js jetstream.JetStream) {
			list := records(t, js, journal.DecisionSubject("small", "sales-handoff"))
			id = list[3].Header.Get("ce-id")
			s, err := js.Stream(t.Context(), journal.JournalStream)
			require.NoError(t, err)
			require.NoError(t, s.DeleteMsg(t.Context(), list[3].Sequence))
		})
		r := verify(t, w, dir)
		require.Len(t, r.Problems, 1)
		assert.Equal(t, "decision", r.Problems[0].Kind)
		assert.Equal(t, id, r.Problems[0].ID)
		assert.Contains(t, texts(r)[0], "is missing (sales-handoff)")
	})
	t.Run("a decision is written over", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
		openStreams(t, dir, func(js jetstream.JetStream) {
			_, err := js.Publish(t.Context(), journal.DecisionSubject("small", "sales-handoff"), []byte(`{"id":"made-up","lead":"lead-1"}`))
			require.NoError(t, err)
		})
		r := verify(t, w, dir)
		require.Len(t, r.Problems, 1)
		assert.Contains(t, texts(r)[0], "decision made-up: belongs to no record")
	})
	t.Run("a record forgets an event", func(t *testing.T) {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(data)))
		openStreams(t, dir, func(js jetstream.JetStream) { forge(t, js) })
		r := verify(t, w, dir)
		require.NotEmpty(t, r.Problems)
		assert.Contains(t, strings.Join(texts(r), "\n"), `lead "zoe": is not in the journal; its inputs make it`)
		assert.Contains(t, strings.Join(texts(r), "\n"), "is missing (sales-handoff)")
	})
}

// forge writes an event and a sound record that says it changed nothing.
func forge(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	j, err := journal.Open(t.Context(), js, journal.Config{ReadOnly: true})
	require.NoError(t, err)
	part := lead.Partition("zoe", j.Partitions())
	data := []byte(track("z", "zoe", "Demo Requested", "2026-06-01T00:00:00Z"))
	ack, err := js.Publish(t.Context(), journal.EventSubject(part), data)
	require.NoError(t, err)
	pt, err := j.Claim(t.Context(), part)
	require.NoError(t, err)
	c := pt.Claimed()
	_, err = pt.Commit(t.Context(), nil, journal.Record{Pos: journal.Position{Seq: ack.Sequence + 1}, InputSeq: ack.Sequence, InputHash: journal.HashInput(data),
		Clock: c.Clock, Lineages: c.Lineages})
	require.NoError(t, err)
}

// The repair of a partition whose journal is corrupt: its records are purged,
// and the engine builds it again from its events. The same decisions come again.
func TestVerify_AfterARepair(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := played(t, w)
	openStreams(t, data, func(js jetstream.JetStream) {
		s, err := js.Stream(t.Context(), journal.JournalStream)
		require.NoError(t, err)
		require.NoError(t, s.Purge(t.Context(), jetstream.WithPurgeSubject(journal.RecordSubject(1))))
	})
	e := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, Partitions: 2, Quiet: time.Hour})
	require.Eventually(t, func() bool { return e.Ready() == nil && e.Committed() > 400 }, 20*time.Second, 10*time.Millisecond)
	send(t, anonymous(t, e), tick("2026-05-02T00:00:00Z"))
	require.Eventually(t, func() bool { return len(verify(t, w, data).Problems) == 0 }, 20*time.Second, 100*time.Millisecond)
	require.NoError(t, stopEngine(e))
	r := verify(t, w, data)
	assert.Empty(t, texts(r))
	assert.Contains(t, strings.Join(r.Partitions[1].Notes, "\n"), "the decisions of before came again, the same")
}

// Records that snapshots made needless are purged: verified from the older
// snapshot on, and a change behind it is found.
func TestVerify_FromASnapshotOn(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	data := playedWith(t, w, func(data string) {
		require.NoError(t, engine.SnapshotAndPurge(t.Context(), engine.Options{Data: data}))
	})
	r := verify(t, w, data)
	assert.Empty(t, texts(r))
	for _, p := range r.Partitions {
		require.Len(t, p.Notes, 1)
		assert.Contains(t, p.Notes[0], "older records are purged: verified from the snapshot of record ")
		assert.Greater(t, p.From, uint64(1))
		assert.Positive(t, p.Computed)
		assert.Positive(t, p.Decisions)
	}
	few, err := engine.Verify(t.Context(), engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream}, engine.VerifyOptions{Cache: 2})
	require.NoError(t, err)
	assert.Empty(t, texts(few))

	openStreams(t, data, func(js jetstream.JetStream) { forge(t, js) })
	assert.Contains(t, strings.Join(texts(verify(t, w, data)), "\n"), `lead "zoe": is not in the journal`)

	to, dir := filepath.Join(t.TempDir(), "to"), filepath.Join(t.TempDir(), "backup")
	b, err := engine.BackUp(t.Context(), engine.Options{Data: data}, dir, nil)
	require.NoError(t, err)
	at := func(name string) int {
		return slices.IndexFunc(b.Streams, func(s engine.BackupStream) bool { return s.Name == name })
	}
	assert.Less(t, at("OBJ_RIPEN_SNAPSHOTS"), at("RIPEN_JOURNAL"))
	assert.Less(t, at("RIPEN_JOURNAL"), at("RIPEN_EVENTS"))
	_, err = engine.Restore(t.Context(), engine.Options{Data: to}, dir, nil)
	require.NoError(t, err)
	assert.Equal(t, verify(t, w, data), verify(t, w, to))
}
