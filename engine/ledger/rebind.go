package ledger

import (
	"fmt"
	"slices"
)

// Rebinding takes accounts from one book to another, as a release replaces
// another in place. Nothing is lost: what the new book does not know is kept as
// it is, and is there again on the way back. It is the same as to write the
// account under the one book and to read it under the other.
type Rebinding struct {
	from, to *Book
	same     bool
}

// NewRebinding prepares the way from one book to another. Both must be indexed.
func NewRebinding(from, to *Book) (*Rebinding, error) {
	if from.AgeStep != to.AgeStep {
		return nil, fmt.Errorf("the length of an age step changes from %d to %d ms: the lines of the ledgers are kept by it, so the leads must be scored from history", from.AgeStep, to.AgeStep)
	}
	return &Rebinding{from: from, to: to, same: sameShape(from, to)}, nil
}

// Same says that accounts are the same under both books: none need be rebound.
func (r *Rebinding) Same() bool { return r.same }

func sameShape(x, y *Book) bool {
	return slices.EqualFunc(x.Scores, y.Scores, func(x, y Score) bool { return x.ID == y.ID }) &&
		slices.EqualFunc(x.Counters, y.Counters, func(x, y CounterDef) bool { return x.ID == y.ID }) &&
		slices.EqualFunc(x.Peaks, y.Peaks, func(x, y PeakDef) bool { return x.ID == y.ID }) &&
		slices.EqualFunc(x.Steps, y.Steps, func(x, y StepDef) bool {
			return x.ID == y.ID && sameWords(&x, &y)
		})
}

func sameWords(x, y *StepDef) bool {
	return x.StateVersion == y.StateVersion && slices.Equal(x.Grades, y.Grades) && slices.Equal(x.Reasons, y.Reasons) && slices.Equal(x.Flags, y.Flags)
}

// Account gives the account under the new book. The old one must not be used
// any more, and all of its changes must have been told (AppendDelta).
func (r *Rebinding) Account(a *Account) *Account {
	if r.same {
		return a
	}
	n := NewAccount(r.to, a.Key)
	steps, totals, counters, peaks, episodes := n.Steps, n.totals, n.Counters, n.Peaks, n.Marks.Episodes
	*n = *a
	n.Steps, n.totals, n.Counters, n.Peaks = steps, totals, counters, peaks
	n.Marks.Episodes = append(episodes, a.Marks.Episodes...)
	n.undo, n.dirty, n.peakTail, n.marked = nil, 0, 0, marked{}
	left := r.leftovers(a)
	if n.rare = nil; len(a.toldHeld()) > 0 {
		n.rarely().held = a.rare.held
	}
	if len(left.steps)+len(left.counters)+len(left.peaks) > 0 {
		n.rarely().left = &left
	}
	r.bind(n, a)
	for i := range n.Buckets {
		n.addTotal(r.to.ScoreIndex(n.Buckets[i].Score), n.Buckets[i].Remaining)
	}
	return n
}

// bind fills the lists of the new account.
func (r *Rebinding) bind(n, a *Account) {
	left := a.left()
	for i := range r.to.Steps {
		def := &r.to.Steps[i]
		if k := slices.IndexFunc(r.from.Steps, func(s StepDef) bool { return s.ID == def.ID }); k >= 0 {
			n.Steps[i] = a.Steps[k].rebound(r.from.wordsOf(k), r.from.Steps[k].StateVersion, r.to.wordsOf(i), uint64(def.StateVersion))
		} else {
			memo := getLeft(left.steps, def.ID)
			n.Steps[i] = memo.rebound(noWords, 0, r.to.wordsOf(i), uint64(def.StateVersion))
		}
	}
	for i := range r.to.Counters {
		id := r.to.Counters[i].ID
		if k := slices.IndexFunc(r.from.Counters, func(c CounterDef) bool { return c.ID == id }); k >= 0 {
			n.Counters[i] = a.Counters[k]
		} else {
			n.Counters[i] = getLeft(left.counters, id)
		}
	}
	for i := range r.to.Peaks {
		id := r.to.Peaks[i].ID
		if k := slices.IndexFunc(r.from.Peaks, func(p PeakDef) bool { return p.ID == id }); k >= 0 {
			n.Peaks[i] = a.Peaks[k]
		} else {
			n.Peaks[i] = getLeft(left.peaks, id)
		}
	}
}

// leftovers are what the new book does not know.
func (r *Rebinding) leftovers(a *Account) (out leftovers) {
	old := a.left()
	out.steps = leftOf(old.steps, len(r.from.Steps), func(id uint32) bool {
		return slices.ContainsFunc(r.to.Steps, func(s StepDef) bool { return s.ID == id })
	}, func(i int) (uint32, StepMemo, bool) {
		def := &r.from.Steps[i]
		return def.ID, a.Steps[i].rebound(r.from.wordsOf(i), def.StateVersion, noWords, noVersion), a.Steps[i].deltaFlags(true) != 0
	})
	out.counters = leftOf(old.counters, len(r.from.Counters), func(id uint32) bool {
		return slices.ContainsFunc(r.to.Counters, func(c CounterDef) bool { return c.ID == id })
	}, func(i int) (uint32, Counter, bool) {
		return r.from.Counters[i].ID, a.Counters[i], a.Counters[i].filled()
	})
	out.peaks = leftOf(old.peaks, len(r.from.Peaks), func(id uint32) bool {
		return slices.ContainsFunc(r.to.Peaks, func(p PeakDef) bool { return p.ID == id })
	}, func(i int) (uint32, []Peak, bool) {
		return r.from.Peaks[i].ID, a.Peaks[i], len(a.Peaks[i]) > 0
	})
	return out
}

// leftOf are the leftovers of one kind: old ones, and those of n elements that
// hold anything.
func leftOf[T any](old []leftover[T], n int, known func(id uint32) bool, element func(i int) (id uint32, what T, filled bool)) (out []leftover[T]) {
	for _, l := range old {
		if !known(l.id) {
			out = append(out, l)
		}
	}
	for i := range n {
		id, what, filled := element(i)
		if !filled || known(id) {
			continue
		}
		if p := putLeft(&out, id); p != nil {
			*p = what
		}
	}
	return out
}

// noVersion is the version that nobody wants.
const noVersion = 1<<64 - 1

// rebound gives the memo by the words and the state version of another book.
func (m *StepMemo) rebound(from *words, was uint32, to *words, wanted uint64) StepMemo {
	n := *m
	n.mark, n.told, n.Grade, n.Reason, n.Out = 0, m.Wake, 0, 0, 0
	var unknown foreign
	if id := m.gradeID(from); id != 0 {
		n.Grade, unknown.grade = place(to.grades, id)
	}
	if id := m.reasonID(from); id != 0 {
		n.Reason, unknown.reason = place(to.reasons, id)
	}
	var room [64]uint32
	for _, id := range m.flagIDs(room[:0], from) {
		n.setFlag(id, to, &unknown)
	}
	if v := m.stateVersion(was); len(m.State) > 0 && uint64(v) != wanted {
		unknown.stale, unknown.version = true, v
	}
	n.keep(unknown)
	return n
}
