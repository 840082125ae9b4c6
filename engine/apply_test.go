package engine_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// TestApply_AllEnginesSwitchAtOnePosition makes another release live on two
// engines that share the partitions of a server of their own.
func TestApply_AllEnginesSwitchAtOnePosition(t *testing.T) {
	ctx := t.Context()
	url := openServer(t)
	live := open(t, folderOf(t, small, nil))
	next := open(t, folderOf(t, small+"# another\nlabel \"any\" { default = true }\n", nil))
	var engines []*engine.Engine
	for range 2 {
		e, err := engine.New(ctx, engine.Options{Workflow: live, NATS: url, CacheDir: cacheDir(t), SnapshotEvery: -1})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, e.Stop(context.Background())) })
		engines = append(engines, e)
	}
	ready(t, engines...)
	op, err := engine.Operate(ctx, engine.Options{NATS: url})
	require.NoError(t, err)
	defer op.Close()
	require.NoError(t, op.Store().Put(ctx, next.Bundle, next.Modules()))
	r := lineage.Release{Digest: next.Bundle.Digest(), Model: next.Model.Digest}
	conduct := &release.Conductor{Conn: op.Conn(), Store: op.Store(), Say: t.Logf, Progress: func(uint64, uint64) {},
		Patience: release.Patience{Prepare: time.Minute, Build: 20 * time.Second, Switch: 20 * time.Second}}
	apply := func(terms release.Terms) *release.Outcome {
		h, err := op.Store().Hold(ctx, op.Conn(), release.Change{Verb: release.VerbApply, Owner: "test", Workflow: "small", Step: release.Begun, Release: r, Terms: terms,
			Entry: release.Entry{Workflow: "small", Digest: r.Digest, Model: r.Model}})
		require.NoError(t, err)
		out, err := conduct.Run(ctx, h)
		require.NoError(t, err)
		return out
	}
	for n, terms := range []release.Terms{{MaxNew: 0, Keep: 60_000}, {MaxNew: 0, NoRescore: true, Keep: 60_000}, {MaxNew: 0, NoRescore: true}} {
		out := apply(terms)
		require.EqualValues(t, n+2, out.Release)
		list, partitions, err := release.Statuses(ctx, op.Conn())
		require.NoError(t, err)
		require.Equal(t, 4, partitions)
		switched := 0
		for _, l := range list {
			if l.Role == lineage.Live.String() {
				require.Equal(t, out.Switch, l.Switch, "all partitions switch at one position")
				require.Equal(t, out.Release, l.Release)
				switched++
			}
		}
		require.Equal(t, 4, switched)
	}
	list, err := op.Store().List(ctx, "small")
	require.NoError(t, err)
	require.Len(t, list, 4)
}
