package plan

import (
	"fmt"
	"slices"
	"sync"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/workflow"
)

// listed is how many leads a list of the report names at most.
const listed = 100

// Version is one of the two releases.
type Version struct {
	Release
	Program core.Program // any partition's: book and policy are those of all
	Def     *workflow.Definition
}

// side is a release with what the comparison needs of it.
type side struct {
	Version
	Book   *ledger.Book
	Policy *decide.Policy
}

// Comparison gathers what two releases make of one history, and sums it up.
type Comparison struct {
	sides   [2]side
	sales   []string
	scores  []string
	places  [2][]int // by score: its index in the release's book, -1 = none
	primary int      // index in scores, -1 = the releases have none in common
	parts   []*traces
}

// Nothing is the release before the first one of a workflow: it knows no lead and
// decides nothing.
func Nothing() Version {
	return Version{Program: core.Program{Book: &ledger.Book{}, Policy: &decide.Policy{Primary: -1, Grading: -1}}}
}

// begins says that the release is the first one of its workflow.
func (c *Comparison) begins() bool { return c.sides[before].Def == nil && c.sides[before].Digest == "" }

// NewComparison begins to compare two releases, of which the one before may be
// Nothing, over so many partitions.
func NewComparison(was, is Version, partitions int) *Comparison {
	c := &Comparison{primary: -1}
	for i, v := range [2]Version{was, is} {
		c.sides[i] = side{v, v.Program.Book, v.Program.Policy}
		for _, action := range v.Program.Policy.Sales {
			if !slices.Contains(c.sales, action) {
				c.sales = append(c.sales, action)
			}
		}
	}
	slices.Sort(c.sales)
	c.nameScores()
	for range partitions {
		c.parts = append(c.parts, newTraces(c.sales))
	}
	return c
}

// nameScores lists the scores of both releases: those of the new one in its
// order, then those that it drops.
func (c *Comparison) nameScores() {
	for _, release := range []int{after, before} {
		for i := range c.sides[release].Book.Scores {
			if name := c.sides[release].Book.Scores[i].Name; !slices.Contains(c.scores, name) {
				c.scores = append(c.scores, name)
			}
		}
	}
	for release := range 2 {
		book := c.sides[release].Book
		for _, name := range c.scores {
			c.places[release] = append(c.places[release], slices.IndexFunc(book.Scores, func(s ledger.Score) bool { return s.Name == name }))
		}
	}
	for _, release := range []int{after, before} {
		if p := c.sides[release].Policy.Primary; p >= 0 && c.primary < 0 {
			at := slices.Index(c.scores, c.sides[release].Book.Scores[p].Name)
			if c.both(at) {
				c.primary = at
			}
		}
	}
}

// both says whether both releases have a score.
func (c *Comparison) both(score int) bool {
	return c.places[before][score] >= 0 && c.places[after][score] >= 0
}

// CanGoOn says why leads cannot go on under the new release without a re-score,
// nil if they can.
func (c *Comparison) CanGoOn() error {
	return core.CanReprogram(&c.sides[before].Program, &c.sides[after].Program)
}

// Decided takes what a release (0 = before, 1 = after) decided about leads of a
// partition, in the order in which each lead has it. Partitions may run side by
// side.
func (c *Comparison) Decided(release, partition int, list []lead.Decision) {
	c.parts[partition].add(release, list)
}

// State is what both releases have made of the history, and of the switch.
type State struct {
	Mode    Mode
	History History
	// Cores of each release by partition: the live one's, none without one, and the
	// candidate's behind the switch.
	Before, After []*core.Core
	Switched      Switched
	Cost          Cost
	Cautions      []string
}

// Report sums up.
func (c *Comparison) Report(s *State) (*Report, error) {
	r := &Report{Workflow: c.sides[after].Policy.Workflow, LeadWord: c.sides[after].Policy.LeadWord,
		Before: c.sides[before].Release, After: c.sides[after].Release, Begins: c.begins(), Mode: s.Mode, History: s.History, Cost: s.Cost,
		Cautions: append([]string{}, s.Cautions...), Diff: c.diff()}
	if c.primary >= 0 {
		r.Primary = c.scores[c.primary]
	}
	f, err := c.lookAll(s)
	if err != nil {
		return nil, err
	}
	r.Leads, r.Scores = f.leads, c.scoreRows(f)
	r.Grades = matrixOf(f.grades, c.gradeNames())
	r.Labels = matrixOf(f.labels, c.labelNames())
	r.Rules, r.Movers = c.ruleRows(f), append([]Mover{}, f.movers...)
	c.handoffs(r)
	c.switched(r, s)
	if err := c.detail(r, s); err != nil {
		return nil, err
	}
	r.Changed = r.Begins || len(r.Diff) > 0 || r.Leads.Changed > 0 || r.Switch.Newly > 0 || c.decidesOtherwise(r)
	return r, nil
}

// lookAll compares the leads of all partitions, side by side.
func (c *Comparison) lookAll(s *State) (*finding, error) {
	live := s.Before
	if c.begins() {
		live = make([]*core.Core, len(c.parts))
	}
	if len(live) != len(s.After) || len(s.After) != len(c.parts) {
		return nil, fmt.Errorf("found %d and %d partitions, expected %d of each release", len(s.Before), len(s.After), len(c.parts))
	}
	found := make([]*finding, len(c.parts))
	errs := make([]error, len(c.parts))
	var running sync.WaitGroup
	for p := range found {
		found[p] = newFinding(c)
		running.Go(func() {
			errs[p] = found[p].run([2]*core.Core{live[p], s.After[p]}, s.History.To)
		})
	}
	running.Wait()
	for p := range found {
		if errs[p] != nil {
			return nil, errs[p]
		}
		if p > 0 {
			found[0].merge(found[p])
		}
	}
	found[0].movers = mostMoved(found[0].movers)
	return found[0], nil
}

// handoffs compares the decisions over the history.
func (c *Comparison) handoffs(r *Report) {
	m := &moves{handed: [2]map[string]bool{{}, {}}, routesWas: map[routeKey]int{}, routesIs: map[routeKey]int{}}
	for _, t := range c.parts {
		t.compare(m)
	}
	list := func(all []Handoff) Handoffs {
		return Handoffs{Count: len(all), List: append([]Handoff{}, sorted(all)[:min(len(all), listed)]...)}
	}
	r.Sales = Sales{Actions: c.sales, Before: len(m.handed[before]), After: len(m.handed[after]),
		Gained: list(m.gained), Lost: list(m.lost), Sooner: list(m.sooner), Later: list(m.later)}
	r.Routes = m.routeRows(c.sales)
}

// decidesOtherwise says whether the history would have been decided otherwise.
func (c *Comparison) decidesOtherwise(r *Report) bool {
	if !r.Mode.Rescore {
		return false
	}
	return slices.ContainsFunc(r.Routes, func(x Route) bool { return x.Before != x.After }) ||
		r.Sales.Gained.Count+r.Sales.Lost.Count+r.Sales.Sooner.Count+r.Sales.Later.Count > 0
}

// diff is what the files say otherwise.
func (c *Comparison) diff() []Change {
	out := []Change{}
	if c.sides[before].Def == nil || c.sides[after].Def == nil {
		return out
	}
	for _, d := range workflow.Diff(c.sides[before].Def, c.sides[after].Def) {
		x := Change{Kind: string(d.Kind), Change: "changed", Path: d.Path, Before: d.Before, After: d.After}
		switch {
		case d.Added():
			x.Change = "added"
		case d.Removed():
			x.Change = "removed"
		}
		out = append(out, x)
	}
	return out
}
