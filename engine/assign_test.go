package engine

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func names(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint("engine-", i))
	}
	return list
}

func TestAssign_EvenAndTheSameForAll(t *testing.T) {
	for _, partitions := range []int{1, 2, 4, 7, 16, 48} {
		for n := 1; n <= 9; n++ {
			list := names(n)
			owner := assign(list, partitions)
			load := map[string]int{}
			for _, o := range owner {
				require.Contains(t, list, o)
				load[o]++
			}
			for _, e := range list {
				assert.GreaterOrEqual(t, load[e], partitions/n, "%d engines, %d partitions", n, partitions)
				assert.LessOrEqual(t, load[e], (partitions+n-1)/n, "%d engines, %d partitions", n, partitions)
			}
			slices.Reverse(list)
			assert.Equal(t, owner, assign(list, partitions), "the order in which engines are known does not matter")
		}
	}
}

// Who joins takes from the others and moves little else.
func TestAssign_MovesLittle(t *testing.T) {
	const partitions = 48
	for n := 1; n <= 8; n++ {
		before, after := assign(names(n), partitions), assign(names(n+1), partitions)
		moved, needed := 0, partitions/(n+1)
		for p := range before {
			if before[p] != after[p] {
				moved++
			}
		}
		assert.LessOrEqual(t, moved, 2*needed+2, "from %d to %d engines", n, n+1)
	}
}

// town is some rosters that hear each other at once, and what their engines run.
type town struct {
	t    *testing.T
	now  time.Time
	list []*townsman
}

type townsman struct {
	*roster
	beat    uint64
	runs    []run
	deaf    bool // neither hears nor is heard
	leaving bool
}

const townPartitions = 6

func (w *town) join(name string) *townsman {
	m := &townsman{roster: newRoster(name, townPartitions, w.now), runs: make([]run, townPartitions)}
	w.list = append(w.list, m)
	w.say(m)
	for _, other := range w.list {
		w.say(other)
	}
	return m
}

func (w *town) say(m *townsman) {
	m.beat++
	h := hint{ID: m.me, Beat: m.beat, Leaving: m.leaving, Runs: map[int]uint64{}}
	for n, r := range m.runs {
		if r.running {
			h.Runs[n] = r.epoch
		}
	}
	for _, other := range w.list {
		if !m.deaf && !other.deaf {
			other.hear(h, w.now)
		}
	}
}

// pass lets time go by. Each claim gets the next epoch of its partition, and
// what is given up is given up at once.
func (w *town) pass(d time.Duration) (claims int) {
	for end := w.now.Add(d); w.now.Before(end); w.now = w.now.Add(lookEvery) {
		for _, m := range w.list {
			m.expire(w.now)
			if m.leaving {
				m.runs = make([]run, townPartitions)
				w.say(m)
				continue
			}
			drop, claim := m.plan(w.now, m.runs)
			for _, n := range drop {
				m.runs[n] = run{}
			}
			for _, n := range claim {
				claims++
				top := uint64(0)
				for _, other := range w.list {
					top = max(top, other.runs[n].epoch)
				}
				m.runs[n] = run{running: true, epoch: top + 1}
			}
			if len(drop)+len(claim) > 0 || w.now.UnixMilli()%1000 == 0 {
				w.say(m)
			}
		}
	}
	return claims
}

// owners counts the engines that run each partition.
func (w *town) owners() (list []int) {
	list = make([]int, townPartitions)
	for _, m := range w.list {
		for n := range m.runs {
			if m.runs[n].running {
				list[n]++
			}
		}
	}
	return list
}

func (m *townsman) count() (n int) {
	for i := range m.runs {
		if m.runs[i].running {
			n++
		}
	}
	return n
}

var onceEach = []int{1, 1, 1, 1, 1, 1}

func TestRoster_JoinDrainAndCrash(t *testing.T) {
	w := &town{t: t, now: time.UnixMilli(1_767_225_600_000)}
	ann := w.join("ann")
	assert.Zero(t, w.pass(joinTime), "a newcomer listens first")
	w.pass(lookEvery)
	assert.Equal(t, 6, ann.count())

	ben := w.join("ben")
	assert.Equal(t, 3, w.pass(joinTime+2*lookEvery), "only what moves is claimed")
	assert.Equal(t, 3, ben.count())
	cid := w.join("cid")
	w.pass(joinTime + 2*lookEvery)
	assert.Equal(t, []int{2, 2, 2}, []int{ann.count(), ben.count(), cid.count()})
	assert.Equal(t, onceEach, w.owners())
	assert.Zero(t, w.pass(time.Minute), "then nothing moves")

	ben.leaving = true
	w.pass(3 * lookEvery)
	assert.Equal(t, []int{3, 0, 3}, []int{ann.count(), ben.count(), cid.count()}, "at once")
	w.list = []*townsman{ann, cid}
	w.pass(10 * time.Second)

	w.list = []*townsman{ann} // cid crashed
	w.pass(deadAfter - 2*beatEvery)
	assert.Equal(t, 3, ann.count(), "a few beats may be lost")
	w.pass(2*beatEvery + 3*lookEvery)
	assert.Equal(t, 6, ann.count())
}

