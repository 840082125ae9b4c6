package engine_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
)

func scrape(t *testing.T, e *engine.Engine) (map[string]*dto.MetricFamily, []byte) {
	t.Helper()
	resp, err := http.Get("http://" + e.HTTPAddr().String() + "/metrics")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	p := expfmt.NewTextParser(model.UTF8Validation)
	all, err := p.TextToMetricFamilies(bytes.NewReader(body))
	require.NoError(t, err)
	return all, body
}

// sum adds up the metrics of a family whose labels are as given.
func sum(f *dto.MetricFamily, labels ...string) (total float64) {
	for _, m := range f.GetMetric() {
		fits := true
		for i := 0; i < len(labels); i += 2 {
			has := false
			for _, l := range m.GetLabel() {
				has = has || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
			}
			fits = fits && has
		}
		if fits {
			total += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return total
}

func TestMetrics_TellWhatTheEngineDoes(t *testing.T) {
	e := startEngine(t, engine.Options{Workflow: loadWorkflow(t, smallWorkflow), Data: t.TempDir(), Clock: engine.ClockStream, HTTP: "127.0.0.1:0"})
	nc := anonymous(t, e)
	send(t, nc, track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z")+"\n"+track("2", "ben", "Guide Downloaded", "2026-01-01T00:00:00Z"))
	send(t, nc, track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	send(t, nc, `{"type":"track","messageId":"3","userId":"cid","event":"Score Adjusted","timestamp":"2026-01-01T00:00:00Z","properties":{"score":"none"}}`)
	send(t, nc, tick("2026-01-02T00:00:00Z"))
	require.Eventually(t, func() bool { return e.Committed() == 3 }, 10*time.Second, time.Millisecond)

	var all map[string]*dto.MetricFamily
	var body []byte
	require.Eventually(t, func() bool {
		all, body = scrape(t, e)
		return sum(all["ripen_tick_timestamp_seconds"]) == 4*1767312000 && sum(all["ripen_commits_total"]) == sum(all["ripen_commit_duration_seconds"])
	}, 10*time.Second, 50*time.Millisecond)
	for name, want := range map[string]float64{
		"ripen_events_total": 3, "ripen_events_committed_total": 3, "ripen_duplicate_events_total": 1, "ripen_rejected_events_total": 1,
		"ripen_decisions_total": 2, "ripen_partition_owned": 4, "ripen_partition_ready": 4, "ripen_partition_epoch": 4, "ripen_partition_lag_messages": 0,
		"ripen_partition_lag_seconds": 0, "ripen_leads_hot": 2, "ripen_build_info": 1, "ripen_release_info": 1,
	} {
		require.Contains(t, all, name)
		assert.Equal(t, want, sum(all[name]), name)
	}
	assert.Equal(t, 1.0, sum(all["ripen_rejected_events_total"], "code", "bad-adjustment"))
	assert.Positive(t, sum(all["ripen_commit_duration_seconds"]))
	assert.Positive(t, sum(all["ripen_store_bytes"]))
	assert.Positive(t, sum(all["ripen_plugin_fuel_total"], "plugin", "behavior-points"))
	assert.Contains(t, all, "ripen_plugin_traps_total")
	assert.Positive(t, sum(all["ripen_timers"]))
	assert.Positive(t, sum(all["ripen_stream_messages"], "stream", "RIPEN_EVENTS"))
	assert.Positive(t, sum(all["ripen_disk_free_bytes"]))
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		assert.Contains(t, all, name)
	}
	problems, err := promlint.New(bytes.NewReader(body)).Lint()
	require.NoError(t, err)
	assert.Empty(t, problems)
}

// What each release does is told while it runs, and no longer.
func TestMetrics_OfReleases(t *testing.T) {
	s := newStage(t, engine.Options{Partitions: 2, HTTP: "127.0.0.1:0"}, 25, 15)
	s.downloads(0, 8, "2026-01-01T00:00:00Z")
	id := s.order(lineage.Order{Op: lineage.Start, Release: s.release(2), Origin: lineage.FromHistory})
	s.downloads(8, 10, "2026-01-02T00:00:00Z")
	all, _ := scrape(t, s.e)
	assert.Equal(t, 1.0, sum(all["ripen_release_info"], "release", "1", "role", "live"))
	assert.Equal(t, 1.0, sum(all["ripen_release_info"], "release", "2", "role", "shadow", "model", s.works[1].Model.Policy.Release))
	assert.Equal(t, 10.0, sum(all["ripen_release_events_total"], "workflow", "small", "release", "1"))
	assert.Equal(t, 10.0, sum(all["ripen_release_events_total"], "workflow", "small", "release", "2"), "the history, and what came since")
	assert.Equal(t, sum(all["ripen_decisions_total"]), sum(all["ripen_release_decisions_total"], "release", "1"))
	assert.Zero(t, sum(all["ripen_release_decisions_total"], "release", "2"), "a shadow publishes none")

	s.order(lineage.Order{Op: lineage.Switch, Lineage: id, OnRelease: lineage.Fire})
	send(t, s.nc, `{"type":"track","messageId":"bad","userId":"cid","event":"Score Adjusted","timestamp":"2026-01-02T00:00:00Z","properties":{"score":"none"}}`)
	s.downloads(10, 11, "2026-01-02T01:00:00Z")
	before := all
	require.Eventually(t, func() bool {
		all, _ = scrape(t, s.e)
		return sum(all["ripen_release_rejected_events_total"], "release", "2") == 1
	}, 10*time.Second, 20*time.Millisecond)
	assert.Equal(t, sum(all["ripen_decisions_total"])-sum(before["ripen_decisions_total"]), sum(all["ripen_release_decisions_total"], "release", "2"))
	assert.GreaterOrEqual(t, sum(all["ripen_release_decisions_total"], "release", "2"), 10.0, "of the switch, and since")
	assert.Positive(t, sum(all["ripen_plugin_fuel_total"], "workflow", "small", "release", "2", "plugin", "behavior-points"))
	for name, f := range all {
		assert.Zero(t, sum(f, "release", "1"), "%s: it runs no more", name)
	}
}

// The README's table and the metrics are the same.
func TestMetrics_AreInTheREADME(t *testing.T) {
	w, data := loadWorkflow(t, smallWorkflow), t.TempDir()
	e := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream})
	send(t, anonymous(t, e), track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	require.Eventually(t, func() bool { return e.Committed() == 1 }, 10*time.Second, time.Millisecond)
	require.NoError(t, stopEngine(e))
	require.NoError(t, engine.SnapshotAndPurge(t.Context(), engine.Options{Data: data}))
	e = startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, HTTP: "127.0.0.1:0", MaxBytes: 1 << 30})
	send(t, anonymous(t, e), `{"type":"track","messageId":"3","userId":"cid","event":"Score Adjusted","timestamp":"2026-01-01T00:00:00Z","properties":{"score":"none"}}`)
	require.Eventually(t, func() bool { return e.Committed() == 1 && e.Ready() == nil }, 10*time.Second, time.Millisecond)
	all, _ := scrape(t, e)
	assert.InDelta(t, time.Now().Unix(), all["ripen_snapshot_timestamp_seconds"].GetMetric()[0].GetGauge().GetValue(), 60)
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, m := range regexp.MustCompile("`(ripen_[a-z_]+)(\\{[a-z,]+\\})?`").FindAllSubmatch(text, -1) {
		listed[string(m[1])] = true
	}
	for name := range all {
		if strings.HasPrefix(name, "ripen_") {
			assert.True(t, listed[name], "%s is not in the README", name)
		}
	}
	delete(listed, "ripen_plugin_distrusted") // told only where there is one, see trusted_test.go
	for name := range listed {
		assert.True(t, all[name] != nil, "%s is in the README", name)
	}
}
