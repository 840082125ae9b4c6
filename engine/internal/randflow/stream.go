package randflow

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/lead"
)

const (
	minute = int64(60_000)
	hour   = 60 * minute
	day    = 24 * hour
)

// start is when streams begin: 2026-03-20, nine days before the clocks change
// in Europe. In ms.
const start = int64(20532) * day

// Options shape a stream.
type Options struct {
	Events int
	Leads  int
	// Late is the chance in percent that an event lies up to nine days back.
	Late int
	// Traps is the chance in percent that an event breaks the plugin traplike, Ways
	// are the ways in which it may.
	Traps int
	Ways  []string
}

// Stream invents the events of a seed, without ticks, in the order in which
// they arrive. Some come late, some twice.
func (f *Flow) Stream(seed uint64, o Options) []lead.Event {
	g := &crowd{rng: rand.New(rand.NewPCG(seed, 0x73747265)), o: o, now: start, scores: f.Scores}
	var out []lead.Event
	for len(out) < o.Events {
		g.now += int64(g.rng.IntN(int(day / 4)))
		if g.chance(3) {
			g.now += int64(g.rng.IntN(60)) * day
		}
		out = append(out, g.event())
	}
	return out
}

type crowd struct {
	rng    *rand.Rand
	o      Options
	now    int64
	n      int
	last   []lead.Event
	scores []string
}

func (g *crowd) chance(percent int) bool { return g.rng.IntN(100) < percent }

func one[T any](g *crowd, list []T) T { return list[g.rng.IntN(len(list))] }

func (g *crowd) event() lead.Event {
	if n := len(g.last); n > 0 && g.chance(3) {
		return g.last[g.rng.IntN(n)] // again
	}
	g.n++
	e := lead.Event{ID: fmt.Sprintf("m%d", g.n), Lead: fmt.Sprintf("lead-%d", g.rng.IntN(g.o.Leads)), At: g.now, Props: g.props()}
	if g.chance(g.o.Late) {
		e.At -= int64(g.rng.IntN(int(9 * day)))
	}
	if g.chance(20) {
		e.Context = lead.Props{{Name: "source", Value: lead.StringOf(one(g, []string{"partner", "search"}))}}
	}
	g.kind(&e)
	g.last = append(g.last, e)
	return e
}

// kind says what happens.
func (g *crowd) kind(e *lead.Event) {
	e.Kind = lead.Track
	switch n := g.rng.IntN(100); {
	case n < 42:
		e.Name = one(g, actions)
	case n < 58:
		e.Kind, e.Path = lead.Page, one(g, paths)
	case n < 66:
		e.Name = "Email Delivered"
		g.now += int64(g.rng.IntN(int(minute))) // an answer may come soon
	case n < 74:
		e.Name = one(g, []string{"Unsubscribed", "Undone", "Email Bounced", "Email Address Changed", "Email Marked as Spam", "Never Heard Of"})
	case n < 83:
		e.Kind, e.Traits, e.Props = lead.Identify, g.person(), nil
	case n < 88:
		e.Kind, e.Traits, e.Props = lead.Group, g.company(), nil
	case n < 94:
		e.Name = one(g, []string{"Lead Accepted", "Lead Contacted", "Lead Rejected", "Lead Recycled", "Lead Won", "Lead Lost"})
		if g.chance(50) {
			e.Props = append(e.Props, prop("until", lead.NumberOf(float64(g.now+int64(g.rng.IntN(12))*day)))).Sort()
		}
	default:
		e.Name, e.Props = "Score Adjusted", g.adjustment()
	}
}

func prop(name string, v lead.Value) lead.Prop { return lead.Prop{Name: name, Value: v} }

func (g *crowd) props() (p lead.Props) {
	if g.chance(70) {
		p = append(p, prop("asset", lead.StringOf(fmt.Sprintf("a%d", g.rng.IntN(4)))))
	}
	if g.chance(60) {
		p = append(p, prop("list_id", lead.StringOf(fmt.Sprintf("l%d", g.rng.IntN(2)))))
	}
	if g.chance(60) {
		p = append(p, prop("size", lead.NumberOf(float64(g.rng.IntN(9)))))
	}
	if g.chance(30) {
		p = append(p, prop("hard", lead.BoolOf(g.chance(70))))
	}
	if len(g.o.Ways) > 0 && g.chance(g.o.Traps) {
		p = append(p, prop(one(g, []string{"crash", "crash", "crash_later"}), lead.StringOf(one(g, g.o.Ways))))
	}
	return p.Sort()
}

