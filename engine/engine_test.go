package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

const smallWorkflow = `
workflow "small" { display = "{recent} {recent.top}" }

step "behavior-points" "recent" {
  about = "Last 60 days"
  floor = 0
  class "asked"   { events = { "Demo Requested" = 100 } }
  class "product" {
    events = { "Guide Downloaded" = 15 }
    pages  = { "/product/*" = 10 }
  }
}

step "decay" "sixty" {
  of     = "recent"
  curve  = "linear"
  window = "60d"
}

route "sales-handoff" "asked" { when = pending("asked") }
route "sales-handoff" "warm" {
  when = recent >= 25
  say  = "Ask about {recent.product.last}"
}
route "investigate" "lost" { when = idle("60d") && peak(recent, "120d") >= 20 }
route "nurture" "rest" { default = true }
`

// cacheDir keeps compiled plugins between test runs: a std-Go module takes
// seconds to compile.
func cacheDir(t testing.TB) string {
	dir, err := filepath.Abs(filepath.Join("..", "build", "plugin-cache"))
	require.NoError(t, err)
	return dir
}

func loadWorkflow(t testing.TB, src string) *engine.Workflow {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "workflow.hcl"), []byte(src), 0o600))
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: cacheDir(t)})
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), "%s", diags)
	t.Cleanup(w.Close)
	return w
}

func startEngine(t testing.TB, o engine.Options) *engine.Engine {
	t.Helper()
	o.Port = -1
	e, err := engine.New(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = stopEngine(e) })
	return e
}

func stopEngine(e *engine.Engine) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return e.Stop(ctx)
}

// anonymous is any client of the loopback listener.
func anonymous(t testing.TB, e *engine.Engine) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(e.URL())
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func send(t testing.TB, nc *nats.Conn, body string) ingest.Answer {
	t.Helper()
	msg, err := nc.Request("ripen.in", []byte(body), 10*time.Second)
	require.NoError(t, err)
	var a ingest.Answer
	require.NoError(t, json.Unmarshal(msg.Data, &a))
	require.Nil(t, a.Error, "%s", msg.Data)
	return a
}

func decision(t testing.TB, m *nats.Msg) lead.Decision {
	t.Helper()
	var d lead.Decision
	require.NoError(t, json.Unmarshal(m.Data, &d))
	assert.Equal(t, d.ID, m.Header.Get("ce-id"))
	assert.Equal(t, "dev.ripen.decision."+d.Action, m.Header.Get("ce-type"))
	return d
}

func track(id, who, name, at string) string {
	return fmt.Sprintf(`{"type":"track","messageId":%q,"userId":%q,"event":%q,"timestamp":%q}`, id, who, name, at)
}

func tick(at string) string { return fmt.Sprintf(`{"type":"tick","timestamp":%q}`, at) }

func TestEngine_RequestBecomesDecisionAtASubscriber(t *testing.T) {
	e := startEngine(t, engine.Options{Workflow: loadWorkflow(t, smallWorkflow), Data: t.TempDir(), Clock: engine.ClockStream})
	nc := anonymous(t, e)
	sub, err := nc.SubscribeSync("ripen.decisions.small.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())

	a := send(t, nc, track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	assert.Equal(t, 1, a.Accepted)
	m, err := sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	d := decision(t, m)
	assert.Equal(t, "sales-handoff", d.Action)
	assert.Equal(t, "ann", d.Lead)
	assert.Equal(t, "100 asked", d.Display)
	var sum lead.Points
	for _, l := range d.Lines {
		if l.Score == "recent" {
			sum += l.Remaining
		}
	}
	assert.Equal(t, d.Scores[0].Milli, sum, "the lines add up")

	// The same event again changes nothing.
	send(t, nc, track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	send(t, nc, tick("2026-01-02T00:00:00Z"))
	_, err = sub.NextMsg(300 * time.Millisecond)
	assert.ErrorIs(t, err, nats.ErrTimeout)
}

func TestEngine_TimePassesWithTicksAndSurvivesARestart(t *testing.T) {
	w, data := loadWorkflow(t, smallWorkflow), t.TempDir()
	first := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream})
	nc := anonymous(t, first)
	send(t, nc, track("1", "ben", "Guide Downloaded", "2026-01-01T10:00:00Z")+"\n"+track("2", "ben", "Guide Downloaded", "2026-01-01T11:00:00Z"))
	require.NoError(t, stopEngine(first))

	second := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream})
	nc = anonymous(t, second)
	sub, err := nc.SubscribeSync("ripen.decisions.small.investigate")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	send(t, nc, tick("2026-03-15T00:00:00Z"))
	m, err := sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	d := decision(t, m)
	assert.Equal(t, "ben", d.Lead)
	assert.Equal(t, "timer", d.Cause.Kind)
	want, _ := time.Parse(time.RFC3339, "2026-03-02T11:00:00Z") // 60 days after the last activity
	assert.Equal(t, want.UnixMilli(), d.Cause.At, "the timer's own due time, not the tick's")
}

