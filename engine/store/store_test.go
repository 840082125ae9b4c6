package store

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t testing.TB, o Options) *DB {
	t.Helper()
	d, err := Open(o)
	require.NoError(t, err)
	return d
}

func part(t testing.TB, d *DB, n int) *Partition {
	t.Helper()
	p, err := d.Partition(n)
	require.NoError(t, err)
	return p
}

// ofLine is the lineage of most tests.
const ofLine = 7

type stored struct {
	lead        string
	state       string
	due, oldDue int64
	held        bool
}

func put(t testing.TB, p *Partition, list ...stored) {
	t.Helper()
	b := p.NewBatch()
	defer b.Close()
	for _, s := range list {
		require.NoError(t, b.Put(ofLine, s.lead, []byte(s.state), s.due, s.oldDue, s.held))
	}
	require.NoError(t, b.Commit())
}

func timers(t testing.TB, p *Partition, until int64) (list []string) {
	t.Helper()
	require.NoError(t, p.Lineage(ofLine).Due(until, func(due int64, lead string) bool {
		list = append(list, fmt.Sprint(due, lead))
		return true
	}))
	return list
}

func heldOf(t testing.TB, p *Partition) (list []string) {
	t.Helper()
	require.NoError(t, p.Lineage(ofLine).Held(func(lead string) bool { list = append(list, lead); return true }))
	return list
}

func states(t testing.TB, p *Partition) map[string]string {
	t.Helper()
	m := map[string]string{}
	require.NoError(t, p.Lineage(ofLine).States(func(lead string, state []byte) bool { m[lead] = string(state); return true }))
	return m
}

func TestPartition_LeadsTimersAndHeldLeads(t *testing.T) {
	dir := t.TempDir()
	d := open(t, Options{Dir: dir})
	p, other := part(t, d, 1), part(t, d, 0x0200)
	put(t, p, stored{"ann", "1", 500, 0, false}, stored{"ben", "2", 40, 0, true}, stored{"cat", "3", 0, 0, false}, stored{"eve", "4", -5, 0, false})
	put(t, other, stored{"ann", "other", 1, 0, true})

	got, found, err := p.Lineage(ofLine).Load([]byte("x"), "ann")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "x1", string(got), "appended")
	_, found, err = p.Lineage(ofLine).Load(nil, "an")
	require.NoError(t, err)
	assert.False(t, found)
	assert.Equal(t, []string{"-5eve", "40ben", "500ann"}, timers(t, p, 500))
	assert.Equal(t, []string{"-5eve", "40ben"}, timers(t, p, 499))
	assert.Equal(t, []string{"ben"}, heldOf(t, p))

	put(t, p, stored{"ann", "5", 700, 500, true}, stored{"ben", "6", 0, 40, false})
	assert.Equal(t, []string{"-5eve", "700ann"}, timers(t, p, 1000))
	assert.Equal(t, []string{"ann"}, heldOf(t, p))
	require.NoError(t, d.Close())

	d = open(t, Options{Dir: dir})
	p, other = part(t, d, 1), part(t, d, 0x0200)
	assert.Equal(t, map[string]string{"ann": "5", "ben": "6", "cat": "3", "eve": "4"}, states(t, p))
	put(t, p, stored{"ann", "7", 700, 700, false})
	assert.Empty(t, heldOf(t, p), "held leads are known after a start")
	require.NoError(t, p.Drop())
	assert.Empty(t, states(t, p))
	assert.Empty(t, timers(t, p, 1000))
	assert.Equal(t, map[string]string{"ann": "other"}, states(t, other), "of another partition nothing is dropped")
	put(t, p, stored{"ann", "8", 9, 0, false})
	assert.Equal(t, map[string]string{"ann": "8"}, states(t, p), "what comes after a drop stays")
	require.NoError(t, d.Close())
}

