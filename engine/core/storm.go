package core

import (
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// A plugin may ask for a timer in the next millisecond, again and again, and a
// tick may bring a hundred days: without a bound one lead would keep its
// partition for hours. So each step has a number of timers for each lead
// between two inputs, and the routes have as many changes and a number of
// looks into the future. What is above is dropped and told. The count begins
// anew with each input, so it does not depend on batches.
//
// Nor may each of so many timers cost what an input may: behind the first few,
// those of a lead have a small budget (step.Slot.Tired), and one that overspends
// it is refused like any other, which ends the storm.
const (
	maxFired   = 10_000
	tiredAfter = 32
	maxLooks   = 100_000
	// looksPerAge are allowed on top for each age step that passes: points fade
	// with each of them.
	looksPerAge = 16
)

// toll counts what timers cost a lead since its last input.
type toll struct {
	fired []int32 // by step, then the routes; empty = nothing fired
	looks int64   // into the future, at the routes
	since int64   // ms, the first of them
	told  bool    // of the routes: once for each input
}

func (t *toll) reset() { *t = toll{fired: t.fired[:0]} }

// fire counts the timer that is due.
func (t *toll) fire(steps int, due uint64) {
	if len(t.fired) == 0 {
		t.fired = slices.Grow(t.fired, steps+1)[:steps+1]
		clear(t.fired)
	}
	if due == 0 {
		t.fired[steps]++
	}
	for i := range steps {
		t.fired[i] += int32(due >> uint(i) & 1)
	}
}

// over says whether step i, or the routes, had all that they may have.
func (t *toll) over(i int) bool { return i < len(t.fired) && t.fired[i] >= maxFired }

// tired are the steps that had many timers, bit i = step i.
func (t *toll) tired() (mask uint64) {
	for i, n := range t.fired[:max(len(t.fired)-1, 0)] {
		if n > tiredAfter {
			mask |= 1 << uint(i)
		}
	}
	return mask
}

// looked counts a look at time at, ms.
func (t *toll) looked(at int64) {
	if t.looks == 0 {
		t.since = at
	}
	t.looks++
}

// calm takes the timers that are due at w.due from those that asked for too
// many, and says whether there were any.
func (c *Core) calm(w *work, limit int64, out *Output) (calmed bool) {
	t := &w.toll
	if len(t.fired) == 0 && t.looks == 0 {
		return false
	}
	a := w.entry.acct
	due := c.dueSteps(a, w.due)
	for i, spec := range c.prog.Steps {
		if due>>uint(i)&1 == 1 && t.over(i) {
			a.Steps[i].Wake = 0
			c.storm(w, spec.Name, fmt.Sprintf("step %s: more than %d timers of one lead without an input between them; the timer is dropped, the next input may set another",
				spec.Name, maxFired), out)
			calmed = true
		}
	}
	m := &a.Marks
	routes := (m.Wake != 0 && m.Wake <= w.due) || (m.Probe != 0 && m.Probe <= w.due)
	if !routes || !(t.over(len(c.prog.Steps)) || t.looks > maxLooks+(w.due-t.since)/c.prog.Book.AgeStep*looksPerAge) {
		return calmed
	}
	m.Wake, m.Probe = 0, max(w.limit, limit)+1
	if !t.told {
		t.told = true
		c.storm(w, "", "the routes had to be looked at too often between two inputs: a step without memory says that its points change all the time; they are looked at again with the next input", out)
	}
	return true
}

// storm keeps a record of a timer that was dropped.
func (c *Core) storm(w *work, step, why string, out *Output) {
	c.reject(out, lead.Rejected{Lead: w.entry.acct.Key, At: w.due, Code: "timer-storm", Reason: why, Step: step}, w.pos)
	w.entry.touch()
}
