package step_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

type said = func(s *step.Slot, w *scoretest.Sheet)

// bench runs a workflow of the given steps over one lead.
type bench struct {
	t       *testing.T
	book    *ledger.Book
	specs   []*step.Spec
	natives []*scoretest.Native
	backups []step.Scorer
	runner  *step.Runner
	acct    *ledger.Account
	undo    ledger.Undo
}

func newBench(t *testing.T, specs []*step.Spec, fns ...said) *bench {
	b := &bench{t: t, specs: specs, book: &ledger.Book{AgeStep: scoretest.Day, MaxBuckets: 100, MaxUses: 100, Voidable: true,
		Scores:  []ledger.Score{{Name: "s", ID: 1}},
		Classes: []ledger.Class{{ID: 5, Name: "hand", Hand: true}},
		Rules: []ledger.Rule{{ID: 1, Class: -1, Step: "one", Name: "r0"}, {ID: 2, Class: 0, Step: "one", Name: "hand"},
			{ID: 3, Class: -1, Step: "one", Name: "keyed", Once: true, Keys: []string{"list", "path"}}, {ID: 4, Class: -1, Step: "two", Name: "r0"}},
	}}
	scorers := make([]step.Scorer, len(specs))
	b.backups = make([]step.Scorer, len(specs))
	for i, s := range specs {
		s.Index = i
		if s.Needs == nil {
			s.Needs = &abi.Needs{Rules: make([]abi.Rule, len(s.Rules))}
		}
		b.book.Steps = append(b.book.Steps, ledger.StepDef{ID: uint32(i + 1), Name: s.Name})
		b.natives = append(b.natives, &scoretest.Native{Fn: fns[i]})
		scorers[i] = b.natives[i]
	}
	b.book.Index()
	b.runner = step.NewRunner(b.book, specs, scorers, b.backups)
	b.acct = ledger.NewAccount(b.book, "lead")
	return b
}

func (b *bench) item(kind uint32, at int64) *step.Item {
	it := &step.Item{Kind: kind, Event: 77, Frame: ledger.Frame{Book: b.book, Acct: b.acct, At: at, Now: at}}
	if kind == abi.SlotEvent {
		it.Frame.Event = &lead.Event{ID: "e", Kind: lead.Track, Name: "Did", At: at, Props: lead.Props{{Name: "list", Value: lead.StringOf("x")}}}
	}
	b.acct.Begin(&b.undo)
	return it
}

func (b *bench) round(it *step.Item) *step.Item {
	b.t.Helper()
	require.NoError(b.t, b.runner.Round([]*step.Item{it}))
	b.acct.Keep()
	return it
}

func (b *bench) event(at int64) *step.Item { return b.round(b.item(abi.SlotEvent, at)) }

func spec(name string, caps uint64, rules ...int) *step.Spec {
	return &step.Spec{Name: name, Caps: caps, Rules: rules}
}

func TestRound_AsksEachStepOnceForAllLeads(t *testing.T) {
	b := newBench(t, []*step.Spec{spec("one", 0, 0), spec("two", 0, 3)},
		func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000) }, func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 2000) })
	var items []*step.Item
	for range 50 {
		b.acct = ledger.NewAccount(b.book, "lead")
		it := b.item(abi.SlotEvent, 1)
		b.acct.Keep()
		items = append(items, it)
	}
	require.NoError(t, b.runner.Round(items))
	for i, n := range b.natives {
		assert.Equal(t, 1, n.Calls, "step %d", i)
		assert.Equal(t, 50, n.Slots)
	}
	for _, it := range items {
		assert.Nil(t, it.Failure)
		assert.Equal(t, lead.Points(3000), it.Frame.Acct.Totals()[0])
	}
}

