package expr

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// maxDen bounds the denominator of an amount of points: products of factors
// such as 0.35 stay far below it.
const maxDen = 1_000_000_000

type pointsFn = func(*ledger.Frame) (int64, bool)

func pointsNode(rng hcl.Range, key string, pts pointsFn) *node {
	return &node{typ: Points, rng: rng, key: key, den: 1, pts: pts}
}

// ratPoints turns a written number into points.
func (c *compiler) ratPoints(n *node) *node {
	milli := new(big.Rat).Mul(n.rat, big.NewRat(int64(lead.Point), 1))
	if !milli.Num().IsInt64() || !milli.Denom().IsInt64() || milli.Denom().Int64() > maxDen {
		return c.errorf(n.rng, "Points out of range", "%s points are beyond what a ledger holds.", n.rat.FloatString(3))
	}
	units := milli.Num().Int64()
	return &node{typ: Points, rng: n.rng, key: n.key, con: true, rat: n.rat, den: milli.Denom().Int64(),
		pts: func(*ledger.Frame) (int64, bool) { return units, true }}
}

// round gives whole milli-points, half away from zero, within ±MaxPoints.
func (n *node) round() func(*ledger.Frame) (lead.Points, bool) {
	pts, den := n.pts, n.den
	return func(f *ledger.Frame) (lead.Points, bool) {
		units, ok := pts(f)
		return roundUnits(units, den), ok
	}
}

func roundUnits(units, den int64) lead.Points {
	q, r := units/den, units%den
	switch {
	case r >= den-r:
		q++
	case -r >= den+r:
		q--
	}
	return min(max(lead.Points(q), -lead.MaxPoints), lead.MaxPoints)
}

// sameDen brings two amounts to one denominator.
func (c *compiler) sameDen(a, b *node) (x, y *node) {
	if a == nil || b == nil {
		return nil, nil
	}
	den := a.den / gcd(a.den, b.den) * b.den
	if den > maxDen {
		c.errorf(b.rng, "Factors too fine", "The factors of these points have no common fraction within 1/%d; use rounder ones.", maxDen)
		return nil, nil
	}
	return a.scaled(den), b.scaled(den)
}

func (n *node) scaled(den int64) *node {
	factor := den / n.den
	if factor == 1 {
		return n
	}
	pts, m := n.pts, *n
	m.den = den
	m.pts = func(f *ledger.Frame) (int64, bool) {
		v, ok := pts(f)
		return mulSat(v, factor), ok
	}
	return &m
}

// timesRat multiplies points by a constant, exactly.
func (c *compiler) timesRat(n *node, r *big.Rat, rng hcl.Range, key string) *node {
	num, den := new(big.Int).Set(r.Num()), new(big.Int).Mul(r.Denom(), big.NewInt(n.den))
	if !num.IsInt64() || num.Int64() == math.MinInt64 || !den.IsInt64() || den.Int64() > maxDen {
		return c.errorf(rng, "Factor too fine", "%s cannot be multiplied exactly; use a rounder factor.", r.RatString())
	}
	factor, pts := num.Int64(), n.pts
	return &node{typ: Points, rng: rng, key: key, den: den.Int64(), con: n.con, pts: func(f *ledger.Frame) (int64, bool) {
		v, ok := pts(f)
		return mulSat(v, factor), ok
	}}
}

// mulSat and addSat stay at the ends of int64 instead of wrapping: such sums
// are clamped to MaxPoints in the end.
func mulSat(a, b int64) int64 {
	neg := (a < 0) != (b < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(b))
	if hi != 0 || lo > math.MaxInt64 {
		lo = math.MaxInt64
	}
	if neg {
		return -int64(lo)
	}
	return int64(lo)
}

func magnitude(a int64) uint64 {
	if a < 0 {
		return -uint64(a)
	}
	return uint64(a)
}

func addSat(a, b int64) int64 {
	s := a + b
	if (a > 0) == (b > 0) && (s > 0) != (a > 0) && a != 0 && b != 0 {
		if a > 0 {
			return math.MaxInt64
		}
		return -math.MaxInt64
	}
	return s
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// pointsArithmetic compiles + - * / where one side is points.
func (c *compiler) pointsArithmetic(op string, a, b *node, rng hcl.Range) *node {
	key := fmt.Sprintf("(%s %s %s)", a.key, op, b.key)
	switch op {
	case "+", "-":
		x, y := c.sameDen(c.asPoints(a), c.asPoints(b))
		if x == nil {
			return nil
		}
		p, q, sign := x.pts, y.pts, int64(1)
		if op == "-" {
			sign = -1
		}
		return &node{typ: Points, rng: rng, key: key, den: x.den, con: x.con && y.con, pts: func(f *ledger.Frame) (int64, bool) {
			v, ok := p(f)
			w, okW := q(f)
			return addSat(v, sign*w), ok && okW
		}}
	case "*":
		if a.typ == Number {
			a, b = b, a
		}
		if b.typ == Points || b.rat == nil {
			return c.errorf(rng, "Points times points", "Points are multiplied by a number that is written out; ratio(a, b) makes a number.")
		}
		return c.timesRat(a, b.rat, rng, key)
	}
	if b.typ == Points || b.rat == nil {
		return c.errorf(rng, "Points divided", "Points are divided by a number that is written out; to divide two values use ratio(a, b).")
	}
	if b.rat.Sign() == 0 {
		return c.errorf(b.rng, "Division by zero", "The divisor is 0.")
	}
	return c.timesRat(a, new(big.Rat).Inv(b.rat), rng, key)
}
