package store

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// crash is the store as a kill at this moment leaves it, with all that Pebble
// has on the disk.
func crash(t *testing.T, d *DB, disk *vfs.MemFS) *DB {
	t.Helper()
	require.NoError(t, d.Flush())
	return open(t, Options{Dir: "store", fs: disk.CrashClone(vfs.CrashCloneCfg{})})
}

func TestRows_WaitAndGoToPebbleWithTheHead(t *testing.T) {
	disk := vfs.NewCrashableMem()
	d := open(t, Options{Dir: "store", fs: disk})
	defer func() { require.NoError(t, d.Close()) }()
	p := part(t, d, 0)
	put(t, p, stored{"ann", "1", 5, 0, true}, stored{"ben", "2", 7, 0, false})
	put(t, p, stored{"ann", "3", 6, 5, true})
	got, found, err := p.Lineage(ofLine).Load([]byte("x"), "ann")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "x3", string(got))

	after := crash(t, d, disk)
	assert.Empty(t, states(t, part(t, after, 0)), "nothing was written")
	require.NoError(t, after.Close())

	b := p.NewBatch()
	require.NoError(t, b.Put(ofLine, "cat", []byte("4"), 0, 0, false))
	require.NoError(t, b.Head([]byte("h")))
	require.NoError(t, b.Newest([]byte("n")))
	require.NoError(t, b.Count(ofLine, 3))
	require.NoError(t, b.Commit())
	b.Close()
	put(t, p, stored{"ann", "5", 9, 6, false}) // waits again
	after = crash(t, d, disk)
	q := part(t, after, 0)
	assert.Equal(t, map[string]string{"ann": "3", "ben": "2", "cat": "4"}, states(t, q))
	assert.Equal(t, []string{"6ann", "7ben"}, timers(t, q, 100), "the timer that was replaced before it was written never was")
	assert.Equal(t, []string{"ann"}, heldOf(t, q))
	n, err := q.Lineage(ofLine).Count()
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	head, _, err := q.Head()
	require.NoError(t, err)
	assert.Equal(t, "h", string(head))
	require.NoError(t, after.Close())

	assert.Equal(t, []string{"7ben", "9ann"}, timers(t, p, 100), "a row that follows a written one takes its timer away")
	assert.Empty(t, heldOf(t, p))
}

func TestRows_OfAPartitionThatIsGivenAnewAreForgotten(t *testing.T) {
	d := open(t, Options{Dir: t.TempDir()})
	p := part(t, d, 0)
	put(t, p, stored{"ann", "1", 5, 0, true})
	require.NoError(t, p.d.settle())
	put(t, p, stored{"ann", "2", 6, 5, false})
	q := part(t, d, 0)
	put(t, q, stored{"ann", "3", 7, 5, true})
	require.NoError(t, d.settle())
	assert.Equal(t, map[string]string{"ann": "3"}, states(t, q))
	assert.Equal(t, []string{"7ann"}, timers(t, q, 100))
	put(t, q, stored{"ben", "4", 8, 0, true})
	require.NoError(t, q.Drop())
	assert.Empty(t, states(t, q))
	assert.Empty(t, timers(t, q, 100))
	assert.Empty(t, heldOf(t, q))
	_, found, err := q.Lineage(ofLine).Load(nil, "ben")
	require.NoError(t, err)
	assert.False(t, found)
	require.NoError(t, d.Close())
}

func TestSnapshot_HoldsTheRowsThatWait(t *testing.T) {
	d := open(t, Options{Dir: t.TempDir()})
	defer func() { require.NoError(t, d.Close()) }()
	p := part(t, d, 0)
	put(t, p, stored{"ann", "1", 5, 0, true})
	s := p.Snapshot()
	defer s.Close()
	kinds := ""
	require.NoError(t, s.Each(func(key, _ []byte) error { kinds += string(key[:1]); return nil }))
	assert.Equal(t, "hlt", kinds)
	q := part(t, d, 1)
	put(t, q, stored{"ann", "old", 9, 0, false})
	b := q.NewBatch()
	defer b.Close()
	require.NoError(t, s.Each(b.Raw))
	require.NoError(t, b.Commit())
	got, _, err := q.Lineage(ofLine).Load(nil, "ann")
	require.NoError(t, err)
	assert.Equal(t, "1", string(got), "raw entries take the place of rows")
}