// What the contract forbids is the failure of that input, told for people,
// and nothing of it stays in the account.
func TestApply_ContractBreaches(t *testing.T) {
	add := func(e abi.Entry) said { return func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000); w.Add(e) } }
	result := func(r abi.Result) said {
		return func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000); w.Result = r }
	}
	foreign := spec("one", 0, 0, 3)
	foreign.Needs = &abi.Needs{Rules: []abi.Rule{{}, {Step: "two", Name: "r0"}}}
	for name, c := range map[string]struct {
		spec *step.Spec
		fn   said
		says string
	}{
		"unknown rule":         {spec("one", 0, 0), add(abi.Entry{Kind: abi.EntryAward, Rule: 5}), "entry for rule 5, but the step has 1 rules"},
		"unknown kind":         {spec("one", 0, 0), add(abi.Entry{Kind: 9}), "entry of unknown kind 9"},
		"too many points":      {spec("one", 0, 0), add(abi.Entry{Kind: abi.EntryAward, Delta: 1 << 60}), "at most ±"},
		"out of range":         {spec("one", 0, 0), add(abi.Entry{Kind: abi.EntryAward, Delta: int64(lead.MaxPoints)}), "rule one/r0: points out of range"},
		"adjust":               {spec("one", abi.CapLedger, 0), add(abi.Entry{Kind: abi.EntryAdjust}), `without the capability "memoryless"`},
		"void an event":        {spec("one", 0, 0), add(abi.Entry{Kind: abi.EntryVoid, Flags: abi.EntryVoidEvent, Scope: 1}), `without the capability "void"`},
		"award a foreign rule": {foreign, add(abi.Entry{Kind: abi.EntryAward, Rule: 1}), "another step, which may only be voided"},
		"bad label":            {spec("one", 0, 0), add(abi.Entry{Kind: abi.EntryAward, Label: 4}), "label from input 3, but the step has 0 inputs"},
		"grade":                {spec("one", 0, 0), result(abi.Result{Grade: 1}), "grade 1, but the step has 0 grades"},
		"reason":               {spec("one", 0, 0), result(abi.Result{Reason: 2}), "reason 2"},
		"timer unasked":        {spec("one", 0, 0), result(abi.Result{WakeAt: 5000}), `without the capability "timers"`},
		"timer now":            {spec("one", abi.CapTimers, 0), result(abi.Result{WakeAt: 100}), "timer asked for at 100 ms, which is not after now (100 ms)"},
		"timer before now":     {spec("one", abi.CapTimers, 0), result(abi.Result{WakeAt: 99}), "not after now"},
		"timer negative":       {spec("one", abi.CapTimers, 0), result(abi.Result{WakeAt: -1}), "not after now"},
		"hide":                 {spec("one", 0, 0), result(abi.Result{Flags: abi.ResultHide}), `hidden without the capability "void"`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, []*step.Spec{c.spec}, c.fn)
			before := string(b.acct.Append(nil, b.book))
			it := b.item(abi.SlotEvent, 100)
			require.NoError(t, b.runner.Round([]*step.Item{it}))
			require.NotNil(t, it.Failure)
			assert.Equal(t, "one", it.Failure.Step)
			assert.Equal(t, step.OutcomeBad, it.Failure.Outcome.Kind)
			assert.Equal(t, "bad-entry", it.Failure.Outcome.Code)
			assert.Contains(t, it.Failure.Outcome.Text, c.says)
			b.acct.Rollback()
			assert.Equal(t, before, string(b.acct.Append(nil, b.book)))
		})
	}
}

func TestApply_TimerAfterNowIsKept(t *testing.T) {
	b := newBench(t, []*step.Spec{spec("one", abi.CapTimers, 0)}, func(_ *step.Slot, w *scoretest.Sheet) { w.Result.WakeAt = 101 })
	assert.Nil(t, b.event(100).Failure)
	assert.Equal(t, int64(101), b.acct.Steps[0].Wake)
}

