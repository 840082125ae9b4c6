package decide

import (
	"encoding/hex"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Turn says what became of a route when the lead was looked at.
type Turn string

// The turns.
const (
	TurnFires      Turn = "fires"             // it opens an episode now
	TurnUpdates    Turn = "updates"           // it tells the open hand-off of a new hand-raise
	TurnOpen       Turn = "episode-open"      // its action has an open episode
	TurnFired      Turn = "fired"             // it has fired on this edge; it must be false once before it fires again
	TurnHandedOver Turn = "handed-over"       // the open hand-off of another action comes first
	TurnResting    Turn = "resting"           // sales said: not before Until
	TurnCooldown   Turn = "cooldown"          // not before Until
	TurnDrip       Turn = "drip"              // newly true by release By; its turn comes at Until
	TurnSentBack   Turn = "sent-back"         // sales sends the lead back in this very moment
	TurnVetoed     Turn = "vetoed"            // a veto forbids the action
	TurnSuppressed Turn = "suppressed"        // a suppress block holds: no route is tried
	TurnEarlier    Turn = "earlier-route"     // a route before it has won
	TurnArmed      Turn = "armed"             // fires when its condition stops to be true
	TurnFalse      Turn = "condition-false"   // nothing to do
	TurnUnknown    Turn = "condition-unknown" // unknown never fires
)

// Story is why a look at a lead leads to what it leads to.
type Story struct {
	Suppress []Told `json:"suppress,omitempty"`
	Vetoes   []Told `json:"vetoes,omitempty"`
	// Routes in the order in which they are tried.
	Routes []Told `json:"routes"`
	// Holds is the route that ends the search, "action/name"; empty if there is
	// none.
	Holds string `json:"holds,omitempty"`
	// Resets are the actions whose episode the look closes.
	Resets   []string      `json:"resets,omitempty"`
	Episodes []ToldEpisode `json:"episodes"`
}

// Told is what is to say of one route or guard.
type Told struct {
	Action string     `json:"action,omitempty"`
	Name   string     `json:"name"`
	When   string     `json:"when,omitempty"` // source; empty on the default route
	Is     string     `json:"is"`             // "true", "false" or "unknown"
	Parts  []ToldPart `json:"parts,omitempty"`
	Turn   Turn       `json:"turn,omitempty"`    // of a route
	By     string     `json:"by,omitempty"`      // the guard, route or action that the turn is about
	Number uint32     `json:"episode,omitempty"` // the episode that it is about, or that it opens
	Since  int64      `json:"since,omitempty"`   // when that opened or closed, ms
	Until  int64      `json:"until,omitempty"`   // of a rest or cooldown, ms
	OnFall bool       `json:"on_fall,omitempty"`
	Silent bool       `json:"silent,omitempty"` // publishes nothing
	Reset  string     `json:"reset,omitempty"`  // source of the condition that closes its episode
}

// ToldPart is one statement of a condition with what it read.
type ToldPart struct {
	Text  string     `json:"text"`
	Is    string     `json:"is"`
	Reads []ToldRead `json:"reads,omitempty"`
}

// ToldRead is a value that a statement read.
type ToldRead struct {
	Text    string `json:"text"`
	Value   string `json:"value,omitempty"` // exact; empty when unknown
	Unknown bool   `json:"unknown,omitempty"`
}

// ToldEpisode is an episode of the lead.
type ToldEpisode struct {
	Action string `json:"action"`
	Number uint32 `json:"episode"`
	Open   bool   `json:"open"`
	Route  string `json:"route,omitempty"` // that opened it; empty if the policy has it no more
	Opened int64  `json:"opened"`          // ms
	Closed int64  `json:"closed,omitempty"`
	Last   string `json:"last_decision,omitempty"` // id
}

// TriText names a truth value.
func TriText(v lead.Tri) string {
	switch v {
	case lead.True:
		return "true"
	case lead.False:
		return "false"
	}
	return "unknown"
}

// Tell explains a look at the evaluated frame, and changes nothing. It goes
// the way of look with the same functions, and asks all conditions, also those
// that look does not come to.
func (p *Policy) Tell(f *ledger.Frame) Story {
	o := p.look(f)
	s := Story{Routes: make([]Told, len(p.Routes)), Resets: o.closes, Episodes: p.EpisodesOf(f)}
	for i := range p.Suppress {
		s.Suppress = append(s.Suppress, p.Suppress[i].tell(f))
	}
	for i := range p.Vetoes {
		s.Vetoes = append(s.Vetoes, p.Vetoes[i].tell(f))
	}
	won := -1
	for i := range p.Routes {
		if p.tellRoute(f, i, won, &o, &s.Routes[i]) && won < 0 {
			won = i
		}
	}
	if won >= 0 {
		s.Holds = p.Routes[won].path()
	}
	return s
}

func (r *Route) path() string { return r.Action + "/" + r.Name }

func (g *Guard) tell(f *ledger.Frame) Told {
	return Told{Name: g.Name, When: g.WhenText, Is: TriText(g.When(f)), Parts: tellParts(g.Parts, f)}
}

func tellParts(parts []ledger.Part, f *ledger.Frame) (out []ToldPart) {
	for i := range parts {
		part := ToldPart{Text: parts[i].Text, Is: TriText(parts[i].Cond(f))}
		for k := range parts[i].Reads {
			r := ToldRead{Text: parts[i].Reads[k].Text}
			v, ok := parts[i].Reads[k].Value(f)
			if r.Unknown = !ok; ok {
				r.Value = v
			}
			part.Reads = append(part.Reads, r)
		}
		out = append(out, part)
	}
	return out
}

// tellRoute tells of one route and says whether it ends the search.
func (p *Policy) tellRoute(f *ledger.Frame, at, won int, o *outcome, t *Told) (ends bool) {
	r := &p.Routes[at]
	is := lead.True
	if r.When != nil {
		is = r.When(f)
	}
	*t = Told{Action: r.Action, Name: r.Name, When: r.WhenText, Is: TriText(is), Parts: tellParts(r.Parts, f), OnFall: r.OnFall, Silent: r.Silent, Reset: r.ResetText}
	if !p.fires(f, r, o.trueNow) {
		switch {
		case is == lead.Unknown:
			t.Turn = TurnUnknown
		case is == lead.True:
			t.Turn = TurnArmed
		default:
			t.Turn = TurnFalse
		}
		return false
	}
	switch veto := p.vetoOf(f, r.Action); {
	case o.suppressed:
		t.Turn, t.By = TurnSuppressed, p.suppressedBy(f)
	case veto != "":
		t.Turn, t.By = TurnVetoed, veto
	case won >= 0:
		t.Turn, t.By = TurnEarlier, p.Routes[won].path()
	case r.OnFall:
		tried := outcome{closes: o.closes, trueNow: o.trueNow}
		ends = p.falls(f, at, &tried)
		p.tellOutcome(f, r, &tried, t)
	default:
		tried := outcome{closes: o.closes, trueNow: o.trueNow}
		ends = true
		p.weigh(f, at, &tried)
		p.tellOutcome(f, r, &tried, t)
	}
	return ends
}

// tellOutcome says what the route that fires leads to: the same cases as in
// weigh and falls, in their order.
func (p *Policy) tellOutcome(f *ledger.Frame, r *Route, o *outcome, t *Told) {
	m := &f.Acct.Marks
	e, sales := episode(m, r.Action), p.openSales(m)
	if sales != nil && slices.Contains(o.closes, sales.Action) {
		sales = nil
	}
	open := e != nil && e.Open && !slices.Contains(o.closes, r.Action)
	about := func(turn Turn, e *ledger.Episode) {
		if t.Turn = turn; e == nil {
			return
		}
		if t.Number, t.Since = e.Number, e.Opened; !e.Open {
			t.Since = e.Closed
		}
	}
	switch {
	case o.open != nil:
		t.Turn, t.Number = TurnFires, 1
		if e != nil {
			t.Number = e.Number + 1
		}
	case o.update != nil:
		about(TurnUpdates, sales)
		t.By = sales.Action
	case sales != nil && sales.Action != r.Action && (p.isSales(r.Action) || cools(r) || r.OnFall):
		about(TurnHandedOver, sales)
		t.By = sales.Action
	case open:
		about(TurnOpen, e)
		t.By = p.routeName(e.Route)
	case !r.OnFall && m.Matched == r.ID && m.Drip != nil && m.Drip.Route == r.ID:
		t.Turn, t.Until, t.By = TurnDrip, m.Drip.Due, m.Drip.Release
	case !r.OnFall && m.Matched == r.ID:
		about(TurnFired, e)
	case p.isSales(r.Action) && m.Resting > f.Now:
		t.Turn, t.Until = TurnResting, m.Resting
	case p.waits(f, r, e, o):
		about(TurnCooldown, e)
		if t.Until = e.Closed + r.Cooldown; slices.Contains(o.closes, r.Action) {
			t.Until = f.Now + r.Cooldown
		}
	default:
		about(TurnSentBack, e)
	}
}

func (p *Policy) vetoOf(f *ledger.Frame, action string) string {
	for i := range p.Vetoes {
		if v := &p.Vetoes[i]; slices.Contains(v.Actions, action) && v.When(f) == lead.True {
			return v.Name
		}
	}
	return ""
}

func (p *Policy) suppressedBy(f *ledger.Frame) string {
	for i := range p.Suppress {
		if p.Suppress[i].When(f) == lead.True {
			return p.Suppress[i].Name
		}
	}
	return ""
}

// routeName is the name of a route by its id, empty if the policy has none.
func (p *Policy) routeName(id uint32) string {
	for i := range p.Routes {
		if p.Routes[i].ID == id {
			return p.Routes[i].Name
		}
	}
	return ""
}

// EpisodesOf lists the episodes of a lead, by action.
func (p *Policy) EpisodesOf(f *ledger.Frame) []ToldEpisode {
	m := &f.Acct.Marks
	out := make([]ToldEpisode, 0, len(m.Episodes))
	for i := range m.Episodes {
		e := &m.Episodes[i]
		t := ToldEpisode{Action: e.Action, Number: e.Number, Open: e.Open, Route: p.routeName(e.Route), Opened: e.Opened, Closed: e.Closed}
		if e.Last != ([16]byte{}) {
			t.Last = hex.EncodeToString(e.Last[:])
		}
		out = append(out, t)
	}
	return out
}
