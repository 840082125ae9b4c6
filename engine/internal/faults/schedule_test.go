package faults_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// countingWorkflow has no steps: whatever is lost or counted twice shows in
// its counters, its routes and the numbers of its decisions.
const countingWorkflow = `
workflow "counting" { display = "{count.all} {count.week}" }
counter "all" { events = ["*"] }
counter "week" {
  events = ["*"]
  window = "7d"
}
route "sales-handoff" "even" {
  when     = count.all >= 2
  reset    = idle("2s")
  cooldown = "3s"
}
route "investigate" "quiet" {
  when  = idle("4s")
  reset = !idle("4s")
}
route "nurture" "rest" { default = true }
silence "unreachable-route" {
  of      = "investigate/quiet"
  because = "leads rest between their events"
}
`

// fates are what may become of each kind of operation.
var fates = map[broker.Kind][]broker.Fate{
	broker.Publish: {broker.LostAnswer, broker.Lost, broker.Late, broker.LateAnswer, broker.Refused, broker.CutBefore, broker.CutAfter, broker.Twice, broker.Crash, broker.CrashAfter},
	broker.Part:    {broker.Lost, broker.CutBefore, broker.Crash, broker.Twice},
	broker.Commit:  {broker.LostAnswer, broker.Lost, broker.Late, broker.LateAnswer, broker.Refused, broker.CutBefore, broker.CutAfter, broker.Twice, broker.Crash, broker.CrashAfter},
	broker.Request: {broker.LostAnswer, broker.Lost, broker.LateAnswer, broker.Refused, broker.CutBefore, broker.CutAfter},
	broker.Pull:    {broker.Lost, broker.CutBefore, broker.Twice},
}

// harm is a plan by which one operation in `one` goes wrong, and what makes a
// commit more often.
func harm(seed uint64, one int) broker.Plan {
	rng := rand.New(rand.NewPCG(seed, 0x6861726d))
	return func(op broker.Op) (broker.Fate, time.Duration) {
		often := one
		if op.Kind == broker.Commit || strings.HasPrefix(op.Subject, "ripen.j.") {
			often = max(2, one/5)
		}
		if op.Client == "auditor" || rng.IntN(often) > 0 {
			return broker.Fine, 0
		}
		list := fates[op.Kind]
		fate := list[rng.IntN(len(list))]
		if pushes(op) && (fate == broker.LostAnswer || fate == broker.LateAnswer) {
			fate = broker.Lost
		}
		return fate, time.Duration(rng.IntN(9000)) * time.Millisecond
	}
}

// pushes says that the operation makes a consumer that is sent messages at once.
// The client library waits for its answer with a lock held that the first
// message wants too, and time stands still in a bubble in which somebody waits
// for a lock: so it is done with an answer, or not at all.
func pushes(op broker.Op) bool {
	return strings.HasPrefix(op.Subject, "$JS.API.CONSUMER.CREATE.KV_") || strings.HasPrefix(op.Subject, "$JS.API.CONSUMER.CREATE.OBJ_")
}

// act lets something happen.
func (w *world) act(clients []*nats.Conn, n int) {
	switch k := w.rng.IntN(20); {
	case k < 9:
		w.event(clients, n)
	case k < 12:
		time.Sleep(time.Duration(w.rng.IntN(2500)) * time.Millisecond)
	case k == 12 && len(w.procs) > 0:
		w.kill(w.procs[w.rng.IntN(len(w.procs))])
	case k == 13 && len(w.procs) > 0:
		w.drain(w.procs[w.rng.IntN(len(w.procs))])
	case k == 14 && len(w.procs) > 0:
		p := w.procs[w.rng.IntN(len(w.procs))]
		if p.ice = !p.ice; p.ice {
			p.link.Freeze()
		} else {
			p.link.Thaw()
		}
	case k == 15 && len(w.procs) > 0:
		w.procs[w.rng.IntN(len(w.procs))].link.Cut()
	case k == 16:
		w.b.Restart()
	default:
		if len(w.procs) < 2 {
			w.start()
		}
	}
	w.sweep()
	time.Sleep(time.Duration(w.rng.IntN(300)) * time.Millisecond)
}

// event sends one event or a few, old ones among them.
func (w *world) event(clients []*nats.Conn, n int) {
	var lines, owners []string
	for i := range 1 + w.rng.IntN(4) {
		id := fmt.Sprintf("e%d-%d", n, i)
		if w.rng.IntN(10) == 0 {
			id = fmt.Sprintf("e%d-0", w.rng.IntN(n+1)) // again, perhaps
		}
		who := fmt.Sprintf("lead-%d", w.rng.IntN(w.leads))
		lines, owners = append(lines, event(id, who, "Seen", time.Now())), append(owners, who)
	}
	if w.rng.IntN(2) == 0 {
		w.produce(clients[w.rng.IntN(len(clients))], lines)
		return
	}
	for i, l := range lines {
		_, _ = w.b.Append(journal.EventSubject(lead.Partition(owners[i], w.opts.Partitions)), []byte(l)) // without a stream so far there is no event
	}
}

