package main

import (
	"math"
	"strconv"

	"github.com/ripenhq/ripen/sdk"
)

// rule reads a single line with conditions of its own.
func (b *builder) rule(c sdk.Config) {
	events, pages := c.Strings("event"), c.Strings("page")
	milli := c.Points("points", 0)
	name := c.Label()
	isPage := len(pages) > 0 && len(events) == 0
	r := b.common(c, name, name, milli, isPage)
	if r.Template == "" {
		r.Template = name + ": {label}"
	}
	l := newLine(b.declare(c, r), milli, b.label(c, isPage))
	if len(events)+len(pages) == 0 {
		if !c.Get("where").Exists() {
			b.needs.Error(c, "unconditional", "rule "+strconv.Quote(name)+" takes every event", "say which: event = \"…\", page = \"/…\" or where = …")
		}
		b.scorer.anyways = append(b.scorer.anyways, hit{line: l, where: b.needs.Cond(c.Get("where"))})
		return
	}
	var keys []entry
	for _, e := range events {
		keys = append(keys, entry{e, false, l})
	}
	for _, p := range pages {
		keys = append(keys, entry{p, true, l})
	}
	b.group(c, keys)
}

// stages reads the ordered stages: each line of a later stage must be worth
// more than every line of the earlier ones (003-08).
func (b *builder) stages(blocks []sdk.Config) {
	var before string
	var highest int64
	for i, c := range blocks {
		name := c.Label()
		least, most := b.class(c, name)
		if i > 0 && least <= highest {
			b.needs.Error(c, "stage-order", "stage "+strconv.Quote(name)+" does not outscore stage "+strconv.Quote(before),
				"its least behaviour gives "+points(least)+", an earlier stage gives up to "+points(highest)+"; every behaviour of a later stage must give more")
		}
		if i == 0 || most > highest {
			before, highest = name, most
		}
		if bonus := c.Get("bonus"); bonus.Exists() {
			b.bonus(c, bonus, name)
		}
	}
}

// bonus counts the behaviours of a stage: each time, or with different = true
// each kind of behaviour once.
func (b *builder) bonus(c, bonus sdk.Config, name string) {
	l := ladder{where: b.needs.Cond(c.Get("where")), hasWhere: c.Get("where").Exists(), each: c.Bool("different", false)}
	base := sdk.Counter{Window: c.Millis("window", 0), Node: c.Node()}
	if id, ok := c.Get("where").AsExpr(); ok {
		base.Where = 1 + id
	}
	whole := base
	whole.Name = "stage " + name
	for _, key := range c.Get("events").Items() {
		whole.Events = append(whole.Events, key.Key())
		if l.each {
			one := base
			one.Name, one.Events = whole.Name+"/"+key.Key(), []string{key.Key()}
			l.counts = append(l.counts, b.needs.Counter(one))
		}
	}
	for _, key := range c.Get("pages").Items() {
		whole.Paths = append(whole.Paths, key.Key())
		if l.each {
			one := base
			one.Name, one.Paths = whole.Name+"/"+key.Key(), []string{key.Key()}
			l.counts = append(l.counts, b.needs.Counter(one))
		}
	}
	if !l.each {
		l.counts = []sdk.Count{b.needs.Counter(whole)}
	}
	l.steps = b.steps(c, bonus, name, name+"/bonus ", "stage "+name+": ", " behaviours")
	b.add(l)
}

// tier reads count tiers: at = { "3" = 5, "30" = 20 } is worth 5 from 3 on and
// 20 in all from 30 on (000-15).
func (b *builder) tier(c sdk.Config) {
	name := c.Label()
	l := ladder{of: b.needs.NumberExpr(c.Get("of")), where: b.needs.Cond(c.Get("where")), hasWhere: c.Get("where").Exists()}
	if counter := c.Text("counter", ""); counter != "" {
		l.counts = []sdk.Count{b.needs.CounterNamed(counter)}
	} else if !c.Get("of").Exists() {
		b.needs.Error(c, "empty", "tier "+strconv.Quote(name)+" counts nothing", "say what: of = count.visits, or counter = \"visits\"")
	}
	l.steps = b.steps(c, c.Get("at"), name, name+"/", name+": ", " or more")
	b.add(l)
}

func (b *builder) add(l ladder) {
	if len(l.steps) > 0 {
		b.scorer.ladders = append(b.scorer.ladders, l)
	}
}

