package ledger

import (
	"bytes"

	"github.com/ripenhq/ripen/engine/lead"
)

// Undo remembers what an input changed, so that a refused input changes
// nothing. One Undo serves many accounts, one after the other; it belongs to
// whoever runs the inputs and is reused.
type Undo struct {
	header Account // scalars and copy-on-write fields as they were
	log    []change
	bytes  []byte // old step states, one behind the other
}

type changeKind uint8

const (
	bucketSet changeKind = iota
	bucketInserted
	useSet
	useInserted
	useRemoved
	stepSet
	tallySet
	tallyInserted
	seenSet
	seenInserted
	undone // taken back already
)

// change is one step of the log; which fields count depends on kind.
type change struct {
	kind   changeKind
	at, in int // index, and index of the counter it lies in
	bucket Bucket
	use    Use
	memo   StepMemo
	tally  Tally
	seen   Seen
}

// Begin starts to remember the account's changes in u.
func (a *Account) Begin(u *Undo) {
	u.header, u.log, u.bytes = *a, u.log[:0], u.bytes[:0]
	a.undo = u
}

// Keep ends the remembering: what changed stays.
func (a *Account) Keep() { a.undo = nil }

// Rollback takes back all changes since Begin.
func (a *Account) Rollback() {
	u := a.undo
	if u == nil {
		return
	}
	a.undo = nil
	for i := len(u.log) - 1; i >= 0; i-- {
		a.revert(&u.log[i])
	}
	h := &u.header
	h.Buckets, h.Uses, h.Counters, h.Peaks, h.Steps = a.Buckets, a.Uses, a.Counters, a.Peaks, a.Steps
	h.totals, h.undo = a.totals, nil
	*a = *h
}

func (a *Account) revert(c *change) {
	switch c.kind {
	case bucketSet:
		a.addTotal(c.in, c.bucket.Remaining-a.Buckets[c.at].Remaining)
		a.Buckets[c.at] = c.bucket
	case bucketInserted:
		a.addTotal(c.in, -a.Buckets[c.at].Remaining)
		a.Buckets = remove(a.Buckets, c.at)
	case useSet:
		a.Uses[c.at] = c.use
	case useInserted:
		a.Uses = remove(a.Uses, c.at)
	case useRemoved:
		a.Uses = insert(a.Uses, c.at, c.use)
		if c.use.mark&markNew == 0 {
			a.told.gone = a.told.gone[:len(a.told.gone)-1]
		}
	case stepSet:
		memo := c.memo
		memo.State = append(a.Steps[c.at].State[:0], memo.State...)
		a.Steps[c.at] = memo
	case tallySet:
		a.Counters[c.in].Steps[c.at] = c.tally
	case tallyInserted:
		a.Counters[c.in].Steps = remove(a.Counters[c.in].Steps, c.at)
	case seenSet:
		a.Counters[c.in].Seen[c.at] = c.seen
	case seenInserted:
		a.Counters[c.in].Seen = remove(a.Counters[c.in].Seen, c.at)
	}
}

// Mark is a point in the log that RevertTo goes back to.
func (a *Account) Mark() int {
	if a.undo == nil {
		return 0
	}
	return len(a.undo.log)
}

// RevertTo takes back what was logged since the mark (buckets, uses, counters
// and step memos, not the scalars).
func (a *Account) RevertTo(mark int) {
	if a.undo == nil {
		return
	}
	for i := len(a.undo.log) - 1; i >= mark; i-- {
		a.revert(&a.undo.log[i])
	}
	a.undo.log = a.undo.log[:mark]
}

// Uncount takes back the counting that lies between two marks: nothing logged
// later touches the counters.
func (a *Account) Uncount(marks [2]int) {
	if a.undo == nil {
		return
	}
	for i := marks[1] - 1; i >= marks[0]; i-- {
		a.revert(&a.undo.log[i])
		a.undo.log[i].kind = undone
	}
}

func (a *Account) addTotal(score int, delta lead.Points) {
	if score >= 0 && score < len(a.totals) {
		a.totals[score] += delta
	}
}

func (a *Account) logChange(c change) {
	if a.undo != nil {
		a.undo.log = append(a.undo.log, c)
	}
}

// BucketsChanged says whether a bucket changed since the mark.
func (a *Account) BucketsChanged(mark int) bool {
	if a.undo == nil {
		return false
	}
	for i := mark; i < len(a.undo.log); i++ {
		if k := a.undo.log[i].kind; k == bucketSet || k == bucketInserted {
			return true
		}
	}
	return false
}

// BucketsAged says whether a bucket that changed since the mark lies in another
// age step than now's. Undated lines have no age.
func (a *Account) BucketsAged(mark int, now int64) bool {
	if a.undo == nil {
		return true
	}
	log := a.undo.log
	for i := mark; i < len(log); i++ {
		step := now
		switch log[i].kind {
		case bucketSet:
			step = log[i].bucket.Step
		case bucketInserted:
			step = a.Buckets[insertedAt(log[i:])].Step
		}
		if step != now && step != 0 {
			return true
		}
	}
	return false
}

// insertedAt is where the bucket of the first change stands now, behind the
// later insertions.
func insertedAt(log []change) int {
	at := log[0].at
	for i := range log[1:] {
		if later := &log[1+i]; later.kind == bucketInserted && later.at <= at {
			at++
		}
	}
	return at
}

// Fresh says that every bucket with points lies in now's age step or has no
// age.
func (a *Account) Fresh(now int64) bool {
	for i := range a.Buckets {
		if k := &a.Buckets[i]; k.Remaining != 0 && k.Step != now && k.Step != 0 {
			return false
		}
	}
	return true
}

// SetStep writes what step i said. The state is copied.
func (a *Account) SetStep(i int, memo StepMemo) {
	old := &a.Steps[i]
	if memo.equal(old) {
		return
	}
	if a.undo != nil {
		prev := *old
		start := len(a.undo.bytes)
		a.undo.bytes = append(a.undo.bytes, old.State...)
		prev.State = a.undo.bytes[start:len(a.undo.bytes):len(a.undo.bytes)]
		a.logChange(change{kind: stepSet, at: i, memo: prev})
	}
	memo.mark, memo.told = old.mark|markSet, old.told
	state := old.State
	if !bytes.Equal(state, memo.State) {
		state = append(state[:0], memo.State...)
		memo.mark |= markText
	}
	memo.State = state
	*old = memo
	a.dirty |= dirtySteps
}

func (m *StepMemo) equal(o *StepMemo) bool {
	return m.Ran == o.Ran && m.Grade == o.Grade && m.Reason == o.Reason && m.Out == o.Out && m.Wake == o.Wake && bytes.Equal(m.State, o.State)
}

func insert[T any](s []T, i int, v T) []T {
	var zero T
	s = append(s, zero)
	copy(s[i+1:], s[i:])
	s[i] = v
	return s
}

func remove[T any](s []T, i int) []T {
	copy(s[i:], s[i+1:])
	var zero T
	s[len(s)-1] = zero
	return s[:len(s)-1]
}
