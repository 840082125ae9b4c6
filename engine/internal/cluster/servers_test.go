package cluster

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/natscluster"
)

// servers are three NATS servers that form a JetStream cluster, in this
// process.
type servers struct{ urls string }

func startServers(t *testing.T) *servers {
	t.Helper()
	var urls []string
	for _, one := range natscluster.Start(t) {
		urls = append(urls, one.ClientURL())
	}
	return &servers{strings.Join(urls, ",")}
}

func (s *servers) connect(t *testing.T) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(s.urls, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc
}

// stepDown makes the leader of each stream step down every second, and counts.
func stepDown(ctx context.Context, nc *nats.Conn) *atomic.Int64 {
	n := new(atomic.Int64)
	go func() {
		every := time.NewTicker(time.Second)
		defer every.Stop()
		for ctx.Err() == nil {
			for _, stream := range []string{"RIPEN_EVENTS", "RIPEN_JOURNAL", "KV_RIPEN_OWNERS"} {
				if m, err := nc.Request("$JS.API.STREAM.LEADER.STEPDOWN."+stream, nil, 500*time.Millisecond); err == nil && strings.Contains(string(m.Data), `"success":true`) {
					n.Add(1)
				}
			}
			<-every.C
		}
	}()
	return n
}
