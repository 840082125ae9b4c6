package lead

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Points is an amount of score in milli-points: 1 point = 1,000. No score,
// threshold or ledger line is ever a float.
type Points int64

// Point is one point in milli-points.
const Point Points = 1000

// MaxPoints bounds every amount, so that sums of a full ledger cannot
// overflow: 2^53/1000 points are beyond any model.
const MaxPoints Points = 1 << 53

// ErrPointsRange says that an amount lies outside ±MaxPoints.
var ErrPointsRange = errors.New("points out of range")

// ErrPointsFine says that an amount is finer than a milli-point.
var ErrPointsFine = errors.New("points finer than 0.001")

// FromPoints returns n whole points.
func FromPoints(n int64) Points { return Points(n) * Point }

// ParsePoints reads a decimal such as "12", "-0.5" or "1e2" exactly.
func ParsePoints(s string) (Points, error) {
	r, ok := new(big.Rat).SetString(s)
	if !ok || strings.ContainsAny(s, "/_") {
		return 0, fmt.Errorf("%q is not a decimal number", s)
	}
	return PointsFromRat(r)
}

// PointsFromRat converts points (not milli-points) exactly.
func PointsFromRat(r *big.Rat) (Points, error) {
	m := new(big.Rat).Mul(r, big.NewRat(int64(Point), 1))
	if !m.IsInt() {
		return 0, fmt.Errorf("%s: %w", r.FloatString(6), ErrPointsFine)
	}
	if !m.Num().IsInt64() {
		return 0, fmt.Errorf("%s: %w", r.FloatString(0), ErrPointsRange)
	}
	p := Points(m.Num().Int64())
	if p > MaxPoints || p < -MaxPoints {
		return 0, fmt.Errorf("%s: %w", r.FloatString(0), ErrPointsRange)
	}
	return p, nil
}

// PointsFromFloat rounds points half away from zero; ok is false for NaN and
// amounts beyond MaxPoints.
func PointsFromFloat(f float64) (p Points, ok bool) {
	m := math.Round(float64(f * float64(Point)))
	if math.IsNaN(m) || math.Abs(m) > float64(MaxPoints) {
		return 0, false
	}
	return Points(m), true
}

// String prints the exact amount in points: "12", "-0.5", "3.125".
func (p Points) String() string {
	neg := p < 0
	u := uint64(p)
	if neg {
		u = -u
	}
	s := strconv.FormatUint(u/1000, 10)
	if frac := u % 1000; frac != 0 {
		s += "." + strings.TrimRight(fmt.Sprintf("%03d", frac), "0")
	}
	if neg {
		s = "-" + s
	}
	return s
}

// Round rounds to whole points, half away from zero.
func (p Points) Round() int64 {
	if p < 0 {
		return -int64((-p + Point/2) / Point)
	}
	return int64((p + Point/2) / Point)
}

// MulDiv returns p*num/den rounded half away from zero, without overflow in
// between. den must be positive.
func (p Points) MulDiv(num, den int64) Points {
	if hi := p.abs(); hi < 1<<31 && num < 1<<31 && num > -1<<31 {
		return Points(divRound(int64(p)*num, den))
	}
	n := new(big.Int).Mul(big.NewInt(int64(p)), big.NewInt(num))
	n.Mul(n, big.NewInt(2))
	d := big.NewInt(2 * den)
	if n.Sign() < 0 {
		n.Sub(n, big.NewInt(den))
	} else {
		n.Add(n, big.NewInt(den))
	}
	return Points(n.Quo(n, d).Int64())
}

func (p Points) abs() Points {
	if p < 0 {
		return -p
	}
	return p
}

func divRound(n, den int64) int64 {
	if n < 0 {
		return -((-n + den/2) / den)
	}
	return (n + den/2) / den
}

// Display rounds for people: whole points, half away from zero, but never
// across one of the thresholds (sorted or not, in milli-points): 24.7 against
// a threshold of 25 shows 24, because 25 would say the threshold was reached.
func (p Points) Display(thresholds []Points) int64 {
	shown := p.Round()
	for _, t := range thresholds {
		if p < t && Points(shown)*Point >= t {
			return floorDiv(int64(p))
		}
		if p >= t && Points(shown)*Point < t {
			return -floorDiv(-int64(p))
		}
	}
	return shown
}

func floorDiv(milli int64) int64 {
	q := milli / int64(Point)
	if milli%int64(Point) < 0 {
		q--
	}
	return q
}
