package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/explain"
	"github.com/ripenhq/ripen/engine/lead"
)

// printLead prints an explanation for people. Lines that do not sum to their
// score are a mistake of ours, and are not shown as if they did.
func (a *app) printLead(l *explain.Lead) error {
	if bad := explain.Unbalanced(l.Scores); len(bad) > 0 {
		return fmt.Errorf("internal error: the lines of %s do not sum to the score of lead %q", strings.Join(bad, ", "), l.Lead)
	}
	a.say("%s  %s%s", clean(l.Lead), clean(l.Display), after("  label ", l.Label))
	a.say("as of %s, workflow %s, release %s", stamp(l.At), l.Workflow, l.Release)
	a.printFacts(l)
	if l.Grade != "" {
		a.say("grade %s%s", l.Grade, after(": ", clean(l.Why)))
	}
	for i := range l.Scores {
		a.printScore(&l.Scores[i].ScoreValue, l.Scores[i].Lines, l.Scores[i].Sum)
	}
	a.printGuards("suppress", l.Suppress)
	a.printGuards("veto", l.Vetoes)
	a.say("\nroutes, in the order in which they are tried")
	for i := range l.Routes {
		a.printRoute(i+1, &l.Routes[i])
	}
	a.printEpisodes(l)
	a.say("\nnext, if nothing but time happens")
	for _, n := range l.Next {
		a.say("  %s  %s", stamp(n.At), clean(n.Text))
	}
	if len(l.Next) == 0 {
		a.say("  nothing")
	}
	return nil
}

func (a *app) printFacts(l *explain.Lead) {
	var facts []string
	add := func(what string, at int64) {
		if at != 0 {
			facts = append(facts, what+" "+stamp(at))
		}
	}
	add("first seen", l.First)
	add("last activity", l.Active)
	if l.Stage != "" {
		facts = append(facts, "stage "+l.Stage)
	}
	if len(l.Pending) > 0 {
		facts = append(facts, "waits for an answer: "+strings.Join(l.Pending, ", "))
	}
	if l.Resting > l.At {
		add("rests until", l.Resting)
	}
	if l.Silent > l.At {
		add("history, not published, until", l.Silent)
	}
	if l.Held > 0 {
		facts = append(facts, plural(l.Held, "input")+" held back: a step fails")
	}
	if len(facts) > 0 {
		a.say("%s", clean(strings.Join(facts, "; ")))
	}
}

// printScore prints a score with its description and the lines that sum to it.
func (a *app) printScore(s *lead.ScoreValue, lines []lead.Line, sum lead.Points) {
	a.say("\nscore %s = %s%s", s.Name, s.Milli, after("   # ", clean(s.About)))
	if len(lines) == 0 {
		a.say("  no points yet")
		return
	}
	rows := [][]string{{"points", "awarded", "decayed", "reversed", "times", "last", "why"}}
	for i := range lines {
		rows = append(rows, lineRow(&lines[i]))
	}
	rows = append(rows, []string{sum.String(), "", "", "", "", "", "= " + s.Name})
	a.printTable(rows, map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true})
}

func (a *app) printGuards(kind string, list []decide.Told) {
	for i := range list {
		if i == 0 {
			a.say("")
		}
		t := &list[i]
		a.say("%s %s: %s", kind, clean(t.Name), t.Is)
		a.printCondition(t)
	}
}

func (a *app) printRoute(n int, t *decide.Told) {
	when := "default"
	if t.When != "" {
		when = "when " + t.When
		if t.OnFall {
			when = "on the fall of " + t.When
		}
	}
	a.say("%2d. %s (%s), %s", n, t.Action, t.Name, clean(when))
	a.printCondition(t)
	a.say("      => %s", clean(explain.Turn(t)))
}

func (a *app) printCondition(t *decide.Told) {
	for _, line := range explain.Condition(t) {
		a.say("      %s", clean(line))
	}
}

