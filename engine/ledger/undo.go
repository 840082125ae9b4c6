package ledger

import (
	"bytes"

	"github.com/ripenhq/ripen/engine/lead"
)

// Undo remembers what an input changed, so that a refused input changes
// nothing. One Undo serves many accounts, one after the other; it belongs to
// whoever runs the inputs and is reused.
type Undo struct {
	front  front
	marked marked
	log    []change
	// What stood there before, by kind: changes name it by its index.
	buckets []Bucket
	uses    []Use
	memos   []StepMemo
	tallies []Tally
	seen    []Seen
	bytes   []byte // old step states, one behind the other
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

// change is one step of the log.
type change struct {
	at   int32 // index of the element
	in   int32 // index of its counter, or of the bucket's score
	old  int32 // index of what stood there, in the list of its kind
	kind changeKind
}

// Begin starts to remember the account's changes in u.
func (a *Account) Begin(u *Undo) {
	u.front, u.marked, u.log, u.bytes = a.front, a.marked, u.log[:0], u.bytes[:0]
	u.buckets, u.uses, u.memos, u.tallies, u.seen = u.buckets[:0], u.uses[:0], u.memos[:0], u.tallies[:0], u.seen[:0]
	a.undo = u
}

// Keep ends the remembering: what changed stays.
func (a *Account) Keep() {
	a.undo = nil
	a.tidy()
}

// Rollback takes back all changes since Begin.
func (a *Account) Rollback() {
	u := a.undo
	if u == nil {
		return
	}
	for i := len(u.log) - 1; i >= 0; i-- {
		a.revert(u, &u.log[i])
	}
	a.front, a.marked, a.undo = u.front, u.marked, nil
	a.tidy() // what was refused may have brought labels
}

func (a *Account) revert(u *Undo, c *change) {
	at, in := int(c.at), int(c.in)
	switch c.kind {
	case bucketSet:
		old := &u.buckets[c.old]
		a.addTotal(in, old.Remaining-a.Buckets[at].Remaining)
		a.Buckets[at] = *old
	case bucketInserted:
		a.addTotal(in, -a.Buckets[at].Remaining)
		a.Buckets = remove(a.Buckets, at)
	case useSet:
		a.Uses[at] = u.uses[c.old]
	case useInserted:
		a.Uses = remove(a.Uses, at)
	case useRemoved:
		a.Uses = insert(a.Uses, at, u.uses[c.old])
		if a.Uses[at].mark&markNew == 0 {
			a.rare.gone = a.rare.gone[:len(a.rare.gone)-1]
		}
	case stepSet:
		memo := u.memos[c.old]
		memo.State = append(a.Steps[at].State[:0], memo.State...)
		a.Steps[at] = memo
	case tallySet:
		a.Counters[in].Steps[at] = u.tallies[c.old]
	case tallyInserted:
		a.Counters[in].Steps = remove(a.Counters[in].Steps, at)
	case seenSet:
		a.Counters[in].Seen[at] = u.seen[c.old]
	case seenInserted:
		a.Counters[in].Seen = remove(a.Counters[in].Seen, at)
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
		a.revert(a.undo, &a.undo.log[i])
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
		a.revert(a.undo, &a.undo.log[i])
		a.undo.log[i].kind = undone
	}
}

func (a *Account) addTotal(score int, delta lead.Points) {
	if score >= 0 && score < len(a.totals) {
		a.totals[score] += delta
	}
}

// logInsert remembers that an element was put in.
func (a *Account) logInsert(kind changeKind, at, in int) {
	if u := a.undo; u != nil {
		u.log = append(u.log, change{kind: kind, at: int32(at), in: int32(in)})
	}
}

// logUse remembers a use that is about to change or to be removed.
func (a *Account) logUse(kind changeKind, i int) {
	if u := a.undo; u != nil {
		u.log = append(u.log, change{kind: kind, at: int32(i), old: int32(len(u.uses))})
		u.uses = append(u.uses, a.Uses[i])
	}
}

// logStep remembers a memo that is about to change, with a copy of its state.
func (a *Account) logStep(i int) {
	u := a.undo
	if u == nil {
		return
	}
	u.log = append(u.log, change{kind: stepSet, at: int32(i), old: int32(len(u.memos))})
	memo, start := a.Steps[i], len(u.bytes)
	u.bytes = append(u.bytes, memo.State...)
	memo.State = u.bytes[start:len(u.bytes):len(u.bytes)]
	u.memos = append(u.memos, memo)
}

// logTally remembers a tally of counter in that is about to change.
func (a *Account) logTally(in, at int) {
	if u := a.undo; u != nil {
		u.log = append(u.log, change{kind: tallySet, at: int32(at), in: int32(in), old: int32(len(u.tallies))})
		u.tallies = append(u.tallies, a.Counters[in].Steps[at])
	}
}

// logSeen remembers a distinct value of counter in that is about to change.
func (a *Account) logSeen(in, at int) {
	if u := a.undo; u != nil {
		u.log = append(u.log, change{kind: seenSet, at: int32(at), in: int32(in), old: int32(len(u.seen))})
		u.seen = append(u.seen, a.Counters[in].Seen[at])
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
			step = a.undo.buckets[log[i].old].Step
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
	at := int(log[0].at)
	for i := range log[1:] {
		if later := &log[1+i]; later.kind == bucketInserted && int(later.at) <= at {
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
	a.logStep(i)
	memo.mark, memo.told = old.mark|markSet, old.told
	state := old.State
	if !bytes.Equal(state, memo.State) {
		state = append(state[:0], memo.State...)
		memo.mark |= markText
	}
	if old.foreign != memo.foreign {
		memo.mark |= markText | markWords // the version may be another one
	}
	if old.Grade != memo.Grade || old.Reason != memo.Reason || old.Out != memo.Out {
		memo.mark |= markWords
	}
	memo.State = state
	*old = memo
	a.dirty |= dirtySteps
}

func (m *StepMemo) equal(o *StepMemo) bool {
	return m.Ran == o.Ran && m.Grade == o.Grade && m.Reason == o.Reason && m.Out == o.Out && m.Wake == o.Wake && m.foreign == o.foreign && bytes.Equal(m.State, o.State)
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