func TestApply_ForeignRuleCanBeVoided(t *testing.T) {
	foreign := spec("two", 0, 0)
	foreign.Needs = &abi.Needs{Rules: []abi.Rule{{Step: "one", Name: "r0"}}}
	b := newBench(t, []*step.Spec{spec("one", 0, 0), foreign},
		func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000) }, func(_ *step.Slot, w *scoretest.Sheet) { w.Void(0) })
	assert.Nil(t, b.event(1).Failure)
	assert.Zero(t, b.acct.Totals()[0])
}

func TestApply_ScopeFromTheRulesKeys(t *testing.T) {
	b := newBench(t, []*step.Spec{spec("one", 0, 2)}, func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000) })
	for _, list := range []string{"x", "x", "y", ""} {
		it := b.item(abi.SlotEvent, 1)
		it.Frame.Event.Props[0].Value = lead.StringOf(list)
		b.round(it)
	}
	assert.Equal(t, 3*lead.Point, b.acct.Totals()[0], "the empty key is a key")
	for _, k := range b.acct.Buckets {
		assert.NotZero(t, k.Scope)
	}
}

func TestApply_ElseCountsOnlyWithoutAnAward(t *testing.T) {
	fn := func(_ *step.Slot, w *scoretest.Sheet) {
		w.Void(0)
		w.Add(abi.Entry{Kind: abi.EntryAward, Flags: abi.EntryElse, Rule: 1, Delta: -700})
	}
	b := newBench(t, []*step.Spec{spec("one", 0, 0, 3)}, fn)
	b.event(1)
	assert.Equal(t, lead.Points(-700), b.acct.Totals()[0])
	b = newBench(t, []*step.Spec{spec("one", 0, 0, 3)}, func(s *step.Slot, w *scoretest.Sheet) {
		w.Award(0, 500)
		fn(s, w)
	})
	b.event(1)
	assert.Zero(t, b.acct.Totals()[0])
}

func TestApply_Label(t *testing.T) {
	one := spec("one", 0, 0)
	one.Project = []step.Projector{
		func(*ledger.Frame) (uint64, string, bool) { return 2, "", true },
		func(*ledger.Frame) (uint64, string, bool) { return 0, "a text", true },
		func(*ledger.Frame) (uint64, string, bool) { return 0, "", false },
	}
	one.Needs = &abi.Needs{Rules: make([]abi.Rule, 1), Inputs: []abi.Input{{Kind: abi.InputEnum, Literals: []abi.Literal{{Text: "first"}, {Text: "second"}}}, {Kind: abi.InputString}, {}}}
	for label, want := range []string{"Did", "second", "a text", ""} {
		b := newBench(t, []*step.Spec{one}, func(_ *step.Slot, w *scoretest.Sheet) {
			w.Add(abi.Entry{Kind: abi.EntryAward, Delta: 1, Label: uint32(label)})
		})
		require.Nil(t, b.event(1).Failure)
		assert.Equal(t, want, b.acct.Label(0))
	}
}

func TestErrors_Policies(t *testing.T) {
	failing := func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000); w.Soft("no") }
	second := func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 2000) }
	for policy, c := range map[step.OnError]struct {
		fails, hold bool
		total       lead.Points
	}{step.OnErrorReject: {fails: true}, step.OnErrorHold: {fails: true, hold: true}, step.OnErrorSkip: {total: 2000}, step.OnErrorFallback: {total: 2300}} {
		one := spec("one", 0, 0)
		one.OnError, one.Fallback = policy, &step.Spec{Name: "one", Rules: []int{0}, Needs: &abi.Needs{Rules: make([]abi.Rule, 1)}}
		b := newBench(t, []*step.Spec{one, spec("two", 0, 3)}, failing, second)
		backup := &scoretest.Native{Fn: func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 300) }}
		b.backups[0] = backup
		it := b.event(1)
		assert.Equal(t, c.fails, it.Failure != nil, "policy %d", policy)
		if c.fails {
			assert.Equal(t, c.hold, it.Failure.Hold)
			assert.Equal(t, "no", it.Failure.Outcome.Text)
			assert.Zero(t, b.natives[1].Slots, "the next steps do not see it")
		}
		assert.Equal(t, c.total, b.acct.Totals()[0], "policy %d", policy)
	}
}

