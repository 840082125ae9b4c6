package main

import (
	_ "embed"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/sdktest"
)

//go:embed manifest.json
var manifest []byte

const (
	day   = int64(86_400_000)
	point = int64(1000)
)

const sixty = `{"of": "recent", "curve": "linear", "window": "60d"}`

// row is an award of that many milli-points in the age step that day begins.
func row(onDay, milli int64) sdk.Row {
	return sdk.Row{At: onDay * day, Step: day, Count: 1, Awarded: milli, Remaining: milli, Last: onDay*day + 1}
}

// after is what is left of r at the end of that many days.
func after(t testing.TB, h *sdktest.Host, r sdk.Row, days int64) int64 {
	t.Helper()
	return r.Remaining + h.Probe(r.At+days*day+day-1, r).Sum()
}

func TestDecay_R002_11_R000_10_NothingIsLeftAtDay60(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, sixty)
	r := row(20_000, 100*point)
	require.Equal(t, 100*point, after(t, h, r, 0), "age 0 keeps all")
	require.Equal(t, 50*point, after(t, h, r, 30))
	require.Equal(t, int64(1667), after(t, h, r, 59), "100/60, rounded half away from zero")
	require.Zero(t, after(t, h, r, 60))
	require.Zero(t, after(t, h, r, 5000))
	require.Equal(t, int64(-1667), after(t, h, row(20_000, -100*point), 59))

	boundary := r.At + 60*day
	require.Positive(t, r.Remaining+h.Probe(boundary-1, r).Sum(), "the last millisecond of day 59")
	require.Zero(t, r.Remaining+h.Probe(boundary, r).Sum(), "the first millisecond of day 60")
}

func TestDecay_LeavesUndatedAndReversedAlone(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, sixty)
	fit := row(0, 10*point)
	require.Empty(t, h.Probe(20_000*day, fit).Entries, "a replaced line has no age")
	r := row(20_000, 10*point)
	r.Reversed, r.Remaining = 4*point, 6*point
	require.Equal(t, 3*point, after(t, h, r, 30), "half of what was not reversed")
	r.Remaining = 1 * point
	require.Equal(t, 1*point, after(t, h, r, 30), "decay never gives back")
}

func TestDecay_OtherCurves(t *testing.T) {
	for name, c := range map[string]struct {
		config string
		want   map[int64]int64 // days to points of 1,000
	}{
		"half_life": {`{"of": "s", "curve": "half_life", "half_life": "14d"}`,
			map[int64]int64{0: 1_000_000, 7: 707_107, 14: 500_000, 28: 250_000, 21: 353_553, 500: 0}},
		"half_life with window": {`{"of": "s", "curve": "half_life", "half_life": "14d", "window": "28d"}`,
			map[int64]int64{14: 500_000, 27: 262_689, 28: 0}},
		"step": {`{"of": "s", "curve": "step", "steps": {"30d": 50, "60d": 12.5, "90d": 0}}`,
			map[int64]int64{29: 1_000_000, 30: 500_000, 59: 500_000, 60: 125_000, 89: 125_000, 90: 0}},
		"table": {`{"of": "s", "curve": "table", "table": {"10d": 90, "20d": 40, "30d": 0}}`,
			map[int64]int64{0: 1_000_000, 5: 950_000, 10: 900_000, 15: 650_000, 20: 400_000, 29: 40_000, 30: 0}},
		"none": {`{"of": "s", "curve": "none"}`, map[int64]int64{1000: 1_000_000}},
	} {
		t.Run(name, func(t *testing.T) {
			h := sdktest.New(t, plugin, manifest, c.config)
			for days, want := range c.want {
				require.Equal(t, want, after(t, h, row(20_000, 1_000_000), days), "day %d", days)
			}
		})
	}
}

func TestDecay_ExceptionsComeFirst(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, `{"of": ["a", "b"], "window": "60d", "except": [
		{"label": "asked", "curve": "none"}, {"label": "x", "rule": "mail/Email Opened", "window": "10d"}]}`)
	require.Equal(t, []sdk.View{{Score: "a", Class: "asked"}, {Score: "b", Class: "asked"},
		{Score: "a", Rule: "mail/Email Opened"}, {Score: "b", Rule: "mail/Email Opened"}, {Score: "a"}, {Score: "b"}}, h.Needs.Views)
	require.Equal(t, 60*day, h.Needs.Horizon)
	rows := []sdk.Row{row(20_000, 1000), row(20_000, 1000), row(20_000, 1000)}
	rows[0].View, rows[1].View, rows[2].View = 1, 2, 5
	got := h.Probe(20_006*day, rows...)
	require.Equal(t, []int64{-600, -100}, []int64{got.Entries[0].Milli, got.Entries[1].Milli})
	require.Equal(t, []int{1, 2}, []int{got.Entries[0].Row, got.Entries[1].Row})
}

func TestDecay_WakesWhenSomethingChanges(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, `{"of": "s", "curve": "step", "steps": {"30d": 50, "90d": 0}}`)
	r := row(20_000, 1000)
	require.Equal(t, r.At+30*day, h.Probe(r.At+5, r).WakeAt)
	r.Remaining = 500
	require.Equal(t, r.At+90*day, h.Probe(r.At+31*day, r).WakeAt)
	require.Zero(t, h.Probe(r.At+90*day, r).WakeAt, "nothing is left")
	early := row(19_990, 1000)
	require.Equal(t, early.At+30*day, h.Probe(r.At+5, r, early).WakeAt, "the earliest of all rows")
}

