package backtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow"
)

// Suggestion is a workflow that the outcomes suggest.
type Suggestion struct {
	Dir       string      `json:"dir,omitempty"`
	Learnt    string      `json:"learnt_on"` // half
	Leads     int         `json:"leads"`     // with an outcome, learnt from
	Won       int         `json:"won"`
	Threshold lead.Points `json:"threshold_milli"`
	// Why says how the threshold was chosen.
	Why      string    `json:"threshold_because"`
	Features []Feature `json:"features"`
	Skipped  []string  `json:"skipped,omitempty"`
	Cautions []string  `json:"cautions,omitempty"`
	// Judged are the suggested workflow and the one as it is on the leads that
	// were not learnt from; on the same ones if all were.
	Judged     string                 `json:"judged_on"`
	Before     measure.AUC            `json:"ranking_before"`
	After      measure.AUC            `json:"ranking_after"`
	Rival      *measure.AUC           `json:"ranking_compared_with,omitempty"`
	Thresholds []measure.ThresholdRow `json:"thresholds"`
}

// Suggest learns points from the leads that were gathered, which must be so with
// Options.Facts. without names traits and actions that get none.
func (g *Gatherer) Suggest(without []string) (*Suggestion, error) {
	if g.Tally.Won < fewOfOneKind || g.Tally.Lost < fewOfOneKind {
		return nil, fmt.Errorf("found %d won and %d lost leads to learn from, expected at least %d of each: points made of fewer are chance", g.Tally.Won, g.Tally.Lost, fewOfOneKind)
	}
	used := map[string]bool{}
	skip := func(name string) bool {
		for _, w := range without {
			if strings.EqualFold(w, name) {
				used[w] = true
				return true
			}
		}
		return false
	}
	l := newLearner(g)
	l.facts(false, skip)
	l.facts(true, skip)
	l.actions(skip)
	for _, w := range without {
		if !used[w] {
			return nil, fmt.Errorf("--without %q: no lead has a trait of this name, and none took such an action; correct it or leave it out", w)
		}
	}
	if len(l.out) == 0 {
		return nil, fmt.Errorf("nothing that is known of the leads tells them apart: no trait and no action is frequent enough (%d leads)", l.support)
	}
	l.learn()
	s := &Suggestion{Learnt: g.opts.Half.String(), Leads: len(l.cases), Won: g.Tally.Won, Features: l.out, Skipped: l.Skipped, Thresholds: []measure.ThresholdRow{}}
	l.threshold(s)
	if rare := min(g.Tally.Won, g.Tally.Lost); rare < perColumn*int(l.columns) {
		s.Cautions = append(s.Cautions, fmt.Sprintf("points for %d answers are learnt from %d leads of the rarer outcome, fewer than %d for each answer: much of them can be chance; leave traits out with --without, or wait for more outcomes",
			l.columns, rare, perColumn))
	}
	return s, nil
}

// perColumn is how many leads of the rarer outcome each weight of a logistic
// regression wants (P. Peduzzi and others, "A simulation study of the number of
// events per variable in logistic regression analysis", 1996).
const perColumn = 10

// threshold keeps the volume of hand-offs as it is; if the workflow makes none,
// it is where precision and recall are best together (F1).
func (l *learner) threshold(s *Suggestion) {
	list := make([]measure.Scored, len(l.g.Cases))
	for i := range l.g.Cases {
		list[i] = measure.Scored{Score: l.total(&l.g.Cases[i]), Fate: l.g.Cases[i].Fate}
	}
	at := make([]lead.Points, 0, len(list))
	for _, x := range list {
		at = append(at, x.Score)
	}
	want := len(l.g.handed)
	s.Why = fmt.Sprintf("about as many leads of those learnt from stand above it as were handed off, %d", want)
	if want == 0 {
		s.Why = "precision and recall are best together"
	}
	best := int64(-1)
	for _, r := range measure.Thresholds(list, at, nil) {
		off := int64(r.Volume - want)
		value := 1<<40 - max(off, -off)
		if want == 0 {
			value = 2_000_000 * int64(r.Won) / int64(max(1, r.Won+r.Lost+s.Won))
		}
		if value > best {
			best, s.Threshold = value, r.At
		}
	}
}

// Source writes the suggestion as a workflow.
func (s *Suggestion) Source(name, leadWord string) []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	p(draftHead+"%d leads suggest, of which %d were won (%s of the leads).\n", s.Leads, s.Won, halfText(s.Learnt))
	p("# %d points more double the odds that a lead is won; the worst answer to each question is worth 0.\n", DoubleOdds)
	p("# Read it before you use it: points say what goes together, not what causes what.\n")
	p("workflow %s {\nabout = %s\ndisplay = \"{total}\"\n", quote(name), quote("Hand over from "+s.Threshold.String()+" points on"))
	if leadWord != "" && leadWord != "lead" {
		p("lead = %s\n", quote(leadWord))
	}
	p("}\n\n")
	facts, acts := s.split()
	parts := []string{}
	if len(facts) > 0 {
		parts = append(parts, "fit")
	}
	if len(acts) > 0 {
		parts = append(parts, "interest")
	}
	p("score \"total\" {\nabout = \"How likely the lead is to be won: %d points more double the odds\"\nvalue = %s\n}\n\n", DoubleOdds, strings.Join(parts, " + "))
	if len(facts) > 0 {
		p("step \"fit-grade\" \"fit\" {\nabout = \"Who they are\"\n")
		for _, f := range facts {
			f.criterion(&b)
		}
		p("}\n\n")
	}
	if len(acts) > 0 {
		p("step \"behavior-points\" \"interest\" {\nabout = \"What they did, each thing counted once\"\n")
		asked := class(&b, "asked", acts, true)
		class(&b, "did", acts, false)
		p("}\n\n")
		if asked {
			p("route \"sales-handoff\" \"asked\" { when = pending(\"asked\") }\n")
		}
	}
	p("route \"sales-handoff\" \"likely\" { when = total >= %s } # %s\n", s.Threshold, s.Why)
	p("route \"nurture\" \"rest\" { default = true }\n\n")
	p("label \"hot\" { when = total >= %s }\nlabel \"warm\" { when = total >= %s }\nlabel \"cold\" { default = true }\n", s.Threshold, s.Threshold-lead.FromPoints(DoubleOdds))
	return workflow.Format([]byte(b.String()))
}

