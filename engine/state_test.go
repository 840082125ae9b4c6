package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/natsd"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
)

// logged is a log that can be asked what it says.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

func (l *logged) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Level: hclog.Debug, Output: l})
}

// stateBench runs engines over the demo stream, in chunks, on one data folder.
type stateBench struct {
	t      *testing.T
	o      engine.Options
	chunks []string
	e      *engine.Engine
	log    *logged
}

func newStateBench(t *testing.T, w *engine.Workflow, leads, chunks int) *stateBench {
	b := &stateBench{t: t, o: engine.Options{Workflow: w, Data: filepath.Join(t.TempDir(), "data"), Clock: engine.ClockStream, Quiet: time.Hour,
		Partitions: 2, Cache: 6, SnapshotEvery: 3 * time.Millisecond, Durability: natsd.Process}}
	lines := bytes.SplitAfter(demostream.Generate(1, demostream.Options{Leads: leads}), []byte("\n"))
	for i := range chunks {
		b.chunks = append(b.chunks, string(bytes.Join(lines[i*len(lines)/chunks:(i+1)*len(lines)/chunks], nil)))
	}
	return b
}

func (b *stateBench) start() {
	b.t.Helper()
	b.log = &logged{}
	o := b.o
	o.Logger = b.log.logger()
	b.e = startEngine(b.t, o)
}

func (b *stateBench) stop() {
	b.t.Helper()
	require.NoError(b.t, stopEngine(b.e))
}

// feed sends chunks and waits until they are scored.
func (b *stateBench) feed(chunks ...string) {
	b.t.Helper()
	nc := anonymous(b.t, b.e)
	defer nc.Close()
	for _, c := range chunks {
		lines := strings.SplitAfter(c, "\n")
		for len(lines) > 0 {
			n := min(len(lines), 100)
			send(b.t, nc, strings.Join(lines[:n], ""))
			lines = lines[n:]
		}
	}
	require.Eventually(b.t, func() bool { return b.e.Behind() == 0 }, 30*time.Second, 2*time.Millisecond)
}

// state is the folder of the local store.
func (b *stateBench) state() string { return filepath.Join(b.o.Data, "state") }

// swap puts a copy of a store in the place of the local one; "" is none.
func (b *stateBench) swap(from string) {
	b.t.Helper()
	require.NoError(b.t, os.RemoveAll(b.state()))
	if from != "" {
		require.NoError(b.t, os.CopyFS(b.state(), os.DirFS(from)))
	}
}

// backup copies the data folder, or puts a copy in its place.
func backup(t *testing.T, from, to string) {
	t.Helper()
	require.NoError(t, os.RemoveAll(to))
	require.NoError(t, os.CopyFS(to, os.DirFS(from)))
}

// verified computes the journal again from its events and compares all bytes,
// and gives the decisions by lead.
func (b *stateBench) verified() map[string]string {
	b.t.Helper()
	report, err := engine.Verify(b.t.Context(), b.o, engine.VerifyOptions{})
	require.NoError(b.t, err)
	require.Empty(b.t, report.Problems)
	s, err := engine.Inspect(b.t.Context(), b.o)
	require.NoError(b.t, err)
	defer s.Close()
	out := map[string]string{}
	for i := range s.Decisions {
		out[s.Decisions[i].Lead] += decided(b.t, &s.Decisions[i])
	}
	return out
}

func decided(t *testing.T, d *lead.Decision) string {
	text, err := json.Marshal(d)
	require.NoError(t, err)
	return string(text) + "\n"
}

// whole is what an engine with all leads in memory decides.
func (b *stateBench) whole() map[string]string {
	all := *b
	all.o.Data, all.o.Cache, all.o.SnapshotEvery = filepath.Join(b.t.TempDir(), "data"), -1, -1
	all.start()
	all.feed(b.chunks...)
	all.stop()
	return all.verified()
}

func TestState_ThreeLeadsInMemoryDecideLikeAll(t *testing.T) {
	b := newStateBench(t, openStarter(t, "letter-and-number"), usually(120), 4)
	b.o.Cache = 6 // of two partitions
	want := b.whole()
	require.Greater(t, len(want), 20)
	b.start()
	b.feed(b.chunks[0])
	b.stop()
	b.start()
	b.feed(b.chunks[1:]...)
	assert.Positive(t, b.log.count("checkpoint"), "they went on all the while")
	b.stop()
	require.Equal(t, want, b.verified())
}

