package main

import (
	"errors"
	"math"
	"strconv"

	"github.com/ripenhq/ripen/sdk"
)

// span is a range of numbers, both ends included.
type span struct {
	from, to float64
	milli    int64
}

// value is what a metric or criterion makes of its data, in milli-points.
type value struct {
	name   string
	number sdk.Number // value = …
	when   sdk.Bool   // when = … with points
	points int64
	text   sdk.Enum // of = … with values and like
	worth  []int64  // by literal of text
	of     sdk.Number
	spans  []span
	other  int64 // known, but none of what is listed
	// The least and the most that it may be; dynamic values outside are an error.
	least, most int64
	bounded     bool
}

// read is the value; known is false when the data is missing.
func (v *value) read(in *sdk.Input) (milli int64, known bool, err error) {
	if f, ok := in.Number(v.number); ok {
		milli, err = v.check(f)
		return milli, true, err
	}
	if holds, ok := in.Bool(v.when); ok {
		if holds {
			return v.points, true, nil
		}
		return v.other, true, nil
	}
	if hit, ok := in.Enum(v.text); ok {
		if hit > 0 {
			return v.worth[hit-1], true, nil
		}
		known = true
	}
	if f, ok := in.Number(v.of); ok {
		for i := range v.spans {
			if s := &v.spans[i]; f >= s.from && f <= s.to {
				return s.milli, true, nil
			}
		}
		known = true
	}
	return v.other, known, nil
}

// check turns a computed number of points into milli-points, rounded half away
// from zero, and refuses what lies outside the scale.
func (v *value) check(f float64) (int64, error) {
	m := math.Round(f * 1000)
	low, high := float64(-limit), float64(limit)
	if v.bounded {
		low, high = float64(v.least), float64(v.most)
	}
	if m >= low && m <= high {
		return int64(m), nil
	}
	return 0, errors.New(strconv.Quote(v.name) + " is " + strconv.FormatFloat(f, 'g', -1, 64) + ", outside its scale from " +
		points(int64(low)) + " to " + points(int64(high)) + ": correct the data or the expression of its value")
}

// limit bounds every value, ±1,000,000 points in milli-points, so that weighted
// sums of a full configuration stay within 63 bits.
const limit = 1_000_000_000

// points prints milli-points for people.
func points(milli int64) string { return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64) }
