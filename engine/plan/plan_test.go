package plan

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
)

func points(list ...int64) (out []lead.Points) {
	for _, n := range list {
		out = append(out, lead.FromPoints(n))
	}
	return out
}

func TestSpread(t *testing.T) {
	assert.Equal(t, Spread{}, spreadOf(nil))
	assert.Equal(t, Spread{Least: -5000, P10: -5000, Median: 10_000, P90: 20_000, Most: 30_000, Mean: 11_000}, spreadOf(points(30, 10, -5, 20, 0)))
	assert.Equal(t, lead.Points(-334), spreadOf([]lead.Points{-1000, -1, 0}).Mean)
}

func TestHistogram_CountsEveryLeadOnce(t *testing.T) {
	for name, c := range map[string]struct {
		before, after []lead.Points
		width         lead.Points
		from          lead.Points
		bars          int
	}{
		"one value":       {points(7), points(7, 7), 1000, 7000, 1},
		"one side":        {nil, points(0, 15), 1000, 0, 16},
		"wide":            {points(-30, 0, 400), points(1, 2), 50_000, -50_000, 10},
		"below a point":   {[]lead.Points{1}, []lead.Points{-1}, 1000, -1000, 2},
		"negative alone":  {points(-12, -11), nil, 1000, -12_000, 2},
		"very large ones": {points(0), points(1_000_000), 100_000_000, 0, 11},
	} {
		t.Run(name, func(t *testing.T) {
			bars := histogram(c.before, c.after)
			require.Len(t, bars, c.bars)
			assert.Equal(t, c.from, bars[0].From)
			var was, is int
			for i, b := range bars {
				assert.Equal(t, c.width, b.To-b.From)
				if i > 0 {
					assert.Equal(t, bars[i-1].To, b.From)
				}
				was, is = was+b.Before, is+b.After
			}
			assert.Equal(t, len(c.before), was)
			assert.Equal(t, len(c.after), is)
		})
	}
	assert.Equal(t, []Bar{}, histogram(nil, nil))
}

func TestMatrix(t *testing.T) {
	assert.Nil(t, matrixOf(map[[2]string]int{{"", ""}: 3}, nil))
	m := matrixOf(map[[2]string]int{{"A", "B"}: 2, {"B", "B"}: 5, {"", "A"}: 1}, []string{"A", "B"})
	assert.Equal(t, &Matrix{Names: []string{"A", "B", ""}, Leads: [][]int{{0, 2, 0}, {0, 5, 0}, {1, 0, 0}}}, m)
}

func TestHeaviest(t *testing.T) {
	line := func(rule string, p lead.Points) lead.Line { return lead.Line{Step: "s", Rule: rule, Remaining: p} }
	got := heaviest([]lead.Line{line("a", 5), {Rule: "total", Remaining: 99}, line("b", 7), line("c", -3), line("d", 7), line("e", 1), line("f", 6), line("g", 0)})
	assert.Equal(t, []lead.Line{line("b", 7), line("d", 7), line("f", 6)}, got)
	assert.Empty(t, heaviest(nil))
}

func TestDiffering(t *testing.T) {
	for _, c := range [][4]string{
		{"recent >= 25", "recent >= 20", "recent >= 25", "recent >= 20"},
		{`oneof(grade, "A") && recent >= 25`, `oneof(grade, "A") && recent >= 20`, "recent >= 25", "recent >= 20"},
		{"recent >= 25 && fit > 3 || x", "recent >= 20 && fit > 3 || x", "recent >= 25", "recent >= 20"},
		{"a && b > 1 && c", "a && b > 2 && c", "b > 1", "b > 2"},
		{"a", "a && b", "a", "a && b"},
		{"b", "a && b", "b", "a && b"},
		{"", "x", "", "x"},
	} {
		was, is := differing(c[0], c[1])
		assert.Equal(t, []string{c[2], c[3]}, []string{was, is}, "%s → %s", c[0], c[1])
	}
}

func decision(key, action, route string, at int64) lead.Decision {
	return lead.Decision{ID: key + route, Lead: key, Action: action, Route: route, At: at, Cause: lead.Cause{Kind: "event", Event: "e", Name: "Asked"}}
}

func TestTraces_WhoGoesToSales(t *testing.T) {
	tr := newTraces([]string{"call", "sales-handoff"})
	tr.add(before, []lead.Decision{
		decision("same", "sales-handoff", "r", 10), decision("lost", "sales-handoff", "r", 20), decision("sooner", "sales-handoff", "r", 30),
		decision("other", "sales-handoff", "r", 40), decision("any", "nurture", "n", 5), decision("same", "sales-handoff", "r", 50),
	})
	tr.add(after, []lead.Decision{
		decision("same", "sales-handoff", "q", 10), decision("new", "sales-handoff", "r", 15), decision("sooner", "sales-handoff", "r", 25),
		decision("other", "call", "r", 40), decision("other", "sales-handoff", "r", 41), decision("any", "nurture", "n", 5),
	})
	m := &moves{handed: [2]map[string]bool{{}, {}}, routesWas: map[routeKey]int{}, routesIs: map[routeKey]int{}}
	tr.compare(m)
	names := func(list []Handoff) (out []string) {
		for _, h := range sorted(list) {
			out = append(out, h.Lead+" "+h.Action)
		}
		return out
	}
	assert.Equal(t, []string{"new sales-handoff", "other call"}, names(m.gained))
	assert.Equal(t, []string{"lost sales-handoff"}, names(m.lost))
	assert.Equal(t, []string{"sooner sales-handoff"}, names(m.sooner))
	assert.Equal(t, []string{"other sales-handoff"}, names(m.later))
	assert.Len(t, m.handed[before], 4)
	assert.Len(t, m.handed[after], 4)
	assert.Equal(t, 2, tr.first[before][traceKey{"same", 1}].Times)
	assert.Equal(t, []Route{{"call", "r", 0, 1}, {"sales-handoff", "q", 0, 1}, {"sales-handoff", "r", 5, 3}, {"nurture", "n", 1, 1}}, m.routeRows(tr.sales))
}

func TestRetrace_UpToTheCause(t *testing.T) {
	r := &Report{Sales: Sales{Gained: Handoffs{List: []Handoff{{Lead: "ann"}}}}}
	tr := NewRetrace(r)
	assert.True(t, tr.Wants("ann"))
	assert.False(t, tr.Wants("bob"))
	give := func(id, key string, kind lead.Kind, at int64) {
		tr.Event(&lead.Event{ID: id, Lead: key, Kind: kind, At: at})
	}
	give("1", "ann", lead.Track, 10)
	give("", "", lead.Tick, 20)
	give("2", "ann", lead.Track, 15) // late
	give("x", "bob", lead.Track, 30)
	give("", "", lead.Tick, 40)
	give("3", "ann", lead.Track, 35) // late again
	give("4", "ann", lead.Track, 60)
	ids := func(d *Decided) (out string) {
		for _, x := range tr.until("ann", d) {
			out += x.event.ID
		}
		return out
	}
	assert.Equal(t, "12", ids(&Decided{event: "2", At: 20}))
	assert.Equal(t, "1234", ids(&Decided{event: "4", At: 60}))
	assert.Equal(t, "1", ids(&Decided{At: 18}), "a timer that the first tick let fire")
	assert.Equal(t, "12", ids(&Decided{At: 38}), "and one of the second")
	assert.Equal(t, "123", ids(&Decided{At: 55}), "and one on the way to the last event")
}
