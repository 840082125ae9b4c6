package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// detail looks again at the leads that are listed, and says why they are.
func (c *Comparison) detail(r *Report, s *State) error {
	stands := map[string]*Standing{}
	for _, list := range r.handoffLists() {
		for i := range list {
			stands[list[i].Lead] = nil
		}
	}
	for i := range r.Movers {
		stands[r.Movers[i].Lead] = nil
	}
	for i := range r.Switch.List {
		stands[r.Switch.List[i].Lead] = nil
	}
	if err := c.stand(stands, s); err != nil {
		return err
	}
	for _, list := range r.handoffLists() {
		for i := range list {
			h := &list[i]
			h.Now = stands[h.Lead]
			h.Why = c.why(h.Now, c.changedRoutes(r, h.Action, h.decided().Route))
		}
	}
	for i := range r.Movers {
		m := &r.Movers[i]
		m.Now = stands[m.Lead]
		m.Why = c.why(m.Now, nil)
	}
	for i := range r.Switch.List {
		x := &r.Switch.List[i]
		x.Now = stands[x.Lead]
		x.Why = c.whyThen(x.Now, gained, c.changedRoutes(r, x.Action, x.Route))
		if x.Display == "" {
			x.Display, x.Lines = x.Now.After.Display, heaviest(x.Now.After.Lines)
		}
	}
	return nil
}

