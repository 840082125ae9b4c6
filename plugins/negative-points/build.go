package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/abi"
)

// builder turns the configuration into a scorer.
type builder struct {
	needs  *sdk.Needs
	scorer *scorer
	root   sdk.Config
	score  string // score that the lines count for
}

// literals compares exactly, unless one of the texts is a pattern.
func literals(texts []string) []abi.Literal {
	if slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(s, "*") }) {
		return sdk.Globs(texts...)
	}
	return sdk.Exact(texts...)
}

func (b *builder) eventEnum(texts []string) sdk.Enum {
	if len(texts) == 0 {
		return sdk.Enum{}
	}
	return b.needs.Event(literals(texts)...)
}

// trigger reads event, page and where.
func (b *builder) trigger(c sdk.Config, key string) trigger {
	t := trigger{event: b.eventEnum(c.Strings(key)), where: b.needs.Cond(c.Get("where")), hasWhere: c.Get("where").Exists()}
	if pages := c.Strings("page"); len(pages) > 0 {
		t.page = b.needs.Path(sdk.Globs(pages...)...)
	}
	return t
}

// line declares a rule that takes milli-points; it is never an activity.
func (b *builder) line(c sdk.Config, name, class, say string, milli int64) line {
	if milli > 0 {
		b.needs.Error(c, "sign", strconv.Quote(name)+" gives points", "this step takes points away: write a number below 0, or move the line to behavior-points")
	}
	r := sdk.Rule{Name: name, Class: class, Score: c.Text("score", b.score), Template: c.Text("say", say), Node: c.Node(), Max: milli}
	sdk.Once(c.Text("once", ""), &r)
	return line{rule: b.needs.Rule(r), milli: milli}
}

// remember reserves a memo of the state.
func (b *builder) remember(c sdk.Config, kind string) int {
	s := b.scorer
	if index(s.names, nameOf(kind, c.Label())) >= 0 {
		b.needs.Error(c, "duplicate", "two blocks "+kind+" of one name", "give each a name of its own: "+kind+" \"…\" { … }")
	}
	if len(s.names) == maxMemos {
		b.needs.Error(c, "limit", "too many blocks", "stop, match, domains, ignored and inactivity may stand "+strconv.Itoa(maxMemos)+" times in all; use another step for the rest")
		return 0
	}
	s.names = append(s.names, nameOf(kind, c.Label()))
	return len(s.names) - 1
}

// plain reads the events and pages of the step itself.
func (b *builder) plain() {
	events, pages := b.root.Get("events").Items(), b.root.Get("pages").Items()
	var names, paths []string
	once := b.root.Text("once", "")
	add := func(item sdk.Config, kind, say string) line {
		milli, _ := item.AsPoints()
		if milli > 0 {
			b.needs.Error(item, "sign", strconv.Quote(item.Key())+" gives points", "this step takes points away: write a number below 0, or move the line to behavior-points")
		}
		r := sdk.Rule{Name: kind + "/" + item.Key(), Class: kind, Score: b.score, Template: say, Node: item.Node(), Max: milli}
		sdk.Once(once, &r)
		return line{rule: b.needs.Rule(r), milli: milli}
	}
	for _, item := range events {
		names = append(names, item.Key())
		b.scorer.onEvent = append(b.scorer.onEvent, add(item, "events", "{label}"))
	}
	for _, item := range pages {
		paths = append(paths, item.Key())
		l := add(item, "pages", "viewed {label}")
		l.label = b.needs.PathText()
		b.scorer.onPage = append(b.scorer.onPage, l)
	}
	b.scorer.event = b.eventEnum(names)
	if len(paths) > 0 {
		b.scorer.page = b.needs.Path(sdk.Globs(paths...)...)
	}
}

