// Package core is the product in one function: inputs in stream order and the
// accounts that they touch give new accounts, decisions and rejected events.
//
// It has no clock, no network, no randomness and no file. The same core runs
// under `ripen run`, `ripen score` and every tool that looks at the past. A
// Core serves one partition and is not safe for concurrent use.
package core

import (
	"errors"
	"slices"

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
	// Shelf holds the leads that are not in memory; nil = all are in memory.
	Shelf Shelf
	// Cache is how many leads Evict leaves in memory; 0 = all.
	Cache int
	// Slice is the most leads that a tick brings on in one RunSlice; 0 = 4096.
	Slice int
	// Interrupted is asked between two rounds whether to give up: Run ends with
	// ErrInterrupted then. nil = never. What was done so far must not be committed.
	Interrupted func() bool
}

// ErrInterrupted says that Options.Interrupted ended a run.
var ErrInterrupted = errors.New("the run was called off")

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
	// Changes are the leads that changed, each once between two ticks; Deltas is
	// what changed of them, as Apply reads it: a head, then a stretch for each.
	Changes []Change
	Deltas  []byte

	Accepted, Duplicates int

	decisionPos, rejectedPos []position
}

// Reset empties the output and keeps its memory.
func (o *Output) Reset() {
	*o = Output{Decisions: o.Decisions[:0], Rejected: o.Rejected[:0], Changes: o.Changes[:0], Deltas: o.Deltas[:0],
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
	attend attendance

	leads    table
	shown    int // leads with an account
	unstored int // those of them of which the shelf has none
	timers   timerQueue
	aside    []*entry // their timers failed in this tick: they wait for the next
	holding  []*entry // leads with inputs that wait
	tick     int64    // latest tick, ms
	scratch  []byte
	state    []byte // of a lead on its way to or from the shelf

	// What the shelf does not have, see shelf.go.
	acked        uint64
	applied      uint32
	dirty, flush []*entry
	flushing     bool
	hand         uint32
	cold         []coldTimer

	was  *Program // that Reprogram replaced, until its switch is done
	walk *walk    // that is under way
	over int64    // events dated before it are passed over, ms

	works  []*work // pool
	used   int
	active []*work
	round  []*work
	probes []*work
	queued []int32 // by input: the next one of the same lead, -1 = none
	lanes  []lane  // roundSize of them
	guests []guest // roundSize of them
	warmth uint64  // see warm
	items  []*step.Item
	values []lead.Points
	raised []lead.Decision
}

// New makes a core without leads.
func New(prog Program, opts Options) *Core {
	if opts.Slice <= 0 {
		opts.Slice = 4096
	}
	return &Core{
		prog: prog, opts: opts,
		runner: step.NewRunner(prog.Book, prog.Steps, prog.Scorers, prog.Backups),
		leads:  newTable(),
		lanes:  make([]lane, roundSize),
		guests: make([]guest, roundSize),
		values: make([]lead.Points, len(prog.Book.Scores)),
	}
}

// Run takes the inputs in stream order and appends to out. An error means that
// a plugin cannot be run at all, or that the shelf failed; the core is unusable
// then.
func (c *Core) Run(inputs []Input, out *Output) error {
	for done := 0; done < len(inputs); {
		n, err := c.run(inputs, done, out)
		if err != nil {
			return err
		}
		done = n
	}
	out.order()
	return nil
}

// RunSlice is Run for callers that commit as they go: a tick that brings on
// more than Options.Slice leads ends the call in between. n inputs are wholly
// done then; commit what is in out under the position before the first of them,
// and go on with inputs[n:]. To run a tick again is safe: what is due is found
// anew.
func (c *Core) RunSlice(inputs []Input, out *Output) (n int, err error) {
	if n, err = c.run(inputs, 0, out); err != nil {
		return n, err
	}
	out.order()
	return n, nil
}

// run takes inputs from an index on, to the end or to where a tick is done in
// part, and says which input is next.
func (c *Core) run(inputs []Input, from int, out *Output) (next int, err error) {
	for i := from; i < len(inputs); i++ {
		if in := &inputs[i]; in.Refused != nil || in.Event.Kind != lead.Tick {
			continue
		}
		if err := c.events(inputs, from, i, out); err != nil {
			return i, err
		}
		done, err := c.advance(inputs[i].Event.At, i, out)
		if err != nil || !done {
			return i, err
		}
		from = i + 1
	}
	return len(inputs), c.events(inputs, from, len(inputs), out)
}

// events takes a run of inputs without a tick, some at a time: what of a lead is
// read when its event is admitted is still near when it is scored.
func (c *Core) events(inputs []Input, from, to int, out *Output) error {
	c.queued = slices.Grow(c.queued[:0], len(inputs))[:len(inputs)]
	for from < to {
		for stop := min(from+spanSize, to); from < stop; {
			most := min(roundSize, stop-from)
			n, err := c.admitSome(inputs, from, from+most, out)
			if err != nil {
				return err
			}
			if from += n; n < most {
				break
			}
		}
		if err := c.drain(inputs, out); err != nil {
			return err
		}
	}
	return nil
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
		if w.entry != nil {
			c.settle(w, out)
		}
	}
	c.used = 0
	return nil
}

// settle ends the work on a lead: its timer is queued, and what changed of it is
// written down.
func (c *Core) settle(w *work, out *Output) {
	e := w.entry
	if a := e.acct; a.First == 0 && len(a.Held) == 0 && !e.kept {
		e.acct = nil // all it ever had was refused
	}
	c.show(e)
	if w.blocked && w.until != 0 {
		c.lay(e)
	} else {
		c.requeue(e)
	}
	c.emit(e, out)
	e.work, w.entry = nil, nil
}

// show counts the leads that users may see.
func (c *Core) show(e *entry) {
	shown := e.acct != nil
	if shown == e.shown {
		return
	}
	n := 1
	if e.shown = shown; !shown {
		n = -1
	}
	if c.shown += n; !e.shelved {
		c.unstored += n
	}
}

// Lead gives the account of a lead in memory, nil if there is none. Read-only.
func (c *Core) Lead(key string) *ledger.Account {
	if e := c.leads.get(key); e != nil {
		return e.acct
	}
	return nil
}

// Leads calls fn for every account in memory, in no particular order.
func (c *Core) Leads(fn func(*ledger.Account)) {
	c.leads.all(func(e *entry) {
		if e.acct != nil {
			fn(e.acct)
		}
	})
}

// Len is the number of accounts in memory.
func (c *Core) Len() int { return c.shown }

// Clock is the latest tick, ms.
func (c *Core) Clock() int64 { return c.tick }

// RestoreClock puts the clock back: with RestoreLead and Apply it is the state
// of a partition.
func (c *Core) RestoreClock(tick int64) { c.tick = max(c.tick, tick) }
