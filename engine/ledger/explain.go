package ledger

import (
	"sort"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
)

// Line is one line of an explanation. Over the lines of one score, Remaining
// sums to the score's value, to the milli-point.
type Line struct {
	Score     string      `json:"score"`
	Step      string      `json:"step,omitempty"`
	Rule      string      `json:"rule"`
	Class     string      `json:"class,omitempty"`
	Text      string      `json:"text"`
	Count     uint32      `json:"count,omitempty"`
	Awarded   lead.Points `json:"awarded"`
	Decayed   lead.Points `json:"decayed"`
	Reversed  lead.Points `json:"reversed"`
	Remaining lead.Points `json:"remaining"`
	Last      int64       `json:"last,omitempty"` // time of the last event, ms
	Label     string      `json:"label,omitempty"`
	Account   bool        `json:"account,omitempty"` // from account-level facts
}

// Explain gives the lines of every score, by score in the book's order, then
// by what remains, largest first. The frame must be evaluated.
func (f *Frame) Explain() []Line {
	perRule := f.ruleLines()
	var out []Line
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
				out = append(out, Line{Score: s.Name, Rule: f.Book.Scores[p].Name, Text: "from score " + f.Book.Scores[p].Name, Awarded: f.Values[p], Remaining: f.Values[p]})
			}
		}
		out = f.balance(out, from, i)
	}
	return out
}

// balance adds the line that leads from the sum to the value: what the
// formula, the floor or the scale changed.
func (f *Frame) balance(out []Line, from, score int) []Line {
	s := &f.Book.Scores[score]
	var sum lead.Points
	for _, l := range out[from:] {
		sum += l.Remaining
	}
	if s.Derive != nil {
		if raw := s.Derive(f); raw != sum {
			out = append(out, Line{Score: s.Name, Rule: "formula", Text: "weights of the formula", Awarded: raw - sum, Remaining: raw - sum})
			sum = raw
		}
	}
	if s.HasFloor && sum < s.Floor {
		out = append(out, Line{Score: s.Name, Rule: "floor", Text: "held at the floor of " + s.Floor.String(), Awarded: s.Floor - sum, Remaining: s.Floor - sum})
		sum = s.Floor
	}
	if diff := f.Values[score] - sum; diff != 0 {
		text := "clamped to the scale " + s.Min.String() + "–" + s.Max.String()
		if s.Scale == ScaleNormalise {
			text = "normalised: " + sum.String() + " of " + s.RawMax.String() + " on the scale " + s.Min.String() + "–" + s.Max.String()
		}
		out = append(out, Line{Score: s.Name, Rule: "scale", Text: text, Awarded: diff, Remaining: diff})
	}
	return out
}

func sortLines(lines []Line) {
	sort.SliceStable(lines, func(i, j int) bool {
		if lines[i].Remaining != lines[j].Remaining {
			return lines[i].Remaining > lines[j].Remaining
		}
		return lines[i].Step+"/"+lines[i].Rule < lines[j].Step+"/"+lines[j].Rule
	})
}

// ruleLines folds the buckets into one line per (score, rule).
func (f *Frame) ruleLines() []Line {
	var out []Line
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
			l.Last, l.Label = k.Last, k.Label
		}
	}
	for i := range out {
		out[i].Text = fillTemplate(out[i].Text, &out[i])
	}
	return out
}

func (f *Frame) newLine(k *Bucket) Line {
	l := Line{Text: "{label}"}
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

func fillTemplate(t string, l *Line) string {
	if !strings.Contains(t, "{") {
		return t
	}
	return strings.NewReplacer("{label}", l.Label, "{count}", strconv.FormatUint(uint64(l.Count), 10),
		"{points}", l.Remaining.String(), "{awarded}", l.Awarded.String(), "{rule}", l.Rule, "{class}", l.Class).Replace(t)
}
