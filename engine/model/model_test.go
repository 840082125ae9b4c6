package model

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

const day = int64(86_400_000)

// letters is the language's own example, over the test plugins.
const letters = `
workflow "letter-and-number" { display = "{grade} {recent} {recent.top}" }
table "competitors" {
  values = ["rival.com"]
}
counter "blog" {
  pages  = ["/blog/*"]
  window = "30d"
}
score "total" {
  about = "Both"
  value = fit * 0.4 + recent * 0.6
}
score "fit" { about = "Who they are" }
step "grader" "who" {
  let {
    decider = like(trait.title, "chief*", "head of*", "vp*")
    company = account.industry == "saas" && between(account.employees, 50, 1000)
  }
  grades = [
    { A = decider && company },
    { C = company || decider && unknown(company) },
    { D = true },
  ]
  size = account.employees
}
step "pointer" "recent" {
  about = "Last 60 days; 100 means they asked"
  floor = 0
  class "asked" {
    events = { "Demo Requested" = 100, "Trial Started" = 100 }
  }
  class "product" {
    events = { "Guide Downloaded" = 15 }
    pages  = { "/product/*" = 10, "/pricing" = 12.5 }
  }
  class "person" {
    score  = "fit"
    events = { "Profile Completed" = 5 }
    once   = "list_id"
  }
}
step "fading" "sixty" {
  of     = "recent"
  window = "60d"
}
veto "closed" {
  when    = stage("lost")
  actions = ["sales-handoff"]
}
route "sales-handoff" "asked" { when = pending("asked") && grade != "D" }
route "review" "unknown"      { when = pending("asked") && grade == "D" && !who.knocked_out }
route "sales-handoff" "warm" {
  when   = grade == "A" && recent >= 25
  say    = "Ask about {recent.product.last}"
  traits = ["email"]
}
route "investigate" "lost" { when = idle("60d") && grade != "D" && peak(recent, "120d") >= 25.5 }
route "nurture" "rest"     { default = true }
label "hot" { when = total >= 60 || count.blog > 4 }
label "cold" { default = true }
`

func lettersModel(t testing.TB) *Model {
	t.Helper()
	m, diags := compile(t, letters)
	for _, d := range diags {
		t.Log(d)
	}
	require.Empty(t, diags)
	return m
}

func scored(m *Model, acct *ledger.Account, e *lead.Event) *ledger.Frame {
	f := &ledger.Frame{Book: m.Book, Acct: acct, Event: e, At: 100 * day, Now: 100 * day}
	if e != nil {
		e.At = f.At
	}
	f.Evaluate(make([]lead.Points, len(m.Book.Scores)))
	return f
}

func TestCompile(t *testing.T) {
	m := lettersModel(t)
	b := m.Book
	assert.Equal(t, "letter-and-number", m.Name)
	assert.Len(t, m.Digest, 64)
	assert.Equal(t, m.Digest[:12], m.Policy.Release)

	var scores []string
	for _, s := range b.Scores {
		scores = append(scores, s.Name)
		assert.Equal(t, ledger.Hash("score", s.Name), s.ID)
	}
	assert.ElementsMatch(t, []string{"fit", "recent", "total"}, scores)
	assert.Equal(t, "total", scores[2], "derived scores come after their parts")
	assert.Equal(t, "Both", b.Scores[2].About)
	assert.Equal(t, []int{0, 1}, b.Scores[2].Parts)

	var adjusted []ledger.Rule
	for _, r := range b.Rules {
		if r.Step == "" {
			adjusted = append(adjusted, r)
		}
	}
	require.Len(t, adjusted, 2, "one host rule for each score with buckets")
	assert.Equal(t, "adjusted", adjusted[0].Name)

	require.Len(t, m.Steps, 3)
	who, recent, sixty := m.Steps[0], m.Steps[1], m.Steps[2]
	assert.True(t, who.FactsOnly)
	assert.False(t, recent.FactsOnly)
	assert.Equal(t, []step.RowView{{Score: ledger.Hash("score", "recent")}}, sixty.Views)
	assert.Equal(t, ledger.StepDef{ID: ledger.Hash("step", "who", "grader"), Name: "who", Grades: []string{"A", "C", "D"}, Reasons: []string{"fits", "unknown"}, Flags: []string{"knocked_out"}}, b.Steps[0])
	rule := b.Rules[recent.Rules[0]]
	assert.Equal(t, ledger.Hash("rule", "recent", "asked/Demo Requested"), rule.ID)
	assert.Equal(t, "asked", b.Classes[rule.Class].Name)
	assert.True(t, b.Classes[rule.Class].Hand, "a route asks pending() of it")
	assert.Equal(t, 100*lead.Point, b.Classes[rule.Class].Top)
	once := b.Rules[recent.Rules[5]]
	assert.Equal(t, "person/Profile Completed", once.Name)
	assert.True(t, once.Once)
	assert.Equal(t, []string{"list_id"}, once.Keys)

	p := m.Policy
	var routes []string
	for _, r := range p.Routes {
		routes = append(routes, r.Action+"/"+r.Name)
	}
	assert.Equal(t, []string{"sales-handoff/asked", "review/unknown", "sales-handoff/warm", "investigate/lost", "nurture/rest"}, routes)
	assert.Equal(t, `pending("asked") && grade != "D"`, p.Routes[0].WhenText)
	assert.Equal(t, []int{rule.Class}, p.Routes[0].Classes)
	assert.Nil(t, p.Routes[4].When)
	assert.Equal(t, []int64{60 * day}, p.Idles)
	assert.True(t, p.ReadsScores)
	assert.Equal(t, []int{0}, p.ReadsCounters)
	assert.Equal(t, 0, p.Grading)
	assert.Equal(t, []ledger.PeakDef{{ID: b.Peaks[0].ID, Score: 1, Window: 120 * day}}, b.Peaks)
	assert.Equal(t, []lead.Points{25_000}, b.Scores[1].Thresholds)
	assert.Equal(t, []lead.Points{60_000}, b.Scores[2].Thresholds)
	assert.Equal(t, time.UTC, b.Zone)
}

