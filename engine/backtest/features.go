package backtest

import (
	"math"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/model/lint"
)

// Feature is something known of leads that points can be given for: a trait or
// fact of the account with its values or ranges, or an action.
type Feature struct {
	Name    string `json:"name"`
	Account bool   `json:"account,omitempty"`
	Kind    string `json:"kind"` // "values", "ranges", "yes-no", "event", "page"
	// Hand says that the action asks for sales: it is handed over whatever the
	// score.
	Hand bool  `json:"hand_raise,omitempty"`
	Bins []Bin `json:"bins"`
}

// The kinds of features.
const (
	ofValues = "values"
	ofRanges = "ranges"
	ofYesNo  = "yes-no"
	ofEvent  = "event"
	ofPage   = "page"
)

// Bin is one value, range or answer of a feature.
type Bin struct {
	Text  string  `json:"text"`
	To    float64 `json:"to"`   // ranges: the greatest number in it
	Last  bool    `json:"last"` // the last range, which has no end
	Leads int     `json:"leads"`
	Won   int     `json:"won"`
	// Points that are suggested, whole ones, as milli-points.
	Points lead.Points `json:"points_milli"`

	column int32 // -1: too few leads
	weight float64
}

// Names of the bins for what is not listed and for what is not known.
const (
	otherBin   = "(other)"
	unknownBin = "(unknown)"
)

// learner chooses the features of the leads that points are learnt from.
type learner struct {
	g       *Gatherer
	cases   []*Case // with an outcome
	support int     // least number of leads behind a bin
	columns int32
	out     []Feature
	Skipped []string
}

// supportOf is how many of n leads must have a value for it to get points of its
// own: one in a hundred, but at least twenty.
func supportOf(n int) int { return max(20, n/100) }

// maxValues bounds the values of one trait that get points of their own.
const maxValues = 25

func newLearner(g *Gatherer) *learner {
	l := &learner{g: g}
	for i := range g.Cases {
		if g.Cases[i].Fate != measure.Open {
			l.cases = append(l.cases, &g.Cases[i])
		}
	}
	l.support = supportOf(len(l.cases))
	return l
}

