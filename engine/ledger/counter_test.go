package ledger

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
)

func (x *bench) count(name string, at int64) {
	x.Count(&Frame{Book: x.b, Acct: x.Account, Event: &lead.Event{Name: name}, At: at, Now: at})
}

func TestCounter_WindowOfWholeAgeSteps(t *testing.T) {
	x := newBench(t)
	x.count("a", 0)
	x.count("a", day+5)
	x.count("b", day+6)
	for now, want := range map[int64][3]int64{
		day + 6:    {3, 3, 2},
		3*day - 1:  {3, 3, 2},
		3 * day:    {2, 3, 2}, // the first age step leaves the window of three days
		4*day - 1:  {2, 3, 2},
		4 * day:    {0, 3, 0},
		1000 * day: {0, 3, 0},
	} {
		for i := range want {
			assert.Equal(t, want[i], x.Counted(x.b, i, now), "counter %d at %d", i, now)
		}
	}
	assert.Equal(t, 3*day, x.CounterChange(x.b, 0, day+6))
	assert.Equal(t, 4*day, x.CounterChange(x.b, 0, 3*day))
	assert.Zero(t, x.CounterChange(x.b, 0, 4*day))
	assert.Zero(t, x.CounterChange(x.b, 1, 0))
	assert.Equal(t, 4*day, x.CounterChange(x.b, 2, 0))
}

// Against the plain definition: events whose age step lies in the window of
// age steps that ends with now's; trimming changes nothing that can be seen.
func TestCounter_Property(t *testing.T) {
	b := testBook()
	rapid.Check(t, func(t *rapid.T) {
		a := NewAccount(b, "lead")
		type seen struct {
			at   int64
			name string
		}
		var events []seen
		now := int64(0)
		for range rapid.IntRange(0, 40).Draw(t, "n") {
			now += rapid.Int64Range(0, day).Draw(t, "step")
			e := seen{now, fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "name"))}
			if rapid.IntRange(0, 4).Draw(t, "late") == 0 {
				e.at = max(0, now-rapid.Int64Range(0, 5*day).Draw(t, "by"))
			}
			events = append(events, e)
			a.Count(&Frame{Book: b, Acct: a, Event: &lead.Event{Name: e.name}, At: e.at, Now: now})
			if rapid.Bool().Draw(t, "trim") {
				a.Trim(b, now)
			}
			n, distinct := int64(0), map[string]bool{}
			for _, s := range events {
				if b.AgeStepOf(s.at) > b.AgeStepOf(now)-3 {
					n++
					distinct[s.name] = true
				}
			}
			assert.Equal(t, n, a.Counted(b, 0, now))
			assert.Equal(t, int64(len(events)), a.Counted(b, 1, now))
			assert.Equal(t, int64(len(distinct)), a.Counted(b, 2, now))
			if next := a.CounterChange(b, 0, now); next != 0 {
				assert.Equal(t, a.Counted(b, 0, now), a.Counted(b, 0, next-1))
				assert.Less(t, a.Counted(b, 0, next), a.Counted(b, 0, now))
			}
			a.Trim(b, now)
			assert.LessOrEqual(t, len(a.Counters[0].Steps), 3, "bounded by the window")
			assert.LessOrEqual(t, len(a.Counters[1].Steps), 1, "bounded without one")
		}
	})
}

func TestCounter_DistinctIsBounded(t *testing.T) {
	x := newBench(t)
	for i := range 3000 {
		x.count(fmt.Sprint(i), 0)
	}
	assert.Equal(t, int64(maxSeen), x.Counted(x.b, 2, 0))
}

func TestPeak_WindowAndChange(t *testing.T) {
	x := newBench(t)
	note := func(v lead.Points, now int64) {
		x.NotePeaks(&Frame{Book: x.b, Acct: x.Account, Now: now, Values: []lead.Points{v, 0}})
	}
	assert.Zero(t, x.PeakOf(x.b, 0, 0))
	note(5000, 0)
	note(9000, 10)
	note(2000, 20)
	note(4000, 2*day)
	for now, want := range map[int64]lead.Points{20: 9000, 2 * day: 9000, 4*day - 1: 9000, 4 * day: 4000, 6*day - 1: 4000, 6 * day: 0} {
		assert.Equal(t, want, x.PeakOf(x.b, 0, now), "%d", now)
	}
	assert.Equal(t, 4*day, x.PeakChange(x.b, 0, 20))
	assert.Equal(t, 6*day, x.PeakChange(x.b, 0, 4*day))
	assert.Zero(t, x.PeakChange(x.b, 0, 6*day))
	x.Trim(x.b, 4*day)
	assert.Len(t, x.Peaks[0], 1)
	note(-3000, 20*day)
	x.Trim(x.b, 20*day)
	assert.Equal(t, lead.Points(-3000), x.PeakOf(x.b, 0, 20*day), "the highest of what was recorded")
}
