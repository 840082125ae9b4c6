package ledger

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
)

// scaled is the test book with a derived score and the given scale on both.
func scaled(mode ScaleMode, floor bool, low, high, raw lead.Points) *Book {
	return testBook(func(b *Book) {
		b.Scores = append(b.Scores, Score{Name: "sum", ID: Hash("score", "sum"), Parts: []int{0, 1},
			Derive: func(f *Frame) lead.Points { return f.Values[0].MulDiv(3, 2) + f.Values[1] }})
		for i := range b.Scores {
			s := &b.Scores[i]
			s.Scale, s.Min, s.Max, s.RawMax, s.HasFloor, s.Floor = mode, low, high, raw, floor, -2500
		}
	})
}

// Whatever floor, scale and formula do, the lines of a score sum to its value,
// to the milli-point.
func TestExplain_LinesSumToTheValue(t *testing.T) {
	var none [][2]int
	rapid.Check(t, func(t *rapid.T) {
		b := scaled(ScaleMode(rapid.IntRange(0, 2).Draw(t, "mode")), rapid.Bool().Draw(t, "floor"), 0,
			lead.Points(rapid.Int64Range(1, 100_000).Draw(t, "max")), lead.Points(rapid.Int64Range(1, 300_000).Draw(t, "raw")))
		a := NewAccount(b, "lead")
		for range rapid.IntRange(0, 20).Draw(t, "n") {
			anything(t, a, b, &none)
		}
		f := &Frame{Book: b, Acct: a}
		f.Evaluate(make([]lead.Points, len(b.Scores)))
		sum := map[string]lead.Points{}
		for _, l := range f.Explain() {
			require.NotEmpty(t, l.Score)
			require.NotEmpty(t, l.Text+l.Label+l.Rule)
			assert.Equal(t, l.Awarded-l.Decayed-l.Reversed, l.Remaining, "each line balances")
			sum[l.Score] += l.Remaining
		}
		for i := range b.Scores {
			assert.Equal(t, f.Values[i], sum[b.Scores[i].Name], b.Scores[i].Name)
		}
	})
}

func TestScore_FloorThenScale(t *testing.T) {
	clamp := Score{Scale: ScaleClamp, Max: 100_000}
	normal := Score{Scale: ScaleNormalise, Max: 100_000, RawMax: 250_000}
	floor := Score{HasFloor: true, Floor: -5000}
	for _, c := range []struct {
		s         Score
		raw, want lead.Points
	}{
		{clamp, 150_000, 100_000}, {clamp, -1, 0}, {clamp, 99_999, 99_999},
		{normal, 250_000, 100_000}, {normal, 125_000, 50_000}, {normal, 1, 0}, {normal, 2, 1}, {normal, 999_000, 100_000}, {normal, -5, 0},
		{floor, -9000, -5000}, {floor, -5000, -5000}, {floor, 3, 3},
	} {
		assert.Equal(t, c.want, c.s.Value(c.raw), "%+v %d", c.s.Scale, c.raw)
	}
}

func TestExplain_TextsAndOrder(t *testing.T) {
	x := newBench(t, func(b *Book) {
		b.Rules[plain].Template = "{label}: {count} times, {points} of {awarded} ({class}{rule})"
		b.Rules[classCap].Account = true
	})
	x.award(plain, 1000, 0, 0, 1000, None)
	x.award(plain, 1500, 0, day, 1500, None)
	x.award(classCap, 9000, 0, 0, 9000, None)
	x.decay(1, -500)
	f := &Frame{Book: x.b, Acct: x.Account}
	f.Evaluate(make([]lead.Points, 2))
	got := f.Explain()
	require.Len(t, got, 2)
	assert.Equal(t, "classCap", got[0].Rule, "largest first")
	assert.True(t, got[0].Account, "R004_06: marked as account-derived")
	assert.Equal(t, "c", got[0].Class)
	assert.Equal(t, "did: 2 times, 2 of 2.5 (plain)", got[1].Text)
	assert.Equal(t, lead.Points(500), got[1].Decayed)
	assert.Equal(t, day, got[1].Last)
}

func TestExplain_TemplatesKeepWhatTheyDoNotKnow(t *testing.T) {
	l := &lead.Line{Label: "a {count} b", Count: 2}
	for template, want := range map[string]string{"{label}": "a {count} b", "{what} {count}": "{what} 2", "{": "{", "{{count}": "{2", "}{label": "}{label", "": "", "plain": "plain"} {
		assert.Equal(t, want, fillTemplate(template, l), template)
	}
}

func TestExplain_RulesOfAnEarlierReleaseStayVisible(t *testing.T) {
	x := newBench(t)
	x.award(plain, 1000, 0, 0, 1000, None)
	later := testBook(func(b *Book) { b.Rules[plain].ID = 4242 })
	a, err := DecodeAccount(x.Append(nil, x.b), later)
	require.NoError(t, err)
	f := &Frame{Book: later, Acct: a}
	f.Evaluate(make([]lead.Points, 2))
	got := f.Explain()
	require.Len(t, got, 1)
	assert.Equal(t, lead.Point, got[0].Remaining)
	assert.Contains(t, got[0].Rule, "retired-")
}
