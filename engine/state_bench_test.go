package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/natsd"
)

// The targets of issue 3.
const (
	mostResident  = 1536 << 20 // bytes, at the default cache
	leastRestart  = 20         // times faster than to score again
	leastColdRate = 0.5        // of the all-hot rate, on a Zipf-distributed stream
)

const (
	coldLeads  = 1_000_000
	coldCache  = 100_000
	coldEvents = 1_000_000
)

// load is a stream of events for many leads, cheap to make.
type load struct {
	events int
	// lead is whose event the i-th is.
	lead func(i int) int
}

// appendEvent writes the i-th event, with the mix of drainEvent.
func (l *load) appendEvent(dst []byte, r *rand.Rand, i int, key string) []byte {
	at := time.UnixMilli(1_767_225_600_000 + int64(i)*20).UTC()
	kind, what := `{"type":"track","messageId":"m`, r.IntN(100)
	switch {
	case what < 55:
		kind = `{"type":"page","messageId":"m`
	case what == 99:
		kind = `{"type":"identify","messageId":"m`
	}
	dst = strconv.AppendInt(append(dst, kind...), int64(i), 10)
	dst = append(append(append(dst, `","userId":"`...), key...), `","timestamp":"`...)
	dst = at.AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	switch {
	case what < 55:
		path := []string{"/", "/blog/a", "/blog/b", "/learn/x", "/product/y", "/pricing"}[r.IntN(6)]
		dst = append(append(append(dst, `","properties":{"path":"`...), path...), `"}}`...)
	case what < 99:
		name := []string{"Email Opened", "Email Link Clicked", "Email Delivered", "Guide Downloaded"}[r.IntN(4)]
		dst = append(append(append(dst, `","event":"`...), name...), `"}`...)
	default:
		dst = append(dst, `","traits":{"title":"VP Sales"}}`...)
	}
	return dst
}

// fillLoads writes streams one after the other, in packs of 100, without
// syncing each.
func fillLoads(b *testing.B, dir string, loads ...load) {
	b.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: dir, Port: -1, Durability: natsd.Process})
	require.NoError(b, err)
	nc, err := srv.Connect("fill")
	require.NoError(b, err)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(256))
	require.NoError(b, err)
	_, err = journal.EnsureStreams(context.Background(), js, journal.Config{Partitions: drainParts, History: journal.DefaultHistory})
	require.NoError(b, err)
	r := rand.New(rand.NewPCG(1, 2))
	var packs [drainParts][]intake.Packed
	send := func(p int) {
		body, err := intake.EncodePack(nil, packs[p])
		require.NoError(b, err)
		_, err = js.PublishAsync(journal.EventSubject(p), body, jetstream.WithStallWait(30*time.Second))
		require.NoError(b, err)
		packs[p] = packs[p][:0]
	}
	id := 0
	for _, l := range loads {
		for i := range l.events {
			key := fmt.Sprintf("lead-%07d", l.lead(i))
			p := lead.Partition(key, drainParts)
			raw := l.appendEvent(make([]byte, 0, 192), r, id, key)
			id++
			if packs[p] = append(packs[p], intake.Packed{Raw: raw, Received: 1}); len(packs[p]) == 100 {
				send(p)
			}
		}
	}
	for p := range packs {
		if len(packs[p]) > 0 {
			send(p)
		}
	}
	<-js.PublishAsyncComplete()
	nc.Close()
	require.NoError(b, srv.Stop(context.Background()))
	packs = [drainParts][]intake.Packed{}
	debug.FreeOSMemory()
}

// pass lets an engine score up to a number of events and tells how long that
// took and how much processor time.
type pass struct{ took, cpu time.Duration }

func (p pass) rate(events int64) float64 { return float64(events) / p.took.Seconds() }

func score(b *testing.B, e *engine.Engine, until int64) pass {
	b.Helper()
	started, used := time.Now(), processCPU()
	for e.Committed() < until {
		select {
		case <-e.Done():
			b.Fatal(e.Err())
		case <-time.After(2 * time.Millisecond):
			require.Less(b, time.Since(started), 20*time.Minute, "%d of %d events", e.Committed(), until)
		}
	}
	return pass{time.Since(started), processCPU() - used}
}

func startBench(b *testing.B, o engine.Options) *engine.Engine {
	b.Helper()
	o.Port, o.Clock, o.Partitions, o.Quiet = -1, engine.ClockStream, drainParts, time.Hour
	e, err := engine.New(context.Background(), o)
	require.NoError(b, err)
	return e
}

