package main

import (
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/sdk"
)

// Defaults that the README and the schema name.
const (
	second       = 1000
	withinMillis = 5 * second
	windowMillis = 5 * second
	linksDefault = 3
	keepMillis   = 3600 * second
	maxNetworks  = 16_384
	maxNames     = 4
)

// builder turns the configuration into a scorer.
type builder struct {
	needs  *sdk.Needs
	root   sdk.Config
	scorer *scorer
	clicks int // literals of the event, all of them
}

// texts is a text or a list of texts, def if it is not written.
func (b *builder) texts(key string, def ...string) []string {
	if !b.root.Get(key).Exists() {
		return def
	}
	return b.root.Strings(key)
}

// items are the places of what texts gives.
func (b *builder) items(key string) []sdk.Config {
	c := b.root.Get(key)
	if _, single := c.AsText(); single {
		return []sdk.Config{c}
	}
	return c.Items()
}

// events reads which events are looked at. All are literals of one column:
// first the deliveries, then the opens, then the clicks.
func (b *builder) events() {
	s := b.scorer
	delivered, opens, clicks := b.texts("delivered", "Email Delivered"), b.texts("opens", "Email Opened"), b.texts("clicks", "Email Link Clicked")
	s.delivered = len(delivered)
	s.opened = s.delivered + len(opens)
	b.clicks = s.opened + len(clicks)
	if s.delivered == b.clicks {
		b.needs.Error(b.root, "nothing-to-hide", "there are neither opens nor clicks", "write opens = \"…\" or clicks = \"…\", or leave both out for \"Email Opened\" and \"Email Link Clicked\"")
	}
	names := append(append(append([]string(nil), delivered...), opens...), clicks...)
	if len(names) == 0 {
		return
	}
	literals := sdk.Exact(names...)
	for i := range literals {
		literals[i].Glob = strings.Contains(names[i], "*")
	}
	s.event = b.needs.Event(literals...)
}

// times reads the periods and how many links are too many.
func (b *builder) times() {
	s, root := b.scorer, b.root
	s.within, s.window = root.Millis("within", withinMillis), root.Millis("window", windowMillis)
	s.keep, s.links = root.Millis("keep", keepMillis), int(root.Int("links", linksDefault))
	if s.links == 1 || s.links < 0 || s.links > maxHits {
		b.needs.Error(root.Get("links"), "links", strconv.Itoa(s.links)+" links cannot be told from a person's clicks", "write 2 to "+strconv.Itoa(maxHits)+", or 0 to leave this out")
	}
	if max(s.within, s.window) > s.keep {
		b.needs.Error(root.Get("keep"), "keep", "mails are forgotten before they are judged", "write keep = \"…\" with a time that is at least as long as within and window")
	}
	for _, name := range []string{"within", "window"} {
		if root.Millis(name, 0) > 60*second {
			b.needs.Warn(root.Get(name), "long-"+name, name+" is longer than a minute", "people open and click within a minute: what they do then is hidden too")
		}
	}
}

// lists reads what is looked at of an event, and what it is compared with.
func (b *builder) lists() {
	s := b.scorer
	for _, p := range b.parts("message", "email_id") {
		s.message = append(s.message, p.hash(b.needs))
	}
	only(b, 1, s.message)
	agents := b.root.Strings("agents")
	if b.root.Bool("known_agents", true) {
		agents = append(agents, knownAgents()...)
	}
	for _, p := range b.parts("agent", "context.userAgent") {
		if len(agents) > 0 {
			s.agent = append(s.agent, p.matches(b.needs, agents, true))
		}
	}
	only(b, s.delivered+1, s.agent)
	s.networks = b.networks()
	for _, p := range b.parts("address", "context.ip") {
		if !s.networks.none() {
			s.address = append(s.address, p.text(b.needs))
		}
	}
	only(b, s.delivered+1, s.address)
	traps := b.root.Strings("honeypot")
	for _, p := range b.parts("link", "link_url", "link", "url") {
		s.link = append(s.link, p.hash(b.needs))
		if len(traps) > 0 {
			s.honeypot = append(s.honeypot, p.matches(b.needs, traps, false))
		}
	}
	only(b, s.opened+1, s.link)
	only(b, s.opened+1, s.honeypot)
}

