package engine_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

const dayMillis = 86_400_000

// A producer that never heard the answer sends the same bytes again three days
// later, over a restart: accepted, scored once, decided once. Behind the
// horizon, when ids are forgotten, its age keeps it out, and the answer says so.
func TestRetry_ThreeDaysLaterScoresOnce(t *testing.T) {
	w, data := loadWorkflow(t, smallWorkflow), t.TempDir()
	start := time.Date(2026, 1, 10, 9, 0, 0, 0, time.UTC)
	var now atomic.Int64
	now.Store(start.UnixMilli())
	o := engine.Options{Workflow: w, Data: data, Partitions: 2, Tick: 10 * time.Millisecond, Now: now.Load}
	var heard atomic.Int64
	run := func() (*engine.Engine, *nats.Conn) {
		e := startEngine(t, o)
		nc := anonymous(t, e)
		_, err := nc.Subscribe("ripen.decisions.small.sales-handoff", func(*nats.Msg) { heard.Add(1) })
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		return e, nc
	}
	event := track("order-4711", "ann", "Demo Requested", start.Format(time.RFC3339))
	first, nc := run()
	require.Equal(t, 1, send(t, nc, event).Accepted)
	require.Eventually(t, func() bool { return heard.Load() == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, stopEngine(first))

	now.Add(3 * dayMillis)
	second, nc := run()
	time.Sleep(50 * time.Millisecond) // some ticks: the three days pass for the leads too
	a := send(t, nc, event)
	assert.Equal(t, ingest.Answer{Accepted: 1, Rejected: []ingest.Rejection{}}, a, "accepted means durable; that it was seen before is found where its lead is")
	behind := track("order-4712", "ben", "Guide Downloaded", time.UnixMilli(now.Load()).UTC().Format(time.RFC3339))
	require.Equal(t, 1, send(t, nc, behind).Accepted)
	require.Eventually(t, func() bool { return second.Committed() == 1 }, 10*time.Second, time.Millisecond, "only ben's event is new")

	now.Add(28 * dayMillis)
	a = send(t, nc, event)
	require.Zero(t, a.Accepted)
	require.Len(t, a.Rejected, 1)
	assert.Equal(t, lead.CodeTooOld, a.Rejected[0].Code)
	assert.Equal(t, "order-4711", a.Rejected[0].ID)
	assert.Contains(t, a.Rejected[0].Reason, "more than 30 days before its receipt")
	require.NoError(t, stopEngine(second))
	assert.EqualValues(t, 1, heard.Load(), "one hand-off")
	assert.Equal(t, []lead.Points{lead.FromPoints(100)}, awards(t, engine.Options{Workflow: w, Data: data}, "ann"))
}

// awards are what a lead's ledger lines gave when they were awarded.
func awards(t *testing.T, o engine.Options, who string) (list []lead.Points) {
	t.Helper()
	s, err := engine.Inspect(t.Context(), o)
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Look([]string{who}, s.Clock(), func(f *ledger.Frame) {
		for _, l := range f.Explain() {
			if l.Awarded > 0 {
				list = append(list, l.Awarded)
			}
		}
	}))
	return list
}

// An engine that cannot keep up says so; whoever follows the advice brings in
// everything, once.
func TestEngine_BehindIsAnAnswerAndPasses(t *testing.T) {
	e := startEngine(t, engine.Options{Workflow: loadWorkflow(t, smallWorkflow), Data: t.TempDir(), Partitions: 2, MaxLag: 20})
	const producers, each = 4, 400
	var refused atomic.Int64
	at := time.Now().UTC().Format(time.RFC3339)
	var all sync.WaitGroup
	for p := range producers {
		nc := anonymous(t, e)
		all.Go(func() {
			for i := 0; i < each; {
				body := ""
				for k := range 20 {
					body += track(fmt.Sprint(p, "-", i+k), fmt.Sprint("lead-", (i+k)%50), "Guide Downloaded", at) + "\n"
				}
				m, err := nc.Request("ripen.in", []byte(body), 10*time.Second)
				if !assert.NoError(t, err) {
					return
				}
				var a ingest.Answer
				if !assert.NoError(t, json.Unmarshal(m.Data, &a)) {
					return
				}
				if a.Error == nil {
					assert.Equal(t, 20, a.Accepted)
					i += 20
					continue
				}
				assert.Equal(t, ingest.CodeBehind, a.Error.Code, a.Error.Reason)
				refused.Add(1)
				time.Sleep(time.Duration(a.Error.RetryAfter) * time.Millisecond / 10)
			}
		})
	}
	all.Wait()
	require.Eventually(t, func() bool { return e.Committed() == producers*each }, 20*time.Second, 5*time.Millisecond)
	assert.Positive(t, refused.Load(), "the bound was met")
}