func TestBatch_IsAllOrNothingAndAHeldLeadMayChangeInside(t *testing.T) {
	d := open(t, Options{Dir: t.TempDir()})
	defer func() { require.NoError(t, d.Close()) }()
	p := part(t, d, 0)
	b := p.NewBatch()
	require.NoError(t, b.Put(ofLine, "ann", []byte("1"), 0, 0, true))
	require.NoError(t, b.Put(ofLine, "ann", []byte("2"), 0, 0, false))
	require.NoError(t, b.Head([]byte("h")))
	require.NoError(t, b.Newest([]byte("n")))
	assert.Empty(t, states(t, p), "not before Commit")
	require.NoError(t, b.Commit())
	assert.True(t, b.Empty())
	b.Close()
	assert.Empty(t, heldOf(t, p))
	head, found, err := p.Head()
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "h", string(head))
	newest, _, err := p.Newest()
	require.NoError(t, err)
	assert.Equal(t, "n", string(newest))
}

func TestSnapshot_StandsStillAndFillsAnotherPartition(t *testing.T) {
	d := open(t, Options{Dir: t.TempDir()})
	defer func() { require.NoError(t, d.Close()) }()
	p, copied := part(t, d, 3), part(t, d, 4)
	put(t, p, stored{"ann", "1", 5, 0, true}, stored{"ben", "2", 6, 0, false})
	b := p.NewBatch()
	defer b.Close()
	require.NoError(t, b.Head([]byte("head")))
	require.NoError(t, b.Commit())
	s := p.Snapshot()
	defer s.Close()
	put(t, p, stored{"ann", "later", 7, 5, false})
	to := copied.NewBatch()
	defer to.Close()
	require.NoError(t, s.Each(to.Raw))
	require.NoError(t, to.Commit())
	assert.Equal(t, map[string]string{"ann": "1", "ben": "2"}, states(t, copied))
	assert.Equal(t, []string{"5ann", "6ben"}, timers(t, copied, 100))
	assert.Equal(t, []string{"ann"}, heldOf(t, copied))
	head, found, err := s.Head()
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "head", string(head))
	_, found, err = copied.Head()
	require.NoError(t, err)
	assert.False(t, found, "the head is the caller's to write")
}

func TestOpen_OneFolderOneEngine(t *testing.T) {
	o := Options{Dir: t.TempDir()}
	d := open(t, o)
	_, err := Open(o)
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorContains(t, err, "--state")
	require.NoError(t, d.Close())
	require.NoError(t, open(t, o).Close())
}

func TestOpen_AnotherFormatAndDamageAreMadeAnew(t *testing.T) {
	broken := map[string]func(t *testing.T, dir string){
		"older format": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, formatFile), []byte("ripen store 0\n"), 0o600))
		},
		"newer format": func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(filepath.Join(dir, formatFile), []byte("ripen store 99\n"), 0o600))
		},
		"torn format": func(t *testing.T, dir string) { require.NoError(t, os.Truncate(filepath.Join(dir, formatFile), 0)) },
		"manifest":    func(t *testing.T, dir string) { overwrite(t, dir, "MANIFEST-*") },
		"manifest marker": func(t *testing.T, dir string) {
			rename(t, dir, "marker.manifest.*", "marker.manifest.000009.MANIFEST-000999")
		},
		"missing tables": func(t *testing.T, dir string) { remove(t, dir, "*.sst") },
	}
	for name, breakIt := range broken {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := open(t, Options{Dir: dir})
			put(t, part(t, d, 0), stored{"ann", "1", 1, 0, false})
			require.NoError(t, d.Close())
			breakIt(t, dir)
			d = open(t, Options{Dir: dir})
			p := part(t, d, 0)
			assert.Empty(t, states(t, p))
			put(t, p, stored{"ann", "2", 1, 0, false})
			require.NoError(t, d.Close())
			d = open(t, Options{Dir: dir})
			assert.Equal(t, map[string]string{"ann": "2"}, states(t, part(t, d, 0)), "the new one is good")
			require.NoError(t, d.Close())
		})
	}
}

func match(t *testing.T, dir, pattern string) string {
	list, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, list)
	return list[0]
}

func overwrite(t *testing.T, dir, pattern string) {
	name := match(t, dir, pattern)
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	for i := range data {
		data[i] ^= 0x5a
	}
	require.NoError(t, os.WriteFile(name, data, 0o600))
}