// stand fills in how leads stand under both releases.
func (c *Comparison) stand(stands map[string]*Standing, s *State) error {
	keys := make([]string, 0, len(stands))
	for key := range stands {
		stands[key] = &Standing{}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for release, cores := range [2][]*core.Core{s.Before, s.After} {
		for p, one := range cores {
			var mine []string
			for _, key := range keys {
				if lead.Partition(key, len(cores)) == p {
					mine = append(mine, key)
				}
			}
			err := one.Look(mine, s.History.To, func(f *ledger.Frame) {
				at := &stands[f.Acct.Key].Before
				if release == after {
					at = &stands[f.Acct.Key].After
				}
				c.describe(release, f, at)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Comparison) describe(release int, f *ledger.Frame, at *Stand) {
	var d lead.Decision
	c.sides[release].Policy.Describe(f, &d)
	*at = Stand{Known: true, Display: strings.Clone(d.Display), Grade: d.Grade, Label: d.Label, Scores: d.Scores, Lines: f.Explain(), why: d.Why}
	for i := range at.Lines {
		c.revive(1-release, &at.Lines[i])
	}
}

// revive names a line whose rule the release at hand does not have any more, or
// not yet, by the other one: points go on without their rule.
func (c *Comparison) revive(other int, l *lead.Line) {
	text, ok := strings.CutPrefix(l.Rule, "retired-")
	if !ok || l.Step != "" {
		return
	}
	id, err := strconv.ParseUint(text, 16, 32)
	if err != nil {
		return
	}
	if r, ok := c.sides[other].Book.RuleByID(uint32(id)); ok {
		l.Step, l.Rule = r.Step, r.Name
	}
}

// mostReasons is how many reasons a lead is given.
const mostReasons = 4

// why says in what a lead differs between the releases at the end: the rules that
// give it other points, its grade, and what the routes ask for otherwise.
func (c *Comparison) why(s *Standing, routes []string) []string {
	out := []string{}
	for _, d := range otherLines(s) {
		if len(out) == mostReasons {
			break
		}
		out = append(out, d.text)
	}
	out = append(out, otherGrade(s)...)
	if len(out) < mostReasons {
		out = append(out, routes...)
	}
	if len(out) == 0 {
		out = append(out, "its points and its grade are the same at the end")
	}
	return out
}

// whyThen says why the releases decide differently in a moment: rules that give
// more (or, for who is handed over later or no longer, less), the grade, and what
// the routes ask for.
func (c *Comparison) whyThen(s *Standing, kind int, routes []string) []string {
	out := []string{}
	for _, d := range otherLines(s) {
		if more := d.is > d.was; len(out) < mostReasons && more == (kind == gained || kind == sooner) {
			out = append(out, d.text)
		}
	}
	out = append(out, otherGrade(s)...)
	out = append(out, routes...)
	switch {
	case len(out) > 0:
	case c.begins():
		out = append(out, "the route holds, and nobody was told before")
	default:
		out = append(out, "the same points and grade in that moment: what had been decided before was different")
	}
	return out
}

// otherGrade says that the releases grade a lead differently.
func otherGrade(s *Standing) []string {
	was, is := &s.Before, &s.After
	if !was.Known || !is.Known || was.Grade == is.Grade {
		return nil
	}
	text := fmt.Sprintf("grade %s → %s", orNone(was.Grade), orNone(is.Grade))
	if is.why != "" {
		text += " (" + is.why + ")"
	}
	return []string{text}
}

type lineKey struct{ score, step, rule string }

// otherLine is a rule that gives a lead other points.
type otherLine struct {
	lineKey
	was, is lead.Points
	text    string
}

// otherLines are the rules that give a lead other points, the largest difference
// first.
func otherLines(s *Standing) []otherLine {
	points := map[lineKey]*otherLine{}
	for release, lines := range [2][]lead.Line{s.Before.Lines, s.After.Lines} {
		for i := range lines {
			l := &lines[i]
			if l.Step == "" {
				continue // what a formula, a floor or a scale makes of the others
			}
			key := lineKey{l.Score, l.Step, l.Rule}
			x := points[key]
			if x == nil {
				x = &otherLine{lineKey: key}
				points[key] = x
			}
			if release == before {
				x.was += l.Remaining
			} else {
				x.is += l.Remaining
			}
		}
	}
	var out []otherLine
	for _, x := range points {
		if x.was == x.is {
			continue
		}
		d := x.is - x.was
		sign := ""
		if d > 0 {
			sign = "+"
		}
		x.text = fmt.Sprintf("%s %s: %s → %s (%s%s)", x.score, x.rule, x.was, x.is, sign, d)
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b otherLine) int {
		x, y := max(a.is-a.was, a.was-a.is), max(b.is-b.was, b.was-b.is)
		if x != y {
			return int(min(max(y-x, -1), 1))
		}
		return strings.Compare(a.score+"\x00"+a.step+"\x00"+a.rule, b.score+"\x00"+b.step+"\x00"+b.rule)
	})
	return out
}

// changedRoutes are the differences of the files that say who takes a route: of
// the route itself, and of what keeps leads from it.
func (c *Comparison) changedRoutes(r *Report, action, route string) (out []string) {
	for i := range r.Diff {
		d := &r.Diff[i]
		top := d.Path
		if len(top) == 0 {
			continue
		}
		kind, name, _ := strings.Cut(top[0], " ")
		if kind != "veto" && kind != "suppress" && (kind != "route" || name != fmt.Sprintf("%q %q", action, route)) {
			continue
		}
		text := strings.Join(d.Path, " ")
		if was, is := differing(d.Before, d.After); d.Before != "" && d.After != "" {
			text += ": " + was + " → " + is
		} else {
			text += " " + d.Change
		}
		out = append(out, text)
	}
	return out
}

// differing are the parts of two conditions between the "and" and "or" that they
// have in common at the front and at the back.
func differing(was, is string) (string, string) {
	front := 0
	for front < min(len(was), len(is)) && was[front] == is[front] {
		front++
	}
	if front = max(strings.LastIndex(was[:front], "&& "), strings.LastIndex(was[:front], "|| ")); front >= 0 {
		was, is = was[front+3:], is[front+3:]
	}
	back := 0
	for back < min(len(was), len(is)) && was[len(was)-1-back] == is[len(is)-1-back] {
		back++
	}
	tail := was[len(was)-back:]
	cut := len(tail)
	for _, word := range []string{" &&", " ||"} {
		if at := strings.Index(tail, word); at >= 0 {
			cut = min(cut, at)
		}
	}
	back -= cut
	return was[:len(was)-back], is[:len(is)-back]
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
