package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/randflow"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// newShelf compiles the shipped plugins, and the examples beside them, once.
func newShelf(t testing.TB, examples ...string) *engine.Shelf {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "plugins"), 0o700))
	for _, name := range examples {
		wasm, err := os.ReadFile(filepath.Join("..", "build", "examples", name+".wasm"))
		require.NoError(t, err, "run make plugins")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "plugins", name+".wasm"), wasm, 0o600))
	}
	s, err := engine.NewShelf(dir, cacheDir(t))
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// shelve loads a workflow text with the plugins of a shelf.
func shelve(t testing.TB, s *engine.Shelf, text string) *engine.Workflow {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(text), 0o600))
	w, diags, err := s.Load(context.Background(), dir)
	require.NoError(t, err)
	if diags.HasErrors() {
		var b bytes.Buffer
		_ = hcl.NewDiagnosticTextWriter(&b, w.Def.Files, 120, false).WriteDiagnostics(diags)
		require.Fail(t, "the workflow does not load", "%s\n%s", b.String(), text)
	}
	return w
}

// runs is how many random workflows a test plays, and the first seed.
func runs(t testing.TB, usual int) (first, n uint64) {
	number := func(name string, usual uint64) uint64 {
		s := os.Getenv(name)
		if s == "" {
			return usual
		}
		v, err := strconv.ParseUint(s, 10, 64)
		require.NoError(t, err, name)
		return v
	}
	if testing.Short() || raceDetector {
		usual /= 6
	}
	return number("RIPEN_PROPERTY_SEED", 0), number("RIPEN_PROPERTY_RUNS", uint64(usual))
}

// trial is one random workflow, ready to be played.
type trial struct {
	seed uint64
	flow *randflow.Flow
	prog core.Program
}

// property says what is wrong with a trial over events, or nothing.
type property struct {
	name  string
	check func(*trial, []lead.Event) error
}

var properties = []property{
	{"lines sum to scores", sumsUp},
	{"decisions are made once", decidesOnce},
	{"batches change nothing", batchless},
	{"the order of leads changes nothing", orderless},
	{"replay equals live", replayable},
	{"a tiny cache changes nothing", cacheless},
	{"ticks change nothing", tickless},
	{"nobody sleeps past a decision", awake},
}

// TestProperty_RandomWorkflows plays random events through random workflows
// with the shipped plugins in their sandbox. RIPEN_PROPERTY_RUNS and
// RIPEN_PROPERTY_SEED say how many and which.
func TestProperty_RandomWorkflows(t *testing.T) {
	s := newShelf(t, "traplike")
	first, n := runs(t, 60)
	decisions, robots := 0, 0
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			flow := randflow.New(seed)
			crew, err := shelve(t, s, flow.Text).NewCrew(t.Context())
			require.NoError(t, err)
			defer crew.Close()
			tr := &trial{seed: seed, flow: flow, prog: crew.Program}
			events := flow.Stream(seed, streamOf(flow))
			for _, p := range properties {
				if err := p.check(tr, events); err != nil {
					tr.report(t, p, events, err)
				}
			}
			r := tr.play(events, 1000)
			decisions += len(r.decisions)
			robots += tr.found(r, "robots")
		})
	}
	require.Greater(t, decisions, 5*int(n), "the workflows decide something")
	if n >= 60 { // a quarter of the workflows looks for them
		require.Greater(t, robots, int(n/20), "robots are hidden, and give back")
	}
}

// found are the points that all leads have of a score, 0 without that score.
func (tr *trial) found(r *result, score string) (points int) {
	id := ledger.Hash("score", score)
	r.core.Leads(func(a *ledger.Account) {
		for i := range a.Buckets {
			if b := &a.Buckets[i]; b.Score == id {
				points += int(b.Remaining / lead.Point)
			}
		}
	})
	return points
}

// streamOf shapes the events of a workflow by its seed.
func streamOf(flow *randflow.Flow) randflow.Options {
	o := randflow.Options{Events: 100 + int(flow.Seed%3)*60, Leads: 3 + int(flow.Seed%4), Late: int(flow.Seed % 3 * 8)}
	if flow.Traps { // soft ones are the cheap ones
		o.Traps, o.Ways = 4, []string{"soft", "soft", "soft", "soft", "soft", "fine", "panic"}
	}
	return o
}

