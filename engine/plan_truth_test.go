package engine_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/randflow"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/replay"
)

// pair is a release and the one that follows it.
type pair struct {
	seed     uint64
	flow     *randflow.Flow
	was, is  *engine.Workflow
	crews    [2]*engine.Crew
	mode     plan.Mode
	at       int64 // time of the switch, ms
	history  []lead.Event
	follow   []lead.Event
	began    int    // before this input stands the order to build the candidate
	switched uint64 // sequence of the switch
	sw       *core.Switch
	torn     bool // the history does not go back to the first event
	begins   bool // the one that follows is the first of another workflow
}

var (
	workflowName = regexp.MustCompile(`workflow "[^"]*"`)
	anyNumber    = regexp.MustCompile(`(= -?|>= |> |< )(\d+)\b`)
)

// another is a release that may follow: one that says all otherwise, or the same
// with some numbers changed.
func (p *pair) another(rng *rand.Rand) string {
	if rng.IntN(3) == 0 {
		other := randflow.New(p.seed + 1_000_000)
		return workflowName.ReplaceAllLiteralString(other.Text, fmt.Sprintf("workflow %q", "random-"+strconv.FormatUint(p.seed, 10)))
	}
	return anyNumber.ReplaceAllStringFunc(p.flow.Text, func(s string) string {
		if rng.IntN(4) > 0 {
			return s
		}
		m := anyNumber.FindStringSubmatch(s)
		n, _ := strconv.Atoi(m[2])
		return m[1] + strconv.Itoa(max(1, n+rng.IntN(2*n/3+3)-n/3))
	})
}

// newPair invents two releases of a workflow, a history, and what follows it.
func newPair(t *testing.T, s *engine.Shelf, seed uint64) *pair {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0x70616972))
	p := &pair{seed: seed, flow: randflow.New(seed)}
	p.was = shelve(t, s, p.flow.Text)
	for p.is == nil {
		p.is = shelveIfValid(t, s, p.another(rng))
	}
	for i, w := range []*engine.Workflow{p.was, p.is} {
		crew, err := w.NewCrew(t.Context())
		require.NoError(t, err)
		t.Cleanup(crew.Close)
		p.crews[i] = crew
	}
	o := streamOf(p.flow)
	o.Leads *= 3
	events := randflow.WithTicks(seed, p.flow.Stream(seed, o), 20)
	cut := len(events) * (40 + rng.IntN(50)) / 100
	p.history, p.follow = events[:cut:cut], ended(events[cut:])
	p.began = rng.IntN(cut + 1)
	for i := range p.history {
		p.at = max(p.at, p.history[i].At)
	}
	p.history = append(p.history, randflow.Tick(p.at))
	p.switched = uint64(len(p.history)) + 2
	p.mode = plan.Mode{Rescore: rng.IntN(2) == 0, InPlace: rng.IntN(2) == 0}
	if !p.mode.Rescore && core.CanReprogram(&p.crews[0].Program, &p.crews[1].Program) != nil {
		p.mode.Rescore = true // the other way is refused
	}
	if p.mode.OnRelease = []string{plan.Fire, plan.Fire, plan.Mark, plan.Drip}[rng.IntN(4)]; p.mode.OnRelease == plan.Drip {
		p.mode.PerDay = 2
	}
	return p
}

// shelveIfValid loads a workflow text; nil if what chance has made of it is not
// valid.
func shelveIfValid(t *testing.T, s *engine.Shelf, text string) *engine.Workflow {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(text), 0o600))
	w, diags, err := s.Load(context.Background(), dir)
	require.NoError(t, err)
	if diags.HasErrors() {
		return nil
	}
	return w
}

// outcome is what there is to predict.
type outcome struct {
	states    map[string]string // of all leads behind the switch
	views     map[string]string
	atSwitch  []lead.Decision
	afterward []lead.Decision
	ends      map[string]string // states behind what follows
	newly     int               // as an engine counts them before
}

