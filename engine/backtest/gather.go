package backtest

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/replay"
)

// Options say what is asked of the leads.
type Options struct {
	AsOf int64 // ms; later events never count; 0 = the latest in the inputs
	Half Half
	// Score is the index in the book of the score that is judged.
	Score int
	// Others says that leads without an outcome count as lost.
	Others bool
	// Answers takes outcomes from the events Lead Won and Lead Lost.
	Answers bool
	// Old is from which age on, in ms, an event counts as old for the report on
	// inflation.
	Old int64
	// Facts keeps what is known of each lead, to suggest points for it.
	Facts bool
}

// DefaultOld is the age from which on an event is old, ms.
const DefaultOld = 60 * 86_400_000

// maxActions bounds the actions that are told apart: paths can hold ids.
const maxActions = 5000

// Gatherer reads the inputs of one backtest. Its methods belong to one
// goroutine.
type Gatherer struct {
	opts   Options
	run    *replay.Replay
	book   *ledger.Book
	policy *decide.Policy

	index    map[string]int32
	subjects []subject
	pending  map[string]Outcome // of leads that were not seen yet
	actions  names
	classes  map[classStep]int // awards
	lines    []lineInfo
	lineAt   map[lineKey]int32
	rules    map[uint32]int32

	parts      []bool // by score: the judged one, and those that it is made of
	classNames []string
	classOf    []int // by rule

	handed []handoff
	totals []lead.Points // scratch: by score, with decay off
	values []lead.Points

	newest int64
	Tally  Tally
	Cases  []Case
}

// Tally accounts for the inputs.
type Tally struct {
	Events  int `json:"events"`        // handed over to be scored
	Later   int `json:"later"`         // behind --as-of, left out
	Behind  int `json:"behind"`        // behind their lead's outcome, left out
	Apart   int `json:"not_asked_for"` // of leads that were not asked for
	Ticks   int `json:"ticks"`         // passed over: time passes up to each outcome by itself
	Leads   int `json:"leads"`
	Won     int `json:"won"`
	Lost    int `json:"lost"`
	Open    int `json:"without_outcome"` // judged, but neither won nor lost
	Assumed int `json:"assumed_lost"`    // without outcome, counted as lost on demand
	Untimed int `json:"untimed"`         // outcomes without a time: nothing can be kept from them
	// Outcomes that are not used, with some of their leads.
	Unknown    Named `json:"unknown_leads"`
	Duplicates Named `json:"duplicate_outcomes"`
	Early      Named `json:"outcomes_before_first_contact"`
	Hasty      Named `json:"outcomes_known_too_late"`
	Future     Named `json:"outcomes_after_as_of"`
	Refused    Named `json:"refused_leads"` // none of their events was scored
}

// Named is a count with some examples.
type Named struct {
	Count int      `json:"count"`
	Some  []string `json:"some,omitempty"`
}

func (n *Named) add(name string) {
	if n.Count++; len(n.Some) < 5 {
		n.Some = append(n.Some, name)
	}
}

// NewGatherer hands inputs to a replay. The outcomes are those of a file; nil if
// they come with the events.
func NewGatherer(run *replay.Replay, book *ledger.Book, policy *decide.Policy, outcomes []Outcome, o Options) *Gatherer {
	if o.Old <= 0 {
		o.Old = DefaultOld
	}
	g := &Gatherer{opts: o, run: run, book: book, policy: policy, index: make(map[string]int32), pending: make(map[string]Outcome, len(outcomes)),
		actions: names{at: make(map[string]int32)}, classes: make(map[classStep]int), lineAt: make(map[lineKey]int32), rules: make(map[uint32]int32, len(book.Rules))}
	for i := range book.Rules {
		g.rules[book.Rules[i].ID] = int32(i)
	}
	g.classify()
	g.parts = make([]bool, len(book.Scores))
	g.addPart(o.Score)
	for _, x := range outcomes {
		if !o.Half.Has(x.Lead) {
			continue
		}
		if have, twice := g.pending[x.Lead]; twice {
			g.Tally.Duplicates.add(x.Lead)
			if !x.Timed || have.Timed && have.At <= x.At {
				continue // the earliest stands: what came later was not known then
			}
		}
		g.pending[x.Lead] = x
	}
	return g
}

// addPart marks a score and those that its formula reads.
func (g *Gatherer) addPart(score int) {
	if g.parts[score] {
		return
	}
	g.parts[score] = true
	for _, p := range g.book.Scores[score].Parts {
		g.addPart(p)
	}
}

// Wants says whether a lead is asked for; if not, it is counted.
func (g *Gatherer) Wants(key string) bool {
	if g.opts.Half.Has(key) {
		return true
	}
	g.Tally.Apart++
	return false
}

// Outcome tells what became of a lead; it must come before the events that it
// is to keep out.
func (g *Gatherer) Outcome(o Outcome) { g.decide(g.subject(o.Lead), o) }

// Rival tells what another scoring said of a lead.
func (g *Gatherer) Rival(key string, p lead.Points) {
	s := g.subject(key)
	s.rival, s.rivaled = p, true
}

func (g *Gatherer) decide(s *subject, o Outcome) {
	if s.decided {
		g.Tally.Duplicates.add(s.key)
		return
	}
	s.decided, s.fate, s.at, s.timed = true, o.Fate, o.At, o.Timed
	s.hasty = o.Timed && s.last > o.At
}

func (g *Gatherer) subject(key string) *subject {
	if at, ok := g.index[key]; ok {
		return &g.subjects[at]
	}
	key = strings.Clone(key) // lets go of the event's buffer
	g.index[key] = int32(len(g.subjects))
	g.subjects = append(g.subjects, subject{key: key})
	s := &g.subjects[len(g.subjects)-1]
	if o, ok := g.pending[key]; ok {
		g.decide(s, o)
		delete(g.pending, key)
	}
	return s
}

