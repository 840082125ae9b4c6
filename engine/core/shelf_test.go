package core_test

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/scoretest"
)

// memShelf is a shelf in memory that notices what a real one would suffer from.
type memShelf struct {
	states map[string][]byte
	timers map[timerKey]bool
	held   map[string]bool
	loads  int
	known  map[string]bool // leads with an account
}

type timerKey struct {
	due  int64
	lead string
}

func newMemShelf() *memShelf {
	return &memShelf{map[string][]byte{}, map[timerKey]bool{}, map[string]bool{}, 0, map[string]bool{}}
}

func (s *memShelf) clone() *memShelf {
	return &memShelf{maps.Clone(s.states), maps.Clone(s.timers), maps.Clone(s.held), 0, maps.Clone(s.known)}
}

func (s *memShelf) Load(dst []byte, lead string) ([]byte, bool, error) {
	s.loads++
	b, ok := s.states[lead]
	return append(dst, b...), ok, nil
}

func (s *memShelf) Due(until int64, fn func(int64, string) bool) error {
	keys := slices.SortedFunc(maps.Keys(s.timers), func(a, b timerKey) int { return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.lead, b.lead)) })
	for _, k := range keys {
		if k.due > until || !fn(k.due, k.lead) {
			break
		}
	}
	return nil
}

// put takes a lead; none may be ahead of record acked.
func (s *memShelf) put(t testing.TB, acked uint64) func(core.Stored) error {
	return func(l core.Stored) error {
		stamp, _ := binary.Uvarint(l.State[1:])
		require.LessOrEqual(t, stamp, acked, "%s is ahead of the journal", l.Lead)
		if l.New {
			require.False(t, s.known[l.Lead], "%s is no news", l.Lead)
			s.known[l.Lead] = true
		}
		if l.OldDue != 0 {
			require.True(t, s.timers[timerKey{l.OldDue, l.Lead}], "%s lies under another due time", l.Lead)
			delete(s.timers, timerKey{l.OldDue, l.Lead})
		}
		for k := range s.timers {
			require.NotEqual(t, l.Lead, k.lead, "a timer is left behind")
		}
		if l.Due != 0 {
			s.timers[timerKey{l.Due, l.Lead}] = true
		}
		s.states[l.Lead], s.held[l.Lead] = bytes.Clone(l.State), l.Held
		return nil
	}
}

// shelved is an engine whose leads lie on a shelf but for a few.
type shelved struct {
	*engine
	shelf  *memShelf
	rng    *rand.Rand
	acked  uint64
	number uint64
	deltas [][]byte // by number - 1
}

func newShelved(t testing.TB, c scoretest.Config, o core.Options, s *memShelf, seed uint64) *shelved {
	o.Shelf = s
	return &shelved{engine: newEngine(t, c, o), shelf: s, rng: rand.New(rand.NewPCG(seed, 5))}
}

// commit makes a record of what the last run changed; some are acknowledged
// late.
func (s *shelved) commit() {
	s.number++
	for i := range s.out.Changes {
		s.out.Changes[i].Stamp(s.number)
	}
	s.deltas = append(s.deltas, bytes.Clone(s.out.Deltas))
	s.acked = max(s.acked, s.number-min(s.number, uint64(s.rng.IntN(3))))
	s.Acked(s.acked)
}

// play runs inputs in batches, in slices, and brings the cache down after each.
// What it says is added to all.
func (s *shelved) play(inputs []core.Input, batch int, between func()) (all said) {
	for len(inputs) > 0 {
		n := min(batch, len(inputs))
		for part := inputs[:n]; ; {
			s.out.Reset()
			done, err := s.RunSlice(part, &s.out)
			require.NoError(s.t, err)
			all.decisions = append(all.decisions, lines(s.t, s.out.Decisions)...)
			all.rejected = append(all.rejected, lines(s.t, s.out.Rejected)...)
			all.accepted += s.out.Accepted
			all.dups += s.out.Duplicates
			s.commit()
			require.NoError(s.t, s.Evict(s.shelf.put(s.t, s.acked)))
			between()
			if part = part[done:]; len(part) == 0 {
				break
			}
		}
		inputs = inputs[n:]
	}
	known := len(s.shelf.known) + s.Unstored()
	all.accounts = s.everything()
	require.Equal(s.t, s.Len(), known, "all leads are in memory now")
	return all
}

// everything is the state of all leads, on the shelf and in memory.
func (s *shelved) everything() map[string]string {
	for key := range s.shelf.states {
		found, err := s.Fetch(key)
		require.NoError(s.t, err)
		require.True(s.t, found)
	}
	return s.accounts()
}

// sorted drops the order among leads, which slices may change.
func (s said) sorted() said {
	s.decisions, s.rejected = slices.Sorted(slices.Values(s.decisions)), slices.Sorted(slices.Values(s.rejected))
	return s
}

