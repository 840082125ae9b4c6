package ledger

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
	memoSame // grade, reason and flags are what they were
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
	now := a.digests()
	d := a.changed(&now)
	if d == 0 {
		return dst
	}
	w := writer{encoder: encoder{b: dst}, a: a, book: b, held: now.held}
	w.sections(d, &a.told)
	a.clean(&now)
	return w.b
}

// writer writes the sections of an account: what is marked, or all of it.
type writer struct {
	encoder
	a     *Account
	book  *Book
	whole bool
	held  []uint64 // sums of the held events
}

// sections writes the given ones, relative to what was told.
func (w *writer) sections(d section, t *told) {
	a := w.a
	w.uint(uint64(d))
	if d&hasClock != 0 {
		w.int(a.Clock - t.clock)
	}
	if d&hasActivity != 0 {
		w.int(a.LastActivity - a.Clock)
	}
	if d&hasWake != 0 {
		w.time(a.Marks.Wake, a.Clock)
	}
	if d&hasProbe != 0 {
		w.time(a.Marks.Probe, a.Clock)
	}
	if d&hasBuckets != 0 {
		w.changedBuckets()
	}
	if d&hasSteps != 0 {
		w.changedSteps()
	}
	if d&hasMarks != 0 {
		w.marks(a)
	}
	if d >= hasUses {
		w.moreSections(d)
	}
}

// moreSections writes those that seldom change.
func (w *writer) moreSections(d section) {
	if d&hasUses != 0 {
		w.changedUses()
	}
	if d&hasCounters != 0 {
		w.changedCounters()
	}
	if d&hasPeaks != 0 {
		w.changedPeaks()
	}
	if d&hasPerson != 0 {
		w.props(w.a.Person)
	}
	if d&hasCompany != 0 {
		w.props(w.a.Company)
	}
	if d&hasHeld != 0 {
		w.changedHeld()
	}
}

func (w *writer) changedBuckets() {
	a := w.a
	lo, hi := a.marked.buckets.of(len(a.Buckets))
	if w.whole {
		lo, hi = 0, len(a.Buckets)
	}
	n := 0
	for i := lo; i < hi; i++ {
		if w.whole || a.Buckets[i].mark() != 0 {
			n++
		}
	}
	w.uint(uint64(n))
	next := 0
	for i := lo; i < hi; i++ {
		if k := &a.Buckets[i]; w.whole || k.mark() != 0 {
			w.uint(uint64(i - next))
			next = i + 1
			w.bucket(k, a.labelAt(k.label&placeMask))
		}
	}
}

func (w *writer) bucket(k *Bucket, label string) {
	mark := k.mark()
	if w.whole {
		mark = markNew
	}
	flags := k.deltaFlags(mark)
	w.b = append(w.b, flags)
	if flags&bucketNew != 0 {
		w.u32(k.Score)
		w.u32(k.Rule)
		if flags&bucketScope != 0 {
			w.u64(k.Scope)
		}
		if flags&bucketEvent != 0 {
			w.u64(k.Event)
		}
		w.int(k.Step)
	}
	w.uint(uint64(k.Count))
	w.int(int64(k.Awarded))
	w.int(int64(k.Awarded - k.Reversed - k.Remaining))
	if flags&bucketReversed != 0 {
		w.int(int64(k.Reversed))
	}
	w.int(k.Last - w.a.Clock)
	if flags&bucketLabel != 0 {
		w.text(label)
	}
}

