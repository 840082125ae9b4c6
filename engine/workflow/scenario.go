package workflow

import (
	"io/fs"
	"path"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/workflow/value"
)

// TestSuffix is how the names of test files end.
const TestSuffix = ".ripentest.hcl"

// Scenario is test "name" { … }: what leads do, how time passes, and what must
// have become of them.
type Scenario struct {
	Name  string
	About string
	Start int64 // ms since 1970 UTC
	Acts  []Act // in the order in which they stand in the file
	Range hcl.Range
}

// Act is one thing that happens in a scenario: an event, time that passes, or a
// look at a lead. With an event and a look, the look is afterwards.
type Act struct {
	// Event happens Count times, Every ms apart; its time and id are the
	// player's. Count 0: no event.
	Event lead.Event
	Count int
	Every int64
	Wait  int64        // ms that pass
	Look  *Expectation // nil: nobody looks
	Range hcl.Range
}

// Expectation is expect { … }. What is not written is not checked.
type Expectation struct {
	Lead string
	// After is the one thing that has happened to the lead, for people; empty if
	// that is told by the test.
	After string
	// Grade, Because, Label and Display are texts to be equal to.
	Grade, Because, Label, Display *ExpectedText
	Scores                         []ExpectedScore
	// Decisions are all "action/route" since the look before, in their order;
	// nil is not checked, an empty list means none.
	Decisions *ExpectedList
	// Never are actions, or "action/route", that the lead has not had so far.
	Never *ExpectedList
	// Rejected is how many of the lead's events were refused since the look
	// before.
	Rejected *ExpectedScore
	Range    hcl.Range
}

// ExpectedText is a text with its place.
type ExpectedText struct {
	Text  string
	Range hcl.Range
}

// ExpectedScore is a value in milli-points with its place; of Rejected, Value
// is a plain number.
type ExpectedScore struct {
	Name      string
	NameRange hcl.Range
	Value     lead.Points
	Range     hcl.Range
}

// ExpectedList is a list of texts with its place.
type ExpectedList struct {
	Items []string
	Range hcl.Range
}

// Limits of a scenario.
const (
	maxScenarioCount = 10_000
	scenarioStart    = 1_767_225_600_000 // 2026-01-01T00:00:00Z: any fixed time will do
	scenarioLead     = "lead"
)

// LoadTests reads all *.ripentest.hcl files in the root of fsys in the order of
// their names, with every mistake in them. Files hold the sources for showing
// diagnostics.
func LoadTests(fsys fs.FS, opts Options) (tests []Scenario, files map[string]*hcl.File, diags hcl.Diagnostics) {
	l := &loader{opts: opts, fsys: fsys, seen: map[string]hcl.Range{}, def: &Definition{Files: map[string]*hcl.File{}}}
	names, err := l.filesWhere(func(name string) bool {
		return strings.HasSuffix(name, TestSuffix) && !strings.HasPrefix(name, ".")
	})
	if err != nil {
		l.Errorf(startOf(opts.Dir), "Cannot read the workflow folder", "%v. Check the path and its permissions.", err)
	}
	for _, name := range names {
		shown := path.Join(opts.Dir, name)
		src, err := l.readFile(name, maxFileBytes)
		if err != nil {
			l.Errorf(startOf(shown), "Cannot read a test file", "%s: %v.", shown, err)
			continue
		}
		if body := l.parseFile(shown, src); body != nil {
			tests = append(tests, l.scenarios(body)...)
		}
	}
	return tests, l.def.Files, sorted(l.Diags)
}

// filesWhere lists the files of the folder that are wanted, by name.
func (l *loader) filesWhere(wanted func(name string) bool) ([]string, error) {
	entries, err := fs.ReadDir(l.fsys, ".")
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && wanted(e.Name()) {
			names = append(names, e.Name())
		}
	}
	sort.Strings(names)
	return names, nil
}

