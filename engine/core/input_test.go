package core_test

import (
	"errors"
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

// An input is all or nothing: whichever step fails, and however, the account
// is byte for byte what it was.
func TestRejected_ChangesNothing(t *testing.T) {
	for seed := range uint64(10) {
		for _, in := range []string{"guard", "behavior", "fit", "fade"} {
			for _, how := range []string{"soft", "bad", "trap"} {
				e := newEngine(t, scoretest.Config{}, core.Options{})
				g := newGenerator(seed)
				g.calm, g.leads, g.ticks = true, 1, 0
				e.feed(g.stream(40), 0)
				before := e.books()
				for i, name := range []string{"Demo Requested", "/pricing", "identify", "Lead Accepted", "Score Adjusted", "Email Delivered"} {
					// Without a timer in between: at the lead's own time.
					bad := event(fmt.Sprint("bad", i), "lead-0", name, e.Lead("lead-0").Clock, "fail", how, "in", in, "score", "recent", "points", 3)
					if name == "identify" {
						bad.Event.Props, bad.Event.Traits = properties([]any{"fail", how, "in", in}), properties([]any{"title", "boss"})
					}
					if (in == "fit" || in == "fade") && name != "identify" {
						continue // the step does not look at this one, or not at every one
					}
					e.feedKeep([]core.Input{bad})
					require.Len(t, e.out.Rejected, 1, "%s in %s on %s", how, in, name)
					require.Empty(t, e.out.Decisions)
					require.Equal(t, before, e.books(), "%s in %s on %s", how, in, name)
				}
				r := e.out.Rejected[0]
				assert.Equal(t, in, r.Step)
				assert.Equal(t, "lead-0", r.Lead)
				assert.Equal(t, map[string]string{"soft": "soft", "bad": "bad-entry", "trap": "unreachable"}[how], r.Code)
				assert.NotEmpty(t, r.Raw)
			}
		}
	}
}

func TestRejected_NewLeadLeavesNoTrace(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Email Opened", start, "fail", "trap", "in", "behavior"))
	assert.Zero(t, e.Len())
	assert.Len(t, e.out.Rejected, 1)
	e.Leads(func(*ledger.Account) { t.Error("nobody to be seen") })
	require.NoError(t, e.Look([]string{"a"}, start, func(*ledger.Frame) { t.Error("nobody to look at") }))
	e.do(event("m1", "a", "Email Opened", start))
	assert.Equal(t, 1, e.out.Duplicates, "its event is known all the same")
}

func TestRefused_InputsStandInStreamOrder(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	refused := func(code string) core.Input { return core.Input{Refused: &lead.Rejected{Code: code}} }
	e.feed([]core.Input{refused("1"), e.track("a", "Email Opened", start, "fail", "soft", "in", "guard"), refused("2"),
		tick(start + day), e.track("b", "Email Opened", start, "fail", "trap", "in", "guard"), refused("3")}, 0)
	var codes []string
	for _, r := range e.out.Rejected {
		codes = append(codes, r.Code)
	}
	assert.Equal(t, []string{"1", "soft", "2", "unreachable", "3"}, codes)
}

func TestSkip_TheOtherStepsGoOn(t *testing.T) {
	e := newEngine(t, scoretest.Config{OnError: step.OnErrorSkip}, core.Options{})
	e.do(e.track("a", "Email Opened", start, "fail", "bad", "in", "behavior"))
	assert.Empty(t, e.out.Rejected)
	assert.Equal(t, 1, e.Len())
	assert.Empty(t, e.Lead("a").Buckets, "the step's half-written entries are taken back")
	assert.True(t, e.Lead("a").Steps[scoretest.StepFit].Ran)
}

func TestHold_InputsWaitInOrderUntilTheStepWorks(t *testing.T) {
	e := newEngine(t, scoretest.Config{OnError: step.OnErrorHold}, core.Options{})
	first := e.track("a", "Signed Up", start, "list", "x", "fail", "soft", "in", "behavior")
	e.do(first, e.track("a", "Demo Requested", start+1), e.track("b", "Email Opened", start+2))
	assert.Empty(t, e.out.Rejected)
	require.Len(t, e.Lead("a").Held, 2)
	assert.Empty(t, e.Lead("a").Buckets)
	assert.Equal(t, 5*lead.Point, e.score("b", scoretest.ScoreRecent, start+2), "other leads go on")
	e.do(tick(start + 1000))
	require.Len(t, e.Lead("a").Held, 2)
	assert.Empty(t, e.out.Changes, "a retry that fails changes nothing")

	e.kit.Healed = true
	got := e.do(e.track("a", "Email Opened", start+2000))
	assert.Empty(t, e.Lead("a").Held)
	assert.Equal(t, 65*lead.Point, e.score("a", scoretest.ScoreRecent, start+2000))
	require.NotEmpty(t, got)
	var causes []string
	for _, d := range got {
		causes = append(causes, d.Cause.Name)
	}
	assert.Equal(t, []string{"Signed Up", "Demo Requested"}, causes, "each decision names its own input")
	for i := 1; i < len(got); i++ {
		assert.Less(t, got[i-1].Seq, got[i].Seq)
	}
}

// A sales answer that waited is an answer when its turn comes, also with
// other inputs behind it.
func TestHold_AnswerBetweenOtherInputs(t *testing.T) {
	e := newEngine(t, scoretest.Config{OnError: step.OnErrorHold}, core.Options{})
	e.do(e.track("a", "Demo Requested", start))
	e.do(e.track("a", "Lead Won", start+1, "fail", "soft", "in", "behavior"), e.track("a", "/pricing", start+2))
	require.Len(t, e.Lead("a").Held, 2)
	e.kit.Healed = true
	e.do(tick(start + day))
	assert.Equal(t, "won", e.Lead("a").Marks.Stage)
	assert.Empty(t, e.Lead("a").Marks.Pending)
	for _, p := range e.Lead("a").Marks.Episodes {
		assert.False(t, p.Open && p.Action == "sales-handoff")
	}
}

func TestHold_RejectedWhenReleasedNamesTheLead(t *testing.T) {
	e := newEngine(t, scoretest.Config{OnError: step.OnErrorHold}, core.Options{})
	e.do(e.track("a", "Signed Up", start, "fail", "soft", "in", "behavior"))
	e.kit.Healed = true
	e.kit.Natives[scoretest.StepGuard].Fn = func(_ *step.Slot, w *scoretest.Sheet) { w.Soft("no") }
	e.feedKeep([]core.Input{tick(start + day)})
	require.Len(t, e.out.Rejected, 1)
	assert.Equal(t, "a", e.out.Rejected[0].Lead)
	assert.NotEmpty(t, e.out.Rejected[0].Raw)
	require.Len(t, e.out.Changes, 1, "the waiting input is gone: that is a change")
	assert.Empty(t, e.Lead("a").Held)
}

func TestHold_IsBounded(t *testing.T) {
	e := newEngine(t, scoretest.Config{OnError: step.OnErrorHold}, core.Options{})
	inputs := []core.Input{e.track("a", "Signed Up", start, "fail", "soft", "in", "behavior")}
	for range 1001 {
		inputs = append(inputs, e.track("a", "Email Opened", start))
	}
	e.feed(inputs, 0)
	assert.Len(t, e.Lead("a").Held, 1000)
	require.Len(t, e.out.Rejected, 2)
	assert.Equal(t, "held-full", e.out.Rejected[0].Code)
	assert.Contains(t, e.out.Rejected[0].Reason, "1000")
}

func TestAdjusted_LineEndsByItself(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 10000}, core.Options{})
	e.do(e.track("a", "Score Adjusted", start, "score", "recent", "points", "12.5", "by", "eve", "reason", "met at the fair", "expires", start+10*day))
	require.Empty(t, e.out.Rejected)
	line := e.Lead("a").Buckets[0]
	assert.Equal(t, "eve: met at the fair", e.Lead("a").Label(0))
	assert.Equal(t, lead.Points(12_500), line.Remaining)
	e.do(tick(start + 10*day - 1))
	assert.Positive(t, e.Lead("a").Totals()[0])
	e.do(tick(start + 11*day))
	assert.Zero(t, e.Lead("a").Totals()[0])
	assert.Empty(t, e.Lead("a").Marks.Adjusts)
}