// report shrinks a failing stream and prints all that it takes to play it
// again.
func (tr *trial) report(t *testing.T, p property, events []lead.Event, err error) {
	deadline := time.Now().Add(30 * time.Second)
	fails := func(list []lead.Event) bool {
		if time.Now().After(deadline) {
			return false
		}
		e := p.check(tr, list)
		if e != nil {
			err = e
		}
		return e != nil
	}
	events = shrink(events, fails)
	t.Errorf("%s: not so for seed %d:\n%v\n\nworkflow:\n%s\n%d events:\n%s", p.name, tr.seed, err, tr.flow.Text, len(events), randflow.Text(events))
}

// shrink drops events as long as what is left fails: first many at a time, at
// last one by one.
func shrink(events []lead.Event, fails func([]lead.Event) bool) []lead.Event {
	for size := len(events) / 2; size > 0; size /= 2 {
		for from := 0; from < len(events); {
			less := append(append([]lead.Event{}, events[:from]...), events[min(from+size, len(events)):]...)
			if fails(less) {
				events = less
				continue
			}
			from += size
		}
	}
	return events
}

// result is all that can be observed of a run.
type result struct {
	core      *core.Core
	decisions []lead.Decision
	rejected  []lead.Rejected
}

func (tr *trial) play(events []lead.Event, batch int) *result {
	r := &result{core: core.New(tr.prog, core.Options{})}
	r.feed(events, batch)
	return r
}

// feed panics on an error: a scorer that is unusable has no place here.
func (r *result) feed(events []lead.Event, batch int) {
	var out core.Output
	inputs := make([]core.Input, len(events))
	for i := range events {
		inputs[i].Event = events[i]
	}
	for len(inputs) > 0 {
		n := min(batch, len(inputs))
		out.Reset()
		if err := r.core.Run(inputs[:n], &out); err != nil {
			panic(err)
		}
		r.decisions = append(r.decisions, out.Decisions...)
		r.rejected = append(r.rejected, out.Rejected...)
		inputs = inputs[n:]
	}
}

// leads holds what became of each lead, as text: its decisions, its rejected
// events and its account.
func (tr *trial) leads(results ...*result) map[string]string { return tr.texts(tr.account, results) }

func (tr *trial) texts(account func(*ledger.Account) string, results []*result) map[string]string {
	out := map[string]string{}
	for _, r := range results {
		for i := range r.decisions {
			out[r.decisions[i].Lead] += "decision " + text(&r.decisions[i]) + "\n"
		}
		for i := range r.rejected {
			out[r.rejected[i].Lead] += "rejected " + text(&r.rejected[i]) + "\n"
		}
		r.core.Leads(func(a *ledger.Account) { out[a.Key] += account(a) })
	}
	return out
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// account prints an account by its bytes, so that nothing is left out, and by
// its fields, for people.
func (tr *trial) account(a *ledger.Account) string {
	b := a.Append(nil, tr.prog.Book)
	a, err := ledger.DecodeAccount(b, tr.prog.Book) // what was told of in deltas is left out of the fields
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf("account %x\nclock %d activity %d\nbuckets %+v\nuses %+v\ncounters %+v\npeaks %+v\nsteps %+v\nmarks %+v\nheld %d\n",
		b, a.Clock, a.LastActivity, a.Buckets, a.Uses, a.Counters, a.Peaks, a.Steps, a.Marks, len(a.Held))
}

// same says in which lead two runs differ first.
func same(want, got map[string]string) error {
	for _, key := range sortedKeys(want) {
		if want[key] != got[key] {
			return fmt.Errorf("%s differs\n%s", key, firstDifference(want[key], got[key]))
		}
	}
	if len(got) != len(want) {
		return fmt.Errorf("%d leads against %d", len(want), len(got))
	}
	return nil
}

func TestProperty_ShrinksToWhatFails(t *testing.T) {
	events := randflow.New(1).Stream(1, randflow.Options{Events: 200, Leads: 3})
	need := map[string]bool{events[20].ID: true, events[150].ID: true}
	got := shrink(events, func(list []lead.Event) bool {
		found := map[string]bool{}
		for _, e := range list {
			found[e.ID] = found[e.ID] || need[e.ID]
		}
		return found[events[20].ID] && found[events[150].ID]
	})
	require.Len(t, got, 2)
	require.Contains(t, randflow.Text(got), `"messageId":"`+events[150].ID+`"`)
}
