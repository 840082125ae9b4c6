package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// inPartition invents a lead of partition p.
func inPartition(p, of int, name string) string {
	for i := 0; ; i++ {
		if who := fmt.Sprint(name, "-", i); lead.Partition(who, of) == p {
			return who
		}
	}
}

// ticks are the times of all ticks in the stream, ms.
func ticks(t *testing.T, nc *nats.Conn) (list []int64) {
	t.Helper()
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	j, err := journal.Open(t.Context(), js, journal.Config{ReadOnly: true})
	require.NoError(t, err)
	require.NoError(t, j.Scan(t.Context(), journal.EventsStream, []string{journal.ControlSubject}, 1, func(m journal.Message) error {
		c, err := journal.DecodeControl(m.Data)
		list = append(list, c.At)
		return err
	}))
	return list
}

// With several engines, stream time follows the newest event of the whole
// stream, whoever read it, and also when that engine is gone before the stream
// was still.
func TestClock_StreamTimeOfSeveralEngines(t *testing.T) {
	url, w := openServer(t), loadWorkflow(t, smallWorkflow)
	start := func() *engine.Engine {
		e, err := engine.New(t.Context(), engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream, Quiet: 700 * time.Millisecond})
		require.NoError(t, err)
		t.Cleanup(func() { _ = stopEngine(e) })
		return e
	}
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	engines := []*engine.Engine{start(), start()}
	ready(t, engines...)

	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var last time.Time
	put := func(p int) {
		t.Helper()
		at = at.Add(24 * time.Hour)
		last = at
		send(t, nc, track(fmt.Sprint("e", at.Unix()), inPartition(p, 4, "lead"), "Guide Downloaded", at.Format(time.RFC3339)))
	}
	reached := func() {
		t.Helper()
		require.Eventually(t, func() bool {
			list := ticks(t, nc)
			return len(list) > 0 && list[len(list)-1] == last.UnixMilli()
		}, 15*time.Second, 50*time.Millisecond, "time follows the newest event")
	}
	for p := range 4 {
		put(p)
		reached()
	}
	before := len(ticks(t, nc))

	// Events keep coming, each within the quiet time, to all partitions in turn:
	// time stands still although each engine has pauses.
	for i := range 8 {
		put(i % 4)
		time.Sleep(300 * time.Millisecond)
	}
	assert.Len(t, ticks(t, nc), before, "the stream is not still")
	reached()

	// The newest event is read by an engine that is gone at once.
	for _, e := range engines {
		mine := e.Partitions()
		committed := e.Committed()
		put(mine[len(mine)-1])
		require.Eventually(t, func() bool { return e.Committed() > committed }, 5*time.Second, time.Millisecond)
		e.Conn().Close()
		engines = append(engines, start())
		reached()
	}
}

// On the wall clock several engines write one tick an interval, not one each.
func TestClock_WallTicksAreShared(t *testing.T) {
	url, w := openServer(t), loadWorkflow(t, smallWorkflow)
	const every = 200 * time.Millisecond
	for range 3 {
		e, err := engine.New(t.Context(), engine.Options{Workflow: w, NATS: url, Tick: every})
		require.NoError(t, err)
		t.Cleanup(func() { _ = stopEngine(e) })
	}
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	require.Eventually(t, func() bool { return len(ticks(t, nc)) >= 8 }, 20*time.Second, 100*time.Millisecond)
	list := ticks(t, nc)
	for i, at := range list {
		assert.Zero(t, at%every.Milliseconds(), "at whole intervals")
		if i > 0 {
			assert.Greater(t, at, list[i-1], "each once")
		}
	}
}
