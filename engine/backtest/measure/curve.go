package measure

import (
	"cmp"
	"math"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// Scored is a score and what became of the lead.
type Scored struct {
	Score lead.Points
	Fate  Fate
}

// AUC is how often a winner stands above a loser (the area under the ROC curve,
// as the Mann–Whitney statistic), ties counting half: exactly Twice in
// 2 × Pairs.
type AUC struct {
	Won   int   `json:"won"`
	Lost  int   `json:"lost"`
	Twice int64 `json:"twice_the_wins"` // 2 for each pair in order, 1 for each tie
	// Value is Twice / (2 × Won × Lost), 0 if there is no pair.
	Value float64 `json:"auc"`
	// Low and High are the ends of the 95 % interval (Hanley and McNeil,
	// "The meaning and use of the area under a ROC curve", 1982).
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Known says whether there is at least one pair.
func (a *AUC) Known() bool { return a.Won > 0 && a.Lost > 0 }

// AreaUnder computes the AUC; leads without outcome do not count. The list is
// sorted.
func AreaUnder(list []Scored) AUC {
	var a AUC
	slices.SortFunc(list, func(x, y Scored) int { return cmp.Compare(x.Score, y.Score) })
	for from := 0; from < len(list); {
		to, won, lost := from, 0, 0
		for to < len(list) && list[to].Score == list[from].Score {
			switch list[to].Fate {
			case Won:
				won++
			case Lost:
				lost++
			}
			to++
		}
		a.Twice += int64(won) * (2*int64(a.Lost) + int64(lost))
		a.Won, a.Lost = a.Won+won, a.Lost+lost
		from = to
	}
	if a.Known() {
		a.Value = float64(a.Twice) / float64(2*int64(a.Won)*int64(a.Lost))
		half := float64(1.96 * a.deviation())
		a.Low, a.High = max(0, a.Value-half), min(1, a.Value+half)
	}
	return a
}

// deviation is the standard error of the AUC. Products are converted, which
// keeps the compiler from fusing them into a sum.
func (a *AUC) deviation() float64 {
	v := a.Value
	v2 := float64(v * v)
	q1, q2 := v/(2-v), 2*v2/(1+v)
	m, n := float64(a.Won), float64(a.Lost)
	x := float64(v*(1-v)) + float64((m-1)*(q1-v2)) + float64((n-1)*(q2-v2))
	return math.Sqrt(max(0, x/float64(m*n)))
}

// Point of a ROC curve, per mille of losers and winners at or above a score.
type Point struct {
	Lost int `json:"lost_per_mille"`
	Won  int `json:"won_per_mille"`
}

// ROC is the curve in at most about a hundred points. The list is sorted.
func ROC(list []Scored) []Point {
	slices.SortFunc(list, func(x, y Scored) int { return cmp.Compare(y.Score, x.Score) })
	var all, g Group
	for _, s := range list {
		all.Add(s.Fate)
	}
	out := []Point{{}}
	for i, s := range list {
		g.Add(s.Fate)
		if i+1 < len(list) && list[i+1].Score == s.Score {
			continue
		}
		p := Point{Ratio(g.Lost, all.Lost, 1000), Ratio(g.Won, all.Won, 1000)}
		if last := out[len(out)-1]; p.Lost-last.Lost >= 10 || p.Won-last.Won >= 10 || i+1 == len(list) {
			out = append(out, p)
		}
	}
	return out
}
