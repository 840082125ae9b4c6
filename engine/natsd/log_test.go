package natsd

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lines is a log that is kept.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: "ripen.nats", Output: l, DisableTime: true})
}

func TestLog_AClientCannotFillIt(t *testing.T) {
	var log lines
	h := newHouse(t, Options{Logger: log.logger()})
	nc, refused := h.client(t)
	for range 50 {
		require.NoError(t, nc.Publish("ripen.ctl", nil))
		_, err := nc.SubscribeSync("ripen.j.*")
		require.NoError(t, err)
	}
	require.NoError(t, nc.Flush())
	require.Eventually(t, func() bool { return len(refused()) == 100 }, 10*time.Second, 5*time.Millisecond)
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "left out for a while") }, 10*time.Second, 5*time.Millisecond)
	said := log.String()
	assert.Equal(t, clientLines, strings.Count(said, "Violation"), said)
	assert.NotContains(t, said, "[ERROR]")
	assert.Contains(t, said, "[WARN]  ripen.nats: 127.0.0.1:")
}

func TestLog_LevelsAndThinning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log lines
		l := newServerLog(log.logger())
		for range 2 * clientLines {
			l.Errorf("127.0.0.1:40312 - cid:7 - Publish Violation - Subject %q", "x")
			l.Warnf("%s - Slow", "[::1]:9 - wid:8")
		}
		l.Errorf("JetStream out of resources")
		l.Warnf("disk is slow")
		time.Sleep(clientPeriod)
		l.Errorf("10.0.0.1:1 - cid:9 - maximum payload exceeded %s", strings.Repeat("x", 1<<20))
		long := ("10.0.0.1:1 - cid:9 - maximum payload exceeded " + strings.Repeat("x", clientText))[:clientText]
		want := strings.Repeat("[WARN]  ripen.nats: 127.0.0.1:40312 - cid:7 - Publish Violation - Subject \"x\"\n[WARN]  ripen.nats: [::1]:9 - wid:8 - Slow\n", clientLines/2)
		want = strings.TrimSuffix(want, "\n") + ": note=\"further lines about clients are left out for a while\"\n" +
			"[ERROR] ripen.nats: JetStream out of resources\n[WARN]  ripen.nats: disk is slow\n" +
			"[WARN]  ripen.nats: " + long + "…: left_out_before=30\n"
		assert.Equal(t, want, log.String())
	})
}
