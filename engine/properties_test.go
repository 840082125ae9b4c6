package engine_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/internal/randflow"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// firstDifference shows the first line that differs.
func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	var out string
	for i := range max(len(a), len(b)) {
		var x, y string
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			out += fmt.Sprintf("- %s\n+ %s\n", x, y)
		}
	}
	return out
}

// ended is a stream with a tick long after it.
func ended(events []lead.Event) []lead.Event {
	return append(slices.Clip(slices.Clone(events)), randflow.Tick(randflow.End(events)))
}

// batchless: however the inputs are cut, everything is the same, in the same
// order.
func batchless(tr *trial, events []lead.Event) error {
	events = ended(randflow.WithTicks(tr.seed, events, len(events)/8))
	want := tr.play(events, 1)
	for _, batch := range []int{7, 1000} {
		got := tr.play(events, batch)
		if a, b := text(want.decisions), text(got.decisions); a != b {
			return fmt.Errorf("batch 1 and %d decide differently:\n%s\n%s", batch, a, b)
		}
		if a, b := text(want.rejected), text(got.rejected); a != b {
			return fmt.Errorf("batch 1 and %d reject differently:\n%s\n%s", batch, a, b)
		}
		if err := same(tr.leads(want), tr.leads(got)); err != nil {
			return fmt.Errorf("batch 1 and %d: %w", batch, err)
		}
	}
	return nil
}

// orderless: any order that keeps each lead's own order, and its place among
// the ticks, gives each lead the same.
func orderless(tr *trial, events []lead.Event) error {
	events = ended(randflow.WithTicks(tr.seed, events, len(events)/20))
	rng := rand.New(rand.NewPCG(tr.seed, 1))
	var mixed []lead.Event
	for from := 0; from < len(events); {
		to := from
		for to < len(events) && events[to].Kind != lead.Tick {
			to++
		}
		mixed = append(mixed, mix(rng, events[from:to])...)
		if to < len(events) {
			mixed = append(mixed, events[to])
			to++
		}
		from = to
	}
	if err := same(tr.leads(tr.play(events, 1000)), tr.leads(tr.play(mixed, 1000))); err != nil {
		return err
	}
	parts := make([]*result, 16)
	for p := range parts {
		var mine []lead.Event
		for _, e := range events {
			if e.Kind == lead.Tick || lead.Partition(e.Lead, len(parts)) == p {
				mine = append(mine, e)
			}
		}
		parts[p] = tr.play(mine, 13)
	}
	if err := same(tr.leads(tr.play(events, 7)), tr.leads(parts...)); err != nil {
		return fmt.Errorf("16 partitions: %w", err)
	}
	return nil
}

