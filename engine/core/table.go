package core

import (
	"hash/maphash"
	"strings"

	"github.com/ripenhq/ripen/engine/ledger"
)

// entry is a lead in memory.
type entry struct {
	key  string
	acct *ledger.Account // nil: all that the lead ever had was refused; only its ids are known
	ids  idSet

	due     int64  // earliest timer, ms, 0 = none
	stored  int64  // the due under which the shelf has it, 0 = none
	stamp   uint64 // number of the last record that holds a change of it
	work    *work  // of the current segment, nil outside
	place   uint32 // own index in the table
	applied uint32 // call of Apply that changed it last

	live    bool // the place is taken
	shown   bool // it is counted among those that users may see
	shelved bool // the shelf has its account
	changed bool // since its last delta: the account
	pending bool // its last delta has no stamp yet
	kept    bool // the account was given out once: it is never forgotten again
	dirty   bool // the shelf has it not, or not like this
	listed  bool // the place is in a list of dirty ones
	waits   bool // the place is in Core.holding
	queued  bool // the timer queue has it under due
	aside   bool // a timer that failed waits for the tick to end
	retold  bool // an id that was told has been judged anew
	used    int8 // how often since it came, up to mostUsed, less how often the clock hand passed

	_ [6]byte // two lines of the processor's cache
}

// mostUsed is how many passes of the clock hand a busy lead survives unused.
const mostUsed = 3

// use counts a use. The first one is what brought the lead into memory.
func (e *entry) use() { e.used = min(e.used+1, mostUsed) }

// touch notes that the account changed.
func (e *entry) touch() { e.changed, e.kept = true, true }

// chunkSize is how many entries are allocated together; a power of two.
const chunkSize = 256

// table finds leads by key: open addressing and linear probing over words
// that hold a hash and a place, so that a look costs one access to memory and
// eight leads share one line of it. The hash is seeded anew in each process, and
// nothing that can be observed depends on it.
type table struct {
	seed   maphash.Seed
	slots  []slot // a power of two; at most half are used
	used   int
	chunks []*[chunkSize]entry
	made   uint32   // entries ever taken from chunks
	spare  []uint32 // places to be used again
}

// slot is 0 when free, else the hash in its upper half and 1 + the place in its
// lower one.
type slot uint64

func slotOf(hash, place uint32) slot { return slot(uint64(hash)<<32 | uint64(place+1)) }

func (s slot) hash() uint32  { return uint32(s >> 32) }
func (s slot) place() uint32 { return uint32(s) - 1 }

func newTable() table { return table{seed: maphash.MakeSeed(), slots: make([]slot, 1024)} }

func (t *table) hashOf(key string) uint32 { return uint32(maphash.String(t.seed, key) >> 32) }

func (t *table) at(place uint32) *entry { return &t.chunks[place/chunkSize][place%chunkSize] }

// warm reads where the search for a hash begins.
func (t *table) warm(hash uint32) uint64 { return uint64(t.slots[int(hash)&(len(t.slots)-1)]) }

// candidate is the first entry that may have the hash, nil if there is none.
// It looks at slots alone: to be certain, compare the key.
func (t *table) candidate(hash uint32) *entry {
	for i, mask := int(hash), len(t.slots)-1; ; i++ {
		switch s := t.slots[i&mask]; {
		case s == 0:
			return nil
		case s.hash() == hash:
			return t.at(s.place())
		}
	}
}

// find is the lead's entry, nil if it is not in memory.
func (t *table) find(hash uint32, key string) *entry {
	for i, mask := int(hash), len(t.slots)-1; ; i++ {
		s := t.slots[i&mask]
		if s == 0 {
			return nil
		}
		if s.hash() == hash {
			if e := t.at(s.place()); e.key == key {
				return e
			}
		}
	}
}

// get is find by the key alone.
func (t *table) get(key string) *entry { return t.find(t.hashOf(key), key) }

// add makes an entry for a lead that the table does not have.
func (t *table) add(key string) *entry {
	if 2*(t.used+1) > len(t.slots) {
		t.grow()
	}
	var place uint32
	if n := len(t.spare); n > 0 {
		place, t.spare = t.spare[n-1], t.spare[:n-1]
	} else {
		if t.made%chunkSize == 0 {
			t.chunks = append(t.chunks, new([chunkSize]entry))
		}
		place = t.made
		t.made++
	}
	e := t.at(place)
	*e = entry{key: strings.Clone(key), place: place, used: -1, live: true, listed: e.listed, waits: e.waits}
	t.put(slotOf(t.hashOf(key), place))
	t.used++
	return e
}

func (t *table) put(s slot) {
	mask := len(t.slots) - 1
	i := int(s.hash()) & mask
	for t.slots[i] != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = s
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s != 0 {
			t.put(s)
		}
	}
}

// remove takes an entry out; its place is used again.
func (t *table) remove(e *entry) {
	mask := len(t.slots) - 1
	i := int(t.hashOf(e.key)) & mask
	for t.slots[i] == 0 || t.slots[i].place() != e.place {
		i = (i + 1) & mask
	}
	// What was pushed behind it moves up, so that no search ends too early.
	for j := (i + 1) & mask; t.slots[j] != 0; j = (j + 1) & mask {
		home := int(t.slots[j].hash()) & mask
		if (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = 0
	t.used--
	t.spare = append(t.spare, e.place)
	*e = entry{listed: e.listed, waits: e.waits}
}

// all calls fn for every entry, in the order of their places.
func (t *table) all(fn func(*entry)) {
	for place := range t.made {
		if e := t.at(place); e.live {
			fn(e)
		}
	}
}
