package core

import (
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/sdk/abi"
)

// timerQueue is a binary heap of leads with a timer, ordered by (due, lead).
type timerQueue []*entry

func (q timerQueue) less(i, j int) bool {
	if q[i].due != q[j].due {
		return q[i].due < q[j].due
	}
	return q[i].acct.Key < q[j].acct.Key
}

func (q timerQueue) swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].heap, q[j].heap = i, j
}

func (q timerQueue) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q.swap(i, parent)
		i = parent
	}
}

func (q timerQueue) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(q) {
			return
		}
		if child+1 < len(q) && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			return
		}
		q.swap(i, child)
		i = child
	}
}

func (q *timerQueue) add(e *entry) {
	e.heap = len(*q)
	*q = append(*q, e)
	q.up(e.heap)
}

func (q *timerQueue) remove(e *entry) {
	i, last := e.heap, len(*q)-1
	q.swap(i, last)
	(*q)[last] = nil
	*q = (*q)[:last]
	e.heap = -1
	if i < last {
		q.up(i)
		q.down(i)
	}
}

// requeue puts the lead where its earliest timer belongs.
func (c *Core) requeue(e *entry) {
	due := c.nextTimer(e.acct)
	switch {
	case due == 0 && e.heap >= 0:
		c.timers.remove(e)
	case due != 0 && e.heap < 0:
		e.due = due
		c.timers.add(e)
	case due != 0 && due != e.due:
		e.due = due
		c.timers.up(e.heap)
		c.timers.down(e.heap)
	}
	e.due = due
}

// nextTimer is the earliest due time of the lead's timers, 0 = none: those of
// steps, the next look at the routes, the next search for one, and the end of
// manual adjustments. What a memoryless step names is no timer.
func (c *Core) nextTimer(a *ledger.Account) int64 {
	m := &a.Marks
	due := earliest(m.Wake, m.Probe)
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