// A small store in front of Pebble, written and read at random, is what a map
// is; after a crash it is what the map was when some batch had been put.
func TestRows_AreLikeAMapAndAfterACrashAPrefix(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		disk := vfs.NewCrashableMem()
		d := open(t, Options{Dir: "store", Rows: 4 << 10, MemTable: 256 << 10, fs: disk})
		p := part(t, d, 3)
		want, past := image{}, map[string]image{}
		for n := range 400 {
			b := p.NewBatch()
			for range 1 + r.IntN(5) {
				lead := fmt.Sprint("lead", r.IntN(40))
				s := stored{lead, fmt.Sprint(n, "/", r.Uint64()>>r.IntN(64)), int64(r.IntN(50)) * int64(r.IntN(2)), want[lead].due, r.IntN(10) == 0}
				require.NoError(t, b.Put(ofLine, s.lead, []byte(s.state), s.due, s.oldDue, s.held))
				want[lead] = s
			}
			require.NoError(t, b.Newest(fmt.Append(nil, n)))
			require.NoError(t, b.Count(ofLine, len(want)))
			if r.IntN(60) == 0 {
				require.NoError(t, b.Head(fmt.Append(nil, n)))
			}
			require.NoError(t, b.Commit())
			b.Close()
			past[fmt.Sprint(n)] = want.clone()
			look(t, p, want, r)
			if r.IntN(100) == 0 {
				after := crash(t, d, disk)
				q := part(t, after, 3)
				newest, found, err := q.Newest()
				require.NoError(t, err)
				require.Equal(t, found, len(states(t, q)) > 0)
				past[string(newest)].is(t, q)
				require.NoError(t, after.Close())
			}
		}
		want.is(t, p)
		require.NoError(t, d.Close())
		d = open(t, Options{Dir: "store", fs: disk})
		want.is(t, part(t, d, 3))
		require.NoError(t, d.Close())
	}
}

// image is what a store should hold.
type image map[string]stored

func (m image) clone() image {
	c := image{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// timers are those due up to a time.
func (m image) timers(until int64) (list []string) {
	var due []stored
	for _, s := range m {
		if s.due != 0 && s.due <= until {
			due = append(due, s)
		}
	}
	sort.Slice(due, func(i, j int) bool {
		return due[i].due < due[j].due || due[i].due == due[j].due && due[i].lead < due[j].lead
	})
	for _, s := range due {
		list = append(list, fmt.Sprint(s.due, s.lead))
	}
	return list
}

func (m image) is(t *testing.T, p *Partition) {
	t.Helper()
	all, held := map[string]string{}, []string(nil)
	for lead, s := range m {
		if all[lead] = s.state; s.held {
			held = append(held, lead)
		}
	}
	sort.Strings(held)
	n, err := p.Lineage(ofLine).Count()
	require.NoError(t, err)
	require.Equal(t, len(m), n)
	require.Equal(t, all, states(t, p))
	require.Equal(t, held, heldOf(t, p))
	require.Equal(t, m.timers(1<<40), timers(t, p, 1<<40))
}

// look reads something at random.
func look(t *testing.T, p *Partition, want image, r *rand.Rand) {
	t.Helper()
	lead := fmt.Sprint("lead", r.IntN(40))
	got, found, err := p.Lineage(ofLine).Load(nil, lead)
	require.NoError(t, err)
	_, there := want[lead]
	require.Equal(t, there, found)
	require.Equal(t, want[lead].state, string(got))
	if r.IntN(20) == 0 {
		until := int64(r.IntN(50))
		require.Equal(t, want.timers(until), timers(t, p, until))
	}
}