func TestState_TimersOfColdLeadsFire(t *testing.T) {
	const leads = 300
	w, data := loadWorkflow(t, smallWorkflow), t.TempDir()
	o := engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, Quiet: time.Hour, Cache: 4, Partitions: 2}
	e := startEngine(t, o)
	nc := anonymous(t, e)
	var list []string
	for i := range leads {
		who := fmt.Sprint("lead", i)
		list = append(list, track(fmt.Sprint(i, "a"), who, "Guide Downloaded", "2026-01-01T10:00:00Z"), track(fmt.Sprint(i, "b"), who, "Guide Downloaded", "2026-01-01T11:00:00Z"))
	}
	send(t, nc, strings.Join(list, "\n"))
	require.NoError(t, stopEngine(e))
	e = startEngine(t, o)
	require.Eventually(t, func() bool { return e.Behind() == 0 }, 20*time.Second, 5*time.Millisecond)
	assert.Equal(t, leads, e.Leads(), "those on the disk are counted")
	nc = anonymous(t, e)
	for _, at := range []string{"2026-02-01T00:00:00Z", "2026-03-15T00:00:00Z", "2026-06-01T00:00:00Z"} {
		send(t, nc, tick(at))
	}
	require.Eventually(t, func() bool { return e.Behind() == 0 }, 20*time.Second, 5*time.Millisecond)
	require.NoError(t, stopEngine(e))
	s, err := engine.Inspect(t.Context(), o)
	require.NoError(t, err)
	defer s.Close()
	fired := map[string]int{}
	want, _ := time.Parse(time.RFC3339, "2026-03-02T11:00:00Z")
	for _, d := range s.Decisions {
		if d.Action == "investigate" {
			fired[d.Lead]++
			assert.Equal(t, want.UnixMilli(), d.Cause.At)
		}
	}
	require.Len(t, fired, leads)
	for who, n := range fired {
		assert.Equal(t, 1, n, who)
	}
}

// At random moments, most of them between the slices of a checkpoint, the store
// is copied as a kill would leave it. An engine that starts from any of the
// copies goes on as if nothing had been.
func TestState_AKillBetweenTheSlicesOfACheckpoint(t *testing.T) {
	b := newStateBench(t, openStarter(t, "letter-and-number"), usually(120), 12)
	b.o.Cache = 30
	want := b.whole()
	b.start()
	copies := []string{""}
	for i, c := range b.chunks[:11] {
		b.feed(c)
		if i%2 == 0 {
			to := filepath.Join(t.TempDir(), fmt.Sprint("copy", i))
			require.NoError(t, b.e.CopyStore(to))
			copies = append(copies, to)
		}
	}
	b.stop()
	before := filepath.Join(t.TempDir(), "before")
	backup(t, b.o.Data, before)
	for _, from := range copies {
		backup(t, before, b.o.Data)
		b.swap(from)
		b.start()
		b.feed(b.chunks[11])
		b.stop()
		require.Equal(t, want, b.verified(), "store %q", from)
	}
}

// A store that belongs to another past of the journal, or is ahead of what is
// left of it, is not used.
func TestState_AStoreThatTheJournalDoesNotKnow(t *testing.T) {
	b := newStateBench(t, openStarter(t, "letter-and-number"), usually(100), 4)
	want := b.whole()
	early, late := filepath.Join(t.TempDir(), "early"), filepath.Join(t.TempDir(), "late")
	b.start()
	b.feed(b.chunks[0])
	b.stop()
	backup(t, b.o.Data, early)
	b.start()
	b.feed(b.chunks[1:3]...)
	b.stop()
	backup(t, b.o.Data, late)

	t.Run("older than the journal", func(t *testing.T) {
		b.t = t
		b.swap(filepath.Join(early, "state"))
		b.start()
		b.feed(b.chunks[3])
		b.stop()
		require.Equal(t, want, b.verified())
	})
	t.Run("newer than the journal", func(t *testing.T) {
		b.t = t
		backup(t, early, b.o.Data)
		b.swap(filepath.Join(late, "state"))
		b.start()
		b.feed(b.chunks[1:]...)
		assert.Positive(t, b.log.count("made anew"))
		b.stop()
		require.Equal(t, want, b.verified())
	})
	t.Run("of another journal", func(t *testing.T) {
		b.t = t
		other := newStateBench(t, b.o.Workflow, usually(100), 3)
		other.start()
		other.feed(b.chunks[3])
		other.feed(other.chunks...)
		other.stop()
		backup(t, late, b.o.Data)
		b.swap(other.state())
		b.start()
		b.feed(b.chunks[3])
		assert.Positive(t, b.log.count("made anew"))
		b.stop()
		require.Equal(t, want, b.verified())
	})
}

// stored opens the streams of a stopped engine.
func (b *stateBench) stored(fn func(ctx context.Context, js jetstream.JetStream, j *journal.Journal)) {
	b.t.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: b.o.Data, Port: -1, Durability: natsd.Process})
	require.NoError(b.t, err)
	defer func() { require.NoError(b.t, srv.Stop(context.Background())) }()
	nc, err := srv.Connect("test")
	require.NoError(b.t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(b.t, err)
	j, err := journal.Open(b.t.Context(), js, journal.Config{ReadOnly: true})
	require.NoError(b.t, err)
	fn(b.t.Context(), js, j)
}