func statesOf(cores ...*core.Core) map[string]string {
	out := map[string]string{}
	for _, c := range cores {
		c.States(func(key string, state []byte) { out[key] = fmt.Sprintf("%x", state) })
	}
	return out
}

// viewsOf are scores, grade and label of all leads.
func viewsOf(t *testing.T, w *engine.Workflow, at int64, cores ...*core.Core) map[string]string {
	out := map[string]string{}
	for _, c := range cores {
		var keys []string
		c.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
		maps.Copy(out, viewsBy(t, w, at, c, keys))
	}
	return out
}

func viewsBy(t *testing.T, w *engine.Workflow, at int64, from replay.Looker, keys []string) map[string]string {
	out := map[string]string{}
	require.NoError(t, from.Look(keys, at, func(f *ledger.Frame) {
		var d lead.Decision
		w.Model.Policy.Describe(f, &d)
		out[f.Acct.Key] = text(d)
	}))
	return out
}

func inOrder(list []lead.Decision) []lead.Decision {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b lead.Decision) int { return cmp.Or(cmp.Compare(a.Lead, b.Lead), cmp.Compare(a.Seq, b.Seq)) })
	return list
}

// predict is what the plan says.
func (p *pair) predict(t *testing.T) (out outcome, r *plan.Report) {
	t.Helper()
	parts := 1 + int(p.seed%3)
	release := func(w *engine.Workflow, crew *engine.Crew, n uint32) plan.Version {
		return plan.Version{Release: plan.Release{Number: n, Digest: w.Model.Policy.Release}, Program: crew.Program, Def: w.Def}
	}
	c := plan.NewComparison(release(p.was, p.crews[0], 1), release(p.is, p.crews[1], 2), parts)
	run, err := replay.NewBeside([]replay.Programs{p.fresh(t, p.was), p.fresh(t, p.is)}, replay.Options{Partitions: parts, Batch: 1 + int(p.seed%50), Decided: c.Decided})
	require.NoError(t, err)
	defer run.Close()
	feed(run, p.history)
	require.NoError(t, run.Drain())
	s := &plan.State{Mode: p.mode, History: plan.History{To: p.at, Whole: true}, Before: run.Of(0).Cores(), After: run.Of(1).Cores()}
	var later []lead.Decision
	if !p.mode.Rescore {
		next, err := replay.New(p.fresh(t, p.is), replay.Options{Partitions: parts})
		require.NoError(t, err)
		defer next.Close()
		s.After = next.Cores()
	}
	s.Switched, err = c.Onto(s.Before, s.After, &p.mode, p.at)
	require.NoError(t, err)
	r, err = c.Report(s)
	require.NoError(t, err)
	out.states, out.views, out.atSwitch = statesOf(s.After...), viewsOf(t, p.is, p.at, s.After...), inOrder(s.Switched.Decisions)
	for part, one := range s.After {
		var mine []lead.Event
		for i := range p.follow {
			if e := &p.follow[i]; e.Kind == lead.Tick || lead.Partition(e.Lead, parts) == part {
				mine = append(mine, *e)
			}
		}
		later = append(later, runAll(t, one, mine)...)
	}
	out.afterward, out.ends = inOrder(later), statesOf(s.After...)
	return out, r
}

// fresh makes crews of their own for each partition.
func (p *pair) fresh(t *testing.T, w *engine.Workflow) replay.Programs {
	return func() (core.Program, func(), error) {
		crew, err := w.NewCrew(t.Context())
		if err != nil {
			return core.Program{}, nil, err
		}
		return crew.Program, crew.Close, nil
	}
}

func feed(run *replay.Replay, events []lead.Event) {
	for i := range events {
		if events[i].Kind == lead.Tick {
			run.Tick(events[i].At)
			continue
		}
		run.Event(events[i], replay.Place{})
	}
}

// runAll gives a core the inputs one by one, and collects what it decides.
func runAll(t *testing.T, c *core.Core, events []lead.Event) (list []lead.Decision) {
	t.Helper()
	var out core.Output
	for i := range events {
		out.Reset()
		require.NoError(t, c.Run([]core.Input{{Event: events[i]}}, &out))
		list = append(list, out.Decisions...)
	}
	return list
}

