package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
)

// number reads a number from the environment. Where everything takes long the
// usual one is smaller.
func number(t testing.TB, name string, usual int) int {
	t.Helper()
	s := os.Getenv(name)
	if s == "" && (raceDetector || testing.Short()) {
		return (usual + 3) / 4
	}
	if s == "" {
		return usual
	}
	n, err := strconv.Atoi(s)
	require.NoError(t, err, name)
	return n
}

// bubble runs fn where time is not real. The client library keeps timers in a
// pool of the process, and a timer of one bubble must not come into another.
func bubble(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	empty := func() { runtime.GC(); runtime.GC() }
	empty()
	defer empty()
	defer func() {
		if r := recover(); r != nil && !libraryLeak() {
			panic(r)
		}
	}()
	synctest.Test(t, fn)
}

// libraryLeak says that what is left in bubbles is what the client library
// leaves behind for ever: a publisher of an object that fails at once stops
// listening to its connection before it has begun to.
func libraryLeak() bool {
	buf := make([]byte, 8<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range strings.Split(string(buf), "\n\n") {
		head, rest, _ := strings.Cut(g, "\n")
		if strings.Contains(head, "synctest bubble") && !strings.Contains(rest, "resetPendingAcksOnReconnect") && !strings.Contains(rest, "faults_test.bubble") {
			return false
		}
	}
	return true
}

// cacheDir keeps compiled plugins between runs.
func cacheDir(t testing.TB) string {
	dir, err := filepath.Abs(filepath.Join("..", "..", "..", "build", "plugin-cache"))
	require.NoError(t, err)
	return dir
}

// load makes a workflow of a text and of example plugins.
func load(t testing.TB, text string, plugins ...string) *engine.Workflow {
	t.Helper()
	dir := t.TempDir()
	for _, name := range plugins {
		wasm, err := os.ReadFile(filepath.Join("..", "..", "..", "build", "examples", name+".wasm"))
		require.NoError(t, err, "run make plugins")
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "plugins"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "plugins", name+".wasm"), wasm, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(text), 0o600))
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: cacheDir(t), Quiet: true})
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), "%s", diags)
	t.Cleanup(w.Close)
	return w
}

// gossip counts what engines log, by the words that tests ask for.
type gossip struct {
	mu    sync.Mutex
	count map[string]int
}

var gossipWords = []string{`from="local store"`, "from=snapshot", "from=journal", ": checkpoint:", ": snapshot:", "journal purged", "not purged", "passed over", "no snapshot was made"}

func (g *gossip) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if os.Getenv("RIPEN_FAULTS_LOG") != "" {
		_, _ = os.Stderr.Write(p)
	}
	for _, w := range gossipWords {
		if strings.Contains(string(p), w) {
			g.count[w]++
		}
	}
	return len(p), nil
}

func (g *gossip) logger() hclog.Logger {
	g.count = map[string]int{}
	return hclog.New(&hclog.LoggerOptions{Output: g, Level: hclog.Debug, DisableTime: true})
}

// world is a broker, the engines on it, and what producers know. It lives in a
// bubble.
type world struct {
	t     *testing.T
	b     *broker.Broker
	work  *engine.Workflow
	opts  engine.Options
	rng   *rand.Rand
	procs []*proc
	count int
	died  []string // engines that ended by themselves, and why
	gone  sync.WaitGroup
	busy  atomic.Int64 // producers and drains that may still store something

	leads  int      // how many there are
	disks  []string // folders of local stores that nobody uses; nil: temporary ones
	stored bool     // engines keep local stores over their ends

	mu    sync.Mutex
	acked map[string]bool // ids of events that producers were told are durable
}

// proc is one engine process.
type proc struct {
	name string
	link *broker.Link
	e    *engine.Engine
	ice  bool
	disk string // folder of the local store, if it outlives the engine
}

func newWorld(t *testing.T, seed uint64, work *engine.Workflow, o engine.Options) *world {
	o.Workflow, o.NATS = work, "nats://memory"
	return &world{t: t, b: broker.New(), work: work, opts: o, rng: rand.New(rand.NewPCG(seed, 0x776f726c64)), leads: 4, acked: map[string]bool{}}
}

