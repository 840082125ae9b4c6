package decide

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// world is a lead whose conditions are set by hand.
type world struct {
	t      *testing.T
	p      *Policy
	f      ledger.Frame
	is     map[string]lead.Tri
	values []lead.Points
	n      int
}

// when is a condition that the test sets; unset is unknown.
func (w *world) when(name string) ledger.Cond {
	return func(*ledger.Frame) lead.Tri { return w.is[name] }
}

const handClass, otherClass = 70, 71

func newWorld(t *testing.T) *world {
	w := &world{t: t, is: map[string]lead.Tri{}, values: make([]lead.Points, 1)}
	book := &ledger.Book{Scores: []ledger.Score{{Name: "total", ID: 1, About: "all in all", Thresholds: []lead.Points{60_000}}},
		Classes: []ledger.Class{{ID: handClass, Name: "asked"}, {ID: otherClass, Name: "trial"}},
		Steps:   []ledger.StepDef{{ID: 1, Name: "fit", Grades: []string{"A", "B"}, Reasons: []string{"unknown"}}}, AgeStep: 1000, MaxBuckets: 10, MaxUses: 10}
	book.Index()
	w.f = ledger.Frame{Book: book, Acct: ledger.NewAccount(book, "lead-1")}
	pending := func(class uint32) ledger.Cond {
		return func(f *ledger.Frame) lead.Tri { return lead.TriOf(IsPending(&f.Acct.Marks, class)) }
	}
	w.p = &Policy{Workflow: "w", Release: "r", Sales: []string{"sales"}, Grading: 0,
		Suppress: []Guard{{Name: "customers", When: w.when("customer")}},
		Vetoes:   []Guard{{Name: "competitor", When: w.when("competitor"), Actions: []string{"sales"}}},
		Routes: []Route{
			{ID: 1, Action: "sales", Name: "asked", Classes: []int{0}, When: pending(handClass), Cooldown: 50},
			{ID: 2, Action: "sales", Name: "trial", Classes: []int{1}, When: pending(otherClass), Cooldown: 50},
			{ID: 3, Action: "sales", Name: "warm", When: w.when("warm"), Cooldown: 50},
			{ID: 4, Action: "nurture-again", Name: "cooled", When: w.when("was warm"), OnFall: true},
			{ID: 5, Action: "investigate", Name: "quiet", When: w.when("quiet"), Reset: w.when("awake")},
			{ID: 6, Action: "nurture", Name: "rest"},
		},
		Labels: []Label{{Name: "hot", When: w.when("warm")}, {Name: "cold"}},
	}
	return w
}

// look lets one event pass and gives what was decided as action/route#episode.
func (w *world) look(names ...string) []string {
	w.t.Helper()
	for _, name := range names {
		w.is[name] = lead.True
	}
	return w.event(&lead.Event{Kind: lead.Track, Name: "Something"})
}

func (w *world) event(e *lead.Event) (out []string) {
	w.t.Helper()
	w.n++
	w.f.Now += 10
	w.f.At, w.f.Event = w.f.Now, e
	if IsAnswer(e) {
		w.p.Answer(&w.f)
	}
	w.f.Evaluate(w.values)
	would, told := w.p.WouldChange(&w.f), w.p.Tell(&w.f)
	before := string(w.f.Acct.Append(nil, w.f.Book))
	list := w.p.Decide(&w.f, lead.Cause{Kind: "event", Event: string(rune('a' + w.n)), Name: e.Name, At: w.f.At}, nil)
	assert.Equal(w.t, would, before != string(w.f.Acct.Append(nil, w.f.Book)), "WouldChange says what Decide does")
	assert.Equal(w.t, len(list) > 0, len(list) > 0 && would)
	w.checkTold(&told, list)
	for _, d := range list {
		out = append(out, d.Action+"/"+d.Route+"#"+string(rune('0'+d.Episode)))
	}
	return out
}

func (w *world) answer(name string, props ...lead.Prop) []string {
	return w.event(&lead.Event{Kind: lead.Track, Name: name, Props: props})
}

