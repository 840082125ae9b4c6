package backtest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
)

// Report is all that a backtest says. Every amount of points is in milli-points,
// every time in ms since 1970 UTC.
type Report struct {
	Workflow string       `json:"workflow"`
	Release  string       `json:"release"`
	Score    string       `json:"score"` // the one that is judged
	About    string       `json:"about,omitempty"`
	Sales    []string     `json:"sales_actions"`
	AsOf     int64        `json:"as_of"`
	Half     string       `json:"half"`
	Inputs   Tally        `json:"inputs"`
	Bad      []BadOutcome `json:"bad_outcomes,omitempty"`
	Cautions []string     `json:"cautions"`

	AUC        measure.AUC            `json:"ranking"`
	Handed     Handed                 `json:"hand_offs"`
	Rival      *Rival                 `json:"compared_with,omitempty"`
	Thresholds []measure.ThresholdRow `json:"thresholds"`
	Tenths     []measure.TenthRow     `json:"tenths"`
	Grades     []GradeRow             `json:"grades,omitempty"`
	Curve      []measure.Point        `json:"roc"`
	Histogram  []measure.Bar          `json:"histogram"`
	Lines      []LineRow              `json:"attribution"`
	Actions    []ActionRow            `json:"actions"`
	Engagement Engagement             `json:"engagement"`
	Inflation  Inflation              `json:"inflation"`
	Speed      Speed                  `json:"speed"`
	WhatIfs    []WhatIf               `json:"what_if,omitempty"`
	Suggestion *Suggestion            `json:"suggestion,omitempty"`
}

// Handed judges the hand-offs that the workflow's routes really made up to each
// lead's moment.
type Handed struct {
	measure.Group
	Recall int `json:"recall_per_mille"`
}

// Rival is how well another scoring of the same leads ranks them.
type Rival struct {
	Name  string      `json:"name"`
	Leads int         `json:"leads"` // that it scored
	AUC   measure.AUC `json:"ranking"`
	Ours  measure.AUC `json:"ours"` // on the same leads
}

// Ask says what Report is to look at.
type Ask struct {
	Release    string
	Thresholds []lead.Points // nil = propose some
	Rival      string        // name of what is compared, empty = nothing
	Bad        []BadOutcome
}

// Report sums all up. Valid after Finish.
func (g *Gatherer) Report(q Ask) *Report {
	s := &g.book.Scores[g.opts.Score]
	r := &Report{Workflow: g.policy.Workflow, Release: g.policy.Release, Score: s.Name, About: s.About, Sales: g.policy.Sales, AsOf: g.opts.AsOf,
		Half: g.opts.Half.String(), Inputs: g.Tally, Bad: q.Bad, Cautions: []string{}}
	var all measure.Group
	list := g.Scores()
	for _, x := range list {
		all.Add(x.Fate)
	}
	r.AUC = measure.AreaUnder(list)
	r.Handed = g.handedOf(&all)
	at := q.Thresholds
	if at == nil {
		at = measure.Candidates(list, s.Thresholds)
	}
	r.Thresholds = measure.Thresholds(list, at, s.Thresholds)
	r.Curve = measure.ROC(list)
	r.Histogram = measure.Histogram(list)
	r.Lines = g.attribution(&all)
	r.Actions = g.actionRows(&all)
	r.Engagement = g.engagement(&all)
	r.Inflation = g.inflation(&all)
	r.Speed = g.speed()
	r.Tenths = measure.Tenths(list)
	r.Grades = g.grades(&all)
	if q.Rival != "" {
		r.Rival = g.rival(q.Rival)
	}
	r.caution()
	return r
}

// Scores lists the judged score and the fate of each lead.
func (g *Gatherer) Scores() []measure.Scored {
	list := make([]measure.Scored, len(g.Cases))
	for i := range g.Cases {
		list[i] = measure.Scored{Score: g.Cases[i].Score, Fate: g.Cases[i].Fate}
	}
	return list
}

func (g *Gatherer) handedOf(all *measure.Group) (h Handed) {
	for i := range g.Cases {
		if g.Cases[i].Handed != 0 {
			h.Add(g.Cases[i].Fate)
		}
	}
	h.Finish(all)
	h.Recall = measure.Ratio(h.Won, all.Won, 1000)
	return h
}

// GradeRow is what became of the leads of one grade.
type GradeRow struct {
	Grade string `json:"grade"`
	measure.Group
}

// grades sums up per grade, best first; none if the workflow gives none.
func (g *Gatherer) grades(all *measure.Group) (rows []GradeRow) {
	if g.policy.Grading < 0 {
		return nil
	}
	for _, name := range g.book.Steps[g.policy.Grading].Grades {
		rows = append(rows, GradeRow{Grade: name})
	}
	for i := range g.Cases {
		if at := int(g.Cases[i].Grade) - 1; at >= 0 && at < len(rows) {
			rows[at].Add(g.Cases[i].Fate)
		}
	}
	for i := range rows {
		rows[i].Finish(all)
	}
	return rows
}

