package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

func TestAward_EveryTimeFoldsByAgeStep(t *testing.T) {
	x := newBench(t)
	x.award(plain, 5000, 0, 10, 5000, None)
	x.award(plain, 5000, 0, 20, 5000, None)
	x.award(plain, 5000, 0, day, 5000, None)
	x.award(plain, 5000, 7, day, 5000, None)
	require.Len(t, x.Buckets, 3)
	assert.Equal(t, uint32(2), x.Buckets[0].Count)
	assert.Equal(t, 20*lead.Point, x.Totals()[0])
}

func TestAward_VoidableKeepsEventsApart(t *testing.T) {
	x := newBench(t, voidable)
	x.award(plain, 5000, 0, 10, 5000, None)
	x.award(plain, 5000, 0, 20, 5000, None)
	assert.Len(t, x.Buckets, 2)
}

func TestAward_Scopes(t *testing.T) {
	x := newBench(t)
	x.award(once, 5000, 0, 0, 5000, None)
	x.award(once, 5000, 0, 900*day, 0, RefusedScope)
	x.award(onceKey, 5000, 1, 0, 5000, None)
	x.award(onceKey, 5000, 2, 0, 5000, None)
	x.award(onceKey, 5000, 1, day, 0, RefusedScope)
	x.award(onceDay, 5000, 0, 0, 5000, None)
	x.award(onceDay, 5000, 0, day-1, 0, RefusedScope)
	x.award(onceDay, 5000, 0, day, 5000, None)
}

func TestAward_DayFollowsTheZone(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	x := newBench(t, func(b *Book) { b.Zone = berlin })
	at := time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC).UnixMilli() // 2 July, 00:30 in Berlin
	x.award(onceDay, 1000, 0, at, 1000, None)
	x.award(onceDay, 1000, 0, at-3_600_000, 1000, None)
	x.award(onceDay, 1000, 0, at+20*3_600_000, 0, RefusedScope)
}

func TestAward_AtMostNPerWindow(t *testing.T) {
	x := newBench(t)
	x.award(perWindow, 1000, 0, 0, 1000, None)
	x.award(perWindow, 1000, 0, day, 1000, None)
	x.award(perWindow, 1000, 0, 2*day, 0, RefusedCount)
	x.award(perWindow, 1000, 0, 3*day, 1000, None)
	for range 3 {
		x.award(perEver, 1000, 0, 0, 1000, None)
	}
	x.award(perEver, 1000, 0, 999*day, 0, RefusedCount)
	// Forgetting what no window sees gives no room back.
	x.Trim(x.b, 999*day)
	x.award(perEver, 1000, 0, 999*day, 0, RefusedCount)
	assert.Len(t, x.Uses, 1)
}

func TestAward_Caps(t *testing.T) {
	x := newBench(t)
	x.award(ruleCap, 25_000, 0, 0, 25_000, None)
	x.award(ruleCap, 25_000, 0, 0, 5000, RefusedCap)
	x.award(ruleCap, 25_000, 0, 0, 0, RefusedCap)
	x.award(classCap, 15_000, 0, 0, 15_000, None)
	x.award(classCap, -4000, 0, 0, -4000, None) // negatives are not capped and free nothing
	x.award(classCap, 15_000, 0, 0, 5000, RefusedCap)
	x.award(scoreCap, 60_000, 0, 0, 50_000, RefusedCap)
	x.award(scoreCap, 1000, 0, 0, 0, RefusedCap)
}

func TestAward_DecayFreesNoCap(t *testing.T) {
	x := newBench(t)
	x.award(ruleCap, 30_000, 0, 0, 30_000, None)
	x.decay(0, -30_000)
	x.award(ruleCap, 1000, 0, 90*day, 0, RefusedCap)
}

