package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/replay"
)

// crowd sends events of many leads as fast as they are taken, from several
// clients at once.
type crowd struct {
	s       *stage
	senders int
	each    int // events in a batch
	leads   int
	rng     *rand.Rand
	now     int64 // ms, of the events

	mu      sync.Mutex
	numbers int
	taken   map[string]bool // ids of events that were accepted
	closes  map[string]int  // by lead: answers of sales that end an episode
	batches atomic.Int64    // of this burst
}

const crowdStart = int64(1_767_225_600_000) // 2026-01-01

func newCrowd(s *stage, seed uint64) *crowd {
	return &crowd{s: s, senders: 3, each: 20, leads: usually(300), rng: rand.New(rand.NewPCG(seed, 0x63726f77)), now: crowdStart, taken: map[string]bool{}, closes: map[string]int{}}
}

// batch invents some events, and sometimes lets time pass.
func (c *crowd) batch() (ids []string, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []string
	for range c.each {
		c.numbers++
		c.now += int64(c.rng.IntN(120_000))
		id, who := fmt.Sprint("c", c.numbers), fmt.Sprintf("lead-%03d", c.rng.IntN(c.leads))
		at := stamp(c.now - int64(c.rng.IntN(3))*int64(c.rng.IntN(3_600_000)))
		name := "Guide Downloaded"
		switch n := c.rng.IntN(200); {
		case n == 0:
			name = "Demo Requested"
		case n < 3:
			name = []string{"Lead Rejected", "Lead Lost", "Lead Won"}[c.rng.IntN(3)]
			c.closes[who]++
		case n < 120:
			lines = append(lines, fmt.Sprintf(`{"type":"page","messageId":%q,"userId":%q,"properties":{"path":"/product/a"},"timestamp":%q}`, id, who, at))
			ids = append(ids, id)
			continue
		}
		lines, ids = append(lines, track(id, who, name, at)), append(ids, id)
	}
	if c.rng.IntN(4) == 0 {
		c.now += int64(c.rng.IntN(20)) * 3_600_000
		lines = append(lines, tick(stamp(c.now)))
	}
	return ids, strings.Join(lines, "\n")
}

