// Package measure has the arithmetic of a backtest: rates and lift of groups of
// leads, the ranking of scores (AUC), thresholds, tenths, and a logistic
// regression.
//
// It imports only lead. What it computes depends on its arguments alone, to the
// byte: counts are integers, and floating point sums are taken in a fixed order,
// with no product fused into a sum and an exp of its own.
package measure

// Fate is what became of a lead.
type Fate uint8

// The fates.
const (
	Open Fate = iota // no outcome is known
	Won
	Lost
)

// Group is a set of leads and what became of them. Rates are per mille, lift is
// the rate as a per cent of the rate of all, 100 = as all.
type Group struct {
	Leads int  `json:"leads"`
	Won   int  `json:"won"`
	Lost  int  `json:"lost"`
	Rate  int  `json:"rate_per_mille"`
	Lift  int  `json:"lift_percent"`
	Few   bool `json:"few,omitempty"` // too few to rely on
}

// Few is the number of leads with an outcome below which a rate is a hint at
// best: its standard error can reach 9 points of a hundred.
const Few = 30

// Add counts a lead.
func (g *Group) Add(f Fate) {
	g.Leads++
	switch f {
	case Won:
		g.Won++
	case Lost:
		g.Lost++
	}
}

// Finish computes rate and lift against all.
func (g *Group) Finish(all *Group) {
	n := g.Won + g.Lost
	g.Few = n < Few
	g.Rate = Ratio(g.Won, n, 1000)
	if all.Won > 0 && n > 0 {
		g.Lift = int((int64(g.Won)*int64(all.Won+all.Lost)*100*2 + int64(n)*int64(all.Won)) / (2 * int64(n) * int64(all.Won)))
	}
}

// Ratio is a/b in units of 1/scale, rounded half up; 0 of nothing is 0.
func Ratio(a, b, scale int) int {
	if b == 0 {
		return 0
	}
	return (2*a*scale + b) / (2 * b)
}
