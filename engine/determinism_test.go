package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/randflow"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
)

// layouts are the ways in which a stream is cut; the first is one input after
// the other.
var layouts = []replay.Options{{Batch: 1, Partitions: 1}, {Batch: 7, Partitions: 1}, {Batch: 1000, Partitions: 1},
	{Batch: 1, Partitions: 16}, {Batch: 7, Partitions: 16}, {Batch: 1000, Partitions: 16}}

// bench scores streams with one workflow. Its crews serve one replay after the
// other.
type bench struct {
	t     testing.TB
	work  *engine.Workflow
	crews []*engine.Crew
}

func newBench(t testing.TB, w *engine.Workflow) *bench {
	b := &bench{t: t, work: w}
	t.Cleanup(func() {
		for _, c := range b.crews {
			c.Close()
		}
	})
	return b
}

func (b *bench) program() (core.Program, func(), error) {
	if n := len(b.crews); n > 0 {
		c := b.crews[n-1]
		b.crews = b.crews[:n-1]
		return c.Program, func() { b.crews = append(b.crews, c) }, nil
	}
	c, err := b.work.NewCrew(b.t.Context())
	if err != nil {
		return core.Program{}, nil, err
	}
	return c.Program, func() { b.crews = append(b.crews, c) }, nil
}

// score gives what `ripen score --json` prints of each lead, with the lines of
// its scores, its decisions in full and what was refused of it.
func (b *bench) score(events []lead.Event, o replay.Options) map[string]string {
	b.t.Helper()
	r, err := replay.New(b.program, o)
	require.NoError(b.t, err)
	defer r.Close()
	var newest int64
	for i := range events {
		newest = max(newest, events[i].At)
		if events[i].Kind == lead.Tick {
			r.Tick(events[i].At)
			continue
		}
		r.Event(events[i], replay.Place{Line: i + 1})
	}
	r.Tick(newest)
	require.NoError(b.t, r.Drain())
	decisions := r.Decisions()
	views, err := r.Views(r.Leads(), newest, decisions, true)
	require.NoError(b.t, err)
	out := map[string]string{}
	for i := range views {
		require.Empty(b.t, views[i].Unbalanced(), "%s", text(views[i]))
		out[views[i].Lead] = text(views[i]) + "\n"
	}
	for i := range decisions {
		out[decisions[i].Lead] += text(decisions[i]) + "\n"
	}
	for _, refused := range r.Refused() {
		out[refused.Lead] += text(refused.Rejected) + "\n"
	}
	return out
}

// agree scores the events in every layout, with ticks at random places, and
// demands the same bytes. It returns them.
func (b *bench) agree(events []lead.Event, ticks int) map[string]string {
	b.t.Helper()
	var want map[string]string
	for i, o := range layouts {
		if raceDetector && i%2 == 1 && i != len(layouts)-1 {
			continue // the bytes are proven without it; here the races count
		}
		list := events
		if i > 0 && ticks > 0 {
			list = randflow.WithTicks(uint64(i), events, ticks)
		}
		got := b.score(list, o)
		if i == 0 {
			want = got
			continue
		}
		if err := same(want, got); err != nil {
			require.NoError(b.t, err, "batch %d, %d partitions, ticks of seed %d", o.Batch, o.Partitions, i)
		}
	}
	return want
}

func openStarter(t testing.TB, name string) *engine.Workflow {
	t.Helper()
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: filepath.Join("..", "workflows", name), CacheDir: cacheDir(t), Quiet: true})
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), "%s", diags)
	t.Cleanup(w.Close)
	return w
}

// demo is the demo stream without its ticks, in order of arrival.
func demo(t testing.TB, leads int) (events []lead.Event) {
	t.Helper()
	r := replay.NewEvents(bytes.NewReader(demostream.Generate(1, demostream.Options{Leads: leads})))
	for {
		it, err := r.Next()
		if errors.Is(err, io.EOF) {
			return events
		}
		require.NoError(t, err)
		require.Nil(t, it.Rejected)
		events = append(events, it.Event)
	}
}

