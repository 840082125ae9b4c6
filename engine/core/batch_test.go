package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
)

var policies = []step.OnError{step.OnErrorReject, step.OnErrorSkip, step.OnErrorHold}

// said is all that can be observed of a run.
type said struct {
	decisions, rejected []string
	accepted, dups      int
	accounts            map[string]string
}

func (e *engine) said() said {
	return said{lines(e.t, e.out.Decisions), lines(e.t, e.out.Rejected), e.out.Accepted, e.out.Duplicates, e.accounts()}
}

func TestBatch_SizeChangesNothing(t *testing.T) {
	for seed := range uint64(30) {
		policy := policies[seed%3]
		inputs := newGenerator(seed).stream(600)
		var want said
		for _, batch := range []int{1, 7, 1000} {
			e := newEngine(t, scoretest.Config{OnError: policy}, core.Options{})
			e.feed(inputs, batch)
			if batch == 1 {
				want = e.said()
				require.NotEmpty(t, want.decisions)
				require.NotEmpty(t, want.rejected)
				continue
			}
			require.Equal(t, want, e.said(), "seed %d, policy %d, batch %d", seed, policy, batch)
		}
	}
}

func TestBatch_OneBusyLead(t *testing.T) {
	g := newGenerator(99)
	g.leads, g.ticks = 1, 1
	busy := g.stream(5000)
	g.leads = 4
	busy = append(busy, g.stream(50)...)
	var want said
	for _, batch := range []int{1, 1000} {
		e := newEngine(t, scoretest.Config{MaxBuckets: 800}, core.Options{})
		e.feed(busy, batch)
		if batch == 1 {
			want = e.said()
			continue
		}
		require.Equal(t, want, e.said())
	}
}

// perLead splits decisions and accounts by lead.
func perLead(t *testing.T, list []*engine) map[string][]string {
	out := map[string][]string{}
	for _, e := range list {
		for i, line := range lines(t, e.out.Decisions) {
			out[e.out.Decisions[i].Lead] = append(out[e.out.Decisions[i].Lead], line)
		}
		for key, acct := range e.accounts() {
			out[key+" account"] = []string{acct}
		}
	}
	return out
}

func TestPartitions_OneAgainstSixteen(t *testing.T) {
	for seed := range uint64(12) {
		g := newGenerator(seed + 500)
		g.leads = 40
		inputs := g.stream(800)
		one := newEngine(t, scoretest.Config{OnError: policies[seed%3]}, core.Options{})
		one.feed(inputs, 1000)
		parts := make([][]core.Input, 16)
		for _, in := range inputs {
			for p := range parts {
				if in.Event.Lead == "" || ledger.Hash64(in.Event.Lead)%16 == uint64(p) {
					parts[p] = append(parts[p], in)
				}
			}
		}
		var sixteen []*engine
		for p := range parts {
			e := newEngine(t, scoretest.Config{OnError: policies[seed%3]}, core.Options{})
			e.feed(parts[p], 13)
			sixteen = append(sixteen, e)
		}
		require.Equal(t, perLead(t, []*engine{one}), perLead(t, sixteen), "seed %d", seed)
	}
}

// Leads are independent of each other: any order that keeps each lead's own
// order (and its place among the ticks) gives each lead the same.
func TestOrder_AcrossLeadsChangesNothingPerLead(t *testing.T) {
	for seed := range uint64(12) {
		g := newGenerator(seed + 900)
		inputs := g.stream(400)
		var mixed, segment []core.Input
		flush := func() {
			for key := range g.leads {
				for _, in := range segment {
					if in.Event.Lead == fmt.Sprintf("lead-%d", key) {
						mixed = append(mixed, in)
					}
				}
			}
			segment = segment[:0]
		}
		for _, in := range inputs {
			if in.Event.Lead == "" {
				flush()
				mixed = append(mixed, in)
				continue
			}
			segment = append(segment, in)
		}
		flush()
		require.Len(t, mixed, len(inputs))
		a, b := newEngine(t, scoretest.Config{}, core.Options{}), newEngine(t, scoretest.Config{}, core.Options{})
		a.feed(inputs, 50)
		b.feed(mixed, 50)
		require.Equal(t, perLead(t, []*engine{a}), perLead(t, []*engine{b}), "seed %d", seed)
	}
}

func TestReplay_EqualsLive(t *testing.T) {
	for seed := range uint64(30) {
		config := scoretest.Config{OnError: policies[seed%3]}
		inputs := newGenerator(seed + 100).stream(500)
		for _, cut := range []int{1, 50, 250, 499} {
			live := newEngine(t, config, core.Options{})
			live.feed(inputs[:cut], 9)
			again := newEngine(t, config, core.Options{})
			live.States(func(key string, state []byte) { require.NoError(t, again.RestoreLead(key, state)) })
			again.RestoreClock(live.Clock())
			require.Equal(t, live.accounts(), again.accounts())
			live.feed(inputs[cut:], 1)
			again.feed(inputs[cut:], 1000)
			require.Equal(t, live.said(), again.said(), "seed %d cut %d", seed, cut)
		}
	}
}

// What the journal holds is what changed: a core that starts from the deltas of
// each batch is in the same state, and goes on as if it had never stopped.
func TestReplay_FromDeltas(t *testing.T) {
	for seed := range uint64(20) {
		config := scoretest.Config{OnError: policies[seed%3]}
		inputs := newGenerator(seed + 300).stream(500)
		live, again := newEngine(t, config, core.Options{}), newEngine(t, config, core.Options{})
		for i := 0; i < 300; i += 1 + int(seed) {
			live.feedKeep(inputs[i:min(300, i+1+int(seed))])
			number := uint64(i + 1)
			for k := range live.out.Changes {
				live.out.Changes[k].Stamp(number)
			}
			require.NoError(t, again.Apply(live.out.Deltas, number))
			require.NoError(t, again.Apply(live.out.Deltas, number), "once more changes nothing")
		}
		again.RestoreClock(live.Clock())
		require.Equal(t, live.accounts(), again.accounts())
		live.feed(inputs[300:], 20)
		again.feed(inputs[300:], 20)
		require.Equal(t, live.said(), again.said(), "seed %d", seed)
	}
}

func (e *engine) feedKeep(inputs []core.Input) {
	e.out.Reset()
	require.NoError(e.t, e.Run(inputs, &e.out))
}

func leadKeys(e *engine) (keys []string) {
	e.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
	return keys
}

// Ticks only carry time: without them each timer fires when the next event
// brings the time, and the lead ends the same.
func TestTicks_ChangeNothingUnlessAnOlderInputFollows(t *testing.T) {
	for seed := range uint64(40) {
		g := newGenerator(seed + 700)
		g.late, g.ticks = 0, 25
		inputs := g.stream(400)
		var events []core.Input
		for _, in := range inputs {
			if in.Event.Lead != "" {
				events = append(events, in)
			}
		}
		end := tick(g.now + 200*day)
		with, without := newEngine(t, scoretest.Config{}, core.Options{}), newEngine(t, scoretest.Config{}, core.Options{})
		with.feed(append(inputs, end), 30)
		without.feed(append(events, end), 30)
		require.Equal(t, perLead(t, []*engine{with}), perLead(t, []*engine{without}), "seed %d", seed)
	}
}
