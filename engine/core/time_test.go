package core_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
)

// delivered gives four e-mails that nobody answers: due at start+3h+Grace.
func (e *engine) delivered(key string) (due int64) {
	for i := range int64(4) {
		e.do(e.track(key, "Email Delivered", start+i*3_600_000))
	}
	return start + 3*3_600_000 + scoretest.Grace
}

func TestTimer_R000_06_FiresOnceAtItsTimeOnATick(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 1000}, core.Options{})
	due := e.delivered("a")
	e.do(tick(due - 1))
	assert.Equal(t, lead.Points(0), e.Lead("a").Totals()[scoretest.ScoreRecent])
	e.do(tick(due + 5*day))
	line := e.Lead("a").Buckets[0]
	assert.Equal(t, -25*lead.Point, line.Awarded)
	assert.Equal(t, due, line.Last, "the award counts from the due time, not from the tick")
	e.do(e.track("a", "Email Delivered", due+6*day))
	e.do(tick(due + 30*day))
	assert.Equal(t, uint32(1), e.Lead("a").Buckets[0].Count, "once, not again on the fifth")
}

func TestTimer_R000_06_FiresBeforeTheEventThatBringsTheTime(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 1000}, core.Options{})
	due := e.delivered("a")
	e.do(e.track("a", "Email Opened", due+day))
	rows := e.Lead("a").Buckets
	require.Len(t, rows, 2)
	for _, r := range rows {
		if r.Awarded < 0 {
			assert.Equal(t, due, r.Last)
		}
	}
}

func TestTimer_R000_06_AnswerWithinTheGracePeriodPreventsIt(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	due := e.delivered("a")
	e.do(e.track("a", "Email Opened", due-1), tick(due+day))
	for _, r := range e.Lead("a").Buckets {
		assert.Positive(t, r.Awarded)
	}
}

// A timer that the step refuses to answer is over under "skip", and keeps
// waiting under "hold".
func TestTimer_OfAFailingStep(t *testing.T) {
	for policy, want := range map[step.OnError]struct{ rejected, wakes int }{step.OnErrorReject: {1, 0}, step.OnErrorSkip: {0, 0}, step.OnErrorHold: {0, 1}} {
		e := newEngine(t, scoretest.Config{OnError: policy, Window: 1000}, core.Options{})
		due := e.delivered("a")
		inner, broken := e.kit.Natives[scoretest.StepBehavior].Fn, true
		e.kit.Natives[scoretest.StepBehavior].Fn = func(s *step.Slot, w *scoretest.Sheet) {
			if broken {
				w.Soft("down")
				return
			}
			inner(s, w)
		}
		e.do(tick(due + day))
		assert.Len(t, e.out.Rejected, want.rejected, "policy %d", policy)
		assert.Equal(t, want.wakes == 1, e.Lead("a").Steps[scoretest.StepBehavior].Wake != 0, "policy %d", policy)
		e.do(e.track("a", "Email Opened", due+2*day))
		broken = false
		e.do(tick(due + 3*day))
		ignored := false
		for _, k := range e.Lead("a").Buckets {
			ignored = ignored || k.Awarded == -25*lead.Point
		}
		assert.Equal(t, policy == step.OnErrorHold, ignored, "policy %d", policy)
	}
}

// linear is what the kit's decay leaves of an award after some age steps.
func linear(p lead.Points, age, window int64) lead.Points {
	if age >= window {
		return 0
	}
	return p.MulDiv(window-age, window)
}

func TestDecay_R002_11_ExactAtEveryDay(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 60}, core.Options{})
	at := start + 5*3_600_000
	e.do(e.track("a", "Demo Requested", at))
	for age := range int64(62) {
		assert.Equal(t, linear(50*lead.Point, age, 60), e.score("a", scoretest.ScoreRecent, start+age*day), "midnight %d", age)
		assert.Equal(t, linear(50*lead.Point, age, 60), e.score("a", scoretest.ScoreRecent, start+(age+1)*day-1), "end of day %d", age)
	}
	assert.Positive(t, e.score("a", scoretest.ScoreRecent, start+60*day-1))
	assert.Zero(t, e.score("a", scoretest.ScoreRecent, start+60*day))
}