func TestDecay_MistakesAreReported(t *testing.T) {
	for config, want := range map[string]string{
		`{"of": "s"}`:                                                    "curve",
		`{"of": "s", "curve": "half_life"}`:                              "curve",
		`{"of": "s", "curve": "step"}`:                                   "curve",
		`{"of": "s", "curve": "sigmoid"}`:                                "curve",
		`{"of": "s", "curve": "step", "steps": {"soon": 50, "9d": 1}}`:   "curve",
		`{"of": "s", "curve": "step", "steps": {"30d": 500, "40d": 1}}`:  "curve",
		`{"of": "s", "curve": "table", "table": {"30d": 50, "60d": 51}}`: "curve-rises",
	} {
		d := sdktest.Configure(t, plugin, manifest, config).Needs.Diags
		require.Len(t, d, 1, config)
		require.Equal(t, want, d[0].Name, config)
	}
}

func anyCurve(t *rapid.T) *curve {
	c := &curve{kind: kind(rapid.IntRange(1, 4).Draw(t, "kind")), powers: newPowers()}
	ms := rapid.Int64Range(1, 800*day)
	c.window, c.half = ms.Draw(t, "window"), ms.Draw(t, "half")
	keep, age := int64(keepAll), int64(0)
	for range rapid.IntRange(1, 5).Draw(t, "knots") {
		age += ms.Draw(t, "age")
		keep = rapid.Int64Range(0, keep).Draw(t, "keep")
		c.knots = append(c.knots, knot{age, keep})
	}
	if c.kind != linear && rapid.Bool().Draw(t, "open") {
		c.window = 0
	}
	return c
}

func TestDecay_CurvesFallAndEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurve(t)
		step := rapid.SampledFrom([]int64{3_600_000, day, 7 * day, 1000}).Draw(t, "step")
		whole := rapid.Int64Range(-1<<53, 1<<53).Draw(t, "whole")
		age := rapid.Int64Range(0, 1000).Draw(t, "age")
		now, next := c.left(whole, age, step), c.left(whole, age+1, step)
		require.Equal(t, whole, c.left(whole, 0, step), "age 0 keeps all")
		require.Equal(t, next, lower(now, next), "never rises")
		require.Equal(t, -now, c.left(-whole, age, step), "rounds half away from zero")
		if c.window > 0 {
			require.Zero(t, c.left(whole, (c.window+step-1)/step, step))
		}
		change, ok := c.nextChange(whole, now, age, step)
		if ok {
			require.NotEqual(t, now, c.left(whole, change, step))
			require.Equal(t, now, c.left(whole, change-1, step), "the first change")
		} else {
			require.Equal(t, now, c.left(whole, age+rapid.Int64Range(0, 1e7).Draw(t, "later"), step))
		}
	})
}

func TestDecay_AppliedStepwiseEqualsAppliedOnce(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, `{"of": "s", "curve": "half_life", "half_life": "9d", "window": "60d"}`)
	rapid.Check(t, func(rt *rapid.T) {
		r := row(20_000, rapid.Int64Range(-1e9, 1e9).Filter(func(v int64) bool { return v != 0 }).Draw(rt, "points"))
		days := rapid.Int64Range(0, 80).Draw(rt, "days")
		once := after(t, h, r, days)
		daily := r
		for d := range days + 1 {
			daily.Remaining = after(t, h, daily, d)
		}
		require.Equal(rt, once, daily.Remaining)
	})
}

// TestPowersMatchExactArithmetic compares with 2^-(ms/life) in 200 bits.
func TestPowersMatchExactArithmetic(t *testing.T) {
	p := newPowers()
	rapid.Check(t, func(t *rapid.T) {
		life := rapid.Int64Range(1, 400*day).Draw(t, "life")
		ms := rapid.Int64Range(0, 40*life).Draw(t, "ms")
		got := p.half(ms, life)
		want := exactHalf(ms, life)
		diff := new(big.Float).Sub(new(big.Float).SetUint64(got), want)
		limit := big.NewFloat(1.5) // rounding, and the cut of the exponent after 32 digits
		require.Negative(t, diff.Abs(diff).Cmp(limit), "2^-(%d/%d): %d, want %s", ms, life, got, want.Text('f', 3))
	})
}

// exactHalf is 2^-(ms/life) · 2^32 by square roots of big floats.
func exactHalf(ms, life int64) *big.Float {
	const prec = 200
	rest := big.NewRat(ms%life, life)
	x := new(big.Float).SetPrec(prec).SetInt64(1 << 32)
	root := new(big.Float).SetPrec(prec).SetFloat64(0.5)
	one := big.NewRat(1, 1)
	for range 120 {
		root.Sqrt(root)
		rest.Add(rest, rest)
		if rest.Cmp(one) >= 0 {
			rest.Sub(rest, one)
			x.Mul(x, root)
		}
	}
	return x.SetMantExp(x, -int(ms/life))
}

func TestDecay_ScoringAllocatesNothing(t *testing.T) {
	h := sdktest.New(t, plugin, manifest, `{"of": "s", "curve": "half_life", "half_life": "9d"}`)
	require.Zero(t, testing.AllocsPerRun(100, h.Replay(sdktest.Event{At: 20_010 * day, Rows: []sdk.Row{row(20_000, 10*point), row(20_001, -5*point)}})))
}