func (k *Bucket) deltaFlags(mark uint8) (flags uint8) {
	if k.Reversed != 0 {
		flags |= bucketReversed
	}
	if mark&markNew == 0 {
		if mark&markText != 0 {
			flags |= bucketLabel
		}
		return flags
	}
	flags |= bucketNew
	if k.label&placeMask != 0 {
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

func (w *writer) changedSteps() {
	if w.whole {
		inOrder(w.order().steps, func(i int) uint32 { return w.book.Steps[i].ID }, w.a.left().steps,
			func(i int) { w.step(i) },
			func(l *leftover[StepMemo]) { w.memo(l.id, &l.what, noWords, 0) })
	} else {
		for i := range w.book.Steps {
			w.step(i)
		}
	}
	w.b = append(w.b, 0)
}

// order are the places of the book's elements by id.
func (w *writer) order() byID {
	if o := w.book.byID; len(o.steps) == len(w.book.Steps) && len(o.counters) == len(w.book.Counters) && len(o.peaks) == len(w.book.Peaks) {
		return o
	}
	return w.book.newByID() // a book that is still being built
}

func (w *writer) step(i int) {
	if m := &w.a.Steps[i]; w.whole || m.mark != 0 || m.Wake != m.told {
		w.memo(w.book.Steps[i].ID, m, w.book.wordsOf(i), w.book.Steps[i].StateVersion)
	}
}

// memo writes what a step said, by the ids of its words.
func (w *writer) memo(id uint32, m *StepMemo, v *words, version uint32) {
	flags := m.deltaFlags(w.whole)
	if w.whole && flags == 0 {
		return
	}
	w.b = append(w.b, flags|0x80)
	w.u32(id)
	if flags&memoGrade != 0 {
		w.u32(m.gradeID(v))
	}
	if flags&memoReason != 0 {
		w.u32(m.reasonID(v))
	}
	if flags&memoOut != 0 {
		var room [64]uint32
		ids := m.flagIDs(room[:0], v)
		w.uint(uint64(len(ids)))
		for _, id := range ids {
			w.u32(id)
		}
	}
	if flags&memoWake != 0 {
		w.int(m.Wake - w.a.Clock)
	}
	if flags&memoState != 0 {
		w.uint(uint64(m.stateVersion(version)))
		w.uint(uint64(len(m.State)))
		w.b = append(w.b, m.State...)
	}
}

func (m *StepMemo) deltaFlags(whole bool) (flags uint8) {
	if m.Ran {
		flags |= memoRan
	}
	if m.Wake != 0 {
		flags |= memoWake
	}
	if whole || m.mark&markWords != 0 {
		flags |= m.wordFlags()
	} else {
		flags |= memoSame
	}
	if whole && len(m.State) > 0 || !whole && m.mark&markText != 0 {
		flags |= memoState
	}
	return flags
}

// wordFlags say which words the memo has.
func (m *StepMemo) wordFlags() (flags uint8) {
	f := m.foreign
	if m.Grade != 0 || f != nil && f.grade != 0 {
		flags |= memoGrade
	}
	if m.Reason != 0 || f != nil && f.reason != 0 {
		flags |= memoReason
	}
	if m.Out != 0 || f != nil && len(f.flags) != 0 {
		flags |= memoOut
	}
	return flags
}

func (w *writer) changedUses() {
	gone, n := w.a.gone(), 0
	if w.whole {
		gone = nil
	}
	w.uint(uint64(len(gone)))
	for i := range gone {
		w.useKey(&gone[i])
	}
	lo, hi := w.a.marked.uses.of(len(w.a.Uses))
	if w.whole {
		lo, hi = 0, len(w.a.Uses)
	}
	for i := lo; i < hi; i++ {
		if w.whole || w.a.Uses[i].mark != 0 {
			n++
		}
	}
	w.uint(uint64(n))
	next := 0
	for i := lo; i < hi; i++ {
		if u := &w.a.Uses[i]; w.whole || u.mark != 0 {
			w.uint(uint64(i - next))
			next = i + 1
			w.use(u)
		}
	}
}

func (w *writer) use(u *Use) {
	fresh := w.whole || u.mark&markNew != 0
	w.bool(fresh)
	if fresh {
		w.useKey(u)
	}
	w.uint(uint64(u.N))
	w.int(int64(u.Sum))
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
