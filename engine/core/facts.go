package core

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
)

// maxFacts bounds the traits that are kept of a lead, and of its account.
const maxFacts = 4096

// mergeFacts takes over the traits of an identify or group event and says
// whether any changed. The account gets a new list, so that a refused input
// can leave the old one.
func mergeFacts(a *ledger.Account, e *lead.Event) (changed bool, bad *step.Failure) {
	switch e.Kind {
	case lead.Identify:
		changed = merge(&a.Person, e.Traits)
	case lead.Group:
		changed = merge(&a.Company, e.Traits)
	}
	if n := max(len(a.Person), len(a.Company)); changed && n > maxFacts {
		return false, &step.Failure{Outcome: step.Outcome{Code: "too-many-traits", Text: fmt.Sprintf("the lead would have %d traits, at most %d are kept; send fewer different names", n, maxFacts)}}
	}
	return changed, nil
}

func merge(into *lead.Props, news lead.Props) bool {
	changed := false
	for i := range news {
		if into.Get(news[i].Name) != news[i].Value {
			changed = true
		}
	}
	if !changed {
		return false
	}
	out := make(lead.Props, 0, len(*into)+len(news))
	out = append(out, *into...)
	for i := range news {
		out = append(out, cloneProp(news[i]))
	}
	*into = out.Sort()
	return true
}

func cloneProp(p lead.Prop) lead.Prop {
	p.Name, p.Value.Str = strings.Clone(p.Name), strings.Clone(p.Value.Str)
	return p
}

func cloneProps(p lead.Props) lead.Props {
	if len(p) == 0 {
		return nil
	}
	out := make(lead.Props, len(p))
	for i := range p {
		out[i] = cloneProp(p[i])
	}
	return out
}

// cloneEvent copies what an event holds, so that it outlives its buffer.
func cloneEvent(e *lead.Event, key string) lead.Event {
	return lead.Event{ID: strings.Clone(e.ID), Lead: key, Kind: e.Kind, Name: strings.Clone(e.Name), Path: strings.Clone(e.Path), At: e.At,
		Received: e.Received, Backfill: e.Backfill, Props: cloneProps(e.Props), Traits: cloneProps(e.Traits), Context: cloneProps(e.Context), Raw: bytes.Clone(e.Raw)}
}

// isActivity says whether the lead itself did something: what is done to it
// (mail delivered or bounced), facts about it and what sales answers are no
// activity.
func isActivity(e *lead.Event) bool {
	switch e.Kind {
	case lead.Page, lead.Screen:
		return true
	case lead.Track:
		switch e.Name {
		case "Email Delivered", "Email Bounced", "Email Marked as Spam", "Unsubscribed":
			return false
		}
		return !decide.IsAnswer(e)
	}
	return false
}

// maxAdjusts bounds the corrections of one lead that end by themselves.
const maxAdjusts = 1000

// adjustScore writes the ledger line of a manual correction.
func (c *Core) adjustScore(f *ledger.Frame, event uint64) *step.Failure {
	bad := func(format string, args ...any) *step.Failure {
		return &step.Failure{Outcome: step.Outcome{Code: "bad-adjustment", Text: fmt.Sprintf(format, args...)}}
	}
	props := f.Event.Props
	name := props.Get("score").Text()
	rule := c.adjustable(name)
	if rule == nil {
		return bad("%s names score %q; scores that can be adjusted: %s", decide.ScoreAdjusted, name, c.adjustableNames())
	}
	v := props.Get("points")
	points, err := lead.ParsePoints(v.Text())
	if v.Kind == lead.Absent || err != nil {
		return bad("%s has points %q; expected a number with at most three decimals", decide.ScoreAdjusted, v.Text())
	}
	why := props.Get("reason").Text()
	if by := props.Get("by").Text(); by != "" {
		why = strings.TrimSuffix(by+": "+why, ": ")
	}
	if _, refused := f.Acct.Award(f.Book, ledger.Award{Rule: rule, Delta: points, Scope: event, Event: event, At: f.At, Label: why}); refused != ledger.None {
		return bad("%s of %s points: %s", decide.ScoreAdjusted, points, refused)
	}
	if expires := decide.TimeOf(props.Get("expires")); expires != 0 {
		if expires <= f.Now {
			return bad("%s expires at %s, which is over; leave the line out", decide.ScoreAdjusted, stamp(expires))
		}
		m := &f.Acct.Marks
		if len(m.Adjusts) >= maxAdjusts {
			return bad("%d corrections of the lead are waiting for their end, no more are kept", maxAdjusts)
		}
		m.Adjusts = append(slices.Clone(m.Adjusts), ledger.Adjust{Event: event, Expires: expires})
	}
	return nil
}

func (c *Core) adjustable(score string) *ledger.Rule {
	for i := range c.prog.Book.Rules {
		r := &c.prog.Book.Rules[i]
		if r.Manual && c.prog.Book.Scores[r.Score].Name == score {
			return r
		}
	}
	return nil
}

func (c *Core) adjustableNames() string {
	var names []string
	for i := range c.prog.Book.Rules {
		if r := &c.prog.Book.Rules[i]; r.Manual {
			names = append(names, c.prog.Book.Scores[r.Score].Name)
		}
	}
	return strings.Join(names, ", ")
}

// expire takes back the manual corrections that end at the frame's time.
func (c *Core) expire(f *ledger.Frame) {
	m := &f.Acct.Marks
	if !slices.ContainsFunc(m.Adjusts, func(j ledger.Adjust) bool { return j.Expires <= f.At }) {
		return
	}
	var left []ledger.Adjust
	for _, j := range m.Adjusts {
		if j.Expires > f.At {
			left = append(left, j)
			continue
		}
		for i := range f.Book.Rules {
			if r := &f.Book.Rules[i]; r.Manual {
				f.Acct.Void(f.Book, r, j.Event)
			}
		}
	}
	m.Adjusts = left
}