// part names a part of an event: a property, or "context.…".
type part struct {
	name    string
	context bool
}

// parts reads where something stands: the first of several parts that an event
// has.
func (b *builder) parts(key string, def ...string) (list []part) {
	names := b.texts(key, def...)
	if len(names) > maxNames {
		b.needs.Error(b.root.Get(key), "names", key+" has "+strconv.Itoa(len(names))+" names", "write at most "+strconv.Itoa(maxNames)+": the first that an event has counts")
		names = names[:maxNames]
	}
	for i, text := range names {
		name, context := strings.CutPrefix(text, "context.")
		if name == "" || strings.HasPrefix(text, "prop.") {
			b.needs.Error(b.items(key)[i], "names", strconv.Quote(text)+" names nothing", "write the name of a property, such as \"email_id\", or of a part of the context, such as \"context.ip\"")
			continue
		}
		list = append(list, part{name, context})
	}
	return list
}

func (p part) hash(n *sdk.Needs) sdk.Hash {
	if p.context {
		return n.ContextHash(p.name)
	}
	return n.PropHash(p.name)
}

func (p part) text(n *sdk.Needs) sdk.Text {
	if p.context {
		return n.ContextText(p.name)
	}
	return n.PropText(p.name)
}

// matches compares with globs; fold ignores case.
func (p part) matches(n *sdk.Needs, globs []string, fold bool) sdk.Enum {
	literals := sdk.Globs(globs...)
	for i := range literals {
		literals[i].Fold = fold
	}
	if p.context {
		return n.Context(p.name, literals...)
	}
	return n.Prop(p.name, literals...)
}

// only says that columns are read on the events from that literal on: most
// events are no mails, and the host need not look at their user agent.
func only[H sdk.Handle](b *builder, from int, list []H) {
	for _, h := range list {
		for literal := from; literal <= b.clicks; literal++ {
			b.needs.OnlyOn(h, b.scorer.event, literal)
		}
	}
}

// networks reads the ranges of data centres.
func (b *builder) networks() networks {
	items := b.items("networks")
	if len(items) > maxNetworks {
		b.needs.Error(b.root.Get("networks"), "network", strconv.Itoa(len(items))+" networks", "write at most "+strconv.Itoa(maxNetworks)+"; join those that lie side by side")
		return networks{}
	}
	var list []span
	for _, c := range items {
		text, _ := c.AsText()
		s, bad := parseNetwork(text)
		if bad != "" {
			b.needs.Error(c, "network", strconv.Quote(text)+" is no network", bad+". Write address/bits, such as \"192.0.2.0/24\" or \"2001:db8::/32\".")
			continue
		}
		list = append(list, s)
	}
	return newNetworks(list)
}

// outcomes declares the lines and flags.
func (b *builder) outcomes() {
	s, n := b.scorer, b.needs
	for i, o := range [reasons]struct{ name, say string }{
		byAgent:    {"agent", "opens and clicks by a user agent that is a robot's"},
		byNetwork:  {"network", "opens and clicks from a network of robots"},
		byHoneypot: {"honeypot", "opens and clicks together with a link that people do not see"},
		byHaste:    {"haste", "opens and clicks within " + length(s.within) + " of delivery"},
		byBurst:    {"burst", "opens and clicks where " + strconv.Itoa(s.links) + " links were clicked within " + length(s.window)},
	} {
		s.outcomes[i] = outcome{rule: n.Rule(sdk.Rule{Name: o.name, Template: o.say, Max: 1000, Node: b.root.Node()}), flag: n.Flag(o.name)}
	}
	s.hidden, s.ever = n.Flag("hidden"), n.Flag("ever")
}

// length writes a time as people do.
func length(ms int64) string {
	for _, u := range []struct {
		ms   int64
		name string
	}{{3600 * second, "h"}, {60 * second, "min"}, {second, "s"}} {
		if ms >= u.ms && ms%u.ms == 0 {
			return strconv.FormatInt(ms/u.ms, 10) + " " + u.name
		}
	}
	return strconv.FormatInt(ms, 10) + " ms"
}
