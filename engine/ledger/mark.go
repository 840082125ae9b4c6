package ledger

import (
	"unsafe"

	"github.com/ripenhq/ripen/engine/lead"
)

// What has changed since the last delta is known in two ways. Buckets, uses,
// counters, peaks and memos are changed by this package alone (a test keeps it
// so): their elements carry marks. The fields that routes and the core write
// themselves are compared with what the last delta left (told, and Wake in a
// memo): nobody can forget to say that he wrote one.

// The marks of an element.
const (
	markNew  uint8 = 1 << iota // the last delta did not have it
	markSet                    // its values changed
	markText                   // bucket: the label changed; memo: the state changed

	markWords = markNew // memo: grade, reason or flags changed
)

// The marks of a counter.
const (
	stepsSet    uint8 = 1 << iota // tallies carry marks
	stepsCut                      // old tallies fell out of the window
	stepsWhole                    // tallies were folded
	seenTouched                   // Counter.touched is new or has a new step
	seenCut                       // old values fell out of the window
	seenWhole                     // more than one value changed
)

// The marks of an account: sections that hold marked elements.
const (
	dirtyBuckets uint8 = 1 << iota
	dirtyUses
	dirtyCounters
	dirtyPeaks
	dirtyPeaksCut // old peaks fell out of their window
	dirtySteps
)

// told is what the last delta left of the fields that others write.
type told struct {
	clock, activity, wake, probe int64
	marks                        uint64 // marksSum
	// Person and Company are copied on write: another list is another fact.
	person, company           *lead.Prop
	personCount, companyCount uint32
}

// rare is what few leads need.
type rare struct {
	held []uint64 // heldSum of each held event that was told of
	gone []Use    // keys of uses that were removed since the last delta
	left *leftovers
}

// digests are those of what others write, computed once for a delta.
type digests struct {
	marks uint64
	held  []uint64 // of each held event
}

// marked says where marked elements are.
type marked struct{ buckets, uses span }

// span is a range of indexes from lo up to hi that holds all marked elements.
// It never shrinks before the next delta, so that changes which are taken back,
// last one first, need not touch it.
type span struct{ lo, hi uint32 }

func (s *span) set(i int) {
	if s.hi == 0 {
		s.lo = uint32(i)
	}
	s.lo, s.hi = min(s.lo, uint32(i)), max(s.hi, uint32(i)+1)
}

func (s *span) inserted(i int) {
	if s.hi > uint32(i) {
		s.hi++
	}
	s.set(i)
}

// removed: what stood behind i moves down by one.
func (s *span) removed(i int) { s.lo = min(s.lo, uint32(i)) }

// of is the range within a list of n elements.
func (s span) of(n int) (lo, hi int) { return min(int(s.lo), n), min(int(s.hi), n) }

// rarely gives the rare part, for writing.
func (a *Account) rarely() *rare {
	if a.rare == nil {
		a.rare = &rare{}
	}
	return a.rare
}

func (a *Account) toldHeld() []uint64 {
	if a.rare == nil {
		return nil
	}
	return a.rare.held
}

func (a *Account) gone() []Use {
	if a.rare == nil {
		return nil
	}
	return a.rare.gone
}

// Dirty says whether something may have changed since the last delta. It never
// misses a change; after a change that was taken back it may say yes.
func (a *Account) Dirty() bool {
	if a.dirty != 0 || a.Clock != a.told.clock {
		return true
	}
	now := a.digests()
	return a.changed(&now) != 0
}

// MarksChanged says whether the marks are others than the last delta left.
func (a *Account) MarksChanged() bool {
	return a.marksSum() != a.told.marks || a.Marks.Wake != a.told.wake || a.Marks.Probe != a.told.probe
}

func (a *Account) digests() (s digests) {
	s.marks = a.marksSum()
	for i := range a.Held {
		s.held = append(s.held, heldSum(&a.Held[i]))
	}
	return s
}

// changed are the sections that hold a change.
func (a *Account) changed(now *digests) (d section) {
	t, m := &a.told, &a.Marks
	if a.Clock != t.clock {
		d |= hasClock
	}
	if a.LastActivity != t.activity {
		d |= hasActivity
	}
	if now.marks != t.marks {
		d |= hasMarks
	} else {
		if m.Wake != t.wake {
			d |= hasWake
		}
		if m.Probe != t.probe {
			d |= hasProbe
		}
	}
	if first(a.Person) != t.person || uint32(len(a.Person)) != t.personCount {
		d |= hasPerson
	}
	if first(a.Company) != t.company || uint32(len(a.Company)) != t.companyCount {
		d |= hasCompany
	}
	if !equalDigests(now.held, a.toldHeld()) {
		d |= hasHeld
	}
	if a.dirty&dirtySteps != 0 || a.wakeWritten() {
		d |= hasSteps
	}
	if a.dirty&dirtyBuckets != 0 {
		d |= hasBuckets
	}
	if a.dirty&(dirtyUses|dirtyCounters|dirtyPeaks|dirtyPeaksCut) == 0 {
		return d
	}
	if a.dirty&dirtyUses != 0 {
		d |= hasUses
	}
	if a.dirty&dirtyCounters != 0 {
		d |= hasCounters
	}
	if a.dirty&(dirtyPeaks|dirtyPeaksCut) != 0 {
		d |= hasPeaks
	}
	return d
}

func first(p lead.Props) *lead.Prop { return unsafe.SliceData([]lead.Prop(p)) }

func equalDigests(x, y []uint64) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

// wakeWritten says whether a memo's Wake is another one than was told.
func (a *Account) wakeWritten() bool {
	for i := range a.Steps {
		if a.Steps[i].Wake != a.Steps[i].told {
			return true
		}
	}
	return false
}

// clean forgets the marks: the account is what the last delta says. now are
// its digests.
func (a *Account) clean(now *digests) {
	if a.dirty&dirtyBuckets != 0 {
		for i, hi := a.marked.buckets.of(len(a.Buckets)); i < hi; i++ {
			a.Buckets[i].unmark()
		}
	}
	if a.dirty&dirtyUses != 0 {
		for i, hi := a.marked.uses.of(len(a.Uses)); i < hi; i++ {
			a.Uses[i].mark = 0
		}
		if a.rare != nil {
			a.rare.gone = a.rare.gone[:0]
		}
	}
	if a.dirty&dirtyCounters != 0 {
		for i := range a.Counters {
			a.Counters[i].clean()
		}
	}
	for i := range a.Steps {
		a.Steps[i].mark, a.Steps[i].told = 0, a.Steps[i].Wake
	}
	a.dirty, a.peakTail, a.marked, a.undo = 0, 0, marked{}, nil
	a.tidy()
	t := &a.told
	t.clock, t.activity, t.wake, t.probe, t.marks = a.Clock, a.LastActivity, a.Marks.Wake, a.Marks.Probe, now.marks
	if p := first(a.Person); p != t.person {
		t.person = p
	}
	if p := first(a.Company); p != t.company {
		t.company = p
	}
	t.personCount, t.companyCount = uint32(len(a.Person)), uint32(len(a.Company))
	if len(now.held)+len(a.toldHeld()) > 0 {
		a.rarely().held = now.held
	}
}

func (c *Counter) clean() {
	if c.mark&stepsSet != 0 {
		for k := range c.Steps {
			c.Steps[k].mark = 0
		}
	}
	c.mark, c.touched = 0, 0
}

// touch marks one distinct value.
func (c *Counter) touch(hash uint64) {
	if c.mark&seenTouched != 0 && c.touched != hash {
		c.mark |= seenWhole
	}
	c.mark |= seenTouched
	c.touched = hash
}
