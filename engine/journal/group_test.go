package journal

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// together lets partitions commit at the same time, n times each, and returns
// the records by partition.
func (b *bench) together(pts []*Partition, n int) [][]Record {
	b.t.Helper()
	recs := make([][]Record, len(pts))
	var all sync.WaitGroup
	for p, pt := range pts {
		all.Go(func() {
			for i := range n {
				r, err := pt.Commit(b.t.Context(), outputs((p+i)%4, fmt.Sprint("p", p, "c", i)), Record{Clock: int64(i), Lineages: deltaOf(fmt.Appendf(nil, "%d of %d", i, p))})
				if !assert.NoError(b.t, err) {
					return
				}
				recs[p] = append(recs[p], r)
			}
		})
	}
	all.Wait()
	return recs
}

// whole checks that the journal holds exactly the commits, each once, in order,
// with the sequences that their owners were told, and their outputs with them.
func (b *bench) whole(recs [][]Record) {
	b.t.Helper()
	outs := 0
	for p := range recs {
		rs := b.restore(b.claim(p))
		require.Len(b.t, rs, len(recs[p])+2, "partition %d", p)
		require.Equal(b.t, recs[p], rs[1:len(rs)-1], "partition %d", p)
		for i := range recs[p] {
			outs += (p + i) % 4
		}
	}
	require.Len(b.t, b.stored("ripen.out.>"), outs)
}

func TestPartitionsShareABatch(t *testing.T) {
	b := newBench(t, Config{})
	var mu sync.Mutex
	records := map[string]int{} // by batch
	_, err := b.nc.Subscribe("ripen.j.*", func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		if id := m.Header.Get(headerBatchID); id != "" {
			records[id]++
		}
	})
	require.NoError(t, err)
	var pts []*Partition
	for p := range 4 {
		pts = append(pts, b.claim(p))
	}
	b.whole(b.together(pts, 60))
	mu.Lock()
	defer mu.Unlock()
	total := 0
	for _, n := range records {
		total += n
	}
	require.Equal(t, 4*60*3/4, total, "each record with outputs went out once")
	require.Less(t, len(records), total/2, "and most of them in company")
}

// A zombie spoils the batches that it shares. The others notice nothing of it
// but the time that their second attempt takes.
func TestAZombieInTheCompany(t *testing.T) {
	b := newBench(t, Config{})
	zombie := b.claim(0)
	heir := b.claim(0)
	good := []*Partition{heir, b.claim(1), b.claim(2), b.claim(3)}
	var recs [][]Record
	var all sync.WaitGroup
	all.Go(func() {
		for range 20 {
			_, err := zombie.Commit(b.t.Context(), outputs(2, "zombie"), Record{Lineages: deltaOf([]byte("zombie"))})
			assert.ErrorIs(t, err, ErrFenced)
		}
	})
	all.Go(func() { recs = b.together(good, 40) })
	all.Wait()
	require.NotContains(t, b.stored("ripen.out.>"), "zombie 0")
	for p := range recs {
		rs := b.restore(b.claim(p))
		require.Equal(t, recs[p], rs[len(rs)-len(recs[p])-1:len(rs)-1], "partition %d", p)
	}
}

// The next batch waits for those who were in the last one, but not for long.
func TestABatchWaitsForThoseOfTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &group{busy: true, waiting: []*share{{}}, lone: 1} // as if a batch were on its way, and one waited
		full := g.expect(1)
		began, late := time.Now(), 3*time.Millisecond
		for i := range 2 {
			go func() {
				time.Sleep(late * time.Duration(i+1) / 2)
				_, _ = g.commit(t.Context(), &share{})
			}()
		}
		g.regroup(full, time.Minute)
		require.Equal(t, late, time.Since(began), "both are back")
		g.regroup(g.expect(1), time.Millisecond)
		require.Equal(t, late+time.Millisecond, time.Since(began), "nobody came")
		for _, s := range g.waiting[1:] {
			close(s.done)
		}
	})
}

// Who gives up gets his memory back at once while he waits, and his commit is
// not sent.
func TestALeaverIsNotSent(t *testing.T) {
	b := newBench(t, Config{})
	g := &b.j.group
	g.busy = true // as if a batch were on its way
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := g.commit(ctx, &share{subject: RecordSubject(0), outs: outputs(1, "gone"), record: []byte("gone")})
		gone <- err
	}()
	require.Eventually(t, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return len(g.waiting) == 1 }, 5*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-gone, context.Canceled)
	require.Empty(t, g.waiting)
	g.work()
	require.False(t, g.busy)
	require.Empty(t, b.stored("ripen.out.>"))
	_, err := b.claim(0).Commit(t.Context(), outputs(1, "next"), Record{})
	require.NoError(t, err)
}

// A batch that is too large for all of them is cut.
func TestABatchHoldsWhatTheServerTakes(t *testing.T) {
	b := newBench(t, Config{})
	var all sync.WaitGroup
	for p := range 4 {
		pt := b.claim(p)
		all.Go(func() {
			for range 3 {
				_, err := pt.Commit(b.t.Context(), outputs(MaxOutputs, "many"), Record{})
				assert.NoError(t, err)
			}
		})
	}
	all.Wait()
	require.Len(t, b.stored("ripen.out.>"), 4*3*MaxOutputs)
}

func TestCompanyUnderLeaderChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	nc, _ := newCluster(t)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	j, err := Open(t.Context(), js, Config{Partitions: 4, Replicas: 3, CommitTimeout: time.Second})
	require.NoError(t, err)
	b := &bench{t: t, nc: nc, js: js, j: j}
	var pts []*Partition
	for p := range 4 {
		pts = append(pts, b.claim(p))
	}
	stop := make(chan struct{})
	var stepping sync.WaitGroup
	stepping.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond):
				assert.NoError(t, nc.Publish("$JS.API.STREAM.LEADER.STEPDOWN."+JournalStream, nil))
			}
		}
	})
	recs := b.together(pts, 30)
	close(stop)
	stepping.Wait()
	b.whole(recs)
}