func (w *world) no(names ...string) {
	for _, name := range names {
		w.is[name] = lead.False
	}
}

func (w *world) raise(class uint32) { Raise(&w.f.Acct.Marks, class, w.f.Now) }

func TestOrder_SuppressBeforeAll(t *testing.T) {
	w := newWorld(t)
	w.raise(handClass)
	assert.Empty(t, w.look("customer", "warm"))
	assert.True(t, w.f.Acct.Marks.Suppressed)
	w.no("customer")
	assert.Equal(t, []string{"sales/asked#1"}, w.look())
}

func TestOrder_VetoBlocksItsActionsAndTheNextRouteIsTried(t *testing.T) {
	w := newWorld(t)
	w.raise(handClass)
	assert.Equal(t, []string{"investigate/quiet#1"}, w.look("competitor", "warm", "quiet"))
	w.no("competitor")
	assert.Equal(t, []string{"sales/asked#1"}, w.look())
}

func TestOrder_VetoNeverOnMissingData(t *testing.T) {
	w := newWorld(t)
	w.is["competitor"], w.is["customer"] = lead.Unknown, lead.Unknown
	assert.Equal(t, []string{"sales/warm#1"}, w.look("warm"))
}

func TestOrder_R004_01_HandRaiseBeforeScores(t *testing.T) {
	w := newWorld(t)
	w.raise(handClass)
	assert.Equal(t, []string{"sales/asked#1"}, w.look("warm", "quiet"))
}

func TestOrder_UnknownNeverFires(t *testing.T) {
	w := newWorld(t)
	w.is["warm"], w.is["quiet"] = lead.Unknown, lead.Unknown
	assert.Equal(t, []string{"nurture/rest#1"}, w.look())
	assert.Empty(t, w.look(), "the default fires once, too")
}

func TestEpisode_OpensOnTheEdgeOnly(t *testing.T) {
	w := newWorld(t)
	assert.Equal(t, []string{"sales/warm#1"}, w.look("warm"))
	for range 3 {
		assert.Empty(t, w.look())
	}
}

func TestEpisode_CoolingUnderAnOpenHandOffStartsNoNurture(t *testing.T) {
	w := newWorld(t)
	w.look("warm", "was warm")
	w.no("warm", "was warm")
	assert.Empty(t, w.look())
	assert.Equal(t, []string{"nurture/rest#1"}, w.answer(LeadLost), "when sales is done with it")
}

func TestEpisode_UpdateOfAnOpenHandOff(t *testing.T) {
	w := newWorld(t)
	assert.Equal(t, []string{"sales/warm#1"}, w.look("warm"))
	w.raise(handClass)
	assert.Equal(t, []string{"sales-update/asked#1"}, w.look())
	assert.Empty(t, w.look(), "told once")
	w.raise(handClass)
	assert.Equal(t, []string{"sales-update/asked#1"}, w.look(), "asked again")
	w.raise(otherClass)
	assert.Equal(t, []string{"sales-update/trial#1"}, w.look(), "an unanswered hand-raise hides no other")
	assert.Empty(t, w.look())
}

func TestEpisode_UpdateRespectsVetoes(t *testing.T) {
	w := newWorld(t)
	w.look("warm")
	w.raise(handClass)
	assert.Empty(t, w.look("competitor"))
}

func TestEpisode_Reset(t *testing.T) {
	w := newWorld(t)
	w.no("awake", "warm")
	assert.Equal(t, []string{"investigate/quiet#1"}, w.look("quiet"))
	w.no("quiet")
	assert.Equal(t, []string{"nurture/rest#1"}, w.look("awake"))
	w.no("awake")
	assert.Equal(t, []string{"investigate/quiet#2"}, w.look("quiet"))
}

// Reset and condition true at once is a contradiction of the workflow: the
// episode closes and does not open again and again.
func TestEpisode_ResetWhileStillTrueDoesNotFlap(t *testing.T) {
	w := newWorld(t)
	w.no("awake")
	assert.Equal(t, []string{"investigate/quiet#1"}, w.look("quiet"))
	assert.Empty(t, w.look("awake"))
	assert.Empty(t, w.look())
	assert.Empty(t, w.look())
}

