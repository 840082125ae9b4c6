package randflow

import "fmt"

// derive writes the score "total", which every policy may read.
func (g *writer) derive() {
	g.line(`score "total" {`)
	value := "recent"
	for _, s := range g.flow.Scores {
		if s != "recent" {
			value += pick(g, []string{" + ", " - ", " + 2 * "}) + s
		}
	}
	if g.fitScore && g.chance(70) {
		value += " + who"
	}
	switch g.rng.IntN(4) {
	case 0:
		value = "0.5 * (" + value + ")"
	case 1:
		value += " - 3.5"
	}
	g.line("  value = %s", value)
	switch g.rng.IntN(4) {
	case 0:
		g.line("  scale = [0, 100]")
	case 1:
		g.line("  floor = 0")
	case 2:
		g.line("  scale = [0, 10]\n  mode = \"normalise\"\n  raw_max = 120")
	}
	g.line("}")
}

// state is a condition over what the lead is at any time.
func (g *writer) state() string {
	list := []string{
		fmt.Sprintf("recent >= %d", 5+g.rng.IntN(40)), fmt.Sprintf("total > %d.5", g.rng.IntN(20)), fmt.Sprintf("idle(%q)", g.days(1, 40)),
		fmt.Sprintf("peak(recent, %q) >= %d", g.days(3, 60), 5+g.rng.IntN(30)), fmt.Sprintf("count.%s >= %d", pick(g, g.counters), 1+g.rng.IntN(6)),
		fmt.Sprintf("age_days() >= %d", 1+g.rng.IntN(30)), `stage("accepted")`, `account.industry == "saas"`, fmt.Sprintf("recent.k0 > %d", g.rng.IntN(20)),
	}
	if len(g.windowed) > 0 {
		list = append(list, fmt.Sprintf("count.%s >= 2", pick(g, g.windowed)))
	}
	if len(g.grades) > 0 {
		list = append(list, fmt.Sprintf("grade != %q", pick(g, g.grades)), `oneof(grade, "A", "B")`)
	}
	if len(g.flags) > 0 {
		list = append(list, "!"+pick(g, g.flags))
	}
	return pick(g, list)
}

func (g *writer) policy() {
	if g.chance(50) {
		g.line(`suppress "customers" { when = %s }`, pick(g, []string{`trait.customer`, `stage("won")`, `trait.customer || stage("lost")`}))
	}
	if g.chance(40) {
		g.line("veto \"careful\" {\n  when = %s\n  actions = [%q]\n}", pick(g, []string{`trait.role == "student"`, `count.all > 12`, `listed("rivals", trait.domain)`}), g.sales[0])
	}
	for i, class := range some(g, g.classes, g.rng.IntN(3)) {
		when := fmt.Sprintf("pending(%q)", class)
		if g.chance(30) {
			when += " && known(trait.title)"
		}
		g.route(pick(g, append([]string{"review"}, g.sales...)), fmt.Sprintf("hand%d", i), when)
	}
	for i := range len(g.sales) + g.rng.IntN(3) {
		when := g.state()
		if g.chance(50) {
			when += pick(g, []string{" && ", " && ", " || "}) + g.state()
		}
		action := pick(g, append([]string{"investigate", "nurture-more"}, g.sales...))
		if i < len(g.sales) {
			action = g.sales[i] // each has a route
		}
		g.route(action, fmt.Sprintf("r%d", i), when)
	}
	g.line(`route "nurture" "rest" { default = true }`)
	g.silences()
	if g.chance(50) {
		g.line("label \"hot\" { when = total >= %d }\nlabel \"cold\" { default = true }", 10+g.rng.IntN(40))
	}
}

func (g *writer) route(action, name, when string) {
	g.routes = append(g.routes, action+"/"+name)
	g.line("route %q %q {\n  when = %s", action, name, when)
	if g.chance(40) {
		g.line("  reset = %s", pick(g, []string{"recent < 3", `!idle("5d")`, `idle("9d")`, "total < 4.5"}))
	}
	if g.chance(40) {
		g.line("  cooldown = %q", g.days(1, 20))
	}
	if g.chance(20) {
		g.line("  on = \"fall\"")
	}
	if g.chance(40) {
		g.line("  say = %q", pick(g, []string{"Ask about {recent.k0.last}", "They have {recent} and {count.all} pages", "{lead} {trait.title}"}))
	}
	if g.chance(30) {
		g.line("  traits = [\"title\", \"industry\"]")
	}
	if g.chance(8) {
		g.line("  silent = true")
	}
	g.line("}")
}

// silences keep lints from refusing what chance has written.
func (g *writer) silences() {
	for _, class := range g.classes {
		g.line("silence \"hand-raise\" {\n  of = %q\n  because = \"chance\"\n}", class)
	}
	for _, route := range g.routes {
		g.line("silence \"unreachable-route\" {\n  of = %q\n  because = \"chance\"\n}", route)
	}
}