// Events, ticks and looks between must not change what is left.
func TestDecay_IsAFunctionOfAge(t *testing.T) {
	quiet, busy := newEngine(t, scoretest.Config{}, core.Options{}), newEngine(t, scoretest.Config{}, core.Options{})
	for _, e := range []*engine{quiet, busy} {
		e.do(event("x", "a", "Demo Requested", start))
	}
	for d := range int64(50) {
		busy.do(busy.track("a", "Unheard Of", start+d*day+7), tick(start+d*day+9))
	}
	end := start + 50*day
	assert.Equal(t, quiet.score("a", scoretest.ScoreRecent, end), busy.score("a", scoretest.ScoreRecent, end))
}

func TestDecay_CrossingIsDecidedAtItsOwnTime(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Demo Requested", start), e.track("a", "Lead Rejected", start+1))
	// 50 points fall below 20 on day 37: 50·(60−37)/60 = 19.167.
	got := e.do(tick(start + 100*day))
	require.NotEmpty(t, got)
	assert.Equal(t, "nurture-cooled", got[0].Action)
	assert.Equal(t, start+37*day, got[0].At)
	assert.Equal(t, lead.Cause{Kind: "timer", At: start + 37*day}, got[0].Cause)
	assert.Equal(t, lead.Points(19_167), got[0].Scores[scoretest.ScoreRecent].Milli)
}

func TestIdle_R002_12_InvestigateAfterSixtyDays(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Email Opened", start+1000))
	assert.Empty(t, e.do(tick(start+1000+60*day-1)))
	got := e.do(tick(start + 90*day))
	require.Equal(t, []string{"investigate/quiet"}, actions(got))
	assert.Equal(t, start+1000+60*day, got[0].At)
	assert.Empty(t, e.do(tick(start+300*day)), "once")
	e.do(e.track("a", "Email Opened", start+301*day))
	got = e.do(tick(start + 400*day))
	require.Equal(t, []string{"investigate/quiet"}, actions(got), "armed again by activity")
	assert.Equal(t, uint32(2), got[0].Episode)
}

// Sales answers, deliveries and corrections are no activity.
func TestIdle_AnswersAreNoActivity(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Email Opened", start))
	e.do(e.track("a", "Lead Contacted", start+10*day), e.track("a", "Email Delivered", start+11*day),
		e.track("a", "Score Adjusted", start+12*day, "score", "recent", "points", 1), e.track("a", "Lead Won", start+13*day))
	assert.Equal(t, start, e.Lead("a").LastActivity)
	got := e.do(tick(start + 61*day))
	require.Len(t, got, 1)
	assert.Equal(t, start+60*day, got[0].At)
}

// A lead costs in proportion to its changes: each is searched once, and then
// the lead sleeps, however many days pass.
func TestSearch_CostIsBoundedByChanges(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Email Opened", start))
	e.do(tick(start + 70*day)) // investigate; points are gone
	before := e.kit.Calls()
	for d := range int64(1000) {
		e.do(tick(start + (71+d)*day))
	}
	assert.Equal(t, before, e.kit.Calls(), "nothing is left that could change")

	e = newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Email Opened", start))
	for m := range int64(60 * 24) {
		e.do(tick(start + m*day/24))
	}
	assert.Less(t, e.kit.Calls(), 4+2*70, "hourly ticks cost one walk through the decay")

	// A lead that is active every day does not walk its whole future each day.
	e = newEngine(t, scoretest.Config{}, core.Options{})
	for d := range int64(200) {
		e.do(e.track("a", "Email Opened", start+d*day))
	}
	assert.Less(t, e.kit.Calls(), 200*12)
}

