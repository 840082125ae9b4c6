package release_test

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
)

// stored are the names of all files in the store.
func stored(t *testing.T, js jetstream.JetStream) (names []string) {
	t.Helper()
	objects, err := js.ObjectStore(context.Background(), release.Bucket)
	require.NoError(t, err)
	infos, err := objects.List(context.Background())
	require.NoError(t, err)
	for _, i := range infos {
		names = append(names, i.Name)
	}
	return names
}

// drafts is a bench whose live release has the plugin a; draft begins the apply of
// one with the plugins a, b and p, of which p was pushed before.
func drafts(t *testing.T) (b *bench, draft func(text string) *release.Held) {
	ctx := context.Background()
	js := connect(t)
	s, err := release.Open(ctx, js, 1)
	require.NoError(t, err)
	a, own, pushed := module(t, "a"), module(t, "b"), module(t, "p")
	live := bundleOf(t, "live", a)
	require.NoError(t, s.Put(ctx, live, []*registry.Plugin{a}))
	_, err = s.AddFirst(ctx, release.Entry{Workflow: "w", Digest: live.Digest()})
	require.NoError(t, err)
	_, err = s.PutModule(ctx, pushed)
	require.NoError(t, err)
	b = benchOf(t, js, s)
	return b, func(text string) *release.Held {
		x := bundleOf(t, text, a, own, pushed)
		c := candidate(free)
		c.Release, c.Entry.Digest = lineage.Release{Digest: x.Digest(), Model: "m2"}, x.Digest()
		h, err := s.HoldNew(ctx, b.nc, c, x, []*registry.Plugin{a, own, pushed})
		require.NoError(t, err)
		return h
	}
}

// A release that is refused leaves no file behind, and takes none from others.
func TestHoldNew_ARefusedReleaseLeavesNothing(t *testing.T) {
	ctx := context.Background()
	b, draft := drafts(t)
	before := stored(t, b.js)
	h := draft("bad")
	require.Len(t, stored(t, b.js), len(before)+2, "the bundle and the plugin b")
	b.set(func() { b.refuse = "it traps" })
	_, err := b.cond.Run(ctx, h)
	require.ErrorContains(t, err, "it traps")
	require.ElementsMatch(t, before, stored(t, b.js))

	b.set(func() { b.refuse = "" })
	h = draft("good")
	out, err := b.cond.Run(ctx, h)
	require.NoError(t, err)
	require.EqualValues(t, 2, out.Release)
	require.Len(t, stored(t, b.js), len(before)+2)

	h = draft("worse") // b is the plugin of a listed release now
	b.set(func() { b.refuse = "it is too slow" })
	_, err = b.cond.Run(ctx, h)
	require.ErrorContains(t, err, "it is too slow")
	require.Len(t, stored(t, b.js), len(before)+2)
	list, err := b.store.Unlisted(ctx)
	require.NoError(t, err)
	require.Empty(t, list)
}

// What was killed before its release got a number is found, and can be given up
// or taken away; what is under way is left alone.
func TestUnlisted_FindsWhatAKilledApplyLeft(t *testing.T) {
	ctx := context.Background()
	b, draft := drafts(t)
	before := stored(t, b.js)
	h := draft("killed")
	list, err := b.store.Unlisted(ctx)
	require.NoError(t, err)
	require.Empty(t, list, "it is under way")
	h.Leave()
	h, err = b.store.TakeOver(ctx, b.nc, "somebody else")
	require.NoError(t, err)
	require.NoError(t, b.cond.Abort(ctx, h))
	require.ElementsMatch(t, before, stored(t, b.js), "the lease knows what was stored")

	own := module(t, "b")
	require.NoError(t, b.store.Put(ctx, bundleOf(t, "nobody's", own), []*registry.Plugin{own}))
	list, err = b.store.Unlisted(ctx)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "plugin/"+own.Digest, list[1].Name)
	require.Equal(t, "b 0.1.0", list[1].About)
	require.NoError(t, b.store.Remove(ctx, list))
	require.ElementsMatch(t, before, stored(t, b.js), "the plugin that was pushed waits for its workflow")
}