// time is how far the events have come, ms.
func (c *crowd) time() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func stamp(at int64) string { return time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z") }

// burst does something while batches flow: so many before it, and as many behind
// it.
func (c *crowd) burst(batches int64, do func()) {
	var running sync.WaitGroup
	var last atomic.Int64
	last.Store(1 << 62)
	c.batches.Store(0)
	for range c.senders {
		running.Go(func() {
			for n := c.batches.Add(1); n <= last.Load(); n = c.batches.Add(1) {
				if c.deliver(c.batch()); n > 2*batches {
					time.Sleep(10 * time.Millisecond) // what is done takes long: all that is sent has to be played again
				}
			}
		})
	}
	require.Eventually(c.s.t, func() bool { return c.batches.Load() >= batches }, 30*time.Second, 100*time.Microsecond)
	do()
	last.Store(c.batches.Load() + batches)
	running.Wait()
	c.s.settled()
}

// deliver sends a batch until it is accepted: an engine that is away comes back.
func (c *crowd) deliver(ids []string, text string) {
	for range 2000 {
		nc := c.s.client()
		msg, err := nc.Request("ripen.in", []byte(text), 300*time.Millisecond)
		var a ingest.Answer
		if err == nil && json.Unmarshal(msg.Data, &a) == nil && a.Error == nil {
			c.mu.Lock()
			for _, id := range ids {
				c.taken[id] = true
			}
			c.mu.Unlock()
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.s.t.Error("a batch was never accepted")
}

// client is the connection that events are sent over.
func (s *stage) client() *nats.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nc
}

// forecast is what plan foretells of two releases of which one is live and the
// other runs beside it: given what it has read at one moment, it is fed with the
// events that follow.
type forecast struct {
	t        *testing.T
	s        *stage
	past     *engine.Rehearsal
	compare  *plan.Comparison
	number   [2]uint32 // of the releases; the first is live
	lineages [2]lineage.ID
	cores    [2][]*core.Core
	at       []journal.Position
	known    map[string]uint64 // by lead: decisions that were made before
	joined   []journal.Position
	events   map[string]int // ids that came, how often
	decided  []lead.Decision
	differ   []string // differences of the shadow
	seen     int      // differences between leads, of all comparisons
}

// foretell reads the streams as `ripen plan` does, under load.
func foretell(s *stage) *forecast {
	t := s.t
	f := &forecast{t: t, s: s, number: [2]uint32{1, 2}, known: map[string]uint64{}, events: map[string]int{}}
	var err error
	f.past, err = engine.Rehearse(t.Context(), engine.Options{Workflow: s.works[1], Releases: s.opts.Releases, Data: s.data, Clock: engine.ClockStream}, false)
	require.NoError(t, err)
	t.Cleanup(f.past.Close)
	var programs [2]core.Program
	for i := range programs {
		crew, err := s.works[i].NewCrew(t.Context())
		require.NoError(t, err)
		t.Cleanup(crew.Close)
		programs[i] = crew.Program
	}
	f.compare = plan.NewComparison(plan.Version{Release: plan.Release{Number: 1}, Program: programs[0], Def: s.works[0].Def},
		plan.Version{Release: plan.Release{Number: 2}, Program: programs[1], Def: s.works[1].Def}, s.opts.Partitions)
	next, err := replay.New((&pair{}).fresh(t, s.works[1]), replay.Options{Partitions: s.opts.Partitions, Core: f.past.CoreOptions(), Decided: func(int, int, []lead.Decision) {}})
	require.NoError(t, err)
	t.Cleanup(next.Close)
	require.NoError(t, f.past.Build(t.Context(), next, nil, func(_ int, e *lead.Event) { f.came(e) }))
	f.cores = [2][]*core.Core{f.past.Cores(), next.Cores()}
	for n, c := range f.cores[0] {
		f.at = append(f.at, f.past.At(n))
		c.Leads(func(a *ledger.Account) { f.known[a.Key] = a.Marks.Seq })
	}
	f.joined = make([]journal.Position, s.opts.Partitions)
	return f
}

func (f *forecast) came(e *lead.Event) {
	if e.Kind != lead.Tick {
		f.events[e.ID]++
	}
}

// join finds out from which input on the shadow was in step.
func (f *forecast) join(shadow lineage.ID) {
	f.lineages = [2]lineage.ID{lineage.ID(f.s.lineageOf(1)), shadow}
	for n := range f.joined {
		require.NoError(f.t, f.s.e.Records(f.t.Context(), n, func(rec journal.Record) error {
			for i := range rec.Lineages {
				if l := &rec.Lineages[i]; l.ID == uint64(shadow) && l.Role == journal.RoleShadow && f.joined[n].Seq == 0 {
					f.joined[n] = rec.Pos
				}
			}
			return nil
		}))
		require.NotZero(f.t, f.joined[n].Seq)
	}
}

func (s *stage) lineageOf(release uint32) uint64 {
	for _, l := range s.e.Lineages() {
		if l.Release == release {
			return l.ID
		}
	}
	return 0
}

// feed lets both releases score what the stream has in front of a message.
func (f *forecast) feed(to uint64) {
	for n := range f.at {
		require.NoError(f.t, f.s.e.Inputs(f.t.Context(), n, f.at[n], to, func(seq uint64, in core.Input) error {
			require.Nil(f.t, in.Refused)
			f.came(&in.Event)
			var outs [2]core.Output
			for i := range outs {
				if err := f.cores[i][n].Run([]core.Input{in}, &outs[i]); err != nil {
					return err
				}
			}
			f.decided = append(f.decided, outs[0].Decisions...)
			if seq >= f.joined[n].Seq {
				f.differ = append(f.differ, f.differences(outs[0].Decisions, outs[1].Decisions)...)
			}
			return nil
		}))
		f.at[n] = journal.Position{Seq: to}
	}
}

func (f *forecast) differences(live, shadow []lead.Decision) (list []string) {
	member := func(i int) *lineage.Member {
		return &lineage.Member{Descriptor: lineage.Descriptor{ID: f.lineages[i], Workflow: "small", Release: lineage.Release{Number: f.number[i]}}}
	}
	for _, d := range lineage.Differences(member(0), member(1), live, shadow) {
		list = append(list, text(d))
	}
	return list
}

// promote is what plan says of making the shadow live.
func (f *forecast) promote(order uint64, onRelease string) {
	f.feed(order)
	sw, err := f.compare.Onto(f.cores[0], f.cores[1], &plan.Mode{Rescore: true, OnRelease: onRelease}, f.s.timeOf(order))
	require.NoError(f.t, err)
	f.decided = append(f.decided, sw.Decisions...)
	f.turn()
}

// back is a switch the other way, which may take hand-offs back.
func (f *forecast) back(order uint64, recall bool, since int64) {
	f.feed(order)
	sw := &core.Switch{Release: strconv.Itoa(int(f.number[1])), At: f.s.timeOf(order), OnRelease: decide.Fire, Recall: recall, Since: since}
	for n := range f.at {
		var out core.Output
		_, _, err := f.cores[1][n].SwitchFrom(f.cores[0][n], sw, "", 0, &out)
		require.NoError(f.t, err)
		f.decided = append(f.decided, out.Decisions...)
	}
	f.turn()
}

// timeOf is the time of an order.
func (s *stage) timeOf(order uint64) int64 {
	stream, err := s.e.Conn().JetStream()
	require.NoError(s.t, err)
	m, err := stream.GetMsg(journal.EventsStream, order)
	require.NoError(s.t, err)
	c, err := journal.DecodeControl(m.Data)
	require.NoError(s.t, err)
	return c.At
}

// turn lets the releases change places.
func (f *forecast) turn() {
	f.cores[0], f.cores[1] = f.cores[1], f.cores[0]
	f.number[0], f.number[1] = f.number[1], f.number[0]
	f.lineages[0], f.lineages[1] = f.lineages[1], f.lineages[0]
}

func (f *forecast) clock() (at int64) {
	for _, c := range slices.Concat(f.cores[0], f.cores[1]) {
		at = max(at, c.Clock())
		c.Leads(func(a *ledger.Account) { at = max(at, a.Clock) })
	}
	return at
}

// holds compares what `ripen shadow diff` says now with what was foretold, and
// with what a plan of the same moment sums up.
func (f *forecast) holds(when string) {
	f.feed(f.s.end() + 1)
	got, err := engine.CompareShadow(f.t.Context(), engine.Options{Releases: f.s.opts.Releases, Data: f.s.data, Clock: engine.ClockStream}, "small", f.number[1])
	require.NoError(f.t, err)
	require.Equal(f.t, f.number[0], got.Live, when)
	want, err := engine.CompareCores(f.cores[0], f.cores[1], f.clock())
	require.NoError(f.t, err)
	require.Equal(f.t, text(want), text(got.Differences), when)
	was, is := f.cores[0], f.cores[1]
	if f.number[0] != 1 {
		was, is = is, was
	}
	r, err := f.compare.Report(&plan.State{Mode: plan.Mode{Rescore: true, OnRelease: plan.Fire}, History: plan.History{To: f.clock(), Whole: true}, Before: was, After: is})
	require.NoError(f.t, err)
	scores, episodes := 0, 0
	for i := range got.Differences {
		d := &got.Differences[i]
		if text(d.Live.Scores) != text(d.Shadow.Scores) {
			scores++
		}
		if d.Decision {
			episodes++
		}
	}
	assert.Equal(f.t, r.Leads.Score, scores, when)
	assert.Equal(f.t, r.Leads.All, got.Leads, when)
	f.seen += scores + episodes
}

// toldOf are the differences of a shadow that the engine has told.
func (s *stage) toldOf(release uint32) (list []string) {
	s.t.Helper()
	require.NoError(s.t, engine.FollowShadow(s.t.Context(), engine.Options{Data: s.data}, "small", release, true, func(d *engine.ShadowDifference) error {
		list = append(list, text(d))
		return nil
	}))
	return list
}

// rounds are how many rounds of a test under load are played, and the first
// seed: ROUNDS and SEED, or a few.
func rounds(t *testing.T, usual uint64) (first, n uint64) {
	number := func(name string, usual uint64) uint64 {
		if os.Getenv(name) == "" {
			return usual
		}
		v, err := strconv.ParseUint(os.Getenv(name), 10, 64)
		require.NoError(t, err, name)
		return v
	}
	return number("SEED", 0), number("ROUNDS", usual)
}

// TestShadow_PromotedAndRolledBackUnderLoad is must-show 3 of issue 4: while
// events flow, a release runs as a shadow, is promoted, and is rolled back. What
// plan has foretold of both releases is what the engine says and does, decision
// by decision; no lead is handed over twice in one episode; and nothing is lost.
// Every second round the engine is killed on the way.
func TestShadow_PromotedAndRolledBackUnderLoad(t *testing.T) {
	t.Parallel() // it waits more than it works
	first, n := rounds(t, 2)
	handed, told := 0, 0
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			h, d := shadowRound(t, seed)
			handed, told = handed+h, told+d
		})
	}
	assert.Greater(t, handed, usually(100)*int(n), "leads are handed over")
	assert.Greater(t, told, usually(10)*int(n), "the shadow decides otherwise")
}

