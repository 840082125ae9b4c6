package main

import (
	_ "embed"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/sdk/abi"
	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

const point = int64(1000)

func host(t testing.TB, config string) *sdktest.Host {
	t.Helper()
	return sdktest.New(t, plugin, manifest, config)
}

func diags(t *testing.T, config string) (names []string) {
	t.Helper()
	for _, d := range sdktest.Configure(t, plugin, manifest, config).Needs.Diags {
		names = append(names, d.Name)
	}
	return names
}

// facts plays one input of a lead whose expressions are worth that.
func facts(h *sdktest.Host, exprs map[string]any) sdktest.Outcome {
	return h.Play(sdktest.Event{Kind: "identify", Exprs: exprs})
}

// letterD is the model of document 002.
const letterD = `{"knock_out": "student", "grades": [
	{"A": "decider && company && revenue"}, {"C": "company && junior"}, {"B": "company && revenue"},
	{"C": "company || decider && unknown(company)"}, {"D": "true"}]}`

func TestFitGrade_R002_02_R002_05_FirstTrueConditionWins(t *testing.T) {
	h := host(t, letterD)
	require.Equal(t, []string{"A", "B", "C", "D"}, h.Needs.Grades, "the best first")
	conditions := []string{"decider && company && revenue", "company && junior", "company && revenue", "company || decider && unknown(company)"}
	for i, want := range []string{"A", "C", "B", "C", "D"} {
		exprs := map[string]any{"student": false}
		for j, c := range conditions {
			exprs[c] = j >= i
		}
		got := facts(h, exprs)
		require.Equal(t, want, got.Grade)
		require.Equal(t, fmt.Sprintf("%s: condition %d of 5", want, i+1), got.Reason)
		require.Empty(t, got.Flags)
	}
}

func TestFitGrade_R002_05_KnockOut(t *testing.T) {
	got := facts(host(t, letterD), map[string]any{"student": true, "decider && company && revenue": true})
	require.Equal(t, []string{"D", "knocked out"}, []string{got.Grade, got.Reason})
	require.True(t, got.Has("knocked_out"))
	require.False(t, facts(host(t, letterD), nil).Has("knocked_out"), "unknown never fires")
}

func TestFitGrade_R002_06_MissingDataIsUnknownNotBad(t *testing.T) {
	h := host(t, letterD)
	got := facts(h, nil)
	require.Equal(t, []string{"D", "unknown"}, []string{got.Grade, got.Reason})
	require.True(t, got.Has("unknown"))

	got = facts(h, map[string]any{"decider && company && revenue": false, "company && junior": false, "company && revenue": true})
	require.Equal(t, []string{"B", "B: condition 3 of 5"}, []string{got.Grade, got.Reason}, "all that could be better is known")

	got = facts(h, map[string]any{"decider && company && revenue": false, "company && revenue": false, "company || decider && unknown(company)": true})
	require.Equal(t, "C: condition 4 of 5", got.Reason, "the unknown condition gives the same grade")
}

func TestFitGrade_GradesAreTotal(t *testing.T) {
	h := host(t, `{"grades": [{"Gold": "g", "because": "a fine lead"}, {"Silver": "s"}]}`)
	require.Equal(t, []string{"Gold", "Silver"}, h.Needs.Grades)
	require.Equal(t, "a fine lead", facts(h, map[string]any{"g": true}).Reason)
	got := facts(h, map[string]any{"g": false, "s": false})
	require.Equal(t, []string{"Silver", "no condition is true"}, []string{got.Grade, got.Reason})

	require.Equal(t, []string{"grades"}, diags(t, `{"grades": [{"A": "a", "B": "b"}]}`))
	require.Equal(t, []string{"grades"}, diags(t, `{"grades": [{"A": "a"}], "cutoffs": {"A": 1}}`))
	require.Equal(t, []string{"grades"}, diags(t, `{"grades": [{"X": "a"}, {"Y": "b"}], "order": ["Y"]}`))
	require.Equal(t, []string{"Y", "X"}, host(t, `{"grades": [{"X": "a"}, {"Y": "b"}], "order": ["Y", "X"]}`).Needs.Grades)
}

// five are the stock questions of document 003.
const five = `{"metric": [
	{"label": "market", "of": "trait.market", "values": {"Healthcare": 10, "Retail": 6}, "other": 2},
	{"label": "company", "of": "account.kind", "values": {"manufacturer": 9, "agency": 4}, "account": true},
	{"label": "decider", "of": "trait.title", "like": {"CEO": 10, "chief*": 10, "secretary*": 3}},
	{"label": "problem", "of": "trait.problem", "values": {"exact": 10, "related": 5}},
	{"label": "solution", "of": "trait.size", "ranges": [{"from": 50, "to": 1000, "points": 10}, {"from": 1001, "points": 7}]}]}`

func TestFitGrade_R003_01_R003_04_EachQuestionHasItsScale(t *testing.T) {
	h := host(t, five)
	all := map[string]any{"trait.market": "healthcare", "account.kind": "Manufacturer", "trait.title": "Chief Executive", "trait.problem": "exact", "trait.size": 1000}
	got := facts(h, all)
	require.Equal(t, int64(9800), got.Sum(), "(10+9+10+10+10)/5")
	require.Equal(t, "healthcare", got.Entries[0].Label)
	for rule, want := range map[string]int64{"metric/market": 2000, "metric/company": 1800, "metric/problem": 2000} {
		require.Equal(t, want, got.Points(rule), rule)
	}
	all["trait.title"] = "Secretary of the CEO"
	require.Equal(t, int64(600), facts(h, all).Points("metric/decider"), "a secretary is a 3")
	all["trait.title"] = "gardener"
	require.Equal(t, int64(200), facts(h, all).Points("metric/decider"), "not listed is the least of the scale")
	require.Equal(t, 1*point, facts(h, nil).Sum(), "unanswered is the least of the scale")
	require.True(t, h.Needs.Rules[1].Account, "004-06: facts of the company are marked")
	require.Equal(t, []int64{1 * point, 10 * point}, []int64{h.Needs.ScaleMin, h.Needs.ScaleMax})
	for _, e := range got.Entries {
		require.Equal(t, abi.EntryReplace, e.Kind)
	}
}

func TestFitGrade_R003_01_OutsideTheScaleIsAnError(t *testing.T) {
	for _, config := range []string{
		`{"metric": [{"label": "m", "of": "x", "values": {"a": 11}}]}`,
		`{"metric": [{"label": "m", "of": "x", "like": {"a*": 0.999}}]}`,
		`{"metric": [{"label": "m", "of": "x", "ranges": [{"points": 12}]}]}`,
		`{"metric": [{"label": "m", "of": "x", "values": {"a": 1}, "other": 0}]}`,
		`{"metric": [{"label": "m", "value": "x", "scale": [5, 5]}]}`,
		`{"criterion": [{"label": "m", "when": "x", "points": 30, "scale": [0, 20]}]}`,
	} {
		require.Equal(t, []string{"metric-scale"}, diags(t, config), config)
	}
	h := host(t, `{"metric": [{"label": "m", "value": "x", "scale": [1, 10]}]}`)
	for worth, want := range map[any]int64{1: 1000, 10: 10_000, 7.3: 7300, nil: 1000} {
		require.Equal(t, want, facts(h, map[string]any{"x": worth}).Sum(), "%v", worth)
	}
	for _, bad := range []float64{0, 10.001, -1} {
		got := facts(h, map[string]any{"x": bad})
		require.Contains(t, got.Err, `"m" is `+fmt.Sprint(bad)+`, outside its scale from 1 to 10`)
		require.Empty(t, got.Entries, "nothing of the input counts")
	}
}

func TestFitGrade_LinesSumExactlyToTheMean(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 9).Draw(rt, "n")
		config, exprs := "", map[string]any{}
		var sum, weights int64
		for i := range n {
			w := rapid.Int64Range(1, 100_000).Draw(rt, "weight")
			v := rapid.Int64Range(-10_000, 10_000).Draw(rt, "value")
			config += fmt.Sprintf(`,{"label": "m%d", "value": "v%d", "scale": [-10, 10], "weight": %d.%03d}`, i, i, w/1000, w%1000)
			exprs[fmt.Sprintf("v%d", i)] = float64(v) / 1000
			sum, weights = sum+w*v, weights+w
		}
		got := facts(host(t, `{"metric": [`+config[1:]+`]}`), exprs)
		require.Equal(rt, divRound(sum, weights), got.Sum())
		require.Len(rt, got.Entries, n)
	})
}