func TestErrors_FallbackThatFailsRejects(t *testing.T) {
	no := func(_ *step.Slot, w *scoretest.Sheet) { w.Soft("no") }
	one := spec("one", 0, 0)
	one.OnError, one.Fallback = step.OnErrorFallback, &step.Spec{Name: "one", Rules: []int{0}, Needs: &abi.Needs{}}
	b := newBench(t, []*step.Spec{one}, no)
	b.backups[0] = &scoretest.Native{Fn: no}
	it := b.event(1)
	require.NotNil(t, it.Failure)
	assert.False(t, it.Failure.Hold)
}

func TestErrors_FallbackOfAMemorylessStep(t *testing.T) {
	caps := abi.CapMemoryless | abi.CapLedger
	fade := spec("fade", caps)
	fade.Views, fade.OnError = []step.RowView{{}}, step.OnErrorFallback
	fade.Fallback = &step.Spec{Name: "fade", Caps: caps, Views: fade.Views, Needs: &abi.Needs{}}
	b := newBench(t, []*step.Spec{spec("one", 0, 0), fade}, func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000) },
		func(_ *step.Slot, w *scoretest.Sheet) { w.Soft("no") })
	b.backups[1] = &scoretest.Native{Fn: func(s *step.Slot, w *scoretest.Sheet) { w.Add(abi.Entry{Kind: abi.EntryAdjust, Delta: -400}) }}
	require.Nil(t, b.event(scoretest.Day).Failure)
	assert.Equal(t, lead.Points(600), b.acct.Totals()[0])
}

// The state is the step's own plugin's: its fallback neither reads nor writes
// it.
func TestErrors_FallbackLeavesTheState(t *testing.T) {
	one := spec("one", abi.CapState, 0)
	one.OnError, one.Fallback = step.OnErrorFallback, &step.Spec{Name: "one", Caps: abi.CapState, Rules: []int{0}, Needs: &abi.Needs{}}
	broken := false
	b := newBench(t, []*step.Spec{one}, func(_ *step.Slot, w *scoretest.Sheet) {
		if broken {
			w.Soft("no")
			return
		}
		w.Dirty([]byte("mine"))
	})
	b.backups[0] = &scoretest.Native{Fn: func(s *step.Slot, w *scoretest.Sheet) {
		assert.Empty(t, s.State)
		w.Dirty([]byte("other"))
	}}
	b.event(1)
	broken = true
	b.event(2)
	assert.Equal(t, "mine", string(b.acct.Steps[0].State))
}

func TestErrors_HandsOfAFailedStepAreNotRaised(t *testing.T) {
	one := spec("one", 0, 0, 1)
	one.OnError = step.OnErrorSkip
	breach := true
	b := newBench(t, []*step.Spec{one}, func(_ *step.Slot, w *scoretest.Sheet) {
		w.Award(1, 1000)
		if breach {
			w.Award(9, 1)
		}
	})
	assert.Empty(t, b.event(1).Hands)
	breach = false
	assert.Equal(t, []uint32{5}, b.event(2).Hands)
}

func TestErrors_SkippedTimerIsOver(t *testing.T) {
	one := spec("one", abi.CapTimers, 0)
	one.OnError = step.OnErrorSkip
	b := newBench(t, []*step.Spec{one}, func(s *step.Slot, w *scoretest.Sheet) {
		if s.Kind == abi.SlotTimer {
			w.Soft("no")
		}
		w.Result.WakeAt = 50
	})
	b.event(1)
	it := b.item(abi.SlotTimer, 50)
	it.Due = 1
	b.round(it)
	assert.Zero(t, b.acct.Steps[0].Wake)
}

