package engine_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
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

// On a server of one's own all works as on the embedded one; a second engine
// takes over, and the first one says so and ends.
func TestEngine_ExternalServer(t *testing.T) {
	url, w := openServer(t), loadWorkflow(t, smallWorkflow)
	first, err := engine.New(t.Context(), engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream})
	require.NoError(t, err)
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	sub, err := nc.SubscribeSync("ripen.decisions.small.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	send(t, nc, track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	m, err := sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	assert.Equal(t, "ann", decision(t, m).Lead)

	second, err := engine.New(t.Context(), engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream})
	require.NoError(t, err)
	defer func() { assert.NoError(t, stopEngine(second)) }()
	require.Eventually(t, func() bool { return second.Ready() == nil }, 10*time.Second, time.Millisecond)
	for _, id := range []string{"2", "3", "4", "5"} { // one lead for each partition and more
		send(t, nc, track(id, "lead-"+id, "Demo Requested", "2026-01-02T00:00:00Z"))
	}
	got := map[string]int{}
	for range 4 {
		m, err := sub.NextMsg(10 * time.Second)
		require.NoError(t, err)
		got[decision(t, m).Lead]++
	}
	assert.Equal(t, map[string]int{"lead-2": 1, "lead-3": 1, "lead-4": 1, "lead-5": 1}, got, "each decision once, whoever owned the partition")
	select {
	case <-first.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("an engine that lost its partitions goes on")
	}
	assert.ErrorIs(t, stopEngine(first), journal.ErrFenced)
}
