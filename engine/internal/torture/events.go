package torture

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// event is one that a producer sends.
type event struct {
	id, lead string
	n        int // ordinal among the events of its lead
	at       time.Time
	line     string
	acked    bool
	poison   bool // it must be rejected
}

// epoch is where the logical time of every round begins.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// source invents the events of some leads, in order of time.
type source struct {
	rnd   *rand.Rand
	name  string
	leads []string
	next  []int // ordinal of each lead's next event
	at    time.Time
	bad   int
}

func newSource(seed, number uint64, leads int) *source {
	s := &source{rnd: rand.New(rand.NewPCG(seed, number)), name: fmt.Sprintf("p%d", number), at: epoch}
	for i := range leads {
		s.leads = append(s.leads, fmt.Sprintf("%s-lead-%03d", s.name, i))
	}
	s.next = make([]int, leads)
	return s
}

var kinds = []struct {
	weight int
	body   string
}{
	{45, `"type":"track","event":"Article Read"`},
	{20, `"type":"page","properties":{"path":"/product/%d"}`},
	{10, `"type":"page","properties":{"path":"/blog/%d"}`},
	{15, `"type":"track","event":"Guide Downloaded","properties":{"asset":"guide-%d"}`},
	{2, `"type":"track","event":"Demo Requested"`},
	{8, `"type":"track","event":"Other Thing"`},
}

// one is the next event. Some leads are busier than others.
func (s *source) one() *event {
	i := min(s.rnd.IntN(len(s.leads)), s.rnd.IntN(len(s.leads)))
	s.at = s.at.Add(time.Duration(s.rnd.IntN(40*60)) * time.Second)
	s.next[i]++
	e := &event{lead: s.leads[i], n: s.next[i], at: s.at}
	e.id = fmt.Sprintf("%s-%05d", e.lead, e.n)
	w := s.rnd.IntN(100)
	for _, k := range kinds {
		if w -= k.weight; w < 0 {
			body := k.body
			if k.weight == 20 || k.weight == 10 || k.weight == 15 {
				body = fmt.Sprintf(body, s.rnd.IntN(6))
			}
			e.line = line(body, e.id, e.lead, s.at)
			return e
		}
	}
	panic("weights do not sum to 100")
}

func line(body, id, lead string, at time.Time) string {
	return fmt.Sprintf(`{%s,"messageId":%q,"userId":%q,"timestamp":%q}`, body, id, lead, at.Format(time.RFC3339))
}

// poison is an event that cannot be scored: without a name, or no JSON at all.
func (s *source) poison() *event {
	s.bad++
	e := &event{id: fmt.Sprintf("%s-poison-%d", s.name, s.bad), lead: s.leads[0], poison: true}
	if s.rnd.IntN(2) == 0 {
		e.line = fmt.Sprintf(`{"type":"track","messageId":%q,"userId":%q,"timestamp":%q}`, e.id, e.lead, s.at.Format(time.RFC3339))
	} else {
		e.line = fmt.Sprintf(`{"type":"track","event":"%s`, e.id)
	}
	return e
}