func waitReady(b *testing.B, e *engine.Engine) {
	b.Helper()
	require.Eventually(b, func() bool { return e.Ready() == nil && len(e.Partitions()) == drainParts }, 5*time.Minute, time.Millisecond)
}

// verdict prints a line with a target and fails the benchmark if it is missed.
func verdict(b *testing.B, what string, got, target float64, good bool) {
	b.Helper()
	word := "PASS"
	if !good {
		word = "FAIL"
		b.Fail()
	}
	fmt.Printf("%-58s %12.2f   target %10.2f   %s\n", what, got, target, word)
}

func figure(what string, got float64) { fmt.Printf("%-58s %12.2f\n", what, got) }

// zipf draws leads so that the n-th most busy one has 1/n of the events of the
// busiest. Which lead is how busy is shuffled.
func zipf(leads int, seed uint64) func(int) int {
	r := rand.New(rand.NewPCG(seed, 9))
	sums := make([]float64, leads)
	total := 0.0
	for i := range sums {
		total += 1 / float64(i+1)
		sums[i] = total
	}
	who := r.Perm(leads)
	return func(int) int {
		return who[min(sort.SearchFloat64s(sums, r.Float64()*total), leads-1)]
	}
}

// BenchmarkDrainCold measures what it costs that most leads lie on the disk:
// the rate with a million leads of which a tenth fits into memory, against the
// rate with all of them there. First every lead has had an event, and as many
// events of the measured kind have passed as are measured then: it is the
// steady state that counts, not the first time a lead comes back. Half of the
// busy stream's events belong to the 600 or so busiest leads. Hot and cold take
// turns, and the median of the rounds' ratios counts, as in BenchmarkDrain.
func BenchmarkDrainCold(b *testing.B) {
	engine.TuneMemory(engine.MemorySlack)
	w := loadWorkflow(b, drainWorkflow)
	r := rand.New(rand.NewPCG(5, 5))
	each := load{coldLeads, func(i int) int { return i }}
	dirs := map[string]string{}
	for name, lead := range map[string]func(int) int{"zipf": zipf(coldLeads, 3), "uniform": func(int) int { return r.IntN(coldLeads) }} {
		dirs[name] = filepath.Join(b.TempDir(), name)
		fillLoads(b, dirs[name], each, load{2 * coldEvents, lead})
	}
	for b.Loop() {
		fmt.Println()
		busy := coldRounds(b, w, dirs["zipf"], "zipf", 3)
		verdict(b, "Zipf-distributed: rate, cold against all hot", busy, leastColdRate, busy >= leastColdRate)
		figure("uniform: rate, cold against all hot", coldRounds(b, w, dirs["uniform"], "uniform", 1))
	}
}

// coldRounds is the median of the ratios of rounds, each hot and cold.
func coldRounds(b *testing.B, w *engine.Workflow, dir, stream string, rounds int) float64 {
	b.Helper()
	var ratios []float64
	for range rounds {
		hot, cold := drainLoad(b, w, dir, stream, -1), drainLoad(b, w, dir, stream, coldCache)
		ratios = append(ratios, hot.took.Seconds()/cold.took.Seconds())
		figure(stream+": processor time, hot against cold", hot.cpu.Seconds()/cold.cpu.Seconds())
	}
	sort.Float64s(ratios)
	return ratios[len(ratios)/2]
}

// drainLoad scores a copy of a data folder with so many leads in memory, and
// measures the last events.
func drainLoad(b *testing.B, w *engine.Workflow, from, stream string, cache int) pass {
	b.Helper()
	dir := filepath.Join(b.TempDir(), fmt.Sprint(stream, cache))
	require.NoError(b, os.CopyFS(dir, os.DirFS(from)))
	defer func() { _ = os.RemoveAll(dir) }()
	runtime.GC() // what the one before left is not this one's
	e := startBench(b, engine.Options{Workflow: w, Data: dir, Cache: cache})
	defer func() { require.NoError(b, stopEngine(e)) }()
	score(b, e, coldLeads+coldEvents)
	p := score(b, e, coldLeads+2*coldEvents)
	figure(fmt.Sprintf("%s, cache %d: events/s", stream, cache), p.rate(coldEvents))
	figure(fmt.Sprintf("%s, cache %d: processor time, µs/event", stream, cache), float64(p.cpu.Microseconds())/coldEvents)
	return p
}

