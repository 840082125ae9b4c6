package ledger

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

const day int64 = 86_400_000

// The rules of the test book by index: one for each scope and cap mode.
const (
	plain = iota
	once
	onceKey
	onceDay
	perWindow
	perEver
	ruleCap
	classCap
	scoreCap
	replaced
)

func testBook(change ...func(*Book)) *Book {
	rule := func(name string, score, class int) Rule {
		return Rule{ID: Hash("rule", "s", name), Score: score, Class: class, Step: "s", Name: name}
	}
	b := &Book{
		Scores: []Score{{Name: "a", ID: Hash("score", "a")}, {Name: "b", ID: Hash("score", "b"), Cap: 50_000}},
		Rules: []Rule{rule("plain", 0, -1), rule("once", 0, -1), rule("onceKey", 0, -1), rule("onceDay", 0, -1), rule("perWindow", 0, -1),
			rule("perEver", 0, -1), rule("ruleCap", 0, -1), rule("classCap", 0, 0), rule("scoreCap", 1, -1), rule("replaced", 1, -1)},
		Classes:  []Class{{ID: Hash("class", "s", "c"), Step: "s", Name: "c", Cap: 20_000, Top: 5000}},
		Counters: []CounterDef{{ID: 1, Name: "n", Window: 3 * day, Match: all}, {ID: 2, Name: "ever", Match: all}, {ID: 3, Name: "d", Window: 3 * day, Match: all, Distinct: byName}},
		Peaks:    []PeakDef{{ID: 1, Score: 0, Window: 3 * day}},
		Steps: []StepDef{{ID: 1, Name: "s", StateVersion: 3, Grades: []string{"A", "B", "C"}, Reasons: []string{"fits", "unknown"}, Flags: []string{"x", "y", "z"}},
			{ID: 2, Name: "t", Grades: []string{"good", "fair", "bad"}, Flags: []string{"p", "q", "r"}}},
		AgeStep: day, Zone: time.UTC, MaxBuckets: 60, MaxUses: 60,
	}
	r := b.Rules
	r[once].Once, r[onceKey].Once = true, true
	r[onceDay].Once, r[onceDay].PerDay = true, true
	r[perWindow].MaxN, r[perWindow].Window, r[perEver].MaxN = 2, 3*day, 3
	r[ruleCap].Cap = 30_000
	for _, f := range change {
		f(b)
	}
	b.Index()
	return b
}

func all(*Frame) bool                    { return true }
func byName(f *Frame) (string, bool)     { return f.Event.Name, f.Event.Name != "" }
func voidable(b *Book)                   { b.Voidable = true }
func room(n int) func(*Book)             { return func(b *Book) { b.MaxBuckets = n } }
func encoded(a *Account, b *Book) string { return string(a.Append(nil, b)) }

// sums are the totals as the buckets say.
func sums(a *Account, b *Book) []lead.Points {
	out := make([]lead.Points, len(b.Scores))
	for i := range a.Buckets {
		out[b.ScoreIndex(a.Buckets[i].Score)] += a.Buckets[i].Remaining
	}
	return out
}

// checkAccount asserts what always holds.
func checkAccount(t require.TestingT, a *Account, b *Book) {
	assert.Equal(t, sums(a, b), a.Totals())
	for i := range a.Buckets {
		if i > 0 {
			require.Negative(t, compareBuckets(&a.Buckets[i-1], &a.Buckets[i]), "buckets are sorted, each key once")
		}
	}
	for i := 1; i < len(a.Uses); i++ {
		require.Negative(t, compareUses(&a.Uses[i-1], &a.Uses[i]), "uses are sorted, each key once")
	}
	assert.LessOrEqual(t, len(a.Buckets), b.MaxBuckets)
}

// bench is an account with its book.
type bench struct {
	*Account
	b *Book
	t *testing.T
}

func newBench(t *testing.T, change ...func(*Book)) *bench {
	b := testBook(change...)
	return &bench{NewAccount(b, "lead"), b, t}
}

// award gives points and checks what came of it.
func (x *bench) award(rule int, points lead.Points, scope uint64, at int64, want lead.Points, why Refusal) {
	x.t.Helper()
	got, refused := x.Award(x.b, Award{Rule: &x.b.Rules[rule], Delta: points, Scope: scope, Event: uint64(at) + 1, At: at, Label: "did"})
	assert.Equal(x.t, want, got)
	assert.Equal(x.t, why, refused, refused.String())
	checkAccount(x.t, x.Account, x.b)
}

func (x *bench) decay(i int, delta lead.Points) {
	x.t.Helper()
	require.True(x.t, x.Adjust(x.b, i, delta))
}
