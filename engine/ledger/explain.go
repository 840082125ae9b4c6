package ledger

import (
	"sort"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
)

// Explain gives the lines of every score, by score in the book's order, then
// by what remains, largest first. The frame must be evaluated.
func (f *Frame) Explain() []lead.Line {
	perRule := f.ruleLines()
	var out []lead.Line
	for i := range f.Book.Scores {
		s := &f.Book.Scores[i]
		from := len(out)
		for _, l := range perRule {
			if l.Score == s.Name {
				out = append(out, l)
			}
		}
		sortLines(out[from:])
		if s.Derive != nil {
			for _, p := range s.Parts {
				out = append(out, lead.Line{Score: s.Name, Rule: f.Book.Scores[p].Name, Text: "from score " + f.Book.Scores[p].Name, Awarded: f.Values[p], Remaining: f.Values[p]})
			}
		}
		out = f.balance(out, from, i)
	}
	return out
}

// balance adds the line that leads from the sum to the value: what the
// formula, the floor or the scale changed.
func (f *Frame) balance(out []lead.Line, from, score int) []lead.Line {
	s := &f.Book.Scores[score]
	var sum lead.Points
	for _, l := range out[from:] {
		sum += l.Remaining
	}
	if s.Derive != nil {
		if raw := s.Derive(f); raw != sum {
			out = append(out, lead.Line{Score: s.Name, Rule: "formula", Text: "weights of the formula", Awarded: raw - sum, Remaining: raw - sum})
			sum = raw
		}
	}
	if s.HasFloor && sum < s.Floor {
		out = append(out, lead.Line{Score: s.Name, Rule: "floor", Text: "held at the floor of " + s.Floor.String(), Awarded: s.Floor - sum, Remaining: s.Floor - sum})
		sum = s.Floor
	}
	if diff := f.Values[score] - sum; diff != 0 {
		text := "clamped to the scale " + s.Min.String() + "–" + s.Max.String()
		if s.Scale == ScaleNormalise {
			text = "normalised: " + sum.String() + " of " + s.RawMax.String() + " on the scale " + s.Min.String() + "–" + s.Max.String()
		}
		out = append(out, lead.Line{Score: s.Name, Rule: "scale", Text: text, Awarded: diff, Remaining: diff})
	}
	return out
}

func sortLines(lines []lead.Line) {
	sort.SliceStable(lines, func(i, j int) bool {
		if lines[i].Remaining != lines[j].Remaining {
			return lines[i].Remaining > lines[j].Remaining
		}
		return lines[i].Step+"/"+lines[i].Rule < lines[j].Step+"/"+lines[j].Rule
	})
}

// ruleLines folds the buckets into one line per (score, rule).
func (f *Frame) ruleLines() []lead.Line {
	var out []lead.Line
	var score, rule uint32
	for i := range f.Acct.Buckets {
		k := &f.Acct.Buckets[i]
		if len(out) == 0 || k.Score != score || k.Rule != rule {
			score, rule = k.Score, k.Rule
			out = append(out, f.newLine(k))
		}
		l := &out[len(out)-1]
		l.Count += k.Count
		l.Awarded += k.Awarded
		l.Reversed += k.Reversed
		l.Remaining += k.Remaining
		l.Decayed += k.Awarded - k.Reversed - k.Remaining
		if k.Last >= l.Last {
			l.Last, l.Label = k.Last, f.Acct.Label(i)
		}
	}
	for i := range out {
		out[i].Text = fillTemplate(out[i].Text, &out[i])
	}
	return out
}

func (f *Frame) newLine(k *Bucket) lead.Line {
	l := lead.Line{Text: "{label}"}
	if i := f.Book.ScoreIndex(k.Score); i >= 0 {
		l.Score = f.Book.Scores[i].Name
	}
	r, ok := f.Book.RuleByID(k.Rule)
	if !ok {
		l.Rule, l.Text = "retired-"+strconv.FormatUint(uint64(k.Rule), 16), "rule of an earlier release: {label}"
		return l
	}
	l.Step, l.Rule, l.Account = r.Step, r.Name, r.Account
	if r.Class >= 0 {
		l.Class = f.Book.Classes[r.Class].Name
	}
	if r.Template != "" {
		l.Text = r.Template
	}
	return l
}

func fillTemplate(t string, l *lead.Line) string {
	if !strings.Contains(t, "{") {
		return t
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(t, "{")
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		text, known := placeholder(name, l)
		switch {
		case !found:
			return out.String()
		case closed && known:
			out.WriteString(text)
			t = after
		default:
			out.WriteByte('{')
			t = rest
		}
	}
}

func placeholder(name string, l *lead.Line) (text string, known bool) {
	switch name {
	case "label":
		return l.Label, true
	case "count":
		return strconv.FormatUint(uint64(l.Count), 10), true
	case "points":
		return l.Remaining.String(), true
	case "awarded":
		return l.Awarded.String(), true
	case "rule":
		return l.Rule, true
	case "class":
		return l.Class, true
	}
	return "", false
}
