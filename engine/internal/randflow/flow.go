// Package randflow invents workflows and streams of events: random, but valid,
// and the same for the same seed for ever. Property tests play the ones through
// the others.
//
// It imports lead alone: a workflow is its text, a stream is a list of events.
package randflow

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Flow is a random workflow.
type Flow struct {
	Seed uint64
	Text string // HCL
	// Scores are the names of the scores that Score Adjusted may name.
	Scores []string
	// Traps says that the workflow uses the plugin traplike, which breaks.
	Traps bool
}

// New invents the workflow of a seed.
func New(seed uint64) *Flow {
	g := &writer{rng: rand.New(rand.NewPCG(seed, 0x666c6f77)), flow: &Flow{Seed: seed}}
	g.workflow()
	g.flow.Text = g.String()
	return g.flow
}

// writer writes one workflow.
type writer struct {
	strings.Builder
	rng  *rand.Rand
	flow *Flow

	// What later blocks may speak of.
	classes  []string // "step/class" with positive points
	keys     []string // rules that may be reversed: "step/class/event"
	counters []string
	windowed []string // counters with a window, any day
	grades   []string
	flags    []string
	fitScore bool
	routes   []string // action/name
	ageHours int
	sales    []string
}

func (g *writer) line(format string, args ...any) { fmt.Fprintf(g, format+"\n", args...) }

func (g *writer) chance(percent int) bool { return g.rng.IntN(100) < percent }

func pick[T any](g *writer, list []T) T { return list[g.rng.IntN(len(list))] }

// some picks n different ones in random order.
func some[T any](g *writer, list []T, n int) []T {
	list = slices.Clone(list)
	g.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:min(n, len(list))]
}

// points are positive, often with decimals.
func (g *writer) points() string {
	switch g.rng.IntN(5) {
	case 0:
		return fmt.Sprintf("%d.%03d", g.rng.IntN(20), 1+g.rng.IntN(999))
	case 1:
		return fmt.Sprintf("%d", 50+g.rng.IntN(100))
	}
	return fmt.Sprintf("%d", 1+g.rng.IntN(25))
}

// days is a window: a multiple of every age step that is used.
func (g *writer) days(least, most int) string {
	return fmt.Sprintf("%dd", least+g.rng.IntN(most-least+1))
}