// A correction decays like every other line of its score, although nothing
// else ever happens to the lead.
func TestAdjusted_Decays(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Unheard Of", start))
	e.do(e.track("a", "Score Adjusted", start, "score", "recent", "points", 30))
	assert.Equal(t, 15*lead.Point, e.score("a", scoretest.ScoreRecent, start+30*day))
}

func TestAdjusted_EndsAlthoughAStepFails(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Score Adjusted", start, "score", "fit", "points", 12, "expires", start+10*day))
	e.kit.Natives[scoretest.StepFade].Fn = func(_ *step.Slot, w *scoretest.Sheet) { w.Soft("no") }
	e.do(tick(start + 11*day))
	assert.Zero(t, e.Lead("a").Totals()[scoretest.ScoreFit])
	assert.Empty(t, e.Lead("a").Marks.Adjusts)
}

func TestAdjusted_Refusals(t *testing.T) {
	for _, c := range []struct {
		props []any
		says  string
	}{
		{[]any{"score", "nope", "points", 1}, `names score "nope"; scores that can be adjusted: recent, fit`},
		{[]any{"score", "total", "points", 1}, `names score "total"`},
		{[]any{"score", "fit"}, `expected a number`},
		{[]any{"score", "fit", "points", "many"}, `"many"`},
		{[]any{"score", "fit", "points", 0.0001}, `at most three decimals`},
		{[]any{"score", "fit", "points", "1e300"}, `expected a number`},
		{[]any{"score", "fit", "points", 1, "expires", start}, `which is over`},
	} {
		e := newEngine(t, scoretest.Config{}, core.Options{})
		e.do(e.track("a", "Score Adjusted", start, c.props...))
		require.Len(t, e.out.Rejected, 1, c.says)
		assert.Equal(t, "bad-adjustment", e.out.Rejected[0].Code)
		assert.Contains(t, e.out.Rejected[0].Reason, c.says)
		assert.Zero(t, e.Len())
	}
}

