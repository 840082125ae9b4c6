// Package natscluster starts three NATS servers that form a JetStream cluster,
// in the process of a test. Only tests import it; it imports nothing of ours.
package natscluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nuid"
	"github.com/stretchr/testify/require"
)

// patience is how long the servers may take to find each other.
const patience = time.Minute

// Start starts the servers and waits until the cluster has a leader. They end
// with the test.
func Start(t *testing.T) []*server.Server {
	t.Helper()
	// Nobody else's servers may take part, whatever port they listen on.
	cluster := "c-" + nuid.Next()
	var ports []int
	var routes []*url.URL
	for range 3 {
		port := FreePort()
		ports = append(ports, port)
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))})
	}
	var list []*server.Server
	for i, port := range ports {
		s, err := server.NewServer(&server.Options{ServerName: fmt.Sprint("n", i), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true,
			JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 4 << 30, Routes: routes,
			Cluster: server.ClusterOpts{Name: cluster, Host: "127.0.0.1", Port: port}})
		require.NoError(t, err)
		go s.Start()
		t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		list = append(list, s)
	}
	for _, s := range list {
		require.True(t, s.ReadyForConnections(patience))
	}
	require.Eventually(t, func() bool { return led(list) }, patience, 50*time.Millisecond)
	return list
}

// led says whether one of the servers leads all of them.
func led(list []*server.Server) bool {
	for _, s := range list {
		if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == len(list) {
			return true
		}
	}
	return false
}

// FreePort is a port that nobody listens on, outside of the range from which
// the system takes ports for clients and for who does not mind: else one of
// those might have it before the caller.
func FreePort() int {
	for {
		port := 12_000 + rand.IntN(20_000)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil && l.Close() == nil {
			return port
		}
	}
}
