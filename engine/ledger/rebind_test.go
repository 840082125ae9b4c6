package ledger

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
)

// releases are books of one workflow over time: names come, go and move.
func releases() []*Book {
	return []*Book{
		testBook(),
		testBook(func(b *Book) { // words move, a version changes
			b.Steps[0] = StepDef{ID: 1, Name: "s", StateVersion: 4, Grades: []string{"C", "A"}, Reasons: []string{"unknown", "new", "fits"}, Flags: []string{"z", "new", "x"}}
			b.Scores[0], b.Scores[1] = b.Scores[1], b.Scores[0]
		}),
		testBook(func(b *Book) { // little is left
			b.Steps, b.Counters, b.Peaks = b.Steps[1:], b.Counters[1:2], nil
			b.Scores = append(b.Scores, Score{Name: "new", ID: 99})
		}),
		testBook(func(b *Book) { // another order, and more
			b.Steps = []StepDef{{ID: 3, Name: "u", StateVersion: 1, Flags: []string{"x"}}, b.Steps[1], {ID: 1, Name: "s"}}
			b.Counters = []CounterDef{{ID: 50, Name: "m", Match: all}, b.Counters[2], b.Counters[0], b.Counters[1]}
			b.Peaks = []PeakDef{{ID: 7, Score: 1, Window: day}, b.Peaks[0]}
		}),
		testBook(func(b *Book) { b.Steps, b.Counters, b.Peaks = nil, nil, nil }),
	}
}

func rebinding(t require.TestingT, from, to *Book) *Rebinding {
	r, err := NewRebinding(from, to)
	require.NoError(t, err)
	return r
}

// lazy takes an account from book to book by its bytes.
func lazy(t require.TestingT, a *Account, from, to *Book) *Account {
	b, err := DecodeAccount(a.Append(nil, from), to)
	require.NoError(t, err)
	return b
}

// said is what steps say of the lead, by the names of one book.
func said(a *Account, b *Book) (out []string) {
	for i := range b.Steps {
		m, v := a.Steps[i], b.wordsOf(i)
		out = append(out, fmt.Sprint(m.Ran, m.Grade, m.Reason, m.Out, m.Wake, m.State, a.Stale(i), a.StateVersion(b, i), m.gradeID(v), m.reasonID(v), m.flagIDs(nil, v)))
	}
	for i := range b.Counters {
		out = append(out, fmt.Sprint(a.Counted(b, i, 0), a.Counters[i].Seen, a.Counters[i].filled()))
	}
	for i := range b.Peaks {
		out = append(out, fmt.Sprint(a.Peaks[i]))
	}
	return append(out, fmt.Sprint(a.Totals()))
}

// Written under one book and read under another, or rebound: the same, whatever
// way it takes; and nothing is lost on the way.
func TestRebind_AnyWayIsTheSame(t *testing.T) {
	all := releases()
	book := rapid.IntRange(0, len(all)-1)
	rapid.Check(t, func(t *rapid.T) {
		at := book.Draw(t, "first")
		a := drawnFor(t, all[at])
		a.AppendDelta(nil, all[at])
		want := encoded(a, all[at])
		eager, read := a, lazy(t, a, all[at], all[at])
		first := at
		for range rapid.IntRange(1, 4).Draw(t, "ways") {
			to := book.Draw(t, "to")
			read = lazy(t, read, all[at], all[to])
			eager = rebinding(t, all[at], all[to]).Account(eager)
			at = to
			require.Equal(t, want, encoded(eager, all[at]), "the bytes do not depend on the book")
			require.Equal(t, want, encoded(read, all[at]))
			require.Equal(t, said(read, all[at]), said(eager, all[at]))
			require.False(t, eager.Dirty(), "to rebind changes nothing")
			require.Empty(t, eager.AppendDelta(nil, all[at]))
			checkTotals(t, eager, all[at])
		}
		back := rebinding(t, all[at], all[first]).Account(eager)
		fresh := lazy(t, a, all[first], all[first])
		require.Equal(t, said(fresh, all[first]), said(back, all[first]), "there and back again")
	})
}

func checkTotals(t require.TestingT, a *Account, b *Book) {
	want := NewAccount(b, "").totals
	for i := range a.Buckets {
		if s := b.ScoreIndex(a.Buckets[i].Score); s >= 0 {
			want[s] += a.Buckets[i].Remaining
		}
	}
	require.Equal(t, want, a.totals)
}

// drawnFor is drawn for a book that may lack steps.
func drawnFor(t *rapid.T, b *Book) *Account {
	a := NewAccount(b, "lead")
	changedFor(t, a, b)
	return a
}

