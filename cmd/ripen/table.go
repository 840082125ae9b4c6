package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

// printRanked prints leads as a table, whose columns are those of the workflow
// even if there is no lead.
func (a *app) printRanked(views []replay.View, w *engine.Workflow) {
	labels := len(w.Model.Policy.Labels) > 0
	head := []string{"#", w.Model.LeadWord, "display"}
	if labels {
		head = append(head, "label")
	}
	fixed := len(head)
	for i := range w.Model.Book.Scores {
		head = append(head, w.Model.Book.Scores[i].Name)
	}
	rows := [][]string{append(head, "latest decision")}
	for i := range views {
		v := &views[i]
		row := []string{fmt.Sprint(i + 1), v.Lead, v.Display}
		if labels {
			row = append(row, v.Label)
		}
		for _, s := range v.Scores {
			row = append(row, s.Milli.String())
		}
		rows = append(rows, append(row, latest(v.Decisions)))
	}
	right := map[int]bool{0: true}
	for i := fixed; i < len(head); i++ {
		right[i] = true
	}
	a.printTable(rows, right)
}

func latest(list []replay.Brief) string {
	if len(list) == 0 {
		return "–"
	}
	d := list[len(list)-1]
	return d.Action + " (" + d.Route + ") " + stamp(d.At)[:10]
}

// printTable aligns columns, those in right to the right; the first row is the
// head.
func (a *app) printTable(rows [][]string, right map[int]bool) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(clean(cell)))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			cell = clean(cell)
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				b.WriteString("  ")
			}
			if right[i] {
				b.WriteString(pad + cell)
			} else {
				b.WriteString(cell + pad)
			}
		}
		line := strings.TrimRight(b.String(), " ")
		if n == 0 && colors(a.out) {
			line = "\x1b[1m" + line + "\x1b[0m"
		}
		a.say("%s", line)
	}
}

// clean takes control characters out of texts that come from strangers, so
// that they cannot drive a terminal.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '·'
		}
		return r
	}, s)
}

// printExplained prints one lead with the lines of its scores, which sum to
// the scores.
func (a *app) printExplained(v *replay.View) error {
	if bad := v.Unbalanced(); len(bad) > 0 {
		return fmt.Errorf("internal error: the lines of %s do not sum to the score of lead %q", strings.Join(bad, ", "), v.Lead)
	}
	a.say("%s  %s%s", clean(v.Lead), clean(v.Display), after("  label ", v.Label))
	if v.Grade != "" {
		a.say("grade %s%s", v.Grade, after(": ", clean(v.Why)))
	}
	for _, s := range v.Scores {
		a.say("\nscore %s = %s%s", s.Name, s.Milli, after("   # ", clean(s.About)))
		rows := [][]string{{"points", "awarded", "decayed", "reversed", "times", "last", "why"}}
		var sum lead.Points
		for _, l := range v.Lines {
			if l.Score == s.Name {
				rows = append(rows, lineRow(&l))
				sum += l.Remaining
			}
		}
		if len(rows) == 1 {
			a.say("  no points yet")
			continue
		}
		rows = append(rows, []string{sum.String(), "", "", "", "", "", "= " + s.Name})
		a.printTable(rows, map[int]bool{0: true, 1: true, 2: true, 3: true, 4: true})
	}
	if len(v.Decisions) > 0 {
		a.say("\ndecisions")
	}
	for _, d := range v.Decisions {
		a.say("  %s  %s (%s), episode %d%s", stamp(d.At), d.Action, d.Route, d.Episode, after("  ", clean(d.Say)))
	}
	return nil
}

func lineRow(l *lead.Line) []string {
	why := l.Text
	if l.Class != "" {
		why += " [" + l.Class + "]"
	}
	if l.Account {
		why += " (account)"
	}
	last, times := "", ""
	if l.Last != 0 {
		last = stamp(l.Last)[:10]
	}
	if l.Count > 0 {
		times = fmt.Sprint(l.Count)
	}
	return []string{signed(l.Remaining), signed(l.Awarded), signed(-l.Decayed), signed(-l.Reversed), times, last, why}
}

// signed prints points with a sign, and zero as nothing.
func signed(p lead.Points) string {
	switch {
	case p == 0:
		return "0"
	case p > 0:
		return "+" + p.String()
	}
	return p.String()
}

// after puts a prefix before a text that is not empty.
func after(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}