func TestHide_LaterStepsDoNotSeeIt(t *testing.T) {
	var order []string
	note := func(name string, fn said) said {
		return func(s *step.Slot, w *scoretest.Sheet) { order = append(order, name); fn(s, w) }
	}
	nothing := func(*step.Slot, *scoretest.Sheet) {}
	b := newBench(t, []*step.Spec{spec("one", 0), spec("two", abi.CapVoid), spec("three", 0)}, note("one", nothing),
		note("two", func(_ *step.Slot, w *scoretest.Sheet) { w.Result.Flags = abi.ResultHide }), note("three", nothing))
	it := b.item(abi.SlotEvent, 1)
	it.WasActive, b.acct.LastActivity = 5, 9
	b.round(it)
	assert.True(t, it.Hidden)
	assert.Equal(t, []string{"one", "two"}, order)
	assert.Equal(t, int64(5), b.acct.LastActivity)
}

func TestFactsOnly_SkippedWhileTheFactsStay(t *testing.T) {
	fit := spec("fit", abi.CapPure, 0)
	fit.FactsOnly = true
	b := newBench(t, []*step.Spec{fit}, func(_ *step.Slot, w *scoretest.Sheet) { w.Replace(0, 3000) })
	b.event(1)
	assert.Equal(t, 1, b.natives[0].Calls, "the first input of a lead is always looked at")
	b.event(2)
	assert.Equal(t, 1, b.natives[0].Calls)
	it := b.item(abi.SlotEvent, 3)
	it.Facts = true
	b.round(it)
	assert.Equal(t, 2, b.natives[0].Calls)
	assert.Equal(t, 3*lead.Point, b.acct.Totals()[0], "its line stays")
}

func TestMemoryless_RunsOnlyWhenSomethingCanHaveChanged(t *testing.T) {
	fade := spec("fade", abi.CapMemoryless|abi.CapLedger)
	fade.Views = []step.RowView{{}}
	award := true
	b := newBench(t, []*step.Spec{spec("one", 0, 0), fade}, func(_ *step.Slot, w *scoretest.Sheet) {
		if award {
			w.Award(0, 1000)
		}
	}, func(s *step.Slot, w *scoretest.Sheet) {
		require.NotEmpty(t, s.Rows)
		w.Result.WakeAt = 1000
	})
	b.event(1)
	assert.Equal(t, 1, b.natives[1].Calls)
	award = false
	b.event(2)
	assert.Equal(t, 1, b.natives[1].Calls, "no bucket changed and its time has not come")
	award = true
	b.event(3)
	assert.Equal(t, 2, b.natives[1].Calls)
	award = false
	it := b.item(abi.SlotProbe, 999)
	require.NoError(t, b.runner.Settle([]*step.Item{it}))
	assert.Equal(t, 2, b.natives[1].Calls)
}

func TestMemoryless_MayOnlyAdjust(t *testing.T) {
	fade := spec("fade", abi.CapMemoryless|abi.CapLedger, 0)
	for says, e := range map[string]abi.Entry{
		"may only adjust":           {Kind: abi.EntryAward, Delta: 1},
		"row 3 adjusted, but":       {Kind: abi.EntryAdjust, Target: 3},
		"beyond what was awarded":   {Kind: abi.EntryAdjust, Target: 0, Delta: -1001},
		"adjusted by 1 milli-point": {Kind: abi.EntryAdjust, Target: 0, Delta: 1},
	} {
		fade.Views = []step.RowView{{Score: 1}}
		b := newBench(t, []*step.Spec{spec("one", 0, 0), fade}, func(_ *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000) },
			func(_ *step.Slot, w *scoretest.Sheet) { w.Add(e) })
		it := b.event(1)
		require.NotNil(t, it.Failure, says)
		assert.Contains(t, it.Failure.Outcome.Text, says)
	}
}

