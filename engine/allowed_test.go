package engine_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
)

func TestInspect_TheServerInsideAnEngineSaysNoAtOnce(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	e := startEngine(t, engine.Options{Workflow: w, Data: t.TempDir(), Clock: engine.ClockStream})
	began := time.Now()
	_, err := engine.Inspect(t.Context(), engine.Options{Workflow: w, NATS: e.URL()})
	require.ErrorIs(t, err, engine.ErrNotAllowed)
	assert.Less(t, time.Since(began), 2*time.Second, "it does not wait for an answer that never comes")
	assert.ErrorContains(t, err, `"$JS.API.STREAM.INFO.RIPEN_EVENTS"`)
	assert.ErrorContains(t, err, "name its folder with --data")

	_, err = engine.New(t.Context(), engine.Options{Workflow: w, NATS: e.URL()})
	require.ErrorIs(t, err, engine.ErrNotAllowed)
}

// Whatever a server of somebody else's keeps from us is told, too.
func TestInspect_AnExternalServerThatForbidsSomething(t *testing.T) {
	w := loadWorkflow(t, smallWorkflow)
	url := externalServer(t)
	e := startEngine(t, engine.Options{Workflow: w, NATS: url, NATSOptions: []nats.Option{nats.UserInfo("ripen", "x")}, Clock: engine.ClockStream})
	send(t, e.Conn(), track("1", "ann", "Demo Requested", "2026-01-01T00:00:00Z"))
	require.Eventually(t, func() bool { return e.Committed() == 1 }, 10*time.Second, 10*time.Millisecond)

	s, err := engine.Inspect(t.Context(), engine.Options{Workflow: w, NATS: url, NATSOptions: []nats.Option{nats.UserInfo("ripen", "x")}})
	require.NoError(t, err)
	assert.Equal(t, []string{"ann"}, s.Leads(), "beside the running engine")
	s.Close()
	for user, what := range map[string]string{
		"blind":   `"$JS.API.STREAM.INFO.RIPEN_EVENTS"`,
		"curious": `"$JS.API.`, // it may look at streams, not into them
	} {
		began := time.Now()
		_, err := engine.Inspect(t.Context(), engine.Options{Workflow: w, NATS: url, NATSOptions: []nats.Option{nats.UserInfo(user, "x")}})
		require.ErrorIs(t, err, engine.ErrNotAllowed, user)
		assert.Less(t, time.Since(began), 2*time.Second, user)
		assert.ErrorContains(t, err, what, user)
		assert.ErrorContains(t, err, "log in as a user who may", user)
	}
}

// externalServer has three users: ripen may do all, blind nothing of use, and
// curious may look at the streams' state.
func externalServer(t *testing.T) (url string) {
	t.Helper()
	so := &server.Options{}
	require.NoError(t, so.ProcessConfigString(`
		authorization { users = [
			{user: ripen, password: x}
			{user: blind, password: x, permissions: {publish: "ripen.in"}}
			{user: curious, password: x, permissions: {publish: ["$JS.API.INFO", "$JS.API.STREAM.INFO.*"]}}
		] }`))
	so.Host, so.Port, so.NoSigs, so.JetStream, so.StoreDir = "127.0.0.1", -1, true, true, t.TempDir()
	s, err := server.NewServer(so)
	require.NoError(t, err)
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(t, s.ReadyForConnections(10*time.Second))
	return s.ClientURL()
}