func shadowRound(t *testing.T, seed uint64) (handed, told int) {
	rng := rand.New(rand.NewPCG(seed, 0x73686164))
	shelf := newShelf(t)
	s := &stage{t: t, data: t.TempDir(), works: []*engine.Workflow{shelve(t, shelf, strings.Replace(smallWorkflow, threshold, fmt.Sprintf("recent >= %d", 60+rng.IntN(60)), 1))}}
	s.works = append(s.works, shelve(t, shelf, strings.NewReplacer(threshold, fmt.Sprintf("recent >= %d", 50+rng.IntN(90)),
		`"Guide Downloaded" = 15`, fmt.Sprintf(`"Guide Downloaded" = %d`, 12+rng.IntN(9)), `"60d"`, `"45d"`).Replace(smallWorkflow)))
	s.opts = engine.Options{Workflow: s.works[0], Releases: engine.Given(s.works...), Data: s.data, Clock: engine.ClockStream, Quiet: time.Hour, Partitions: 1 + int(seed+2)%4, Cache: 200}
	s.start()
	c, killed, batches := newCrowd(s, seed), seed%2 == 1, int64(usually(20))
	kill := func() {
		if killed {
			s.crash()
			s.start()
		}
	}
	order := func(o lineage.Order) uint64 {
		o.Workflow = "small"
		seq, err := s.e.Order(t.Context(), o)
		require.NoError(t, err)
		return seq
	}

	var f *forecast
	var shadow uint64
	c.burst(batches, func() {
		f = foretell(s)
		shadow = order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory})
		kill()
	})
	s.ready()
	f.join(lineage.ID(shadow))
	c.burst(batches, func() {})
	f.holds("as a shadow")

	on := []string{lineage.Fire, lineage.Mark}[seed/2%2]
	var promoted, restored uint64
	since := c.now
	c.burst(batches, func() {
		promoted = order(lineage.Order{Op: lineage.Switch, Lineage: lineage.ID(shadow), OnRelease: on, Keep: 400 * 86_400_000})
		kill()
	})
	f.promote(promoted, on)
	f.holds("promoted")

	recall := seed/4%2 == 0
	c.burst(batches, func() {
		restored = order(lineage.Order{Op: lineage.Switch, Lineage: f.lineages[1], Keep: 400 * 86_400_000, Recall: recall, Since: since})
		kill()
	})
	f.back(restored, recall, since)
	f.holds("rolled back")

	for id := range c.taken {
		require.Positive(t, f.events[id], "event %s was accepted and is not in the stream", id)
	}
	all := s.spoken()
	later := slices.DeleteFunc(slices.Clone(all), func(d lead.Decision) bool { return d.Seq <= f.known[d.Lead] })
	require.Equal(t, lines(inOrder(f.decided)), lines(inOrder(later)), "decisions, byte for byte")
	handed = once(t, c, all)
	if !killed { // a batch that was interrupted may be compared by what is left of it
		require.EqualValues(t, c.numbers, s.e.Committed(), "each event once")
		require.NoError(t, stopEngine(s.e))
		got := append(s.toldOf(1), s.toldOf(2)...)
		require.ElementsMatch(t, f.differ, got, "what was told of the shadow")
	}
	s.verified()
	assert.Positive(t, f.seen, "leads stand otherwise")
	return handed, len(f.differ)
}

