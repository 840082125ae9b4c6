package scoretest

import (
	"time"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Kit is a small workflow: a guard against robots, behaviour points with a
// timer, a fit that replaces its lines, and a decay; a demo request is a
// hand-raise, 60 points in all hand a lead over, 60 idle days raise
// "investigate".
type Kit struct {
	Book    *ledger.Book
	Specs   []*step.Spec
	Policy  *decide.Policy
	Natives []*Native
	// Healed makes the step "behavior" answer inputs that are marked to fail.
	Healed bool
}

// Scores, classes, counters and steps of the kit by index.
const (
	ScoreRecent = iota
	ScoreFit
	ScoreTotal
)

// Steps of the kit by index.
const (
	StepGuard = iota
	StepBehavior
	StepFit
	StepFade
)

// Classes of the kit by index.
const (
	ClassMail = iota
	ClassHand
)

// Config chooses variants of the kit.
type Config struct {
	Window  int64 // age steps until points are gone, default 60
	AgeStep int64 // ms, default one day
	// OnError is the policy of the step "behavior".
	OnError step.OnError
	// NoGuard leaves events out of the bucket keys.
	NoGuard bool
	// MaxBuckets bounds an account, default 4096.
	MaxBuckets int
	// Cooldown of sales-handoff in ms.
	Cooldown int64
	// Rich adds routes that read counters, peaks and the calendar.
	Rich bool
	// Fresh lets the decay say that it leaves rows of the current age step alone.
	Fresh bool
}

// New makes a kit.
func New(c Config) *Kit {
	c.Window, c.AgeStep = or(c.Window, 60), or(c.AgeStep, Day)
	if c.MaxBuckets == 0 {
		c.MaxBuckets = 4096
	}
	k := &Kit{Book: newBook(c)}
	k.Specs = specs(c)
	k.Policy = policy(k.Book, c)
	if c.Rich {
		enrich(k.Policy)
	}
	k.Natives = []*Native{{Fn: guard}, {Fn: k.behavior}, {Fn: fit}, {Fn: Fade(c.Window)}}
	return k
}

func or(v, otherwise int64) int64 {
	if v == 0 {
		return otherwise
	}
	return v
}

// Scorers are the kit's scorers as a program takes them.
func (k *Kit) Scorers() []step.Scorer {
	out := make([]step.Scorer, len(k.Natives))
	for i, n := range k.Natives {
		out[i] = n
	}
	return out
}

// Calls is how often any scorer was called.
func (k *Kit) Calls() (n int) {
	for _, s := range k.Natives {
		n += s.Calls
	}
	return n
}

func newBook(c Config) *ledger.Book {
	rule := func(name string, class int) ledger.Rule {
		return ledger.Rule{ID: ledger.Hash("rule", "behavior", name), Score: ScoreRecent, Class: class, Step: "behavior", Name: name, Template: "{label}"}
	}
	rules := []ledger.Rule{
		rule("opened", ClassMail), rule("signup", -1), rule("demo", ClassHand), rule("download", -1),
		rule("visit", -1), rule("ignored", -1), rule("unsubscribed", -1), rule("daily", -1),
		{ID: ledger.Hash("rule", "fit", "title"), Score: ScoreFit, Class: -1, Step: "fit", Name: "title"},
		{ID: ledger.Hash("rule", "fit", "size"), Score: ScoreFit, Class: -1, Step: "fit", Name: "size", Account: true},
		{ID: ledger.Hash("rule", "", "adjusted", "recent"), Score: ScoreRecent, Class: -1, Name: "adjusted", Manual: true, Template: "adjusted by hand"},
		{ID: ledger.Hash("rule", "", "adjusted", "fit"), Score: ScoreFit, Class: -1, Name: "adjusted", Manual: true, Template: "adjusted by hand"},
	}
	rules[RuleSignup].Once, rules[RuleSignup].Keys = true, []string{"list"}
	rules[RuleDownload].Cap = 30 * lead.Point
	rules[RuleVisit].MaxN, rules[RuleVisit].Window = 5, 7*Day
	rules[RuleDaily].Once, rules[RuleDaily].PerDay = true, true
	b := &ledger.Book{
		Scores: []ledger.Score{
			{Name: "recent", ID: ledger.Hash("score", "recent"), About: "what the lead did lately"},
			{Name: "fit", ID: ledger.Hash("score", "fit"), HasFloor: true},
			{Name: "total", ID: ledger.Hash("score", "total"), Scale: ledger.ScaleClamp, Max: 100 * lead.Point, Parts: []int{ScoreRecent, ScoreFit},
				Derive: func(f *ledger.Frame) lead.Points { return f.Values[ScoreRecent] + f.Values[ScoreFit] }, Thresholds: []lead.Points{60 * lead.Point}},
		},
		Rules: rules,
		Classes: []ledger.Class{
			{ID: ledger.Hash("class", "behavior", "mail"), Step: "behavior", Name: "mail", Cap: 40 * lead.Point, Top: 5 * lead.Point},
			{ID: ledger.Hash("class", "behavior", "hand"), Step: "behavior", Name: "hand", Top: 50 * lead.Point, Hand: true},
		},
		Counters: []ledger.CounterDef{
			{ID: ledger.Hash("counter", "pages"), Name: "pages", Window: 30 * Day, Match: func(f *ledger.Frame) bool { return f.Event.Kind == lead.Page }},
			{ID: ledger.Hash("counter", "paths"), Name: "paths", Window: 30 * Day, Match: func(f *ledger.Frame) bool { return f.Event.Kind == lead.Page },
				Distinct: func(f *ledger.Frame) (string, bool) { return f.Event.Path, f.Event.Path != "" }},
		},
		Peaks: []ledger.PeakDef{{ID: ledger.Hash("peak", "recent"), Score: ScoreRecent, Window: 30 * Day}},
		Steps: []ledger.StepDef{
			{ID: ledger.Hash("step", "guard"), Name: "guard"}, {ID: ledger.Hash("step", "behavior"), Name: "behavior"},
			{ID: ledger.Hash("step", "fit"), Name: "fit", Grades: []string{"A", "B", "C"}, Reasons: []string{"unknown"}},
			{ID: ledger.Hash("step", "fade"), Name: "fade"},
		},
		AgeStep: c.AgeStep, Zone: time.UTC, MaxBuckets: c.MaxBuckets, MaxUses: c.MaxBuckets, Voidable: !c.NoGuard,
	}
	b.Index()
	return b
}

func specs(c Config) []*step.Spec {
	guardCaps := abi.CapVoid
	if c.NoGuard {
		guardCaps = 0
	}
	behavior := &step.Spec{Index: StepBehavior, Name: "behavior", Caps: abi.CapState | abi.CapTimers, StateMax: 64, OnError: c.OnError,
		Needs: &abi.Needs{Rules: make([]abi.Rule, RuleDaily+1)}}
	for i := range behavior.Needs.Rules {
		behavior.Rules = append(behavior.Rules, i)
	}
	return []*step.Spec{
		{Index: StepGuard, Name: "guard", Caps: guardCaps, Needs: &abi.Needs{}},
		behavior,
		{Index: StepFit, Name: "fit", Caps: abi.CapPure, FactsOnly: true, Rules: []int{RuleDaily + 1, RuleDaily + 2},
			Needs: &abi.Needs{Rules: make([]abi.Rule, 2), Grades: []string{"A", "B", "C"}, Reasons: []string{"unknown"}}},
		{Index: StepFade, Name: "fade", Caps: abi.CapLedger | abi.CapMemoryless, Needs: &abi.Needs{KeepsFresh: c.Fresh},
			Views: []step.RowView{{Score: ledger.Hash("score", "recent")}}},
	}
}

func policy(b *ledger.Book, c Config) *decide.Policy {
	trait := func(name string) ledger.Cond {
		return func(f *ledger.Frame) lead.Tri {
			v := f.Acct.Person.Get(name)
			if v.Kind != lead.Bool {
				return lead.Unknown
			}
			return lead.TriOf(v.Num != 0)
		}
	}
	hand := b.Classes[ClassHand].ID
	idle := func(f *ledger.Frame) lead.Tri {
		return lead.TriOf(f.Now-max(f.Acct.LastActivity, f.Acct.First) >= 60*Day)
	}
	return &decide.Policy{
		Workflow: "kit", Release: "r1", LeadWord: "lead", Sales: []string{"sales-handoff"},
		Suppress: []decide.Guard{{Name: "customers", When: trait("customer")}},
		Vetoes:   []decide.Guard{{Name: "competitors", When: trait("competitor"), Actions: []string{"sales-handoff"}}},
		Routes: []decide.Route{
			{ID: ledger.Hash("route", "sales-handoff", "hand"), Action: "sales-handoff", Name: "hand", Classes: []int{ClassHand}, Cooldown: c.Cooldown,
				When: func(f *ledger.Frame) lead.Tri { return lead.TriOf(decide.IsPending(&f.Acct.Marks, hand)) }},
			{ID: ledger.Hash("route", "sales-handoff", "warm"), Action: "sales-handoff", Name: "warm", Traits: []string{"title", "size"}, Cooldown: c.Cooldown,
				When: func(f *ledger.Frame) lead.Tri { return lead.TriOf(f.Values[ScoreTotal] >= 60*lead.Point) }},
			{ID: ledger.Hash("route", "nurture-cooled", "cooled"), Action: "nurture-cooled", Name: "cooled", OnFall: true,
				When:  func(f *ledger.Frame) lead.Tri { return lead.TriOf(f.Values[ScoreRecent] >= 20*lead.Point) },
				Reset: func(f *ledger.Frame) lead.Tri { return lead.TriOf(f.Values[ScoreRecent] >= 20*lead.Point) }},
			{ID: ledger.Hash("route", "investigate", "quiet"), Action: "investigate", Name: "quiet", When: idle, Reset: func(f *ledger.Frame) lead.Tri { return idle(f).Not() }},
			{ID: ledger.Hash("route", "nurture", "rest"), Action: "nurture", Name: "rest"},
		},
		Labels:  []decide.Label{{Name: "hot", When: func(f *ledger.Frame) lead.Tri { return lead.TriOf(f.Values[ScoreTotal] >= 60*lead.Point) }}, {Name: "cold"}},
		Display: func(f *ledger.Frame) string { return "at " + f.Values[ScoreTotal].String() },
		Primary: ScoreTotal, Grading: StepFit, Idles: []int64{60 * Day}, ReadsScores: true,
	}
}

// enrich puts routes that change with windows and days before the default.
func enrich(p *decide.Policy) {
	often := func(f *ledger.Frame) lead.Tri { return lead.TriOf(f.Acct.Counted(f.Book, 1, f.Now) >= 2) }
	slump := func(f *ledger.Frame) lead.Tri {
		return lead.TriOf(f.Acct.PeakOf(f.Book, 0, f.Now) >= 40*lead.Point && f.Values[ScoreRecent] < 30*lead.Point)
	}
	old := func(f *ledger.Frame) lead.Tri {
		return lead.TriOf(f.Book.AgeStepOf(f.Now)-f.Book.AgeStepOf(f.Acct.First) >= 100)
	}
	not := func(c ledger.Cond) ledger.Cond { return func(f *ledger.Frame) lead.Tri { return c(f).Not() } }
	last := len(p.Routes) - 1
	rest := p.Routes[last]
	p.Routes = append(p.Routes[:last],
		decide.Route{ID: ledger.Hash("route", "slump"), Action: "slump", Name: "slump", When: slump, Reset: not(slump)},
		decide.Route{ID: ledger.Hash("route", "often"), Action: "often", Name: "often", When: often, Reset: not(often)},
		decide.Route{ID: ledger.Hash("route", "old"), Action: "old", Name: "old", When: old}, rest)
	p.ReadsCounters, p.ReadsDays = []int{1}, true
}
