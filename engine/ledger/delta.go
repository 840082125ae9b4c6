package ledger

import "slices"

// section is a part of an account that a delta may hold.
type section uint16

// The sections, as they are written and in the order in which they are.
const (
	hasClock section = 1 << iota
	hasActivity
	hasWake
	hasProbe
	hasBuckets
	hasSteps
	hasMarks // First and all marks, Wake and Probe among them
	hasUses
	hasCounters
	hasPeaks
	hasPerson
	hasCompany
	hasHeld

	allSections = hasHeld<<1 - 1
)

// The flags of a bucket in a delta.
const (
	bucketNew uint8 = 1 << iota
	bucketLabel
	bucketScope
	bucketEvent
	bucketReversed
)

// The flags of a memo in a delta.
const (
	memoRan uint8 = 1 << iota
	memoGrade
	memoReason
	memoOut
	memoWake
	memoState
)

// The modes of a list in a delta: what happens to the old elements before the
// written ones are put in.
const (
	listSame uint8 = iota // nothing is written
	listKeep
	listCut // those before the step that follows are dropped
	listClear
)

// AppendDelta appends what changed since the last delta (or since the account
// was made or decoded), and nothing if nothing did. The changes are settled
// with that: they are not told again, and no Begin can take them back.
//
// Elements of sorted lists are named by their index, what a release may
// reorder by its id. Times are written relative to the clock.
func (a *Account) AppendDelta(dst []byte, b *Book) []byte {
	d := a.changed()
	if d == 0 {
		return dst
	}
	e := encoder{dst}
	e.uint(uint64(d))
	if d&hasClock != 0 {
		e.int(a.Clock - a.told.clock)
	}
	if d&hasActivity != 0 {
		e.int(a.LastActivity - a.Clock)
	}
	if d&hasWake != 0 {
		e.time(a.Marks.Wake, a.Clock)
	}
	if d&hasProbe != 0 {
		e.time(a.Marks.Probe, a.Clock)
	}
	if d&hasBuckets != 0 {
		e.changedBuckets(a)
	}
	if d&hasSteps != 0 {
		e.changedSteps(a, b)
	}
	if d&hasMarks != 0 {
		e.int(a.First)
		e.marks(&a.Marks)
	}
	if d&hasUses != 0 {
		e.changedUses(a)
	}
	if d&hasCounters != 0 {
		e.changedCounters(a, b)
	}
	if d&hasPeaks != 0 {
		e.changedPeaks(a, b)
	}
	if d&hasPerson != 0 {
		e.props(a.Person)
	}
	if d&hasCompany != 0 {
		e.props(a.Company)
	}
	if d&hasHeld != 0 {
		e.changedHeld(a)
	}
	a.clean()
	return e.b
}

// time writes a time that lies near the clock, or 0 for none, in few bytes:
// the code of the difference, with those of "none" and "now" exchanged.
func (e *encoder) time(t, clock int64) { e.int(swapZero(t-clock, -clock)) }

// swapZero exchanges 0 and none.
func swapZero(v, none int64) int64 {
	switch v {
	case 0:
		return none
	case none:
		return 0
	}
	return v
}

func (e *encoder) changedBuckets(a *Account) {
	next := 0
	for i := range a.Buckets {
		k := &a.Buckets[i]
		if k.mark == 0 {
			continue
		}
		e.uint(uint64(i - next + 1))
		next = i + 1
		flags := k.deltaFlags()
		e.b = append(e.b, flags)
		if flags&bucketNew != 0 {
			e.u32(k.Score)
			e.u32(k.Rule)
			if flags&bucketScope != 0 {
				e.u64(k.Scope)
			}
			if flags&bucketEvent != 0 {
				e.u64(k.Event)
			}
			e.int(k.Step)
		}
		e.uint(uint64(k.Count))
		e.int(int64(k.Awarded))
		e.int(int64(k.Awarded - k.Reversed - k.Remaining))
		if flags&bucketReversed != 0 {
			e.int(int64(k.Reversed))
		}
		e.int(k.Last - a.Clock)
		if flags&bucketLabel != 0 {
			e.str(k.Label)
		}
	}
	e.uint(0)
}

func (k *Bucket) deltaFlags() (flags uint8) {
	if k.Reversed != 0 {
		flags |= bucketReversed
	}
	if k.mark&markNew == 0 {
		if k.mark&markText != 0 {
			flags |= bucketLabel
		}
		return flags
	}
	flags |= bucketNew
	if k.Label != "" {
		flags |= bucketLabel
	}
	if k.Scope != 0 {
		flags |= bucketScope
	}
	if k.Event != 0 {
		flags |= bucketEvent
	}
	return flags
}

func (e *encoder) changedSteps(a *Account, b *Book) {
	for i := range b.Steps {
		m := &a.Steps[i]
		if m.mark == 0 && m.Wake == m.told {
			continue
		}
		flags := m.deltaFlags()
		e.b = append(e.b, flags|0x80)
		e.u32(b.Steps[i].ID)
		if flags&memoGrade != 0 {
			e.uint(uint64(m.Grade))
		}
		if flags&memoReason != 0 {
			e.uint(uint64(m.Reason))
		}
		if flags&memoOut != 0 {
			e.uint(m.Out)
		}
		if flags&memoWake != 0 {
			e.int(m.Wake - a.Clock)
		}
		if flags&memoState != 0 {
			e.uint(uint64(len(m.State)))
			e.b = append(e.b, m.State...)
		}
	}
	e.b = append(e.b, 0)
}

