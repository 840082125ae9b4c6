package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/replay"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
)

const (
	partitions = 6
	// cycle is how often an engine is killed.
	cycle = 15 * time.Second
	// The targets.
	crashTarget = 10 * time.Second
	drainTarget = time.Second
)

func number(t *testing.T, env string, def int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return def
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, env)
	return n
}

// story is one run.
type story struct {
	t       *testing.T
	r       *runner
	w       *watch
	engines [2]*process
	crash   []time.Duration
	drained []time.Duration
	zombies int
	kills   int
	late    int // targets missed
}

// TestCluster is the whole; CLUSTER_SECONDS and CLUSTER_SEED choose how long and
// what. The short form kills one engine and drains one, and only prints how long
// that took; losses fail it all the same.
func TestCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster and several processes")
	}
	seconds, seed := number(t, "CLUSTER_SECONDS", 6), number(t, "CLUSTER_SEED", 1)
	t.Logf("seed %d, %d s", seed, seconds)
	lines := bytes.Split(bytes.TrimSpace(demostream.Generate(uint64(seed), demostream.Options{Leads: 60 + 3*seconds, Days: 70})), []byte("\n"))
	s := startServers(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	st := &story{t: t, r: newRunner(t, s.urls, filepath.Join("..", "..", "..", "workflows", "letter-and-number"))}
	defer func() {
		for _, p := range st.engines {
			if p != nil {
				p.kill()
			}
		}
		if t.Failed() {
			st.keep(seed)
		}
	}()
	nc := s.connect(t)
	for i := range st.engines {
		st.engines[i] = st.r.start(i)
		st.engines[i].waitReady()
	}
	st.w = newWatch(ctx, t, nc)
	steps := stepDown(ctx, s.connect(t))
	quiet := make(chan struct{})
	l := produce(ctx, t, s, lines, uint64(seed), time.Duration(seconds)*time.Second, quiet)
	began := time.Now()
	st.disturb(rand.New(rand.NewPCG(uint64(seed), 7)), time.Duration(seconds)*time.Second)
	close(quiet)
	select {
	case <-l.done:
	case <-time.After(time.Minute):
		t.Fatalf("producers get no acknowledgment\n%s\n%s", st.engines[0].tail(), st.engines[1].tail())
	}
	took := time.Since(began)
	lines = append(lines, l.pulse...)
	last := lastTime(t, lines)
	l.tick(ctx, nc, last)
	require.True(t, st.w.caughtUp(last, 30*time.Second), "the engines read to the end\n%s\n%s", st.engines[0].tail(), st.engines[1].tail())
	cancel() // leaders stay
	for i, p := range st.engines {
		p.drain()
		st.engines[i] = nil
	}
	st.threeCopies(nc)
	lost, double, other := st.compare(lines)
	t.Logf("%d events acknowledged in %s, %d retries; %d kills, %d zombies, %d drains, %d leader step-downs, %d claims",
		l.acked.Load(), took.Round(time.Millisecond), l.retries.Load(), st.kills, st.zombies, len(st.drained), steps.Load(), st.w.claims())
	t.Logf("%d lost, %d double, %d other differences to an offline scoring of the same events", lost, double, other)
	t.Logf("orphaned partitions score again after a crash: %s (target ≤ %s)", spread(st.crash), crashTarget)
	t.Logf("orphaned partitions score again after a drain: %s (target ≤ %s)", spread(st.drained), drainTarget)
	if os.Getenv("CLUSTER_SECONDS") != "" { // among other tests the machine is not ours alone
		assert.Zero(t, st.late, "targets missed")
	}
	assert.Zero(t, lost+double+other, "seed %d", seed)
}

