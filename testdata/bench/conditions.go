package main

import "strings"

// condition is one of the twenty rules for the expression languages.
type condition struct {
	award
	when string
}

// conditions writes the rules in the words that expr-lang and CEL share;
// startsWith is the one thing they write differently.
func conditions(startsWith func(name, prefix string) string) []condition {
	under := func(stem string) string { return `(path == "` + stem + `" || ` + startsWith("path", stem+"/") + `)` }
	event := func(name string) string { return `event == "` + name + `"` }
	var list []condition
	add := func(rule string, milli int64, when ...string) {
		list = append(list, condition{award{rule, milli}, strings.Join(when, " && ")})
	}
	for _, a := range []award{{"Email Opened", 1000}, {"Email Clicked", 3000}, {"Form Submitted", 8000}, {"Ebook Downloaded", 6000},
		{"Webinar Registered", 5000}, {"Webinar Attended", 15_000}, {"Trial Started", 40_000}, {"Demo Requested", 50_000}} {
		add("acts/"+a.rule, a.milli, event(a.rule))
	}
	add("web//pricing", 10_000, `path == "/pricing"`)
	for _, a := range []award{{"/blog", 1000}, {"/docs", 2000}, {"/case-studies", 4000}, {"/careers", -5000}} {
		add("web/"+a.rule+"/*", a.milli, under(a.rule))
	}
	add("large demo", 25_000, event("Demo Requested"), "known", "seats >= 200.0")
	add("middle demo", 10_000, event("Demo Requested"), "known", "seats >= 50.0", "seats <= 199.0")
	add("large trial", 20_000, event("Trial Started"), "known", "seats >= 200.0")
	add("tiny trial", -10_000, event("Trial Started"), "known", "seats < 5.0")
	add("prices for many", 15_000, `path == "/pricing"`, "known", "seats >= 200.0")
	add("docs for some", 5000, under("/docs"), "known", "seats >= 50.0")
	add("whole company", 2000, "known", "seats >= 1000.0")
	return list
}