// reversal names rules of other steps as "step/rule" (000-08).
func (b *builder) reversal(c sdk.Config) {
	r := reversal{trigger: b.trigger(c, "event")}
	for _, of := range c.Strings("of") {
		step, rule, ok := strings.Cut(of, "/")
		if !ok {
			b.needs.Error(c.Get("of"), "reversal", strconv.Quote(of)+" names no rule", "write step/rule, such as \"recent/newsletter/Newsletter Subscribed\"")
			continue
		}
		r.of = append(r.of, b.needs.Foreign(step, rule, c.Get("of").Node()))
	}
	if c.Get("points").Exists() {
		if len(r.of) > 1 {
			b.needs.Error(c.Get("points"), "reversal", "points need a single rule", "they count when there was nothing to take back, which must be clear: write one block for each rule")
		}
		r.instead = true
		r.line = b.line(c, "reversal/"+c.Label(), c.Label(), c.Label()+": {label}", c.Points("points", 0))
	}
	b.scorer.reversals = append(b.scorer.reversals, r)
}

// stop reads a flag, such as bounced (000-21).
func (b *builder) stop(c sdk.Config) {
	s := stop{memo: b.remember(c, "stop"), raise: b.trigger(c, "event"), lower: b.eventEnum(c.Strings("clear")), flag: b.needs.Flag(c.Label())}
	if c.Get("points").Exists() {
		s.takes = true
		s.line = b.line(c, "stop/"+c.Label(), c.Label(), c.Label()+": {label}", c.Points("points", 0))
	}
	b.scorer.stops = append(b.scorer.stops, s)
}

func (b *builder) match(c sdk.Config) {
	l := b.line(c, "match/"+c.Label(), c.Label(), c.Label(), c.Points("points", 0))
	b.scorer.facts = append(b.scorer.facts, fact{memo: b.remember(c, "match"), when: b.needs.Cond(c.Get("when")), line: l})
}

// domains looks at the person's e-mail address and at the domain of person
// and account; subdomains count.
func (b *builder) domains(c sdk.Config) {
	var emails, hosts []string
	for _, d := range c.Strings("list") {
		emails = append(emails, "*@"+d, "*@*."+d)
		hosts = append(hosts, d, "*."+d)
	}
	l := b.line(c, "domains/"+c.Label(), c.Label(), c.Label(), c.Points("points", 0))
	b.scorer.facts = append(b.scorer.facts, fact{memo: b.remember(c, "domains"), line: l, domains: [3]sdk.Enum{
		b.needs.Trait("email", sdk.FoldedGlobs(emails...)...),
		b.needs.Trait("domain", sdk.FoldedGlobs(hosts...)...),
		b.needs.Account("domain", sdk.FoldedGlobs(hosts...)...),
	}})
}

func (b *builder) ignored(c sdk.Config) {
	more := c.Int("more_than", 3)
	l := b.line(c, "ignored/"+c.Label(), c.Label(), c.Label()+": more than "+strconv.FormatInt(more, 10)+" without an answer", c.Points("points", 0))
	b.scorer.ignores = append(b.scorer.ignores, ignored{
		memo: b.remember(c, "ignored"), delivered: b.trigger(c, "delivered"), answers: b.eventEnum(c.Strings("answers")),
		moreThan: uint32(more), within: c.Millis("answer_within", 0), line: l,
	})
}

func (b *builder) inactivity(c sdk.Config) {
	after := c.Millis("after", 90*86_400_000)
	if after <= 0 {
		b.needs.Error(c.Get("after"), "inactivity", "after is no period", "write a duration such as \"90d\"")
		after = 1
	}
	most := uint32(1)
	if c.Bool("repeat", true) {
		most = uint32(c.Int("most", 8))
	}
	name := "inactivity"
	if c.Label() != "" {
		name += "/" + c.Label()
	}
	r := sdk.Rule{Name: name, Class: "inactivity", Score: c.Text("score", b.score), Template: c.Text("say", "nothing done for "+days(after)),
		Node: c.Node(), Max: c.Points("points", 0), Passive: true}
	if r.Max > 0 {
		b.needs.Error(c.Get("points"), "sign", "inactivity gives points", "write a number below 0")
	}
	b.scorer.idles = append(b.scorer.idles, idle{memo: b.remember(c, "inactivity"), last: b.needs.LastActivity(), after: after, most: most,
		line: line{rule: b.needs.Rule(r), milli: r.Max}})
}

func days(ms int64) string {
	if ms%86_400_000 == 0 {
		return strconv.FormatInt(ms/86_400_000, 10) + " days"
	}
	return strconv.FormatInt(ms/3_600_000, 10) + " hours"
}