// once demands that no lead is handed over twice in one episode: neither by the
// episode's number, nor without an answer of sales, or a recall, in between.
func once(t *testing.T, c *crowd, all []lead.Decision) (handed int) {
	t.Helper()
	episodes, times, ends := map[string]int{}, map[string]int{}, map[string]int{}
	for i := range all {
		switch d := &all[i]; d.Action {
		case "sales-handoff":
			handed++
			times[d.Lead]++
			key := fmt.Sprint(d.Lead, " ", d.Episode)
			episodes[key]++
			require.Equal(t, 1, episodes[key], "lead and episode %s", key)
		case decide.RecallAction:
			ends[d.Lead]++
		}
	}
	for who, n := range times {
		require.LessOrEqual(t, n, 1+c.closes[who]+ends[who], "lead %s", who)
	}
	return handed
}

// Who follows a shadow hears of each decision that differs, as it is made: those
// of before too if wanted, and of no other release.
func TestShadow_DifferencesAreFollowed(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2}, 25, 15, 35)
	s.downloads(0, 10, "2026-01-01T00:00:00Z")
	o := engine.Options{Data: s.data}
	require.ErrorIs(t, engine.FollowShadow(t.Context(), o, "", 2, false, nil), engine.ErrNoShadow)
	for _, n := range []int{2, 3} {
		s.order(lineage.Order{Op: lineage.Start, Release: s.release(n), Origin: lineage.FromHistory})
	}
	s.downloads(10, 15, "2026-01-02T00:00:00Z") // handed over by 2 alone
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan string, 100), make(chan error, 2)
	for _, past := range []bool{true, false} {
		go func() {
			ended <- engine.FollowShadow(ctx, o, "small", 2, past, func(d *engine.ShadowDifference) error {
				heard <- fmt.Sprintf("past %v: %s %s", past, d.Lead, d.Shadow.Decision.Action)
				return nil
			})
		}()
	}
	got := map[string]bool{}
	hear := func(n int) {
		for range n {
			select {
			case d := <-heard:
				got[d] = true
			case <-time.After(10 * time.Second):
				t.Fatal("nothing is heard")
			}
		}
	}
	hear(5)
	time.Sleep(100 * time.Millisecond) // the other one follows too
	s.downloads(15, 16, "2026-01-03T00:00:00Z")
	hear(2)
	cancel()
	require.NoError(t, <-ended)
	require.NoError(t, <-ended)
	assert.Empty(t, heard)
	for i := range 6 {
		assert.Contains(t, got, fmt.Sprintf("past true: lead-%03d sales-handoff", 10+i))
	}
	assert.Contains(t, got, "past false: lead-015 sales-handoff")
	require.NoError(t, stopEngine(s.e))
	assert.Len(t, s.toldOf(2), 6, "without an engine it ends behind those that there are")
}
