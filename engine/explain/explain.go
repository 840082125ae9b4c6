// Package explain says why a lead is where it is: the lines that its scores
// consist of, what each route's condition read, why a route did or did not
// fire, and what time alone will change.
//
// It may import core, decide, ledger and lead. It looks at leads through a
// Source and changes nothing, loads no workflow, reads no journal and no clock.
package explain

import (
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Source shows leads, of files or of an engine.
type Source interface {
	// Look shows leads at a time, ms; see core.Core.Look.
	Look(keys []string, at int64, fn func(*ledger.Frame)) error
	// Foresee tells what time alone will do; see core.Core.Foresee.
	Foresee(key string, at int64, fn func(*ledger.Frame)) (core.Foresight, error)
}

// Lead is the explanation of a lead at a time.
type Lead struct {
	Lead     string `json:"lead"`
	Workflow string `json:"workflow"`
	Release  string `json:"release"` // that is asked
	Model    string `json:"model"`   // its digest
	At       int64  `json:"at"`      // ms
	Grade    string `json:"grade,omitempty"`
	Why      string `json:"grade_reason,omitempty"`
	Label    string `json:"label,omitempty"`
	Display  string `json:"display"`

	Scores []Score `json:"scores"`
	decide.Story
	// Decisions in their order, as far as they are known.
	Decisions []Decision `json:"decisions"`
	Next      []Next     `json:"next"`

	First    int64    `json:"first_seen,omitempty"`    // ms
	Active   int64    `json:"last_activity,omitempty"` // ms
	Stage    string   `json:"stage,omitempty"`         // last answer of sales
	Resting  int64    `json:"resting_until,omitempty"` // ms
	Pending  []string `json:"pending,omitempty"`       // classes of hand-raises that wait for an answer
	Held     int      `json:"held,omitempty"`          // inputs that wait for a step that fails
	Silent   int64    `json:"history_until,omitempty"` // what lies before was not published, ms
	LeadWord string   `json:"-"`
}

// Score is a score with the lines that sum to it.
type Score struct {
	lead.ScoreValue
	Lines []lead.Line `json:"lines"`
	Sum   lead.Points `json:"sum_milli"`  // of what remains of the lines
	Exact bool        `json:"sum_checks"` // it is the score, to the milli-point
}

// Decision is a decision in short.
type Decision struct {
	ID      string `json:"id"`
	Action  string `json:"action"`
	Route   string `json:"route"`
	Episode uint32 `json:"episode"`
	At      int64  `json:"at"` // ms
	Release string `json:"release"`
	Display string `json:"display"`
	Say     string `json:"say,omitempty"`
}

// Next is something that happens if nothing but time does.
type Next struct {
	At   int64  `json:"at"` // ms
	Text string `json:"text"`
}

// About names what is asked.
type About struct {
	Policy   *decide.Policy
	Release  string // its name for people, e.g. its number
	Model    string // digest
	LeadWord string
}

// Of explains a lead at a time, ms; nil if it is unknown. Decisions are those of
// the lead, or of more leads, in their order.
func Of(from Source, w About, key string, at int64, decisions []lead.Decision) (*Lead, error) {
	var l *Lead
	holds := ""
	err := from.Look([]string{key}, at, func(f *ledger.Frame) {
		l = w.look(f)
		holds = l.Holds
	})
	if err != nil || l == nil {
		return nil, err
	}
	for i := range decisions {
		if d := &decisions[i]; d.Lead == key && d.At <= l.At {
			l.Decisions = append(l.Decisions, Decision{ID: d.ID, Action: d.Action, Route: d.Route, Episode: d.Episode, At: d.At, Release: d.Release, Display: d.Display, Say: d.Say})
		}
	}
	s, err := from.Foresee(key, l.At, func(f *ledger.Frame) {
		story := w.Policy.Tell(f)
		l.Next = append(l.Next, Next{f.Now, change(holds, &story)})
	})
	if err != nil {
		return nil, err
	}
	l.Next = append(l.Next, timers(&s)...)
	for i := range l.Routes {
		if t := &l.Routes[i]; t.Turn == decide.TurnDrip {
			l.Next = append(l.Next, Next{t.Until, "the lead has its turn: " + t.Action + "/" + t.Name + " fires if it is still true"})
		}
	}
	slices.SortStableFunc(l.Next, func(a, b Next) int { return int(min(max(a.At-b.At, -1), 1)) })
	return l, nil
}

// look explains an evaluated frame.
func (w *About) look(f *ledger.Frame) *Lead {
	var d lead.Decision
	w.Policy.Describe(f, &d)
	a := f.Acct
	l := &Lead{Lead: strings.Clone(a.Key), Workflow: w.Policy.Workflow, Release: w.Release, Model: w.Model, LeadWord: w.LeadWord, At: f.Now,
		Grade: d.Grade, Why: d.Why, Label: d.Label, Display: d.Display, Story: w.Policy.Tell(f), Decisions: []Decision{}, Next: []Next{},
		First: a.First, Active: a.LastActivity, Stage: a.Marks.Stage, Resting: a.Marks.Resting, Held: len(a.Held), Silent: a.Marks.Silent}
	l.Scores = Scores(f)
	for _, p := range a.Marks.Pending {
		for i := range f.Book.Classes {
			if f.Book.Classes[i].ID == p.Class {
				l.Pending = append(l.Pending, f.Book.Classes[i].Name)
			}
		}
	}
	return l
}

// Scores lists the scores of an evaluated frame with their lines.
func Scores(f *ledger.Frame) []Score {
	lines := f.Explain()
	var out []Score
	for _, v := range decide.Scores(f) {
		s := Score{ScoreValue: v, Lines: []lead.Line{}}
		for i := range lines {
			if lines[i].Score == v.Name {
				s.Lines = append(s.Lines, lines[i])
				s.Sum += lines[i].Remaining
			}
		}
		s.Exact = s.Sum == v.Milli
		out = append(out, s)
	}
	return out
}

// Unbalanced are the scores whose lines do not sum to their value. There must
// be none.
func Unbalanced(scores []Score) (names []string) {
	for i := range scores {
		if !scores[i].Exact {
			names = append(names, scores[i].Name)
		}
	}
	return names
}

// change says what a look at a time to come would change.
func change(held string, s *decide.Story) string {
	var parts []string
	for _, action := range s.Resets {
		parts = append(parts, "the episode of "+action+" is reset")
	}
	for i := range s.Routes {
		t := &s.Routes[i]
		switch path := t.Action + "/" + t.Name; {
		case t.Turn == decide.TurnFires && t.Silent:
			parts = append(parts, path+" takes the lead, and publishes nothing")
		case t.Turn == decide.TurnFires:
			parts = append(parts, path+" fires")
		case t.Turn == decide.TurnUpdates:
			parts = append(parts, path+" tells sales of the new hand-raise")
		}
	}
	switch {
	case len(parts) > 0:
	case s.Holds == held:
		parts = append(parts, "the edge of a route changes; nothing is published")
	case held == "":
		parts = append(parts, s.Holds+" holds; nothing is published")
	case s.Holds == "":
		parts = append(parts, held+" no longer holds; nothing is published")
	default:
		parts = append(parts, s.Holds+" holds instead of "+held+"; nothing is published")
	}
	return strings.Join(parts, ", ")
}

// timers are the other times that are known.
func timers(s *core.Foresight) (out []Next) {
	if s.Decay.At != 0 {
		out = append(out, Next{s.Decay.At, "points decay next (step " + s.Decay.Step + ")"})
	}
	for _, t := range s.Timers {
		text := "step " + t.Step + " looks at the lead again"
		if t.Step == "" {
			text = "a correction by hand ends"
		}
		out = append(out, Next{t.At, text})
	}
	return out
}