// TestSchedules plays seeded schedules of failures through the real engine: its
// journal, its partitions, its intake and its clock, on a broker that loses,
// delays, repeats, refuses, cuts and crashes, with engines that are killed,
// drained, frozen and started. After each, what was published and what the
// journal holds must be what a core that never stops makes of the events.
// RIPEN_FAULTS_RUNS and RIPEN_FAULTS_SEED say how many and which.
func TestSchedules(t *testing.T) {
	runs, first := number(t, "RIPEN_FAULTS_RUNS", 120), number(t, "RIPEN_FAULTS_SEED", 0)
	work := load(t, countingWorkflow)
	visited, decisions := map[string]int{}, 0
	bubble(t, func(t *testing.T) {
		for seed := first; seed < first+runs && !t.Failed(); seed++ {
			w := newWorld(t, uint64(seed), work, engine.Options{Partitions: 1 + seed%3, Tick: time.Second})
			decisions += w.schedule(uint64(seed))
			for k, n := range w.b.Visited() {
				visited[k] += n
			}
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		}
	})
	require.Greater(t, decisions, 5*runs, "the schedules decide something")
	t.Logf("%d decisions; what went wrong: %v", decisions, visited)
}

// TestSchedules_ColdLeads plays schedules with three leads in memory and the
// others in the local store, which engines find again as somebody left it: up to
// date, as it was at an instant of another engine's crash, old, or not at all.
func TestSchedules_ColdLeads(t *testing.T) {
	runs, first := number(t, "RIPEN_FAULTS_RUNS", 30), number(t, "RIPEN_FAULTS_SEED", 0)
	work := load(t, countingWorkflow)
	decisions, said := 0, &gossip{}
	log := said.logger()
	bubble(t, func(t *testing.T) {
		for seed := first; seed < first+runs && !t.Failed(); seed++ {
			w := newWorld(t, uint64(seed), work, engine.Options{Partitions: 1 + seed%2, Tick: time.Second, Cache: 3, SnapshotEvery: time.Second, Logger: log})
			w.stored, w.leads = true, 14
			decisions += w.schedule(uint64(seed))
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		}
	})
	require.Greater(t, decisions, 10*runs, "the schedules decide something")
	t.Logf("%d decisions; %v", decisions, said.count)
}

// schedule plays one, and returns how much was decided in it.
func (w *world) schedule(seed uint64) int {
	defer w.close()
	w.start()
	var clients []*nats.Conn
	for i := range 2 {
		nc, _ := w.connect(fmt.Sprint("producer-", i))
		defer nc.Close()
		clients = append(clients, nc)
	}
	w.b.SetPlan(harm(seed, 4+w.rng.IntN(40)))
	for n := range 30 {
		w.act(clients, n)
	}
	n := w.check(w.settle())
	if len(w.died) > 0 {
		w.failed("engines ended by themselves:\n%s", w.died)
	}
	return n
}

// TestSchedules_CutBatches plays micro-batches that make more decisions than one
// record may have: they are cut by leads, and whatever happens between the
// records, each lead's events count once.
func TestSchedules_CutBatches(t *testing.T) {
	work := load(t, countingWorkflow)
	first := number(t, "RIPEN_FAULTS_SEED", 0)
	bubble(t, func(t *testing.T) {
		for seed := first; seed < first+number(t, "RIPEN_FAULTS_CUTS", 8) && !t.Failed(); seed++ {
			w := newWorld(t, uint64(seed), work, engine.Options{Partitions: 1, Tick: time.Second})
			w.cutBatches(uint64(seed))
			if t.Failed() {
				t.Logf("seed %d", seed)
			}
		}
	})
}

func (w *world) cutBatches(seed uint64) {
	defer w.close()
	w.start()
	w.b.SetPlan(harm(seed, 400))
	for n := range 6 {
		if n%2 == 0 {
			var list []string
			for i := range 950 + w.rng.IntN(900) { // each decides, and each again is a duplicate
				list = append(list, event(fmt.Sprint("c", n, "-", i%1700), fmt.Sprint("cut-", n/4, "-", i), "Seen", time.Now()))
			}
			_, _ = w.b.Append(journal.EventSubject(0), []byte(strings.Join(list, "\n"))) // without a stream so far there is no event
		}
		time.Sleep(time.Duration(w.rng.IntN(400)) * time.Millisecond)
		if w.rng.IntN(2) == 0 && len(w.procs) > 0 {
			w.kill(w.procs[0])
		}
		if w.sweep(); len(w.procs) == 0 {
			w.start()
		}
	}
	w.check(w.settle())
	if len(w.died) > 0 {
		w.failed("engines ended by themselves:\n%s", w.died)
	}
}