// threeCopies checks that whatever the engines made has as many copies as were
// asked for.
func (s *story) threeCopies(nc *nats.Conn) {
	s.t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(s.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	list, seen := js.ListStreams(ctx), 0
	for info := range list.Info() {
		assert.Equal(s.t, 3, info.Config.Replicas, info.Config.Name)
		seen++
	}
	require.NoError(s.t, list.Err())
	assert.GreaterOrEqual(s.t, seen, 3, "events, journal, owners")
}

// spread shows the middle and the longest of some times.
func spread(list []time.Duration) string {
	if len(list) == 0 {
		return "never tried"
	}
	list = slices.Sorted(slices.Values(list))
	return fmt.Sprintf("median %s, longest %s of %d", list[len(list)/2].Round(time.Millisecond), list[len(list)-1].Round(time.Millisecond), len(list))
}

// disturb kills, stops and drains engines for so long: in each cycle one is
// killed (or stopped for longer than the others wait), and then the other
// drained; both come back.
func (s *story) disturb(rnd *rand.Rand, d time.Duration) {
	s.t.Helper()
	end := time.Now().Add(d)
	for n := 0; time.Now().Before(end); n++ {
		next := time.Now().Add(cycle)
		s.settle()
		time.Sleep(time.Duration(500+rnd.IntN(500)) * time.Millisecond)
		who := (n + rnd.IntN(2)) % 2
		if n%4 == 2 {
			s.zombie(who)
		} else {
			s.kill(who)
		}
		if time.Now().After(end) && n > 0 {
			return
		}
		time.Sleep(time.Duration(500+rnd.IntN(1000)) * time.Millisecond)
		s.settle()
		s.drain(1 - who)
		time.Sleep(min(time.Until(next), time.Until(end)))
	}
}

// settle waits until both engines run their share.
func (s *story) settle() {
	s.t.Helper()
	if !s.w.settled(20*time.Second, s.engines[0].pid(), s.engines[1].pid()) {
		s.t.Fatalf("the partitions are not spread evenly\n%s\n%s", s.engines[0].tail(), s.engines[1].tail())
	}
}

// kill ends an engine without a word, waits until the other has taken over, and
// starts it again.
func (s *story) kill(who int) {
	s.t.Helper()
	orphans, began := s.w.orphans(s.engines[who].pid()), time.Now()
	s.engines[who].kill()
	s.kills++
	s.recovered("crash", orphans, began, crashTarget, &s.crash)
	s.restart(who)
}

// zombie stops an engine until the other has taken over, and lets it go on.
func (s *story) zombie(who int) {
	s.t.Helper()
	orphans, began := s.w.orphans(s.engines[who].pid()), time.Now()
	s.engines[who].signal(syscall.SIGSTOP)
	s.zombies++
	s.recovered("stop", orphans, began, crashTarget, &s.crash)
	s.engines[who].signal(syscall.SIGCONT)
}

// drain ends an engine in order, and starts it again.
func (s *story) drain(who int) {
	s.t.Helper()
	orphans, began := s.w.orphans(s.engines[who].pid()), time.Now()
	ended := make(chan struct{})
	go func() { defer close(ended); s.engines[who].drain() }()
	s.recovered("drain", orphans, began, drainTarget, &s.drained)
	<-ended
	s.restart(who)
}

func (s *story) recovered(what string, orphans map[int]uint64, began time.Time, target time.Duration, into *[]time.Duration) {
	s.t.Helper()
	took, ok := s.w.again(orphans, began, 30*time.Second)
	if !ok {
		s.t.Fatalf("%d partitions are not scored again after a %s\n%s\n%s", len(orphans), what, s.engines[0].tail(), s.engines[1].tail())
	}
	s.t.Logf("%s of an engine with %d partitions: scored again after %s", what, len(orphans), took.Round(time.Millisecond))
	if len(orphans) == 0 {
		return
	}
	*into = append(*into, took)
	if took > target {
		s.late++
	}
}

func (s *story) restart(who int) {
	s.t.Helper()
	s.engines[who] = s.r.start(who)
	s.engines[who].waitReady()
}

// compare holds the leads of the cluster against an offline scoring.
func (s *story) compare(lines [][]byte) (lost, double, other int) {
	s.t.Helper()
	events := filepath.Join(s.r.dir, "events.ndjson")
	require.NoError(s.t, os.WriteFile(events, append(bytes.Join(lines, []byte("\n")), '\n'), 0o600))
	want := s.views("score", "--json", "-w", s.r.flow, events)
	got := s.views("leads", "--json", "-w", s.r.flow, "--nats", s.r.urls)
	decisions := 0
	for who, w := range want {
		g, there := got[who]
		if !there {
			lost++
			s.t.Errorf("lead %s is lost", who)
			continue
		}
		decisions += len(w.Decisions)
		have := map[string]int{}
		for _, d := range g.Decisions {
			have[d.ID]++
		}
		for _, d := range w.Decisions {
			if have[d.ID] == 0 {
				lost++
				s.t.Errorf("decision %s of %s is lost", d.ID, who)
			}
			have[d.ID]--
		}
		for id, n := range have {
			if n > 0 {
				double += n
				s.t.Errorf("decision %s of %s is there %d times too often", id, who, n)
			}
		}
		sortBriefs(w.Decisions)
		sortBriefs(g.Decisions)
		if !assert.Equal(s.t, w, g) {
			other++
		}
	}
	for who := range got {
		if _, there := want[who]; !there {
			other++
			s.t.Errorf("lead %s is nobody's", who)
		}
	}
	s.t.Logf("%d events, %d leads, %d decisions compared with an offline scoring", len(lines), len(want), decisions)
	out, err := exec.Command(s.r.bin, "journal", "verify", "-w", s.r.flow, "--nats", s.r.urls, "--clock", "stream").CombinedOutput() //nolint:gosec // built for this
	if err != nil {
		other++
		s.t.Errorf("ripen journal verify: %v\n%s", err, out)
	}
	return lost, double, other
}

func sortBriefs(list []replay.Brief) {
	slices.SortFunc(list, func(a, b replay.Brief) int { return strings.Compare(a.ID, b.ID) })
}

func (s *story) views(args ...string) map[string]replay.View {
	s.t.Helper()
	cmd := exec.Command(s.r.bin, args...) //nolint:gosec // built for this
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(s.t, err, "%s", stderr.String())
	list := map[string]replay.View{}
	for _, line := range bytes.Split(bytes.TrimSpace(out), []byte("\n")) {
		var v replay.View
		require.NoError(s.t, json.Unmarshal(line, &v), "%s", line)
		list[v.Lead] = v
	}
	return list
}

// keep saves the logs of a failed run.
func (s *story) keep(seed int) {
	dir := filepath.Join(os.TempDir(), fmt.Sprint("ripen-cluster-", seed))
	_ = os.MkdirAll(dir, 0o700)
	logs, _ := filepath.Glob(filepath.Join(s.r.dir, "*.log"))
	for _, name := range logs {
		if b, err := os.ReadFile(name); err == nil {
			_ = os.WriteFile(filepath.Join(dir, filepath.Base(name)), b, 0o600)
		}
	}
	s.t.Logf("seed %d failed; the engines' logs are in %s", seed, dir)
}