func TestFitGrade_R001_03_EachValueOfACriterionRanksDifferently(t *testing.T) {
	h := host(t, `{"criterion": [
		{"label": "industry", "of": "trait.industry", "values": {"saas": 20, "finance": 10}, "unknown": 1},
		{"label": "size", "of": "trait.size", "ranges": [{"to": 49, "points": 3}, {"from": 50, "points": 15}]},
		{"label": "title", "of": "trait.title", "like": {"vp*": 30, "*intern*": -10}, "other": 2},
		{"label": "consent", "when": "trait.consent", "points": 5},
		{"label": "region", "value": "lookup", "scale": [0, 30]}]}`)
	require.Equal(t, []int64{-10 * point, 100 * point}, []int64{h.Needs.ScaleMin, h.Needs.ScaleMax}, "a model of 100 points")
	best := facts(h, map[string]any{"trait.industry": "SaaS", "trait.size": 50, "trait.title": "VP Sales", "trait.consent": true, "lookup": 30})
	require.Equal(t, 100*point, best.Sum())
	other := facts(h, map[string]any{"trait.industry": "farming", "trait.size": 49.0, "trait.title": "Sales intern", "trait.consent": false, "lookup": 0})
	require.Equal(t, []int64{0, 3 * point, -10 * point, 0, 0},
		[]int64{other.Entries[0].Milli, other.Entries[1].Milli, other.Entries[2].Milli, other.Entries[3].Milli, other.Entries[4].Milli})
	require.Equal(t, 1*point, facts(h, nil).Sum(), "missing is worth what unknown says")
	require.Equal(t, int64(10_000), facts(h, map[string]any{"trait.industry": "finance"}).Points("criterion/industry"))
}

