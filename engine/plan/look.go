package plan

import (
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// lookAt is how many leads are compared together.
const lookAt = 2048

// view is one lead under one release.
type view struct {
	known        bool
	grade, label string
	scores       []lead.Points // by the index of the report's scores
}

// finding is what the comparison of one partition found. Findings are merged in
// the order of the partitions.
type finding struct {
	c      *Comparison
	leads  LeadCounts
	values [][2][]lead.Points // by score: of the leads that each release knows
	deltas [][]lead.Points    // by score: of the leads whose score changed
	grades map[[2]string]int
	labels map[[2]string]int
	rules  map[ruleKey]*[2]RuleSums
	movers []Mover
}

type ruleKey struct{ score, rule uint32 }

func newFinding(c *Comparison) *finding {
	return &finding{c: c, values: make([][2][]lead.Points, len(c.scores)), deltas: make([][]lead.Points, len(c.scores)),
		grades: map[[2]string]int{}, labels: map[[2]string]int{}, rules: map[ruleKey]*[2]RuleSums{}}
}

// run compares all leads of one partition at a time; the core of Nothing is nil.
func (f *finding) run(cores [2]*core.Core, at int64) error {
	keys := unionOf(cores)
	rows := make([][2]view, lookAt)
	index := make(map[string]int, lookAt)
	for len(keys) > 0 {
		some := keys[:min(len(keys), lookAt)]
		keys = keys[len(some):]
		clear(index)
		for i, k := range some {
			index[k] = i
			for release := range 2 {
				v := &rows[i][release]
				*v = view{scores: v.scores[:0]}
			}
		}
		for release := range 2 {
			if cores[release] == nil {
				continue
			}
			err := cores[release].Look(some, at, func(fr *ledger.Frame) {
				f.fill(release, fr, &rows[index[fr.Acct.Key]][release])
			})
			if err != nil {
				return err
			}
		}
		for i, k := range some {
			f.compare(k, &rows[i])
		}
	}
	return nil
}

func unionOf(cores [2]*core.Core) []string {
	var keys []string
	for _, c := range cores {
		if c != nil {
			c.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// fill notes what a release says of a lead.
func (f *finding) fill(release int, fr *ledger.Frame, v *view) {
	p := f.c.sides[release].Policy
	v.known, v.label = true, p.LabelOf(fr)
	v.grade, _ = p.GradeOf(fr)
	for _, at := range f.c.places[release] {
		value := lead.Points(0)
		if at >= 0 {
			value = fr.Values[at]
		}
		v.scores = append(v.scores, value)
	}
	f.sum(release, fr.Acct)
}

// sum adds what each rule has left with the lead. Buckets of a rule lie behind
// each other.
func (f *finding) sum(release int, a *ledger.Account) {
	var key ruleKey
	var sums *RuleSums
	for i := range a.Buckets {
		k := &a.Buckets[i]
		if id := (ruleKey{k.Score, k.Rule}); sums == nil || id != key {
			key = id
			both := f.rules[key]
			if both == nil {
				both = new([2]RuleSums)
				f.rules[key] = both
			}
			sums = &both[release]
			sums.Leads++
		}
		sums.Count += int(k.Count)
		sums.Awarded += k.Awarded
		sums.Remaining += k.Remaining
	}
}

// compare counts in what a lead differs.
func (f *finding) compare(key string, row *[2]view) {
	was, is := &row[before], &row[after]
	f.leads.All++
	switch {
	case !was.known:
		f.leads.New++
	case !is.known:
		f.leads.Gone++
	}
	moved := f.compareScores(was, is)
	graded, labelled := was.grade != is.grade, was.label != is.label
	f.grades[[2]string{was.grade, is.grade}]++
	f.labels[[2]string{was.label, is.label}]++
	if moved {
		f.leads.Score++
	}
	if graded {
		f.leads.Grade++
	}
	if labelled {
		f.leads.Label++
	}
	if moved || graded || labelled || was.known != is.known {
		f.leads.Changed++
	}
	f.move(key, was, is)
}

func (f *finding) compareScores(was, is *view) (moved bool) {
	for s := range f.c.scores {
		if was.known && f.c.places[before][s] >= 0 {
			f.values[s][before] = append(f.values[s][before], was.scores[s])
		}
		if is.known && f.c.places[after][s] >= 0 {
			f.values[s][after] = append(f.values[s][after], is.scores[s])
		}
		if !f.c.both(s) || !was.known || !is.known {
			continue
		}
		if d := is.scores[s] - was.scores[s]; d != 0 {
			moved = true
			f.deltas[s] = append(f.deltas[s], d)
		}
	}
	return moved
}

// move keeps the leads whose primary score changes most.
func (f *finding) move(key string, was, is *view) {
	s := f.c.primary
	if s < 0 || !was.known || !is.known || was.scores[s] == is.scores[s] {
		return
	}
	f.movers = append(f.movers, Mover{Lead: key, Before: was.scores[s], After: is.scores[s]})
	if len(f.movers) >= 4*listed {
		f.movers = mostMoved(f.movers)
	}
}

// mostMoved sorts by how much a score changes, and keeps as many as are listed.
func mostMoved(list []Mover) []Mover {
	by := func(m *Mover) lead.Points { return max(m.After-m.Before, m.Before-m.After) }
	slices.SortFunc(list, func(a, b Mover) int {
		if x, y := by(&a), by(&b); x != y {
			return int(min(max(y-x, -1), 1))
		}
		return strings.Compare(a.Lead, b.Lead)
	})
	return list[:min(len(list), listed)]
}

// merge adds what another partition found.
func (f *finding) merge(g *finding) {
	l, m := &f.leads, &g.leads
	l.All, l.Changed, l.Score, l.Grade, l.Label = l.All+m.All, l.Changed+m.Changed, l.Score+m.Score, l.Grade+m.Grade, l.Label+m.Label
	l.New, l.Gone = l.New+m.New, l.Gone+m.Gone
	for s := range f.values {
		f.deltas[s] = append(f.deltas[s], g.deltas[s]...)
		for release := range 2 {
			f.values[s][release] = append(f.values[s][release], g.values[s][release]...)
		}
	}
	for key, n := range g.grades {
		f.grades[key] += n
	}
	for key, n := range g.labels {
		f.labels[key] += n
	}
	for key, sums := range g.rules {
		have := f.rules[key]
		if have == nil {
			f.rules[key] = sums
			continue
		}
		for release := range have {
			have[release].add(&sums[release])
		}
	}
	f.movers = mostMoved(append(f.movers, g.movers...))
}

func (r *RuleSums) add(o *RuleSums) {
	r.Leads, r.Count, r.Awarded, r.Remaining = r.Leads+o.Leads, r.Count+o.Count, r.Awarded+o.Awarded, r.Remaining+o.Remaining
}
