package broker_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/internal/faults/broker"
	"github.com/ripenhq/ripen/engine/journal"
)

func TestBroker_TheJournalWorksOnIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		b := broker.New()
		defer b.Close()
		nc, err := nats.Connect("nats://fake", nats.InProcessServer(b.Link("one")), nats.MaxReconnects(-1))
		require.NoError(t, err)
		defer nc.Close()
		js, err := jetstream.New(nc)
		require.NoError(t, err)
		j, err := journal.Open(ctx, js, journal.Config{Partitions: 2})
		require.NoError(t, err)
		pt, err := j.Claim(ctx, 0)
		require.NoError(t, err)
		for i := range 5 {
			_, err = pt.Commit(ctx, []journal.Output{{Subject: journal.DecisionSubject("w", "a"), Data: fmt.Append(nil, i)}}, journal.Record{Clock: int64(i)})
			require.NoError(t, err)
		}
		n := 0
		require.NoError(t, pt.Restore(ctx, func(journal.Record) error { n++; return nil }))
		require.Equal(t, 1, n)
		n = 0
		require.NoError(t, j.Records(ctx, 0, func(journal.Record) error { n++; return nil }))
		require.Equal(t, 6, n)
		time.Sleep(time.Hour)
		t.Log(b.History())
	})
}
