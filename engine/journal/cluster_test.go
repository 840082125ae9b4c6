package journal

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/natscluster"
)

// newCluster starts three servers in this process and connects to the first.
func newCluster(t *testing.T) (*nats.Conn, []*server.Server) {
	t.Helper()
	servers := natscluster.Start(t)
	nc, err := nats.Connect(servers[0].ClientURL(), nats.MaxReconnects(-1))
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	return nc, servers
}

// Leaders of both streams step down all the while events are read and commits
// are made.
func TestLeaderChanges(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a cluster")
	}
	nc, _ := newCluster(t)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncTimeout(5*time.Second))
	require.NoError(t, err)
	j, err := Open(t.Context(), js, Config{Partitions: 1, Replicas: 3, CommitTimeout: time.Second})
	require.NoError(t, err)
	b := &bench{t: t, nc: nc, js: js, j: j}
	b.publish(EventSubject(0), 4000)
	pt := b.claim(0)
	r, err := j.NewReader(t.Context(), 0, Position{}, ReaderOptions{MaxBatch: 100, Prefetch: 200})
	require.NoError(t, err)
	defer r.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	commits, outs := 0, 0
	leaders := map[string]bool{}
	for seen := uint64(0); seen < 4000; commits++ {
		if commits%10 == 5 {
			for _, s := range []string{EventsStream, JournalStream} {
				var info *jetstream.StreamInfo
				for info == nil && ctx.Err() == nil { // a request is lost when leaders change
					attempt, done := context.WithTimeout(ctx, 2*time.Second)
					info, err = j.info(attempt, s)
					done()
				}
				require.NoError(t, err)
				leaders[s+info.Cluster.Leader] = true
				require.NoError(t, nc.Publish("$JS.API.STREAM.LEADER.STEPDOWN."+s, nil))
			}
		}
		msgs, err := r.Next(ctx)
		require.NoError(t, err)
		for _, m := range msgs {
			require.Equal(t, seen+1, m.Seq, "in order, none missing")
			seen = m.Seq
		}
		_, err = pt.Commit(ctx, outputs(commits%7, fmt.Sprint("c", commits)), Record{Clock: int64(commits), InputSeq: seen})
		require.NoError(t, err)
		outs += commits % 7
	}
	require.Greater(t, len(leaders), 2, "both streams had more than one leader")
	require.Len(t, b.stored("ripen.out.>"), outs)
	rs := b.restore(b.claim(0))
	require.Len(t, rs, commits+2)

	old := pt
	_, err = old.Commit(ctx, outputs(2, "zombie"), Record{})
	require.ErrorIs(t, err, ErrFenced)
	require.Len(t, b.stored("ripen.out.>"), outs)
}
