package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
)

// openServer is a NATS server that is not ours: JetStream, one account, no
// users.
func openServer(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true})
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	require.True(t, s.ReadyForConnections(10*time.Second))
	return s.ClientURL()
}

// running lists the partitions whose state this engine holds.
func running(e *engine.Engine) int { return len(e.Partitions()) }

// ready waits until the engines run all partitions, each its share.
func ready(t *testing.T, engines ...*engine.Engine) {
	t.Helper()
	require.Eventually(t, func() bool {
		seen := map[int]bool{}
		for _, e := range engines {
			list := e.Partitions()
			if e.Ready() != nil || len(list) < 4/len(engines) {
				return false
			}
			for _, n := range list {
				if seen[n] {
					return false
				}
				seen[n] = true
			}
		}
		return len(seen) == 4
	}, 20*time.Second, 2*time.Millisecond)
}

// On a server of one's own all works as on the embedded one, and several
// engines share the partitions: moved when one joins, drains or crashes.
func TestEngine_ExternalServerIsShared(t *testing.T) {
	url, w := openServer(t), loadWorkflow(t, smallWorkflow)
	start := func() *engine.Engine {
		e, err := engine.New(t.Context(), engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream})
		require.NoError(t, err)
		t.Cleanup(func() { _ = stopEngine(e) })
		return e
	}
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	sub, err := nc.SubscribeSync("ripen.decisions.small.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	round := 0
	everyPartition := func() {
		t.Helper()
		round++
		got, want := map[string]int{}, map[string]int{}
		for i := range 12 {
			who := fmt.Sprint("lead-", round, "-", i)
			want[who] = 1
			send(t, nc, track(fmt.Sprint(round, i), who, "Demo Requested", "2026-01-02T00:00:00Z"))
		}
		for range want {
			m, err := sub.NextMsg(10 * time.Second)
			require.NoError(t, err)
			got[decision(t, m).Lead]++
		}
		assert.Equal(t, want, got, "each decision once, whoever owns the partition")
	}

	first := start()
	ready(t, first)
	everyPartition()
	second := start()
	ready(t, first, second)
	everyPartition()

	began := time.Now()
	require.NoError(t, stopEngine(first))
	ready(t, second)
	t.Logf("after a drain the other engine runs all partitions within %s", time.Since(began).Round(time.Millisecond))
	assert.Less(t, time.Since(began), time.Second)
	everyPartition()

	third := start()
	ready(t, second, third)
	everyPartition()
	began = time.Now()
	third.Conn().Close() // gone without a word
	ready(t, second)
	t.Logf("after a crash the other engine runs all partitions within %s", time.Since(began).Round(time.Millisecond))
	assert.Less(t, time.Since(began), 10*time.Second)
	everyPartition()
	select {
	case <-second.Done():
		t.Fatalf("the engine ended: %v", second.Err())
	default:
	}
	assert.Empty(t, running(third))
}

// What engines tell each other is never more than a hint: without the bucket
// they hear each other all the same, and lies cost time only.
func TestEngine_HintsAreOnlyHints(t *testing.T) {
	url, w := openServer(t), loadWorkflow(t, smallWorkflow)
	start := func() *engine.Engine {
		e, err := engine.New(t.Context(), engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream})
		require.NoError(t, err)
		t.Cleanup(func() { _ = stopEngine(e) })
		return e
	}
	first := start()
	ready(t, first)
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	require.NoError(t, js.DeleteKeyValue(t.Context(), "RIPEN_OWNERS"))
	second := start()
	ready(t, first, second)

	for _, lie := range []string{"", "}", `{"id":"other"}`, `{"id":"liar","runs":{"-7":1,"99":1}}`,
		`{"id":"liar","beat":9,"runs":{"0":999999,"1":999999,"2":999999,"3":999999}}`} {
		require.NoError(t, nc.Publish("$KV.RIPEN_OWNERS.liar", []byte(lie)))
	}
	require.Eventually(t, func() bool { return running(first)+running(second) < 4 }, 5*time.Second, time.Millisecond, "the liar is believed")
	began := time.Now()
	ready(t, first, second)
	t.Logf("all partitions run again after %s", time.Since(began).Round(time.Millisecond))
	for _, e := range []*engine.Engine{first, second} {
		require.NoError(t, stopEngine(e))
	}
}

// What another claims is given up without a fuss, and claimed again after a
// while if nobody seems to run it. The engine goes on.
func TestEngine_FencedPartitionsAreGivenUpQuietly(t *testing.T) {
	url, w := openServer(t), loadWorkflow(t, smallWorkflow)
	e, err := engine.New(t.Context(), engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream})
	require.NoError(t, err)
	defer func() { assert.NoError(t, stopEngine(e)) }()
	ready(t, e)
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	j, err := journal.Open(t.Context(), js, journal.Config{})
	require.NoError(t, err)
	for p := range 4 { // somebody who gives no hints
		_, err := j.Claim(t.Context(), p)
		require.NoError(t, err)
	}
	sub, err := nc.SubscribeSync("ripen.decisions.small.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	want, got := map[string]int{}, map[string]int{}
	for p := range 4 {
		who := inPartition(p, 4, "lead")
		want[who] = 1
		send(t, nc, track(fmt.Sprint(p), who, "Demo Requested", "2026-01-02T00:00:00Z"))
	}
	for range want {
		m, err := sub.NextMsg(15 * time.Second)
		require.NoError(t, err)
		got[decision(t, m).Lead]++
	}
	assert.Equal(t, want, got, "the engine claimed again what nobody else runs, each decision once")
}
