package core_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
)

const day = scoretest.Day

// start is midnight UTC, 2026-01-01.
const start = int64(20454) * day

func program(k *scoretest.Kit) core.Program {
	return core.Program{Book: k.Book, Steps: k.Specs, Policy: k.Policy, Scorers: k.Scorers(), Backups: make([]step.Scorer, len(k.Specs))}
}

// engine is a core with a kit and what it said so far.
type engine struct {
	*core.Core
	t   testing.TB
	kit *scoretest.Kit
	out core.Output
	ids int
}

func newEngine(t testing.TB, c scoretest.Config, o core.Options) *engine {
	k := scoretest.New(c)
	return &engine{Core: core.New(program(k), o), t: t, kit: k}
}

// feed runs inputs in batches of the given size (0 = all at once); what they
// led to is added to out.
func (e *engine) feed(inputs []core.Input, batch int) {
	e.t.Helper()
	if batch <= 0 {
		batch = len(inputs)
	}
	var all core.Output
	for len(inputs) > 0 {
		n := min(batch, len(inputs))
		e.out.Reset()
		require.NoError(e.t, e.Run(inputs[:n], &e.out))
		all.Decisions = append(all.Decisions, e.out.Decisions...)
		all.Rejected = append(all.Rejected, e.out.Rejected...)
		all.Accepted += e.out.Accepted
		all.Duplicates += e.out.Duplicates
		inputs = inputs[n:]
	}
	e.out = all
}

// do runs inputs at once and gives the decisions.
func (e *engine) do(inputs ...core.Input) []lead.Decision {
	e.t.Helper()
	e.feed(inputs, 0)
	return e.out.Decisions
}

// track makes an event with a fresh id.
func (e *engine) track(key, name string, at int64, props ...any) core.Input {
	e.ids++
	return event(fmt.Sprintf("m%d", e.ids), key, name, at, props...)
}

func event(id, key, name string, at int64, props ...any) core.Input {
	ev := lead.Event{ID: id, Lead: key, Kind: lead.Track, Name: name, At: at, Raw: []byte(`{"id":"` + id + `"}`), Props: properties(props)}
	switch {
	case name == "identify":
		ev.Kind, ev.Traits, ev.Props, ev.Name = lead.Identify, ev.Props, nil, ""
	case name == "group":
		ev.Kind, ev.Traits, ev.Props, ev.Name = lead.Group, ev.Props, nil, ""
	case name[0] == '/':
		ev.Kind, ev.Path, ev.Name = lead.Page, name, ""
	}
	return core.Input{Event: ev}
}

func properties(list []any) (p lead.Props) {
	for i := 0; i+1 < len(list); i += 2 {
		v := lead.Value{}
		switch x := list[i+1].(type) {
		case bool:
			v = lead.BoolOf(x)
		case int:
			v = lead.NumberOf(float64(x))
		case int64:
			v = lead.NumberOf(float64(x))
		case float64:
			v = lead.NumberOf(x)
		case string:
			v = lead.StringOf(x)
		}
		p = append(p, lead.Prop{Name: list[i].(string), Value: v})
	}
	return p.Sort()
}

func tick(at int64) core.Input { return core.Input{Event: lead.Event{Kind: lead.Tick, At: at}} }

// score is the value of a score at a time, decay included.
func (e *engine) score(key string, score int, at int64) (v lead.Points) {
	e.t.Helper()
	found := false
	require.NoError(e.t, e.Look([]string{key}, at, func(f *ledger.Frame) { v, found = f.Values[score], true }))
	require.True(e.t, found, "lead %s is unknown", key)
	return v
}

// accounts encodes every lead: event ids and account.
func (e *engine) accounts() map[string]string {
	out := map[string]string{}
	e.States(func(key string, state []byte) { out[key] = string(state) })
	return out
}

// books encodes every account alone.
func (e *engine) books() map[string]string {
	out := map[string]string{}
	e.Leads(func(a *ledger.Account) { out[a.Key] = string(a.Append(nil, e.kit.Book)) })
	return out
}

// lines prints values as JSON, one a line: what byte-identical means here.
func lines[T any](t testing.TB, list []T) (out []string) {
	for i := range list {
		b, err := json.Marshal(list[i])
		require.NoError(t, err)
		out = append(out, string(b))
	}
	return out
}

func actions(list []lead.Decision) (out []string) {
	for i := range list {
		out = append(out, list[i].Action+"/"+list[i].Route)
	}
	return out
}

// generator makes random streams: several leads, late events, duplicates,
// failing inputs, robots, answers, ticks.
type generator struct {
	rng   *rand.Rand
	now   int64
	leads int
	ids   []string
	n     int
	// late is how far an event may lie back, in ms.
	late int64
	// ticks is the chance of a tick, in percent.
	ticks int
	calm  bool // no failing inputs
}

func newGenerator(seed uint64) *generator {
	return &generator{rng: rand.New(rand.NewPCG(seed, 7)), now: start, leads: 5, late: 4 * day, ticks: 8}
}

var names = []string{"Email Opened", "Email Delivered", "Email Delivered", "Email Delivered", "Signed Up", "Unsubscribed", "Demo Requested",
	"Downloaded", "Logged In", "/pricing", "/blog/a", "identify", "group", "Lead Accepted", "Lead Rejected", "Lead Recycled", "Score Adjusted", "Unheard Of"}

func (g *generator) chance(percent int) bool { return g.rng.IntN(100) < percent }

func (g *generator) stream(n int) (out []core.Input) {
	for range n {
		g.now += int64(g.rng.IntN(int(day / 3)))
		if g.chance(3) {
			g.now += int64(g.rng.IntN(70)) * day
		}
		if g.chance(g.ticks) {
			out = append(out, tick(g.now))
			continue
		}
		out = append(out, g.event())
	}
	return out
}

func (g *generator) event() core.Input {
	at := g.now
	if g.late > 0 && g.chance(10) {
		at -= int64(g.rng.IntN(int(g.late)))
	}
	g.n++
	key, id := fmt.Sprintf("lead-%d", g.rng.IntN(g.leads)), fmt.Sprintf("e%d", g.n)
	if len(g.ids) > 0 && g.chance(3) {
		id = g.ids[g.rng.IntN(len(g.ids))]
	}
	g.ids = append(g.ids, id)
	in := event(id, key, names[g.rng.IntN(len(names))], at, g.props(at)...)
	if in.Event.Kind == lead.Identify || in.Event.Kind == lead.Group {
		in.Event.Traits = properties([]any{"title", []string{"ceo", "manager", "intern"}[g.rng.IntN(3)], "size", g.rng.IntN(30), "competitor", g.chance(10), "customer", g.chance(5)})
	}
	return in
}

func (g *generator) props(at int64) []any {
	p := []any{"list", fmt.Sprintf("l%d", g.rng.IntN(2)), "asset", "a", "score", "recent", "points", float64(g.rng.IntN(40)-10) / 8, "reason", "talk", "by", "eve"}
	if g.chance(50) {
		p = append(p, "expires", at+int64(g.rng.IntN(20)-1)*day, "until", at+int64(g.rng.IntN(9))*day)
	}
	if !g.calm && g.chance(8) {
		p = append(p, "fail", []string{"soft", "bad", "trap"}[g.rng.IntN(3)], "in", []string{"guard", "behavior", "fit", "fade"}[g.rng.IntN(4)])
	}
	if g.chance(5) {
		p = append(p, "robot", true)
	}
	if g.chance(5) && len(g.ids) > 0 {
		p = append(p, "voids", g.ids[g.rng.IntN(len(g.ids))])
	}
	return p
}