func TestEngine_TwoInOneProcess(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	for range 2 {
		e := startEngine(t, engine.Options{Workflow: w, Data: t.TempDir(), Clock: engine.ClockStream})
		nc := anonymous(t, e)
		sub, err := nc.SubscribeSync("ripen.decisions.>")
		require.NoError(t, err)
		require.NoError(t, nc.Flush())
		send(t, nc, track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
		_, err = sub.NextMsg(10 * time.Second)
		require.NoError(t, err)
	}
}

// On the wall clock, events older than the dedupe horizon are refused unless
// they are history, which is scored and publishes nothing: neither for its
// events nor for the time that has passed since.
func TestEngine_BackfillScoresHistoryInSilence(t *testing.T) {
	w, data := loadWorkflow(t, smallWorkflow), t.TempDir()
	e := startEngine(t, engine.Options{Workflow: w, Data: data, Tick: 50 * time.Millisecond})
	nc := anonymous(t, e)
	sub, err := nc.SubscribeSync("ripen.decisions.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	old := func(id, who string, backfill bool) string {
		return fmt.Sprintf(`{"type":"track","messageId":%q,"userId":%q,"event":"Demo Requested","timestamp":"2020-01-01T00:00:00Z","backfill":%t}`, id, who, backfill)
	}
	send(t, nc, old("1", "ann", true))
	send(t, nc, old("2", "ben", false))
	time.Sleep(200 * time.Millisecond) // some ticks: years pass for ann, in silence
	now := time.Now().UTC().Format(time.RFC3339Nano)
	send(t, nc, track("3", "ann", "Guide Downloaded", now)+"\n"+track("4", "cid", "Demo Requested", now))
	m, err := sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	assert.Equal(t, "cid", decision(t, m).Lead, "the first decision that anybody hears of")
	require.Eventually(t, func() bool { return e.Committed() == 3 }, 10*time.Second, time.Millisecond)
	require.NoError(t, stopEngine(e))

	s, err := engine.Inspect(t.Context(), engine.Options{Workflow: w, Data: data})
	require.NoError(t, err)
	defer s.Close()
	leads := s.Leads()
	assert.ElementsMatch(t, []string{"ann", "cid"}, leads, "ben's event is too old and no history")
	require.NoError(t, s.Look([]string{"ann"}, s.Clock(), func(f *ledger.Frame) {
		lines := f.Explain()
		require.Len(t, lines, 2)
		assert.Equal(t, lead.FromPoints(100), lines[1].Awarded, "the history counts")
		assert.Zero(t, lines[1].Remaining, "and is long decayed")
	}))
}

func TestEngine_AnotherWorkflowsDataIsRefused(t *testing.T) {
	data := t.TempDir()
	e := startEngine(t, engine.Options{Workflow: loadWorkflow(t, smallWorkflow), Data: data, Clock: engine.ClockStream, Partitions: 1})
	send(t, anonymous(t, e), track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	require.Eventually(t, func() bool { return e.Committed() == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, stopEngine(e))
	other := loadWorkflow(t, strings.Replace(smallWorkflow, `"small"`, `"other"`, 1))
	_, err := engine.Inspect(t.Context(), engine.Options{Workflow: other, Data: data})
	assert.ErrorContains(t, err, `found "small", the workflow given is "other"`)
	_, err = engine.New(t.Context(), engine.Options{Workflow: other, Data: data, Port: -1, Clock: engine.ClockStream, Partitions: 1})
	assert.ErrorContains(t, err, `found "small", this engine was given "other"`)
	assert.ErrorContains(t, err, "ripen apply")
}

// What the folder says matters for the first start only: from then on the
// release that is live in the streams goes on.
func TestEngine_TheLiveReleaseGoesOnWhateverTheFolderSays(t *testing.T) {
	data, log := t.TempDir(), &strings.Builder{}
	first := loadWorkflow(t, smallWorkflow)
	changed := loadWorkflow(t, strings.Replace(smallWorkflow, `"Demo Requested" = 100`, `"Demo Requested" = 90`, 1))
	require.NotEqual(t, first.Model.Digest, changed.Model.Digest)
	e := startEngine(t, engine.Options{Workflow: first, Data: data, Clock: engine.ClockStream, Partitions: 1})
	send(t, anonymous(t, e), track("1", "ann", "Guide Downloaded", "2026-01-01T00:00:00Z"))
	require.Eventually(t, func() bool { return e.Committed() == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, stopEngine(e))

	e = startEngine(t, engine.Options{Workflow: changed, Releases: engine.Given(first), Data: data, Clock: engine.ClockStream, Partitions: 1,
		Logger: hclog.New(&hclog.LoggerOptions{Output: log})})
	nc := anonymous(t, e)
	sub, err := nc.SubscribeSync("ripen.decisions.>")
	require.NoError(t, err)
	require.NoError(t, nc.Flush())
	send(t, nc, track("2", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	m, err := sub.NextMsg(10 * time.Second)
	require.NoError(t, err)
	assert.Equal(t, first.Model.Policy.Release, decision(t, m).Release)
	require.NoError(t, stopEngine(e))
	assert.Equal(t, 1, strings.Count(log.String(), "ripen apply"))
}