// usually is n, or less where everything takes long.
func usually(n int) int {
	if testing.Short() || raceDetector {
		return n / 4
	}
	return n
}

// Issue 4: batches, partitions and ticks change nothing.
func TestDeterminism_DemoStream(t *testing.T) {
	starters := []string{"letter-and-number", "email-engagement", "hundred-point", "staged-fit-p2", "fit-and-interest"}
	if raceDetector || testing.Short() {
		starters = starters[:2]
	}
	events := demo(t, usually(160))
	for _, name := range starters {
		t.Run(name, func(t *testing.T) {
			got := newBench(t, openStarter(t, name)).agree(events, 200)
			assert.Greater(t, count(got, `"action":"nurture`), 10, "the stream decides something")
			if name != "staged-fit-p2" { // the demo's leads answer none of its five questions
				assert.Greater(t, count(got, `"workflow"`), len(got), "more than the default for everybody")
			}
		})
	}
}

func count(leads map[string]string, what string) (n int) {
	for _, s := range leads {
		n += strings.Count(s, what)
	}
	return n
}

// One lead that does everything at once fills no round but its own.
func TestDeterminism_OneBusyLead(t *testing.T) {
	events := demo(t, usually(24))
	middle := len(events) / 2
	busy := randflow.New(1).Stream(3, randflow.Options{Events: usually(5000), Leads: 1, Late: 3})
	// The events of an hour, however long the invented ones take.
	for i := range busy {
		busy[i].Lead = "busy"
		busy[i].At = events[middle].At + int64(i)*700
	}
	events = slices.Insert(events, middle, busy...)
	for _, name := range []string{"letter-and-number", "email-engagement"} {
		t.Run(name, func(t *testing.T) {
			got := newBench(t, openStarter(t, name)).agree(events, 60)
			assert.NotEmpty(t, got["busy"])
		})
	}
}

const trapWorkflow = `
workflow "traps" {}
step "traplike" "risky" {
  points   = 2.5
  on_error = %q
}
step "behavior-points" "recent" {
  class "asked" { events = { "Demo Requested" = 40, "Trial Started" = 30 } }
  class "read" {
    events = { "Guide Downloaded" = 5 }
    pages  = { "/*" = 1 }
  }
}
step "decay" "fade" {
  of     = ["risky", "recent"]
  window = "20d"
}
route "sales-handoff" "asked" { when = pending("asked") && !risky.tenth }
route "sales-handoff" "warm" { when = recent + risky >= 45 }
route "nurture" "rest" { default = true }
`

// breakSome makes every fifth event one that fails, in each way, at once or
// with a timer. What is held fails again and again: mostly in the cheap way.
func breakSome(events []lead.Event, policy string) {
	ways := []string{"panic", "loop", "memory", "stack", "soft", "fine"}
	if policy == "hold" {
		ways = []string{"soft", "fine", "soft", "panic"}
	}
	for j, i := 0, 4; i < len(events); j, i = j+1, i+5 {
		name := "crash"
		if j/len(ways)%2 == 1 {
			name = "crash_later"
		}
		props := append(slices.Clone(events[i].Props), lead.Prop{Name: name, Value: lead.StringOf(ways[j%len(ways)])})
		events[i].Props = props.Sort()
	}
}

// A plugin that breaks takes along no other input, whatever round they share.
func TestDeterminism_WithTraps(t *testing.T) {
	s := newShelf(t, "traplike")
	for _, policy := range []string{"reject", "skip", "hold"} {
		t.Run(policy, func(t *testing.T) {
			w := shelve(t, s, fmt.Sprintf(trapWorkflow, policy))
			flow := &randflow.Flow{Scores: []string{"risky"}}
			events := flow.Stream(11, randflow.Options{Events: usually(240), Leads: 9, Late: 8})
			breakSome(events, policy)
			got := newBench(t, w).agree(events, 20)
			if policy == "reject" {
				for _, code := range []string{"unreachable", "fuel", "out-of-bounds", "soft", "timer-"} {
					assert.NotZero(t, count(got, code), "code %q", code)
				}
			}
		})
	}
}