func rename(t *testing.T, dir, pattern, to string) {
	require.NoError(t, os.Rename(match(t, dir, pattern), filepath.Join(dir, to)))
}

func remove(t *testing.T, dir, pattern string) {
	require.NoError(t, os.Remove(match(t, dir, pattern)))
}

// A table that is damaged shows when it is read: an error that says so, and the
// next start makes the store anew.
func TestOpen_DamageFoundWhileReading(t *testing.T) {
	dir := t.TempDir()
	d := open(t, Options{Dir: dir})
	p := part(t, d, 0)
	for i := range 2000 {
		put(t, p, stored{fmt.Sprint("lead", i), fmt.Sprint("state", rand.Uint64()), 0, 0, false})
	}
	require.NoError(t, d.Close())
	name := match(t, dir, "*.sst")
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	for i := range 2000 {
		data[i] ^= 0xff
	}
	require.NoError(t, os.WriteFile(name, data, 0o600))

	d = open(t, Options{Dir: dir})
	_, _, err = part(t, d, 0).Lineage(ofLine).Load(nil, "lead0")
	require.ErrorIs(t, err, ErrDamaged)
	require.NoError(t, d.Close())
	d = open(t, Options{Dir: dir})
	_, found, err := part(t, d, 0).Lineage(ofLine).Load(nil, "lead0")
	require.NoError(t, err)
	assert.False(t, found)
	require.NoError(t, d.Close())
}

func TestOpen_SomebodyElsesFolderIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.tex"), []byte("x"), 0o600))
	_, err := Open(Options{Dir: dir})
	require.ErrorContains(t, err, "no local store of Ripen")
	_, err = os.Stat(filepath.Join(dir, "thesis.tex"))
	require.NoError(t, err)
}

// What a crash leaves is a prefix of the batches, over all partitions: at
// random moments the disk is frozen as a power loss would leave it, with some
// of what was not synced.
func TestCrash_LeavesAPrefixOverAllPartitions(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	kept := map[int]bool{}
	for run := range 6 {
		disk := vfs.NewCrashableMem()
		d := open(t, Options{Dir: "store", MemTable: 256 << 10, fs: disk})
		var ps []*Partition
		for n := range crashParts {
			ps = append(ps, part(t, d, n))
		}
		batches := 500 + r.IntN(1500)
		for i := range batches {
			require.NoError(t, writeNumbered(ps, i))
		}
		crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rand.New(rand.NewPCG(uint64(run), 1))})
		require.NoError(t, d.Close())
		kept[prefix(t, "store", crashed, batches)] = true
	}
	assert.Greater(t, len(kept), 2, "crashes at different moments leave different prefixes")
}

const crashParts = 3

// writeNumbered writes the i-th batch: three leads and a head, the partitions
// take turns.
func writeNumbered(ps []*Partition, i int) error {
	b := ps[i%len(ps)].NewBatch()
	defer b.Close()
	for k := range 3 {
		if err := b.Put(ofLine, fmt.Sprintf("%d/%d", i, k), make([]byte, 300), int64(i), 0, false); err != nil {
			return err
		}
	}
	if err := b.Head(fmt.Append(nil, i)); err != nil {
		return err
	}
	return b.Commit()
}

// prefix demands that the store holds the first n batches and nothing else.
func prefix(t *testing.T, dir string, disk vfs.FS, batches int) (n int) {
	const parts = crashParts
	d := open(t, Options{Dir: dir, fs: disk})
	defer func() { require.NoError(t, d.Close()) }()
	all := map[string]string{}
	heads := make([]int, parts)
	for q := range parts {
		p := part(t, d, q)
		for lead, state := range states(t, p) {
			all[lead] = state
		}
		heads[q] = -1
		if head, found, err := p.Head(); found {
			require.NoError(t, err)
			_, err = fmt.Sscan(string(head), &heads[q])
			require.NoError(t, err)
		}
		n = max(n, heads[q]+1)
	}
	require.LessOrEqual(t, n, batches)
	require.Len(t, all, 3*n)
	for i := range n {
		for k := range 3 {
			if _, there := all[fmt.Sprintf("%d/%d", i, k)]; !there {
				require.Fail(t, "a hole", "batch %d of the first %d", i, n)
			}
		}
	}
	for q, head := range heads {
		if last := n - 1 - ((n-1-q)%parts+parts)%parts; n > q {
			require.Equal(t, last, head, "head of partition %d after %d batches", q, n)
		}
	}
	return n
}

