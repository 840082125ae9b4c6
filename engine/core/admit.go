package core

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// maxHeld bounds the inputs that wait for one lead.
const maxHeld = 1000

// guest is an event on its way in.
type guest struct {
	entry *entry // nil: not in memory
	id    idHash
	hash  uint32 // of the lead's key
	known bool   // entry is the lead's, not only one with the same hash
}

// admitSome admits a few events. The leads lie all over the memory; each pass
// goes one step nearer to all of them, so that one does not wait for the other.
//
// It stops before an event that is driven again: whether that one counts is
// known only when all before it is scored.
func (c *Core) admitSome(inputs []Input, from, to int, out *Output) (n int, err error) {
	guests := c.guests[:to-from]
	for i := range guests {
		e, g := &inputs[from+i].Event, &guests[i]
		if e.Redrive != nil && (i > 0 || len(c.active) > 0) {
			guests = guests[:i]
			break
		}
		g.hash = c.leads.hashOf(e.Lead)
		g.id, c.scratch = hashID(c.scratch, e.Lead, e.ID)
	}
	// These loops do nothing but read, so that many reads are on their way at once.
	sum := c.warmth
	for i := range guests {
		sum += c.leads.warm(guests[i].hash)
	}
	for i := range guests {
		g := &guests[i]
		if g.entry = c.leads.candidate(g.hash); g.entry != nil {
			sum += uint64(g.entry.ids.oldest) + uint64(g.entry.place)
		}
	}
	for i := range guests {
		if e := guests[i].entry; e != nil {
			sum += e.warm()
		}
	}
	c.warmth = sum // or the compiler would leave the reading out
	for i := range guests {
		if err := c.admit(inputs, from+i, &guests[i], out); err != nil {
			return i, err
		}
	}
	return len(guests), nil
}

// warm reads a word of what admitting looks at.
func (e *entry) warm() (sum uint64) {
	if len(e.key) > 0 {
		sum = uint64(e.key[0])
	}
	for i := 0; i < len(e.ids.list) && i < fewIDs; i += 3 {
		sum += uint64(e.ids.list[i].mark)
	}
	return sum
}

// admit checks one event against time and duplicates and queues it for its
// lead.
func (c *Core) admit(inputs []Input, i int, g *guest, out *Output) error {
	in := &inputs[i]
	if in.Refused != nil {
		c.refuse(*in.Refused, i, out)
		return nil
	}
	e := &in.Event
	if c.elsewhere(e.Redrive) {
		return nil
	}
	if code, reason := c.timely(e); code != "" {
		c.refuse(rejection(e, code, reason, ""), i, out)
		return nil
	}
	owner := g.entry
	if owner == nil || owner.key != e.Lead {
		var err error
		if owner, err = c.host(g.hash, e.Lead); err != nil {
			return err
		}
	}
	received := e.Received
	if received == 0 {
		received = e.At
	}
	id := newID(g.id, received)
	owner.use()
	if owner.ids.has(&id.hash, id.day(), c.opts.DedupeDays) || e.Redrive != nil && c.accepted(owner, e, received) {
		out.Duplicates++
		return nil
	}
	owner.ids.add(id, c.opts.DedupeDays)
	out.Accepted++
	w := c.workOf(owner)
	if c.over == 0 || e.At >= c.over {
		c.queue(w, int32(i))
	}
	return nil
}

// accepted says whether the event that is driven again counted already. From
// here on it does, unless the attempt fails.
func (c *Core) accepted(owner *entry, e *lead.Event, received int64) bool {
	var hash idHash
	hash, c.scratch = hashID(c.scratch, owner.key, lead.RedrivenID(e.ID, c.prog.Policy.Workflow))
	at := owner.ids.find(&hash)
	switch {
	case at < 0:
		owner.ids.add(newID(hash, received), c.opts.DedupeDays)
		return false
	case !owner.ids.list[at].refused():
		return true
	}
	owner.retold = owner.ids.judge(&hash, false) || owner.retold
	return false
}

// judge notes whether an event was refused. An attempt to score one again is a
// verdict on that one.
func (c *Core) judge(owner *entry, id string, refused bool) {
	var hash idHash
	hash, c.scratch = hashID(c.scratch, owner.key, lead.RedrivenID(id, c.prog.Policy.Workflow))
	owner.retold = owner.ids.judge(&hash, refused) || owner.retold
}

// PassOver says that events dated before over (ms) are remembered and not scored
// from now on; 0 = score all. It belongs to a replay and is not part of the
// state.
func (c *Core) PassOver(over int64) { c.over = over }

// host finds, loads or makes the lead's entry.
func (c *Core) host(hash uint32, key string) (*entry, error) {
	if e := c.leads.find(hash, key); e != nil {
		return e, nil
	}
	if c.opts.Shelf != nil {
		if e, err := c.fetch(key); e != nil || err != nil {
			return e, err
		}
	}
	return c.leads.add(key), nil
}

// queue puts input i behind the others of its lead.
func (c *Core) queue(w *work, i int32) {
	if w.next < 0 {
		w.next = i
	} else {
		c.queued[w.last] = i
	}
	w.last = i
	c.queued[i] = -1
}

const dayMillis = 86_400_000

// timely says why an event's time is not acceptable.
func (c *Core) timely(e *lead.Event) (code, reason string) {
	if e.Redrive != nil {
		if code, reason = e.Redrive.Misdirected(c.prog.Policy.Workflow); code != "" {
			return code, reason
		}
	}
	return lead.Limits{Skew: c.opts.Skew, Horizon: c.opts.Horizon}.Untimely(e)
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// rejection keeps an event with its reason; its bytes are copied.
func rejection(e *lead.Event, code, reason, stepName string) lead.Rejected {
	return lead.Rejected{Lead: strings.Clone(e.Lead), Event: strings.Clone(e.ID), At: e.At, Code: code, Reason: reason, Step: stepName, Raw: slices.Clone(e.Raw)}
}

// workOf finds or makes the lead's work of this segment.
func (c *Core) workOf(e *entry) *work {
	if e.work != nil {
		return e.work
	}
	if e.acct == nil {
		e.acct = ledger.NewAccount(c.prog.Book, e.key)
	}
	if c.used == len(c.works) {
		more := make([]work, roundSize)
		for i := range more {
			c.works = append(c.works, &more[i])
		}
	}
	w := c.works[c.used]
	c.used++
	*w = work{entry: e, next: -1, last: -1, toll: toll{fired: w.toll.fired[:0]}}
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
