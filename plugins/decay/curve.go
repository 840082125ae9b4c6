package main

import (
	"math/bits"
)

// kind is the form of a curve.
type kind uint8

const (
	none kind = iota // nothing decays
	linear
	halfLife
	steps // keeps a share from each knot on
	table // straight lines between knots
)

// keepAll is a share of 100 % in milli-percent.
const keepAll = 100_000

// knot is a share that is kept at an age.
type knot struct {
	age  int64 // ms
	keep int64 // milli-percent
}

// curve says which share of an award is left at an age. All is integer
// arithmetic: the share is a fraction, applied once, rounded half away from
// zero to a milli-point. Age counts in whole age steps: at age 0 all is left,
// from window on nothing.
type curve struct {
	kind   kind
	window int64 // ms, 0 = none
	half   int64 // ms
	knots  []knot
	powers powers
}

// left is what is left of whole milli-points at an age in steps of step ms.
func (c *curve) left(whole, age, step int64) int64 {
	num, den := c.share(age, step)
	return mulDiv(whole, num, den)
}

// share is the fraction num/den ≤ 1 that is left.
func (c *curve) share(age, step int64) (num, den uint64) {
	if age > 1<<62/step {
		age = 1 << 62 / step
	}
	ms := age * step
	switch {
	case c.window > 0 && ms >= c.window:
		return 0, 1
	case age <= 0 || c.kind == none:
		return 1, 1
	}
	switch c.kind {
	case linear:
		// In whole steps, a window between two of them counting as the longer.
		n := (c.window + step - 1) / step
		return uint64(n - age), uint64(n)
	case halfLife:
		return c.powers.half(ms, c.half), 1 << 32
	case steps:
		keep := int64(keepAll)
		for _, k := range c.knots {
			if ms >= k.age {
				keep = k.keep
			}
		}
		return uint64(keep), keepAll
	}
	return c.between(ms)
}

// between reads the table: 100 % at age 0, straight lines between knots, the
// last share from the last knot on.
func (c *curve) between(ms int64) (num, den uint64) {
	from := knot{0, keepAll}
	for _, to := range c.knots {
		if ms < to.age {
			span := uint64(to.age - from.age)
			num = uint64(from.keep)*uint64(to.age-ms) + uint64(to.keep)*uint64(ms-from.age)
			return num, span * keepAll
		}
		from = to
	}
	return uint64(from.keep), keepAll
}

// horizon is the age in ms from which on a row never changes again.
func (c *curve) horizon() int64 {
	switch {
	case c.window > 0:
		return c.window
	case c.kind == halfLife:
		return 34 * c.half // 2^-33 rounds to nothing in 32 bits
	case len(c.knots) > 0:
		return c.knots[len(c.knots)-1].age
	}
	return 0
}

// nextChange is the first age after age at which other than left milli-points
// remain of whole; ok is false if that never happens. Shares never rise, so it
// is found by halving.
func (c *curve) nextChange(whole, left, age, step int64) (next int64, ok bool) {
	differs := func(a int64) bool { return lower(left, c.left(whole, a, step)) != left }
	last := (c.horizon() + step - 1) / step
	if age >= last || !differs(last) {
		return 0, false
	}
	if differs(age + 1) {
		return age + 1, true
	}
	for low, high := age+1, last; ; {
		if high-low == 1 {
			return high, true
		}
		if mid := low + (high-low)/2; differs(mid) {
			high = mid
		} else {
			low = mid
		}
	}
}

// mulDiv is n·num/den rounded half away from zero, exact in between. num ≤ den
// and den < 2^63.
func mulDiv(n int64, num, den uint64) int64 {
	size := uint64(n)
	if n < 0 {
		size = -size
	}
	hi, lo := bits.Mul64(size, num)
	lo, carry := bits.Add64(lo, den/2, 0)
	q, _ := bits.Div64(hi+carry, lo, den)
	if n < 0 {
		return -int64(q)
	}
	return int64(q)
}