func TestShelf_ATinyCacheChangesNothing(t *testing.T) {
	loads := 0
	for seed := range uint64(30) {
		config := scoretest.Config{OnError: policies[seed%3]}
		g := newGenerator(seed + 5000)
		g.leads = 12
		inputs := append(g.stream(500), tick(g.now+120*day))
		plain := newEngine(t, config, core.Options{DedupeDays: 20})
		plain.feed(inputs, 50)
		want := plain.said().sorted()
		for _, batch := range []int{1, 7, 1000} {
			s := newShelved(t, config, core.Options{DedupeDays: 20, Cache: 3, Slice: 1 + int(seed%5)}, newMemShelf(), seed)
			got := s.play(inputs, batch, func() {
				if s.rng.IntN(3) == 0 {
					_, err := s.Flush(1+s.rng.IntN(4), s.shelf.put(t, s.acked))
					require.NoError(t, err)
				}
			})
			require.Equal(t, want, got.sorted(), "seed %d, batch %d", seed, batch)
			loads += s.shelf.loads
		}
	}
	require.Greater(t, loads, 10_000, "leads come and go")
}

// A checkpoint takes its time while the stream goes on. Whenever the process
// dies, what lies on the shelf and the records behind the newest complete
// checkpoint give the state back.
func TestShelf_RestoreFromAFuzzyCheckpoint(t *testing.T) {
	restored := 0
	for seed := range uint64(40) {
		config := scoretest.Config{OnError: policies[seed%3]}
		g := newGenerator(seed + 6000)
		g.leads = 12
		inputs := g.stream(400)
		options := core.Options{DedupeDays: 20, Cache: 3 + int(seed%6), Slice: 4}
		s := newShelved(t, config, options, newMemShelf(), seed)
		head, begun, clock := uint64(0), uint64(0), int64(0)
		for len(inputs) > 0 {
			n := min(1+s.rng.IntN(20), len(inputs))
			s.play(inputs[:n], n, func() {
				if begun == 0 && s.rng.IntN(4) > 0 {
					return
				}
				if begun == 0 {
					begun = max(1, s.acked)
				}
				done, err := s.Flush(1+s.rng.IntN(2), s.shelf.put(t, s.acked))
				require.NoError(t, err)
				if done {
					head, begun = begun, 0
				}
			})
			clock = s.Clock()
			inputs = inputs[n:]
			if head == 0 || s.rng.IntN(5) > 0 {
				continue
			}
			restored++
			again := newShelved(t, config, options, s.shelf.clone(), seed)
			again.RestoreClock(clock)
			for key, held := range again.shelf.held {
				if held {
					_, err := again.Fetch(key)
					require.NoError(t, err)
				}
			}
			for number := head; number <= s.number; number++ { // the head itself once more does no harm
				require.NoError(t, again.Apply(s.deltas[number-1], number))
				require.NoError(t, again.Evict(again.shelf.put(t, number)))
			}
			again.number, again.acked, again.deltas = s.number, s.number, s.deltas
			require.Equal(t, s.everything(), again.everything(), "seed %d, head %d of %d", seed, head, s.number)
			more := newGenerator(seed + 7000).stream(60)
			require.Equal(t, s.clones(t, config, options).play(more, 60, func() {}).sorted(), again.play(more, 9, func() {}).sorted())
		}
	}
	require.Greater(t, restored, 40)
}

// clones makes an engine in the same state.
func (s *shelved) clones(t *testing.T, config scoretest.Config, o core.Options) *shelved {
	o.Cache = 0
	c := newShelved(t, config, o, newMemShelf(), 1)
	for key, state := range s.everything() {
		require.NoError(t, c.RestoreLead(key, []byte(state)))
	}
	c.RestoreClock(s.Clock())
	return c
}

func TestEvict_KeepsWhatIsAheadAndWhatWaits(t *testing.T) {
	shelf := newMemShelf()
	e := newEngine(t, scoretest.Config{OnError: policies[2]}, core.Options{Shelf: shelf, Cache: 1})
	e.do(e.track("waits", "Signed Up", start, "list", "x", "fail", "soft", "in", "behavior"))
	var inputs []core.Input
	for i := range 20 {
		inputs = append(inputs, e.track(fmt.Sprint("lead", i), "Email Opened", start))
	}
	e.feedKeep(inputs)
	require.NoError(t, e.Evict(shelf.put(t, 0)))
	require.Equal(t, 21, e.Len(), "nothing is in the journal yet")
	for i := range e.out.Changes {
		e.out.Changes[i].Stamp(2)
	}
	require.NoError(t, e.Evict(shelf.put(t, 1)))
	require.Equal(t, 21, e.Len(), "not acknowledged")
	e.Acked(2)
	require.NoError(t, e.Evict(shelf.put(t, 2)))
	require.Equal(t, 1, e.Len())
	require.NotNil(t, e.Lead("waits"))
	require.Len(t, shelf.states, 20)
	done, err := e.Flush(10, shelf.put(t, 2))
	require.NoError(t, err)
	require.False(t, done, "the one that waits has no record yet")
}
