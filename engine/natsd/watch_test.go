package natsd

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// A restart, however long, and streams that come and go are no silence.
func TestWatch_ARestartIsNoSilence(t *testing.T) {
	s := start(t, Options{Silence: 1200 * time.Millisecond})
	_, js := connect(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan error, 1)
	go func() { watched <- s.Watch(ctx) }()
	for range 4 {
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "X", Subjects: []string{"x"}})
		require.NoError(t, err)
		time.Sleep(150 * time.Millisecond)
		require.NoError(t, js.DeleteStream(ctx, "X"))
		require.NoError(t, s.Restart())
		require.Eventually(t, func() bool {
			_, err := js.AccountInfo(ctx)
			return err == nil
		}, 10*time.Second, 10*time.Millisecond)
	}
	s.life.Add(1) // as a restart does that takes longer than the silence
	s.mu.Lock()
	s.srv.Shutdown()
	time.Sleep(2 * time.Second)
	require.NoError(t, s.boot())
	s.mu.Unlock()
	s.life.Add(1)
	time.Sleep(300 * time.Millisecond)
	cancel()
	require.NoError(t, <-watched)
}
