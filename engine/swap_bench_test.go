package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/registry/pack"
)

const (
	swapReleases = 4
	swapRounds   = 10    // each: load alone, then a tenth of the swaps under the same load
	swapLeads    = 20000 // busy at a time, of which a part is in memory
	swapPack     = 100
	swapAhead    = 6000                  // events on their way: full load without a lag
	swapPause    = 10 * time.Millisecond // between two switches
	swapAlone    = 4 * time.Second       // at most, without switches
	swapEach     = 50                    // events of a lead on average, then others come in its place: none grows for ever
	swapSettle   = 25 * time.Second      // at least one generation of leads
)

// swapWorkflow is that of the drain; who asks for a demo is handed over, whoever
// it is.
var swapWorkflow = strings.Replace(drainWorkflow, ` && grade != "D"`, "", 1)

// swapSwaps is how many switches there are: SWAPS, or 1,000.
func swapSwaps() int {
	if n, err := strconv.Atoi(os.Getenv("SWAPS")); err == nil {
		return n
	}
	return 1000
}

// swapWorks are releases of one workflow with other binaries of one plugin.
func swapWorks(b *testing.B) (list []*engine.Workflow) {
	b.Helper()
	module, err := os.ReadFile("registry/builtin/wasm/behavior-points.wasm")
	require.NoError(b, err, "run make plugins")
	raw, manifest, err := pack.Unpack(module)
	require.NoError(b, err)
	for n := range swapReleases {
		var m map[string]any
		require.NoError(b, json.Unmarshal(manifest, &m))
		m["version"] = fmt.Sprintf("1.0.%d", n+1)
		text, err := json.Marshal(m)
		require.NoError(b, err)
		other, err := pack.Pack(raw, text)
		require.NoError(b, err)
		dir := b.TempDir()
		require.NoError(b, os.MkdirAll(filepath.Join(dir, "plugins"), 0o755))
		require.NoError(b, os.WriteFile(filepath.Join(dir, "plugins", "behavior-points.wasm"), other, 0o600))
		require.NoError(b, os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(swapWorkflow), 0o600))
		w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: cacheDir(b)})
		require.NoError(b, err)
		require.False(b, diags.HasErrors(), "%s", diags)
		b.Cleanup(w.Close)
		list = append(list, w)
	}
	return list
}

// swapLoad publishes packs of events as fast as they are scored.
type swapLoad struct {
	sent   atomic.Int64
	cancel context.CancelFunc
	done   chan error
}

