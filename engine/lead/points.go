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
	r, ok := new(big.Rat), false
	if decimal(s) {
		r, ok = r.SetString(s)
	}
	if !ok {
		return 0, fmt.Errorf("%.40q is not a decimal number", s)
	}
	return PointsFromRat(r)
}

// decimal says whether s is written like a number that a person would write:
// it keeps "0x1p9" out, and "1e999999", which costs a million digits.
func decimal(s string) bool {
	if len(s) > 64 || strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("+-.0123456789eE", r) }) {
		return false
	}
	i := strings.IndexAny(s, "eE")
	return i < 0 || len(strings.TrimLeft(s[i+1:], "+-0")) <= 2
}

// PointsFromRat converts points (not milli-points) exactly.
func PointsFromRat(r *big.Rat) (Points, error) {
	m := new(big.Rat).Mul(r, big.NewRat(int64(Point), 1))
	if !m.IsInt() {
		return 0, fmt.Errorf("%s: %w", r.FloatString(6), ErrPointsFine)
	}
	if n := m.Num(); !n.IsInt64() || Points(n.Int64()) > MaxPoints || Points(n.Int64()) < -MaxPoints {
		f, _ := r.Float64()
		return 0, fmt.Errorf("%g: %w", f, ErrPointsRange)
	}
	return Points(m.Num().Int64()), nil
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
	n.Lsh(n, 1)
	d := big.NewInt(den)
	if n.Sign() < 0 {
		n.Sub(n, d)
	} else {
		n.Add(n, d)
	}
	return Points(n.Quo(n, d.Lsh(d, 1)).Int64())
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
// Where two thresholds lie so near that no whole number will do, it shows the
// lower one: nobody is told of a threshold that was not reached.
func (p Points) Display(thresholds []Points) int64 {
	down, up := floorDiv(int64(p)), -floorDiv(-int64(p))
	for _, shown := range [...]int64{p.Round(), down, up} {
		if !crosses(p, Points(shown)*Point, thresholds) {
			return shown
		}
	}
	return down
}

func crosses(p, shown Points, thresholds []Points) bool {
	for _, t := range thresholds {
		if (p >= t) != (shown >= t) {
			return true
		}
	}
	return false
}

func floorDiv(milli int64) int64 {
	q := milli / int64(Point)
	if milli%int64(Point) < 0 {
		q--
	}
	return q
}
