package value

import (
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"pgregory.net/rapid"

	"github.com/ripenhq/ripen/engine/lead"
)

func TestPointsOf_Exact(t *testing.T) {
	for text, want := range map[string]lead.Points{
		"0": 0, "0.1": 100, "0.001": 1, "-0.001": -1, "1e2": 100_000, "123456789.012": 123_456_789_012,
		"9007199254740.992": lead.MaxPoints, "-9007199254740.992": -lead.MaxPoints,
	} {
		got, err := PointsOf(cty.MustParseNumberVal(text))
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]error{
		"0.0001": lead.ErrPointsFine, "-1.0005": lead.ErrPointsFine, "1e-250": lead.ErrPointsFine,
		"0.3333333333333333333333333333333333333333333333333333": lead.ErrPointsFine,
		"9007199254740.993": lead.ErrPointsRange, "1e30": lead.ErrPointsRange, "-1e300": lead.ErrPointsRange,
	} {
		_, err := PointsOf(cty.MustParseNumberVal(text))
		require.ErrorIs(t, err, want, text)
	}
	_, err := PointsOf(cty.NumberVal(new(big.Float).SetInf(true)))
	require.ErrorIs(t, err, lead.ErrPointsRange)
	for _, v := range []cty.Value{cty.NilVal, cty.StringVal("1"), cty.NullVal(cty.Number), cty.UnknownVal(cty.Number)} {
		_, err := PointsOf(v)
		require.Error(t, err)
	}
}

// Every amount survives being written and read.
func TestPointsOf_RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := lead.Points(rapid.Int64Range(-int64(lead.MaxPoints), int64(lead.MaxPoints)).Draw(t, "p"))
		got, err := PointsOf(cty.MustParseNumberVal(p.String()))
		if err != nil || got != p {
			t.Fatalf("%s became %s, %v", p, got, err)
		}
	})
}