// close ends everything; the bubble cannot end before.
func (w *world) close() {
	w.b.SetPlan(nil)
	for len(w.procs) > 0 {
		w.kill(w.procs[0])
	}
	w.gone.Wait()
	w.b.Close()
}

// failed reports with all it takes to understand.
func (w *world) failed(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("%s\nhistory:\n%s", fmt.Sprintf(format, args...), w.b.History())
}

// start makes an engine; one that cannot start at the moment is none.
func (w *world) start() *proc {
	w.count++
	p := &proc{name: fmt.Sprintf("engine-%d", w.count)}
	p.link = w.b.Link(p.name)
	w.b.Note("-- %s starts", p.name)
	o := w.opts
	o.NATSOptions = inProcess(p.link)
	if w.stored {
		p.disk = w.disk()
		o.State = p.disk
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	e, err := engine.New(ctx, o)
	if err != nil {
		w.b.Note("-- %s does not start: %v", p.name, err)
		p.link.Kill()
		return nil
	}
	p.e = e
	w.procs = append(w.procs, p)
	return p
}

// disk takes a folder of a local store: one that an engine has left, however old,
// or a new one.
func (w *world) disk() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.disks) == 0 || w.rng.IntN(5) == 0 {
		return w.t.TempDir()
	}
	i := w.rng.IntN(len(w.disks))
	dir := w.disks[i]
	w.disks = slices.Delete(w.disks, i, i+1)
	return dir
}

func (w *world) forget(p *proc) {
	w.procs = slices.DeleteFunc(w.procs, func(x *proc) bool { return x == p })
}

// kill ends an engine as kill -9 does, as far as anybody else can see.
func (w *world) kill(p *proc) {
	w.forget(p)
	p.link.Kill()
	if p.disk != "" { // what is on the disk at this instant is what the next one finds
		crashed := w.t.TempDir()
		if err := os.CopyFS(crashed, os.DirFS(p.disk)); err == nil { // or files came and went: another disk then
			w.mu.Lock()
			w.disks = append(w.disks, crashed)
			w.mu.Unlock()
		}
	}
	w.gone.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		w.ended(p, p.e.Stop(ctx))
	})
}

// drain ends an engine as SIGTERM does.
func (w *world) drain(p *proc) {
	w.forget(p)
	p.link.Thaw()
	w.b.Note("-- %s drains", p.name)
	w.busily(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		w.ended(p, p.e.Stop(ctx))
		w.b.Note("-- %s is gone", p.name)
		p.link.Kill()
		if p.disk != "" {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.disks = append(w.disks, p.disk)
		}
	})
}

func (w *world) busily(f func()) {
	w.busy.Add(1)
	w.gone.Go(func() {
		defer w.busy.Add(-1)
		f()
	})
}

