package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
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

// drainWorkflow has the four shipped steps and routes that read their scores.
const drainWorkflow = `
workflow "drain" { display = "{grade} {recent}" }

step "fit-grade" "who" {
  grades = [
    { A = like(trait.title, "chief*", "head of*", "vp*") },
    { B = like(trait.title, "*manager*") },
    { D = true },
  ]
}

step "negative-points" "minus" {
  score  = "recent"
  events = { "Unsubscribed" = -10 }
  pages  = { "/careers*" = -10 }
}

step "behavior-points" "recent" {
  floor = 0
  class "asked"   { events = { "Demo Requested" = 100 } }
  class "product" {
    events = { "Guide Downloaded" = 15, "Overview Video Watched" = 12, "Product Webinar Attended" = 15 }
    pages  = { "/product/*" = 10 }
  }
  class "reading" { pages = { "/" = 1, "/blog/*" = 1, "/learn/*" = 2 } }
  class "mail"    { events = { "Email Opened" = 1, "Email Link Clicked" = 2 } }
}

step "decay" "sixty" {
  of     = "recent"
  curve  = "linear"
  window = "60d"
}

route "sales-handoff" "asked" { when = pending("asked") && grade != "D" }
route "sales-handoff" "warm"  { when = oneof(grade, "A", "B") && recent >= 250 }
route "nurture" "rest" {
  default = true
  silent  = true
}
`

const (
	drainLeads  = 100_000
	drainEvents = 800_000 // the same ones alone and in packs
	drainParts  = journal.DefaultPartitions
	drainRounds = 3
)

// drainEvent is the i-th event: a lead does something every few minutes.
func drainEvent(r *rand.Rand, i int) (leadKey string, raw []byte) {
	leadKey = fmt.Sprintf("lead-%06d", r.IntN(drainLeads))
	at := time.UnixMilli(1_767_225_600_000 + int64(i)*200).UTC().Format("2006-01-02T15:04:05.000Z")
	switch what := r.IntN(100); {
	case what < 55:
		path := []string{"/", "/blog/a", "/blog/b", "/learn/x", "/product/y", "/pricing"}[r.IntN(6)]
		return leadKey, fmt.Appendf(nil, `{"type":"page","messageId":"m%d","userId":%q,"properties":{"path":%q},"timestamp":%q}`, i, leadKey, path, at)
	case what < 99:
		name := []string{"Email Opened", "Email Link Clicked", "Email Delivered", "Guide Downloaded"}[r.IntN(4)]
		return leadKey, fmt.Appendf(nil, `{"type":"track","messageId":"m%d","userId":%q,"event":%q,"timestamp":%q}`, i, leadKey, name, at)
	default:
		return leadKey, fmt.Appendf(nil, `{"type":"identify","messageId":"m%d","userId":%q,"traits":{"title":"VP Sales"},"timestamp":%q}`, i, leadKey, at)
	}
}

// fillStream writes the events, one per message or in packs of 100, without
// syncing each: what is measured is reading them.
func fillStream(b *testing.B, dir string, events, pack int) {
	b.Helper()
	fillWith(b, dir, events, pack, drainEvent)
}

// fillWith does so with other events.
func fillWith(b testing.TB, dir string, events, pack int, event func(*rand.Rand, int) (key string, raw []byte)) {
	b.Helper()
	fillParts(b, dir, drainParts, events, pack, event)
}

func fillParts(b testing.TB, dir string, parts, events, pack int, event func(*rand.Rand, int) (key string, raw []byte)) {
	b.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: dir, Port: -1, Durability: natsd.Process})
	require.NoError(b, err)
	nc, err := srv.Connect("fill")
	require.NoError(b, err)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
	require.NoError(b, err)
	_, err = journal.EnsureStreams(context.Background(), js, journal.Config{Partitions: parts, History: journal.DefaultHistory})
	require.NoError(b, err)
	r := rand.New(rand.NewPCG(1, 2))
	packs := make([][]intake.Packed, parts)
	send := func(p int, body []byte) {
		_, err := js.PublishAsync(journal.EventSubject(p), body, jetstream.WithStallWait(30*time.Second))
		require.NoError(b, err)
	}
	for i := range events {
		key, raw := event(r, i)
		p := lead.Partition(key, parts)
		if pack == 1 {
			send(p, raw)
			continue
		}
		if packs[p] = append(packs[p], intake.Packed{Raw: raw, Received: 1}); len(packs[p]) == pack {
			body, err := intake.EncodePack(nil, packs[p])
			require.NoError(b, err)
			send(p, body)
			packs[p] = packs[p][:0]
		}
	}
	for p, rest := range packs {
		if len(rest) > 0 {
			body, err := intake.EncodePack(nil, rest)
			require.NoError(b, err)
			send(p, body)
		}
	}
	<-js.PublishAsyncComplete()
	nc.Close()
	require.NoError(b, srv.Stop(context.Background()))
}