func startSwapLoad(e *engine.Engine, now func() int64, parts int) (*swapLoad, error) {
	js, err := jetstream.New(e.Conn(), jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &swapLoad{cancel: cancel, done: make(chan error, 1)}
	go func() {
		r, packs := rand.New(rand.NewPCG(1, 2)), make([][]intake.Packed, parts)
		for i := 0; ctx.Err() == nil; i++ {
			key, raw := swapEvent(r, i, now())
			p := lead.Partition(key, parts)
			if packs[p] = append(packs[p], intake.Packed{Raw: raw, Received: now()}); len(packs[p]) < swapPack {
				continue
			}
			for l.sent.Load()-e.Committed() > swapAhead && ctx.Err() == nil {
				time.Sleep(200 * time.Microsecond)
			}
			body, err := intake.EncodePack(nil, packs[p])
			if err == nil {
				_, err = js.PublishAsync(journal.EventSubject(p), body)
			}
			if err != nil {
				l.done <- err
				return
			}
			l.sent.Add(swapPack)
			packs[p] = packs[p][:0]
		}
		<-js.PublishAsyncComplete()
		l.done <- nil
	}()
	return l, nil
}

// swapEvent is one event at a time, ms.
func swapEvent(r *rand.Rand, i int, at int64) (key string, raw []byte) {
	key = fmt.Sprintf("lead-%06d", r.IntN(swapLeads)+i/swapEach)
	when := time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")
	if r.IntN(2) == 0 {
		path := []string{"/", "/blog/a", "/learn/x", "/product/y", "/careers"}[r.IntN(5)]
		return key, fmt.Appendf(nil, `{"type":"page","messageId":"m%d","userId":%q,"properties":{"path":%q},"timestamp":%q}`, i, key, path, when)
	}
	name := []string{"Email Opened", "Email Link Clicked", "Guide Downloaded"}[r.IntN(3)]
	if r.IntN(200) == 0 {
		name = "Demo Requested"
	}
	return key, fmt.Appendf(nil, `{"type":"track","messageId":"m%d","userId":%q,"event":%q,"timestamp":%q}`, i, key, name, when)
}

// swaps makes switches one behind the other and tells, in ms, how long each took
// from the command to the first event that the new release scored, and to the
// first one in every partition.
type swaps struct {
	e          *engine.Engine
	works      []*engine.Workflow
	made       int
	first, all []float64
	positions  map[uint64]string // of orders: the model of the release
	perSecond  float64
}

func (s *swaps) swap(ctx context.Context) error {
	s.made++
	w := s.works[s.made%len(s.works)]
	began := time.Now()
	seq, err := s.e.Order(ctx, lineage.Order{Op: lineage.Switch, Workflow: w.Model.Name, InPlace: true, Release: engine.ReleaseOf(w, uint32(s.made%len(s.works)+1))})
	if err != nil {
		return err
	}
	s.positions[seq] = w.Model.Digest
	first := 0.0
	for {
		n, of := 0, 0
		for _, l := range s.e.Lineages() {
			if of++; l.Switch == seq && l.First > 0 {
				n++
			}
		}
		took := float64(time.Since(began).Microseconds()) / 1000
		if n > 0 && first == 0 {
			first = took
		}
		if n == of {
			s.first, s.all = append(s.first, first), append(s.all, took)
			return nil
		}
		if took > 30_000 {
			return fmt.Errorf("switch %d at %d has not reached all partitions in 30 s", s.made, seq)
		}
		time.Sleep(500 * time.Microsecond)
	}
}

// rate scores for a while, or while fn works, and gives the events per second.
func rate(e *engine.Engine, fn func()) float64 {
	began, before := time.Now(), e.Committed()
	fn()
	return float64(e.Committed()-before) / time.Since(began).Seconds()
}

// BenchmarkSwap switches 1,000 times between four releases with different
// binaries of a plugin, in place, while events come as fast as they are scored;
// in between it measures the same load without switches.
func BenchmarkSwap(b *testing.B) {
	engine.TuneMemory(engine.MemorySlack)
	works := swapWorks(b)
	for b.Loop() {
		data := b.TempDir()
		began := time.Now()
		now := func() int64 {
			return 1_767_225_600_000 + time.Since(began).Milliseconds()
		}
		e, err := engine.New(b.Context(), engine.Options{Workflow: works[0], Releases: engine.Given(works...), Data: data, Port: -1, Cache: swapLeads / 4,
			Now: now, Tick: time.Second, SnapshotEvery: -1}) // nothing is purged: the audit reads all
		require.NoError(b, err)
		load, err := startSwapLoad(e, now, journal.DefaultPartitions)
		require.NoError(b, err)
		s := &swaps{e: e, works: works, positions: map[uint64]string{}}
		time.Sleep(swapSettle) // all leads are there, memory is what it will be
		for range 50 {
			require.NoError(b, s.swap(b.Context()))
		}
		early := residentMiB()
		ratios, plain, swapped := swapMeasure(b, s)
		late := residentMiB()
		load.cancel()
		require.NoError(b, <-load.done)
		require.Eventually(b, func() bool { return e.Committed() >= load.sent.Load() }, 30*time.Second, time.Millisecond)
		lost := load.sent.Load() - e.Committed()
		require.NoError(b, stopEngine(e))
		mixed := swapAudit(b, data, s)

		slices.Sort(ratios)
		figure("events scored, thousands", float64(load.sent.Load())/1000)
		figure("events/s without switches", plain)
		figure("events/s with them", swapped)
		figure("switches a second", s.perSecond)
		figure("command to the first event scored, p50 ms", quantile(s.first, 0.5))
		figure("command to the first event in every partition, p50 ms", quantile(s.all, 0.5))
		figure("command to the first event in every partition, p99 ms", quantile(s.all, 0.99))
		figure("resident after 50 switches, MiB", early)
		figure("resident after all, MiB", late)
		verdict(b, "switches", float64(s.made), float64(swapSwaps()), s.made >= swapSwaps())
		verdict(b, "events lost or counted twice", float64(lost), 0, lost == 0)
		verdict(b, "records and decisions of a mix of releases", float64(mixed), 0, mixed == 0)
		verdict(b, "command to the first event scored, p99 ms", quantile(s.first, 0.99), 1000, quantile(s.first, 0.99) <= 1000)
		verdict(b, "resident memory, end against after 50 switches", late/early, 1.1, late/early <= 1.1)
		verdict(b, "throughput with switches against without", ratios[len(ratios)/2], 0.9, ratios[len(ratios)/2] >= 0.9)
	}
}

// swapMeasure takes turns between the load alone and the load with switches.
func swapMeasure(b *testing.B, s *swaps) (ratios []float64, plain, swapped float64) {
	b.Helper()
	each := (swapSwaps() - s.made) / swapRounds
	began, time0 := s.made, time.Duration(0)
	for n := range swapRounds {
		var took time.Duration
		with := rate(s.e, func() {
			start := time.Now()
			for range each {
				require.NoError(b, s.swap(b.Context()))
				time.Sleep(swapPause)
			}
			took = time.Since(start)
		})
		without := rate(s.e, func() { time.Sleep(min(took, swapAlone)) })
		fmt.Printf("round %d: %d switches in %s; %.0f events/s with them, %.0f without; p50 %.0f ms\n",
			n+1, each, took.Round(time.Millisecond), with, without, quantile(s.all[len(s.all)-each:], 0.5))
		ratios = append(ratios, with/without)
		plain, swapped, time0 = plain+without/swapRounds, swapped+with/swapRounds, time0+took
	}
	s.perSecond = float64(s.made-began) / time0.Seconds()
	return ratios, plain, swapped
}

// residentMiB is the process's resident memory in MiB, when what nobody needs is
// given back.
func residentMiB() float64 {
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	pages, _ := strconv.Atoi(fields[1])
	return float64(pages*os.Getpagesize()) / (1 << 20)
}

func quantile(list []float64, q float64) float64 {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[min(int(q*float64(len(list))), len(list)-1)]
}

// swapAudit reads the journal and counts what is not of exactly one release: a
// record names the one that the newest switch point before its inputs made
// live, and the decisions with it name the same.
func swapAudit(b *testing.B, data string, s *swaps) (mixed int) {
	b.Helper()
	records, decisions := 0, 0
	openStreams(b, data, func(js jetstream.JetStream) {
		j, err := journal.Open(b.Context(), js, journal.Config{ReadOnly: true})
		require.NoError(b, err)
		pending := make([][]string, j.Partitions())
		reached := make([]map[uint64]bool, j.Partitions())
		for p := range reached {
			reached[p] = map[uint64]bool{}
		}
		require.NoError(b, j.Scan(b.Context(), journal.JournalStream, []string{"ripen.j.*", "ripen.out.>"}, 1, func(m journal.Message) error {
			if strings.HasPrefix(m.Subject, "ripen.out.") {
				var d struct{ Lead, Release string }
				if err := json.Unmarshal(m.Data, &d); err != nil {
					return err
				}
				p := lead.Partition(d.Lead, j.Partitions())
				pending[p] = append(pending[p], d.Release)
				decisions++
				return nil
			}
			rec, err := journal.ReadRecord(m.Data)
			if err != nil || rec.Kind != journal.KindCommit {
				return err
			}
			p, err := strconv.Atoi(m.Subject[strings.LastIndexByte(m.Subject, '.')+1:])
			require.NoError(b, err)
			mixed += s.audit(&rec, pending[p], reached[p])
			pending[p] = nil
			records++
			return nil
		}))
		for p := range reached {
			mixed += len(s.positions) - min(len(reached[p])-1, len(s.positions)) // each partition was under each release; and under the first
		}
	})
	figure("records that were looked at", float64(records))
	figure("decisions that were looked at", float64(decisions))
	return mixed
}

// audit judges one record.
func (s *swaps) audit(rec *journal.Record, decisions []string, reached map[uint64]bool) (wrong int) {
	l := &rec.Lineages[0]
	newest := uint64(0) // switch point before the record's position
	for seq := range s.positions {
		if seq < rec.Pos.Seq && seq > newest {
			newest = seq
		}
	}
	if newest > 0 && (l.Since != newest || l.Model != s.positions[newest]) || len(rec.Lineages) != 1 {
		wrong++
	}
	for _, r := range decisions {
		if !strings.HasPrefix(l.Model, r) {
			wrong++
		}
	}
	reached[l.Since] = true
	return wrong
}
