package engine_test

import (
	"bytes"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
)

// said collects a log.
type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestTrust_TakenBackWhileAReleaseRuns is told in the log, in metrics, in what
// engines say of themselves and by the doctor; what runs goes on, and what is
// loaded already is not made live any more.
func TestTrust_TakenBackWhileAReleaseRuns(t *testing.T) {
	var revoked atomic.Bool
	asked := map[string]bool{}
	var mu sync.Mutex
	trust := func(p *registry.Plugin) error {
		mu.Lock()
		asked[p.Manifest.Name] = true
		mu.Unlock()
		if p.Manifest.Name == trapInC.name && revoked.Load() {
			return errors.New("plugin signed with a revoked key: 0123")
		}
		return nil
	}
	log := new(said)
	w, data := trapInC.load(t, trapInC.beside()), t.TempDir()
	e := startEngine(t, engine.Options{Workflow: w, Data: data, Clock: engine.ClockStream, HTTP: "127.0.0.1:0", Durability: natsd.Process, CacheDir: cacheDir(t),
		Trust: trust, TrustEvery: 20 * time.Millisecond, Logger: hclog.New(&hclog.LoggerOptions{Output: log})})
	require.Eventually(t, func() bool { return e.Ready() == nil }, 20*time.Second, 5*time.Millisecond)
	other := trapInC.load(t, trapInC.beside()+"# the same once more\n")
	require.NoError(t, e.Operator().Store().Put(t.Context(), other.Bundle, other.Modules()))
	require.NoError(t, prepare(e, other, 2), "it is loaded and stays on the shelf")
	doctor := func() (found []engine.Finding) {
		for _, f := range engine.Doctor(t.Context(), engine.Options{Data: data}, nil) {
			if f.Check == "plugins" {
				found = append(found, f)
			}
		}
		return found
	}
	require.Equal(t, engine.Well, doctor()[0].Health)
	all, _ := scrape(t, e)
	require.NotContains(t, all, "ripen_plugin_distrusted")

	revoked.Store(true)
	require.Eventually(t, func() bool {
		all, _ := scrape(t, e)
		return sum(all["ripen_plugin_distrusted"], "workflow", "drain", "release", "1", "plugin", trapInC.name) == 1
	}, 10*time.Second, 5*time.Millisecond)
	assert.Regexp(t, `\[WARN\].*running release has a plugin that would be refused.*release=1 plugin=quote-trap version=1.0.0 reason="plugin signed with a revoked key: 0123"`, log.String())
	now, _, err := release.Statuses(t.Context(), e.Conn())
	require.NoError(t, err)
	for i := range now {
		require.Equal(t, []release.Doubt{{Workflow: "drain", Release: 1, Plugin: "quote-trap", Version: "1.0.0", Digest: now[i].Doubts[0].Digest, Why: "plugin signed with a revoked key: 0123"}}, now[i].Doubts)
	}
	require.NotEmpty(t, now)
	found := doctor()
	require.Len(t, found, 1)
	assert.Equal(t, engine.Warning, found[0].Health)
	assert.Equal(t, `release 1 of workflow "drain" has a plugin that is not trusted: plugin signed with a revoked key: 0123`, found[0].Text)
	assert.ErrorContains(t, prepare(e, other, 2), "revoked key", "although it is loaded")
	send(t, anonymous(t, e), track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	require.Eventually(t, func() bool { return e.Committed() == 1 }, 10*time.Second, time.Millisecond, "it goes on")
	assert.Equal(t, 1, bytes.Count([]byte(log.String()), []byte("would be refused")), "said once")

	revoked.Store(false)
	require.Eventually(t, func() bool { return bytes.Contains([]byte(log.String()), []byte("trusted again")) }, 10*time.Second, 5*time.Millisecond)
	require.NoError(t, prepare(e, other, 2))
	require.NoError(t, stopEngine(e))

	// Nobody runs: the doctor asks its own configuration.
	revoked.Store(true)
	for _, f := range engine.Doctor(t.Context(), engine.Options{Data: data, Trust: trust}, nil) {
		if f.Check == "plugins" {
			assert.Equal(t, engine.Warning, f.Health, f.Text)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	assert.True(t, asked["decay"] && asked[trapInC.name], "of all plugins")
}
