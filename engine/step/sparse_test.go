package step_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

const day = scoretest.Day

// fresh is a workflow of one awarding step and a decay that keeps fresh rows.
func fresh(t *testing.T, awarding said) *bench {
	fade := spec("fade", abi.CapMemoryless|abi.CapLedger)
	fade.Views, fade.Needs = []step.RowView{{}}, &abi.Needs{KeepsFresh: true}
	return newBench(t, []*step.Spec{spec("one", 0, 0, 1, 2, 3), fade}, awarding, scoretest.Fade(10))
}

func TestKeepsFresh_AskedOnlyWhenAnOlderRowChanged(t *testing.T) {
	rule := 0
	b := fresh(t, func(s *step.Slot, w *scoretest.Sheet) {
		if rule >= 0 {
			w.Award(rule, 1000)
		}
	})
	fade := b.natives[1]
	at := func(event, now int64) {
		it := b.item(abi.SlotEvent, event)
		it.Frame.Now = now
		require.Nil(t, b.round(it).Failure)
	}
	at(100*day, 100*day)
	at(100*day+5, 100*day+5)
	assert.Zero(t, fade.Calls, "fresh rows are left alone")
	assert.Equal(t, 101*day, b.acct.Steps[1].Wake, "the next age step is soon enough")
	rule = -1
	at(101*day, 101*day)
	assert.Equal(t, 1, fade.Calls)
	assert.Equal(t, lead.Points(1800), b.acct.Totals()[0])
	rule = 1
	at(101*day+1, 101*day+1)
	assert.Equal(t, 1, fade.Calls)
	rule = 2
	at(96*day, 101*day+2)
	assert.Equal(t, 2, fade.Calls, "a late award is decayed at once")
	assert.Equal(t, lead.Points(1800+1000+500), b.acct.Totals()[0])
	rule = 0
	at(101*day+3, 101*day+3)
	assert.Equal(t, 2, fade.Calls)
}

// The first award of a lead that was never decayed may be a late one.
func TestKeepsFresh_FirstAwardIsLate(t *testing.T) {
	b := fresh(t, func(s *step.Slot, w *scoretest.Sheet) {
		w.Award(3, 1000)
		w.Award(0, 1000)
	})
	it := b.item(abi.SlotEvent, 95*day)
	it.Frame.Now = 100 * day
	require.Nil(t, b.round(it).Failure)
	assert.Equal(t, lead.Points(1000), b.acct.Totals()[0])
	assert.Equal(t, 96*day+4*day+day, b.acct.Steps[1].Wake)
}

// Buckets that one input inserts move each other; the right one is looked at.
func TestKeepsFresh_InsertedRowsMoveEachOther(t *testing.T) {
	b := fresh(t, func(s *step.Slot, w *scoretest.Sheet) {
		w.Award(3, 1000)
		w.Award(1, 1000)
		w.Award(0, 1000)
	})
	require.Nil(t, b.event(100*day).Failure)
	assert.Zero(t, b.natives[1].Calls)
	it := b.item(abi.SlotEvent, 99*day)
	it.Frame.Now = 100 * day
	require.Nil(t, b.round(it).Failure)
	assert.Equal(t, 1, b.natives[1].Calls)
	assert.Equal(t, lead.Points(3*1000+3*900), b.acct.Totals()[0])
}

func TestTriggers_OtherEventsPassTheStepBy(t *testing.T) {
	one := spec("one", abi.CapTimers, 0)
	one.Needs = &abi.Needs{Rules: make([]abi.Rule, 1), Inputs: make([]abi.Input, 2), Sparse: true}
	one.Project = []step.Projector{
		func(f *ledger.Frame) (uint64, string, bool) { return 0, "", f.Event != nil },
		func(f *ledger.Frame) (uint64, string, bool) {
			return map[bool]uint64{true: 2}[f.Event.Name == "Did"], "", true
		},
	}
	one.Triggers = []int{0, 1}
	b := newBench(t, []*step.Spec{one}, func(s *step.Slot, w *scoretest.Sheet) { w.Award(0, 1000); w.Result.WakeAt = s.Frame.Now + 10 })
	it := b.item(abi.SlotEvent, 1)
	it.Frame.Event.Name = "Other"
	b.round(it)
	assert.Zero(t, b.natives[0].Calls)
	b.event(2)
	assert.Equal(t, 1, b.natives[0].Calls)
	timer := b.item(abi.SlotTimer, 12)
	timer.Due = 1
	b.round(timer)
	assert.Equal(t, 2, b.natives[0].Calls, "its timers are its own")
}
