package main

import (
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
)

// award is what one rule gives one event.
type award struct {
	rule  string
	milli int64
}

// native is the baseline: the twenty rules as a function that somebody who
// writes Go wrote for them, with nothing in between and no rule that could be
// changed.
func native(e *lead.Event, out []award) []award {
	seats := e.Props.Get("seats")
	known, n := seats.Kind == lead.Number, seats.Num
	switch e.Name {
	case "Email Opened":
		out = append(out, award{"acts/Email Opened", 1000})
	case "Email Clicked":
		out = append(out, award{"acts/Email Clicked", 3000})
	case "Form Submitted":
		out = append(out, award{"acts/Form Submitted", 8000})
	case "Ebook Downloaded":
		out = append(out, award{"acts/Ebook Downloaded", 6000})
	case "Webinar Registered":
		out = append(out, award{"acts/Webinar Registered", 5000})
	case "Webinar Attended":
		out = append(out, award{"acts/Webinar Attended", 15_000})
	case "Trial Started":
		out = append(out, award{"acts/Trial Started", 40_000})
		if known && n >= 200 {
			out = append(out, award{"large trial", 20_000})
		}
		if known && n < 5 {
			out = append(out, award{"tiny trial", -10_000})
		}
	case "Demo Requested":
		out = append(out, award{"acts/Demo Requested", 50_000})
		if known && n >= 200 {
			out = append(out, award{"large demo", 25_000})
		}
		if known && n >= 50 && n <= 199 {
			out = append(out, award{"middle demo", 10_000})
		}
	}
	switch {
	case e.Path == "":
	case e.Path == "/pricing":
		out = append(out, award{"web//pricing", 10_000})
		if known && n >= 200 {
			out = append(out, award{"prices for many", 15_000})
		}
	case below(e.Path, "/blog"):
		out = append(out, award{"web//blog/*", 1000})
	case below(e.Path, "/docs"):
		out = append(out, award{"web//docs/*", 2000})
		if known && n >= 50 {
			out = append(out, award{"docs for some", 5000})
		}
	case below(e.Path, "/case-studies"):
		out = append(out, award{"web//case-studies/*", 4000})
	case below(e.Path, "/careers"):
		out = append(out, award{"web//careers/*", -5000})
	}
	if known && n >= 1000 {
		out = append(out, award{"whole company", 2000})
	}
	return out
}

// below is the glob "stem/*".
func below(path, stem string) bool {
	return strings.HasPrefix(path, stem) && (len(path) == len(stem) || path[len(stem)] == '/')
}

// nativeRound scores a round; awards[i] are those of event i.
type nativeRound struct {
	events []lead.Event
	awards [][]award
	all    []award
}

func (r *nativeRound) score() error {
	r.all = r.all[:0]
	for i := range r.events {
		begin := len(r.all)
		r.all = native(&r.events[i], r.all)
		r.awards[i] = r.all[begin:len(r.all):len(r.all)]
	}
	return nil
}

func (r *nativeRound) result(i int) []award { return r.awards[i] }