// steps reads thresholds. The points of a step are what reaching it is worth
// in all, so each line of the ledger gets the difference to the step below.
func (b *builder) steps(c, at sdk.Config, class, prefix, say, unit string) []step {
	var steps []step
	var below, least float64
	var total int64
	for _, item := range at.Items() {
		n, err := strconv.ParseUint(item.Key(), 10, 31)
		milli, _ := item.AsPoints()
		least = float64(n)
		switch {
		case err != nil || n == 0:
			b.needs.Error(item, "threshold", strconv.Quote(item.Key())+" is no count", "each key is a whole number from 1 on")
			continue
		case least <= below || milli <= total:
			b.needs.Error(item, "tier-order", strconv.Quote(item.Key())+" does not go up", "counts and points must both rise from line to line: points are what reaching the count is worth in all")
			continue
		}
		r := b.common(c, class, prefix+item.Key(), milli-total, false)
		r.Node = item.Node()
		if r.Template == "" {
			r.Template = say + item.Key() + unit
		}
		b.onceUnlessAgain(c, &r)
		steps = append(steps, step{least, newLine(b.declare(item, r), milli-total, sdk.Text{})})
		below, total = least, milli
	}
	if len(steps) == 0 {
		b.needs.Error(c, "empty", strconv.Quote(class)+" has no steps", "write them as { \"3\" = 5, \"30\" = 20 }")
	}
	return steps
}

// onceUnlessAgain lets a line that stays true award once for ever, or with
// again = "30d" at most once in that time.
func (b *builder) onceUnlessAgain(c sdk.Config, r *sdk.Rule) {
	if again := c.Millis("again", 0); again > 0 {
		r.Scope, r.Keys, r.PerDay, r.MaxN, r.Window = sdk.ScopeEvery, nil, false, 1, again
		return
	}
	// The limits of the block's own lines (once, max, per) are not the step's.
	r.Scope, r.Keys, r.PerDay, r.MaxN, r.Window = sdk.ScopeOnce, nil, false, 0, 0
}

// ratio reads a share over a series (000-20).
func (b *builder) ratio(c sdk.Config) {
	name, milli := c.Label(), c.Points("points", 0)
	least := c.Number("at_least", 1)
	if least <= 0 || least > 1 {
		b.needs.Error(c.Get("at_least"), "ratio", "at_least lies outside 0…1", "it is a share: 0.8 means four of five")
	}
	r := b.common(c, name, name, milli, false)
	if r.Template == "" {
		r.Template = name + ": " + strconv.FormatFloat(math.Round(least*1e4)/100, 'f', -1, 64) + " % or more"
	}
	b.onceUnlessAgain(c, &r)
	b.scorer.ratios = append(b.scorer.ratios, ratio{
		of: b.needs.NumberExpr(c.Get("of")), over: b.needs.NumberExpr(c.Get("over")),
		least: math.Round(least * 1e6), min: c.Number("min", 1),
		where: b.needs.Cond(c.Get("where")), hasWhere: c.Get("where").Exists(),
		line: newLine(b.declare(c, r), milli, sdk.Text{}),
	})
}

// first reads a first-touch rule: it awards on the first of the named events,
// or the first of all, if its condition holds there.
func (b *builder) first(c sdk.Config) {
	name, milli := c.Label(), c.Points("points", 0)
	r := b.common(c, name, name, milli, false)
	if r.Template == "" {
		r.Template = name + ": first was {label}"
	}
	r.Scope, r.Keys, r.PerDay, r.MaxN, r.Window = sdk.ScopeOnce, nil, false, 0, 0
	events, pages := c.Strings("event"), c.Strings("page")
	f := first{
		seen:  b.needs.Counter(sdk.Counter{Name: "first " + name, Events: events, Paths: pages, Node: c.Node()}),
		where: b.needs.Cond(c.Get("where")), hasWhere: c.Get("where").Exists(),
		line: newLine(b.declare(c, r), milli, b.label(c, len(pages) > 0 && len(events) == 0)),
	}
	if len(events) > 0 {
		f.event = b.needs.Event(sdk.Globs(events...)...)
	}
	if len(pages) > 0 {
		f.page = b.needs.Path(sdk.Globs(pages...)...)
	}
	if len(events)+len(pages) == 0 {
		f.kind = b.needs.Kind("track", "page", "screen")
	}
	b.scorer.firsts = append(b.scorer.firsts, f)
}

// points prints milli-points for people.
func points(milli int64) string { return strconv.FormatFloat(float64(milli)/1000, 'f', -1, 64) }