// A reset arms the route again, also when no other route matched in between.
func TestEpisode_ResetArmsAgain(t *testing.T) {
	w := newWorld(t)
	w.p.Routes = w.p.Routes[4:5] // no default
	w.no("awake")
	assert.Equal(t, []string{"investigate/quiet#1"}, w.look("quiet"))
	w.no("quiet")
	w.look("awake")
	w.no("awake")
	assert.Equal(t, []string{"investigate/quiet#2"}, w.look("quiet"))
}

func TestFall_FiresOnceWhenTrueTurnsFalse(t *testing.T) {
	w := newWorld(t)
	w.no("warm", "quiet")
	w.look("was warm")
	w.is["was warm"] = lead.Unknown
	assert.NotContains(t, w.look(), "nurture-again/cooled#1", "unknown is no fall")
	w.no("was warm")
	assert.Equal(t, []string{"nurture-again/cooled#1"}, w.look())
	assert.Empty(t, w.look())
}

func TestFall_NeverTrueNeverFalls(t *testing.T) {
	w := newWorld(t)
	w.no("was warm")
	assert.Equal(t, []string{"nurture/rest#1"}, w.look())
}

func TestCooldown_KeepsTheEdge(t *testing.T) {
	w := newWorld(t)
	w.no("quiet", "was warm")
	w.look("warm")
	w.no("warm")
	w.answer(LeadLost)                                 // closed at 20
	assert.Empty(t, w.look("warm"))                    // 30
	assert.Empty(t, w.look())                          // 40
	w.f.Now = 59                                       // 69
	assert.Empty(t, w.look(), "one ms before its end") //
	w.f.Now = 60                                       // 70
	assert.Equal(t, []string{"sales/warm#2"}, w.look())
}

func TestAnswers_StagesEpisodesPending(t *testing.T) {
	for name, c := range map[string]struct {
		stage string
		open  bool
	}{LeadAccepted: {"accepted", true}, LeadContacted: {"contacted", true}, LeadRejected: {"rejected", false}, LeadRecycled: {"recycled", false},
		LeadWon: {"won", false}, LeadLost: {"lost", false}} {
		w := newWorld(t)
		w.raise(handClass)
		require.Equal(t, []string{"sales/asked#1"}, w.look())
		w.answer(name)
		m := &w.f.Acct.Marks
		assert.Equal(t, c.stage, m.Stage, name)
		assert.Equal(t, c.open, IsOpen(m, "sales"), name)
		assert.False(t, IsPending(m, handClass), name)
	}
}

func TestAnswers_ScoreAdjustedMovesNothing(t *testing.T) {
	w := newWorld(t)
	w.raise(handClass)
	w.look()
	before := string(w.f.Acct.Append(nil, w.f.Book))
	w.answer(ScoreAdjusted)
	assert.Equal(t, before, string(w.f.Acct.Append(nil, w.f.Book)))
	assert.True(t, IsAnswer(&lead.Event{Kind: lead.Track, Name: ScoreAdjusted}))
	assert.False(t, IsAnswer(&lead.Event{Kind: lead.Page, Name: LeadWon}))
}

// The answer that sends a lead back is no reason to hand it over again, even
// though another route to sales is still true.
func TestAnswers_RejectionIsNotAnsweredByAnotherHandOff(t *testing.T) {
	w := newWorld(t)
	w.p.Routes[2].Cooldown = 0
	w.raise(handClass)
	require.Equal(t, []string{"sales/asked#1"}, w.look("warm"))
	assert.Empty(t, w.answer(LeadRejected))
	assert.Empty(t, w.look())
	w.no("warm")
	w.look()
	assert.Equal(t, []string{"sales/warm#2"}, w.look("warm"), "a new edge hands it over again")
}

