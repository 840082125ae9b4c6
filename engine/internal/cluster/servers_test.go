package cluster

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// servers are three NATS servers that form a JetStream cluster, in this
// process.
type servers struct {
	list []*server.Server
	urls string
}

func startServers(t *testing.T) *servers {
	t.Helper()
	s := &servers{}
	var routes []*url.URL
	var ports []int
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: l.Addr().String()})
		require.NoError(t, l.Close())
	}
	var urls []string
	for i := range ports {
		one, err := server.NewServer(&server.Options{ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 4 << 30, Routes: routes,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[i]}})
		require.NoError(t, err)
		go one.Start()
		t.Cleanup(func() { one.Shutdown(); one.WaitForShutdown() })
		s.list = append(s.list, one)
	}
	for _, one := range s.list {
		require.True(t, one.ReadyForConnections(20*time.Second))
		urls = append(urls, one.ClientURL())
	}
	s.urls = strings.Join(urls, ",")
	require.Eventually(t, func() bool {
		for _, one := range s.list {
			if one.JetStreamIsLeader() && len(one.JetStreamClusterPeers()) == 3 {
				return true
			}
		}
		return false
	}, 30*time.Second, 50*time.Millisecond)
	return s
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
