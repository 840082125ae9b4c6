package ledger

import (
	"cmp"
	"slices"
)

// What a memo says is kept in memory by the place of a word in its step's
// lists, and written by the word's id: a release may add words or move them.

// words are the ids of a step's grades, reasons and flags.
type words struct {
	grades, reasons []uint32 // by index
	flags           []flagWord
}

// flagWord is a flag of a step.
type flagWord struct {
	id  uint32
	bit uint8
}

// GradeID, ReasonID and FlagID are the ids of a step's words.
func GradeID(word string) uint32 { return Hash("grade", word) }

// ReasonID is GradeID of a reason.
func ReasonID(word string) uint32 { return Hash("reason", word) }

// FlagID is GradeID of a flag.
func FlagID(word string) uint32 { return Hash("flag", word) }

func newWords(d *StepDef) (w words) {
	for _, g := range d.Grades {
		w.grades = append(w.grades, GradeID(g))
	}
	for _, r := range d.Reasons {
		w.reasons = append(w.reasons, ReasonID(r))
	}
	for i, f := range d.Flags {
		w.flags = append(w.flags, flagWord{FlagID(f), uint8(i)})
	}
	slices.SortFunc(w.flags, func(x, y flagWord) int { return cmp.Compare(x.id, y.id) })
	return w
}

// wordsOf are the words of step i.
func (b *Book) wordsOf(i int) *words {
	if len(b.words) == len(b.Steps) {
		return &b.words[i]
	}
	w := newWords(&b.Steps[i]) // a book that is still being built
	return &w
}

// foreign is what a memo holds that its book has no word for, and the version
// of a state that is not the book's. It is never changed: a memo that says
// something else has another one, or none.
type foreign struct {
	grade, reason uint32
	flags         []uint32 // sorted
	stale         bool     // the state is of version, and the book wants another
	version       uint32
}

func (f *foreign) empty() bool {
	return f.grade == 0 && f.reason == 0 && len(f.flags) == 0 && !f.stale
}

// place finds the 1+index of a word; unknown is its id if there is none.
func place(list []uint32, id uint32) (index uint16, unknown uint32) {
	if i := slices.Index(list, id); i >= 0 {
		return uint16(i + 1), 0
	}
	return 0, id
}

// gradeID is the id of the memo's grade, 0 = none.
func (m *StepMemo) gradeID(w *words) uint32 {
	if i := int(m.Grade); i > 0 && i <= len(w.grades) {
		return w.grades[i-1]
	}
	if m.foreign != nil {
		return m.foreign.grade
	}
	return 0
}

// reasonID is the id of the memo's reason, 0 = none.
func (m *StepMemo) reasonID(w *words) uint32 {
	if i := int(m.Reason); i > 0 && i <= len(w.reasons) {
		return w.reasons[i-1]
	}
	if m.foreign != nil {
		return m.foreign.reason
	}
	return 0
}

// flagIDs appends the ids of the memo's flags, sorted.
func (m *StepMemo) flagIDs(dst []uint32, w *words) []uint32 {
	var more []uint32
	if m.foreign != nil {
		more = m.foreign.flags
	}
	for _, f := range w.flags {
		if m.Out>>f.bit&1 == 0 {
			continue
		}
		for len(more) > 0 && more[0] < f.id {
			dst, more = append(dst, more[0]), more[1:]
		}
		dst = append(dst, f.id)
	}
	return append(dst, more...)
}

// stateVersion is the version of the memo's state, which the step wants to be
// wanted.
func (m *StepMemo) stateVersion(wanted uint32) uint32 {
	if m.foreign != nil && m.foreign.stale {
		return m.foreign.version
	}
	return wanted
}

// setFlag notes a flag by its id.
func (m *StepMemo) setFlag(id uint32, w *words, unknown *foreign) {
	for _, f := range w.flags {
		if f.id == id {
			m.Out |= 1 << f.bit
			return
		}
	}
	unknown.flags = append(unknown.flags, id)
}

// keep gives the memo what its book has no word for.
func (m *StepMemo) keep(unknown foreign) {
	m.foreign = nil
	if !unknown.empty() {
		f := unknown
		m.foreign = &f
	}
}

// StateVersion is the version of the state of step i.
func (a *Account) StateVersion(b *Book, i int) uint32 {
	return a.Steps[i].stateVersion(b.Steps[i].StateVersion)
}

// Stale says that the state of step i is of another version than its book's:
// it must be converted before the step runs.
func (a *Account) Stale(i int) bool {
	f := a.Steps[i].foreign
	return f != nil && f.stale
}

// Converted replaces a stale state of step i by one of the book's version.
func (a *Account) Converted(i int, state []byte) {
	m := a.Steps[i]
	if m.foreign == nil {
		return
	}
	f := *m.foreign
	f.stale, f.version = false, 0
	m.keep(f)
	m.State = state
	a.SetStep(i, m)
}