func TestAnswers_RecycledRestsUntil(t *testing.T) {
	w := newWorld(t)
	w.p.Routes[2].Cooldown = 0
	require.Equal(t, []string{"sales/warm#1"}, w.look("warm")) // 10
	assert.Empty(t, w.answer(LeadRecycled, lead.Prop{Name: "until", Value: lead.NumberOf(100)}))
	w.f.Now = 89
	assert.Empty(t, w.look()) // 99
	w.f.Now = 90
	assert.Equal(t, []string{"sales/warm#2"}, w.look()) // 100
}

func TestAnswers_RecycledWithoutAnEndNeedsANewEdge(t *testing.T) {
	w := newWorld(t)
	w.p.Routes[2].Cooldown = 0
	w.look("warm")
	assert.Empty(t, w.answer(LeadRecycled))
	assert.Empty(t, w.look())
}

func TestTimeOf(t *testing.T) {
	for _, c := range []struct {
		v    lead.Value
		want int64
	}{
		{lead.NumberOf(1_700_000_000_000), 1_700_000_000_000}, {lead.StringOf("2026-01-02"), 1_767_312_000_000}, {lead.StringOf("2026-01-02T03:04:05Z"), 1_767_323_045_000},
		{lead.StringOf("2026-01-02T03:04:05.25+01:00"), 1_767_319_445_250}, {lead.StringOf("soon"), 0}, {lead.NumberOf(1e300), 0}, {lead.NumberOf(-5), 0}, {lead.Value{}, 0}, {lead.BoolOf(true), 0},
	} {
		assert.Equal(t, c.want, TimeOf(c.v), "%v", c.v)
	}
}

func TestDecision_SaysEverything(t *testing.T) {
	w := newWorld(t)
	rule := &ledger.Rule{ID: 9, Class: -1, Step: "s", Name: "r", Template: "{label}"}
	w.f.Book.Rules = []ledger.Rule{*rule}
	w.f.Book.Index()
	w.f.Acct.Award(w.f.Book, ledger.Award{Rule: rule, Delta: 59_700, Label: "asked"})
	w.f.Acct.Person = lead.Props{{Name: "email", Value: lead.StringOf("a@b.c")}, {Name: "vip", Value: lead.BoolOf(true)}}
	w.f.Acct.Company = lead.Props{{Name: "size", Value: lead.NumberOf(12)}}
	w.f.Acct.SetStep(0, ledger.StepMemo{Grade: 2, Reason: 1})
	w.p.Display = func(f *ledger.Frame) string { return "B 59" }
	r := &w.p.Routes[2]
	r.Traits, r.Say = []string{"email", "size", "vip", "none"}, func(*ledger.Frame) string { return "Ask." }
	w.is["warm"] = lead.True
	w.f.Now, w.f.At, w.f.Event = 5, 5, &lead.Event{Kind: lead.Track, Name: "Did"}
	w.f.Evaluate(w.values)
	list := w.p.Decide(&w.f, lead.Cause{Kind: "event", Event: "e", Name: "Did", At: 5}, nil)
	require.Len(t, list, 1)
	d := list[0]
	assert.Equal(t, "B", d.Grade)
	assert.Equal(t, "unknown", d.Why)
	assert.Equal(t, "hot", d.Label)
	assert.Equal(t, "Ask.", d.Say)
	assert.Equal(t, "B 59: sales (warm) after Did", d.Summary)
	assert.Equal(t, []lead.ScoreValue{{Name: "total", Milli: 59_700, Raw: 59_700, Display: 59, About: "all in all"}}, d.Scores)
	assert.Len(t, d.Traits, 3)
	assert.Equal(t, "a@b.c", d.Traits["email"])
	var sum lead.Points
	for _, l := range d.Lines {
		sum += l.Remaining
	}
	assert.Equal(t, d.Scores[0].Milli, sum)
	assert.Equal(t, d.ID, fmt.Sprintf("%x", w.f.Acct.Marks.Episodes[0].Last))
	assert.Equal(t, uint64(1), d.Seq)
}

