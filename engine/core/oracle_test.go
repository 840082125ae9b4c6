package core_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
)

// No crossing is missed: whenever a tick has passed, a look at any lead finds
// nothing left to decide. The core searches ahead; this polls.
func TestSearch_MissesNoCrossing(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(12) {
		g := newGenerator(seed + 2000)
		g.ticks, g.calm = 0, true
		inputs := g.stream(120)
		end := g.now + 150*day
		e := newEngine(t, scoretest.Config{Rich: true, Cooldown: 10 * day}, core.Options{})
		next := 0
		for now := start; now < end; now += day / 4 {
			for next < len(inputs) && inputs[next].Event.At <= now {
				e.feedKeep(inputs[next : next+1])
				next++
				for _, d := range e.out.Decisions {
					seen[d.Action] = true
				}
			}
			e.feedKeep([]core.Input{tick(now)})
			for _, d := range e.out.Decisions {
				seen[d.Action] = true
				require.LessOrEqual(t, d.At, now)
				require.Greater(t, d.At, now-day/4, "decided at the first tick behind its time")
			}
			require.NoError(t, e.Look(leadKeys(e), now, func(f *ledger.Frame) {
				require.False(t, e.kit.Policy.WouldChange(f), "seed %d: %s at %d", seed, f.Acct.Key, now)
			}))
		}
	}
	for _, action := range []string{"sales-handoff", "sales-update", "nurture-cooled", "investigate", "nurture", "slump", "often", "old"} {
		assert.True(t, seen[action], "the streams reach %s", action)
	}
}

// A decision that time brings is made at its own time, whether a tick every
// six hours, one tick a year later or the next event brings that time.
func TestSearch_SameDecisionsHoweverTimePasses(t *testing.T) {
	for seed := range uint64(12) {
		g := newGenerator(seed + 3000)
		g.ticks, g.late, g.calm = 0, 0, true
		inputs := g.stream(150)
		end := g.now + 400*day
		config := scoretest.Config{Rich: true, Cooldown: 10 * day}
		sparse, dense := newEngine(t, config, core.Options{}), newEngine(t, config, core.Options{})
		sparse.feed(append(inputs, tick(end)), 0)
		var all []core.Input
		next := 0
		for now := start; now < end; now += day / 4 {
			for next < len(inputs) && inputs[next].Event.At <= now {
				all = append(all, inputs[next])
				next++
			}
			all = append(all, tick(now))
		}
		dense.feed(append(all, tick(end)), 100)
		a, b := perLead(t, []*engine{sparse}), perLead(t, []*engine{dense})
		for key := range g.leads {
			name := leadName(key)
			require.Equal(t, a[name], b[name], "seed %d", seed)
		}
	}
}

func leadName(i int) string { return "lead-" + string(rune('0'+i)) }

// Timers that fail are as independent of batches as events are.
func TestBatch_FailingTimers(t *testing.T) {
	for seed := range uint64(12) {
		for _, policy := range policies {
			inputs := newGenerator(seed + 4000).stream(400)
			var want said
			for _, batch := range []int{1, 7, 1000} {
				e := newEngine(t, scoretest.Config{OnError: policy, Rich: true}, core.Options{})
				behavior := e.kit.Natives[scoretest.StepBehavior]
				inner := behavior.Fn
				behavior.Fn = func(s *step.Slot, w *scoretest.Sheet) {
					if s.Kind == 2 && s.Frame.Acct.Key < "lead-3" {
						w.Soft("timers do not work here")
						return
					}
					inner(s, w)
				}
				e.feed(inputs, batch)
				if batch == 1 {
					want = e.said()
					continue
				}
				require.Equal(t, want, e.said(), "seed %d, policy %d, batch %d", seed, policy, batch)
			}
		}
	}
}

// Decay after any stream is what the curve says of each bucket, and totals
// are what the buckets say.
func TestLedger_IsTheCurveAfterAnyStream(t *testing.T) {
	for seed := range uint64(10) {
		g := newGenerator(seed + 5000)
		e := newEngine(t, scoretest.Config{}, core.Options{})
		e.feed(g.stream(500), 0)
		require.NoError(t, e.Look(leadKeys(e), g.now, func(f *ledger.Frame) {
			sums := make([]lead.Points, len(f.Book.Scores))
			for _, k := range f.Acct.Buckets {
				score := f.Book.ScoreIndex(k.Score)
				sums[score] += k.Remaining
				if score == scoretest.ScoreRecent && k.Remaining != 0 {
					age := f.Book.AgeStepOf(f.Now) - k.Step
					require.Equal(t, linear(k.Awarded-k.Reversed, max(age, 0), 60), k.Remaining, "seed %d", seed)
				}
			}
			require.Equal(t, sums, f.Totals)
			lines := map[string]lead.Points{}
			for _, l := range f.Explain() {
				lines[l.Score] += l.Remaining
			}
			for i, s := range f.Book.Scores {
				require.Equal(t, f.Values[i], lines[s.Name])
			}
		}))
	}
}

// A decay that leaves fresh rows alone may be asked less often: nothing that
// can be observed depends on it.
func TestFresh_ChangesNothing(t *testing.T) {
	for seed := range uint64(20) {
		inputs := newGenerator(seed + 6000).stream(500)
		var want []string
		for _, fresh := range []bool{false, true} {
			e := newEngine(t, scoretest.Config{Fresh: fresh, Rich: true, OnError: policies[seed%3]}, core.Options{})
			e.kit.Natives[scoretest.StepFade].Fn = scoretest.Fade(60)
			var got []string
			for i := range inputs {
				in := inputs[i]
				if in.Event.Props.Get("in").Str == "fade" {
					continue // a step that is not asked cannot fail
				}
				e.feedKeep(inputs[i : i+1])
				got = append(got, lines(t, e.out.Decisions)...)
				got = append(got, lines(t, e.out.Rejected)...)
				if key := in.Event.Lead; key != "" && e.Lead(key) != nil {
					got = append(got, e.score(key, scoretest.ScoreTotal, in.Event.At).String())
				}
			}
			if !fresh {
				want = got
				continue
			}
			require.Equal(t, want, got, "seed %d", seed)
		}
	}
}
