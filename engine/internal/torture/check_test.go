package torture

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
)

// small is a round that went well: ada has three events and two decisions.
type small struct {
	r    *round
	sent map[string]event
	dump *dump
	want map[string]lead.Decision
	off  []replay.View
	got  []replay.View
}

func newSmall(t *testing.T) *small {
	t.Helper()
	s := &small{r: &round{tally: newTally(), partitions: 1, repeats: map[int]bool{}, live: &live{body: map[string]string{}}, durability: "disk"},
		sent: map[string]event{}, dump: &dump{rejected: map[string]int{}}, want: map[string]lead.Decision{}}
	for n := 1; n <= 3; n++ {
		id := fmt.Sprintf("ada-%d", n)
		s.sent[id] = event{id: id, lead: "ada", n: n, acked: true}
		s.dump.inputs = append(s.dump.inputs, input{seq: uint64(n), id: id, lead: "ada", line: id})
	}
	s.sent["bad"] = event{id: "bad", lead: "ada", poison: true, acked: true, line: "{bad"}
	s.dump.inputs = append(s.dump.inputs, input{seq: 4, line: "{bad"})
	s.dump.rejected["{bad"] = 1
	for n := range uint64(2) {
		s.decide(t, lead.Decision{ID: fmt.Sprintf("d%d", n+1), Lead: "ada", Seq: n + 1})
	}
	for i := range s.dump.decisions {
		one := s.dump.decisions[i]
		s.want[one.ID] = one
		s.r.live.order = append(s.r.live.order, one.ID)
		s.r.live.body[one.ID] = s.dump.bodies[i]
	}
	s.off, s.got = []replay.View{view(3)}, []replay.View{view(3)}
	return s
}

func view(points lead.Points) replay.View {
	return replay.View{Lead: "ada", Scores: []lead.ScoreValue{{Name: "tally", Milli: points * 1000}}}
}

func (s *small) decide(t *testing.T, one lead.Decision) {
	t.Helper()
	body, err := json.Marshal(one)
	require.NoError(t, err)
	s.dump.decisions = append(s.dump.decisions, one)
	s.dump.bodies = append(s.dump.bodies, string(body))
}

func (s *small) check() (*Tally, error) {
	f := &findings{r: s.r, count: map[*int]int{}}
	ids := f.events(s.r.tally, s.dump, s.sent)
	f.rejections(s.r.tally, s.dump, s.sent)
	f.leads(s.r.tally, ids, s.off, s.got)
	f.decisions(s.r.tally, s.dump, s.want)
	f.heard(s.r.tally, s.dump)
	return s.r.tally, f.err()
}

// TestTheCheckerBites breaks one promise at a time.
func TestTheCheckerBites(t *testing.T) {
	for _, c := range []struct {
		name                           string
		spoil                          func(*testing.T, *small)
		lost, double, reordered, other int
	}{
		{name: "nothing", spoil: func(*testing.T, *small) {}},
		{name: "an acknowledged event is gone", lost: 1, other: 0, spoil: func(_ *testing.T, s *small) {
			s.dump.inputs = s.dump.inputs[1:]
			s.off, s.got = []replay.View{view(2)}, []replay.View{view(2)}
		}},
		{name: "one that nobody was told of may be gone", spoil: func(_ *testing.T, s *small) {
			e := s.sent["ada-1"]
			e.acked = false
			s.sent["ada-1"] = e
			s.dump.inputs = s.dump.inputs[1:]
			s.off, s.got = []replay.View{view(2)}, []replay.View{view(2)}
		}},
		{name: "an event has no effect", lost: 1, spoil: func(_ *testing.T, s *small) { s.got = []replay.View{view(2)} }},
		{name: "an event has two effects", double: 1, spoil: func(_ *testing.T, s *small) { s.got = []replay.View{view(4)} }},
		{name: "offline and engine are wrong in the same way", double: 1, spoil: func(_ *testing.T, s *small) {
			s.off, s.got = []replay.View{view(4)}, []replay.View{view(4)}
		}},
		{name: "a lead is missing", lost: 1, spoil: func(_ *testing.T, s *small) { s.got = nil }},
		{name: "a lead is too much", double: 1, spoil: func(_ *testing.T, s *small) {
			s.got = append(s.got, replay.View{Lead: "bob"})
		}},
		{name: "a label differs", other: 1, spoil: func(_ *testing.T, s *small) { s.got[0].Label = "hot" }},
		{name: "events stand in another order", reordered: 1, spoil: func(_ *testing.T, s *small) {
			s.dump.inputs[0], s.dump.inputs[1] = s.dump.inputs[1], s.dump.inputs[0]
		}},
		{name: "a duplicate is no reordering", spoil: func(_ *testing.T, s *small) { s.dump.inputs = append(s.dump.inputs, s.dump.inputs[0]) }},
		{name: "poison is not kept", lost: 1, spoil: func(_ *testing.T, s *small) { delete(s.dump.rejected, "{bad") }},
		{name: "a decision is missing", lost: 1, other: 1, spoil: func(_ *testing.T, s *small) {
			s.dump.decisions, s.dump.bodies = s.dump.decisions[:1], s.dump.bodies[:1]
		}},
		{name: "a decision stands twice", double: 1, spoil: func(t *testing.T, s *small) { s.decide(t, s.dump.decisions[1]) }},
		{name: "after a repair it may", spoil: func(t *testing.T, s *small) {
			s.r.repeats[0] = true
			s.decide(t, s.dump.decisions[1])
		}},
		{name: "but not with another content", other: 2, spoil: func(t *testing.T, s *small) {
			s.r.repeats[0] = true
			one := s.dump.decisions[0]
			one.Say = "something else"
			s.decide(t, one)
		}},
		{name: "a decision has two ids", double: 1, reordered: 1, spoil: func(t *testing.T, s *small) {
			one := s.dump.decisions[1]
			one.ID = "d9"
			s.decide(t, one)
		}},
		{name: "a decision says something else", other: 1, spoil: func(_ *testing.T, s *small) {
			one := s.want["d1"]
			one.Say = "call"
			s.want["d1"] = one
		}},
		{name: "what a power loss without sync took is counted only", lost: 1, spoil: func(_ *testing.T, s *small) {
			s.r.excused = map[string]bool{"ada": true}
			delete(s.want, "d1")
			s.got = []replay.View{view(2)}
		}},
		{name: "decisions stand in another order", reordered: 2, spoil: func(_ *testing.T, s *small) {
			d := s.dump
			d.decisions[0], d.decisions[1] = d.decisions[1], d.decisions[0]
			d.bodies[0], d.bodies[1] = d.bodies[1], d.bodies[0]
		}},
		{name: "a subscriber hears another order", reordered: 1, spoil: func(_ *testing.T, s *small) {
			o := s.r.live.order
			o[0], o[1] = o[1], o[0]
		}},
		{name: "a subscriber hears what is not stored", other: 1, spoil: func(_ *testing.T, s *small) {
			s.r.live.order = append(s.r.live.order, "d9")
			s.r.live.body["d9"] = `{"id":"d9","lead":"bob","seq":1}`
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSmall(t)
			c.spoil(t, s)
			tally, err := s.check()
			require.Equal(t, []int{c.lost, c.double, c.reordered, c.other}, []int{tally.Lost, tally.Double, tally.Reordered, tally.Other}, "%v", err)
			require.Equal(t, tally.Faults() > 0, err != nil)
		})
	}
}
