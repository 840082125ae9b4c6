// Package core is the product in one function: inputs in stream order and the
// accounts that they touch give new accounts, decisions and rejected events.
//
// It has no clock, no network, no randomness and no file. The same core runs
// under `ripen run`, `ripen score` and every tool that looks at the past. A
// Core serves one partition and is not safe for concurrent use.
package core

import (
	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
)

// Program is what the core runs: a compiled workflow and its scorers.
type Program struct {
	Book   *ledger.Book
	Steps  []*step.Spec
	Policy *decide.Policy
	// Scorers and Backups hold one scorer per step; Backups is nil where a step
	// has no fallback.
	Scorers, Backups []step.Scorer
}

// Options set the limits that belong to the engine, not to the workflow.
type Options struct {
	// Skew is how far in ms an event's time may lie behind its receipt; 0 = any.
	Skew int64
	// Horizon is how old in ms an event may be at its receipt; 0 = any.
	Horizon int64
	// DedupeDays is for how many days of receipt event ids are remembered; 0 = for
	// ever.
	DedupeDays int32
	// Quiet publishes nothing: for history that is scored later (backfill).
	Quiet bool
}

// Input is an event or a tick.
type Input struct {
	Event lead.Event // Kind Tick: only At counts
	// Refused is set when intake could not read the input.
	Refused *lead.Rejected
}

// Output collects what a run of inputs led to. It is reused: Reset it.
type Output struct {
	// Decisions and Rejected are in stream order: by input, then due time, then
	// lead. Their order does not depend on how the inputs were cut into batches.
	Decisions []lead.Decision
	Rejected  []lead.Rejected
	// Touched are the accounts that changed, each once, in the order of the first
	// change.
	Touched []*ledger.Account
	// NewIDs are the event ids seen for the first time, with their day of receipt.
	NewIDs []SeenID

	Accepted, Duplicates int

	decisionPos, rejectedPos []position
}

// Reset empties the output and keeps its memory.
func (o *Output) Reset() {
	*o = Output{Decisions: o.Decisions[:0], Rejected: o.Rejected[:0], Touched: o.Touched[:0], NewIDs: o.NewIDs[:0],
		decisionPos: o.decisionPos[:0], rejectedPos: o.rejectedPos[:0]}
}

// position orders outputs as one event after the other would have made them.
// Outputs of one lead and one input keep the order in which they were made.
type position struct {
	input int
	due   int64 // how far a tick had brought the lead; 0 on an event
	lead  string
}

// Core scores the leads of one partition.
type Core struct {
	prog   Program
	opts   Options
	runner *step.Runner

	accounts map[string]*entry
	timers   timerQueue
	holding  []*entry // leads with inputs that wait
	seen     seenIDs
	tick     int64 // latest tick, ms

	works  []*work // pool
	used   int
	active []*work
	round  []*work
	probes []*work
	lanes  []lane // roundSize of them
	warmth int64  // see warm
	items  []*step.Item
	values []lead.Points
	raised []lead.Decision
}

// entry is an account with its place in the timer queue.
type entry struct {
	acct    *ledger.Account
	due     int64 // earliest timer, 0 = none
	heap    int   // index in the queue, -1 = not in it
	work    *work // the work of the current segment, nil outside
	touched bool
	kept    bool // the account was given out once: it is never forgotten again
}

// New makes a core without leads.
func New(prog Program, opts Options) *Core {
	return &Core{
		prog: prog, opts: opts,
		runner:   step.NewRunner(prog.Book, prog.Steps, prog.Scorers, prog.Backups),
		accounts: make(map[string]*entry),
		seen:     newSeenIDs(opts.DedupeDays),
		lanes:    make([]lane, roundSize),
		values:   make([]lead.Points, len(prog.Book.Scores)),
	}
}

