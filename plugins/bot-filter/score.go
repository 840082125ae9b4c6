package main

import "github.com/ripenhq/ripen/sdk"

// outcome is what is said of a reason: a line of the ledger whose points are the
// number of events that it took, and a flag.
type outcome struct {
	rule sdk.RuleID
	flag sdk.Flag
}

// scorer is the configured plugin. Its memory is scratch: it is read from and
// written to the state of the lead in hand.
type scorer struct {
	event             sdk.Enum
	delivered, opened int // literals of event up to that one; clicks are behind
	message, link     []sdk.Hash
	agent, honeypot   []sdk.Enum
	address           []sdk.Text
	networks          networks
	within            int64 // ms from the delivery in which no person answers
	links             int   // so many different ones …
	window            int64 // … within so many ms are a robot's; 0 = never
	keep              int64 // ms that a mail is remembered
	outcomes          [reasons]outcome
	hidden, ever      sdk.Flag

	memory  memory
	changed [reasons]bool // found in this event …
	news    bool          // … any
}

// Score judges opens and clicks, and what is known of earlier ones when
// something new is known of their mail.
func (s *scorer) Score(in *sdk.Input, out *sdk.Output) error {
	what := in.Which(s.event)
	if what == 0 {
		out.Flag(s.ever, everFound(in.State()))
		return nil
	}
	m := &s.memory
	m.load(in.State())
	m.forget(in.Now() - s.keep)
	mail := m.mail(first(in, s.message), in.At())
	if what <= s.delivered {
		s.arrived(in, out, mail)
	} else {
		s.touched(in, out, mail, what > s.opened)
	}
	s.tell(out)
	if blob := m.encode(); string(blob) != string(in.State()) {
		out.SetState(blob)
	}
	return nil
}

// arrived notes a delivery. What was done with the mail may be known already:
// events come in any order.
func (s *scorer) arrived(in *sdk.Input, out *sdk.Output, m *mail) {
	for i := range m.n {
		if h := &m.hits[i]; h.kind&isRobots == 0 && s.hasty(h.at, in.At()) {
			s.takeBack(out, h, byHaste)
		}
	}
	m.delivered = max(m.delivered, in.At())
}

// hasty says whether no person answers that fast.
func (s *scorer) hasty(at, delivered int64) bool {
	return delivered != 0 && at >= delivered && at-delivered < s.within
}

// touched judges an open or a click, and those of the same mail that it makes
// a robot's.
func (s *scorer) touched(in *sdk.Input, out *sdk.Output, m *mail, click bool) {
	h := hit{event: in.EventHash(), at: in.At()}
	if click {
		h.kind, h.link = isClick, first(in, s.link)
		if anyOf(in, s.honeypot) {
			h.kind |= isTrap
		}
	}
	why := s.alone(in, &h, m)
	if why != human {
		h.kind |= isRobots
	}
	if at := m.add(h); at >= 0 && s.suspect(m) {
		var by [maxHits]reason
		s.together(m, &by)
		for i := range m.n {
			switch other := &m.hits[i]; {
			case by[i] == human || other.kind&isRobots != 0:
			case i == at:
				other.kind |= isRobots
				why = by[i]
			default:
				s.takeBack(out, other, by[i])
			}
		}
	}
	if why != human {
		out.Hide()
		out.Flag(s.hidden, true)
		s.found(why)
	}
}

// alone says what an open or a click tells by itself.
func (s *scorer) alone(in *sdk.Input, h *hit, m *mail) reason {
	switch {
	case anyOf(in, s.agent):
		return byAgent
	case s.inNetworks(in):
		return byNetwork
	case h.kind&isTrap != 0:
		return byHoneypot
	case s.hasty(h.at, m.delivered):
		return byHaste
	}
	return human
}

// suspect says whether there is anything for together to find.
func (s *scorer) suspect(m *mail) bool {
	clicks, trap := 0, uint8(0)
	for i := range m.n {
		trap |= m.hits[i].kind & isTrap
		clicks += int(m.hits[i].kind & isClick)
	}
	return trap != 0 || s.links > 0 && clicks >= s.links
}

// together says which hits lie in a stretch of the window's length that no
// person makes: in it so many different links are clicked, or a honeypot.
func (s *scorer) together(m *mail, by *[maxHits]reason) {
	for i := range by {
		by[i] = human
	}
	for i := range m.n {
		end, different, trap := i, 0, false
		for ; end < m.n && (end == i || m.hits[end].at-m.hits[i].at < s.window); end++ {
			h := &m.hits[end]
			trap = trap || h.kind&isTrap != 0
			if h.link != 0 && !clicked(m.hits[i:end], h.link) {
				different++
			}
		}
		why := human
		switch {
		case trap:
			why = byHoneypot
		case s.links > 0 && different >= s.links:
			why = byBurst
		default:
			continue
		}
		for k := i; k < end; k++ {
			if by[k] == human {
				by[k] = why
			}
		}
	}
}

func clicked(hits []hit, link uint64) bool {
	for i := range hits {
		if hits[i].link == link {
			return true
		}
	}
	return false
}

// takeBack voids what an earlier event was given.
func (s *scorer) takeBack(out *sdk.Output, h *hit, why reason) {
	h.kind |= isRobots
	out.VoidEvent(h.event)
	s.found(why)
}

func (s *scorer) found(why reason) {
	if s.memory.found[why] < 1<<31 {
		s.memory.found[why]++
	}
	s.changed[why], s.memory.ever = true, true
	s.news = true
}

// tell writes the lines and flags of what was found.
func (s *scorer) tell(out *sdk.Output) {
	out.Flag(s.ever, s.memory.ever)
	if !s.news {
		return
	}
	for i := range s.outcomes {
		if o := &s.outcomes[i]; s.changed[i] {
			out.Flag(o.flag, true)
			out.Replace(o.rule, int64(s.memory.found[i])*1000, sdk.Text{})
		}
	}
	s.changed, s.news = [reasons]bool{}, false
}

func (s *scorer) inNetworks(in *sdk.Input) bool {
	for _, c := range s.address {
		if text, known := in.Text(c); known {
			a, ok := parseAddr(text)
			return ok && s.networks.has(a)
		}
	}
	return false
}

// first is the first of several properties that the event has, 0 = it has none.
func first(in *sdk.Input, list []sdk.Hash) uint64 {
	for _, c := range list {
		if v, known := in.Hash(c); known {
			return v
		}
	}
	return 0
}

func anyOf(in *sdk.Input, list []sdk.Enum) bool {
	for _, c := range list {
		if in.Which(c) > 0 {
			return true
		}
	}
	return false
}