// ended remembers an end that was nobody's wish.
func (w *world) ended(p *proc, err error) {
	if err == nil || errors.Is(err, journal.ErrFenced) {
		return
	}
	w.b.Note("-- %s ended: %v", p.name, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.died = append(w.died, fmt.Sprintf("%s: %v", p.name, err))
}

// sweep buries the engines that ended by themselves.
func (w *world) sweep() {
	for _, p := range slices.Clone(w.procs) {
		select {
		case <-p.e.Done():
			w.b.Note("-- %s ended by itself: %v", p.name, p.e.Err())
			w.kill(p)
		default:
		}
	}
}

// connect is a client without an engine.
func (w *world) connect(name string) (*nats.Conn, jetstream.JetStream) {
	nc, err := nats.Connect("nats://memory", nats.InProcessServer(w.b.Link(name)), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(w.t, err)
	js, err := jetstream.New(nc)
	require.NoError(w.t, err)
	return nc, js
}

// last is the newest record of each partition, its chain verified from the
// first on.
func (w *world) last() []journal.Record {
	nc, js := w.connect("auditor")
	defer nc.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	j, err := journal.Open(ctx, js, journal.Config{ReadOnly: true})
	if err != nil {
		w.failed("journal: %v", err)
		return nil
	}
	out := make([]journal.Record, j.Partitions())
	for p := range out {
		take := func(r journal.Record) error { out[p] = r; return nil }
		err := j.Records(ctx, p, take)
		if errors.Is(err, journal.ErrBeginning) { // purged below a snapshot
			var list []journal.Snapshot
			if list, err = j.Snapshots(ctx, p); err == nil && len(list) > 0 {
				err = j.RecordsFrom(ctx, p, list[0].Base, take)
			}
		}
		if err != nil {
			w.failed("journal of partition %d: %v", p, err)
		}
	}
	return out
}

// settle lets everything go well until all that was stored is scored, and
// returns the newest records. Nothing runs any more then.
func (w *world) settle() []journal.Record {
	w.b.SetPlan(nil)
	for _, p := range slices.Clone(w.procs) {
		p.link.Thaw()
		if w.rng.IntN(2) == 0 {
			w.kill(p)
		}
	}
	w.sweep()
	for round := 0; round < 5 && (round == 0 || !w.scored()); round++ {
		for range 1500 {
			if w.sweep(); len(w.procs) == 0 {
				w.start()
			}
			if w.busy.Load() == 0 && w.scored() {
				break
			}
			time.Sleep(200 * time.Millisecond)
		}
		for len(w.procs) > 0 { // a drain may store what was tried in vain before
			w.drain(w.procs[0])
		}
		w.gone.Wait()
	}
	last := w.last()
	for p := range last {
		if !w.passed(p, last[p].Pos.Seq) {
			w.failed("partition %d stays at %d", p, last[p].Pos.Seq)
		}
	}
	return last
}

// passed says whether a partition has no event from a position on.
func (w *world) passed(p int, pos uint64) bool {
	msgs := w.b.Messages(journal.EventsStream, journal.EventSubject(p))
	return len(msgs) == 0 || msgs[len(msgs)-1].Seq < pos
}

// scored says whether no partition has an event left.
func (w *world) scored() bool {
	if len(w.b.Messages(journal.JournalStream, "ripen.j.*")) == 0 {
		return false
	}
	for p, r := range w.last() {
		if !w.passed(p, r.Pos.Seq) {
			return false
		}
	}
	return true
}

// audit looks at the world from outside.
func (w *world) audit() *audit {
	return &audit{t: w.t, work: w.work, opts: w.opts, messages: w.b.Messages, inspect: w.inspect, failed: w.failed, acked: w.acked}
}

// check demands that what was seen is what must be seen.
func (w *world) check(last []journal.Record) int {
	w.t.Helper()
	return w.audit().check(last)
}

// event is one event of a lead at the time of the world.
func event(id, who, name string, at time.Time) string {
	return fmt.Sprintf(`{"type":"track","messageId":%q,"userId":%q,"event":%q,"timestamp":%q}`, id, who, name, at.UTC().Format("2006-01-02T15:04:05.000Z"))
}

// idOf reads the id of an event's line.
func idOf(line string) string {
	var v struct {
		ID string `json:"messageId"`
	}
	_ = json.Unmarshal([]byte(line), &v) // our own line
	return v.ID
}

// produce sends lines to ripen.in again and again until each is accepted, as a
// producer does that loses nothing.
func (w *world) produce(nc *nats.Conn, lines []string) {
	w.busily(func() {
		for range 40 {
			ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
			m, err := nc.RequestWithContext(ctx, "ripen.in", []byte(strings.Join(lines, "\n")))
			cancel()
			var a struct {
				Accepted int `json:"accepted"`
				Error    any `json:"error"`
			}
			if err == nil && json.Unmarshal(m.Data, &a) == nil && a.Error == nil && a.Accepted == len(lines) {
				w.mu.Lock()
				for _, l := range lines {
					w.acked[idOf(l)] = true
				}
				w.mu.Unlock()
				return
			}
			time.Sleep(300 * time.Millisecond)
		}
	})
}

func inProcess(l *broker.Link) []nats.Option {
	return []nats.Option{nats.InProcessServer(l), nats.ReconnectWait(100 * time.Millisecond), nats.Timeout(2 * time.Second)}
}
