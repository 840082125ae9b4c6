package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// successors are releases of one workflow that differ in all that a book says
// of counters, peaks, steps, scores, limits and what is undone.
func successors() []*Book {
	return []*Book{
		testBook(),
		testBook(voidable, room(5), func(b *Book) { // windows shrink, words move
			b.Counters[0].Window, b.Counters[2].Window, b.Peaks[0].Window = day, day, day
			b.Steps[0] = StepDef{ID: 1, Name: "s", StateVersion: 4, Grades: []string{"C", "A"}, Reasons: []string{"new", "fits"}, Flags: []string{"z", "new", "x"}}
		}),
		testBook(func(b *Book) { // one of each is gone, others are new
			b.Counters = []CounterDef{{ID: 9, Name: "m", Window: 2 * day, Match: all}, b.Counters[2]}
			b.Peaks = []PeakDef{{ID: 7, Score: 1, Window: 2 * day}}
			b.Steps = []StepDef{b.Steps[1], {ID: 3, Name: "u", StateVersion: 1, Flags: []string{"x"}}}
		}),
		testBook(func(b *Book) { // another order, and windows that come and go
			b.Counters = []CounterDef{b.Counters[2], {ID: 2, Name: "ever", Window: 2 * day, Match: all}, {ID: 1, Name: "n", Match: all}}
			b.Peaks = append([]PeakDef{{ID: 7, Score: 0, Window: day}}, b.Peaks...)
			b.Steps[0], b.Steps[1] = b.Steps[1], b.Steps[0]
			b.Steps[0].Grades = []string{"fair"}
		}),
		testBook(func(b *Book) { b.Counters, b.Peaks = nil, nil }),
	}
}

// A lineage is restored under the release that it has in the end, from the first
// record or from what is stored of it in the middle: whatever releases wrote the
// records, and went in place of each other meanwhile, it is the live account.
func TestRebind_RestoresUnderTheLastRelease(t *testing.T) {
	all := successors()
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string) int { return rapid.IntRange(0, len(all)-1).Draw(t, what) }
		at, last, undo := draw("first"), draw("last"), &Undo{}
		p := pair{Account: NewAccount(all[at], "lead"), b: all[at]}
		whole, middle := NewAccount(all[last], "lead"), NewAccount(all[last], "lead")
		for range rapid.IntRange(1, 12).Draw(t, "records") {
			input(t, &p, undo)
			delta := p.AppendDelta(nil, all[at])
			require.NoError(t, whole.ApplyDelta(delta, all[last]))
			require.NoError(t, middle.ApplyDelta(delta, all[last]))
			want := encoded(p.Account, all[at])
			require.Equal(t, want, encoded(whole, all[last]))
			require.Equal(t, want, encoded(middle, all[last]))
			checkTotals(t, whole, all[last])
			if rapid.IntRange(0, 3).Draw(t, "stored") == 0 {
				middle = lazy(t, p.Account, all[at], all[last])
			}
			if rapid.IntRange(0, 2).Draw(t, "switch") == 0 {
				next := draw("next")
				p.Account = rebinding(t, all[at], all[next]).Account(p.Account)
				p.b, at = all[next], next
			}
		}
		p.Account = rebinding(t, all[at], all[last]).Account(p.Account)
		require.Equal(t, said(p.Account, all[last]), said(whole, all[last]))
		require.Equal(t, said(p.Account, all[last]), said(middle, all[last]))
	})
}