func (g *writer) workflow() {
	g.line("workflow %q {", fmt.Sprintf("random-%d", g.flow.Seed))
	if g.chance(40) {
		g.line("  zone = %q", pick(g, []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia"}))
	}
	g.ageHours = 24
	if g.chance(30) {
		g.ageHours = pick(g, []int{1, 6, 6, 12, 12, 12})
		g.line("  age_step = \"%dh\"", g.ageHours)
	}
	g.sales = []string{"sales-handoff"}
	if g.chance(40) {
		g.sales = append(g.sales, "call")
		g.line(`  sales = ["sales-handoff", "call"]`)
	}
	if g.chance(10) {
		g.line("  max_buckets = %d", 8+g.rng.IntN(60))
	}
	g.line("  display = %q", pick(g, []string{"{recent}", "{total} {recent.top}", "{recent} {count.all}"}))
	g.line("}")
	g.line(`table "rivals" { values = ["rival.com", "other.example"] }`)
	g.countersOf()
	if g.chance(25) {
		g.robots()
	}
	if g.chance(20) {
		g.traps()
	}
	before := g.chance(50)
	if before {
		g.negative()
	}
	g.fit()
	g.behavior("recent", 2+g.rng.IntN(3))
	if g.chance(40) {
		g.behavior("other", 1+g.rng.IntN(2))
	}
	if !before {
		g.negative()
	}
	g.decays()
	g.derive()
	g.policy()
}

// robots hides mails, and takes back what others were given.
func (g *writer) robots() {
	g.line("step \"bot-filter\" \"robots\" {\n  message = \"list_id\"\n  link = \"asset\"\n  agent = \"context.source\"\n  keep = \"12d\"\n%s\n}", pick(g, []string{
		"  links = 2\n  window = \"3d\"\n  within = \"2s\"", "  within = \"1m\"\n  honeypot = \"a3\"\n  window = \"6h\"", "  within = \"3h\"\n  agents = \"search\"\n  links = 0"}))
	g.flags = append(g.flags, "robots.hidden", "robots.ever")
}

// traps is a step that fails when an event says so.
func (g *writer) traps() {
	g.flow.Traps = true
	g.line("step \"traplike\" \"risky\" {\n  points = %s\n  after = %q\n  on_error = %q\n}", g.points(), pick(g, []string{"1h", "2d", "9d"}), pick(g, []string{"reject", "skip", "hold"}))
	g.flow.Scores = append(g.flow.Scores, "risky")
	g.flags = append(g.flags, "risky.tenth")
}

func (g *writer) countersOf() {
	g.line(`counter "all" { pages = ["*"] }`)
	g.counters = append(g.counters, "all")
	for _, name := range some(g, []string{"mails", "assets", "blog", "where"}, 1+g.rng.IntN(3)) {
		g.line("counter %q {", name)
		switch name {
		case "mails":
			g.line(`  events = ["Email *"]`)
		case "assets":
			g.line(`  events   = ["Guide Downloaded", "Webinar Attended"]`)
			g.line(`  distinct = "asset"`)
		case "blog":
			g.line(`  pages = ["/blog/*", "/pricing"]`)
		case "where":
			g.line(`  events = ["Guide Downloaded", "Logged In"]`)
			g.line(`  where  = prop.size > 3`)
		}
		if g.chance(70) {
			g.line("  window = %q", g.days(1, 40))
			g.windowed = append(g.windowed, name)
		}
		g.line("}")
		g.counters = append(g.counters, name)
	}
}

// condition over the event or facts, for rules.
func (g *writer) where() string {
	return pick(g, []string{
		`prop.size > 2`, `prop.size <= 6 || unknown(prop.size)`, `like(trait.title, "chief*", "vp*")`, `account.industry == "saas"`,
		`weekday() <= 5`, `hour() >= 6 && hour() < 20`, `context.source != "partner"`, `known(trait.role)`, fmt.Sprintf("count.%s >= %d", pick(g, g.counters), 1+g.rng.IntN(5)),
		`between(account.employees, 50, 1000)`, `!listed("rivals", trait.domain)`,
	})
}

func (g *writer) fit() {
	if g.chance(10) {
		return
	}
	g.line(`step "fit-grade" "who" {`)
	g.bounds()
	if g.chance(40) {
		g.metrics()
		g.line("}")
		return
	}
	g.line(`  let {`)
	g.line(`    decider = like(trait.title, "chief*", "vp*")`)
	g.line(`    company = %s`, pick(g, []string{`account.industry == "saas" && between(account.employees, 50, 1000)`, `oneof(account.industry, "saas", "media")`, `account.employees > 100`}))
	g.line(`  }`)
	if g.chance(60) {
		g.line(`  knock_out = %s`, pick(g, []string{`listed("rivals", trait.domain)`, `trait.role == "student"`, `listed("rivals", trait.domain) || trait.role == "student"`}))
		g.flags = append(g.flags, "who.knocked_out", "who.unknown")
	}
	g.line(`  grades = [`)
	g.line(`    { A = decider && company },`)
	g.line(`    { C = company && like(trait.title, "intern*"), because = "junior" },`)
	g.line(`    { B = %s },`, pick(g, []string{"company", "decider || company", "decider && unknown(company)"}))
	g.line(`    { D = true },`)
	g.line(`  ]`)
	g.criteria()
	g.line("}")
	g.grades = []string{"A", "B", "C", "D"}
}

func (g *writer) criteria() {
	for i := range g.rng.IntN(3) {
		g.fitScore = true
		switch i {
		case 0:
			g.line("  criterion \"industry\" {\n    account = true\n    of = account.industry\n    values = { saas = %s, media = %s }\n    other = 1.5\n  }", g.points(), g.points())
		case 1:
			g.line("  criterion \"title\" {\n    of = trait.title\n    like = { \"chief*\" = 30, \"*intern*\" = -10 }\n    unknown = 2\n  }")
		}
	}
}

func (g *writer) metrics() {
	g.line("  metric \"market\" {\n    of = account.industry\n    values = { saas = 10, media = 4 }\n    weight = %d\n  }", 1+g.rng.IntN(3))
	g.line("  metric \"size\" {\n    account = true\n    of = account.employees\n    ranges = [{ from = 50, to = 1000, points = 10 }, { from = 1001, points = 6.5 }]\n  }")
	g.line("  metric \"role\" {\n    of = trait.title\n    like = { \"chief*\" = 10, \"vp*\" = 8, \"intern*\" = 2 }\n    weight = %d\n  }", 1+g.rng.IntN(3))
	g.fitScore = true
	g.line("  cutoffs = { A = 8, B = 5, C = 3, D = 0 }")
	g.grades = []string{"A", "B", "C", "D"}
}
