package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/replay"
)

// listed is a lead of the work list.
type listed struct {
	replay.View
	Open   []openEpisode `json:"open"`                    // episodes
	Active int64         `json:"last_activity,omitempty"` // ms
	text   string        // what --search looks into, in lower case
	rank   int
}

// openEpisode is where a lead is right now.
type openEpisode struct {
	Action string `json:"action"`
	Route  string `json:"route,omitempty"`
	Number uint32 `json:"episode"`
	Since  int64  `json:"since"` // ms
}

// tap keeps more of the leads that are looked at than a view does.
type tap struct {
	replay.Looker
	policy *decide.Policy
	more   map[string]listed
}

func (t *tap) Look(keys []string, at int64, fn func(*ledger.Frame)) error {
	return t.Looker.Look(keys, at, func(f *ledger.Frame) {
		m := listed{Open: []openEpisode{}, Active: f.Acct.LastActivity, text: searchText(f.Acct)}
		for _, e := range t.policy.EpisodesOf(f) {
			if e.Open {
				m.Open = append(m.Open, openEpisode{e.Action, e.Route, e.Number, e.Opened})
			}
		}
		t.more[f.Acct.Key] = m
		fn(f)
	})
}

// searchText is what people may know of a lead.
func searchText(a *ledger.Account) string {
	parts := []string{a.Key}
	for _, props := range []lead.Props{a.Person, a.Company} {
		for i := range props {
			parts = append(parts, props[i].Value.Text())
		}
	}
	return strings.ToLower(strings.Join(parts, "\n"))
}

// workList looks at leads and ranks them.
func workList(from replay.Looker, p *decide.Policy, keys []string, at int64, decisions []lead.Decision) ([]listed, error) {
	t := &tap{Looker: from, policy: p, more: make(map[string]listed, len(keys))}
	views, err := replay.Views(t, p, keys, at, decisions, false)
	list := make([]listed, len(views))
	for i := range views {
		list[i] = t.more[views[i].Lead]
		list[i].View, list[i].rank = views[i], i
	}
	return list, err
}

// leadFilter says who is on the list.
type leadFilter struct {
	grades, labels, actions, routes, min, max []string
	search                                    string
	bounds                                    []bound
}

// bound is a limit of a score, inclusive.
type bound struct {
	score int
	at    lead.Points
	above bool
}

func (f *leadFilter) bind(fl *pflag.FlagSet) {
	fl.StringSliceVar(&f.grades, "grade", nil, "only these grades")
	fl.StringSliceVar(&f.labels, "label", nil, "only these labels")
	fl.StringSliceVar(&f.actions, "action", nil, "only who has an open episode of these actions, e.g. sales-handoff")
	fl.StringSliceVar(&f.routes, "route", nil, "only who has an open episode by these routes")
	fl.StringArrayVar(&f.min, "min", nil, "only scores from here on, SCORE=POINTS")
	fl.StringArrayVar(&f.max, "max", nil, "only scores up to here, SCORE=POINTS")
	fl.StringVar(&f.search, "search", "", "only whose name or traits contain this text")
}

// check compares the flags with what the workflow knows: a name that it does
// not would find nobody.
func (f *leadsFlags) check(w *engine.Workflow) error {
	if f.json && f.csv {
		return fmt.Errorf("found --json and --csv, expected one of them")
	}
	m := w.Model
	var grades, labels, actions, routes, scores []string
	if g := m.Policy.Grading; g >= 0 {
		grades = m.Book.Steps[g].Grades
	}
	for i := range m.Policy.Labels {
		labels = append(labels, m.Policy.Labels[i].Name)
	}
	for i := range m.Policy.Routes {
		actions, routes = append(actions, m.Policy.Routes[i].Action), append(routes, m.Policy.Routes[i].Name)
	}
	for i := range m.Book.Scores {
		scores = append(scores, m.Book.Scores[i].Name)
	}
	for _, c := range []struct {
		what         string
		given, known []string
	}{{"grade", f.filter.grades, grades}, {"label", f.filter.labels, labels}, {"action", f.filter.actions, actions}, {"route", f.filter.routes, routes},
		{"sort", []string{strings.TrimPrefix(f.sort, "-")}, append(slices.Clone(sorts), scores...)}} {
		for _, name := range c.given {
			if !slices.Contains(c.known, name) {
				return unknownName("--"+c.what, name, c.known, m.Name)
			}
		}
	}
	for _, side := range []struct {
		flag  string
		given []string
	}{{"--min", f.filter.min}, {"--max", f.filter.max}} {
		for _, text := range side.given {
			b, err := parseBound(side.flag, text, scores, m.Name)
			if err != nil {
				return err
			}
			f.filter.bounds = append(f.filter.bounds, b)
		}
	}
	return nil
}