// BenchmarkState measures what many leads cost: memory at the default cache,
// bytes on the disk and in memory, and the time of a start against that of
// scoring again. LEADS is their number, a fifth of it that of the restart.
func BenchmarkState(b *testing.B) {
	leads := 5_000_000
	if text := os.Getenv("LEADS"); text != "" {
		var err error
		leads, err = strconv.Atoi(text)
		require.NoError(b, err, "LEADS")
	}
	engine.TuneMemory(engine.MemorySlack)
	w := loadWorkflow(b, drainWorkflow)
	for b.Loop() {
		fmt.Println()
		benchMemory(b, w, leads)
		benchRestart(b, w, max(leads/5, 1000))
	}
}

// benchMemory scores two events of each lead, a while apart, and a tenth more
// anywhere.
func benchMemory(b *testing.B, w *engine.Workflow, leads int) {
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(8, 8))
	const apart = 1000
	twice := load{2 * leads, func(i int) int { return i/(2*apart)*apart + i%apart }}
	anywhere := load{leads / 10, func(int) int { return r.IntN(leads) }}
	fillLoads(b, dir, twice, anywhere)
	events := int64(twice.events + anywhere.events)
	before := liveHeap()
	e := startBench(b, engine.Options{Workflow: w, Data: dir})
	stop := watchResident()
	p := score(b, e, events)
	most := float64(stop())
	hot := min(leads, engine.DefaultCache)
	inMemory := float64(liveHeap()-before) / float64(hot)
	require.NoError(b, stopEngine(e))
	figure("leads", float64(leads))
	figure("leads in memory at most (the default cache)", float64(hot))
	figure("events/s while they came", p.rate(events))
	figure("bytes per lead on the disk", float64(folderSize(b, filepath.Join(dir, "state")))/float64(leads))
	figure("bytes per lead in memory, the server's and caches' included", inMemory)
	verdict(b, "resident memory at most, MiB", most/(1<<20), mostResident>>20, most <= mostResident)
}

// benchRestart compares the time from a start to ready with that of scoring all
// events again.
func benchRestart(b *testing.B, w *engine.Workflow, leads int) {
	const perLead = 4
	dir := b.TempDir()
	r := rand.New(rand.NewPCG(4, 4))
	fillLoads(b, dir, load{leads, func(i int) int { return i }}, load{(perLead - 1) * leads, func(int) int { return r.IntN(leads) }})
	o := engine.Options{Workflow: w, Data: dir, SnapshotEvery: 10 * time.Second}
	e := startBench(b, o)
	again := score(b, e, int64(perLead*leads)).took
	killed := filepath.Join(b.TempDir(), "killed")
	require.NoError(b, e.CopyStore(killed))
	require.NoError(b, stopEngine(e))
	restart := func(what string) time.Duration {
		debug.FreeOSMemory()
		started := time.Now()
		e := startBench(b, o)
		waitReady(b, e)
		took := time.Since(started)
		require.NoError(b, stopEngine(e))
		figure(what, took.Seconds())
		return took
	}
	figure(fmt.Sprintf("to score the %d events of %d leads again, s", perLead*leads, leads), again.Seconds())
	took := restart("from a start to ready after a drain, s")
	times := again.Seconds() / took.Seconds()
	verdict(b, "a start is so many times faster than to score again", times, leastRestart, times >= leastRestart)
	require.NoError(b, os.RemoveAll(filepath.Join(dir, "state")))
	require.NoError(b, os.Rename(killed, filepath.Join(dir, "state")))
	restart("from a start to ready after a kill, s")
	require.NoError(b, os.RemoveAll(filepath.Join(dir, "state")))
	restart("from a start to ready on another machine, from a snapshot, s")
}

// liveHeap is what is in use after a collection, bytes.
func liveHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// watchResident follows the resident memory of this process until it is
// stopped, and tells its peak.
func watchResident() (stop func() int64) {
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		most := resident()
		for {
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(50 * time.Millisecond):
				most = max(most, resident())
			}
		}
	}()
	return func() int64 { close(done); return <-peak }
}

// resident is the resident memory of this process in bytes; where the system
// does not tell, what Go has of it.
func resident() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.Sys - m.HeapReleased)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(text, "kB")), 10, 64)
			if err == nil {
				return kib << 10
			}
		}
	}
	return math.MaxInt64
}

func folderSize(b *testing.B, dir string) (n int64) {
	b.Helper()
	require.NoError(b, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	}))
	return n
}
