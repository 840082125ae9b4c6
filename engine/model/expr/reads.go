package expr

import (
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// Reads is what an expression depends on. Lists are sorted, each element once.
type Reads struct {
	Event    bool // the event: its name, properties or time of day
	Facts    bool // traits or account facts
	Days     bool // age_days
	Marks    bool // episode, stage
	Scores   []int
	Classes  []int // `<score>.<class>`, top
	Counters []int
	Steps    []int // grade, reason or flags of steps
	Pending  []int // classes that pending() asks for
	Peaks    []int
	Idles    []int64 // ms
	// Thresholds are constants that scores are compared with.
	Thresholds []Threshold
}

// Threshold is a constant that a score is compared with.
type Threshold struct {
	Score int
	At    lead.Points
}

// FactsOnly says that the expression changes with traits and account facts
// only.
func (r *Reads) FactsOnly() bool {
	return !r.Event && !r.Days && !r.Marks && len(r.Scores)+len(r.Classes)+len(r.Counters)+len(r.Steps)+
		len(r.Pending)+len(r.Peaks)+len(r.Idles) == 0
}

// Add merges what another expression reads.
func (r *Reads) Add(o *Reads) {
	r.Event = r.Event || o.Event
	r.Facts = r.Facts || o.Facts
	r.Days = r.Days || o.Days
	r.Marks = r.Marks || o.Marks
	r.Scores = append(r.Scores, o.Scores...)
	r.Classes = append(r.Classes, o.Classes...)
	r.Counters = append(r.Counters, o.Counters...)
	r.Steps = append(r.Steps, o.Steps...)
	r.Pending = append(r.Pending, o.Pending...)
	r.Peaks = append(r.Peaks, o.Peaks...)
	r.Idles = append(r.Idles, o.Idles...)
	r.Thresholds = append(r.Thresholds, o.Thresholds...)
	*r = r.sorted()
}

func (r Reads) sorted() Reads {
	for _, list := range []*[]int{&r.Scores, &r.Classes, &r.Counters, &r.Steps, &r.Pending, &r.Peaks} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	slices.Sort(r.Idles)
	r.Idles = slices.Compact(r.Idles)
	slices.SortFunc(r.Thresholds, func(a, b Threshold) int {
		if a.Score != b.Score {
			return a.Score - b.Score
		}
		return orderOf(int64(a.At), int64(b.At))
	})
	r.Thresholds = slices.Compact(r.Thresholds)
	return r
}