func (g *Gatherer) rival(name string) *Rival {
	var theirs, ours []measure.Scored
	for i := range g.Cases {
		if c := &g.Cases[i]; c.Rivaled {
			theirs = append(theirs, measure.Scored{Score: c.Rival, Fate: c.Fate})
			ours = append(ours, measure.Scored{Score: c.Score, Fate: c.Fate})
		}
	}
	return &Rival{name, len(theirs), measure.AreaUnder(theirs), measure.AreaUnder(ours)}
}

// Numbers of leads below which a figure gets a caution.
const (
	fewOfOneKind = 30
	fewLeads     = 200
)

// caution says in words what makes the figures weak.
func (r *Report) caution() {
	add := func(format string, args ...any) { r.Cautions = append(r.Cautions, fmt.Sprintf(format, args...)) }
	in := &r.Inputs
	switch n := in.Won + in.Lost; {
	case n == 0:
		add("no lead has an outcome: nothing can be judged")
	case in.Lost == 0:
		add("all %d outcomes are won: without leads that were lost there is no ranking to judge; if the leads without an outcome count as lost, say --others-lost", in.Won)
	case in.Won == 0:
		add("all %d outcomes are lost: without winners there is no ranking to judge", in.Lost)
	case min(in.Won, in.Lost) < fewOfOneKind:
		add("small sample: %d won and %d lost; below %d of each, every figure can be chance", in.Won, in.Lost, fewOfOneKind)
	case n < fewLeads:
		add("small sample: %d leads with an outcome; read the interval of the ranking, not its third digit", n)
	}
	if in.Future.Count > 0 {
		add("outcomes that lie after the as-of time and are left out: %d, the first of them that of lead %s; are their times right? If they are, say --as-of with a later time", in.Future.Count, in.Future.Some[0])
	}
	if in.Untimed > 0 {
		add("%d outcomes carry no time: what the inputs say of those leads may have happened after the outcome, and nothing can keep it out", in.Untimed)
	}
	if in.Assumed > 0 {
		add("%d leads without an outcome count as lost and are looked at at the end, winners at their outcome: decay alone can make them differ", in.Assumed)
	}
	if r.Handed.Leads > 0 && r.Handed.Few {
		add("few hand-offs have an outcome: %d", r.Handed.Won+r.Handed.Lost)
	}
}

// Inflation tells of leads whose score comes mostly from old events, were decay
// off (000-11).
type Inflation struct {
	Old int64 `json:"old_from_ms"` // the age from which on an event is old
	// Group are the leads of whose points for behaviour more than half are old.
	measure.Group
	OfLeads int `json:"per_mille_of_leads"`
	// Fresh are the other leads that have points for behaviour.
	Fresh measure.Group `json:"fresh"`
	// Above counts, at the thresholds in use, the leads that would stand there with
	// decay off, how many of them mostly by old events, and how many do now.
	Above []Inflated `json:"thresholds"`
	Top   []Inflator `json:"most_inflated"`
}

// Inflated is a threshold with decay off and as it is.
type Inflated struct {
	At      lead.Points `json:"threshold_milli"`
	Off     int         `json:"leads_with_decay_off"`
	ByOld   int         `json:"of_them_mostly_old"`
	WonOld  int         `json:"of_these_won"`
	Current int         `json:"leads_now"`
}

// Inflator is a lead that decay off would inflate.
type Inflator struct {
	Lead  string      `json:"lead"`
	Score lead.Points `json:"score_milli"`
	Off   lead.Points `json:"with_decay_off_milli"`
	Old   int         `json:"old_per_mille"` // of its points for behaviour
}

func (g *Gatherer) inflation(all *measure.Group) Inflation {
	f := Inflation{Old: g.opts.Old, Above: []Inflated{}, Top: []Inflator{}}
	thresholds := slices.Clone(g.book.Scores[g.opts.Score].Thresholds)
	slices.Sort(thresholds)
	for _, t := range slices.Compact(thresholds) {
		f.Above = append(f.Above, Inflated{At: t})
	}
	for i := range g.Cases {
		c := &g.Cases[i]
		old := c.Old*2 > c.Dated
		switch {
		case old:
			f.Add(c.Fate)
			f.Top = append(f.Top, Inflator{c.Lead, c.Score, c.Bare, int(c.Old.MulDiv(1000, int64(c.Dated)))})
		case c.Dated > 0:
			f.Fresh.Add(c.Fate)
		}
		for k := range f.Above {
			a := &f.Above[k]
			if c.Score >= a.At {
				a.Current++
			}
			if c.Bare < a.At {
				continue
			}
			a.Off++
			if old {
				a.ByOld++
				if c.Fate == measure.Won {
					a.WonOld++
				}
			}
		}
	}
	f.Finish(all)
	f.Fresh.Finish(all)
	f.OfLeads = measure.Ratio(f.Leads, all.Leads, 1000)
	slices.SortFunc(f.Top, func(a, b Inflator) int {
		if x, y := a.Off-a.Score, b.Off-b.Score; x != y {
			return cmp.Compare(y, x)
		}
		return cmp.Compare(a.Lead, b.Lead)
	})
	f.Top = f.Top[:min(len(f.Top), 10)]
	return f
}