// scenarios reads one test file.
func (l *loader) scenarios(body *hclsyntax.Body) (out []Scenario) {
	for _, a := range byPlace(body.Attributes) {
		l.Errorf(a.NameRange, "Unexpected attribute", "%s stands outside of any block. A test file holds blocks such as test \"a hot lead goes to sales\" { … }.", a.Name)
	}
	for _, b := range body.Blocks {
		if b.Type != "test" {
			l.Errorf(b.TypeRange, "Unknown block", "There is no block %q in a test file. %s", b.Type, value.DidYouMean(b.Type, []string{"test"}))
			continue
		}
		if !l.oneLabel(b, `test "a hot lead goes to sales" {`) {
			continue
		}
		l.unique("test "+b.Labels[0], "The test "+value.BlockTitle("", b.Labels), b.DefRange(), "Give one of them another name.")
		out = append(out, l.scenario(b))
	}
	return out
}

// oneLabel checks that a block has one label, of any text.
func (l *loader) oneLabel(b *hclsyntax.Block, example string) bool {
	if len(b.Labels) == 1 && strings.TrimSpace(b.Labels[0]) != "" {
		return true
	}
	l.Errorf(b.DefRange(), "Wrong number of labels", "%s needs one label that is not empty, as in: %s", value.BlockTitle(b.Type, b.Labels), example)
	return false
}

func (l *loader) scenario(b *hclsyntax.Block) Scenario {
	r := l.reader(b)
	s := Scenario{Name: b.Labels[0], About: r.text("about"), Start: r.moment("start", scenarioStart), Range: b.DefRange()}
	hero := r.filled("lead")
	if hero == "" {
		hero = scenarioLead
	}
	r.attrsDone()
	looks := 0
	for n, inner := range b.Body.Blocks {
		if inner.Type == "earns" {
			s.Acts = append(s.Acts, l.earns(inner, n+1)...)
			looks++
			continue
		}
		act, ok := l.act(inner, hero)
		if !ok {
			continue
		}
		if act.Look != nil {
			looks++
		}
		s.Acts = append(s.Acts, act)
	}
	if looks == 0 {
		l.Errorf(b.DefRange(), "Nothing is checked", "%s has no expect block, so it cannot fail. Add expect { … } behind what happens.", r.what)
	}
	return s
}

// actTypes are the blocks inside a test, for suggestions.
func actTypes() []string {
	return []string{"identify", "group", "event", "page", "after", "expect", "earns"}
}

// act reads one block of a test.
func (l *loader) act(b *hclsyntax.Block, hero string) (Act, bool) {
	r := l.reader(b)
	a := Act{Range: b.DefRange()}
	switch b.Type {
	case "identify", "group":
		if !l.noLabels(b) {
			return a, false
		}
		a.Event = lead.Event{Kind: lead.Identify, Traits: l.props(r, "traits")}
		if b.Type == "group" {
			a.Event.Kind = lead.Group
		}
		r.require("traits", `traits = { title = "VP Sales" }`)
	case "event":
		if !l.oneLabel(b, `event "Email Opened" {}`) {
			return a, false
		}
		a.Event = lead.Event{Kind: lead.Track, Name: b.Labels[0], Props: l.props(r, "properties"), Context: l.props(r, "context")}
	case "page":
		if !l.oneLabel(b, `page "/pricing" {}`) {
			return a, false
		}
		a.Event = lead.Event{Kind: lead.Page, Path: b.Labels[0], Props: l.props(r, "properties"), Context: l.props(r, "context")}
	case "after":
		return l.pause(b, r)
	case "expect":
		if !l.noLabels(b) {
			return a, false
		}
		a.Look = l.expectation(r, hero)
		r.done()
		return a, true
	default:
		l.Errorf(b.TypeRange, "Unknown block", "There is no block %q in a test. %s", b.Type, value.DidYouMean(b.Type, actTypes()))
		return a, false
	}
	a.Event.Lead = r.who(hero)
	a.Event.ID = r.filled("id")
	a.Count = r.whole("count", 1, maxScenarioCount, 1)
	a.Every, _ = r.duration("every", "1h", 0)
	r.done()
	return a, true
}

