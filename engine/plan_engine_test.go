package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/internal/randflow"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/replay"
)

// stageOf is an engine that runs the first release of a pair.
func stageOf(t *testing.T, p *pair) *stage {
	s := &stage{t: t, data: t.TempDir(), works: []*engine.Workflow{p.was, p.is}}
	s.opts = engine.Options{Workflow: p.was, Releases: engine.Given(s.works...), Data: s.data, Clock: engine.ClockStream, Quiet: time.Hour, Partitions: 1 + int(p.seed%3)}
	s.start()
	return s
}

// flows sends events and ticks to the engine.
func (s *stage) flows(events []lead.Event) {
	for len(events) > 0 {
		some := events[:min(len(events), 10)]
		events = events[len(some):]
		send(s.t, s.nc, randflow.Text(some))
	}
	s.settled()
}

// tear lets the first third of the history be gone, as by age.
func (s *stage) tear() {
	stream, err := s.e.Conn().JetStream()
	require.NoError(s.t, err)
	info, err := stream.StreamInfo(journal.EventsStream)
	require.NoError(s.t, err)
	require.NoError(s.t, stream.PurgeStream(journal.EventsStream, &nats.StreamPurgeRequest{Sequence: max(2, info.State.LastSeq/3)}))
}

// spoken are all decisions in the journal, without what names the switch
// point: the ids that its time and sequence are part of.
func (s *stage) spoken() (list []lead.Decision) {
	stream, err := s.e.Conn().JetStream()
	require.NoError(s.t, err)
	info, err := stream.StreamInfo(journal.JournalStream)
	require.NoError(s.t, err)
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		m, err := stream.GetMsg(journal.JournalStream, seq)
		if err == nil && strings.HasPrefix(m.Subject, "ripen.out.") {
			list = append(list, decision(s.t, &nats.Msg{Data: m.Data, Header: m.Header}))
		}
	}
	return list
}

func nameless(list []lead.Decision) []string {
	list = inOrder(list)
	for i := range list {
		if d := &list[i]; d.Cause.Kind == "release" {
			d.ID, d.Cause.At = "", 0
		}
	}
	return lines(list)
}

// foresee is what plan says of a running engine: of the switch, and of what
// follows it.
func (p *pair) foresee(t *testing.T, s *stage) (views map[string]string, decided []lead.Decision, r *plan.Report, cut int64) {
	t.Helper()
	past, err := engine.Rehearse(t.Context(), engine.Options{Workflow: p.is, Releases: s.opts.Releases, Data: s.data}, true)
	require.NoError(t, err)
	defer past.Close()
	require.Equal(t, !p.torn, past.Whole)
	was := plan.Nothing()
	if !p.begins {
		require.Equal(t, uint32(1), past.Release.Number)
		was = plan.Version{Release: plan.Release{Number: 1}, Program: p.crews[0].Program, Def: past.Work.Def}
	}
	c := plan.NewComparison(was, plan.Version{Release: plan.Release{Number: 2}, Program: p.crews[1].Program, Def: p.is.Def}, past.Partitions())
	next, err := replay.New(p.fresh(t, p.is), replay.Options{Partitions: past.Partitions(), Core: past.CoreOptions(),
		Decided: func(_, n int, list []lead.Decision) { c.Decided(1, n, list) }})
	require.NoError(t, err)
	defer next.Close()
	require.NoError(t, past.Decisions(t.Context(), func(n int, d *lead.Decision) { c.Decided(0, n, []lead.Decision{*d}) }))
	if p.mode.Rescore {
		require.NoError(t, past.Build(t.Context(), next, nil, func(int, *lead.Event) {}))
	}
	now := past.Clock(next.Cores()...)
	state := &plan.State{Mode: p.mode, History: plan.History{To: now, Whole: true}, Before: past.Cores(), After: next.Cores()}
	state.Switched, err = c.Onto(state.Before, state.After, &p.mode, now)
	require.NoError(t, err)
	r, err = c.Report(state)
	require.NoError(t, err)
	decided = append(decided, state.Switched.Decisions...)
	views = viewsOf(t, p.is, now, state.After...)
	for n, one := range state.After {
		var mine []lead.Event
		for i := range p.follow {
			if e := &p.follow[i]; e.Kind == lead.Tick || lead.Partition(e.Lead, len(state.After)) == n {
				mine = append(mine, *e)
			}
		}
		decided = append(decided, runAll(t, one, mine)...)
	}
	return views, decided, r, past.Cut
}

