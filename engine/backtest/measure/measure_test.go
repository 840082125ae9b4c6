package measure

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
)

// scored reads "5+ 5- 3o": points, and + won, - lost, o open.
func scored(pairs ...any) (list []Scored) {
	for i := 0; i < len(pairs); i += 2 {
		fate := map[string]Fate{"+": Won, "-": Lost, "o": Open}[pairs[i+1].(string)]
		list = append(list, Scored{lead.FromPoints(int64(pairs[i].(int))), fate})
	}
	return list
}

func TestAreaUnder_ByHand(t *testing.T) {
	for name, c := range map[string]struct {
		list      []Scored
		twice     int64
		won, lost int
		want      float64
	}{
		"perfect":                             {scored(3, "+", 2, "+", 1, "-", 0, "-"), 8, 2, 2, 1},
		"upside down":                         {scored(1, "+", 2, "-"), 0, 1, 1, 0},
		"all tied":                            {scored(5, "+", 5, "-", 5, "+", 5, "-"), 4, 2, 2, 0.5},
		"one of four pairs is lost, one tied": {scored(3, "+", 1, "+", 1, "-", 2, "-"), 5, 2, 2, 0.625},
		"open leads do not count":             {scored(3, "+", 9, "o", 1, "-"), 2, 1, 1, 1},
		"no losers":                           {scored(3, "+", 2, "+"), 0, 2, 0, 0},
		"no winners":                          {scored(3, "-"), 0, 0, 1, 0},
		"nothing":                             {nil, 0, 0, 0, 0},
		"negative scores":                     {scored(-3, "+", -5, "-", -4, "-"), 4, 1, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := AreaUnder(c.list)
			assert.Equal(t, []any{c.twice, c.won, c.lost}, []any{a.Twice, a.Won, a.Lost})
			assert.InDelta(t, c.want, a.Value, 0)
			assert.Equal(t, c.won > 0 && c.lost > 0, a.Known())
			if a.Known() {
				assert.LessOrEqual(t, a.Low, a.Value)
				assert.GreaterOrEqual(t, a.High, a.Value)
			}
		})
	}
}

// Hanley and McNeil, 1982, table II: 51 abnormal and 58 normal images, area
// 0.893, standard error 0.032.
func TestAreaUnder_IntervalOfThePaper(t *testing.T) {
	a := AUC{Won: 51, Lost: 58, Value: 0.893}
	assert.InDelta(t, 0.032, a.deviation(), 0.001)
}

func TestAreaUnder_IsTheCountOfPairs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := make([]Scored, rapid.IntRange(0, 40).Draw(rt, "n"))
		for i := range list {
			list[i] = Scored{lead.Points(rapid.Int64Range(-5, 5).Draw(rt, "score")), Fate(rapid.IntRange(0, 2).Draw(rt, "fate"))}
		}
		var twice int64
		for _, w := range list {
			for _, l := range list {
				switch {
				case w.Fate != Won || l.Fate != Lost:
				case w.Score > l.Score:
					twice += 2
				case w.Score == l.Score:
					twice++
				}
			}
		}
		require.Equal(rt, twice, AreaUnder(slices.Clone(list)).Twice)
	})
}

func TestThresholds_R000_14_ByHand(t *testing.T) {
	list := scored(90, "+", 80, "+", 80, "-", 50, "-", 50, "o", 10, "-", 10, "+", 0, "-")
	rows := Thresholds(list, []lead.Points{0, 80_000, 50_000, 80_001, 50_000, 100_000}, []lead.Points{50_000})
	assert.Equal(t, []ThresholdRow{
		{At: 100_000, Few: true},
		{At: 80_001, Volume: 1, Share: 125, Won: 1, Precision: 1000, Recall: 333, Lift: 233, Few: true},
		{At: 80_000, Volume: 3, Share: 375, Won: 2, Lost: 1, Precision: 667, Recall: 667, Lift: 156, Few: true},
		{At: 50_000, Volume: 5, Share: 625, Won: 2, Lost: 2, Precision: 500, Recall: 667, Lift: 117, Few: true, Current: true},
		{At: 0, Volume: 8, Share: 1000, Won: 3, Lost: 4, Precision: 429, Recall: 1000, Lift: 100, Few: true},
	}, rows)
	assert.Empty(t, Thresholds(nil, nil, nil))
}

func TestCandidates_RoundNumbersAndThoseInUse(t *testing.T) {
	at := Candidates(scored(-7, "+", 93, "-"), []lead.Points{33_500})
	assert.Equal(t, []lead.Points{33_500, 0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 70_000, 80_000, 90_000}, at)
	assert.Equal(t, []lead.Points{5000}, Candidates(nil, []lead.Points{5000}))
	assert.Equal(t, []lead.Points{4000}, Candidates(scored(4, "+"), nil), "all leads have one score")
	for span := lead.Points(1); span < 1<<40; span = span*3 + 1 {
		assert.LessOrEqual(t, span/stepFor(span), lead.Points(15))
	}
}

