package core_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// storming makes a step ask for a timer in the next millisecond, always.
func (e *engine) storming(index int) {
	n := e.kit.Natives[index]
	inner := n.Fn
	n.Fn = func(s *step.Slot, w *scoretest.Sheet) {
		inner(s, w)
		if s.Frame.Acct.Key == "storm" {
			w.Result.WakeAt = s.Frame.Now + 1
		}
	}
}

func TestStorm_OfTimersIsStoppedAndTold(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 1000}, core.Options{})
	e.storming(scoretest.StepBehavior)
	behavior := e.kit.Natives[scoretest.StepBehavior]
	due := e.delivered("calm")
	e.do(e.track("storm", "Email Opened", start))
	before := behavior.Slots
	e.do(tick(start + 100*day))
	assert.Equal(t, 10_000+1, behavior.Slots-before, "the other lead has its one timer")
	require.Len(t, e.out.Rejected, 1)
	r := e.out.Rejected[0]
	assert.Equal(t, "timer-storm", r.Code)
	assert.Equal(t, "behavior", r.Step)
	assert.Equal(t, "storm", r.Lead)
	assert.Equal(t, start+10_001, r.At)
	assert.Zero(t, e.Lead("storm").Steps[scoretest.StepBehavior].Wake)
	assert.Equal(t, due, e.Lead("calm").Buckets[0].Last)
	e.do(tick(start + 200*day))
	assert.Empty(t, e.out.Rejected, "it is over")
	e.do(e.track("storm", "Email Opened", start+201*day), e.track("storm", "Email Opened", start+202*day))
	assert.Len(t, e.out.Rejected, 1, "an event may begin it again, for as long")
}

func TestStorm_OfTheFutureIsStoppedAndTold(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 1000}, core.Options{})
	e.storming(scoretest.StepFade)
	fade := e.kit.Natives[scoretest.StepFade]
	e.do(e.track("storm", "Email Opened", start), e.track("calm", "Email Opened", start))
	before := fade.Slots
	e.do(tick(start + 100*day))
	assert.Less(t, fade.Slots-before, 110_000)
	require.Len(t, e.out.Rejected, 1)
	assert.Equal(t, "timer-storm", e.out.Rejected[0].Code)
	e.do(e.track("calm", "Email Opened", start+101*day), e.track("storm", "Email Opened", start+101*day))
	assert.Empty(t, e.out.Rejected)
	require.Equal(t, start+101*day, e.Lead("storm").Clock, "events go on")
}

func TestStorm_IsTheSameInAnyBatch(t *testing.T) {
	for _, index := range []int{scoretest.StepBehavior, scoretest.StepFade} {
		var want said
		for _, batch := range []int{1, 2, 1000} {
			e := newEngine(t, scoretest.Config{Rich: true}, core.Options{})
			e.storming(index)
			var inputs []core.Input
			for i := range int64(4) {
				inputs = append(inputs, e.track("storm", "Email Opened", start+i*day), e.track("calm", "Email Opened", start+i*day))
			}
			inputs = append(inputs, tick(start+4*day), e.track("storm", "Demo Requested", start+70*day), tick(start+71*day))
			e.feed(inputs, batch)
			if batch == 1 {
				want = e.said()
				require.NotEmpty(t, want.rejected)
				continue
			}
			require.Equal(t, want, e.said(), "step %d, batch %d", index, batch)
		}
	}
}

func TestStorm_CanBeCalledOff(t *testing.T) {
	rounds := 0
	e := newEngine(t, scoretest.Config{Window: 1000}, core.Options{Interrupted: func() bool { rounds++; return rounds > 300 }})
	e.storming(scoretest.StepBehavior)
	e.do(e.track("storm", "Email Opened", start))
	err := e.Run([]core.Input{tick(start + 100*day)}, new(core.Output))
	require.ErrorIs(t, err, core.ErrInterrupted)
	assert.Equal(t, 301, rounds, "it is asked between two rounds")
}

// Behind some timers without an input between them a step is told to be brief
// with the lead; the next input ends that, and other leads never hear of it.
func TestStorm_ManyTimersMakeTired(t *testing.T) {
	e := newEngine(t, scoretest.Config{Window: 1000}, core.Options{})
	tired, rested := 0, 0
	n := e.kit.Natives[scoretest.StepBehavior]
	inner := n.Fn
	n.Fn = func(s *step.Slot, w *scoretest.Sheet) {
		inner(s, w)
		switch {
		case s.Tired:
			assert.Equal(t, "storm", s.Frame.Acct.Key)
			assert.Equal(t, uint32(abi.SlotTimer), s.Kind)
			tired++
		case s.Kind == abi.SlotTimer && s.Frame.Acct.Key == "storm":
			rested++
		}
	}
	e.storming(scoretest.StepBehavior)
	e.delivered("calm")
	e.do(e.track("storm", "Email Opened", start))
	e.do(tick(start + 60))
	assert.Equal(t, [2]int{32, 28}, [2]int{rested, tired})
	e.do(e.track("storm", "Email Opened", start+100))
	assert.Equal(t, [2]int{64, 36}, [2]int{rested, tired}, "those since the tick and before the event")
	e.do(tick(start + 120))
	assert.Equal(t, [2]int{84, 36}, [2]int{rested, tired}, "it begins anew")
}
