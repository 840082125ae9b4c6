package main

import (
	"sort"
	"strconv"

	"github.com/ripenhq/ripen/sdk"
)

// grades reads knock_out, grades and cutoffs.
func (b *builder) grades(cfg sdk.Config) {
	l, n := &b.scorer.letters, b.needs
	l.flagOut, l.flagUnknown = n.Flag("knocked_out"), n.Flag("unknown")
	l.reasonUnknown, l.reasonOut = n.Reason("unknown"), n.Reason("knocked out")
	l.knockOut = n.Cond(cfg.Get("knock_out"))
	list, cuts := cfg.Get("grades").Items(), cfg.Get("cutoffs").Items()
	if len(list) > 0 && len(cuts) > 0 {
		n.Error(cfg.Get("cutoffs"), "grades", "grades and cutoffs both give the grade", "keep one of them")
	}
	b.order(cfg, list, cuts)
	for i, item := range list {
		b.condition(item, i, len(list))
	}
	b.cutoffs(cuts)
	l.reasonNo, l.byCut = n.Reason("no condition is true"), n.Reason("score")
}

// order declares the grades best first: as the attribute order says, else
// single letters by the alphabet, else as they first appear.
func (b *builder) order(cfg sdk.Config, list, cuts []sdk.Config) {
	var names []string
	add := func(name string) {
		for _, have := range names {
			if have == name {
				return
			}
		}
		names = append(names, name)
	}
	for _, item := range list {
		for _, m := range item.Items() {
			if m.Key() != because {
				add(m.Key())
			}
		}
	}
	for _, item := range cuts {
		add(item.Key())
	}
	letters := true
	for _, name := range names {
		letters = letters && len(name) == 1
	}
	if letters && len(cuts) == 0 {
		sort.Strings(names)
	}
	if order := cfg.Strings("order"); len(order) > 0 {
		found := append([]string(nil), names...)
		names = nil
		for _, name := range order {
			add(name)
		}
		for _, name := range found {
			before := len(names)
			if add(name); len(names) > before {
				b.needs.Error(cfg.Get("order"), "grades", "order lacks "+strconv.Quote(name), "name every grade, the best first")
			}
		}
	}
	for _, name := range names {
		b.scorer.letters.worst = b.needs.Grade(name)
	}
}

// because is the member of a grade that says why in words.
const because = "because"

func (b *builder) condition(item sdk.Config, i, of int) {
	members := item.Items()
	c := condition{}
	why := item.Text(because, "")
	found := 0
	for _, m := range members {
		if m.Key() == because {
			continue
		}
		found++
		c.when, c.grade = b.needs.Cond(m), b.needs.Grade(m.Key())
		if why == "" {
			why = m.Key() + ": condition " + strconv.Itoa(i+1) + " of " + strconv.Itoa(of)
		}
	}
	if found != 1 {
		b.needs.Error(item, "grades", "a grade needs one name and one condition", "write { A = condition }, with because = \"…\" if you like")
		return
	}
	c.reason = b.needs.Reason(why)
	b.scorer.letters.conditions = append(b.scorer.letters.conditions, c)
}

// cutoffs reads { A = 8, B = 6, D = 0 }; the last is the default, whatever its
// number.
func (b *builder) cutoffs(cuts []sdk.Config) {
	l := &b.scorer.letters
	for i, item := range cuts {
		from, _ := item.AsPoints()
		if i > 0 && from >= l.cutoffs[i-1].from {
			b.needs.Error(item, "cutoff-order", strconv.Quote(item.Key())+" can never be reached", "write the best grade first, each cut-off below the one before")
		}
		l.cutoffs = append(l.cutoffs, cutoff{from, b.needs.Grade(item.Key())})
	}
}
