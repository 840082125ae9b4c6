package randflow

import (
	"fmt"
	"strings"
)

// Names of what leads do and of what is done to them.
var (
	actions = []string{"Guide Downloaded", "Webinar Attended", "Demo Requested", "Trial Started", "Logged In", "Email Opened", "Email Link Clicked", "Newsletter Subscribed"}
	paths   = []string{"/", "/pricing", "/blog/a", "/blog/b", "/product/x", "/careers/dev"}
)

// bounds writes floor, cap and scale of a step's own score.
func (g *writer) bounds() {
	switch g.rng.IntN(7) {
	case 0:
		g.line("  floor = %s", pick(g, []string{"0", "-20", "1.5"}))
	case 1:
		g.line("  cap = %d", 20+g.rng.IntN(200))
	case 2:
		g.line("  scale = [0, %d]", 50+g.rng.IntN(100))
	case 3:
		g.line("  scale   = [%s, 100]", pick(g, []string{"0", "1", "-100"}))
		g.line("  mode    = \"normalise\"")
		g.line("  raw_max = %s", pick(g, []string{"250", "33.333", "7", "100"}))
	case 4:
		g.line("  floor = 0")
		g.line("  cap   = %d", 50+g.rng.IntN(400))
	}
}

// often writes once, max and per.
func (g *writer) often() {
	switch g.rng.IntN(7) {
	case 0:
		g.line("    once = %q", pick(g, []string{"ever", "day", "asset", "list_id", "asset per day", "asset and list_id"}))
	case 1:
		g.line("    once = \"asset per day\"")
	case 2:
		g.line("    max = %d", 1+g.rng.IntN(4))
		g.line("    per = %q", g.days(1, 20))
	case 3:
		g.line("    max = %d", 1+g.rng.IntN(4))
	}
}

func (g *writer) behavior(step string, classes int) {
	g.line("step \"behavior-points\" %q {", step)
	if g.chance(20) {
		g.line("  on_error = %q", pick(g, []string{"reject", "skip", "hold"}))
	}
	g.bounds()
	for i := range classes {
		g.class(step, fmt.Sprintf("k%d", i))
	}
	if g.chance(50) {
		g.line("  rule \"sized\" {")
		g.line("    event  = %s", pick(g, []string{`"Guide *"`, `["Logged In", "Webinar Attended"]`}))
		g.line("    where  = %s", g.where())
		g.line("    points = %s", g.points())
		g.often()
		g.line("  }")
		g.classes = append(g.classes, step+"/sized")
	}
	if g.chance(35) {
		g.stages()
	}
	if g.chance(35) {
		g.line("  tier \"visits\" {\n    counter = %q\n    at = { \"2\" = 5, \"4\" = 12.5, \"9\" = 30 }", pick(g, g.counters))
		if g.chance(50) {
			g.line("    again = %q", g.days(5, 30))
		}
		g.line("  }")
	}
	if g.chance(25) {
		g.line("  ratio \"reader\" {\n    of = count.%s\n    over = count.all\n    at_least = 0.5\n    min = 2\n    points = 7\n  }", pick(g, g.counters))
	}
	if g.chance(30) {
		g.line("  first \"touch\" {\n    where  = context.source == \"partner\"\n    points = %s\n  }", g.points())
	}
	g.line("}")
	g.flow.Scores = append(g.flow.Scores, step)
}

func (g *writer) class(step, name string) {
	g.line("  class %q {", name)
	var keys []string
	for _, a := range some(g, actions, 1+g.rng.IntN(4)) {
		keys = append(keys, a)
	}
	g.line("    events = { %s }", g.pointMap(keys, false))
	if g.chance(40) {
		g.line("    pages = { %s }", g.pointMap(some(g, []string{"/pricing", "/blog/*", "/product/*", "/*"}, 2), false))
	}
	if g.chance(20) {
		g.line("    all = true")
	}
	if g.chance(25) {
		g.line("    cap = %d", 5+g.rng.IntN(150))
	}
	if g.chance(20) {
		g.line("    where = %s", g.where())
	}
	if g.chance(30) {
		g.line("    label_from = \"asset\"")
	}
	g.often()
	g.line("  }")
	g.classes = append(g.classes, step+"/"+name)
	for _, k := range keys {
		g.keys = append(g.keys, step+"/"+name+"/"+k)
	}
}

func (g *writer) pointMap(keys []string, negative bool) string {
	sign := ""
	if negative {
		sign = "-"
	}
	items := make([]string, len(keys))
	for i, k := range keys {
		items[i] = fmt.Sprintf("%q = %s%s", k, sign, g.points())
	}
	return strings.Join(items, ", ")
}

