package ledger

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
)

// anything does one random change.
func anything(t *rapid.T, a *Account, b *Book, counted *[][2]int) {
	points := lead.Points(rapid.Int64Range(-9000, 9000).Draw(t, "points"))
	rule := &b.Rules[rapid.IntRange(0, replaced).Draw(t, "rule")]
	scope, at := uint64(rapid.IntRange(0, 2).Draw(t, "scope")), rapid.Int64Range(0, 6*day).Draw(t, "at")
	w := Award{Rule: rule, Delta: points, Scope: scope, Event: uint64(rapid.IntRange(1, 5).Draw(t, "event")), At: at, Label: fmt.Sprint(at % 3)}
	switch rapid.IntRange(0, 8).Draw(t, "op") {
	case 0, 1, 2:
		a.Award(b, w)
	case 3:
		a.Void(b, rule, scope)
	case 4:
		a.VoidEvent(b, w.Event)
	case 5:
		a.Replace(b, Award{Rule: &b.Rules[replaced], Delta: points, At: at, Label: w.Label})
	case 6:
		if n := len(a.Buckets); n > 0 {
			a.Adjust(b, rapid.IntRange(0, n-1).Draw(t, "bucket"), points)
		}
	case 7:
		state := rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "state")
		i := rapid.IntRange(0, 1).Draw(t, "step")
		grades, flags := len(b.Steps[i].Grades), len(b.Steps[i].Flags)
		a.SetStep(i, StepMemo{Ran: true, Grade: min(uint16(scope), uint16(grades)), Out: w.Event & (1<<flags - 1), Wake: at, State: state})
	case 8:
		from := a.Mark()
		a.Count(&Frame{Book: b, Acct: a, Event: &lead.Event{Name: w.Label}, At: at, Now: at})
		*counted = append(*counted, [2]int{from, a.Mark()})
	}
}

func setUp(t *rapid.T, b *Book) *Account {
	a := NewAccount(b, "lead")
	var none [][2]int
	for range rapid.IntRange(0, 25).Draw(t, "before") {
		anything(t, a, b, &none)
		checkAccount(t, a, b)
	}
	return a
}

func books() []*Book { return []*Book{testBook(), testBook(voidable), testBook(room(5))} }

// Whatever an input did, taking it back leaves what was before, byte for byte.
func TestRollback_IsExact(t *testing.T) {
	all, undo := books(), &Undo{}
	rapid.Check(t, func(t *rapid.T) {
		b := all[rapid.IntRange(0, len(all)-1).Draw(t, "book")]
		a := setUp(t, b)
		before, totals := encoded(a, b), append([]lead.Points(nil), a.Totals()...)
		a.Begin(undo)
		a.Clock, a.Marks.Stage, a.Person = 77, "won", lead.Props{{Name: "x", Value: lead.BoolOf(true)}}
		var counted [][2]int
		for range rapid.IntRange(0, 25).Draw(t, "within") {
			anything(t, a, b, &counted)
			checkAccount(t, a, b)
		}
		if len(counted) == 1 && rapid.Bool().Draw(t, "uncount") {
			a.Uncount(counted[0])
		}
		a.Rollback()
		require.Equal(t, before, encoded(a, b))
		require.Equal(t, totals, a.Totals())
		require.Equal(t, sums(a, b), a.Totals())
	})
}

// RevertTo takes back what one step wrote and leaves what came before it.
func TestRevertTo_IsExact(t *testing.T) {
	all, undo := books(), &Undo{}
	rapid.Check(t, func(t *rapid.T) {
		b := all[rapid.IntRange(0, len(all)-1).Draw(t, "book")]
		a := setUp(t, b)
		start := encoded(a, b)
		a.Begin(undo)
		var counted [][2]int
		for range rapid.IntRange(0, 10).Draw(t, "first") {
			anything(t, a, b, &counted)
		}
		middle, mark := encoded(a, b), a.Mark()
		for range rapid.IntRange(0, 10).Draw(t, "second") {
			anything(t, a, b, &counted)
		}
		changed := a.BucketsChanged(mark)
		buckets := fmt.Sprint(a.Buckets)
		a.RevertTo(mark)
		require.Equal(t, middle, encoded(a, b))
		if !changed {
			require.Equal(t, buckets, fmt.Sprint(a.Buckets), "said to be unchanged")
		}
		a.Rollback()
		require.Equal(t, start, encoded(a, b))
	})
}

// A hidden event is uncounted, and what else was done stays.
func TestUncount(t *testing.T) {
	x := newBench(t)
	count := func(name string) [2]int {
		from := x.Mark()
		x.Count(&Frame{Book: x.b, Acct: x.Account, Event: &lead.Event{Name: name}})
		return [2]int{from, x.Mark()}
	}
	x.Begin(&Undo{})
	count("one")
	marks := count("two")
	x.award(plain, 1000, 0, 0, 1000, None)
	x.Uncount(marks)
	for i := range 3 {
		assert.Equal(t, int64(1), x.Counted(x.b, i, 0))
	}
	assert.Equal(t, lead.Point, x.Totals()[0])
	x.Rollback()
	for i := range 3 {
		assert.Zero(t, x.Counted(x.b, i, 0))
	}
	assert.Zero(t, x.Totals()[0])
}

func TestSetStep_StateIsCopied(t *testing.T) {
	x := newBench(t)
	state := []byte{1, 2, 3}
	x.SetStep(0, StepMemo{Ran: true, State: state})
	x.Begin(&Undo{})
	state[0] = 9
	x.SetStep(0, StepMemo{State: []byte{7}})
	x.SetStep(0, StepMemo{State: []byte{8, 8, 8, 8, 8}})
	x.Rollback()
	assert.Equal(t, []byte{1, 2, 3}, x.Steps[0].State)
	assert.True(t, x.Steps[0].Ran)
}