func TestRecycled_RestsUntil(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 10000}, core.Options{})
	require.Equal(t, []string{"sales-handoff/hand"}, actions(e.do(e.track("a", "Demo Requested", start))))
	until := start + 30*day
	assert.NotContains(t, actions(e.do(e.track("a", "Lead Recycled", start+day, "until", until))), "sales-handoff/hand")
	assert.Equal(t, "recycled", e.Lead("a").Marks.Stage)
	e.do(e.track("a", "Demo Requested", start+2*day))
	assert.NotContains(t, actions(e.out.Decisions), "sales-handoff/hand")
	assert.Empty(t, e.do(tick(until-1)))
	got := e.do(tick(until + 5*day))
	require.Equal(t, []string{"sales-handoff/hand"}, actions(got), "the hand-raise still waits when the rest is over")
	assert.Equal(t, until, got[0].At)
	assert.Equal(t, uint32(2), got[0].Episode)
}

func TestQuiet_PublishesNothingAndScoresTheSame(t *testing.T) {
	inputs := newGenerator(11).stream(400)
	loud, quiet := newEngine(t, scoretest.Config{}, core.Options{}), newEngine(t, scoretest.Config{}, core.Options{Quiet: true})
	loud.feed(inputs, 50)
	quiet.feed(inputs, 50)
	assert.NotEmpty(t, loud.out.Decisions)
	assert.Empty(t, quiet.out.Decisions)
	assert.Equal(t, loud.accounts(), quiet.accounts())
	assert.Equal(t, lines(t, loud.out.Rejected), lines(t, quiet.out.Rejected))
}

