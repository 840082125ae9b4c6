package lead

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParsePoints_Exact(t *testing.T) {
	for text, want := range map[string]Points{
		"12": 12_000, "-0.5": -500, "1e2": 100_000, "0.001": 1, "+3.125": 3_125, "0": 0, "-0": 0, "5e-1": 500, "1E+2": 100_000, ".5": 500,
		"9007199254740.992": MaxPoints, "-9007199254740.992": -MaxPoints,
	} {
		got, err := ParsePoints(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
	}
}

func TestParsePoints_Refused(t *testing.T) {
	for text, want := range map[string]error{
		"0.0001": ErrPointsFine, "1e-4": ErrPointsFine, "9007199254740.993": ErrPointsRange, "1e20": ErrPointsRange, "-1e20": ErrPointsRange,
		"": nil, "abc": nil, "1/3": nil, "1_000": nil, "0x10": nil, "1e999999": nil, "1e-999999": nil, "NaN": nil, "Inf": nil, "1 ": nil, "--1": nil, "1e": nil,
	} {
		_, err := ParsePoints(text)
		require.Error(t, err, text)
		if want != nil {
			assert.True(t, errors.Is(err, want), "%s: %v", text, err)
		}
		assert.Less(t, len(err.Error()), 200, "errors stay readable")
	}
}

func TestPoints_StringRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Points(rapid.Int64Range(-int64(MaxPoints), int64(MaxPoints)).Draw(t, "p"))
		got, err := ParsePoints(p.String())
		require.NoError(t, err)
		assert.Equal(t, p, got)
	})
	assert.Equal(t, "3.125", Points(3125).String())
	assert.Equal(t, "-0.5", Points(-500).String())
	assert.Equal(t, "12", FromPoints(12).String())
}

func TestPoints_RoundHalfAwayFromZero(t *testing.T) {
	for p, want := range map[Points]int64{499: 0, 500: 1, -499: 0, -500: -1, 1499: 1, 1500: 2, -1500: -2, 0: 0} {
		assert.Equal(t, want, p.Round(), "%d", p)
	}
}

func TestPointsFromFloat(t *testing.T) {
	for f, want := range map[float64]Points{0.0005: 1, -0.0005: -1, 12.3456: 12_346, 0: 0} {
		p, ok := PointsFromFloat(f)
		assert.True(t, ok)
		assert.Equal(t, want, p, "%v", f)
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300} {
		_, ok := PointsFromFloat(f)
		assert.False(t, ok, "%v", f)
	}
}

func TestMulDiv_AgainstBigInt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.OneOf(rapid.Int64Range(-1e6, 1e6), rapid.Int64Range(-int64(MaxPoints), int64(MaxPoints))).Draw(t, "p")
		den := rapid.OneOf(rapid.Int64Range(1, 100), rapid.Int64Range(1, math.MaxInt64)).Draw(t, "den")
		num := rapid.OneOf(rapid.Int64Range(-100, 100), rapid.Int64Range(-den, den)).Draw(t, "num")
		// |p·num/den| + ½ rounded down, with the sign of p·num.
		n := new(big.Int).Mul(big.NewInt(p), big.NewInt(num))
		r := new(big.Rat).SetFrac(new(big.Int).Abs(n), big.NewInt(den))
		r.Add(r, big.NewRat(1, 2))
		want := new(big.Int).Quo(r.Num(), r.Denom())
		if n.Sign() < 0 {
			want.Neg(want)
		}
		if !want.IsInt64() {
			return
		}
		assert.Equal(t, Points(want.Int64()), Points(p).MulDiv(num, den), "%d·%d/%d", p, num, den)
	})
}

// R000_12: what is shown never says that a threshold was reached when it was
// not, nor the other way round.
func TestDisplay_R000_12_NeverAcrossAThreshold(t *testing.T) {
	at := []Points{25_000}
	assert.Equal(t, int64(24), Points(24_999).Display(at), "one milli-point below")
	assert.Equal(t, int64(25), Points(25_000).Display(at), "at the threshold")
	assert.Equal(t, int64(25), Points(25_001).Display(at), "one milli-point above")
	assert.Equal(t, int64(25), Points(24_700).Display(nil))
	assert.Equal(t, int64(-26), Points(-25_001).Display([]Points{-25_000}))
	assert.Equal(t, int64(25), Points(24_600).Display([]Points{24_500}), "reached, and shown as reached")
	assert.Equal(t, int64(25), Points(24_400).Display([]Points{24_300}), "24 would lie below 24.3")
	assert.Equal(t, int64(24), Points(24_300).Display([]Points{24_200, 25_000}), "no whole number will do: the lower one")
	assert.Equal(t, int64(24), Points(24_300).Display([]Points{25_000, 24_200}), "whatever their order")
}

func TestDisplay_Property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Points(rapid.Int64Range(-100_000, 100_000).Draw(t, "p"))
		var whole []Points
		for _, n := range rapid.SliceOfN(rapid.Int64Range(-100, 100), 0, 5).Draw(t, "thresholds") {
			whole = append(whole, FromPoints(n))
		}
		shown := FromPoints(p.Display(whole))
		for _, limit := range whole {
			assert.Equal(t, p >= limit, shown >= limit, "%s shown as %s against %s", p, shown, limit)
		}
		assert.Less(t, (p - shown).abs(), Point)
	})
}

func FuzzParsePoints(f *testing.F) {
	for _, s := range []string{"12", "-0.5", "1e2", "0x1p4", "1e99", "9007199254740.993", "+.e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePoints(s)
		if err != nil {
			return
		}
		again, err := ParsePoints(p.String())
		require.NoError(t, err)
		require.Equal(t, p, again)
		require.LessOrEqual(t, p.abs(), MaxPoints)
	})
}