func (g *crowd) person() (p lead.Props) {
	add := func(percent int, name string, v lead.Value) {
		if g.chance(percent) {
			p = append(p, prop(name, v))
		}
	}
	add(60, "title", lead.StringOf(one(g, []string{"Chief of Staff", "VP Sales", "Intern", "Manager"})))
	add(40, "role", lead.StringOf(one(g, []string{"student", "buyer", "user"})))
	add(40, "domain", lead.StringOf(one(g, []string{"rival.com", "eu.rival.com", "acme.test"})))
	add(20, "email", lead.StringOf(one(g, []string{"a@rival.com", "b@acme.test"})))
	add(8, "customer", lead.BoolOf(g.chance(60)))
	return p.Sort()
}

func (g *crowd) company() (p lead.Props) {
	if g.chance(70) {
		p = append(p, prop("industry", lead.StringOf(one(g, []string{"saas", "media", "farming"}))))
	}
	if g.chance(70) {
		p = append(p, prop("employees", lead.NumberOf(float64(one(g, []int{5, 50, 400, 1000, 1001, 20000})))))
	}
	return p.Sort()
}

func (g *crowd) adjustment() lead.Props {
	p := lead.Props{prop("score", lead.StringOf(one(g, append([]string{"recent", "recent", "nobody"}, g.scores...)))),
		prop("points", lead.NumberOf(float64(g.rng.IntN(400)-150)/8)), prop("by", lead.StringOf("eve")), prop("reason", lead.StringOf("talked"))}
	if g.chance(50) {
		p = append(p, prop("expires", lead.NumberOf(float64(g.now+int64(g.rng.IntN(25)-2)*day))))
	}
	return p.Sort()
}

// WithTicks puts about n ticks at random places of a stream. No tick is newer
// than an event behind it.
func WithTicks(seed uint64, events []lead.Event, n int) []lead.Event {
	rng := rand.New(rand.NewPCG(seed, 0x7469636b))
	out := make([]lead.Event, 0, len(events)+n)
	least := make([]int64, len(events)) // of the events from here on
	for i := len(events) - 1; i >= 0; i-- {
		least[i] = events[i].At
		if i+1 < len(events) {
			least[i] = min(least[i], least[i+1])
		}
	}
	var last int64
	for i := range events {
		for rng.IntN(len(events)) < n {
			at := least[i]
			if rng.IntN(3) > 0 {
				at -= int64(rng.IntN(int(2 * day)))
			}
			if rng.IntN(4) == 0 {
				at -= at % day // midnight, where ages change
			}
			if at < last {
				break
			}
			last = at
			out = append(out, Tick(at))
		}
		out = append(out, events[i])
	}
	return out
}

// Tick lets time pass to at, ms.
func Tick(at int64) lead.Event { return lead.Event{Kind: lead.Tick, At: at} }

// End is a time in ms by which all that a stream set going is over.
func End(events []lead.Event) int64 {
	var at int64
	for i := range events {
		at = max(at, events[i].At)
	}
	return at + 200*day
}

// Text prints events as NDJSON in the Segment spec, to be played again.
func Text(events []lead.Event) string {
	var out strings.Builder
	for i := range events {
		e := &events[i]
		m := map[string]any{"type": e.Kind.String(), "timestamp": time.UnixMilli(e.At).UTC().Format("2006-01-02T15:04:05.000Z07:00")}
		if e.Kind != lead.Tick {
			m["messageId"], m["userId"] = e.ID, e.Lead
		}
		if e.Name != "" {
			m["event"] = e.Name
		}
		props := plain(e.Props)
		if e.Path != "" {
			props["path"] = e.Path
		}
		for name, list := range map[string]map[string]any{"properties": props, "traits": plain(e.Traits), "context": plain(e.Context)} {
			if len(list) > 0 {
				m[name] = list
			}
		}
		line, err := json.Marshal(m)
		if err != nil {
			return err.Error()
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	return out.String()
}

func plain(p lead.Props) map[string]any {
	out := make(map[string]any, len(p))
	for i := range p {
		switch v := p[i].Value; v.Kind {
		case lead.Number:
			out[p[i].Name] = v.Num
		case lead.Bool:
			out[p[i].Name] = v.Num != 0
		default:
			out[p[i].Name] = v.Text()
		}
	}
	return out
}
