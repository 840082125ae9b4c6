package measure

import (
	"cmp"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// TenthRow is a tenth of the leads in order of the score, best first. Leads of
// one score stay together, so that tenths differ in size where many share one.
type TenthRow struct {
	From lead.Points `json:"from_milli"` // least score in it
	To   lead.Points `json:"to_milli"`
	Group
	Recall int `json:"recall_per_mille"` // of all winners, in this tenth and above
}

// Tenths cuts the leads with an outcome into tenths. The list is sorted.
func Tenths(list []Scored) (rows []TenthRow) {
	list = slices.DeleteFunc(list, func(s Scored) bool { return s.Fate == Open })
	slices.SortFunc(list, func(x, y Scored) int { return cmp.Compare(y.Score, x.Score) })
	var all Group
	for _, s := range list {
		all.Add(s.Fate)
	}
	from, won := 0, 0
	for n := 1; n <= 10; n++ {
		to := (len(list)*n + 9) / 10
		for to > 0 && to < len(list) && list[to].Score == list[to-1].Score {
			to++
		}
		if to <= from {
			continue
		}
		r := TenthRow{From: list[to-1].Score, To: list[from].Score}
		for _, s := range list[from:to] {
			r.Add(s.Fate)
		}
		won += r.Won
		r.Finish(&all)
		r.Recall = Ratio(won, all.Won, 1000)
		rows = append(rows, r)
		from = to
	}
	return rows
}

// Bar is one bar of the histogram of scores.
type Bar struct {
	From lead.Points `json:"from_milli"`
	To   lead.Points `json:"to_milli"` // not included
	Group
}

// Histogram counts leads per score, in at most about fifteen bars.
func Histogram(list []Scored) []Bar {
	if len(list) == 0 {
		return []Bar{}
	}
	low, high := list[0].Score, list[0].Score
	for _, s := range list {
		low, high = min(low, s.Score), max(high, s.Score)
	}
	step := stepFor(high - low)
	base := low / step * step
	if base > low {
		base -= step
	}
	bars := make([]Bar, (high-base)/step+1)
	var all Group
	for i := range bars {
		bars[i].From, bars[i].To = base+lead.Points(i)*step, base+lead.Points(i+1)*step
	}
	for _, s := range list {
		bars[(s.Score-base)/step].Add(s.Fate)
		all.Add(s.Fate)
	}
	for i := range bars {
		bars[i].Finish(&all)
	}
	return bars
}