// home opens the lineages of a partition in memory.
type home struct {
	t *testing.T
	p *pair
}

func (h home) Program(d *lineage.Descriptor) (core.Program, error) {
	w := h.p.was
	if d.Release.Number == 2 {
		w = h.p.is
	}
	crew, err := w.NewCrew(h.t.Context())
	if err != nil {
		return core.Program{}, err
	}
	h.t.Cleanup(crew.Close)
	return crew.Program, nil
}

func (h home) Borrow(_ string, r lineage.Release) (core.Program, error) {
	return h.Program(&lineage.Descriptor{Release: r})
}

func (h home) Open(d *lineage.Descriptor) (*core.Core, error) {
	prog, err := h.Program(d)
	return core.New(prog, core.Options{}), err
}

func (h home) Copy(from *lineage.Member, d *lineage.Descriptor) (*core.Core, error) {
	c, err := h.Open(d)
	if err == nil {
		_, _, err = c.CopyFrom(from.Core, "", 0)
	}
	return c, err
}

// newlyTrue is what an engine counts before it gives the order.
func newlyTrue(t *testing.T, p *pair, set *lineage.Set, o *lineage.Order) int {
	t.Helper()
	var found core.Newly
	live, m := set.Live(o.Workflow), set.Get(o.Lineage)
	if o.InPlace {
		prog, err := home{t, p}.Borrow(o.Workflow, o.Release)
		require.NoError(t, err)
		_, _, err = live.Core.CountProgram(prog, set.SwitchOf(o, live, p.at), "", 0, &found)
		require.NoError(t, err)
		return found.Total
	}
	_, _, err := m.Core.CountNew(live.Core, set.SwitchOf(o, m, p.at), "", 0, &found)
	require.NoError(t, err)
	return found.Total
}

// apply lets the lineages of one partition do it: the candidate is built beside
// the live release, joins it and is switched to.
func (p *pair) apply(t *testing.T, part, parts int, total int64, out *outcome) (live *core.Core) {
	t.Helper()
	set := lineage.New(home{t, p})
	name, record := p.was.Model.Name, uint64(0)
	commit := func() {
		record++
		for _, m := range set.Members() {
			for i := range m.Out.Changes {
				m.Out.Changes[i].Stamp(record)
			}
		}
	}
	obey := func(o *lineage.Order, seq uint64, step int) (decided []lead.Decision) {
		o.Workflow = name
		w, err := set.Obey(o, seq, p.at)
		require.NoError(t, err)
		require.Empty(t, w.Passed)
		for last, done := "", false; !done; {
			last, done, err = w.Step(last, step)
			require.NoError(t, err)
			if m := w.Member(); m != nil && m.Heard() {
				decided = append(decided, m.Out.Decisions...)
			}
			commit()
		}
		w.Done()
		return decided
	}
	mine := func(e *lead.Event) bool { return e.Kind == lead.Tick || lead.Partition(e.Lead, parts) == part }
	run := func(e *lead.Event) {
		if mine(e) {
			require.NoError(t, set.Run([]core.Input{{Event: *e}}))
			commit()
		}
	}
	obey(&lineage.Order{Op: lineage.Start, Origin: lineage.FromEmpty, First: true, Release: lineage.Release{Number: 1, Model: p.was.Model.Digest}}, 1, 0)
	id, second := lineage.ID(2), lineage.Release{Number: 2, Model: p.is.Model.Digest}
	for i := range p.history {
		if p.mode.Rescore && i == p.began {
			obey(&lineage.Order{Op: lineage.Start, Origin: lineage.FromHistory, Release: second}, uint64(id), 3)
		}
		run(&p.history[i])
	}
	sw := &lineage.Order{Op: lineage.Switch, Lineage: id, OnRelease: p.mode.OnRelease, PerDay: p.mode.PerDay, Total: total, Keep: 5 * 86_400_000}
	switch {
	case p.mode.Rescore:
		m := set.Get(id)
		if m == nil {
			obey(&lineage.Order{Op: lineage.Start, Origin: lineage.FromHistory, Release: second}, uint64(id), 3)
			m = set.Get(id)
		}
		for i := range p.history {
			if mine(&p.history[i]) {
				_, err := set.Build(m, []core.Input{{Event: p.history[i]}})
				require.NoError(t, err)
				commit()
			}
		}
		set.Join(m, set.Live(name).Core.Clock())
	case p.mode.InPlace:
		sw.InPlace, sw.Keep, sw.Release, sw.Lineage = true, 0, second, 0
	default:
		obey(&lineage.Order{Op: lineage.Start, Origin: lineage.FromFork, Release: second}, uint64(id), 2)
	}
	sw.Workflow = name
	out.newly += newlyTrue(t, p, set, sw)
	out.atSwitch = append(out.atSwitch, obey(sw, p.switched, 2)...)
	live = set.Live(name).Core
	maps.Copy(out.states, statesOf(live))
	maps.Copy(out.views, viewsOf(t, p.is, p.at, live))
	for i := range p.follow {
		run(&p.follow[i])
		if e := &p.follow[i]; mine(e) {
			out.afterward = append(out.afterward, set.Live(name).Out.Decisions...)
		}
	}
	maps.Copy(out.ends, statesOf(live))
	return live
}

