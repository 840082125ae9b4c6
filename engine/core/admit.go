package core

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// maxHeld bounds the inputs that wait for one lead.
const maxHeld = 1000

// admit checks one event against time and duplicates and queues it for its
// lead.
func (c *Core) admit(inputs []Input, i int, hash [16]byte, out *Output) {
	in := &inputs[i]
	if in.Refused != nil {
		out.reject(*in.Refused, position{input: i})
		return
	}
	e := &in.Event
	if code, reason := c.timely(e); code != "" {
		out.reject(rejection(e, code, reason, ""), position{input: i})
		return
	}
	id := SeenID{Hash: hash}
	received := e.Received
	if received == 0 {
		received = e.At
	}
	id.Day = int32(received / dayMillis)
	if c.seen.has(&id) {
		out.Duplicates++
		return
	}
	owner := c.entryOf(e.Lead)
	id.Lead = owner.acct.Key
	c.seen.add(&id)
	out.NewIDs = append(out.NewIDs, id)
	out.Accepted++
	w := c.workOf(owner)
	w.queue = append(w.queue, i)
}

const dayMillis = 86_400_000

// timely says why an event's time is not acceptable.
func (c *Core) timely(e *lead.Event) (code, reason string) {
	if e.Redrive != nil {
		if code, reason = e.Redrive.Misdirected(c.prog.Policy.Workflow); code != "" {
			return code, reason
		}
	}
	if e.Received == 0 {
		return "", ""
	}
	if c.opts.Skew > 0 && e.At > e.Received+c.opts.Skew {
		return "time-in-future", fmt.Sprintf("event time %s is more than %s after its receipt at %s; check the sender's clock",
			stamp(e.At), time.Duration(c.opts.Skew)*time.Millisecond, stamp(e.Received))
	}
	if c.opts.Horizon > 0 && !e.Backfill && e.Redrive == nil && e.At < e.Received-c.opts.Horizon {
		return "too-old", fmt.Sprintf("event time %s is more than %d days before its receipt at %s; import history with `ripen import --backfill`",
			stamp(e.At), c.opts.Horizon/dayMillis, stamp(e.Received))
	}
	return "", ""
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// rejection keeps an event with its reason; its bytes are copied.
func rejection(e *lead.Event, code, reason, stepName string) lead.Rejected {
	return lead.Rejected{Lead: strings.Clone(e.Lead), Event: strings.Clone(e.ID), At: e.At, Code: code, Reason: reason, Step: stepName, Raw: slices.Clone(e.Raw)}
}

// entryOf finds or makes the lead's entry.
func (c *Core) entryOf(key string) *entry {
	if e := c.accounts[key]; e != nil {
		return e
	}
	key = strings.Clone(key)
	e := &entry{acct: ledger.NewAccount(c.prog.Book, key), heap: -1}
	c.accounts[key] = e
	return e
}

// workOf finds or makes the lead's work of this segment.
func (c *Core) workOf(e *entry) *work {
	if e.work != nil {
		return e.work
	}
	if c.used == len(c.works) {
		c.works = append(c.works, &work{})
	}
	w := c.works[c.used]
	c.used++
	w.entry, w.queue, w.until, w.blocked = e, w.queue[:0], 0, false
	w.at, w.reached, w.begun = 0, 0, false
	w.toll.reset()
	e.work = w
	c.active = append(c.active, w)
	return w
}

func (o *Output) reject(r lead.Rejected, at position) {
	o.Rejected = append(o.Rejected, r)
	o.rejectedPos = append(o.rejectedPos, at)
}

func (o *Output) decide(list []lead.Decision, at position) {
	for i := range list {
		// A decision outlives the event, whose texts may lie in a buffer.
		d := &list[i]
		d.Cause.Event, d.Cause.Name = strings.Clone(d.Cause.Event), strings.Clone(d.Cause.Name)
		d.Display, d.Say = strings.Clone(d.Display), strings.Clone(d.Say)
		o.decisionPos = append(o.decisionPos, at)
	}
	o.Decisions = append(o.Decisions, list...)
}

func (o *Output) touch(e *entry) {
	if !e.touched {
		e.touched, e.kept = true, true
		o.Touched = append(o.Touched, e.acct)
	}
}

// order sorts what the rounds made into stream order.
func (o *Output) order() {
	sortBy(o.Decisions, o.decisionPos)
	sortBy(o.Rejected, o.rejectedPos)
	o.decisionPos, o.rejectedPos = o.decisionPos[:0], o.rejectedPos[:0]
}

func sortBy[T any](list []T, at []position) {
	if slices.IsSortedFunc(at, comparePositions) {
		return
	}
	base := len(list) - len(at) // what an earlier Run left stays in front
	type pair struct {
		v T
		p position
	}
	pairs := make([]pair, len(at))
	for i := range at {
		pairs[i] = pair{list[base+i], at[i]}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return comparePositions(a.p, b.p) })
	for i := range pairs {
		list[base+i] = pairs[i].v
	}
}

func comparePositions(a, b position) int {
	return cmp.Or(cmp.Compare(a.input, b.input), cmp.Compare(a.due, b.due), cmp.Compare(a.lead, b.lead))
}