// The leads of one tick walk together: one call serves them all.
func TestSearch_IsSharedByLeads(t *testing.T) {
	calls := func(leads int) int {
		e := newEngine(t, scoretest.Config{}, core.Options{})
		var inputs []core.Input
		for i := range leads {
			inputs = append(inputs, e.track(fmt.Sprint("lead", i), "Demo Requested", start))
		}
		e.feed(append(inputs, tick(start+100*day)), 0)
		return e.kit.Calls()
	}
	assert.Equal(t, calls(1), calls(200))
}

func TestLate_EventIsScoredAtItsOwnTime(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Unheard Of", start+30*day))
	e.do(e.track("a", "Demo Requested", start))
	assert.Equal(t, 25*lead.Point, e.score("a", scoretest.ScoreRecent, start+30*day), "arrives half decayed")
	assert.Equal(t, start+30*day, e.Lead("a").Clock, "and does not turn the clock back")
	assert.Equal(t, start, e.Lead("a").First)
}

func TestTimely_SkewAndHorizon(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{Skew: 1000, Horizon: 30 * day})
	at := func(received, at int64) core.Input {
		in := e.track("a", "Email Opened", at)
		in.Event.Received = received
		return in
	}
	e.do(at(start, start+1000), at(start, start-30*day), at(start, start+1001), at(start, start-30*day-1))
	assert.Equal(t, 2, e.out.Accepted)
	require.Len(t, e.out.Rejected, 2)
	assert.Equal(t, "time-in-future", e.out.Rejected[0].Code)
	assert.Equal(t, "too-old", e.out.Rejected[1].Code)
	assert.NotEmpty(t, e.out.Rejected[0].Raw)
}

func TestDuplicates_ScoredOnce(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{DedupeDays: 30})
	in := event("same", "a", "Email Opened", start)
	e.do(in, in)
	assert.Equal(t, 1, e.out.Duplicates)
	later := in
	later.Event.Received = start + 30*day
	e.do(later)
	assert.Equal(t, 1, e.out.Duplicates, "thirty days later still known")
	other := in
	other.Event.Lead = "b"
	e.do(other)
	assert.Equal(t, 0, e.out.Duplicates, "ids belong to a lead")
	later.Event.Received = start + 31*day
	e.do(later)
	assert.Equal(t, 0, e.out.Duplicates, "the horizon counts from receipt")
	assert.Equal(t, 5*lead.Point, e.score("b", scoretest.ScoreRecent, start))
	assert.Len(t, e.Lead("a").Buckets, 1)
}

func TestLook_ChangesNothing(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.feed(newGenerator(4).stream(300), 0)
	before := e.accounts()
	keys := append(leadKeys(e), "nobody")
	n := 0
	require.NoError(t, e.Look(keys, start+1000*day, func(f *ledger.Frame) {
		n++
		assert.Zero(t, f.Values[scoretest.ScoreRecent], "all has decayed")
	}))
	assert.Equal(t, len(keys)-1, n)
	assert.Equal(t, before, e.accounts())
}

// A step that fails when time passes costs the lead one rejected timer, not
// its later decisions.
func TestTimer_LookedAtAgainAfterAFailure(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Demo Requested", start), e.track("a", "Lead Rejected", start+1))
	fade := e.kit.Natives[scoretest.StepFade]
	inner := fade.Fn
	fade.Fn = func(_ *step.Slot, w *scoretest.Sheet) { w.Soft("down") }
	e.do(tick(start + 38*day))
	require.Len(t, e.out.Rejected, 1)
	assert.Equal(t, "timer-soft", e.out.Rejected[0].Code)
	fade.Fn = inner
	got := e.do(tick(start + 61*day))
	require.NotEmpty(t, got)
	assert.Equal(t, start+60*day, got[0].At, "the idle period is the next occasion")
}