// TestPlan_IsTheTruth: what plan says of a release, of random pairs of workflows
// on random events, is what happens: each lead's state behind the switch, what
// the switch itself decides, and every decision on what follows, byte for byte.
func TestPlan_IsTheTruth(t *testing.T) {
	s := newShelf(t, "traplike")
	first, n := runs(t, 60)
	newly, gained := 0, 0
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			p := newPair(t, s, seed)
			want, r := p.predict(t)
			got := outcome{states: map[string]string{}, views: map[string]string{}, ends: map[string]string{}}
			parts := 1 + int(seed%3)
			for part := range parts {
				p.apply(t, part, parts, int64(r.Switch.Newly), &got)
			}
			why := fmt.Sprintf("%+v, %d inputs before and %d behind\n%s\n---\n%s", p.mode, len(p.history), len(p.follow), p.flow.Text, strings.Join(diffOf(r), "\n"))
			require.Equal(t, want.views, got.views, "scores and grades; "+why)
			require.Equal(t, lines(want.atSwitch), lines(inOrder(got.atSwitch)), "decisions at the switch; "+why)
			require.NoError(t, same(want.states, got.states), "states; "+why)
			require.Equal(t, lines(want.afterward), lines(inOrder(got.afterward)), "decisions on what follows; "+why)
			require.NoError(t, same(want.ends, got.ends), "states at the end; "+why)
			assert.Equal(t, len(want.views), r.Leads.All-r.Leads.Gone)
			assert.Equal(t, len(want.atSwitch), r.Switch.Decisions)
			assert.Equal(t, got.newly, r.Switch.Newly, "newly true, as an engine counts them; "+why)
			switch p.mode.OnRelease {
			case plan.Fire:
				assert.Equal(t, r.Switch.Newly, r.Switch.Decisions)
			case plan.Mark:
				assert.Zero(t, r.Switch.Decisions)
			default: // who has the first turn of a drip has it at once
				assert.LessOrEqual(t, r.Switch.Decisions, r.Switch.Newly)
			}
			assert.LessOrEqual(t, r.Switch.Newly, len(r.Switch.List))
			newly, gained = newly+r.Switch.Newly, gained+r.Sales.Gained.Count
		})
	}
	require.Greater(t, newly, int(n)/4, "the switches find somebody newly true")
	require.Greater(t, gained, int(n)/4, "the releases decide differently")
}

func diffOf(r *plan.Report) (list []string) {
	for i := range r.Diff {
		d := &r.Diff[i]
		list = append(list, d.Kind+" "+strings.Join(d.Path, " › ")+": "+d.Before+" → "+d.After)
	}
	return list
}

func lines(list []lead.Decision) (out []string) {
	for i := range list {
		out = append(out, text(&list[i]))
	}
	return out
}
