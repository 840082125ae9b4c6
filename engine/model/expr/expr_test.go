package expr

import (
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

const day = int64(86_400_000)

// world is a workflow's names and one lead under it.
func world(t testing.TB) (*Scope, *ledger.Frame) {
	t.Helper()
	book := &ledger.Book{
		AgeStep: day,
		Zone:    time.UTC,
		Scores:  []ledger.Score{{Name: "recent", ID: 1}, {Name: "fit", ID: 2}, {Name: "total", ID: 3}},
		Classes: []ledger.Class{
			{ID: 11, Step: "recent", Name: "asked", Top: 100_000},
			{ID: 12, Step: "recent", Name: "product", Top: 15_000},
		},
		Rules: []ledger.Rule{
			{ID: 21, Score: 0, Class: 0, Step: "recent", Name: "asked/Demo Requested"},
			{ID: 22, Score: 0, Class: 1, Step: "recent", Name: "product/Guide Downloaded"},
		},
		Counters: []ledger.CounterDef{{Name: "blog", Window: 30 * day}},
		Steps: []ledger.StepDef{
			{Name: "who", Grades: []string{"A", "B", "C", "D"}, Reasons: []string{"fits", "unknown"}, Flags: []string{"knocked_out"}},
			{Name: "recent"},
		},
	}
	book.Index()
	acct := ledger.NewAccount(book, "ada")
	acct.First, acct.LastActivity = 1*day, 40*day
	acct.Person = lead.Props{
		{Name: "age", Value: lead.StringOf("12")}, {Name: "big", Value: lead.StringOf("big")},
		{Name: "dead", Value: lead.BoolOf(false)}, {Name: "job title", Value: lead.StringOf("Chief Cook")},
		{Name: "n", Value: lead.NumberOf(12)}, {Name: "tags", Value: lead.ListOf("red", "Blue")},
		{Name: "title", Value: lead.StringOf("VP Sales")},
	}.Sort()
	acct.Company = lead.Props{{Name: "employees", Value: lead.NumberOf(120)}, {Name: "industry", Value: lead.StringOf("saas")}}
	acct.Steps[0] = ledger.StepMemo{Ran: true, Grade: 2, Reason: 1, Out: 1}
	acct.Counters[0].Steps = []ledger.Tally{{Step: 90, N: 5}, {Step: 99, N: 2}}
	acct.Marks.Pending = []ledger.Pending{{Class: 11}}
	acct.Marks.Episodes = []ledger.Episode{{Action: "sales-handoff", Open: true}}
	acct.Marks.Stage = "accepted"
	acct.Buckets = []ledger.Bucket{
		{Score: 1, Rule: 21, Step: 99, Awarded: 100_000, Remaining: 20_000, Last: 99 * day},
		{Score: 1, Rule: 22, Step: 98, Awarded: 30_000, Remaining: 7_400, Last: 98 * day},
	}
	acct.SetLabel(0, "Demo Requested")
	acct.SetLabel(1, "Guide Downloaded")
	frame := &ledger.Frame{
		Book: book, Acct: acct, At: 100*day + 15*3_600_000, Now: 100*day + 15*3_600_000,
		Event:  &lead.Event{Name: "Page Viewed", Path: "/pricing", Kind: lead.Page, Props: lead.Props{{Name: "plan", Value: lead.StringOf("pro")}, {Name: "seats", Value: lead.NumberOf(7)}}},
		Values: []lead.Points{27_400, 8_000, 35_400},
	}
	tables := map[string]*Table{
		"competitors": NewTable("competitors", []string{"domain", "weight"}, [][]string{{"Rival.com", "7"}, {"other.io", ""}}, true),
	}
	return &Scope{Book: book, Tables: tables, Place: "a test", Allow: InRoute, Steps: 2}, frame
}

func parse(t testing.TB, src string) hcl.Expression {
	t.Helper()
	e, diags := hclsyntax.ParseExpression([]byte(src), "test.hcl", hcl.InitialPos)
	require.False(t, diags.HasErrors(), "%s", diags)
	return e
}

const (
	no  = lead.False
	yes = lead.True
	dk  = lead.Unknown
)

func TestConditions(t *testing.T) {
	tests := map[string]lead.Tri{
		// missing is unknown
		`trait.x == "a"`: dk, `!(trait.x == "a")`: dk, `trait.x != "a"`: dk,
		`unknown(trait.x)`: yes, `known(trait.x)`: no, `unknown(trait.x == "a")`: yes, `known(trait.title)`: yes,
		`trait.x == "a" || true`: yes, `trait.x == "a" && false`: no, `trait.x == "a" && true`: dk,
		`trait.x > 3 || trait.title == "VP Sales"`: yes, `trait.x > 3 && trait.title == "nobody"`: no,
		`like(trait.x, "*")`: dk, `oneof(trait.x, "a")`: dk, `listed("competitors", trait.x)`: dk,
		`coalesce(trait.x, "a") == "a"`: yes, `coalesce(trait.x, 5) > 4`: yes, `coalesce(trait.x == 1, true)`: yes,
		// what a property holds
		`trait.age > 11`: yes, `trait.age == 12`: yes, `trait.big > 11`: dk, `!(trait.big > 11)`: dk,
		`trait.n == "12"`: yes, `trait.n == "12.0"`: no, `trait.n != "13"`: yes, `trait.n == trait.age`: yes,
		`trait.dead`: no, `!trait.dead`: yes, `trait.dead == false`: yes, `trait.title && true`: dk,
		`trait.dead == "false"`: yes, `trait["job title"] == "Chief Cook"`: yes, `trait.tags == "red"`: dk,
		`account.employees * 2 == 240`: yes, `account.industry == "saas"`: yes,
		`trait.title < "W"`: yes, `trait.title == account.industry`: no,
		// texts
		`like(trait.title, "chief*", "vp*")`: yes, `like(trait.title, "*SALES")`: yes, `like(trait.title, "vp")`: no,
		`oneof(account.industry, "saas", "retail")`: yes, `oneof(trait.n, 11, 12)`: yes, `oneof(trait.tags, "Blue")`: yes,
		`listed("competitors", "RIVAL.COM")`: yes, `listed("competitors", trait.title)`: no,
		`lookup("competitors", "rival.com", "weight") > 6`: yes, `lookup("competitors", "other.io", "weight") > 6`: dk,
		`contains(trait.title, "P S")`: yes, `contains(trait.tags, "red")`: yes, `contains(trait.tags, "re")`: no,
		`starts(lower(trait.title), "vp")`: yes, `ends(trait.title, "es")`: yes, `"${trait.title}!" == "VP Sales!"`: yes,
		// numbers
		`between(account.employees, 120, 120)`: yes, `between(account.employees, 50, 119)`: no,
		`min(trait.n, 5) == 5`: yes, `max(trait.n, trait.age, 20) == 20`: yes, `abs(-trait.n) == 12`: yes,
		`0.1 + 0.2 == 0.3`: yes, `trait.n / 0 == 1`: dk, `ratio(trait.n, 24) == 0.5`: yes, `ratio(trait.n, trait.n - 12) == 1`: dk,
		`(trait.n > 5 ? 1 : 2) == 1`: yes, `(trait.x > 5 ? 1 : 2) == 1`: dk, `trait.x > 5 ? true : true`: yes,
		// the event
		`event.name == "Page Viewed"`: yes, `event.path == "/pricing"`: yes, `event.kind == "page"`: yes,
		`prop.seats >= 7`: yes, `prop.plan == "pro"`: yes, `context.ip == "x"`: dk, `hour() == 15`: yes, `weekday() == 6`: yes,
		// what the workflow declares
		`grade == "B"`: yes, `grade != "B"`: no, `who.grade != "D"`: yes, `oneof(grade, "A", "B")`: yes, `oneof(grade, "A", "C")`: no,
		`who.reason == "fits"`: yes, `who.knocked_out`: yes, `count.blog == 7`: yes, `lead == "ada"`: yes,
		`recent >= 27.4`: yes, `recent > 27.4`: no, `recent == 27.4`: yes, `recent + fit == total`: yes,
		`recent * 0.5 == 13.7`: yes, `total / 3 > 11.8`: no, `total / 3 >= 11.8`: yes, `between(recent, 20, 30)`: yes,
		`recent.top == "asked"`: yes, `recent.asked == 20`: yes, `recent.product.last == "Guide Downloaded"`: yes,
		`min(recent, 10) == 10`: yes, `abs(fit - recent) == 19.4`: yes, `points(account.employees) > recent`: yes,
		`ratio(fit, recent) < 0.3`: yes, `-recent < 0`: yes, `max(fit, recent) == recent`: yes,
		// what routes keep
		`pending("asked")`: yes, `pending("recent/product")`: no, `idle("60d")`: yes, `idle("61d")`: no,
		`peak(recent, "120d") >= 27.4`: yes, `episode("sales-handoff")`: yes, `episode("nurture")`: no,
		`stage("accepted")`: yes, `stage("won")`: no, `age_days() == 99`: yes,
	}
	for src, want := range tests {
		s, f := world(t)
		x, diags := s.Compile(parse(t, src), Bool)
		f.Acct.Peaks = make([][]ledger.Peak, len(s.Book.Peaks))
		if assert.Empty(t, diags, src) {
			assert.Equal(t, want, x.Cond(f), src)
		}
	}
}

// Missing is unknown, and unknown never fires: HCL's own null rules, under
// which !(null == "a") is true, must not leak through.
func TestMissingIsUnknown_R002_06(t *testing.T) {
	s, f := world(t)
	x, diags := s.Compile(parse(t, `!(trait.x == "a")`), Bool)
	require.Empty(t, diags)
	assert.Equal(t, lead.Unknown, x.Cond(f))
	f.Event = nil // a timer: no property of any event
	for _, src := range []string{`prop.plan == "pro"`, `!(prop.plan == "pro")`, `event.name == "x"`, `hour() > 3`} {
		x, diags := s.Compile(parse(t, src), Bool)
		require.Empty(t, diags, src)
		assert.Equal(t, lead.Unknown, x.Cond(f), src)
	}
	f.Acct.Steps[0] = ledger.StepMemo{}
	for _, src := range []string{`grade == "D"`, `grade != "D"`, `who.knocked_out`, `!who.knocked_out`} {
		x, diags := s.Compile(parse(t, src), Bool)
		require.Empty(t, diags, src)
		assert.Equal(t, lead.Unknown, x.Cond(f), src)
	}
}

func TestMistakes(t *testing.T) {
	tests := map[string]string{
		`trait.x == null`:                 "unknown(x)",
		`null != trait.x`:                 "known(x)",
		`coalesce(trait.x, null) == 1`:    "no null",
		`tait.x == 1`:                     `Did you mean "trait"`,
		`recnt > 5`:                       `Did you mean "recent"`,
		`like(trait.x)`:                   "like(x,",
		`lik(trait.x, "a")`:               `Did you mean "like"`,
		`recent > trait.x`:                "points(…)",
		`recent > count.blog`:             "points(…)",
		`recent * recent > 5`:             "ratio(a, b)",
		`recent / fit > 5`:                "ratio(a, b)",
		`recent >= 0.0005`:                "three decimals",
		`recent`:                          "condition",
		`grade > "B"`:                     "oneof",
		`grade == "E"`:                    `"A", "B", "C", "D"`,
		`grade.x == "A"`:                  "no parts",
		`oneof(grade, "A", "X")`:          `never "X"`,
		`who == "A"`:                      "gives no score",
		`who.gade == "A"`:                 `Did you mean "grade"`,
		`recent.askd > 5`:                 `Did you mean "asked"`,
		`count.blg > 4`:                   `Did you mean "blog"`,
		`pending("askd")`:                 `Did you mean "asked"`,
		`pending(trait.x)`:                "written out",
		`idle("soon")`:                    "60d",
		`peak(trait.x, "120d") > 5`:       "name of a score",
		`peak(recent, "90m") > 5`:         "multiple of the age step",
		`stage("accept")`:                 `Did you mean "accepted"`,
		`listed("rivals", trait.x)`:       "competitors",
		`lookup("competitors", "x", "w")`: `"weight"`,
		`event.nam == "x"`:                `Did you mean "name"`,
		`trait == "x"`:                    "which one",
		`"a" < 5`:                         "a string",
		`"a" + "b" == "ab"`:               "template",
		`5 % 2 == 1`:                      "operator",
		`[1, 2] == 1`:                     "lists",
		`1 / 0 == 1`:                      "divisor is 0",
		`between(recent, 9, 3)`:           "above the upper end",
		`true > false`:                    "no order",
		`trait.a[0] == 1`:                 "written with a dot",
		`points("a") > 1`:                 "a string",
		`1e999999 > trait.x`:              "1e300",
		`coalesce(recent, trait.x) > 5`:   "points(…)",
	}
	for src, want := range tests {
		s, _ := world(t)
		x, diags := s.Compile(parse(t, src), Bool)
		assert.Nil(t, x, src)
		if assert.True(t, diags.HasErrors(), src) {
			assert.Contains(t, diags[0].Summary+" "+diags[0].Detail, want, src)
			assert.NotNil(t, diags[0].Subject, src)
		}
	}
}

func TestPlacesDecideNames(t *testing.T) {
	s, _ := world(t)
	s.Allow, s.Steps = InStep, 1
	for src, want := range map[string]string{
		`recent > 5`: "known only after all steps", `pending("asked")`: "kept for routes", `idle("3d")`: "kept for routes",
		`peak(recent, "3d") > 4`: "kept for routes", `recent.top == "x"`: "known only after all steps",
	} {
		_, diags := s.Compile(parse(t, src), Bool)
		if assert.True(t, diags.HasErrors(), src) {
			assert.Contains(t, diags[0].Detail, want, src)
		}
	}
	s.Allow = InDerived
	_, diags := s.Compile(parse(t, `prop.x == 1`), Bool)
	assert.True(t, diags.HasErrors())
	s.Steps = 0 // a step sees earlier steps only
	_, diags = s.Compile(parse(t, `grade == "A"`), Bool)
	assert.True(t, diags.HasErrors())
}

func TestDerivedPointsAreExact_R004_04(t *testing.T) {
	s, f := world(t)
	tests := map[string]lead.Points{
		`fit * 0.4 + recent * 0.6`: 19_640, `recent / 3`: 9_133, `fit / 3 + fit / 3 + fit / 3`: 8_000,
		`(recent + fit) * 0.1`: 3_540, `min(total, 30) - 5`: 25_000, `points(trait.n) + 0.5`: 12_500, `recent * -0.5`: -13_700,
		`total > 100 ? total : 0`: 0, `5`: 5_000,
	}
	for src, want := range tests {
		x, diags := s.Compile(parse(t, src), Points)
		if assert.Empty(t, diags, src) {
			got, ok := x.Points(f)
			assert.True(t, ok, src)
			assert.Equal(t, want, got, src)
		}
	}
	f.Values[0] = lead.MaxPoints
	x, diags := s.Compile(parse(t, `recent * 100000 - recent / 7`), Points)
	require.Empty(t, diags)
	got, _ := x.Points(f)
	assert.Equal(t, lead.MaxPoints, got, "sums stay at the bound")
}

func TestLets(t *testing.T) {
	s, f := world(t)
	s.Lets = map[string]hcl.Expression{
		"decider": parse(t, `like(trait.title, "vp*")`), "company": parse(t, `between(account.revenue, 1, 5)`),
		"both": parse(t, `decider && company`),
	}
	require.Empty(t, s.LetNames())
	for src, want := range map[string]lead.Tri{`decider`: yes, `company`: dk, `both`: dk, `decider && unknown(company)`: yes} {
		x, diags := s.Compile(parse(t, src), Bool)
		require.Empty(t, diags, src)
		assert.Equal(t, want, x.Cond(f), src)
		assert.True(t, x.Reads.FactsOnly(), src)
	}
	s, _ = world(t)
	s.Lets = map[string]hcl.Expression{"a": parse(t, `b || trait.x`), "b": parse(t, `!c`), "c": parse(t, `a`), "trait": parse(t, `true`)}
	diags := s.LetNames()
	require.Len(t, diags, 2)
	assert.Contains(t, diags[0].Detail, "a → b → c → a")
	assert.Contains(t, diags[1].Detail, "name of the language")
}

func TestTemplates_R002_10_R002_15(t *testing.T) {
	s, f := world(t)
	tests := map[string]string{
		`"{grade} {recent} {recent.top}"`:                   "B 27 asked",
		`"Ask about {recent.product.last}"`:                 "Ask about Guide Downloaded",
		`"${grade} of ${trait.title}"`:                      "B of VP Sales",
		`"{trait.x} {{x}} {count.blog}"`:                    "? {x} 7",
		`"{upper}"`:                                         "",
		`"{coalesce(trait.x, "you } there")}"`:              "",
		`"{trait.n > 3} {trait.tags} $${x} {recent.asked}"`: "true red, Blue ${x} 20",
		`"plain"`: "plain", `""`: "", `"{open"`: "", `"${recent}"`: "27",
	}
	for src, want := range tests {
		e, pd := hclsyntax.ParseExpression([]byte(src), "test.hcl", hcl.InitialPos)
		if pd.HasErrors() {
			continue // quotes inside a placeholder need HCL's own ${}
		}
		text, _, diags := s.Text(e)
		if want == "" && src != `""` {
			assert.True(t, diags.HasErrors(), src)
			continue
		}
		if assert.Empty(t, diags, src) {
			assert.Equal(t, want, text(f), src)
		}
	}
}

// A score that is shown never rounds across a threshold that it is compared
// with.
func TestDisplayNeverRoundsAcrossThreshold_R000_12(t *testing.T) {
	s, f := world(t)
	x, diags := s.Compile(parse(t, `recent >= 28 || between(total, 35.4, 100)`), Bool)
	require.Empty(t, diags)
	assert.Equal(t, []Threshold{{0, 28_000}, {2, 35_400}, {2, 100_000}}, x.Reads.Thresholds)
	text, _, diags := s.Text(parse(t, `"{recent}"`))
	require.Empty(t, diags)
	f.Values[0] = 27_999
	assert.Equal(t, "28", text(f))
	f.Book.Scores[0].Thresholds = []lead.Points{28_000}
	assert.Equal(t, "27", text(f))
}

func TestReads(t *testing.T) {
	s, _ := world(t)
	x, diags := s.Compile(parse(t, `pending("asked") && idle("60d") && peak(recent, "120d") > fit && count.blog > 3 && age_days() > 3 && prop.x && trait.y && grade == "A" && recent.top == "asked" && stage("won")`), Bool)
	require.Empty(t, diags)
	assert.Equal(t, Reads{
		Event: true, Facts: true, Days: true, Marks: true, Scores: []int{0, 1}, Classes: []int{0, 1}, Counters: []int{0},
		Steps: []int{0}, Pending: []int{0}, Peaks: []int{0}, Idles: []int64{60 * day},
	}, x.Reads)
	assert.Equal(t, []ledger.PeakDef{{ID: ledger.Hash("peak", "recent", "10368000000"), Score: 0, Window: 120 * day}}, s.Book.Peaks)
}

// A route that asks for the absence of a hand-raise is no hand-raise route.
func TestHands_R004_01_R004_10(t *testing.T) {
	for src, want := range map[string][]int{
		`pending("asked") && grade != "D"`: {0}, `recent > 5 && !pending("asked")`: nil, `!(!pending("product") || !pending("asked"))`: {0, 1},
		`recent > 5`: nil, `pending("asked") == true`: {0}, `pending("product") && !pending("asked")`: {1},
	} {
		s, _ := world(t)
		x, diags := s.Compile(parse(t, src), Bool)
		require.Empty(t, diags, src)
		assert.Equal(t, want, x.Hands(), src)
	}
}
