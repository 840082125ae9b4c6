package ledger

import (
	"encoding/binary"
	"math"
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
	marks                        uint64   // marksSum
	person, company              facts    // the lists themselves: they are copied on write
	held                         []uint64 // heldSum of each held event
	gone                         []Use    // keys of uses that were removed since
}

// facts is a list of traits by identity.
type facts struct {
	first *lead.Prop
	n     int
}

func factsOf(p lead.Props) facts { return facts{unsafe.SliceData([]lead.Prop(p)), len(p)} }

// Dirty says whether something may have changed since the last delta. It never
// misses a change; after a change that was taken back it may say yes.
func (a *Account) Dirty() bool { return a.dirty != 0 || a.changed() != 0 }

// changed are the sections that hold a change.
func (a *Account) changed() (d section) {
	t, m := &a.told, &a.Marks
	if a.Clock != t.clock {
		d |= hasClock
	}
	if a.LastActivity != t.activity {
		d |= hasActivity
	}
	if a.marksSum() != t.marks {
		d |= hasMarks
	} else {
		if m.Wake != t.wake {
			d |= hasWake
		}
		if m.Probe != t.probe {
			d |= hasProbe
		}
	}
	if factsOf(a.Person) != t.person {
		d |= hasPerson
	}
	if factsOf(a.Company) != t.company {
		d |= hasCompany
	}
	if a.heldChanged() {
		d |= hasHeld
	}
	for i := range a.Steps {
		if a.Steps[i].Wake != a.Steps[i].told {
			d |= hasSteps
			break
		}
	}
	return d | sectionsOf(a.dirty)
}

func sectionsOf(dirty uint8) (d section) {
	if dirty&dirtySteps != 0 {
		d |= hasSteps
	}
	if dirty&dirtyBuckets != 0 {
		d |= hasBuckets
	}
	if dirty&dirtyUses != 0 {
		d |= hasUses
	}
	if dirty&dirtyCounters != 0 {
		d |= hasCounters
	}
	if dirty&(dirtyPeaks|dirtyPeaksCut) != 0 {
		d |= hasPeaks
	}
	return d
}

// clean forgets the marks: the account is what the last delta says.
func (a *Account) clean() {
	if a.dirty&dirtyBuckets != 0 {
		for i := range a.Buckets {
			a.Buckets[i].mark = 0
		}
	}
	if a.dirty&dirtyUses != 0 {
		for i := range a.Uses {
			a.Uses[i].mark = 0
		}
		a.told.gone = a.told.gone[:0]
	}
	if a.dirty&dirtyCounters != 0 {
		for i := range a.Counters {
			a.Counters[i].clean()
		}
	}
	for i := range a.Steps {
		a.Steps[i].mark, a.Steps[i].told = 0, a.Steps[i].Wake
	}
	a.dirty, a.peakTail, a.undo = 0, 0, nil
	t := &a.told
	t.clock, t.activity, t.wake, t.probe = a.Clock, a.LastActivity, a.Marks.Wake, a.Marks.Probe
	t.marks, t.person, t.company = a.marksSum(), factsOf(a.Person), factsOf(a.Company)
	if len(a.Held)+len(t.held) > 0 {
		t.held = t.held[:0]
		for i := range a.Held {
			t.held = append(t.held, heldSum(&a.Held[i]))
		}
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

// heldChanged says whether the held events are others than those told of.
func (a *Account) heldChanged() bool {
	if len(a.Held) != len(a.told.held) {
		return true
	}
	for i := range a.Held {
		if heldSum(&a.Held[i]) != a.told.held[i] {
			return true
		}
	}
	return false
}

// digest is a quick sum of words. Each word can be told from every other in
// its place: a change of one field alone always shows, a change of several
// goes unseen once in 2^64. Of nothing but zeros it is 0.
type digest uint64

func (h *digest) word(v uint64) {
	x := (uint64(*h) ^ v) * 0x9e3779b97f4a7c15
	*h = digest(x ^ x>>29)
}

func (h *digest) text(s string) {
	h.word(uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		h.word(binary.LittleEndian.Uint64([]byte(s[:8])))
	}
	var rest uint64
	for i := range len(s) {
		rest |= uint64(s[i]) << (8 * i)
	}
	h.word(rest)
}

func (h *digest) bool(v bool) {
	if v {
		h.word(1)
		return
	}
	h.word(0)
}

// marksSum is the digest of First and of the marks without Wake and Probe.
func (a *Account) marksSum() uint64 {
	var h digest
	m := &a.Marks
	h.word(uint64(a.First))
	h.word(m.Seq)
	h.word(m.Hands)
	h.word(uint64(m.Matched))
	h.bool(m.Suppressed)
	h.word(uint64(m.Silent))
	h.word(uint64(m.Resting))
	h.text(m.Stage)
	h.word(uint64(len(m.Episodes)))
	for i := range m.Episodes {
		p := &m.Episodes[i]
		h.text(p.Action)
		h.word(uint64(p.Number))
		h.bool(p.Open)
		h.word(uint64(p.Route))
		h.word(uint64(p.Opened))
		h.word(uint64(p.Closed))
		h.text(p.Last)
		h.word(p.Hands)
	}
	h.word(uint64(len(m.Pending)))
	for _, p := range m.Pending {
		h.word(uint64(p.Class))
		h.word(uint64(p.Since))
		h.word(p.Hand)
	}
	h.word(uint64(len(m.True)))
	for _, id := range m.True {
		h.word(uint64(id))
	}
	h.word(uint64(len(m.Adjusts)))
	for _, j := range m.Adjusts {
		h.word(j.Event)
		h.word(uint64(j.Expires))
	}
	return uint64(h)
}

// heldSum is the digest of a held event.
func heldSum(e *lead.Event) uint64 {
	var h digest
	h.text(e.ID)
	h.word(uint64(e.Kind))
	h.text(e.Name)
	h.text(e.Path)
	h.word(uint64(e.At))
	h.word(uint64(e.Received))
	h.bool(e.Backfill)
	for _, p := range []lead.Props{e.Props, e.Traits, e.Context} {
		h.word(uint64(len(p)))
		for i := range p {
			h.text(p[i].Name)
			h.word(uint64(p[i].Value.Kind))
			h.word(math.Float64bits(p[i].Value.Num))
			h.text(p[i].Value.Str)
		}
	}
	h.text(string(e.Raw))
	return uint64(h)
}
