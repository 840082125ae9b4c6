package plan

import (
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// spreadOf sorts the list and describes it.
func spreadOf(list []lead.Points) (s Spread) {
	n := len(list)
	if n == 0 {
		return s
	}
	slices.Sort(list)
	var sum lead.Points
	for _, p := range list {
		sum += p
	}
	at := func(percent int) lead.Points { return list[(n-1)*percent/100] }
	return Spread{Least: list[0], P10: at(10), Median: at(50), P90: at(90), Most: list[n-1], Mean: sum.MulDiv(1, int64(n))}
}

// mostBars is about how many bars a histogram has.
const mostBars = 16

// histogram counts two sorted lists of values in bars of one round width.
func histogram(before, after []lead.Points) []Bar {
	low, high, any := bounds(before, after)
	if !any {
		return []Bar{}
	}
	width := roundWidth(high - low)
	from := floorTo(low, width)
	bars := make([]Bar, int((high-from)/width)+1)
	for i := range bars {
		bars[i].From = from + lead.Points(i)*width
		bars[i].To = bars[i].From + width
	}
	for _, p := range before {
		bars[(p-from)/width].Before++
	}
	for _, p := range after {
		bars[(p-from)/width].After++
	}
	return bars
}

func bounds(lists ...[]lead.Points) (low, high lead.Points, any bool) {
	for _, list := range lists {
		if len(list) == 0 {
			continue
		}
		if !any {
			low, high = list[0], list[len(list)-1]
		}
		low, high, any = min(low, list[0]), max(high, list[len(list)-1]), true
	}
	return low, high, any
}

// roundWidth is 1, 2 or 5 times a power of ten points, so that about mostBars of
// it cover the span; at least one point.
func roundWidth(span lead.Points) lead.Points {
	width := lead.Points(1000)
	for i := 0; span/width >= mostBars; i++ {
		if i%3 == 1 {
			width = width / 2 * 5
		} else {
			width *= 2
		}
	}
	return width
}

func floorTo(p, width lead.Points) lead.Points {
	q := p / width
	if p%width < 0 {
		q--
	}
	return q * width
}
