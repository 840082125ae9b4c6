package ledger

import (
	"reflect"
	"unsafe"

	"github.com/ripenhq/ripen/engine/lead"
)

// layout is the piece of memory that holds an account together with its lists
// of fixed length: one allocation instead of six, and neighbours in the cache.
type layout struct {
	typ                                      reflect.Type
	counts                                   [4]int  // steps, scores, counters, peaks
	steps, totals, counters, peaks, episodes uintptr // offsets
}

// roomForEpisodes is how many episodes lie with the account: most leads only
// ever have that of the default route.
const roomForEpisodes = 1

func (b *Book) counts() [4]int {
	return [4]int{len(b.Steps), len(b.Scores), len(b.Counters), len(b.Peaks)}
}

// newLayout builds the type for the book's numbers of steps, scores, counters
// and peaks.
func newLayout(b *Book) layout {
	n := b.counts()
	field := func(name string, n int, elem reflect.Type) reflect.StructField {
		return reflect.StructField{Name: name, Type: reflect.ArrayOf(n, elem)}
	}
	typ := reflect.StructOf([]reflect.StructField{
		{Name: "Account", Type: reflect.TypeFor[Account]()},
		field("Steps", n[0], reflect.TypeFor[StepMemo]()),
		field("Totals", n[1], reflect.TypeFor[lead.Points]()),
		field("Episodes", roomForEpisodes, reflect.TypeFor[Episode]()),
		field("Counters", n[2], reflect.TypeFor[Counter]()),
		field("Peaks", n[3], reflect.TypeFor[[]Peak]()),
	})
	at := func(i int) uintptr { return typ.Field(i).Offset }
	return layout{typ: typ, counts: n, steps: at(1), totals: at(2), episodes: at(3), counters: at(4), peaks: at(5)}
}

// NewAccount makes the empty account of a lead.
func NewAccount(b *Book, key string) *Account {
	l := b.layout
	if n := b.counts(); l.typ == nil || l.counts != n {
		return looseAccount(n, key) // a book that is still being built
	}
	p := reflect.New(l.typ).UnsafePointer()
	a := (*Account)(p)
	a.Key = key
	a.Steps = listAt[StepMemo](p, l.steps, l.counts[0])
	a.totals = listAt[lead.Points](p, l.totals, l.counts[1])
	a.Counters = listAt[Counter](p, l.counters, l.counts[2])
	a.Peaks = listAt[[]Peak](p, l.peaks, l.counts[3])
	a.Marks.Episodes = listAt[Episode](p, l.episodes, roomForEpisodes)[:0]
	return a
}

// listAt is the list of n elements that lies at an offset behind p.
func listAt[T any](p unsafe.Pointer, offset uintptr, n int) []T {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Add(p, offset)), n)
}

func looseAccount(n [4]int, key string) *Account {
	return &Account{
		Key:      key,
		Steps:    make([]StepMemo, n[0]),
		totals:   make([]lead.Points, n[1]),
		Counters: make([]Counter, n[2]),
		Peaks:    make([][]Peak, n[3]),
	}
}

// insertTight puts v at index i and lets the list grow by a few elements at a
// time: a lead has its list for years, and half empty lists are half of the
// memory.
func insertTight[T any](s []T, i int, v T) []T {
	if len(s) == cap(s) {
		s = append(make([]T, 0, len(s)+max(4, len(s)/4)), s...)
	}
	return insert(s, i, v)
}

// Warm reads a word of every part that an input will touch, so that the parts
// of many leads are fetched at once and not one after the other. The sum is of
// no use but to keep the compiler from leaving the reading out.
func (a *Account) Warm() (sum uint64) {
	const words = 64 / unsafe.Sizeof(uint64(0)) // in a cache line
	lines := (*[unsafe.Sizeof(Account{}) / 64][words]uint64)(unsafe.Pointer(a))
	for i := range lines {
		sum += lines[i][0]
	}
	for i := range a.Steps {
		sum += uint64(a.Steps[i].Wake)
	}
	if len(a.Marks.Episodes) > 0 {
		sum += a.Marks.Episodes[0].Hands
	}
	n := len(a.Buckets)
	if n > warmBuckets {
		sum += uint64(a.Buckets[n/4].Count) + uint64(a.Buckets[n/2].Count) + uint64(a.Buckets[n/4*3].Count) + uint64(a.Buckets[n-1].Count)
		n = warmBuckets / 2
	}
	for i := range a.Buckets[:n] {
		sum += uint64(a.Buckets[i].Count)
	}
	if len(a.text) > 0 {
		sum += uint64(a.text[0])
	}
	if n := len(a.Uses); n > 0 {
		sum += uint64(a.Uses[0].N) + uint64(a.Uses[n/2].N) + uint64(a.Uses[n-1].N)
	}
	if len(a.Person) > 0 {
		sum += uint64(a.Person[0].Value.Kind)
	}
	return sum
}

// warmBuckets is the most buckets of which each is fetched; of more, those
// where a search begins.
const warmBuckets = 16