// printEpisodes prints the episodes, each with its decisions, and the decisions
// of no episode that is known.
func (a *app) printEpisodes(l *explain.Lead) {
	if len(l.Episodes)+len(l.Decisions) > 0 {
		a.say("\nepisodes and decisions")
	}
	for i := range l.Episodes {
		e := &l.Episodes[i]
		state := "open since " + stamp(e.Opened)
		if !e.Open {
			state = "opened " + stamp(e.Opened) + ", closed " + stamp(e.Closed)
		}
		a.say("  %s, episode %d%s: %s", e.Action, e.Number, after(", by route ", e.Route), state)
	}
	for i := range l.Decisions {
		d := &l.Decisions[i]
		a.say("  %s  %s (%s), episode %d  %s  %s%s", stamp(d.At), d.Action, d.Route, d.Episode, clean(d.Display), d.ID, after("  ", clean(d.Say)))
	}
}

// printDecision prints what a decision says of itself, and whether it could be
// made again.
func (a *app) printDecision(x *decisionAnswer) error {
	d := &x.Decision
	a.say("decision %s", d.ID)
	a.say("%s  %s (%s), episode %d of %s, its decision %d", stamp(d.At), d.Action, d.Route, d.Episode, clean(d.Lead), d.Seq)
	a.say("%s%s", clean(d.Summary), after("  ", clean(d.Say)))
	cause := "time: " + stamp(d.Cause.At)
	if d.Cause.Kind == "event" {
		cause = fmt.Sprintf("event %s (%s) of %s", clean(d.Cause.Event), clean(d.Cause.Name), stamp(d.Cause.At))
	} else if d.Cause.Event != "" {
		cause = d.Cause.Kind + " " + clean(d.Cause.Event) + " at " + stamp(d.Cause.At)
	}
	a.say("cause: %s", cause)
	number := d.Release
	if x.Number > 0 {
		number = fmt.Sprintf("%d (%s)", x.Number, d.Release)
	}
	a.say("workflow %s, release %s%s%s", d.Workflow, number, after(", bundle sha256:", x.Bundle), after(", model ", x.Model))
	if len(d.Plugins) > 0 {
		a.say("plugins %s", pluginNames(d.Plugins))
	}
	if x.Record > 0 {
		a.say("record %d of partition %d, inputs up to sequence %d; journal sequence %d", x.Record, x.Partition, x.Input, x.Sequence)
	}
	if d.Grade != "" {
		a.say("grade %s%s%s", d.Grade, after(": ", clean(d.Why)), after("; label ", d.Label))
	}
	for i := range d.Scores {
		lines, sum := linesOf(d, d.Scores[i].Name)
		if sum != d.Scores[i].Milli {
			return no("the lines of %s in decision %s sum to %s, and not to %s", d.Scores[i].Name, d.ID, sum, d.Scores[i].Milli)
		}
		a.printScore(&d.Scores[i], lines, sum)
	}
	if r := x.Reproduced; r != nil && r.Same {
		a.say("\nreproduced bit for bit from %s, %s and %s of the lead's history", plural(r.Events, "event"), plural(r.Ticks, "tick"), plural(r.Orders, "order"))
	} else if r != nil {
		a.say("\n%s: %s", map[bool]string{true: "out of reach", false: "not reproduced"}[r.OutOfReach], clean(r.Why))
	}
	return nil
}

// pluginNames are plugins with the beginnings of their digests, by name.
func pluginNames(plugins map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(plugins)) {
		list = append(list, clean(name)+" sha256:"+plugins[name])
	}
	return strings.Join(list, ", ")
}

// linesOf are the lines of one score of a decision, with what they sum to.
func linesOf(d *lead.Decision, score string) (lines []lead.Line, sum lead.Points) {
	for i := range d.Lines {
		if d.Lines[i].Score == score {
			lines = append(lines, d.Lines[i])
			sum += d.Lines[i].Remaining
		}
	}
	return lines, sum
}