// pause reads after "60d" {}.
func (l *loader) pause(b *hclsyntax.Block, r *reader) (a Act, ok bool) {
	a.Range = b.DefRange()
	if !l.oneLabel(b, `after "60d" {}`) {
		return a, false
	}
	ms, err := value.ParseDuration(b.Labels[0])
	if err != nil {
		l.DurationError(err, "after", "60d", b.LabelRanges[0])
		return a, false
	}
	r.done()
	a.Wait = ms
	return a, true
}

func (l *loader) noLabels(b *hclsyntax.Block) bool {
	if len(b.Labels) > 0 {
		l.Errorf(b.DefRange(), "Wrong number of labels", "%s has no label. Write %s { … }.", value.BlockTitle(b.Type, b.Labels), b.Type)
	}
	return len(b.Labels) == 0
}

func (l *loader) expectation(r *reader, hero string) *Expectation {
	e := &Expectation{
		Lead: r.who(hero), Range: r.def,
		Grade: r.expected("grade"), Because: r.expected("because"), Label: r.expected("label"), Display: r.expected("display"),
		Scores:    l.expectedScores(r),
		Decisions: r.expectedList("decisions"), Never: r.expectedList("never"),
	}
	if v, rng, ok := r.typed("rejected", cty.Number, "a whole number"); ok {
		n, whole := value.WholeOf(v)
		if !whole || n < 0 {
			l.Errorf(rng, "Number out of range", "rejected must be a whole number from 0 on, found %s.", v.AsBigFloat().Text('g', 12))
		}
		e.Rejected = &ExpectedScore{Value: lead.Points(n), Range: rng}
	}
	return e
}

// expectedScores reads scores = { recent = 100 }.
func (l *loader) expectedScores(r *reader) (out []ExpectedScore) {
	a := r.attr("scores")
	if a == nil {
		return nil
	}
	for _, item := range l.items(a.Expr, "scores", "{ recent = 100 }") {
		name := item.key.AsString()
		if p := l.pointsOf(item.value, "scores."+name); p != nil {
			out = append(out, ExpectedScore{Name: name, NameRange: item.keyRange, Value: *p, Range: item.value.Range()})
		}
	}
	return out
}

// who is the lead that a block is about.
func (r *reader) who(hero string) string {
	if name := r.filled("lead"); name != "" {
		return name
	}
	return hero
}

func (r *reader) expected(name string) *ExpectedText {
	v, rng, ok := r.typed(name, cty.String, "a string")
	if !ok {
		return nil
	}
	return &ExpectedText{v.AsString(), rng}
}

// expectedList is a list of texts in which one may stand twice.
func (r *reader) expectedList(name string) *ExpectedList {
	a := r.attr(name)
	if a == nil {
		return nil
	}
	items, ok := value.ListItems(a.Expr)
	if !ok {
		r.l.Errorf(a.Expr.Range(), "Wrong type", "%s must be a list such as [\"sales-handoff/warm\"]; [] means none.", name)
		return nil
	}
	list := &ExpectedList{Items: []string{}, Range: a.Expr.Range()}
	for _, item := range items {
		v, ok := r.l.Constant(item, name)
		switch {
		case !ok:
		case v.IsNull() || v.Type() != cty.String:
			r.wrong(item.Range(), name, "a list of strings", v)
		default:
			list.Items = append(list.Items, v.AsString())
		}
	}
	return list
}

// moment is a time in RFC 3339, in ms since 1970 UTC.
func (r *reader) moment(name string, byDefault int64) int64 {
	v, rng, ok := r.typed(name, cty.String, "a time in quotes such as \"2026-03-01T09:00:00Z\"")
	if !ok {
		return byDefault
	}
	t, err := time.Parse(time.RFC3339, v.AsString())
	if err != nil {
		r.l.Errorf(rng, "Not a time", "%s must be a time with its zone such as \"2026-03-01T09:00:00Z\", found %q.", name, value.Shorten(v.AsString()))
		return byDefault
	}
	return t.UnixMilli()
}