func changedFor(t *rapid.T, a *Account, b *Book) {
	var none [][2]int
	for range rapid.IntRange(0, 12).Draw(t, "changes") {
		switch op := rapid.IntRange(0, 3).Draw(t, "kind"); {
		case op == 0 && len(b.Steps) > 0:
			i := rapid.IntRange(0, len(b.Steps)-1).Draw(t, "step")
			d := &b.Steps[i]
			a.SetStep(i, StepMemo{Ran: rapid.Bool().Draw(t, "ran"), Grade: uint16(rapid.IntRange(0, len(d.Grades)).Draw(t, "grade")), Reason: uint16(rapid.IntRange(0, len(d.Reasons)).Draw(t, "reason")),
				Out: rapid.Uint64().Draw(t, "out") & (1<<len(d.Flags) - 1), Wake: rapid.Int64Range(0, 9).Draw(t, "wake"), State: rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "state")})
		case op == 1 && len(b.Peaks) > 0:
			f := Frame{Book: b, Acct: a, Now: rapid.Int64Range(0, 9*day).Draw(t, "now")}
			f.Evaluate(make([]lead.Points, len(b.Scores)))
			a.NotePeaks(&f)
		default:
			if len(b.Steps) < 2 {
				a.Award(b, Award{Rule: &b.Rules[rapid.IntRange(0, replaced).Draw(t, "rule")], Delta: 1000, At: day, Label: "x"})
				continue
			}
			anything(t, a, b, &none)
		}
	}
	a.Clock += rapid.Int64Range(0, 5).Draw(t, "clock")
}

// A delta that was written under one release is read under another, as if that
// had always been there.
func TestRebind_DeltasOfAnotherRelease(t *testing.T) {
	all := releases()
	book := rapid.IntRange(0, len(all)-1)
	rapid.Check(t, func(t *rapid.T) {
		writer, reader := book.Draw(t, "writer"), book.Draw(t, "reader")
		a, copied := NewAccount(all[writer], "lead"), NewAccount(all[reader], "lead")
		for range rapid.IntRange(1, 5).Draw(t, "deltas") {
			changedFor(t, a, all[writer])
			require.NoError(t, copied.ApplyDelta(a.AppendDelta(nil, all[writer]), all[reader]))
			require.Equal(t, encoded(a, all[writer]), encoded(copied, all[reader]))
			if rapid.Bool().Draw(t, "switch") {
				next := book.Draw(t, "next")
				a = rebinding(t, all[writer], all[next]).Account(a)
				writer = next
			}
		}
		require.Equal(t, said(lazy(t, a, all[writer], all[reader]), all[reader]), said(copied, all[reader]))
	})
}

func TestRebind_WordsAndStates(t *testing.T) {
	all := releases()
	a := NewAccount(all[0], "lead")
	a.SetStep(0, StepMemo{Ran: true, Grade: 2, Reason: 1, Out: 0b111, State: []byte{1}})
	a.AppendDelta(nil, all[0])
	b := rebinding(t, all[0], all[1]).Account(a)
	m := b.Steps[0]
	assert.Equal(t, []uint64{0, 3, 0b101}, []uint64{uint64(m.Grade), uint64(m.Reason), m.Out}, "B is unknown here; fits is the third reason; y is unknown")
	assert.True(t, b.Stale(0))
	assert.Equal(t, uint32(3), b.StateVersion(all[1], 0))

	undo := &Undo{}
	b.Begin(undo)
	b.Converted(0, []byte{4, 2})
	assert.False(t, b.Stale(0))
	b.Rollback()
	require.True(t, b.Stale(0), "a conversion can be taken back")
	b.Converted(0, []byte{4, 2})
	c := lazy(t, b, all[1], all[0])
	assert.Equal(t, uint16(2), c.Steps[0].Grade, "what was not said anew is back")
	assert.True(t, c.Stale(0))
	assert.Equal(t, uint32(4), c.StateVersion(all[0], 0))

	b.SetStep(0, StepMemo{Ran: true, Grade: 1, State: []byte{5}})
	c = lazy(t, b, all[1], all[0])
	assert.Equal(t, []uint64{3, 0, 0}, []uint64{uint64(c.Steps[0].Grade), uint64(c.Steps[0].Reason), c.Steps[0].Out}, "C; the step said all anew")

	copied := lazy(t, a, all[0], all[1])
	require.NoError(t, copied.ApplyDelta(b.AppendDelta(nil, all[1]), all[1]))
	assert.Equal(t, encoded(b, all[1]), encoded(copied, all[1]))
}

func TestRebind_SameShapeAndAnotherAge(t *testing.T) {
	b := testBook()
	same := rebinding(t, b, testBook(voidable))
	assert.True(t, same.Same())
	a := NewAccount(b, "lead")
	assert.Same(t, a, same.Account(a))
	for i, other := range releases()[1:] {
		assert.False(t, rebinding(t, b, other).Same(), "release %d", i+1)
	}
	_, err := NewRebinding(b, testBook(func(b *Book) { b.AgeStep /= 2 }))
	assert.ErrorContains(t, err, "from history")
}

func BenchmarkRebind(b *testing.B) {
	all := releases()
	a := NewAccount(all[0], "lead")
	for i := range 8 {
		a.Award(all[0], Award{Rule: &all[0].Rules[plain], Delta: 1000, At: int64(i) * day, Label: "x"})
	}
	a.SetStep(0, StepMemo{Ran: true, Grade: 2, Out: 1, State: make([]byte, 16)})
	a.AppendDelta(nil, all[0])
	there, back := rebinding(b, all[0], all[1]), rebinding(b, all[1], all[0])
	b.ReportAllocs()
	for range b.N {
		a = back.Account(there.Account(a))
	}
}