// carryOut does to the engine what apply orders.
func (p *pair) carryOut(s *stage, cut int64) {
	sw := lineage.Order{Op: lineage.Switch, OnRelease: p.mode.OnRelease, Keep: 3 * 86_400_000}
	switch {
	case p.mode.Rescore:
		sw.Lineage = s.obeys(p, lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory, Cut: cut})
	case p.mode.InPlace:
		sw.InPlace, sw.Keep, sw.Release = true, 0, s.release(2)
	default:
		sw.Lineage = s.obeys(p, lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromFork})
	}
	s.obeys(p, sw)
}

func (s *stage) obeys(p *pair, o lineage.Order) lineage.ID {
	s.t.Helper()
	o.Workflow = p.is.Model.Name
	seq, err := s.e.Order(s.t.Context(), o)
	require.NoError(s.t, err)
	s.settled()
	return lineage.ID(seq)
}

// TestPlan_IsTheTruthOfARunningEngine: what plan reads out of the streams of an
// engine is what that engine does when it is told to.
func TestPlan_IsTheTruthOfARunningEngine(t *testing.T) {
	shelf := newShelf(t, "traplike")
	first, n := runs(t, 12)
	newly := 0
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			p := newPair(t, shelf, seed)
			if p.mode.OnRelease == plan.Drip { // whose turn it is hangs on the sequence of the order
				p.mode.OnRelease, p.mode.PerDay = plan.Fire, 0
			}
			s := stageOf(t, p)
			s.flows(p.history)
			if p.torn = seed%3 == 2; p.torn {
				s.tear()
			}
			before := s.spoken()
			views, decided, r, cut := p.foresee(t, s)
			p.carryOut(s, cut)
			why := fmt.Sprintf("%+v torn %v\n%s", p.mode, p.torn, strings.Join(diffOf(r), "\n"))
			snap, err := engine.Inspect(t.Context(), engine.Options{Workflow: p.is, Releases: s.opts.Releases, Data: s.data, Clock: engine.ClockStream})
			require.NoError(t, err)
			require.Equal(t, views, viewsBy(t, p.is, snap.Clock(), snap, snap.Leads()), "scores and grades behind the switch; "+why)
			snap.Close()
			s.flows(p.follow)
			require.Equal(t, nameless(decided), nameless(s.spoken()[len(before):]), "decisions of the switch and behind it; "+why)
			newly += r.Switch.Newly
		})
	}
	assert.Positive(t, newly, "the switches find somebody newly true")
}

// A workflow that begins beside others: nobody was told anything before, and who
// is newly true, what is decided at the switch and behind it is what plan says.
func TestPlan_IsTheTruthOfANewWorkflow(t *testing.T) {
	shelf := newShelf(t, "traplike")
	first, n := runs(t, 12)
	newly := 0
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			p := newPair(t, shelf, seed)
			p.begins, p.is, p.mode = true, nil, plan.Mode{Rescore: true, OnRelease: []string{plan.Fire, plan.Mark}[seed%2]}
			rng := rand.New(rand.NewPCG(seed, 0x6e6577))
			for p.is == nil {
				p.is = shelveIfValid(t, shelf, workflowName.ReplaceAllLiteralString(p.another(rng), `workflow "fresh"`))
			}
			var err error
			p.crews[1], err = p.is.NewCrew(t.Context())
			require.NoError(t, err)
			t.Cleanup(p.crews[1].Close)
			s := stageOf(t, p)
			s.flows(p.history)
			if p.torn = seed%3 == 2; p.torn {
				s.tear()
			}
			views, decided, r, cut := p.foresee(t, s)
			require.True(t, r.Begins)
			p.carryOut(s, cut)
			snap, err := engine.InspectNamed(t.Context(), engine.Options{Releases: s.opts.Releases, Data: s.data, Clock: engine.ClockStream}, "fresh")
			require.NoError(t, err)
			require.Equal(t, views, viewsBy(t, p.is, snap.Clock(), snap, snap.Leads()), "scores and grades behind the switch")
			snap.Close()
			s.flows(p.follow)
			said := slices.DeleteFunc(s.spoken(), func(d lead.Decision) bool { return d.Workflow != "fresh" })
			require.Equal(t, nameless(decided), nameless(said), "decisions of the switch and behind it")
			newly += r.Switch.Newly
		})
	}
	assert.Positive(t, newly, "the switches find somebody newly true")
}