// drainBare reads one partition with a bare ordered consumer that has the two
// filters which the engine uses, and does nothing with it.
func drainBare(b *testing.B, dir string, p int) float64 {
	b.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: dir, Port: -1})
	require.NoError(b, err)
	defer func() { _ = srv.Stop(context.Background()) }()
	nc, err := srv.Connect("bare")
	require.NoError(b, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(b, err)
	started := time.Now()
	n, err := readBare(js, p)
	require.NoError(b, err)
	require.Positive(b, n)
	return float64(n) / time.Since(started).Seconds()
}

// readBare reads partition p to its end.
func readBare(js jetstream.JetStream, p int) (int, error) {
	c, err := js.OrderedConsumer(context.Background(), journal.EventsStream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{journal.EventSubject(p), journal.ControlSubject}})
	if err != nil {
		return 0, err
	}
	info, err := c.Info(context.Background())
	if err != nil {
		return 0, err
	}
	it, err := c.Messages(jetstream.PullMaxMessages(10_000))
	if err != nil {
		return 0, err
	}
	defer it.Stop()
	for n := range int(info.NumPending) {
		if _, err := it.Next(); err != nil {
			return n, err
		}
	}
	return int(info.NumPending), nil
}

// drainEngine lets an engine score the stream from the beginning, and tells the
// rate and the processor time in µs per event, both from the first commit to
// the last: starting up is not draining.
func drainEngine(b *testing.B, w *engine.Workflow, dir string, events int) (rate, cpu float64) {
	b.Helper()
	e, err := engine.New(context.Background(), engine.Options{Workflow: w, Data: dir, Port: -1, Clock: engine.ClockStream, Partitions: drainParts})
	require.NoError(b, err)
	defer func() { require.NoError(b, stopEngine(e)) }()
	started, used, before := time.Now(), processCPU(), int64(0)
	for e.Committed() < int64(events) {
		if before == 0 {
			started, used, before = time.Now(), processCPU(), e.Committed()
		}
		select {
		case <-e.Done():
			b.Fatal(e.Err())
		case <-time.After(2 * time.Millisecond):
			require.Less(b, time.Since(started), 2*time.Minute, "%d of %d events", e.Committed(), events)
		}
	}
	n := float64(int64(events) - before)
	return n / time.Since(started).Seconds(), float64((processCPU() - used).Microseconds()) / n
}

// processCPU is the processor time that this process has used: on a shared
// machine it says more than the clock on the wall.
func processCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// drainRound is one round of the benchmark.
type drainRound struct{ bare, single, packs, singleCPU, packsCPU float64 }

// BenchmarkDrain measures, in one run and under SyncAlways: a bare ordered
// consumer with the engine's two filters, the engine on one event per message,
// and the engine on packs of 100 of the same events. They take turns, and the
// median of the rounds' ratios counts, because a machine is not equally fast
// all the time. Read the ratios. All run with the memory that `ripen run` sets.
func BenchmarkDrain(b *testing.B) {
	engine.TuneMemory(engine.MemorySlack)
	w := loadWorkflow(b, drainWorkflow)
	single, packed := filepath.Join(b.TempDir(), "single"), filepath.Join(b.TempDir(), "packed")
	fillStream(b, single, drainEvents, 1)
	fillStream(b, packed, drainEvents, 100)
	for b.Loop() {
		var rounds []drainRound
		for range drainRounds {
			r := drainRound{bare: drainBare(b, single, 1)}
			r.single, r.singleCPU = drainCopy(b, w, single)
			r.packs, r.packsCPU = drainCopy(b, w, packed)
			rounds = append(rounds, r)
			fmt.Printf("round: bare %.0f messages/s; engine %.0f events/s alone (%.2f µs of processor each), %.0f in packs of 100 (%.2f µs)\n",
				r.bare, r.single, r.singleCPU, r.packs, r.packsCPU)
		}
		figure("bare ordered consumer, messages/s", median(rounds, func(r drainRound) float64 { return r.bare }))
		figure("engine, one event per message, events/s", median(rounds, func(r drainRound) float64 { return r.single }))
		figure("engine, packs of 100, events/s", median(rounds, func(r drainRound) float64 { return r.packs }))
		one := median(rounds, func(r drainRound) float64 { return r.single / r.bare })
		packs := median(rounds, func(r drainRound) float64 { return r.packs / r.single })
		verdict(b, "one event per message, against the bare consumer", one, 0.5, one >= 0.5)
		verdict(b, "packs of 100, against one event per message", packs, 2.5, packs >= 2.5)
	}
}

// drainCopy drains a copy of a data folder from the beginning.
func drainCopy(b *testing.B, w *engine.Workflow, dir string) (rate, cpu float64) {
	b.Helper()
	fresh := filepath.Join(b.TempDir(), "copy")
	require.NoError(b, os.CopyFS(fresh, os.DirFS(dir)))
	defer func() { _ = os.RemoveAll(fresh) }()
	runtime.GC() // what the one before left is not this one's
	return drainEngine(b, w, fresh, drainEvents)
}

func median(rounds []drainRound, of func(drainRound) float64) float64 { return medianOf(rounds, of) }

func medianOf[T any](rounds []T, of func(T) float64) float64 {
	list := make([]float64, len(rounds))
	for i, r := range rounds {
		list[i] = of(r)
	}
	slices.Sort(list)
	return list[len(list)/2]
}