func TestTenths_LeadsOfOneScoreStayTogether(t *testing.T) {
	var list []Scored
	for i := range 20 {
		fate := Lost
		if i < 5 {
			fate = Won
		}
		list = append(list, Scored{lead.FromPoints(int64(100 - i)), fate})
	}
	rows := Tenths(slices.Clone(list))
	require.Len(t, rows, 10)
	assert.Equal(t, TenthRow{From: 99_000, To: 100_000, Group: Group{Leads: 2, Won: 2, Rate: 1000, Lift: 400, Few: true}, Recall: 400}, rows[0])
	assert.Equal(t, 1000, rows[2].Recall)
	assert.Equal(t, 500, rows[2].Rate)
	for i := range 6 {
		list[i].Score = lead.FromPoints(100)
	}
	rows = Tenths(append(list, scored(200, "o")...))
	require.Len(t, rows, 8, "six leads share the highest score")
	assert.Equal(t, Group{Leads: 6, Won: 5, Lost: 1, Rate: 833, Lift: 333, Few: true}, rows[0].Group)
	assert.Empty(t, Tenths(nil))
}

func TestHistogram_EveryLeadIsInOneBar(t *testing.T) {
	bars := Histogram(scored(-3, "+", 0, "-", 19, "+", 20, "o"))
	n := 0
	for i, b := range bars {
		n += b.Leads
		assert.Equal(t, lead.Points(2000), b.To-b.From)
		assert.True(t, i == 0 || b.From == bars[i-1].To)
	}
	assert.Equal(t, 4, n)
	assert.Equal(t, lead.Points(-4000), bars[0].From)
	assert.Empty(t, Histogram(nil))
}

func TestROC_EndsInTheCorner(t *testing.T) {
	assert.Equal(t, []Point{{0, 0}, {0, 500}, {500, 1000}, {1000, 1000}}, ROC(scored(4, "+", 3, "+", 3, "-", 1, "-")))
}

func TestGroup_RatesAreRoundedHalfUp(t *testing.T) {
	assert.Equal(t, []int{0, 500, 667, 333, 1000}, []int{Ratio(1, 0, 1000), Ratio(1, 2, 1000), Ratio(2, 3, 1000), Ratio(1, 3, 1000), Ratio(3, 3, 1000)})
	g := Group{Won: 29}
	g.Finish(&Group{Won: 29, Lost: 29})
	assert.True(t, g.Few)
	g = Group{Won: 20, Lost: 10}
	g.Finish(&Group{Won: 20, Lost: 20})
	assert.Equal(t, Group{Won: 20, Lost: 10, Rate: 667, Lift: 133}, g)
}

func TestExpAndLog_AgreeWithMath(t *testing.T) {
	for x := -60.0; x < 60; x += 0.37 {
		assert.InEpsilon(t, math.Exp(x), exp(x), 1e-14, x)
		assert.InEpsilon(t, math.Log1p(math.Exp(-math.Abs(x))), log1p(exp(-math.Abs(x))), 1e-13, x)
		assert.InEpsilon(t, 1/(1+math.Exp(-x)), logistic(x), 1e-13, x)
	}
	assert.Zero(t, exp(-1000))
	assert.False(t, math.IsInf(exp(1e9), 0))
}

// With one column and next to no penalty the weight is the log of the odds
// ratio: 30 of 40 against 10 of 40 is log(9).
func TestFit_OneColumnIsTheLogOddsRatio(t *testing.T) {
	var samples []Sample
	for i := range 80 {
		s := Sample{Won: i%4 == 0}
		if i < 40 {
			s = Sample{Columns: []int32{0}, Won: i%4 != 0}
		}
		samples = append(samples, s)
	}
	intercept, w := Fit(samples, 1, 1e-9)
	assert.InDelta(t, math.Log(9), w[0], 1e-6)
	assert.InDelta(t, math.Log(1.0/3), intercept, 1e-6)
	_, smaller := Fit(samples, 1, 5)
	assert.Less(t, smaller[0], w[0], "a penalty draws to zero")
	assert.Positive(t, smaller[0])
}

func TestFit_SeparableAndDegenerateSamplesEnd(t *testing.T) {
	_, w := Fit([]Sample{{Columns: []int32{0}, Won: true}, {}}, 1, 1)
	assert.Positive(t, w[0])
	_, w = Fit([]Sample{{Columns: []int32{0}, Won: true}}, 1, 1)
	assert.Equal(t, []float64{0}, w, "one kind of outcome tells nothing")
	_, w = Fit(nil, 2, 1)
	assert.Equal(t, []float64{0, 0}, w)
}

// At the minimum the gradient is zero, whatever the samples are.
func TestFit_FindsTheMinimum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		const columns = 12
		var samples []Sample
		for range 300 {
			s := Sample{Won: rng.IntN(3) == 0}
			for c := range int32(columns) {
				if rng.IntN(4) == 0 {
					s.Columns = append(s.Columns, c)
				}
			}
			samples = append(samples, s)
		}
		intercept, w := Fit(samples, columns, 1)
		w = append(w, intercept)
		n := len(w)
		h, g := make([]float64, n*n), make([]float64, n)
		derive(samples, w, 1, h, g)
		for i, x := range g {
			assert.InDelta(t, 0, x, 1e-3, "column %d", i)
		}
		again, _ := Fit(samples, columns, 1)
		assert.Equal(t, intercept, again, "to the last bit") //nolint:testifylint // that is the point
	}
}