func TestDecision_SilentRoutePublishesNothing(t *testing.T) {
	w := newWorld(t)
	w.p.Routes[5].Silent = true
	assert.Empty(t, w.look())
	assert.True(t, IsOpen(&w.f.Acct.Marks, "nurture"))
	assert.Zero(t, w.f.Acct.Marks.Seq)
}

// The id of a decision is the same for ever: these were taken once and must
// not change.
func TestDecisionID_Golden(t *testing.T) {
	event := lead.Cause{Kind: "event", Event: "m1", Name: "Demo Requested", At: 5}
	timer := lead.Cause{Kind: "timer", At: 86_400_000}
	ids := map[string]bool{}
	for _, c := range []struct {
		want, workflow, lead string
		cause                lead.Cause
		route                string
		episode              uint32
	}{
		{"e38e9cb579741ad1c28a9ff365475f0d", "w", "l", event, "sales/asked", 1},
		{"223ff22be9c8a823ee2ea2378270799d", "w", "l", event, "sales/asked", 2},
		{"295d12cc48dd8a388f512798a60166a2", "w", "l", timer, "sales/asked", 1},
		{"c5994055c0541692bbe26b8c3b5d0dc2", "w2", "l", event, "sales/asked", 1},
		{"151564eae0d9f5e2746b82fbc84e89b6", "w", "l2", event, "sales/asked", 1},
	} {
		got := DecisionID(c.workflow, c.lead, c.cause, c.route, c.episode)
		assert.Equal(t, c.want, got)
		ids[got] = true
	}
	assert.Len(t, ids, 5)
	moved := event
	moved.Name, moved.At = "renamed", 6
	assert.Equal(t, DecisionID("w", "l", event, "r", 1), DecisionID("w", "l", moved, "r", 1), "an event is known by its id alone")
	later := timer
	later.At++
	assert.NotEqual(t, DecisionID("w", "l", timer, "r", 1), DecisionID("w", "l", later, "r", 1))
	assert.NotEqual(t, DecisionID("ab", "c", event, "r", 1), DecisionID("a", "bc", event, "r", 1))
}

// A fall speaks for the default behind it, once, and disturbs no other edge.
func TestFall_LeavesNoEdgeBehind(t *testing.T) {
	w := newWorld(t)
	w.no("warm", "quiet")
	w.p.Sales = nil
	assert.Equal(t, []string{"sales/warm#1"}, w.look("warm", "was warm"))
	w.no("warm", "was warm")
	assert.Equal(t, []string{"nurture-again/cooled#1"}, w.look())
	assert.Empty(t, w.look(), "the default does not follow at the next occasion")
	assert.Equal(t, []string{"investigate/quiet#1"}, w.look("quiet"))
}

// Nothing else may ever make anybody look at the lead again.
func TestFall_LeavesTheTurnToARouteThatIsNoNurture(t *testing.T) {
	w := newWorld(t)
	w.no("warm")
	w.look("was warm")
	w.no("was warm")
	assert.Equal(t, []string{"nurture-again/cooled#1", "investigate/quiet#1"}, w.look("quiet"))
	assert.Empty(t, w.look())
}

// A fall that leads to nothing lets the routes behind it have their turn.
func TestFall_UnderAnOpenHandOffIsPassedOver(t *testing.T) {
	w := newWorld(t)
	assert.Equal(t, []string{"sales/warm#1"}, w.look("warm", "was warm"))
	w.no("warm", "was warm")
	assert.Equal(t, []string{"investigate/quiet#1"}, w.look("quiet"))
	assert.Empty(t, w.look())
}

func TestCooldown_CountsFromAReset(t *testing.T) {
	w := newWorld(t)
	r := &w.p.Routes[4]
	r.Cooldown = 25
	w.no("awake", "quiet", "warm")
	require.Equal(t, []string{"investigate/quiet#1"}, w.look("quiet")) // 10
	w.no("quiet")
	w.look("awake") // 20: closed
	w.no("awake")
	assert.Empty(t, w.look("quiet"))                           // 30
	assert.Empty(t, w.look())                                  // 40
	assert.Equal(t, []string{"investigate/quiet#2"}, w.look()) // 50
}
