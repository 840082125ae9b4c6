package main

import "math/bits"

// powers computes 2^-x in fixed point, for half-lives. No float takes part, so
// that every machine gives the same points.
//
// x is split into its whole part, which is a shift, and 32 binary digits of
// its fraction, each of which stands for a factor 2^-(2^-k) of a table: the
// digit-by-digit exponential of Knuth, The Art of Computer Programming,
// volume 1, section 1.2.2, exercise 28. The table is built by repeated integer
// square roots of 1/2 in 63-bit fixed point, so there is no constant to
// mistype; its error is below 2^-57, the result has 32 bits.
type powers struct {
	roots [32]uint64 // roots[k-1] = 2^-(2^-k) · 2^63
}

func newPowers() (p powers) {
	const half = uint64(1) << 62
	last := half
	for k := range p.roots {
		last = sqrt63(last)
		p.roots[k] = last
	}
	return p
}

// sqrt63 is the square root of v/2^63, times 2^63, rounded down.
func sqrt63(v uint64) uint64 {
	hi, lo := v>>1, v<<63 // v · 2^63
	root := uint64(0)
	for bit := uint64(1) << 63; bit != 0; bit >>= 1 {
		try := root | bit
		if h, l := bits.Mul64(try, try); h < hi || (h == hi && l <= lo) {
			root = try
		}
	}
	return root
}

// half is 2^-(ms/life) · 2^32, rounded half up.
func (p *powers) half(ms, life int64) uint64 {
	whole, rest := uint64(ms/life), uint64(ms%life)
	if whole > 33 {
		return 0
	}
	digits, _ := bits.Div64(rest>>32, rest<<32, uint64(life)) // rest/life · 2^32
	x := uint64(1) << 63
	for k := range p.roots {
		if digits>>(31-k)&1 == 0 {
			continue
		}
		hi, lo := bits.Mul64(x, p.roots[k])
		x = hi<<1 | lo>>63
	}
	return (x>>whole + 1<<30) >> 31
}