func TestAward_ReversalFreesTheCap(t *testing.T) {
	x := newBench(t)
	x.award(ruleCap, 30_000, 3, 0, 30_000, None)
	removed, found := x.Void(x.b, &x.b.Rules[ruleCap], 3)
	assert.True(t, found)
	assert.Equal(t, 30*lead.Point, removed)
	x.award(ruleCap, 30_000, 3, day, 30_000, None)
	x.award(ruleCap, 1, 3, day, 0, RefusedCap)
}

func TestAward_FullAccountForgetsNothing(t *testing.T) {
	x := newBench(t, room(2))
	x.award(plain, 1000, 1, 0, 1000, None)
	x.award(plain, 1000, 2, 0, 1000, None)
	x.award(plain, 1000, 3, 0, 0, RefusedFull)
	x.award(onceKey, 1000, 3, 0, 0, RefusedFull)
	assert.Empty(t, x.Uses, "what awarded nothing used nothing")
	x.award(plain, 1000, 1, 0, 1000, None)
	assert.Equal(t, RefusedFull, x.Replace(x.b, Award{Rule: &x.b.Rules[replaced], Delta: 1}))
	assert.Contains(t, RefusedFull.String(), "full")
}

func TestAward_RangeIsNeverLeft(t *testing.T) {
	x := newBench(t)
	x.award(plain, lead.MaxPoints, 0, 0, lead.MaxPoints, None)
	x.award(plain, 1, 0, 0, 0, RefusedRange)
	x.award(plain, 1, 0, 5*day, 0, RefusedRange)
	x.award(plain, -lead.MaxPoints, 0, 5*day, -lead.MaxPoints, None)
	assert.Equal(t, None, x.Replace(x.b, Award{Rule: &x.b.Rules[replaced], Delta: lead.MaxPoints}))
	x.award(scoreCap, 1000, 0, 0, 0, RefusedRange)
	assert.Equal(t, None, x.Replace(x.b, Award{Rule: &x.b.Rules[replaced], Delta: -lead.MaxPoints}))
	x.award(scoreCap, -1, 0, 0, 0, RefusedRange)
}

// R000_08: the reversal takes exactly what is left of that sign-up, decay
// included; twice is once; the other list is untouched; the key is free.
func TestVoid_R000_08_NetZero(t *testing.T) {
	x := newBench(t)
	const listA, listB = 11, 12
	x.award(onceKey, 10_000, listA, 0, 10_000, None)
	x.award(onceKey, 10_000, listB, 0, 10_000, None)
	x.decay(0, -3333)
	before := x.Buckets[1]
	removed, found := x.Void(x.b, &x.b.Rules[onceKey], listA)
	assert.True(t, found)
	assert.Equal(t, lead.Points(6667), removed)
	assert.Equal(t, 10*lead.Point, x.Totals()[0])
	assert.Equal(t, before, x.Buckets[1])
	removed, found = x.Void(x.b, &x.b.Rules[onceKey], listA)
	assert.True(t, found)
	assert.Zero(t, removed)
	x.award(onceKey, 10_000, listA, 40*day, 10_000, None)
	x.award(onceKey, 10_000, listB, 40*day, 0, RefusedScope)
	_, found = x.Void(x.b, &x.b.Rules[onceKey], 99)
	assert.False(t, found, "nothing was ever awarded there")
	checkAccount(t, x.Account, x.b)
}

// What was decayed when the reversal came must not come back with a later
// award into the same bucket (a late event): base for decay is the new award.
func TestVoid_R000_08_NothingOfItComesBack(t *testing.T) {
	x := newBench(t)
	x.award(onceKey, 10_000, 1, 0, 10_000, None)
	x.decay(0, -4000)
	x.Void(x.b, &x.b.Rules[onceKey], 1)
	x.award(onceKey, 10_000, 1, 5, 10_000, None)
	k := x.Buckets[0]
	assert.Equal(t, 10*lead.Point, k.Awarded-k.Reversed)
	assert.False(t, x.Adjust(x.b, 0, 1), "more than the new award is never left")
}