func (m *StepMemo) deltaFlags() (flags uint8) {
	if m.Ran {
		flags |= memoRan
	}
	if m.Grade != 0 {
		flags |= memoGrade
	}
	if m.Reason != 0 {
		flags |= memoReason
	}
	if m.Out != 0 {
		flags |= memoOut
	}
	if m.Wake != 0 {
		flags |= memoWake
	}
	if m.mark&markText != 0 {
		flags |= memoState
	}
	return flags
}

func (e *encoder) changedUses(a *Account) {
	e.uint(uint64(len(a.told.gone)))
	for i := range a.told.gone {
		e.useKey(&a.told.gone[i])
	}
	next := 0
	for i := range a.Uses {
		u := &a.Uses[i]
		if u.mark == 0 {
			continue
		}
		e.uint(uint64(i - next + 1))
		next = i + 1
		e.bool(u.mark&markNew != 0)
		if u.mark&markNew != 0 {
			e.useKey(u)
		}
		e.uint(uint64(u.N))
		e.int(int64(u.Sum))
	}
	e.uint(0)
}

func (e *encoder) useKey(u *Use) {
	e.b = append(e.b, byte(u.Kind))
	e.u32(u.ID)
	if u.Kind == UseKey {
		e.u64(u.Key)
	} else {
		e.int(int64(u.Key))
	}
	e.int(int64(u.Day))
}

func (e *encoder) changedCounters(a *Account, b *Book) {
	for i := range b.Counters {
		c := &a.Counters[i]
		if c.mark == 0 {
			continue
		}
		steps, seen := c.modes()
		e.b = append(e.b, 0x80|steps|seen<<2)
		e.u32(b.Counters[i].ID)
		if steps != listSame {
			e.changedTallies(c, steps)
		}
		if seen != listSame {
			e.changedSeen(c, seen)
		}
	}
	e.b = append(e.b, 0)
}

// modes say how the counter's lists are written.
func (c *Counter) modes() (steps, seen uint8) {
	switch {
	case c.mark&stepsWhole != 0:
		steps = listClear
	case c.mark&stepsCut != 0:
		steps = listClear
		if slices.ContainsFunc(c.Steps, func(t Tally) bool { return t.mark == 0 }) {
			steps = listCut
		}
	case c.mark&stepsSet != 0:
		steps = listKeep
	}
	switch {
	case c.mark&seenWhole != 0:
		seen = listClear
	case c.mark&seenCut != 0:
		seen = listClear
		if slices.ContainsFunc(c.Seen, func(s Seen) bool { return !c.isTouched(&s) }) {
			seen = listCut
		}
	case c.mark&seenTouched != 0:
		seen = listKeep
	}
	return steps, seen
}

func (c *Counter) isTouched(s *Seen) bool { return c.mark&seenTouched != 0 && s.Hash == c.touched }

// changedTallies: what fell out of the window lies before the first tally that
// did not change.
func (e *encoder) changedTallies(c *Counter, mode uint8) {
	n := 0
	for i := range c.Steps {
		if mode == listClear || c.Steps[i].mark != 0 {
			n++
		}
	}
	if mode == listCut {
		e.int(c.Steps[slices.IndexFunc(c.Steps, func(t Tally) bool { return t.mark == 0 })].Step)
	}
	e.uint(uint64(n))
	for i := range c.Steps {
		if t := &c.Steps[i]; mode == listClear || t.mark != 0 {
			e.int(t.Step)
			e.uint(uint64(t.N))
		}
	}
}

// changedSeen: what fell out of the window is older than every value that did
// not change.
func (e *encoder) changedSeen(c *Counter, mode uint8) {
	n, oldest := 0, int64(1<<63-1)
	for i := range c.Seen {
		switch s := &c.Seen[i]; {
		case mode == listClear || c.isTouched(s):
			n++
		default:
			oldest = min(oldest, s.Step)
		}
	}
	if mode == listCut {
		e.int(oldest)
	}
	e.uint(uint64(n))
	for i := range c.Seen {
		if s := &c.Seen[i]; mode == listClear || c.isTouched(s) {
			e.u64(s.Hash)
			e.int(s.Step)
		}
	}
}

// changedPeaks writes the end of each list: the last peakTail elements may
// have changed, those before them only fall out of the window.
func (e *encoder) changedPeaks(a *Account, b *Book) {
	e.uint(uint64(len(b.Peaks)))
	for i := range b.Peaks {
		list := a.Peaks[i]
		kept := max(0, len(list)-int(a.peakTail))
		mode := listKeep
		switch {
		case kept == 0:
			mode = listClear
		case a.dirty&dirtyPeaksCut != 0:
			mode = listCut
		}
		e.u32(b.Peaks[i].ID)
		e.b = append(e.b, mode)
		if mode == listCut {
			e.int(list[0].Step)
		}
		if mode != listClear {
			e.uint(uint64(kept))
		}
		e.uint(uint64(len(list) - kept))
		for _, p := range list[kept:] {
			e.int(p.Step)
			e.int(int64(p.Max))
		}
	}
}

// changedHeld writes how many of the first held events are gone, and the new
// ones behind those that stay.
func (e *encoder) changedHeld(a *Account) {
	old, sums := a.told.held, make([]uint64, len(a.Held))
	for i := range a.Held {
		sums[i] = heldSum(&a.Held[i])
	}
	gone := 0
	for gone < len(old) && (len(old)-gone > len(sums) || !slices.Equal(old[gone:], sums[:len(old)-gone])) {
		gone++
	}
	e.uint(uint64(gone))
	e.held(a.Held[len(old)-gone:])
}
