package journal

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/natscluster"
	"github.com/ripenhq/ripen/engine/natsd"
)

// farBench is a journal whose server is behind a proxy, and a bench that reaches
// the server directly.
func farBench(t *testing.T, cfg Config) (*bench, *cutter, *Journal) {
	t.Helper()
	port := natscluster.FreePort() // it stays the same when the server restarts
	srv, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Port: port, Durability: natsd.Process,
		Users: []natsd.User{{Name: "root", Password: "x", Admin: true}}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Stop(context.Background())) })
	b := &bench{t: t, srv: srv}
	b.nc, b.js, b.j = b.engine(Config{Partitions: cfg.Partitions})
	proxy := newCutter(t, strings.TrimPrefix(srv.URL(), "nats://"))
	nc, err := nats.Connect("nats://"+proxy.l.Addr().String(), nats.UserInfo("root", "x"), nats.MaxReconnects(-1),
		nats.PingInterval(200*time.Millisecond), nats.MaxPingsOutstanding(2), nats.ReconnectWait(10*time.Millisecond), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	j, err := Open(t.Context(), js, cfg)
	require.NoError(t, err)
	return b, proxy, j
}

// A server that answers later than one is willing to wait is asked again, with
// more patience; what it did meanwhile counts once.
func TestSlowServer(t *testing.T) {
	b, proxy, j := farBench(t, Config{Partitions: 1, AskTimeout: 50 * time.Millisecond, CommitTimeout: time.Second})
	b.publish(EventSubject(0), 300)
	proxy.delay.Store(int64(150 * time.Millisecond))
	pt, err := j.Claim(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, pt.Restore(t.Context(), func(Record) error { return nil }))
	pos, _, err := pt.Resume(t.Context())
	require.NoError(t, err)
	r, err := j.NewReader(t.Context(), 0, pos, ReaderOptions{MaxBatch: 100})
	require.NoError(t, err)
	defer r.Close()
	require.Equal(t, 300, read(t, r, 0, 300))
	for n := range 3 {
		_, err := pt.Commit(t.Context(), outputs(5, fmt.Sprint("c", n)), Record{Clock: int64(n)})
		require.NoError(t, err)
	}
	proxy.delay.Store(0)
	require.Len(t, b.stored("ripen.out.>"), 15, "each once")
	require.Len(t, b.restore(b.claim(0)), 5)
}

// A claim whose answer is lost is found by reading, and is not taken for that
// of another engine.
func TestLostAnswerOfAClaim(t *testing.T) {
	b, proxy, j := farBench(t, Config{Partitions: 1, AskTimeout: 100 * time.Millisecond, CommitTimeout: time.Second})
	for epoch := uint64(1); epoch <= 5; epoch++ {
		proxy.swallow.Store(true)
		time.AfterFunc(250*time.Millisecond, func() {
			proxy.cut()
			proxy.swallow.Store(false)
		})
		pt, err := j.Claim(t.Context(), 0)
		require.NoError(t, err)
		require.Equal(t, epoch, pt.Epoch())
	}
	require.Len(t, b.restore(b.claim(0)), 6)
}

// The connection breaks somewhere inside a batch, also in the middle of a
// message: nothing of it is stored, and it is sent again.
func TestDisconnectInsideABatch(t *testing.T) {
	b, proxy, j := farBench(t, Config{Partitions: 1, AskTimeout: 100 * time.Millisecond, CommitTimeout: time.Second})
	pt, err := j.Claim(t.Context(), 0)
	require.NoError(t, err)
	const outs = 40
	for n := range 12 {
		proxy.bytes.Store(int64(1 + n*n*60))
		_, err := pt.Commit(t.Context(), outputs(outs, fmt.Sprint("c", n)), Record{Clock: int64(n)})
		require.NoError(t, err, "commit %d", n)
		proxy.bytes.Store(0)
		require.Len(t, b.stored("ripen.out.>"), (n+1)*outs, "each once")
	}
	rs := b.restore(b.claim(0))
	require.Len(t, rs, 14)
}

// The server is restarted again and again under a reader and its commits. On a
// half-open connection only the client's own pings notice it.
func TestServerRestartsUnderTheEngine(t *testing.T) {
	for _, open := range []bool{false, true} {
		t.Run(fmt.Sprint("half-open ", open), func(t *testing.T) { restartUnder(t, open) })
	}
}

func restartUnder(t *testing.T, halfOpen bool) {
	b, proxy, j := farBench(t, Config{Partitions: 1, AskTimeout: 200 * time.Millisecond, CommitTimeout: time.Second})
	proxy.halfOpen.Store(halfOpen)
	b.publish(EventSubject(0), 2000)
	pt, err := j.Claim(t.Context(), 0)
	require.NoError(t, err)
	r, err := j.NewReader(t.Context(), 0, Position{}, ReaderOptions{MaxBatch: 100, Prefetch: 200})
	require.NoError(t, err)
	defer r.Close()
	restarts := make(chan error, 1)
	go func() {
		for range 3 {
			time.Sleep(300 * time.Millisecond)
			if err := b.srv.Restart(); err != nil {
				restarts <- err
				return
			}
		}
		restarts <- nil
	}()
	commits, seen := 0, uint64(0)
	for seen < 2000 {
		msgs, err := r.Next(t.Context())
		require.NoError(t, err)
		for _, m := range msgs {
			require.Equal(t, seen+1, m.Seq, "in order, none missing")
			seen = m.Seq
		}
		_, err = pt.Commit(t.Context(), outputs(3, fmt.Sprint("c", commits)), Record{Clock: int64(commits), InputSeq: seen})
		require.NoError(t, err)
		commits++
		time.Sleep(50 * time.Millisecond)
	}
	require.NoError(t, <-restarts)
	require.Len(t, b.stored("ripen.out.>"), 3*commits, "each once")
	require.Len(t, b.restore(b.claim(0)), commits+2)
}
