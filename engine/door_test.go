package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
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

// Producers that partition themselves publish to ripen.ev.<p>: one event, several,
// or a pack. What is wrong there is kept with its reason, and nothing behind it
// waits.
func TestDirect_GoodAndWrongMessages(t *testing.T) {
	const parts = 2
	e := startEngine(t, engine.Options{Workflow: loadWorkflow(t, smallWorkflow), Data: t.TempDir(), Partitions: parts})
	js, err := jetstream.New(anonymous(t, e))
	require.NoError(t, err)
	at := time.Now().UTC().Format(time.RFC3339)
	p := lead.Partition("ann", parts)
	publish := func(body []byte) {
		t.Helper()
		_, err := js.Publish(t.Context(), journal.EventSubject(p), body)
		require.NoError(t, err)
	}
	one := func(id string) []byte { return []byte(track(id, "ann", "Guide Downloaded", at)) }
	pack, err := intake.EncodePack(nil, []intake.Packed{{Raw: one("p1"), Received: time.Now().UnixMilli()}, {Raw: one("p2")}, {Raw: []byte("{")}})
	require.NoError(t, err)
	large, err := intake.EncodePack(nil, []intake.Packed{{Raw: append(one("p3"), bytes.Repeat([]byte(" "), 5000)...)}})
	require.NoError(t, err)

	publish(one("1"))
	publish(append(append(one("2"), '\n'), one("3")...))
	publish([]byte("[" + string(one("4")) + "]"))
	publish(pack)
	publish(pack) // twice: its events are known by then
	publish(nil)
	publish([]byte("garbage"))
	publish(pack[:len(pack)-2])
	publish(large[:len(large)/2])
	publish(append([]byte("RPK1\x09"), pack[5:]...))
	other := "bob"
	for i := 0; lead.Partition(other, parts) == p; i++ {
		other = fmt.Sprint("bob", i)
	}
	publish([]byte(track("5", other, "Guide Downloaded", at)))
	publish([]byte(track("6", "ann", "Guide Downloaded", "2020-01-01T00:00:00Z")))
	publish(large)
	require.Eventually(t, func() bool { return e.Committed() == 7 }, 10*time.Second, time.Millisecond, "all good ones: 1 to 4, p1 to p3")

	codes := map[string]int{}
	require.Eventually(t, func() bool {
		clear(codes)
		all, err := jetstream.New(e.Conn())
		require.NoError(t, err)
		s, err := all.Stream(t.Context(), journal.JournalStream)
		require.NoError(t, err)
		for seq := range s.CachedInfo().State.LastSeq {
			m, err := s.GetMsg(t.Context(), seq+1)
			if err != nil || m.Subject != journal.RejectedSubject(p) {
				continue
			}
			var r lead.Rejected
			require.NoError(t, json.Unmarshal(m.Data, &r))
			assert.NotEmpty(t, r.Reason)
			codes[r.Code]++
		}
		return codes[lead.CodeTooOld] == 1
	}, 10*time.Second, 10*time.Millisecond)
	assert.Equal(t, 3, codes[intake.CodePack], "cut, cut in the compressed part, of another version: %v", codes)
	assert.Equal(t, 1, codes["wrong-partition"])
	assert.Equal(t, 3, codes[intake.CodeNotObject]+codes[intake.CodeMalformed], "garbage, and the third event of the pack, twice: %v", codes)
}
