package replay

import (
	"cmp"
	"slices"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// View is a lead as it stands at some time.
type View struct {
	Lead    string            `json:"lead"`
	Grade   string            `json:"grade,omitempty"`
	Why     string            `json:"grade_reason,omitempty"`
	Scores  []lead.ScoreValue `json:"scores"`
	Label   string            `json:"label,omitempty"`
	Display string            `json:"display"`
	// Decisions is never null, Lines only filled on demand.
	Decisions []Brief     `json:"decisions"`
	Lines     []lead.Line `json:"lines,omitempty"`

	order   int // of the grade, 0 = best
	primary lead.Points
}

// Brief is a decision in one line.
type Brief struct {
	ID      string `json:"id"`
	Action  string `json:"action"`
	Route   string `json:"route"`
	Episode uint32 `json:"episode"`
	At      int64  `json:"at"` // ms
	Say     string `json:"say,omitempty"`
}

// BriefOf shortens a decision.
func BriefOf(d *lead.Decision) Brief {
	return Brief{ID: d.ID, Action: d.Action, Route: d.Route, Episode: d.Episode, At: d.At, Say: d.Say}
}

// viewOf describes an evaluated frame; with lines it explains the scores too.
func viewOf(p *decide.Policy, f *ledger.Frame, lines bool) View {
	var d lead.Decision
	p.Describe(f, &d)
	v := View{Lead: f.Acct.Key, Grade: d.Grade, Why: d.Why, Scores: d.Scores, Label: d.Label, Display: d.Display, Decisions: []Brief{}}
	if lines {
		v.Lines = f.Explain()
	}
	if p.Grading >= 0 {
		grades := f.Book.Steps[p.Grading].Grades
		if v.order = slices.Index(grades, v.Grade); v.order < 0 {
			v.order = len(grades)
		}
	}
	if p.Primary >= 0 {
		v.primary = v.Scores[p.Primary].Milli
	}
	return v
}

// Rank orders views for people: best grade first, then the primary score,
// highest first, then the lead's key.
func Rank(views []View) {
	slices.SortFunc(views, func(a, b View) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(b.primary, a.primary), cmp.Compare(a.Lead, b.Lead))
	})
}

// Views looks at leads at time at, ms, ranks them and hands each its
// decisions.
func (r *Side) Views(keys []string, at int64, decisions []lead.Decision, lines bool) ([]View, error) {
	return Views(r, r.prog.Policy, keys, at, decisions, lines)
}

// Looker shows leads at a time.
type Looker interface {
	Look(keys []string, at int64, fn func(*ledger.Frame)) error
}

// Views looks at leads at time at, ms, ranks them and hands each its
// decisions in their given order.
func Views(from Looker, p *decide.Policy, keys []string, at int64, decisions []lead.Decision, lines bool) ([]View, error) {
	views := make([]View, 0, len(keys))
	if err := from.Look(keys, at, func(f *ledger.Frame) { views = append(views, viewOf(p, f, lines)) }); err != nil {
		return nil, err
	}
	index := make(map[string]int, len(views))
	Rank(views)
	for i := range views {
		index[views[i].Lead] = i
	}
	for i := range decisions {
		if at, ok := index[decisions[i].Lead]; ok {
			views[at].Decisions = append(views[at].Decisions, BriefOf(&decisions[i]))
		}
	}
	return views, nil
}

// Unbalanced are the scores whose lines do not sum to their value. There must
// be none.
func (v *View) Unbalanced() (scores []string) {
	for i := range v.Scores {
		s := &v.Scores[i]
		var sum lead.Points
		for j := range v.Lines {
			if v.Lines[j].Score == s.Name {
				sum += v.Lines[j].Remaining
			}
		}
		if sum != s.Milli {
			scores = append(scores, s.Name)
		}
	}
	return scores
}
