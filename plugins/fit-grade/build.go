package main

import (
	"math"
	"strconv"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/abi"
)

// builder turns the configuration into a scorer.
type builder struct {
	needs    *sdk.Needs
	scorer   *scorer
	score    string
	rules    []ruled // declared when the weights are known
	endless  bool    // a criterion without bounds: the score has no known range
	minTotal int64
	maxTotal int64
}

// ruled is a metric whose rule waits for the sum of the weights.
type ruled struct {
	config sdk.Config
	label  sdk.Text
}

// metric reads a value on its own scale (003-01).
func (b *builder) metric(c sdk.Config) {
	v := value{name: c.Label(), least: 1000, most: 10_000, bounded: true}
	if ends := c.Get("scale").Items(); len(ends) == 2 {
		v.least, _ = ends[0].AsPoints()
		v.most, _ = ends[1].AsPoints()
	}
	if v.least >= v.most || v.least < -limit || v.most > limit {
		b.needs.Error(c.Get("scale"), "metric-scale", "the scale of "+strconv.Quote(v.name)+" is empty", "write scale = [least, most], within ±1,000,000")
		v.least, v.most = 0, limit
	}
	v.other = c.Points("other", v.least)
	b.inside(c.Get("other"), &v, v.other)
	label := b.source(c, &v)
	weight := c.Points("weight", 1000)
	if weight <= 0 || weight > limit/1000 {
		b.needs.Error(c.Get("weight"), "weight", "the weight of "+strconv.Quote(v.name)+" is out of range", "a weight is a number above 0, at most 1,000")
		weight = 1000
	}
	b.scorer.metrics = append(b.scorer.metrics, metric{value: v, weight: weight, label: label})
	b.scorer.weight += weight
	b.rules = append(b.rules, ruled{c, label})
}

// inside reports a constant outside the scale.
func (b *builder) inside(c sdk.Config, v *value, milli int64) {
	if v.bounded && (milli < v.least || milli > v.most) {
		b.needs.Error(c, "metric-scale", points(milli)+" lies outside the scale of "+strconv.Quote(v.name),
			"its scale goes from "+points(v.least)+" to "+points(v.most)+"; change the value or the scale")
	}
}

// weigh declares the rules of the metrics, now that the sum of weights is
// known.
func (b *builder) weigh() {
	s := b.scorer
	var low, high int64
	for i := range s.metrics {
		m := &s.metrics[i]
		low += m.weight * m.value.least
		high += m.weight * m.value.most
		m.rule = b.rule(b.rules[i].config, "metric/"+m.value.name, m.label, divRound(m.weight*m.value.most, s.weight))
	}
	if s.weight > 0 {
		b.minTotal, b.maxTotal = divRound(low, s.weight), divRound(high, s.weight)
	}
}

func (b *builder) rule(c sdk.Config, name string, label sdk.Text, most int64) sdk.RuleID {
	say := c.Label()
	if label != (sdk.Text{}) {
		say += ": {label}"
	}
	return b.needs.Rule(sdk.Rule{Name: name, Class: c.Label(), Score: b.score, Template: c.Text("say", say),
		Node: c.Node(), Max: most, Account: c.Bool("account", false)})
}

// criterion reads points that are added (001-03).
func (b *builder) criterion(c sdk.Config) {
	v := value{name: c.Label(), other: c.Points("other", 0)}
	if ends := c.Get("scale").Items(); len(ends) == 2 {
		v.bounded = true
		v.least, _ = ends[0].AsPoints()
		v.most, _ = ends[1].AsPoints()
		b.inside(c.Get("other"), &v, v.other)
	}
	label := b.source(c, &v)
	unknown := c.Points("unknown", 0)
	if !v.bounded {
		v.least, v.most = b.ends(c, &v)
	}
	b.minTotal += min(v.least, unknown)
	b.maxTotal += max(v.most, unknown)
	b.scorer.criteria = append(b.scorer.criteria, criterion{value: v, unknown: unknown, label: label,
		rule: b.rule(c, "criterion/"+v.name, label, max(v.most, unknown))})
}

// ends are the least and the most that a criterion can give.
func (b *builder) ends(c sdk.Config, v *value) (least, most int64) {
	if c.Get("value").Exists() {
		b.endless = true
		return 0, 0
	}
	least, most = v.other, v.other
	if c.Get("when").Exists() {
		least, most = min(least, v.points), max(most, v.points)
	}
	for _, w := range v.worth {
		least, most = min(least, w), max(most, w)
	}
	for _, s := range v.spans {
		least, most = min(least, s.milli), max(most, s.milli)
	}
	return least, most
}

// source reads where a value comes from, and returns the text that shows it.
func (b *builder) source(c sdk.Config, v *value) (label sdk.Text) {
	of, given := c.Get("of"), 0
	if c.Get("value").Exists() {
		given++
		v.number = b.needs.NumberExpr(c.Get("value"))
	}
	if c.Get("when").Exists() {
		given++
		v.when, v.points = b.needs.Cond(c.Get("when")), c.Points("points", 0)
		b.inside(c.Get("points"), v, v.points)
	}
	listed := c.Get("values").Exists() || c.Get("like").Exists() || c.Get("ranges").Exists()
	if of.Exists() && listed {
		given++
		label = b.needs.TextExpr(of)
		b.lists(c, v)
	} else if of.Exists() || listed {
		b.needs.Error(c, "source", strconv.Quote(v.name)+" is written by halves", "of needs values, like or ranges, and they need of = trait.…")
		return label
	}
	if given != 1 {
		b.needs.Error(c, "source", strconv.Quote(v.name)+" needs exactly one source", "write value = …, or of = … with values, like or ranges, or when = … with points")
	}
	return label
}

// lists reads values and like, in this order, and ranges.
func (b *builder) lists(c sdk.Config, v *value) {
	var literals []abi.Literal
	for _, key := range []string{"values", "like"} {
		for _, item := range c.Get(key).Items() {
			milli, _ := item.AsPoints()
			b.inside(item, v, milli)
			literals = append(literals, abi.Literal{Text: item.Key(), Glob: key == "like", Fold: true})
			v.worth = append(v.worth, milli)
		}
	}
	if len(literals) > 0 {
		v.text = b.needs.EnumExpr(c.Get("of"), literals...)
	}
	for _, r := range c.Get("ranges").Items() {
		s := span{from: r.Number("from", math.Inf(-1)), to: r.Number("to", math.Inf(1)), milli: r.Points("points", 0)}
		if s.from > s.to {
			b.needs.Error(r, "range", "the range is empty", "from must not be above to; both ends count")
		}
		b.inside(r.Get("points"), v, s.milli)
		v.spans = append(v.spans, s)
	}
	if len(v.spans) > 0 {
		v.of = b.needs.NumberExpr(c.Get("of"))
	}
}

// scale says what range the step's own score has, if that is known.
func (b *builder) scale() {
	if b.score == "" && !b.endless && (b.minTotal != 0 || b.maxTotal != 0) {
		b.needs.Scale(b.minTotal, b.maxTotal)
	}
}
