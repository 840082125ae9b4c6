package core

import (
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/decide"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// work is what one lead has to do in one segment of the stream.
type work struct {
	entry   *entry
	next    int32 // next input of the lead, -1 = none; Core.queued has those behind
	last    int32 // its last input, -1 = it had none
	input   int32 // the tick's index
	until   int64 // tick: timers up to this time fire, ms
	blocked bool  // a held input failed again: what follows waits too
	reached int64 // how far the tick has brought the lead, for the order of outputs
	limit   int64 // how far ahead a search looks, ms
	toll    toll

	lane  *lane       // while the lead is in a round
	event *lead.Event // nil on a timer
	held  bool        // event is the first of the account's held ones
	// silent: the input is history, or time that passes on the way to it; what it
	// leads to is not published.
	silent bool
	due    int64 // timer: its due time
	pos    position
	begun  bool // the lead has been looked at in this segment
	ends   bool // the lead has nothing to do behind this input
}

// lane is what one input needs on its way through a round. There are as many as
// a round has leads, used again and again, so that they stay in the
// processor's cache however long the micro-batch is.
type lane struct {
	item  step.Item
	undo  ledger.Undo
	first lead.Event // copy of a held event
}

// roundSize is the most leads in one round.
const roundSize = 256

// spanSize is how many events are admitted before they are scored: a whole
// number of rounds.
const spanSize = 2 * roundSize

// task is what a lead does next.
type task uint8

const (
	taskDone task = iota
	taskEvent
	taskTimer
	taskSearch
)

// pass takes the next input of each active lead through the steps and the
// routes, a round after the other.
func (c *Core) pass(inputs []Input, out *Output) error {
	keep := c.active[:0]
	for from := 0; from < len(c.active); from += roundSize {
		if c.opts.Interrupted != nil && c.opts.Interrupted() {
			return ErrInterrupted
		}
		leads := c.active[from:min(from+roundSize, len(c.active))]
		keep = c.gather(leads, keep, inputs, out)
		if err := c.oneRound(out); err != nil {
			return err
		}
	}
	clear(c.active[len(keep):])
	c.active = keep
	return nil
}

// gather picks the next input of each lead for one round, and appends to keep
// the leads that may have more to do behind it.
func (c *Core) gather(leads, keep []*work, inputs []Input, out *Output) []*work {
	c.round, c.items, c.probes = c.round[:0], c.items[:0], c.probes[:0]
	c.warm(leads)
	for i, w := range leads {
		w.lane = &c.lanes[i]
		switch c.next(w, inputs, out) {
		case taskDone:
			continue
		case taskSearch:
			c.probes = append(c.probes, w)
		default:
			c.begin(w)
			c.round = append(c.round, w)
			c.items = append(c.items, &w.lane.item)
			if w.ends = w.lastEvent(); w.ends {
				continue
			}
		}
		keep = append(keep, w)
	}
	return keep
}

// warm reads a word of everything that the round will touch of each lead. The
// leads of a batch lie all over the memory; read in a row, one does not wait
// for the other.
func (c *Core) warm(leads []*work) {
	sum := c.warmth
	for _, w := range leads {
		e := w.entry
		sum += uint64(e.acct.Clock) + e.stamp
		if n := len(e.ids.list); n > 0 {
			sum += uint64(e.ids.list[n-1].mark)
		}
	}
	for _, w := range leads {
		a := w.entry.acct
		if len(a.Marks.Episodes) > 0 {
			sum += uint64(a.Marks.Episodes[0].Opened)
		}
		sum += a.Warm()
	}
	c.warmth = sum // or the compiler would leave the reading out
}

// oneRound takes the gathered inputs, at most one of each lead, through the
// steps and the routes.
func (c *Core) oneRound(out *Output) error {
	if len(c.probes) > 0 {
		if err := c.search(c.probes); err != nil {
			return err
		}
	}
	if len(c.round) == 0 {
		return nil
	}
	if err := c.runner.Round(c.items); err != nil {
		return err
	}
	for _, w := range c.round {
		c.finish(w, out)
		if w.ends && !w.blocked {
			c.settle(w, out) // while the lead is in the processor's cache
		}
	}
	return nil
}

// lastEvent says that the lead has nothing left to do behind the event that it
// took: no further event, no tick and nothing that waits.
func (w *work) lastEvent() bool {
	return w.event != nil && !w.held && w.next < 0 && w.until == 0 && len(w.entry.acct.Held) == 0
}

// next picks the lead's next input: held ones first, then timers that are due
// before the next event, then the event. A timer that is due before a held
// event goes before it.
func (c *Core) next(w *work, inputs []Input, out *Output) task {
	a := w.entry.acct
	limit, hasEvent := w.until, w.next >= 0
	w.held = false
	if hasEvent {
		limit = inputs[w.next].Event.At
		w.limit = limit // behind its next event all is different
	} else {
		w.limit = c.horizon(a, w.until)
	}
	due := w.entry.due // as it was queued, until something happened
	if w.begun {
		due = c.nextTimer(a)
	}
	w.begun = true
	if len(a.Held) > 0 && !w.blocked {
		// Time has been at the held event already, whatever comes late behind it.
		limit = max(limit, a.Held[0].At)
	}
	if len(a.Held) > 0 && !w.blocked && (due == 0 || due > a.Held[0].At) {
		w.lane.first = a.Held[0]
		w.event, w.held, w.silent = &w.lane.first, true, w.lane.first.Backfill
		w.place(0)
		return taskEvent
	}
	if due != 0 && due <= limit && !w.blocked {
		w.event, w.due = nil, due
		w.silent = due < a.Marks.Silent || (hasEvent && inputs[w.next].Event.Backfill)
		w.place(due)
		if c.calm(w, limit, out) {
			return c.next(w, inputs, out)
		}
		if c.searchOnly(a, due) {
			return taskSearch
		}
		w.toll.fire(len(c.prog.Steps), c.dueSteps(a, due))
		return taskTimer
	}
	if !hasEvent {
		return taskDone
	}
	w.event = &inputs[w.next].Event
	w.silent = w.event.Backfill
	w.place(0)
	w.next = c.queued[w.next]
	w.toll.reset()
	return taskEvent
}

// place says where in the stream the outputs of the next input belong: to the
// input that the work is on its way to; on a tick, by due time.
func (w *work) place(due int64) {
	input := w.input
	switch {
	case w.next >= 0:
		input, due = w.next, 0
	case w.last >= 0:
		input, due = w.last, 0
	}
	w.reached = max(w.reached, due)
	w.pos = position{input: int(input), due: w.reached, lead: w.entry.acct.Key}
}

// begin prepares the item and what the event itself says: facts, clock,
// activity, counters.
func (c *Core) begin(w *work) {
	a := w.entry.acct
	it := &w.lane.item
	*it = step.Item{Hands: it.Hands[:0], Frame: ledger.Frame{Book: c.prog.Book, Acct: a, Event: w.event}}
	a.Begin(&w.lane.undo)
	f := &it.Frame
	if w.event == nil {
		f.At, f.Now = w.due, max(w.due, a.Clock)
		it.Kind, it.Due, it.Tired = abi.SlotTimer, c.dueSteps(a, w.due), w.toll.tired()
		it.Seed = step.SeedOf(a.Key, 0, w.due)
		a.Clock = f.Now
		c.expire(f)
		return
	}
	e := w.event
	f.At, f.Now = e.At, max(e.At, a.Clock, c.tick)
	it.Kind, it.Event = abi.SlotEvent, ledger.Hash64(e.ID)
	it.Seed = step.SeedOf(a.Key, it.Event, 0)
	if w.blocked {
		it.Failure = &step.Failure{Hold: true}
		return
	}
	a.Clock = f.Now
	if e.Backfill {
		a.Marks.Silent = max(a.Marks.Silent, e.Received)
	}
	if a.First == 0 || e.At < a.First {
		a.First = e.At
	}
	it.Facts, it.Failure = mergeFacts(a, e)
	it.WasActive = a.LastActivity
	if isActivity(e) {
		a.LastActivity = max(a.LastActivity, e.At)
	}
	it.Counted[0] = a.Mark()
	a.Count(f)
	it.Counted[1] = a.Mark()
	if e.Kind == lead.Track && e.Name == decide.ScoreAdjusted {
		it.Failure = c.adjustScore(f, it.Event)
	}
}

// dueSteps are the steps whose timer is due at t.
func (c *Core) dueSteps(a *ledger.Account, t int64) (due uint64) {
	for i, spec := range c.prog.Steps {
		if spec.Caps&abi.CapMemoryless == 0 && a.Steps[i].Wake != 0 && a.Steps[i].Wake <= t {
			due |= 1 << uint(i)
		}
	}
	return due
}

// finish settles one input: it counts wholly or not at all.
func (c *Core) finish(w *work, out *Output) {
	a, it := w.entry.acct, &w.lane.item
	if it.Failure != nil {
		c.fail(w, out)
		return
	}
	a.Keep()
	if w.held {
		a.Held = slices.Delete(a.Held, 0, 1)
	}
	f := &it.Frame
	m := &a.Marks
	for _, class := range it.Hands {
		decide.Raise(m, class, f.At)
	}
	if w.event != nil && decide.IsAnswer(w.event) {
		c.prog.Policy.Answer(f)
	}
	f.Evaluate(c.values)
	if w.event != nil && !it.Hidden {
		a.NotePeaks(f)
	}
	c.raised = c.prog.Policy.Decide(f, causeOf(w), c.raised[:0])
	if !c.opts.Quiet && !w.silent {
		out.decide(c.raised, w.pos)
	}
	c.schedule(f)
	a.Trim(c.prog.Book, f.Now)
	w.entry.touch()
}

func causeOf(w *work) lead.Cause {
	if w.event == nil {
		return lead.Cause{Kind: "timer", At: w.due}
	}
	e := w.event
	name := e.Name
	switch {
	case name == "" && e.Path != "":
		name = e.Path
	case name == "":
		name = e.Kind.String()
	}
	return lead.Cause{Kind: "event", Event: e.ID, Name: name, At: e.At}
}

// fail takes the input back and keeps it, with its reason or among the lead's
// waiting inputs.
func (c *Core) fail(w *work, out *Output) {
	a, fl := w.entry.acct, w.lane.item.Failure
	a.Rollback()
	switch {
	case w.event == nil && fl.Hold:
		w.blocked = true // it stays due: the next tick or event tries again
		return
	case w.event == nil:
		c.dropTimers(a, w.due)
		c.reject(out, lead.Rejected{Lead: a.Key, At: w.due, Code: "timer-" + fl.Outcome.Code, Reason: reason(fl), Step: fl.Step}, w.pos)
	case fl.Hold && w.held:
		w.blocked = true
		return
	case fl.Hold && len(a.Held) < maxHeld:
		a.Held = append(a.Held, cloneEvent(w.event, a.Key))
		c.hold(w.entry)
		w.blocked = true
	case fl.Hold:
		c.reject(out, rejection(w.event, "held-full", fmt.Sprintf("%d inputs of the lead wait already for a step with on_error = \"hold\"; mend that step", maxHeld), fl.Step), w.pos)
		c.judge(w.entry, w.event.ID, true)
	default:
		c.reject(out, rejection(w.event, fl.Outcome.Code, reason(fl), fl.Step), w.pos)
		c.judge(w.entry, w.event.ID, true)
		if w.held {
			a.Held = slices.Delete(a.Held, 0, 1)
		}
	}
	if a.First != 0 || len(a.Held) > 0 || w.held {
		w.entry.touch()
	}
}

// reject keeps an input that this workflow refused.
func (c *Core) reject(out *Output, r lead.Rejected, at position) {
	r.Workflow = c.prog.Policy.Workflow
	out.reject(r, at)
}

// hold remembers that the lead's inputs wait: they are tried again at each
// tick and before its next event.
func (c *Core) hold(e *entry) {
	if !e.waits {
		e.waits = true
		c.holding = append(c.holding, e)
	}
}

// dropTimers forgets the timers due at t: a timer that fails is not tried
// again and again. The routes are looked at again when they may change next.
// Corrections by hand end all the same: no step has a say.
func (c *Core) dropTimers(a *ledger.Account, t int64) {
	for i := range a.Steps {
		if a.Steps[i].Wake != 0 && a.Steps[i].Wake <= t {
			a.Steps[i].Wake = 0
		}
	}
	if d := a.Marks.Drip; d != nil && d.Due <= t {
		decide.Undrip(&a.Marks)
	}
	a.Marks.Wake, a.Marks.Probe = 0, c.firstChance(a, t)
	c.expire(&ledger.Frame{Book: c.prog.Book, Acct: a, At: t})
}

// reason says for people why an input failed.
func reason(fl *step.Failure) string {
	if fl.Step == "" {
		return fl.Outcome.Text
	}
	return "step " + fl.Step + ": " + fl.Outcome.Text
}