// Run takes the inputs in stream order and appends to out. An error means that
// a plugin cannot be run at all; the core is unusable then.
func (c *Core) Run(inputs []Input, out *Output) error {
	from := 0
	for i := range inputs {
		if in := &inputs[i]; in.Refused == nil && in.Event.Kind == lead.Tick {
			if err := c.events(inputs, from, i, out); err != nil {
				return err
			}
			if err := c.advance(in.Event.At, i, out); err != nil {
				return err
			}
			from = i + 1
		}
	}
	if err := c.events(inputs, from, len(inputs), out); err != nil {
		return err
	}
	for _, a := range out.Touched {
		if e := c.accounts[a.Key]; e != nil {
			e.touched = false
		}
	}
	out.order()
	return nil
}

// events takes a run of inputs without a tick.
func (c *Core) events(inputs []Input, from, to int, out *Output) error {
	for ; from < to; from += roundSize {
		c.admitSome(inputs, from, min(from+roundSize, to), out)
	}
	return c.drain(inputs, out)
}

// admitSome admits a few events: their ids first, so that looking them up does
// not wait for the memory one by one.
func (c *Core) admitSome(inputs []Input, from, to int, out *Output) {
	var hashes [roundSize][16]byte
	for i := from; i < to; i++ {
		if e := &inputs[i].Event; inputs[i].Refused == nil {
			hashes[i-from], c.seen.scratch = EventID(c.seen.scratch, e.Lead, e.ID)
		}
	}
	for i := range hashes[:to-from] {
		c.warmth += int64(c.seen.warm(&hashes[i]))
	}
	for i := from; i < to; i++ {
		c.admit(inputs, i, hashes[i-from], out)
	}
}

// advance brings the partition's clock to t and fires all timers due.
func (c *Core) advance(t int64, input int, out *Output) error {
	if t <= c.tick {
		return nil
	}
	c.tick = t
	for len(c.timers) > 0 && c.timers[0].due <= t {
		e := c.timers[0]
		c.timers.remove(e)
		w := c.workOf(e)
		w.until, w.input = t, input
	}
	holding := c.holding
	c.holding = nil
	for _, e := range holding {
		if len(e.acct.Held) > 0 {
			w := c.workOf(e)
			w.until, w.input = t, input
			c.holding = append(c.holding, e)
		}
	}
	return c.drain(nil, out)
}

// drain runs rounds until no lead has an input left: each round holds at most
// one input per lead.
func (c *Core) drain(inputs []Input, out *Output) error {
	for len(c.active) > 0 {
		if err := c.pass(inputs, out); err != nil {
			return err
		}
	}
	for _, w := range c.works[:c.used] {
		a := w.entry.acct
		if a.First == 0 && len(a.Held) == 0 && !w.entry.kept {
			delete(c.accounts, a.Key) // all it ever had was refused
		} else {
			c.requeue(w.entry)
		}
		w.entry.work = nil
		w.entry = nil
	}
	c.used = 0
	return nil
}

// Lead gives the account of a lead, nil if it is unknown. Read-only.
func (c *Core) Lead(key string) *ledger.Account {
	if e := c.accounts[key]; e != nil {
		return e.acct
	}
	return nil
}

// Leads calls fn for every account, in no particular order.
func (c *Core) Leads(fn func(*ledger.Account)) {
	for _, e := range c.accounts {
		fn(e.acct)
	}
}

// Len is the number of leads.
func (c *Core) Len() int { return len(c.accounts) }

// Clock is the latest tick, ms.
func (c *Core) Clock() int64 { return c.tick }

// Restore puts an account back: from the journal, before the first Run.
func (c *Core) Restore(a *ledger.Account) {
	e := c.accounts[a.Key]
	if e == nil {
		e = &entry{heap: -1}
		c.accounts[a.Key] = e
	}
	e.acct, e.kept = a, true
	if len(a.Held) > 0 {
		c.hold(e)
	}
	c.requeue(e)
}

// RestoreClock and RestoreIDs put back the rest of a partition's state.
func (c *Core) RestoreClock(tick int64) { c.tick = max(c.tick, tick) }

// RestoreIDs puts event ids back.
func (c *Core) RestoreIDs(ids []SeenID) {
	for _, id := range ids {
		c.seen.add(&id)
	}
}