func unknownName(flag, name string, known []string, workflow string) error {
	known = slices.Clone(known)
	slices.Sort(known)
	if known = slices.Compact(known); len(known) == 0 {
		return fmt.Errorf("%s %s: workflow %s has none", flag, name, workflow)
	}
	return fmt.Errorf("%s %s: workflow %s has no such one, expected %s", flag, name, workflow, strings.Join(known, ", "))
}

func parseBound(flag, text string, scores []string, workflow string) (bound, error) {
	name, number, ok := strings.Cut(text, "=")
	if !ok {
		return bound{}, fmt.Errorf("%s %s: expected SCORE=POINTS, e.g. %s %s=25", flag, text, flag, scores[0])
	}
	at := slices.Index(scores, name)
	if at < 0 {
		return bound{}, unknownName(flag, name, scores, workflow)
	}
	p, err := lead.ParsePoints(number)
	if err != nil {
		return bound{}, fmt.Errorf("%s %s: %w", flag, text, err)
	}
	return bound{at, p, flag == "--min"}, nil
}

// pick leaves who passes all filters.
func (f *leadFilter) pick(list []listed) []listed {
	text := strings.ToLower(f.search)
	return slices.DeleteFunc(list, func(l listed) bool {
		return !anyOf(f.grades, l.Grade) || !anyOf(f.labels, l.Label) || !strings.Contains(l.text, text) || !f.within(&l) ||
			len(f.actions)+len(f.routes) > 0 && !slices.ContainsFunc(l.Open, func(e openEpisode) bool { return anyOf(f.actions, e.Action) && anyOf(f.routes, e.Route) })
	})
}

func anyOf(wanted []string, is string) bool { return len(wanted) == 0 || slices.Contains(wanted, is) }

func (f *leadFilter) within(l *listed) bool {
	for _, b := range f.bounds {
		if is := l.Scores[b.score].Milli; b.above && is < b.at || !b.above && is > b.at {
			return false
		}
	}
	return true
}

// sorts are the orders that every workflow has.
var sorts = []string{"rank", "lead", "activity", "decision"}

// sortList orders the list; who is equal stays in the order of the rank, so
// that the same leads always stand in the same order.
func sortList(list []listed, by string) {
	name, turned := strings.CutPrefix(by, "-")
	slices.SortStableFunc(list, func(a, b listed) int {
		c := 0
		switch name {
		case "rank":
			c = cmp.Compare(a.rank, b.rank)
		case "lead":
			c = cmp.Compare(a.Lead, b.Lead)
		case "activity":
			c = cmp.Compare(b.Active, a.Active)
		case "decision":
			c = cmp.Compare(b.decided(), a.decided())
		default:
			c = cmp.Compare(b.points(name), a.points(name))
		}
		if turned {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(a.rank, b.rank))
	})
}

// decided is when the latest decision was made, ms.
func (l *listed) decided() int64 {
	if n := len(l.Decisions); n > 0 {
		return l.Decisions[n-1].At
	}
	return 0
}

func (l *listed) points(score string) lead.Points {
	for i := range l.Scores {
		if l.Scores[i].Name == score {
			return l.Scores[i].Milli
		}
	}
	return 0
}

// printCSV prints the list for a spreadsheet: points are exact, times RFC 3339.
func (a *app) printCSV(list []listed, w *engine.Workflow) error {
	out := csv.NewWriter(a.stdout)
	head := []string{"lead", "display", "grade", "grade_reason", "label"}
	for i := range w.Model.Book.Scores {
		head = append(head, w.Model.Book.Scores[i].Name)
	}
	rows := [][]string{append(head, "open", "last_activity", "decision", "route", "decided", "decision_id")}
	for i := range list {
		l := &list[i]
		row := []string{l.Lead, l.Display, l.Grade, l.Why, l.Label}
		for _, s := range l.Scores {
			row = append(row, s.Milli.String())
		}
		var open []string
		for _, e := range l.Open {
			open = append(open, e.Action)
		}
		row = append(row, strings.Join(open, " "), stampOrNothing(l.Active))
		if n := len(l.Decisions); n > 0 {
			d := l.Decisions[n-1]
			row = append(row, d.Action, d.Route, stamp(d.At), d.ID)
		} else {
			row = append(row, "", "", "", "")
		}
		rows = append(rows, row)
	}
	return out.WriteAll(rows)
}

func stampOrNothing(ms int64) string {
	if ms == 0 {
		return ""
	}
	return stamp(ms)
}