// mix shuffles events and keeps each lead's order.
func mix(rng *rand.Rand, events []lead.Event) []lead.Event {
	queues := map[string][]lead.Event{}
	order := make([]string, len(events))
	for i, e := range events {
		queues[e.Lead] = append(queues[e.Lead], e)
		order[i] = e.Lead
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	out := make([]lead.Event, len(events))
	for i, key := range order {
		out[i], queues[key] = queues[key][0], queues[key][1:]
	}
	return out
}

// replayable: a core that starts from the encoded accounts of another goes on
// as if nothing had been.
func replayable(tr *trial, events []lead.Event) error {
	events = ended(randflow.WithTicks(tr.seed+1, events, len(events)/10))
	for _, cut := range []int{len(events) / 2, len(events) - 1} {
		live := tr.play(events[:cut], 5)
		again := &result{core: core.New(tr.prog, core.Options{}), decisions: slices.Clone(live.decisions), rejected: slices.Clone(live.rejected)}
		var bad error
		live.core.States(func(key string, state []byte) {
			err := again.core.RestoreLead(key, state)
			if err == nil {
				if b, _ := again.core.AppendState(nil, key); !bytes.Equal(b, state) {
					err = fmt.Errorf("encoded again it differs:\n%x\n%x", state, b)
				}
			}
			if err != nil {
				bad = fmt.Errorf("state of %s: %w", key, err)
			}
		})
		if bad != nil {
			return bad
		}
		again.core.RestoreClock(live.core.Clock())
		live.feed(events[cut:], 1)
		again.feed(events[cut:], 1000)
		if err := same(tr.leads(live), tr.leads(again)); err != nil {
			return fmt.Errorf("cut at %d: %w", cut, err)
		}
	}
	return nil
}

// tickless: ticks carry time and nothing else. How far the search for the next
// change of the routes has come is no part of a lead: each search is bounded,
// and ticks say from where it starts.
func tickless(tr *trial, events []lead.Event) error {
	want := tr.play(events, 1000)
	first := tr.arrive(want, events)
	second := tr.arrive(want, ended(events))
	for i := range uint64(3) {
		seed := tr.seed*3 + i
		ticked := randflow.WithTicks(seed, events, 1+len(events)/(2+int(seed%9)))
		got := tr.play(ticked, 31)
		err := same(first, tr.arrive(got, events))
		if err == nil {
			err = same(second, tr.arrive(got, ended(events)))
		}
		if err != nil {
			return fmt.Errorf("with ticks, NDJSON:\n%s\n%w", randflow.Text(ticked), err)
		}
	}
	return nil
}

// arrive lets time pass to the newest of the events and shows what there is.
func (tr *trial) arrive(r *result, events []lead.Event) map[string]string {
	var at int64
	for i := range events {
		at = max(at, events[i].At)
	}
	r.feed([]lead.Event{randflow.Tick(at)}, 1)
	out := tr.texts(func(a *ledger.Account) string {
		b := *a
		b.Marks.Wake, b.Marks.Probe = 0, 0
		return tr.account(&b)
	}, []*result{r})
	if err := r.core.Look(slices.Collect(maps.Keys(out)), at, func(f *ledger.Frame) {
		var d lead.Decision
		tr.prog.Policy.Describe(f, &d)
		out[f.Acct.Key] += text(d) + "\n" + text(f.Explain())
	}); err != nil {
		panic(err)
	}
	return out
}

// waits says that a step with on_error = "hold" holds the lead up.
func (tr *trial) waits(a *ledger.Account, at int64) bool {
	for i, spec := range tr.prog.Steps {
		if spec.OnError == step.OnErrorHold && a.Steps[i].Wake != 0 && a.Steps[i].Wake <= at {
			return true // its timer fails again and again
		}
	}
	return len(a.Held) > 0
}

// torn says that the route of an open episode is true and asks for its end: the
// next look will close it, whenever that is.
func torn(p *decide.Policy, f *ledger.Frame) bool {
	for i := range p.Routes {
		r := &p.Routes[i]
		if r.Reset == nil || r.Reset(f) != lead.True || !r.OnFall && r.When(f) == lead.False {
			continue
		}
		for _, e := range f.Acct.Marks.Episodes {
			if e.Open && e.Route == r.ID {
				return true
			}
		}
	}
	return false
}

// awake: whoever has been ticked to a time owes no decision at it. Leads sleep
// until their routes can change; this is how one that oversleeps is found.
func awake(tr *trial, events []lead.Event) error {
	run := tr.play(nil, 1)
	rng := rand.New(rand.NewPCG(tr.seed, 2))
	look := func(at int64) (bad error) {
		run.feed([]lead.Event{randflow.Tick(at)}, 1)
		var keys []string
		run.core.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
		slices.Sort(keys)
		err := run.core.Look(keys, at, func(f *ledger.Frame) {
			if bad == nil && f.Now == at && !tr.waits(f.Acct, at) && !torn(tr.prog.Policy, f) && tr.prog.Policy.WouldChange(f) {
				bad = fmt.Errorf("%s has slept past a change of its routes before %d: %+v", f.Acct.Key, at, f.Acct.Marks)
			}
		})
		if err != nil {
			return err
		}
		return bad
	}
	var now int64
	for i := range events {
		run.feed(events[i:i+1], 1)
		now = max(now, events[i].At)
		if i+1 < len(events) && events[i+1].At > now && rng.IntN(4) == 0 {
			if err := look(now + rng.Int64N(events[i+1].At-now)); err != nil {
				return err
			}
		}
	}
	for range 30 {
		now += rng.Int64N(4 * 86_400_000)
		if rng.IntN(2) == 0 {
			now -= now % 86_400_000
		}
		if err := look(now); err != nil {
			return err
		}
	}
	return nil
}
