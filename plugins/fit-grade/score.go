package main

import "github.com/ripenhq/ripen/sdk"

// metric is a value on its own scale with a weight in the mean.
type metric struct {
	value  value
	weight int64 // thousandths
	rule   sdk.RuleID
	label  sdk.Text
}

// criterion is a value that is added.
type criterion struct {
	value   value
	unknown int64 // milli-points for missing data
	rule    sdk.RuleID
	label   sdk.Text
}

// scorer is the configured plugin; read-only after configure.
type scorer struct {
	metrics  []metric
	weight   int64 // of all metrics
	criteria []criterion
	letters  letters
}

// fit is the score, and what it would be if all missing data were the best.
type fit struct{ have, best int64 }

// Score writes one line for each metric and criterion and gives the grade.
func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	total, err := s.mean(in, out)
	if err != nil {
		return err
	}
	for i := range s.criteria {
		c := &s.criteria[i]
		milli, known, err := c.value.read(in)
		if err != nil {
			return err
		}
		best := milli
		if !known {
			milli, best = c.unknown, max(c.unknown, c.value.most)
		}
		total.have += milli
		total.best += best
		out.Replace(c.rule, milli, c.label)
	}
	s.letters.grade(in, out, total)
	return nil
}

// mean writes the lines of the metrics. Their sum is exactly the rounded
// weighted mean: each line is the difference of two rounded running sums
// (cumulative rounding), so that no rest is lost or invented.
func (s *scorer) mean(in *sdk.Input, out *sdk.Output) (total fit, err error) {
	var sum, best, shown int64
	for i := range s.metrics {
		m := &s.metrics[i]
		milli, known, err := m.value.read(in)
		if err != nil {
			return fit{}, err
		}
		ideal := milli
		if !known {
			milli, ideal = m.value.least, m.value.most
		}
		sum += m.weight * milli
		best += m.weight * ideal
		next := divRound(sum, s.weight)
		out.Replace(m.rule, next-shown, m.label)
		shown = next
	}
	if s.weight == 0 {
		return fit{}, nil
	}
	return fit{shown, divRound(best, s.weight)}, nil
}

// divRound rounds half away from zero; d is positive.
func divRound(n, d int64) int64 {
	if n < 0 {
		return -((-n + d/2) / d)
	}
	return (n + d/2) / d
}