// victim is the environment of a process that writes until it is killed: the
// folder of its store.
const victim = "RIPEN_TEST_STORE_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victim); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

func writeForEver(dir string) {
	d, err := Open(Options{Dir: dir, MemTable: 256 << 10})
	if err != nil {
		panic(err)
	}
	var ps []*Partition
	for n := range crashParts {
		p, err := d.Partition(n)
		if err != nil {
			panic(err)
		}
		ps = append(ps, p)
	}
	for i := 0; ; i++ {
		if err := writeNumbered(ps, i); err != nil {
			panic(err)
		}
		if i == 1000 {
			fmt.Println("well under way")
		}
	}
}

// A process that is killed never closes its store.
func TestCrash_Killed(t *testing.T) {
	for range 3 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), victim+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		_, err = out.Read(make([]byte, 1))
		require.NoError(t, err)
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		assert.NotZero(t, prefix(t, dir, vfs.Default, 1<<40), "tables were written")
	}
}

func TestLineage_IsCopiedAndDroppedAlone(t *testing.T) {
	dir := t.TempDir()
	d := open(t, Options{Dir: dir})
	p := part(t, d, 1)
	b := p.NewBatch()
	require.NoError(t, b.Put(ofLine, "ann", []byte("1"), 500, 0, true))
	require.NoError(t, b.Put(ofLine, "ben", []byte("2"), 40, 0, false))
	require.NoError(t, b.Put(ofLine+1, "ann", []byte("old"), 3, 0, false))
	require.NoError(t, b.Put(1<<40, "zoe", []byte("z"), 3, 0, true))
	require.NoError(t, b.Count(ofLine, 2))
	require.NoError(t, b.Commit())
	b.Close()
	require.NoError(t, p.CopyLineage(ofLine, ofLine+1))
	ids, err := p.Lineages()
	require.NoError(t, err)
	assert.Equal(t, []uint64{ofLine, ofLine + 1, 1 << 40}, ids)
	keys := func(id uint64, after string) (list []string) {
		require.NoError(t, p.Lineage(id).Each(after, func(lead string) bool { list = append(list, lead); return true }))
		return list
	}
	assert.Equal(t, []string{"ann", "ben"}, keys(ofLine+1, ""))
	assert.Equal(t, []string{"ben"}, keys(ofLine+1, "ann"), "behind a key")
	assert.Empty(t, keys(ofLine+1, "ben"))
	state, found, err := p.Lineage(ofLine+1).Load(nil, "ann")
	require.NoError(t, err)
	assert.True(t, found)
	assert.Equal(t, "1", string(state), "what was there before the copy is gone")
	n, err := p.Lineage(ofLine + 1).Count()
	require.NoError(t, err)
	assert.Equal(t, 2, n)
	var due []int64
	require.NoError(t, p.Lineage(ofLine+1).Due(1000, func(at int64, _ string) bool { due = append(due, at); return true }))
	assert.Equal(t, []int64{40, 500}, due)

	require.NoError(t, p.DropLineage(ofLine))
	put(t, p, stored{"cat", "3", 0, 0, true})
	require.NoError(t, d.Close())
	d = open(t, Options{Dir: dir})
	defer func() { require.NoError(t, d.Close()) }()
	p = part(t, d, 1)
	assert.Equal(t, map[string]string{"cat": "3"}, states(t, p))
	assert.Equal(t, []string{"cat"}, heldOf(t, p))
	assert.Equal(t, []string{"ann", "ben"}, keys(ofLine+1, ""), "a copy stands for itself")
	assert.Equal(t, []string{"zoe"}, keys(1<<40, ""))
}
