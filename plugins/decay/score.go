package main

import "github.com/ripenhq/ripen/sdk"

// scorer has one curve for each view.
type scorer struct{ curves []*curve }

// Score brings every row down to what its curve leaves of it, and asks to be
// called when that changes next.
func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	rows := in.Rows()
	for i := range rows {
		r := &rows[i]
		c := s.curves[r.View]
		if c.kind == none || r.At == 0 || r.Step <= 0 {
			continue // a replaced line has no age
		}
		age := max(floorDiv(in.Now(), r.Step)-floorDiv(r.At, r.Step), 0)
		whole := r.Awarded - r.Reversed
		left := lower(r.Remaining, c.left(whole, age, r.Step))
		if left != r.Remaining {
			out.Adjust(in, i, left-r.Remaining)
		}
		if left == 0 {
			continue
		}
		if next, ok := c.nextChange(whole, left, age, r.Step); ok {
			out.Wake((floorDiv(r.At, r.Step) + next) * r.Step)
		}
	}
	return nil
}

// lower is the nearer to zero of two amounts of one sign: decay never gives
// back what a reversal or a steeper curve has taken.
func lower(have, want int64) int64 {
	if have >= 0 {
		return min(have, max(want, 0))
	}
	return max(have, min(want, 0))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
