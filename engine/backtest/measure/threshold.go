package measure

import (
	"cmp"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// ThresholdRow says what a threshold on the score would do (000-14). Volume,
// precision and recall are of the leads at or above it at their moment.
type ThresholdRow struct {
	At     lead.Points `json:"threshold_milli"`
	Volume int         `json:"leads"` // with or without outcome
	Share  int         `json:"per_mille_of_leads"`
	Won    int         `json:"won"`
	Lost   int         `json:"lost"`
	// Precision and Recall are per mille, Lift is a per cent of the rate of all.
	Precision int  `json:"precision_per_mille"`
	Recall    int  `json:"recall_per_mille"`
	Lift      int  `json:"lift_percent"`
	Few       bool `json:"few,omitempty"`
	// Current says that a route or label compares the score with it now.
	Current bool `json:"current,omitempty"`
}

// Thresholds judges candidate thresholds, highest first. The list is sorted.
func Thresholds(list []Scored, at, current []lead.Points) []ThresholdRow {
	slices.SortFunc(list, func(x, y Scored) int { return cmp.Compare(y.Score, x.Score) })
	var all Group
	for _, s := range list {
		all.Add(s.Fate)
	}
	at = slices.Clone(at)
	slices.SortFunc(at, func(x, y lead.Points) int { return cmp.Compare(y, x) })
	at = slices.Compact(at)
	rows := make([]ThresholdRow, 0, len(at))
	var g Group
	next := 0
	for _, t := range at {
		for next < len(list) && list[next].Score >= t {
			g.Add(list[next].Fate)
			next++
		}
		here := g
		here.Finish(&all)
		rows = append(rows, ThresholdRow{At: t, Volume: here.Leads, Share: Ratio(here.Leads, all.Leads, 1000), Won: here.Won, Lost: here.Lost,
			Precision: here.Rate, Recall: Ratio(here.Won, all.Won, 1000), Lift: here.Lift, Few: here.Few, Current: slices.Contains(current, t)})
	}
	return rows
}

// Candidates proposes thresholds: those in use, and round numbers that spread
// the leads evenly.
func Candidates(list []Scored, current []lead.Points) []lead.Points {
	out := slices.Clone(current)
	if len(list) == 0 {
		return out
	}
	low, high := list[0].Score, list[0].Score
	for _, s := range list {
		low, high = min(low, s.Score), max(high, s.Score)
	}
	step := stepFor(high - low)
	first := low / step * step
	if first < low {
		first += step
	}
	for t := first; t <= high; t += step {
		out = append(out, t)
	}
	return out
}

// stepFor is the least of 1, 2, 5, 10, … points that divides a span into at most
// fifteen parts.
func stepFor(span lead.Points) lead.Points {
	step := lead.Point
	for i := 0; span/step > 15; i++ {
		if i%3 == 1 {
			step = step / 2 * 5
		} else {
			step *= 2
		}
	}
	return step
}
