package main

import (
	"slices"
	"strconv"

	"github.com/ripenhq/ripen/sdk"
)

// builder turns the configuration into a scorer.
type builder struct {
	needs  *sdk.Needs
	scorer *scorer
	names  shared          // event names
	pages  shared          // paths
	groups int             // groups in the shared columns
	used   map[string]bool // rule names given out
	caps   map[string]int64
}

// class reads events and pages; least and most are the ends of what its lines
// give, for the order of stages.
func (b *builder) class(c sdk.Config, name string) (least, most int64) {
	events, pages := c.Get("events").Items(), c.Get("pages").Items()
	if len(events)+len(pages) == 0 {
		b.needs.Error(c, "empty", "nothing to score", "class and stage need events = { \"Name\" = points } or pages = { \"/path/*\" = points }")
		return 0, 0
	}
	var keys []entry
	for _, e := range events {
		keys = append(keys, b.entry(c, e, name, false))
	}
	for _, p := range pages {
		keys = append(keys, b.entry(c, p, name, true))
	}
	least, most = keys[0].line.milli, keys[0].line.milli
	for _, k := range keys {
		least, most = min(least, k.line.milli), max(most, k.line.milli)
	}
	if !c.Bool("all", false) {
		b.group(c, keys)
		return least, most
	}
	for i := range keys {
		b.group(c, keys[i:i+1])
	}
	return least, most
}

// entry is one key of events or pages.
type entry struct {
	text string
	page bool
	line line
}

func (b *builder) entry(c, key sdk.Config, class string, page bool) entry {
	milli, _ := key.AsPoints()
	r := b.common(c, class, class+"/"+key.Key(), milli, page)
	r.Node = key.Node()
	if r.Template == "" {
		r.Template = "{label}"
		if page {
			r.Template = "viewed {label}"
		}
	}
	return entry{key.Key(), page, newLine(b.declare(key, r), milli, b.label(c, page))}
}

// label is the text that names what was done: the page's path, the property
// that label names, or the event's name.
func (b *builder) label(c sdk.Config, page bool) sdk.Text {
	if prop := c.Text("label_from", ""); prop != "" {
		return b.needs.PropLabel(prop)
	}
	if page {
		return b.needs.PathLabel()
	}
	return sdk.Text{}
}

// declare makes the rule and reports a name that was given out before.
func (b *builder) declare(c sdk.Config, r sdk.Rule) sdk.RuleID {
	if b.used[r.Name] {
		b.needs.Error(c, "duplicate", strconv.Quote(r.Name)+" is scored twice", "two blocks of this step give their ledger lines the same name; rename one of them")
	}
	b.used[r.Name] = true
	b.oneCap(c, &r)
	return b.needs.Rule(r)
}

// oneCap reports a class that two blocks give different caps: which of them
// would hold?
func (b *builder) oneCap(c sdk.Config, r *sdk.Rule) {
	if r.ClassCap == 0 {
		return
	}
	if have := b.caps[r.Class]; have != 0 && have != r.ClassCap {
		b.needs.Error(c, "cap", "class "+strconv.Quote(r.Class)+" has two caps", points(have)+" and "+points(r.ClassCap)+": a cap bounds the whole class; write it once")
		r.ClassCap = have
	}
	b.caps[r.Class] = r.ClassCap
}

// common reads the attributes that all blocks share.
func (b *builder) common(c sdk.Config, class, name string, milli int64, page bool) sdk.Rule {
	r := sdk.Rule{
		Name: name, Class: c.Text("class", class), Score: c.Text("score", ""), Template: c.Text("say", ""),
		ClassCap: c.Points("cap", 0), MaxN: uint32(c.Int("max", 0)), Window: c.Millis("per", 0),
		Node: c.Node(), Activity: milli >= 0, Max: milli,
	}
	if r.Window > 0 && r.MaxN == 0 {
		r.MaxN = 1
	}
	sdk.Once(c.Text("once", ""), &r)
	for i, key := range r.Keys {
		// A page view names no asset: the page is what was looked at.
		if page && key == "asset" {
			r.Keys[i] = "path"
		}
	}
	return r
}

// group adds a group of lines: to the shared columns, or with columns of its
// own if one of its patterns has a star elsewhere than at the end.
func (b *builder) group(c sdk.Config, keys []entry) {
	g := group{where: b.needs.Cond(c.Get("where")), hasWhere: c.Get("where").Exists()}
	var events, pages []string
	for _, k := range keys {
		if k.page {
			pages, g.onPage = append(pages, k.text), append(g.onPage, k.line)
			continue
		}
		events, g.onEvent = append(events, k.text), append(g.onEvent, k.line)
	}
	if !slices.ContainsFunc(keys, func(k entry) bool { return !simple(k.text) }) {
		b.share(g, events, pages)
		return
	}
	if len(events) > 0 {
		g.events = b.needs.Event(sdk.Globs(events...)...)
	}
	if len(pages) > 0 {
		g.pages = b.needs.Path(sdk.Globs(pages...)...)
	}
	b.scorer.own = append(b.scorer.own, g)
}

// finish asks for the shared columns, now that all names are known.
func (b *builder) finish() *scorer {
	s := b.scorer
	var texts []string
	if texts, s.byName = b.names.column(); len(texts) > 0 {
		s.name = b.needs.Event(sdk.Globs(texts...)...)
		b.gate(s.name, s.byName)
	}
	if texts, s.byPage = b.pages.column(); len(texts) > 0 {
		s.page = b.needs.Path(sdk.Globs(texts...)...)
		b.gate(s.page, s.byPage)
	}
	s.pair()
	s.more = len(s.own)+len(s.ladders)+len(s.ratios)+len(s.firsts) > 0
	if !s.more {
		b.needs.Sparse() // only a listed event or page awards
	}
	return s
}

// gate keeps the host from working out conditions where no line hangs on them.
// Conditions that are also read beside the shared columns stay always there.
func (b *builder) gate(column sdk.Enum, byLiteral [][]hit) {
	always := b.always()
	for i, hits := range byLiteral {
		for _, h := range hits {
			if !h.always && !slices.Contains(always, h.where) {
				b.needs.OnlyOn(h.where, column, i)
			}
		}
	}
}

// always are the conditions that are read for every event.
func (b *builder) always() (list []sdk.Bool) {
	s := b.scorer
	for i := range s.anyways {
		list = append(list, s.anyways[i].where)
	}
	for i := range s.own {
		list = append(list, s.own[i].where)
	}
	for i := range s.ladders {
		list = append(list, s.ladders[i].where)
	}
	for i := range s.ratios {
		list = append(list, s.ratios[i].where)
	}
	for i := range s.firsts {
		list = append(list, s.firsts[i].where)
	}
	return list
}