func TestVoid_OfEveryAgeStep(t *testing.T) {
	x := newBench(t)
	for i := range int64(5) {
		x.award(plain, 1000, 4, (i-2)*day, 1000, None) // before 1970 too
	}
	removed, _ := x.Void(x.b, &x.b.Rules[plain], 4)
	assert.Equal(t, 5*lead.Point, removed)
}

func TestVoidEvent(t *testing.T) {
	x := newBench(t, voidable)
	x.award(plain, 1000, 0, 10, 1000, None)
	x.award(onceDay, 2000, 0, 10, 2000, None)
	x.award(plain, 4000, 0, 20, 4000, None)
	removed, found := x.VoidEvent(x.b, 11)
	assert.True(t, found)
	assert.Equal(t, 3*lead.Point, removed)
	assert.Equal(t, 4*lead.Point, x.Totals()[0])
	removed, _ = x.VoidEvent(x.b, 11)
	assert.Zero(t, removed)
	x.award(onceDay, 2000, 0, 30, 2000, None)
	_, found = x.VoidEvent(x.b, 0)
	assert.False(t, found)
	checkAccount(t, x.Account, x.b)
}

// After a release that lets the rule count for another score, the old buckets
// stay where they are, also when they are taken back.
func TestVoidEvent_AfterTheRuleMovedToAnotherScore(t *testing.T) {
	x := newBench(t, voidable)
	x.award(plain, 1000, 0, 10, 1000, None)
	moved := testBook(voidable, func(b *Book) { b.Rules[plain].Score = 1 })
	a, err := DecodeAccount(x.Append(nil, x.b), moved)
	require.NoError(t, err)
	a.VoidEvent(moved, 11)
	checkAccount(t, a, moved)
	assert.Equal(t, []lead.Points{0, 0}, a.Totals())
}

func TestReplace_IsTheOnlyLine(t *testing.T) {
	x := newBench(t)
	r := &x.b.Rules[replaced]
	for _, p := range []lead.Points{3000, 7000, 7000, -2000} {
		assert.Equal(t, None, x.Replace(x.b, Award{Rule: r, Delta: p, At: 5, Label: "fits"}))
		assert.Equal(t, p, x.Totals()[1])
		require.Len(t, x.Buckets, 1)
		checkAccount(t, x.Account, x.b)
	}
	x.Void(x.b, r, 0)
	assert.Zero(t, x.Totals()[1])
	x.Replace(x.b, Award{Rule: r, Delta: -2000})
	assert.Equal(t, lead.Points(-2000), x.Totals()[1])
}

func TestAdjust_StaysBetweenNothingAndTheAward(t *testing.T) {
	x := newBench(t)
	x.award(plain, 10_000, 0, 0, 10_000, None)
	x.award(plain, -10_000, 1, 0, -10_000, None)
	for i, sign := range []lead.Points{1, -1} {
		assert.False(t, x.Adjust(x.b, i, sign))
		assert.False(t, x.Adjust(x.b, i, -10_001*sign))
		assert.True(t, x.Adjust(x.b, i, -10_000*sign))
		assert.False(t, x.Adjust(x.b, i, -1*sign))
		assert.True(t, x.Adjust(x.b, i, 4_000*sign), "a late award may bring some back")
	}
	checkAccount(t, x.Account, x.b)
}

func TestTopClass_OrderedByDearestAward(t *testing.T) {
	x := newBench(t, func(b *Book) {
		b.Classes = append(b.Classes, Class{ID: 77, Name: "d", Top: 9000})
		b.Rules[plain].Class = 1
	})
	assert.Equal(t, -1, x.TopClass(x.b, 0))
	x.award(classCap, 20_000, 0, 0, 20_000, None)
	assert.Equal(t, 0, x.TopClass(x.b, 0))
	x.award(plain, 500, 0, day, 500, None)
	assert.Equal(t, 1, x.TopClass(x.b, 0))
	assert.Equal(t, -1, x.TopClass(x.b, 1))
	sum, last := x.ClassTotal(x.b, 0)
	assert.Equal(t, 20*lead.Point, sum)
	assert.Equal(t, "did", last)
}