// On a new machine there is no store: the newest good snapshot and the journal
// behind it are the state. Older records are purged by then.
func TestState_ASnapshotAndTheTail(t *testing.T) {
	b := newStateBench(t, openStarter(t, "letter-and-number"), usually(120), 8)
	want := b.whole()
	b.start()
	for _, c := range b.chunks[:7] {
		b.feed(c)
		time.Sleep(50 * time.Millisecond)
	}
	require.Eventually(t, func() bool { return b.log.count("journal purged") > 4 }, 10*time.Second, 10*time.Millisecond)
	b.stop()
	purged := 0
	b.stored(func(ctx context.Context, _ jetstream.JetStream, j *journal.Journal) {
		for p := range 2 {
			list, err := j.Snapshots(ctx, p)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, len(list), 2, "two are kept")
			assert.LessOrEqual(t, len(list), 3, "and one that was written when the engine ended")
			if err := j.Records(ctx, p, func(journal.Record) error { return nil }); err != nil {
				require.ErrorIs(t, err, journal.ErrBeginning)
				purged++
			}
		}
	})
	assert.Equal(t, 2, purged, "records below the older snapshot are gone")
	before := filepath.Join(t.TempDir(), "before")
	backup(t, b.o.Data, before)
	goOn := func(t *testing.T) {
		b.t = t
		b.swap("")
		b.start()
		b.feed(b.chunks[7])
	}
	t.Run("good", func(t *testing.T) {
		goOn(t)
		assert.Equal(t, 2, b.log.count("from=snapshot"))
		b.stop()
		require.Equal(t, want, b.verified())
	})
	t.Run("newest damaged", func(t *testing.T) {
		b.t = t
		backup(t, before, b.o.Data)
		b.stored(func(ctx context.Context, js jetstream.JetStream, j *journal.Journal) { damage(t, ctx, js, j, 1) })
		goOn(t)
		assert.Equal(t, 2, b.log.count("from=snapshot"))
		assert.Equal(t, 2, b.log.count("a snapshot is damaged"))
		b.stop()
		require.Equal(t, want, b.verified())
	})
	t.Run("all damaged", func(t *testing.T) {
		b.t = t
		backup(t, before, b.o.Data)
		b.stored(func(ctx context.Context, js jetstream.JetStream, j *journal.Journal) { damage(t, ctx, js, j, 9) })
		b.swap("")
		b.start()
		require.Eventually(t, func() bool { return b.log.count("begins with record") == 2 }, 10*time.Second, 10*time.Millisecond)
		assert.Equal(t, 2, b.log.count("purge the subject ripen.j."), "says what to do")
		require.Error(t, b.e.Ready())
		_ = stopEngine(b.e)
	})
}

// damage spoils the newest n snapshots of both partitions, or all.
func damage(t *testing.T, ctx context.Context, js jetstream.JetStream, j *journal.Journal, n int) {
	obs, err := js.ObjectStore(ctx, journal.SnapshotBucket)
	require.NoError(t, err)
	for p := range 2 {
		list, err := j.Snapshots(ctx, p)
		require.NoError(t, err)
		all, err := obs.List(ctx)
		require.NoError(t, err)
		for _, s := range list[:min(n, len(list))] {
			for _, o := range all {
				if strings.HasPrefix(o.Name, s.Name+".") {
					_, err = obs.PutBytes(ctx, o.Name, []byte("spoiled"))
					require.NoError(t, err)
				}
			}
		}
	}
}

// A store that is damaged under a running engine is replaced; nobody has to
// start anything.
func TestState_DamageWhileItRuns(t *testing.T) {
	b := newStateBench(t, openStarter(t, "letter-and-number"), usually(100), 3)
	want := b.whole()
	b.o.SnapshotEvery = -1
	b.start()
	b.feed(b.chunks[0])
	b.stop()
	b.start()
	require.Eventually(t, func() bool { return b.e.Behind() == 0 }, 10*time.Second, 2*time.Millisecond)
	require.NoError(t, b.e.DamageStore())
	b.feed(b.chunks[1])
	assert.Positive(t, b.log.count("a new one is made"))
	require.NoError(t, b.e.Ready())
	b.stop()
	b.start()
	b.feed(b.chunks[2])
	b.stop()
	require.Equal(t, want, b.verified())
}

func TestState_TwoEnginesInOneFolder(t *testing.T) {
	url, w, dir := openServer(t), loadWorkflow(t, smallWorkflow), t.TempDir()
	startEngine(t, engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream, State: dir})
	_, err := engine.New(t.Context(), engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream, State: dir})
	require.ErrorContains(t, err, "another engine uses this folder")
	require.ErrorContains(t, err, "--state")
}