// facts makes a feature of each trait, or of each fact of the account.
func (l *learner) facts(account bool, skip func(string) bool) {
	of := func(c *Case) lead.Props {
		if account {
			return c.company
		}
		return c.person
	}
	seen := map[string]bool{}
	var names []string
	for _, c := range l.cases {
		for _, p := range of(c) {
			if !seen[p.Name] {
				seen[p.Name] = true
				names = append(names, p.Name)
			}
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if skip(name) {
			continue
		}
		values := make([]lead.Value, len(l.cases))
		for i, c := range l.cases {
			values[i] = of(c).Get(name)
		}
		l.fact(Feature{Name: name, Account: account}, values)
	}
}

func (l *learner) fact(f Feature, values []lead.Value) {
	var kinds [lead.List + 1]int
	for _, v := range values {
		kinds[v.Kind]++
	}
	known := len(values) - kinds[lead.Absent]
	switch {
	case kinds[lead.Bool] == known:
		f.Kind = ofYesNo
		f.Bins = []Bin{{Text: "true"}, {Text: "false"}}
	case kinds[lead.Number] == known:
		f.Kind = ofRanges
		f.Bins = l.ranges(values)
	case kinds[lead.String] == known:
		f.Kind = ofValues
		f.Bins = l.values(values)
	default:
		l.Skipped = append(l.Skipped, f.Name+": its values are of several types")
		return
	}
	if f.Kind == ofValues && len(f.Bins) == 0 {
		l.Skipped = append(l.Skipped, f.Name+": no value of it is frequent enough")
		return
	}
	if f.Kind == ofValues {
		f.Bins = append(f.Bins, Bin{Text: otherBin})
	}
	f.Bins = append(f.Bins, Bin{Text: unknownBin})
	for i, c := range l.cases {
		b := &f.Bins[f.binOf(values[i])]
		b.Leads++
		if c.Fate == measure.Won {
			b.Won++
		}
	}
	l.add(f)
}

// add gives a column to each bin that is frequent enough; a feature that says
// the same of all leads is none.
func (l *learner) add(f Feature) {
	frequent := 0
	for i := range f.Bins {
		f.Bins[i].column = -1
		if f.Bins[i].Leads >= l.support {
			frequent++
		}
	}
	action := f.Kind == ofEvent || f.Kind == ofPage
	if frequent < 2 && !action {
		l.Skipped = append(l.Skipped, f.Name+": it is the same for nearly all leads")
		return
	}
	if int(l.columns)+frequent > maxColumns {
		l.Skipped = append(l.Skipped, f.Name+": there are too many before it")
		return
	}
	for i := range f.Bins {
		if f.Bins[i].Leads >= l.support {
			f.Bins[i].column = l.columns
			l.columns++
		}
	}
	l.out = append(l.out, f)
}

// values are the frequent texts, the most frequent first, without regard to
// case.
func (l *learner) values(values []lead.Value) (bins []Bin) {
	count, spelt := map[string]int{}, map[string]string{}
	for _, v := range values {
		if v.Kind != lead.String {
			continue
		}
		k := strings.ToLower(v.Str)
		count[k]++
		if have, ok := spelt[k]; !ok || v.Str < have {
			spelt[k] = v.Str
		}
	}
	keys := make([]string, 0, len(count))
	for k, n := range count {
		if n >= l.support {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if count[a] != count[b] {
			return count[b] - count[a]
		}
		return strings.Compare(a, b)
	})
	for _, k := range keys[:min(len(keys), maxValues)] {
		bins = append(bins, Bin{Text: spelt[k]})
	}
	return bins
}

// ranges cuts numbers into up to ten ranges with about as many leads in each; a
// value that many leads share is a range of its own.
func (l *learner) ranges(values []lead.Value) (bins []Bin) {
	var list []float64
	for _, v := range values {
		if v.Kind == lead.Number {
			list = append(list, v.Num)
		}
	}
	slices.Sort(list)
	parts := min(10, max(2, len(list)/(4*l.support)))
	want := max(l.support, len(list)/parts)
	from := 0
	for i := range list {
		end := i+1 == len(list)
		if !end && (list[i+1] == list[i] || i+1-from < want || len(list)-i-1 < l.support) {
			// A heavy value behind starts a range of its own.
			heavy := !end && list[i+1] != list[i] && i+1-from >= l.support && i+want < len(list) && list[i+want] == list[i+1]
			if !heavy {
				continue
			}
		}
		bins = append(bins, Bin{To: list[i], Last: end})
		from = i + 1
	}
	for i := range bins {
		bins[i].Text = rangeText(bins, i)
	}
	return bins
}

// actions makes a feature of each thing that leads did.
func (l *learner) actions(skip func(string) bool) {
	for at, name := range l.g.actions.list {
		kind := map[lead.Kind]string{lead.Track: ofEvent, lead.Page: ofPage}[l.g.actions.kinds[at]]
		if skip(name) || kind == "" || strings.Contains(name, "*") {
			continue
		}
		b := Bin{Text: name}
		for _, c := range l.cases {
			if c.didAct(int32(at)) {
				b.Leads++
				if c.Fate == measure.Won {
					b.Won++
				}
			}
		}
		hand := b.Leads > 0 && l.g.asksForSales(name)
		if hand || b.Leads >= l.support && len(l.cases)-b.Leads >= l.support {
			l.add(Feature{Name: name, Kind: kind, Hand: hand, Bins: []Bin{b}})
		}
	}
}

// asksForSales says whether an action is a hand-raise: in the workflow that is
// judged, or by its name.
func (g *Gatherer) asksForSales(name string) bool {
	for i := range g.book.Rules {
		r := &g.book.Rules[i]
		if r.Class >= 0 && g.book.Classes[r.Class].Hand && strings.EqualFold(r.Name[strings.LastIndexByte(r.Name, '/')+1:], name) {
			return true
		}
	}
	return lint.SoundsLikeHand(name)
}

func (c *Case) didAct(action int32) bool {
	return slices.ContainsFunc(c.did, func(d did) bool { return d.action == action })
}

// binOf is the bin that a value belongs to: what is not listed is in the one
// before the last, what is not known in the last.
func (f *Feature) binOf(v lead.Value) int {
	last := len(f.Bins) - 1
	switch {
	case v.Kind == lead.Absent:
		return last
	case f.Kind == ofYesNo:
		if v.Num != 0 {
			return 0
		}
		return 1
	case f.Kind == ofRanges:
		for i := range f.Bins[:last] {
			if b := &f.Bins[i]; v.Num <= b.To || b.Last {
				return i
			}
		}
		return last
	}
	for i := range f.Bins[:last-1] {
		if strings.EqualFold(f.Bins[i].Text, v.Str) {
			return i
		}
	}
	return last - 1
}

// holds lists the bins of a lead, one per feature; -1 = an action not taken.
func (l *learner) holds(c *Case, bins []int) []int {
	for i := range l.out {
		f := &l.out[i]
		switch {
		case f.Action():
			at := -1
			if c.didAct(l.g.actions.at[f.Name]) {
				at = 0
			}
			bins = append(bins, at)
		case f.Account:
			bins = append(bins, f.binOf(c.company.Get(f.Name)))
		default:
			bins = append(bins, f.binOf(c.person.Get(f.Name)))
		}
	}
	return bins
}

// learn weighs all bins at once and turns the weights into whole points: ten of
// them double the odds, and the worst answer to each question is worth nothing.
func (l *learner) learn() {
	samples := make([]measure.Sample, len(l.cases))
	var bins []int
	for i, c := range l.cases {
		samples[i].Won = c.Fate == measure.Won
		bins = l.holds(c, bins[:0])
		for k, b := range bins {
			if b >= 0 && l.out[k].Bins[b].column >= 0 {
				samples[i].Columns = append(samples[i].Columns, l.out[k].Bins[b].column)
			}
		}
	}
	_, weights := measure.Fit(samples, int(l.columns), Ridge)
	for k := range l.out {
		f := &l.out[k]
		least := math.Inf(1)
		for i := range f.Bins {
			b := &f.Bins[i]
			if b.column >= 0 {
				b.weight = weights[b.column]
			}
			least = min(least, b.weight)
		}
		if f.Action() {
			least = 0 // not to do it is worth nothing
		}
		for i := range f.Bins {
			b := &f.Bins[i]
			b.Points = wholePoints((b.weight - least) * DoubleOdds / math.Ln2)
			if f.Hand && b.Points <= 0 {
				b.Points = lead.Point // it stands for its route
			}
		}
	}
}

// DoubleOdds is how many points more double the odds that a lead is won.
const DoubleOdds = 10

// total is what the suggested points give a lead.
func (l *learner) total(c *Case) (sum lead.Points) {
	for k, b := range l.holds(c, nil) {
		if b >= 0 {
			sum += l.out[k].Bins[b].Points
		}
	}
	return sum
}

// Action says that the feature is something that leads do.
func (f *Feature) Action() bool { return f.Kind == ofEvent || f.Kind == ofPage }

// Learnt says that there were enough leads to learn the bin's points from.
func (b *Bin) Learnt() bool { return b.column >= 0 }