// An engine that nobody heard for a while comes back: it knows the younger
// claims of the others and lets go.
func TestRoster_ZombieLetsGo(t *testing.T) {
	w := &town{t: t, now: time.UnixMilli(1_767_225_600_000)}
	ann, ben := w.join("ann"), w.join("ben")
	w.pass(2 * time.Second)
	ben.deaf = true
	w.pass(deadAfter + 2*beatEvery)
	assert.Equal(t, 6, ann.count())
	before := ben.count()
	ben.deaf = false
	w.say(ann)
	drop, _ := ben.plan(w.now, ben.runs)
	if before == townPartitions { // it thought the same of ann
		assert.NotEmpty(t, drop)
	}
	w.pass(5 * time.Second)
	assert.Equal(t, onceEach, w.owners())
	assert.Equal(t, 3, ben.count())
}

// Hints that were stored do not stop a newcomer for long.
func TestRoster_StoredHintsOfTheDeadExpire(t *testing.T) {
	now := time.UnixMilli(1_767_225_600_000)
	r := newRoster("ann", 2, now)
	r.tell(hint{ID: "gone", Runs: map[int]uint64{0: 7, 1: 3}}, now)
	runs := make([]run, 2)
	now = now.Add(joinTime + time.Millisecond)
	_, claim := r.plan(now, runs)
	assert.Empty(t, claim, "it may be alive")
	now = now.Add(toldTime)
	assert.Equal(t, []string{"gone"}, r.expire(now))
	_, claim = r.plan(now, runs)
	assert.Equal(t, []int{0, 1}, claim)
}

// Of two engines where one does not hear the other, both are patient.
func TestRoster_OneWayHearingIsNoFight(t *testing.T) {
	now := time.UnixMilli(1_767_225_600_000)
	r := newRoster("ann", 1, now)
	now = now.Add(joinTime)
	claims := 0
	for range 10 * 60 * 5 { // five minutes in which each claim is fenced at once
		now = now.Add(lookEvery)
		if _, claim := r.plan(now, make([]run, 1)); len(claim) > 0 {
			claims++
			r.fenced(0, now)
		}
	}
	assert.Less(t, claims, 12)
}

func TestRoster_HolderWhoKeepsWhatIsNotItsOwnIsFencedLate(t *testing.T) {
	now := time.UnixMilli(1_767_225_600_000)
	r := newRoster("ann", 1, now)
	other := "x"
	for i := 0; assign([]string{"ann", other}, 1)[0] != "ann"; i++ {
		other = fmt.Sprint("x", i)
	}
	hold := hint{ID: other, Runs: map[int]uint64{0: 1}}
	first := time.Duration(0)
	for passed := time.Duration(0); passed < 2*patience && first == 0; passed += lookEvery {
		hold.Beat++
		r.hear(hold, now.Add(passed))
		if _, claim := r.plan(now.Add(passed), make([]run, 1)); len(claim) > 0 {
			first = passed
		}
	}
	assert.Greater(t, first, patience-time.Second)
	assert.Less(t, first, patience+time.Second)
}

func TestJumpGuard(t *testing.T) {
	g := newJumpGuard(5 * time.Minute)
	look := func(jump, passed time.Duration) string { return g.look(g.began.Add(passed+jump), passed) }
	assert.Empty(t, look(0, time.Minute))
	assert.Empty(t, look(2*time.Minute, 2*time.Minute), "a correction")
	assert.Contains(t, look(24*time.Hour, 3*time.Minute), "jumped forward by 23h58m0s")
	assert.Empty(t, look(2*time.Minute, 4*time.Minute), "set right again")
	assert.Empty(t, look(-time.Hour, 5*time.Minute), "backwards is not the guard's matter")
	assert.Empty(t, look(0, 6*time.Minute), "and back")
	for passed := 10 * time.Minute; passed < 10*time.Minute+jumpHold; passed += time.Minute {
		require.NotEmpty(t, look(2*time.Hour, passed))
	}
	assert.Empty(t, look(2*time.Hour, 10*time.Minute+jumpHold), "it stays: the machine was suspended")
	assert.Empty(t, look(2*time.Hour, 11*time.Minute+jumpHold))
}
