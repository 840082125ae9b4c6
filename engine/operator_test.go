package engine_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
)

// On a server of one's own the operator's tools work as on a data folder, and
// what was backed up there becomes a node with its server inside.
func TestOperator_ExternalServer(t *testing.T) {
	url, w := openServer(t), loadWorkflow(t, smallWorkflow)
	e := startEngine(t, engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream, Partitions: 2})
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	require.Eventually(t, func() bool { return e.Ready() == nil }, 20*time.Second, 10*time.Millisecond)
	send(t, nc, track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	send(t, nc, `{"type":"track","messageId":"2","userId":"cid","event":"Score Adjusted","timestamp":"2026-01-01T00:00:00Z","properties":{"score":"none"}}`)
	require.Eventually(t, func() bool { return e.Committed() == 2 }, 20*time.Second, 10*time.Millisecond)

	o := engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream}
	r, err := engine.Verify(t.Context(), o, engine.VerifyOptions{})
	require.NoError(t, err)
	assert.Empty(t, texts(r))
	for _, f := range engine.Doctor(t.Context(), o, nil) {
		assert.Equal(t, engine.Well, f.Health, "%s: %s", f.Check, f.Text)
	}

	l, err := engine.OpenRejected(t.Context(), o)
	require.NoError(t, err)
	defer l.Close()
	list, err := l.List(t.Context(), engine.RejectedFilter{})
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Equal(t, "bad-adjustment", list[0].Code)
	assert.Equal(t, w.Model.Policy.Release, list[0].Release)
	again, err := l.Redrive(t.Context(), &list[0], 0, nil)
	require.NoError(t, err)
	assert.Equal(t, "redrive of 2 for small, attempt 1", again.Event)
	twice, err := l.Redrive(t.Context(), &list[0], 1, nil)
	require.NoError(t, err)
	assert.True(t, twice.Twice, "the server knows the attempt")
	require.Eventually(t, func() bool {
		list, err = l.List(t.Context(), engine.RejectedFilter{})
		return err == nil && len(list) == 2
	}, 20*time.Second, 50*time.Millisecond, "it is refused again, and kept again")
	assert.EqualValues(t, 1, list[0].Redriven)

	dir, to := filepath.Join(t.TempDir(), "backup"), filepath.Join(t.TempDir(), "node")
	_, err = engine.BackUp(t.Context(), o, dir, nil)
	require.NoError(t, err)
	_, err = engine.Restore(t.Context(), engine.Options{Data: to}, dir, nil)
	require.NoError(t, err)
	assert.Empty(t, texts(verify(t, w, to)))
}

// An attempt is scored once, also when the server has long forgotten it: the
// partition knows its id.
func TestRedrive_CountsOnce(t *testing.T) {
	w, data := loadWorkflow(t, smallWorkflow), t.TempDir()
	e := startEngine(t, engine.Options{Workflow: w, Data: data})
	nc := anonymous(t, e)
	send(t, nc, track("now", "ben", "Guide Downloaded", time.Now().UTC().Format(time.RFC3339Nano)))
	old := track("old", "ann", "Guide Downloaded", "2020-01-01T00:00:00Z")
	send(t, nc, old)
	require.Eventually(t, func() bool { return e.Committed() == 1 }, 20*time.Second, time.Millisecond)
	l, err := engine.OpenRejected(t.Context(), engine.Options{Data: data})
	require.NoError(t, err)
	defer l.Close()
	list, err := l.List(t.Context(), engine.RejectedFilter{Code: "too-old", Open: true})
	require.NoError(t, err)
	require.Len(t, list, 1)
	d, err := l.Redrive(t.Context(), &list[0], 0, nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return e.Committed() == 2 }, 20*time.Second, time.Millisecond, "it passes the horizon")

	// The same attempt through another door, with another message id.
	send(t, nc, old[:len(old)-1]+`,"redrive":{"workflow":"small","attempt":1}}`)
	send(t, nc, track("more", "ann", "Guide Downloaded", time.Now().UTC().Format(time.RFC3339Nano)))
	require.Eventually(t, func() bool { return e.Committed() == 3 }, 20*time.Second, time.Millisecond)
	_, err = l.Redrive(t.Context(), &list[0], 2, nil)
	require.NoError(t, err)
	send(t, nc, track("most", "ann", "Guide Downloaded", time.Now().UTC().Format(time.RFC3339Nano)))
	require.Eventually(t, func() bool { return e.Committed() == 4 }, 20*time.Second, time.Millisecond, "a further attempt at what counts already changes nothing")
	list, err = l.List(t.Context(), engine.RejectedFilter{Open: true})
	require.NoError(t, err)
	assert.Empty(t, list)
	assert.EqualValues(t, 1, d.Attempt)
	require.NoError(t, stopEngine(e))
	r, err := engine.Verify(t.Context(), engine.Options{Workflow: w, Data: data}, engine.VerifyOptions{})
	require.NoError(t, err)
	assert.Empty(t, texts(r))
}

// The doctor says what is wrong with streams, and never waits for what is not
// there; nor does the work list.
func TestDoctor_HarmedStreams(t *testing.T) {
	url, w := openServer(t), loadWorkflow(t, smallWorkflow)
	o := engine.Options{Workflow: w, NATS: url, Clock: engine.ClockStream, Partitions: 2}
	e := startEngine(t, o)
	nc, err := nats.Connect(url)
	require.NoError(t, err)
	defer nc.Close()
	send(t, nc, track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	send(t, nc, track("2", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	send(t, nc, track("3", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	require.Eventually(t, func() bool { return e.Committed() == 3 }, 20*time.Second, 10*time.Millisecond)
	require.NoError(t, stopEngine(e))
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	finding := func(check string) engine.Finding {
		for _, f := range engine.Doctor(t.Context(), o, nil) {
			if f.Check == check {
				return f
			}
		}
		return engine.Finding{}
	}
	assert.Equal(t, "all 4 messages can be read", finding("RIPEN_EVENTS contents").Text)
	events, err := js.Stream(t.Context(), "RIPEN_EVENTS")
	require.NoError(t, err)
	require.NoError(t, events.DeleteMsg(t.Context(), 2))
	f := finding("RIPEN_EVENTS contents")
	assert.Equal(t, engine.Warning, f.Health)
	assert.Equal(t, "1 messages are missing inside the stream", f.Text)

	require.NoError(t, js.DeleteStream(t.Context(), "RIPEN_JOURNAL"))
	began := time.Now()
	f = finding("server")
	assert.Equal(t, engine.Failing, f.Health)
	assert.Contains(t, f.Text, "RIPEN_EVENTS is there and RIPEN_JOURNAL is not")
	_, err = engine.Inspect(t.Context(), o)
	require.ErrorContains(t, err, "RIPEN_EVENTS is there and RIPEN_JOURNAL is not")
	assert.Less(t, time.Since(began), 10*time.Second)
}
