package ledger

import (
	"cmp"
	"slices"
)

// maxLeft bounds the leftovers of one kind; only a damaged record has more.
const maxLeft = 1 << 12

// leftovers are what an account holds of counters, peaks and steps that its
// book does not have: another release knew them, and may be back. Nothing reads
// or changes them but a delta of that release. Each list is sorted by id.
type leftovers struct {
	steps    []leftover[StepMemo]
	counters []leftover[Counter]
	peaks    []leftover[[]Peak]
}

type leftover[T any] struct {
	id   uint32
	what T
}

// noWords are those of a step that the book does not have.
var noWords = &words{}

func findLeft[T any](list []leftover[T], id uint32) (at int, found bool) {
	return slices.BinarySearchFunc(list, id, func(l leftover[T], id uint32) int { return cmp.Compare(l.id, id) })
}

// getLeft is the leftover of an id, the zero value if there is none.
func getLeft[T any](list []leftover[T], id uint32) (what T) {
	if i, found := findLeft(list, id); found {
		what = list[i].what
	}
	return what
}

// putLeft makes room for the leftover of an id; nil if there are too many.
func putLeft[T any](list *[]leftover[T], id uint32) *T {
	i, found := findLeft(*list, id)
	if !found {
		if len(*list) >= maxLeft {
			return nil
		}
		*list = slices.Insert(*list, i, leftover[T]{id: id})
	}
	return &(*list)[i].what
}

// left are the account's leftovers, for reading.
func (a *Account) left() *leftovers {
	if a.rare == nil || a.rare.left == nil {
		return &leftovers{}
	}
	return a.rare.left
}

// leave are the account's leftovers, for writing.
func (a *Account) leave() *leftovers {
	r := a.rarely()
	if r.left == nil {
		r.left = &leftovers{}
	}
	return r.left
}

// memoOf finds the memo of a step by its id, among the leftovers if the book
// does not have it; index is -1 then.
func (d *decoder) memoOf(a *Account, b *Book, id uint32) (m *StepMemo, index int) {
	if i := slices.IndexFunc(b.Steps, func(s StepDef) bool { return s.ID == id }); i >= 0 {
		return &a.Steps[i], i
	}
	if m = putLeft(&a.leave().steps, id); m == nil {
		d.fail()
		return &StepMemo{}, -1
	}
	return m, -1
}

func (d *decoder) counterOf(a *Account, b *Book, id uint32) *Counter {
	if i := slices.IndexFunc(b.Counters, func(c CounterDef) bool { return c.ID == id }); i >= 0 {
		return &a.Counters[i]
	}
	c := putLeft(&a.leave().counters, id)
	if c == nil {
		d.fail()
		return &Counter{}
	}
	return c
}

func (d *decoder) peaksOf(a *Account, b *Book, id uint32) *[]Peak {
	if i := slices.IndexFunc(b.Peaks, func(p PeakDef) bool { return p.ID == id }); i >= 0 {
		return &a.Peaks[i]
	}
	p := putLeft(&a.leave().peaks, id)
	if p == nil {
		d.fail()
		return &[]Peak{}
	}
	return p
}

// byID are the places of a book's elements in the order of their ids.
type byID struct{ steps, counters, peaks []int }

func (b *Book) newByID() (o byID) {
	sorted := func(n int, id func(int) uint32) []int {
		list := make([]int, n)
		for i := range list {
			list[i] = i
		}
		slices.SortFunc(list, func(x, y int) int { return cmp.Compare(id(x), id(y)) })
		return list
	}
	o.steps = sorted(len(b.Steps), func(i int) uint32 { return b.Steps[i].ID })
	o.counters = sorted(len(b.Counters), func(i int) uint32 { return b.Counters[i].ID })
	o.peaks = sorted(len(b.Peaks), func(i int) uint32 { return b.Peaks[i].ID })
	return o
}

// inOrder walks the places of a book's elements and the leftovers in the order
// of their ids: so the bytes of an account do not depend on its book.
func inOrder[T any](places []int, id func(int) uint32, left []leftover[T], bound func(i int), other func(l *leftover[T])) {
	k := 0
	for _, i := range places {
		for ; k < len(left) && left[k].id < id(i); k++ {
			other(&left[k])
		}
		bound(i)
	}
	for ; k < len(left); k++ {
		other(&left[k])
	}
}