func TestRobot_HiddenEventLeavesNoTrace(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "/pricing", start))
	before := e.Lead("a").Append(nil, e.kit.Book)
	counted, active := e.Lead("a").Counted(e.kit.Book, 0, start), e.Lead("a").LastActivity
	e.do(e.track("a", "/pricing", start+50, "robot", true))
	a := e.Lead("a")
	assert.Equal(t, counted, a.Counted(e.kit.Book, 0, start+50))
	assert.Equal(t, active, a.LastActivity)
	a.Clock -= 50
	assert.Equal(t, before, a.Append(nil, e.kit.Book), "only the clock moved")
}

func TestRobot_VoidsWhatWasAwarded(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 1000}, core.Options{})
	e.do(event("click", "a", "Email Opened", start), event("real", "a", "Email Opened", start+1))
	assert.Equal(t, 10*lead.Point, e.score("a", scoretest.ScoreRecent, start+2))
	e.do(event("verdict", "a", "Unheard Of", start+2, "voids", "click", "robot", true))
	assert.Equal(t, 5*lead.Point, e.score("a", scoretest.ScoreRecent, start+2))
}

func TestTraits_AreBounded(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	in := e.track("a", "identify", start)
	for i := range 4097 {
		in.Event.Traits = append(in.Event.Traits, lead.Prop{Name: fmt.Sprint(i), Value: lead.NumberOf(1)})
	}
	in.Event.Traits = in.Event.Traits.Sort()
	e.do(in)
	require.Len(t, e.out.Rejected, 1)
	assert.Equal(t, "too-many-traits", e.out.Rejected[0].Code)
}

func TestScorer_UnusableIsAnError(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.kit.Natives[0].Err = errors.New("closed")
	err := e.Run([]core.Input{e.track("a", "x", start)}, &e.out)
	assert.ErrorContains(t, err, `step "guard": closed`)
}

func TestHandOff_R000_12_AtTheThreshold(t *testing.T) {
	for points, want := range map[string]bool{"59.999": false, "60": true, "60.001": true} {
		e := newEngine(t, scoretest.Config{}, core.Options{})
		got := actions(e.do(e.track("a", "Score Adjusted", start, "score", "fit", "points", points)))
		assert.Equal(t, want, len(got) > 0 && got[0] == "sales-handoff/warm", points)
	}
}

func TestHandOff_R000_13_DemoAlone(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	got := e.do(e.track("a", "Demo Requested", start))
	require.Equal(t, []string{"sales-handoff/hand"}, actions(got))
	assert.Equal(t, lead.Cause{Kind: "event", Event: "m1", Name: "Demo Requested", At: start}, got[0].Cause)
}

func TestReversal_R000_08_NetZeroThroughTheCore(t *testing.T) {
	e := newEngine(t, scoretest.Config{}, core.Options{})
	e.do(e.track("a", "Signed Up", start, "list", "x"), e.track("a", "Signed Up", start, "list", "y"), e.track("a", "Signed Up", start+day, "list", "x"))
	at := start + 20*day
	e.do(e.track("a", "Unsubscribed", at, "list", "x"))
	assert.Equal(t, linear(10*lead.Point, 20, 60), e.score("a", scoretest.ScoreRecent, at), "list y only, decayed")
	e.do(e.track("a", "Unsubscribed", at+1, "list", "x"))
	assert.Equal(t, linear(10*lead.Point, 20, 60), e.score("a", scoretest.ScoreRecent, at), "idempotent")
	e.do(e.track("a", "Signed Up", at+2, "list", "x"))
	assert.Equal(t, linear(10*lead.Point, 20, 60)+10*lead.Point, e.score("a", scoretest.ScoreRecent, at+2), "the key is free")
	e.do(e.track("a", "Unsubscribed", at+3, "list", "never"))
	assert.Equal(t, linear(10*lead.Point, 20, 60), e.score("a", scoretest.ScoreRecent, at+3), "without an award: its own points")
}