func TestFitGrade_CutoffsOnTheScore(t *testing.T) {
	h := host(t, `{"metric": [{"label": "a", "value": "a"}, {"label": "b", "value": "b"}], "cutoffs": {"A": 8, "B": 5, "C": 0}}`)
	for _, c := range []struct {
		a, b          any
		grade, reason string
	}{{8, 8, "A", "score"}, {8, 7.998, "B", "score"}, {8, 7.999, "A", "score"}, {5, 5, "B", "score"}, {5, 4.9, "C", "score"},
		{nil, nil, "C", "unknown"}, {10, nil, "B", "unknown"}, {nil, 1, "C", "unknown"}} {
		got := facts(h, map[string]any{"a": c.a, "b": c.b})
		require.Equal(t, []string{c.grade, c.reason}, []string{got.Grade, got.Reason}, "%v %v", c.a, c.b)
	}
	require.Equal(t, []string{"cutoff-order"}, diags(t, `{"cutoffs": {"A": 8, "B": 8}}`))
}

func TestFitGrade_MistakesAreReported(t *testing.T) {
	for config, want := range map[string]string{
		`{"metric": [{"label": "m"}]}`:                                                              "source",
		`{"metric": [{"label": "m", "of": "x"}]}`:                                                   "source",
		`{"metric": [{"label": "m", "values": {"a": 2}}]}`:                                          "source",
		`{"metric": [{"label": "m", "value": "x", "of": "y", "values": {"a": 2}}]}`:                 "source",
		`{"metric": [{"label": "m", "value": "x", "weight": 0}]}`:                                   "weight",
		`{"criterion": [{"label": "m", "of": "x", "ranges": [{"from": 2, "to": 1, "points": 1}]}]}`: "range",
	} {
		require.Equal(t, []string{want}, diags(t, config), config)
	}
}

func TestFitGrade_ScoringAllocatesNothing(t *testing.T) {
	h := host(t, five)
	require.Zero(t, testing.AllocsPerRun(100, h.Replay(sdktest.Event{Kind: "identify", Exprs: map[string]any{"trait.market": "Retail"}})))
}
