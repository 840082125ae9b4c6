package core

import (
	"fmt"
	"strings"
)

// advance brings the partition's clock to t and fires all timers due. done is
// false if so many are due that the rest must wait for another call.
func (c *Core) advance(t int64, input int, out *Output) (done bool, err error) {
	if t <= c.tick {
		return true, nil
	}
	n, done := c.wake(t, input)
	if done && c.opts.Shelf != nil {
		if done, err = c.wakeCold(t, input, c.opts.Slice-n); err != nil {
			return false, err
		}
	}
	if done {
		c.tick = t
		c.retry(t, input)
	}
	if err := c.drain(nil, out); err != nil {
		return false, err
	}
	if done {
		c.relay()
	}
	return done, nil
}

// wake gives work to the leads in memory that are due up to t, as many as make
// a slice.
func (c *Core) wake(t int64, input int) (n int, done bool) {
	for len(c.timers) > 0 && c.timers[0].due <= t {
		if n == c.opts.Slice {
			return n, false
		}
		if timer := c.timers.pop(); c.isDue(timer) && c.rouse(c.leads.at(timer.place), t, input) {
			n++
		}
	}
	return n, true
}

// rouse gives a lead work up to t. One with inputs that wait is left for retry.
func (c *Core) rouse(e *entry, t int64, input int) bool {
	e.queued = false
	if len(e.acct.Held) > 0 {
		return false
	}
	w := c.workOf(e)
	w.until, w.input = t, int32(input)
	return true
}

// coldTimer is a timer of a lead on the shelf.
type coldTimer struct {
	due  int64
	lead string
}

// wakeCold loads the leads on the shelf that are due up to t, at most room, and
// gives them work.
func (c *Core) wakeCold(t int64, input, room int) (done bool, err error) {
	c.cold, done = c.cold[:0], true
	err = c.opts.Shelf.Due(t, func(due int64, key string) bool {
		switch {
		case c.leads.get(key) != nil: // the queue knows better
			return true
		case len(c.cold) >= room:
			done = false
			return false
		}
		c.cold = append(c.cold, coldTimer{due, strings.Clone(key)})
		return true
	})
	if err != nil {
		return false, err
	}
	for _, cold := range c.cold {
		e, err := c.fetch(cold.lead)
		if err != nil {
			return false, err
		}
		if e == nil || e.acct == nil {
			return false, fmt.Errorf("%w: lead %q has a timer and no state", ErrState, cold.lead)
		}
		if e.due != cold.due { // another release computes another timer: the old one goes when the lead is written
			e.stored = cold.due
			c.soil(e)
		}
		if e.due == 0 || e.due > t {
			continue
		}
		c.rouse(e, t, input)
	}
	return done, nil
}

// retry gives work to the leads whose inputs wait.
func (c *Core) retry(t int64, input int) {
	holding := c.holding
	c.holding = c.holding[:0]
	for _, e := range holding {
		if e.waits = e.acct != nil && len(e.acct.Held) > 0; e.waits {
			w := c.workOf(e)
			w.until, w.input = t, int32(input)
			c.holding = append(c.holding, e)
		}
	}
}

// lay puts a lead aside whose timer failed and stays due: it is tried again at
// the next tick, not in the next slice of this one.
func (c *Core) lay(e *entry) {
	e.due, e.queued = c.nextTimer(e.acct), false
	if !e.aside {
		e.aside = true
		c.aside = append(c.aside, e)
	}
}

// relay takes back at the end of a tick who was put aside.
func (c *Core) relay() {
	for _, e := range c.aside {
		e.aside = false
		c.requeue(e)
	}
	c.aside = c.aside[:0]
}
