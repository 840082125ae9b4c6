package backtest

import (
	"cmp"
	"slices"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
)

// LineRow is one line of the ledger over all leads: what it gave and what it
// tells (000-19). Facts have a row for each of their values.
type LineRow struct {
	Step  string `json:"step"`
	Rule  string `json:"rule"`
	Value string `json:"value,omitempty"`
	measure.Group
	Times  int `json:"times"`
	PerWin int `json:"per_mille_of_winners"`
	// Each are the points of one award, on average, and of all that it gave
	// winners what remained at their moment.
	Each    lead.Points `json:"points_each_milli"`
	ToWon   lead.Points `json:"points_to_winners_milli"`
	Suggest lead.Points `json:"suggested_each_milli"`
	// Suggested says that there are enough leads for a suggestion.
	Suggested bool `json:"suggested"`
}

// name of a row for people.
func (r *LineRow) Name() string {
	name := r.Step + "/" + r.Rule
	if r.Value != "" {
		name += ": " + r.Value
	}
	return name
}

// attribution sums the lines of all leads, those that gave winners most first.
func (g *Gatherer) attribution(all *measure.Group) []LineRow {
	rows := make([]LineRow, len(g.lines))
	sums := make([]lead.Points, len(rows))
	for i := range rows {
		r := &g.book.Rules[g.lines[i].rule]
		rows[i].Step, rows[i].Rule, rows[i].Value = r.Step, r.Name, g.lines[i].label
	}
	for i := range g.Cases {
		c := &g.Cases[i]
		for _, l := range c.lines {
			r := &rows[l.of]
			r.Add(c.Fate)
			n := max(int(l.count), 1)
			if !g.lines[l.of].dated {
				n = 1
			}
			r.Times += n
			sums[l.of] += l.awarded
			if c.Fate == measure.Won {
				r.ToWon += l.remaining
			}
		}
	}
	for i := range rows {
		r := &rows[i]
		r.Finish(all)
		r.PerWin = measure.Ratio(r.Won, all.Won, 1000)
		if r.Times > 0 {
			r.Each = sums[i].MulDiv(1, int64(r.Times))
		}
	}
	g.suggestLines(rows)
	slices.SortFunc(rows, func(a, b LineRow) int {
		if a.ToWon != b.ToWon {
			return cmp.Compare(b.ToWon, a.ToWon)
		}
		return cmp.Compare(a.Name(), b.Name())
	})
	return rows
}

// suggestLines asks a regression what each line is worth beside the others, in
// points of the size that the workflow gives now.
func (g *Gatherer) suggestLines(rows []LineRow) {
	column := make([]int32, len(rows))
	n := int32(0)
	for i := range rows {
		column[i] = -1
		if !rows[i].Few && !g.book.Rules[g.lines[i].rule].Manual && rows[i].Won+rows[i].Lost < g.Tally.Won+g.Tally.Lost {
			column[i] = n
			n++
		}
	}
	if n == 0 || n > maxColumns {
		return
	}
	samples := make([]measure.Sample, 0, len(g.Cases))
	for i := range g.Cases {
		c := &g.Cases[i]
		if c.Fate == measure.Open {
			continue
		}
		s := measure.Sample{Won: c.Fate == measure.Won}
		for _, l := range c.lines {
			if column[l.of] >= 0 {
				s.Columns = append(s.Columns, column[l.of])
			}
		}
		slices.Sort(s.Columns)
		samples = append(samples, s)
	}
	_, weights := measure.Fit(samples, int(n), Ridge)
	now, then := 0.0, 0.0
	for i := range rows {
		if column[i] >= 0 {
			n := float64(rows[i].Leads)
			now += float64(n * abs(float64(rows[i].Each)))
			then += float64(n * abs(weights[column[i]]))
		}
	}
	if now == 0 || then == 0 {
		return
	}
	for i := range rows {
		if column[i] >= 0 {
			rows[i].Suggested = true
			rows[i].Suggest = wholePoints(weights[column[i]] * (now / then) / float64(lead.Point))
		}
	}
}

// Ridge is the weight of the penalty on large weights: as much as one lead says
// of a column, so that a value that few leads have is worth little.
const Ridge = 1.0

// maxColumns bounds a regression.
const maxColumns = 1000

func abs(x float64) float64 { return max(x, -x) }

// wholePoints rounds half away from zero to whole points.
func wholePoints(x float64) lead.Points {
	p, _ := lead.PointsFromFloat(x)
	return lead.FromPoints(p.Round())
}

// Step is one line of a lead that was won.
type Step struct {
	Step      string      `json:"step"`
	Rule      string      `json:"rule"`
	Value     string      `json:"value,omitempty"`
	Times     int         `json:"times"`
	Awarded   lead.Points `json:"awarded_milli"`
	Remaining lead.Points `json:"remaining_milli"`
}

// Path is what led to one conversion: the steps that a lead took, their points,
// and its other actions.
type Path struct {
	Lead    string      `json:"lead"`
	First   int64       `json:"first_contact"` // ms
	Won     int64       `json:"at"`            // the moment of its outcome, ms
	Score   lead.Points `json:"score_milli"`
	Steps   []Step      `json:"steps"`
	Actions []Times     `json:"actions"`
}

// Times says how often a lead took an action.
type Times struct {
	Action string `json:"action"`
	Times  int    `json:"times"`
	Last   int64  `json:"last"` // ms
}

// Paths tells of each converted lead the steps it took, most points first.
func (g *Gatherer) Paths(tell func(*Path) error) error {
	for i := range g.Cases {
		c := &g.Cases[i]
		if c.Fate != measure.Won {
			continue
		}
		p := Path{Lead: c.Lead, First: c.First, Won: c.At, Score: c.Score, Steps: []Step{}, Actions: []Times{}}
		for _, l := range c.lines {
			r := &g.book.Rules[g.lines[l.of].rule]
			p.Steps = append(p.Steps, Step{r.Step, r.Name, g.lines[l.of].label, int(l.count), l.awarded, l.remaining})
		}
		slices.SortStableFunc(p.Steps, func(a, b Step) int { return cmp.Compare(b.Remaining, a.Remaining) })
		for _, d := range c.did {
			p.Actions = append(p.Actions, Times{g.actions.list[d.action], int(d.count), d.last})
		}
		if err := tell(&p); err != nil {
			return err
		}
	}
	return nil
}