// split parts what leads are from what they did; what is worth nothing whatever
// the answer is left out.
func (s *Suggestion) split() (facts, acts []*Feature) {
	for i := range s.Features {
		f := &s.Features[i]
		switch {
		case !slices.ContainsFunc(f.Bins, func(b Bin) bool { return b.Points != 0 }):
		case f.Action():
			acts = append(acts, f)
		default:
			facts = append(facts, f)
		}
	}
	return facts, acts
}

func halfText(half string) string {
	if half == "both" {
		return "all"
	}
	return "the " + half + " half"
}

// class writes the actions that are hand-raises, or the others, as a class of
// behavior-points.
func class(b *strings.Builder, name string, acts []*Feature, hands bool) bool {
	var list []*Feature
	for _, f := range acts {
		if f.Hand == hands {
			list = append(list, f)
		}
	}
	if len(list) == 0 {
		return false
	}
	fmt.Fprintf(b, "class %s {\n", quote(name))
	if !hands { // who asks again is to be heard again
		b.WriteString("once = \"ever\"\n")
	} else {
		b.WriteString("max = 1\nper = \"30d\"\n")
	}
	points(b, "events", list, ofEvent)
	points(b, "pages", list, ofPage)
	b.WriteString("}\n")
	return true
}

func points(b *strings.Builder, what string, list []*Feature, kind string) {
	first := true
	for _, f := range list {
		if f.Kind != kind {
			continue
		}
		if first {
			fmt.Fprintf(b, "%s = {\n", what)
			first = false
		}
		fmt.Fprintf(b, "%s = %s # %s\n", quote(f.Name), f.Bins[0].Points, f.Bins[0].evidence())
	}
	if !first {
		b.WriteString("}\n")
	}
}

// criterion writes a feature as a criterion of fit-grade.
func (f *Feature) criterion(b *strings.Builder) {
	label, of := f.Name, "trait"
	if f.Account {
		label, of = "account "+f.Name, "account"
	}
	fmt.Fprintf(b, "criterion %s {\n", quote(label))
	if f.Account {
		b.WriteString("account = true\n")
	}
	last := len(f.Bins) - 1
	switch f.Kind {
	case ofYesNo:
		fmt.Fprintf(b, "when = %s\npoints = %s # %s\nother = %s # %s\n", path(of, f.Name), f.Bins[0].Points, f.Bins[0].evidence(), f.Bins[1].Points, f.Bins[1].evidence())
	case ofRanges:
		fmt.Fprintf(b, "of = %s\nranges = [\n", path(of, f.Name))
		for i := range f.Bins[:last] {
			x := &f.Bins[i]
			if x.Last {
				fmt.Fprintf(b, "{ points = %s }, # more; %s\n", x.Points, x.evidence())
			} else {
				fmt.Fprintf(b, "{ to = %s, points = %s }, # %s\n", number(x.To), x.Points, x.evidence())
			}
		}
		b.WriteString("]\n")
	default:
		fmt.Fprintf(b, "of = %s\nvalues = {\n", path(of, f.Name))
		for i := range f.Bins[:last-1] {
			fmt.Fprintf(b, "%s = %s # %s\n", quote(f.Bins[i].Text), f.Bins[i].Points, f.Bins[i].evidence())
		}
		fmt.Fprintf(b, "}\nother = %s # %s\n", f.Bins[last-1].Points, f.Bins[last-1].evidence())
	}
	fmt.Fprintf(b, "unknown = %s # %s\n}\n", f.Bins[last].Points, f.Bins[last].evidence())
}

// evidence says what a bin's points rest on.
func (b *Bin) evidence() string {
	if !b.Learnt() {
		return fmt.Sprintf("%d leads: too few to say", b.Leads)
	}
	return fmt.Sprintf("%d leads, %d %% won", b.Leads, measure.Ratio(b.Won, b.Leads, 100))
}

// path reads a trait or fact in the workflow language.
func path(of, name string) string {
	for _, part := range strings.Split(name, ".") {
		if !hclsyntax.ValidIdentifier(part) {
			return of + "[" + quote(name) + "]"
		}
	}
	return of + "." + name
}

func quote(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// rangeText says what a range holds.
func rangeText(bins []Bin, i int) string {
	switch {
	case len(bins) == 1:
		return "any"
	case i == 0:
		return "up to " + number(bins[i].To)
	case bins[i].Last:
		return "over " + number(bins[i-1].To)
	}
	return "over " + number(bins[i-1].To) + " to " + number(bins[i].To)
}

// Judge says how well the suggested workflow ranks leads, beside the workflow as
// it is; rival says that another scoring is compared.
func (s *Suggestion) Judge(before, after *Gatherer, rival bool) {
	s.Judged = after.opts.Half.String()
	s.Before, s.After = measure.AreaUnder(before.Scores()), measure.AreaUnder(after.Scores())
	current := []lead.Points{s.Threshold}
	list := after.Scores()
	s.Thresholds = measure.Thresholds(list, measure.Candidates(list, current), current)
	if rival {
		s.Rival = &before.rival("").AUC
	}
}