func TestViews_FirstThatTakesTheRow(t *testing.T) {
	fade := spec("fade", abi.CapMemoryless|abi.CapLedger)
	fade.Views = []step.RowView{{Rules: []uint32{2}}, {Score: 1}, {Score: 9}}
	var rows []abi.Row
	b := newBench(t, []*step.Spec{spec("one", 0, 0, 1, 2), fade}, func(_ *step.Slot, w *scoretest.Sheet) {
		w.Award(0, 1000)
		w.Award(1, 2000)
		w.Award(2, 0)
	}, func(s *step.Slot, _ *scoretest.Sheet) { rows = append([]abi.Row(nil), s.Rows...) })
	b.event(3*scoretest.Day + 5)
	require.Len(t, rows, 2, "rows without points are left out")
	assert.Equal(t, uint32(1), rows[0].View)
	assert.Equal(t, uint32(0), rows[1].View)
	assert.Equal(t, 3*scoretest.Day, rows[0].At)
	assert.Equal(t, int64(2000), rows[1].Remaining)
}

func TestScorer_ErrorNamesTheStep(t *testing.T) {
	b := newBench(t, []*step.Spec{spec("one", 0)}, nil)
	closed := errors.New("closed")
	b.natives[0].Err = closed
	err := b.runner.Round([]*step.Item{b.item(abi.SlotEvent, 1)})
	assert.ErrorIs(t, err, closed)
	assert.ErrorContains(t, err, `step "one"`)
}

func TestSeedOf_SameForEver(t *testing.T) {
	assert.Equal(t, step.SeedOf("a", 7, 0), step.SeedOf("a", 7, 0))
	assert.NotEqual(t, step.SeedOf("a", 7, 0), step.SeedOf("b", 7, 0))
	assert.NotEqual(t, step.SeedOf("a", 0, 1), step.SeedOf("a", 0, 2))
	assert.Equal(t, uint64(0xaf63dc4c8601ec8c), step.SeedOf("a", 0, 0))
}

// A step that names the events whose awards it may take back leaves the others
// to fold.
func TestRunner_OnlyWhatMayBeVoidedIsKeptApart(t *testing.T) {
	for name, c := range map[string]struct {
		voids  []int
		did    bool // the event matches
		apart  int  // buckets of three events
		remain int64
	}{
		"any event":                {nil, false, 3, 20},
		"listed, and it is":        {[]int{0}, true, 3, 20},
		"listed, and it is not":    {[]int{0}, false, 1, 30},
		"one of two inputs has it": {[]int{1, 0}, true, 3, 20},
	} {
		t.Run(name, func(t *testing.T) {
			filter := spec("filter", abi.CapVoid)
			filter.Voids = c.voids
			filter.Project = []step.Projector{
				func(*ledger.Frame) (uint64, string, bool) { return map[bool]uint64{true: 1}[c.did], "", true },
				func(*ledger.Frame) (uint64, string, bool) { return 1, "", false },
			}
			n := 0
			b := newBench(t, []*step.Spec{filter, spec("one", 0, 0)},
				func(_ *step.Slot, w *scoretest.Sheet) {
					if n == 3 {
						w.Add(abi.Entry{Kind: abi.EntryVoid, Flags: abi.EntryVoidEvent, Scope: 101})
					}
				},
				func(_ *step.Slot, w *scoretest.Sheet) {
					if n < 3 {
						w.Add(abi.Entry{Kind: abi.EntryAward, Delta: 10})
					}
				})
			for ; n < 4; n++ {
				it := b.item(abi.SlotEvent, scoretest.Day)
				it.Event = 100 + uint64(n)
				require.NoError(t, b.runner.Round([]*step.Item{it}))
				require.Nil(t, it.Failure)
				b.acct.Keep()
			}
			require.Len(t, b.acct.Buckets, c.apart)
			sum := int64(0)
			for i := range b.acct.Buckets {
				sum += int64(b.acct.Buckets[i].Remaining)
			}
			require.Equal(t, c.remain, sum)
		})
	}
}