// The derived score and the default display read what the accounts hold.
func TestModelReadsAccounts_R004_04_R002_01(t *testing.T) {
	m := lettersModel(t)
	a := ledger.NewAccount(m.Book, "ada")
	at := 99 * day
	award := func(rule string, points lead.Points, label string) {
		at-- // the first is the latest
		for i := range m.Book.Rules {
			if r := &m.Book.Rules[i]; r.Name == rule {
				_, why := a.Award(m.Book, ledger.Award{Rule: r, Delta: points, At: at, Label: label})
				require.Zero(t, why)
				return
			}
		}
		t.Fatalf("no rule %s", rule)
	}
	award("product/Guide Downloaded", 15_000, "Buyer's Guide")
	award("product//pricing", 12_500, "/pricing")
	award("person/Profile Completed", 5_000, "")
	a.Steps[0] = ledger.StepMemo{Ran: true, Grade: 1}
	f := scored(m, a, nil)
	assert.Equal(t, []lead.Points{5_000, 27_500, 18_500}, f.Values)
	assert.Equal(t, "A 28 product", m.Policy.Display(f))
	assert.Equal(t, lead.True, m.Policy.Routes[2].When(f))
	assert.Equal(t, "Ask about Buyer's Guide", m.Policy.Routes[2].Say(f))
	assert.Equal(t, lead.False, m.Policy.Routes[0].When(f))
}

func TestProjectors(t *testing.T) {
	m := lettersModel(t)
	a := ledger.NewAccount(m.Book, "ada")
	a.Person = lead.Props{{Name: "title", Value: lead.StringOf("VP Sales")}}
	a.Company = lead.Props{{Name: "employees", Value: lead.StringOf("120")}}
	f := scored(m, a, &lead.Event{Kind: lead.Page, Path: "/product"})
	project := func(s, i int) (uint64, bool) {
		bits, _, ok := m.Steps[s].Project[i](f)
		return bits, ok
	}
	_, ok := project(0, 0)
	assert.False(t, ok, "decider && company: the industry is missing")
	bits, ok := project(0, 1)
	assert.True(t, ok && bits == 1, "decider && unknown(company)")
	_, ok = project(1, 0)
	assert.False(t, ok, "a page view has no name")
	bits, ok = project(1, 2)
	assert.True(t, ok && bits == 1, "/product/* takes /product")
	f.Event = &lead.Event{Kind: lead.Page, Path: "/elsewhere"}
	bits, ok = project(1, 2)
	assert.True(t, ok && bits == 0, "none of the literals is not the same as missing")
	f.Event = nil
	_, ok = project(1, 2)
	assert.False(t, ok)
}

func TestCounterMatches_R004_03(t *testing.T) {
	m := lettersModel(t)
	match := m.Book.Counters[0].Match
	for path, want := range map[string]bool{"/blog": true, "/blog/a": true, "/blogs": false, "": false} {
		f := scored(m, ledger.NewAccount(m.Book, "ada"), &lead.Event{Kind: lead.Page, Path: path})
		assert.Equal(t, want, match(f), path)
	}
}

// The kinds of nodes cross to the plugin by number.
func TestNodeKindsAgree(t *testing.T) {
	assert.EqualValues(t, abi.NodeNull, workflow.NodeNull)
	assert.EqualValues(t, abi.NodeObject, workflow.NodeObject)
	assert.EqualValues(t, abi.NodeMillis, workflow.NodeMillis)
}

func TestDigestFollowsContent(t *testing.T) {
	m := lettersModel(t)
	again := lettersModel(t)
	assert.Equal(t, m.Digest, again.Digest)
	other, diags := compile(t, letters+"\n# a comment changes what was written\n")
	require.Empty(t, diags)
	assert.NotEqual(t, m.Digest, other.Digest)
}

// A silence of the golden lint is kept for those who score the golden leads.
func TestSilencedLater_R001_02(t *testing.T) {
	m, diags := compile(t, letters+`
silence "golden" {
  of      = "ideal"
  because = "the scale is new"
}
`)
	require.Empty(t, diags)
	because, ok := m.Silenced(GoldenLint, "ideal")
	assert.True(t, ok)
	assert.Equal(t, "the scale is new", because)
	_, ok = m.Silenced(GoldenLint, "other")
	assert.False(t, ok)
}
