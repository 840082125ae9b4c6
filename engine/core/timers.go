package core

import (
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/sdk/abi"
)

// timer says that the lead at a place may be due. It is true only as long as
// the entry says the same: a timer that moves is not looked for in the queue,
// but put in once more.
type timer struct {
	due   int64 // ms
	place uint32
}

// timerQueue is a binary heap by due time, without pointers. Which of two
// leads that are due at the same time comes first does not matter: outputs are
// put in order later.
type timerQueue []timer

func (q *timerQueue) push(t timer) {
	*q = append(*q, t)
	h := *q
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].due <= t.due {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = t
}

func (q *timerQueue) pop() timer {
	h := *q
	top, last := h[0], len(h)-1
	h[0] = h[last]
	*q = h[:last]
	h[:last].down(0)
	return top
}

func (q timerQueue) down(i int) {
	if i >= len(q) {
		return
	}
	t := q[i]
	for {
		child := 2*i + 1
		if child >= len(q) {
			break
		}
		if child+1 < len(q) && q[child+1].due < q[child].due {
			child++
		}
		if t.due <= q[child].due {
			break
		}
		q[i] = q[child]
		i = child
	}
	q[i] = t
}

// requeue puts the lead where its earliest timer belongs. While that stays the
// same nothing is touched.
func (c *Core) requeue(e *entry) {
	due := int64(0)
	if e.acct != nil {
		due = c.nextTimer(e.acct)
	}
	if due == e.due && e.queued == (due != 0) {
		return
	}
	e.due, e.queued = due, due != 0
	if due != 0 {
		c.enqueue(timer{due, e.place})
	}
}

func (c *Core) enqueue(t timer) {
	if len(c.timers) >= 1024 && len(c.timers) > 3*c.leads.used {
		c.sweep()
	}
	c.timers.push(t)
}

// sweep throws out what is no longer true.
func (c *Core) sweep() {
	kept := c.timers[:0]
	for _, t := range c.timers {
		if c.isDue(t) {
			kept = append(kept, t)
		}
	}
	c.timers = kept
	for i := len(kept)/2 - 1; i >= 0; i-- {
		kept.down(i)
	}
}

// isDue says whether a timer of the queue still holds. One that was put in
// twice holds twice; taking it out ends that.
func (c *Core) isDue(t timer) bool {
	e := c.leads.at(t.place)
	return e.queued && e.due == t.due
}

// nextTimer is the earliest due time of the lead's timers, 0 = none: those of
// steps, the next look at the routes, the next search for one, its turn in a
// drip, and the end of manual adjustments. What a memoryless step names is no
// timer.
func (c *Core) nextTimer(a *ledger.Account) int64 {
	m := &a.Marks
	due := earliest(m.Wake, m.Probe)
	if m.Drip != nil {
		due = earliest(due, m.Drip.Due)
	}
	for i, spec := range c.prog.Steps {
		if spec.Caps&abi.CapMemoryless == 0 {
			due = earliest(due, a.Steps[i].Wake)
		}
	}
	for i := range m.Adjusts {
		due = earliest(due, m.Adjusts[i].Expires)
	}
	return due
}

// earliest is the smaller of two times of which 0 means never.
func earliest(a, b int64) int64 {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// Timers is the number of timers of leads in memory, some of which may have
// been moved.
func (c *Core) Timers() int { return len(c.timers) }
