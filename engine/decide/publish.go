package decide

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// publish appends the decision with its full explanation.
func (p *Policy) publish(f *ledger.Frame, cause lead.Cause, r *Route, action string, e *ledger.Episode, out []lead.Decision) []lead.Decision {
	if r.Silent {
		return out
	}
	m := &f.Acct.Marks
	m.Seq++
	d := lead.Decision{
		ID:   DecisionID(p.Workflow, f.Acct.Key, cause, action+"/"+r.Name, e.Number),
		Lead: f.Acct.Key, Workflow: p.Workflow, Release: p.Release, Plugins: p.Plugins,
		Action: action, Route: r.Name, Episode: e.Number, Seq: m.Seq, At: f.Now, Cause: cause,
		Lines: f.Explain(), Traits: chosenTraits(f, r.Traits),
	}
	p.Describe(f, &d)
	if r.Say != nil {
		d.Say = r.Say(f)
	}
	d.Summary = d.Display + ": " + action + " (" + r.Name + ") after " + causeText(cause)
	_, _ = hex.Decode(e.Last[:], []byte(d.ID))
	return append(out, d)
}

func causeText(c lead.Cause) string {
	switch c.Kind {
	case "event":
		return c.Name
	case CauseRelease:
		return "release " + c.Event
	}
	return "time passed"
}

// DecisionID is the id of a decision: 32 hex digits.
func DecisionID(workflow, leadKey string, cause lead.Cause, route string, episode uint32) string {
	h := sha256.New()
	for _, s := range []string{workflow, leadKey, cause.Kind, cause.Event, route} {
		_, _ = h.Write([]byte(strconv.Itoa(len(s)) + ":" + s))
	}
	if cause.Kind != "event" {
		_, _ = h.Write([]byte("@" + strconv.FormatInt(cause.At, 10)))
	}
	_, _ = h.Write([]byte("#" + strconv.FormatUint(uint64(episode), 10)))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Describe fills grade, label, display and scores from an evaluated frame.
func (p *Policy) Describe(f *ledger.Frame, d *lead.Decision) {
	d.Grade, d.Why = p.GradeOf(f)
	d.Label = p.LabelOf(f)
	d.Scores = Scores(f)
	if p.Display != nil {
		d.Display = p.Display(f)
	}
}

// GradeOf is the lead's grade and its reason, empty without a grading step.
func (p *Policy) GradeOf(f *ledger.Frame) (grade, why string) {
	if p.Grading < 0 {
		return "", ""
	}
	memo, def := &f.Acct.Steps[p.Grading], &f.Book.Steps[p.Grading]
	if i := int(memo.Grade) - 1; i >= 0 && i < len(def.Grades) {
		grade = def.Grades[i]
	}
	if i := int(memo.Reason) - 1; i >= 0 && i < len(def.Reasons) {
		why = def.Reasons[i]
	}
	return grade, why
}

// LabelOf is the first label whose condition is true.
func (p *Policy) LabelOf(f *ledger.Frame) string {
	for i := range p.Labels {
		if l := &p.Labels[i]; l.When == nil || l.When(f) == lead.True {
			return l.Name
		}
	}
	return ""
}

// Scores lists the values of all scores in the book's order.
func Scores(f *ledger.Frame) []lead.ScoreValue {
	out := make([]lead.ScoreValue, len(f.Book.Scores))
	for i := range f.Book.Scores {
		s := &f.Book.Scores[i]
		raw := f.Totals[i]
		if s.Derive != nil {
			raw = s.Derive(f)
		}
		out[i] = lead.ScoreValue{Name: s.Name, Milli: f.Values[i], Raw: raw, Display: f.Values[i].Display(s.Thresholds), About: s.About}
	}
	return out
}

func chosenTraits(f *ledger.Frame, names []string) map[string]any {
	var out map[string]any
	for _, name := range names {
		v := f.Acct.Person.Get(name)
		if v.Kind == lead.Absent {
			v = f.Acct.Company.Get(name)
		}
		if v.Kind == lead.Absent {
			continue
		}
		if out == nil {
			out = make(map[string]any, len(names))
		}
		out[name] = plain(v)
	}
	return out
}

func plain(v lead.Value) any {
	switch v.Kind {
	case lead.Bool:
		return v.Num != 0
	case lead.Number:
		return json.Number(v.Text())
	}
	return v.Text()
}