func (g *writer) stages() {
	g.line("  stage \"one\" {\n    events = { \"Logged In\" = 1, \"Email Opened\" = 2 }")
	g.often()
	g.line("  }")
	g.line("  stage \"two\" {\n    events = { \"Webinar Attended\" = 3, \"Guide Downloaded\" = 4.25 }\n    bonus = { \"2\" = 5, \"3\" = 10 }")
	if g.chance(50) {
		g.line("    different = true")
	}
	if g.chance(50) {
		g.line("    window = %q", g.days(3, 30))
	}
	g.line("  }")
}

func (g *writer) negative() {
	if g.chance(25) {
		return
	}
	g.line(`step "negative-points" "minus" {`)
	own := true
	if g.chance(60) {
		g.line("  score = \"recent\"")
		own = false
	}
	if own {
		g.flow.Scores = append(g.flow.Scores, "minus")
	}
	g.line("  events = { %s }", g.pointMap([]string{"Email Marked as Spam", "Unsubscribed"}, true))
	if g.chance(60) {
		g.line("  pages = { %s }", g.pointMap([]string{"/careers*"}, true))
	}
	g.reversals()
	if g.chance(50) {
		g.line("  stop \"bounced\" {\n    event = \"Email Bounced\"\n    where = prop.hard\n    clear = \"Email Address Changed\"\n    points = -5.5\n  }")
		g.flags = append(g.flags, "minus.bounced")
	}
	if g.chance(60) {
		g.line("  ignored \"mails\" {\n    delivered = \"Email Delivered\"\n    answers = [\"Email Opened\", \"Email Link Clicked\"]\n    more_than = %d\n    answer_within = %q\n    points = -%s\n  }", 1+g.rng.IntN(3), pick(g, []string{"0s", "3d", "6h", "1d12h"}), g.points())
	}
	if g.chance(60) {
		g.line("  inactivity {\n    after = %q\n    points = -%s", g.days(3, 50), g.points())
		switch g.rng.IntN(3) {
		case 0:
			g.line("    repeat = false")
		case 1:
			g.line("    most = %d", 1+g.rng.IntN(4))
		}
		g.line("  }")
	}
	if g.chance(40) {
		g.line("  domains \"rival\" {\n    list = [\"rival.com\"]\n    points = -40\n  }")
	}
	if g.chance(40) {
		g.line("  match \"student\" {\n    when = trait.role == \"student\"\n    points = -12.345\n  }")
	}
	g.line("}")
}

// reversals may name rules of steps before this one only when they are known.
func (g *writer) reversals() {
	if len(g.keys) == 0 {
		return
	}
	for i := range g.rng.IntN(3) {
		g.line("  reversal \"back%d\" {\n    event = %q\n    of = %q", i, pick(g, []string{"Unsubscribed", "Undone"}), pick(g, g.keys))
		if g.chance(50) {
			g.line("    points = -%s", g.points())
		}
		g.line("  }")
	}
}

func (g *writer) decays() {
	if g.chance(15) {
		return
	}
	of := `"recent"`
	if len(g.flow.Scores) > 1 && g.chance(50) {
		of = "[" + quoted(some(g, g.flow.Scores, 2)) + "]"
	}
	g.line("step \"decay\" \"fade\" {\n  of = %s", of)
	g.curve("  ")
	if of == `"recent"` && g.chance(50) {
		g.line("  except \"k0\" {")
		if g.chance(40) {
			g.line("    rule = %q", strings.TrimPrefix(pick(g, g.keysOf("recent")), "recent/"))
		}
		g.curve("    ")
		g.line("  }")
	}
	g.line("}")
}

func (g *writer) keysOf(step string) (keys []string) {
	for _, k := range g.keys {
		if strings.HasPrefix(k, step+"/") {
			keys = append(keys, k)
		}
	}
	return keys
}

func (g *writer) curve(indent string) {
	switch g.rng.IntN(5) {
	case 0:
		g.line("%scurve = \"half_life\"\n%shalf_life = %q", indent, indent, g.days(2, 20))
		if g.chance(60) {
			g.line("%swindow = %q", indent, g.days(20, 90))
		}
	case 1:
		g.line("%scurve = \"step\"\n%ssteps = { \"%dd\" = 66.667, \"%dd\" = 25, \"60d\" = %d }", indent, indent, 1+g.rng.IntN(10), 20+g.rng.IntN(10), g.rng.IntN(2)*10)
	case 2:
		g.line("%scurve = \"table\"\n%stable = { \"%dd\" = 90, \"%dd\" = 30, \"75d\" = 0 }", indent, indent, 1+g.rng.IntN(10), 20+g.rng.IntN(10))
	case 3:
		g.line("%scurve = \"linear\"\n%swindow = %q", indent, indent, pick(g, []string{"36h", "7d", "10d12h", "45d"}))
	default:
		g.line("%scurve = \"linear\"\n%swindow = %q", indent, indent, g.days(5, 90))
	}
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = fmt.Sprintf("%q", s)
	}
	return strings.Join(out, ", ")
}