// Event hands over the next event, unless it lies behind the time of the answer
// or behind its lead's outcome: what was not known then must not count.
func (g *Gatherer) Event(e *lead.Event, at replay.Place) {
	switch {
	case e.Kind == lead.Tick:
		g.Tally.Ticks++
		g.newest = max(g.newest, e.At)
		return
	case g.opts.AsOf != 0 && e.At > g.opts.AsOf:
		g.Tally.Later++
		return
	}
	g.newest = max(g.newest, e.At) // of all leads: both halves end at the same time
	if !g.Wants(e.Lead) {
		return
	}
	s := g.subject(e.Lead)
	if s.first == 0 || e.At < s.first {
		s.first = e.At
	}
	answer := decide.IsAnswer(e)
	if answer && e.Name != decide.ScoreAdjusted {
		s.answers = append(s.answers, e.At)
		g.answered(s, e)
	}
	if s.timed && e.At > s.at {
		s.behind++
		g.Tally.Behind++
		return
	}
	s.events++
	s.last = max(s.last, e.At)
	g.Tally.Events++
	if !answer {
		g.act(s, e)
	}
	g.run.Event(*e, at)
}

// answered takes an outcome from the answer of sales.
func (g *Gatherer) answered(s *subject, e *lead.Event) {
	if !g.opts.Answers || e.Name != decide.LeadWon && e.Name != decide.LeadLost {
		return
	}
	fate := measure.Won
	if e.Name == decide.LeadLost {
		fate = measure.Lost
	}
	g.decide(s, Outcome{Lead: s.key, Fate: fate, At: e.At, Timed: true})
}

// Finish lets time pass from outcome to outcome and looks at each lead at its
// own; the others are looked at at the end.
func (g *Gatherer) Finish() error {
	if err := g.run.Drain(); err != nil {
		return err
	}
	end := g.opts.AsOf
	if end == 0 {
		end = g.newest
	}
	g.opts.AsOf = end
	order := g.judged(end)
	slices.SortFunc(order, func(a, b moment) int {
		if a.at != b.at {
			return cmp.Compare(a.at, b.at)
		}
		return cmp.Compare(g.subjects[a.subject].key, g.subjects[b.subject].key)
	})
	g.Cases = make([]Case, 0, len(order))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && order[to].at == order[from].at {
			to++
		}
		if err := g.look(order[from:to]); err != nil {
			return err
		}
		from = to
	}
	g.hand()
	slices.SortFunc(g.Cases, func(a, b Case) int { return cmp.Compare(a.Lead, b.Lead) })
	return nil
}

// moment is when a lead is looked at.
type moment struct {
	at      int64
	subject int32
}

// judged are the leads that can be judged, and accounts for the others.
func (g *Gatherer) judged(end int64) (order []moment) {
	for i := range g.subjects {
		s := &g.subjects[i]
		at := end
		switch {
		case s.first == 0:
			if s.decided {
				g.Tally.Unknown.add(s.key)
			}
			continue
		case s.decided && s.timed && s.at < s.first:
			g.Tally.Early.add(s.key)
			continue
		case s.hasty:
			g.Tally.Hasty.add(s.key)
			continue
		case s.decided && s.timed && s.at > end:
			// Nobody knew it then, and to look at the lead there would let it fade for
			// a time of which the inputs tell nothing.
			g.Tally.Future.add(s.key)
			s.fate, s.future = measure.Open, true
		case s.decided && s.timed:
			at = s.at
		case s.decided && s.fate != measure.Open:
			g.Tally.Untimed++
		}
		order = append(order, moment{at, int32(i)})
	}
	unknown := make([]string, 0, len(g.pending))
	for key := range g.pending {
		unknown = append(unknown, key)
	}
	slices.Sort(unknown)
	for _, key := range unknown {
		g.Tally.Unknown.add(key)
	}
	return order
}

// look lets time pass to a moment and looks at its leads.
func (g *Gatherer) look(list []moment) error {
	g.run.Tick(list[0].at)
	if err := g.run.Drain(); err != nil {
		return err
	}
	keys := make([]string, len(list))
	for i, m := range list {
		keys[i] = g.subjects[m.subject].key
	}
	from := len(g.Cases)
	if err := g.run.Look(keys, list[0].at, func(f *ledger.Frame) { g.Cases = append(g.Cases, g.caseOf(f, list[0].at)) }); err != nil {
		return err
	}
	if len(g.Cases)-from < len(keys) {
		g.missed(keys, g.Cases[from:])
	}
	return nil
}

// missed accounts for leads that nothing is known of, because each of their
// events was refused.
func (g *Gatherer) missed(keys []string, found []Case) {
	have := make(map[string]bool, len(found))
	for i := range found {
		have[found[i].Lead] = true
	}
	for _, key := range keys {
		if !have[key] {
			g.Tally.Refused.add(key)
		}
	}
}

// hand notes when each lead was handed to sales first.
func (g *Gatherer) hand() {
	at := make(map[string]int, len(g.Cases))
	for i := range g.Cases {
		at[g.Cases[i].Lead] = i
	}
	for _, d := range g.run.Decisions() {
		i, ok := at[d.Lead]
		if !ok || !slices.Contains(g.policy.Sales, d.Action) {
			continue
		}
		if c := &g.Cases[i]; c.Handed == 0 && d.At <= c.At {
			c.Handed = d.At
			g.handed = append(g.handed, handoff{lead: d.Lead, at: d.At, cause: d.Cause.At, first: c.First})
		}
	}
}

// AsOf is the time of the answer, ms. Valid after Finish.
func (g *Gatherer) AsOf() int64 { return g.opts.AsOf }
