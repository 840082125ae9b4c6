package core

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func idOf(n int) (h idHash) {
	h, _ = hashID(nil, "ann", fmt.Sprint("m", n))
	return h
}

// The set against a plain list: few ids and thousands, days that go up and
// down, horizons or none.
func TestIDs_LikeAPlainList(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		days, size := []int32{0, 5, 30}[seed%3], []int{20, 300, 5000}[seed/3%3]
		var s idSet
		var plain []seenID
		day := int32(20_000)
		for range size {
			id := newID(idOf(r.IntN(size)), int64(day-int32(r.IntN(4)))*dayMillis)
			if r.IntN(30) == 0 {
				day += int32(r.IntN(4))
			}
			found := false
			for _, p := range plain {
				found = found || p.hash == id.hash && (days == 0 || p.day() >= id.day()-days)
			}
			require.Equal(t, found, s.has(&id.hash, id.day(), days))
			if found {
				continue
			}
			kept := plain[:0]
			for _, p := range plain {
				if days == 0 || p.day() >= id.day()-days {
					kept = append(kept, p)
				}
			}
			plain = append(kept, id)
			s.add(id, days)
			require.LessOrEqual(t, int(s.fresh), len(s.list))
		}
		require.Equal(t, plain, s.list)
		var again idSet
		rest, ok := readIDs(append(appendIDs(nil, s.list), "rest"...), func(id seenID) { again.add(id, days) })
		require.True(t, ok)
		assert.Equal(t, "rest", string(rest))
		assert.Equal(t, s.list, again.list, "what was written drops nothing when it is read")
	}
}

// The hash lies in journals and stores: it never changes.
func TestIDs_TheHashIsForEver(t *testing.T) {
	h, _ := hashID(nil, "ann", "m1")
	assert.Equal(t, "38d3fd80f808c8fca33f022746bcb05a", fmt.Sprintf("%x", h))
	other, _ := hashID(nil, "an", "nm1")
	assert.NotEqual(t, h, other, "lead and event are told apart")
}

func TestTable_LikeAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	table, plain := newTable(), map[string]*entry{}
	for range 200_000 {
		key := fmt.Sprint("lead-", r.IntN(20_000))
		e := table.get(key)
		require.Equal(t, plain[key], e)
		switch {
		case e == nil:
			plain[key] = table.add(key)
		case r.IntN(3) == 0:
			table.remove(e)
			delete(plain, key)
		}
	}
	n := 0
	table.all(func(e *entry) {
		n++
		require.Same(t, plain[e.key], e)
		require.Same(t, e, table.at(e.place))
	})
	assert.Len(t, plain, n)
	assert.Equal(t, n, table.used)
}

func TestTimers_ComeInOrderAndStaleOnesGo(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var q timerQueue
	for range 1000 {
		q.push(timer{due: r.Int64N(300)})
	}
	last := int64(0)
	for len(q) > 0 {
		next := q.pop()
		require.GreaterOrEqual(t, next.due, last)
		last = next.due
	}
}
