package release_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/sdk/abi"
)

func connect(t *testing.T) jetstream.JetStream {
	t.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: t.TempDir(), NoListen: true, Durability: natsd.Process})
	require.NoError(t, err)
	t.Cleanup(func() { _ = srv.Stop(context.Background()) })
	nc, err := srv.Connect("test")
	require.NoError(t, err)
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	require.NoError(t, err)
	return js
}

func module(t *testing.T, name string) *registry.Plugin {
	t.Helper()
	manifest := fmt.Sprintf(`{"name": %q, "version": "0.1.0", "abi": "1.0", "schema": {}}`, name)
	p, err := registry.Read(pack.Append([]byte{0, 'a', 's', 'm', 1, 0, 0, 0}, abi.ManifestSection, []byte(manifest)), name)
	require.NoError(t, err)
	return p
}

func bundleOf(t *testing.T, text string, plugins ...*registry.Plugin) *release.Bundle {
	t.Helper()
	var pins []release.Pin
	for _, p := range plugins {
		pins = append(pins, release.Pin{Name: p.Manifest.Name, Version: p.Manifest.Version, Digest: p.Digest})
	}
	b, err := release.NewBundle(map[string][]byte{"workflow.hcl": []byte(text)}, pins)
	require.NoError(t, err)
	return b
}

func TestStore_KeepsReleasesByContentAndNumber(t *testing.T) {
	ctx, js := context.Background(), connect(t)
	_, err := release.Find(ctx, js)
	require.ErrorIs(t, err, release.ErrNone)
	s, err := release.Open(ctx, js, 1)
	require.NoError(t, err)
	_, err = release.Open(ctx, js, 1)
	require.NoError(t, err, "again")
	a, b := module(t, "a"), module(t, "b")
	first := bundleOf(t, "one", a, b)
	require.ErrorIs(t, s.Put(ctx, first, []*registry.Plugin{a}), release.ErrNoPlugin)
	require.NoError(t, s.Put(ctx, first, []*registry.Plugin{a, b}))
	require.NoError(t, s.Put(ctx, first, nil), "all is there")
	got, plugins, err := s.Fetch(ctx, first.Digest())
	require.NoError(t, err)
	require.Equal(t, first.Encode(), got.Encode())
	require.Len(t, plugins, 2)
	require.Equal(t, a.Wasm, plugins[0].Wasm)

	one, err := s.AddFirst(ctx, release.Entry{Workflow: "w", Digest: first.Digest()})
	require.NoError(t, err)
	require.EqualValues(t, 1, one.Number)
	again, err := s.AddFirst(ctx, release.Entry{Workflow: "w", Digest: "another"})
	require.NoError(t, err)
	require.Equal(t, first.Digest(), again.Digest, "who comes first")
	require.NoError(t, s.Begin(ctx, one, 42))
	require.NoError(t, s.Begin(ctx, again, 42), "another engine says the same")
	one, err = s.Entry(ctx, "w", 1)
	require.NoError(t, err)
	require.EqualValues(t, 42, one.Begun)
	_, err = s.Entry(ctx, "w", 2)
	require.ErrorIs(t, err, release.ErrNoRelease)
	_, err = s.Add(ctx, release.Entry{Workflow: "w", Message: string(make([]byte, release.MaxMessage+1))})
	require.ErrorContains(t, err, "may have 4096")
}

// TestStore_NumbersAreTakenOnce lets several operators list releases at once.
func TestStore_NumbersAreTakenOnce(t *testing.T) {
	ctx := context.Background()
	s, err := release.Open(ctx, connect(t), 1)
	require.NoError(t, err)
	var wait sync.WaitGroup
	for n := range 4 {
		wait.Go(func() {
			for i := range 5 {
				_, err := s.Add(ctx, release.Entry{Workflow: "w", Digest: fmt.Sprint(n, i)})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	_, err = s.Add(ctx, release.Entry{Workflow: "v"})
	require.NoError(t, err)
	list, err := s.List(ctx, "w")
	require.NoError(t, err)
	require.Len(t, list, 20)
	for i := range list {
		require.EqualValues(t, i+1, list[i].Number)
	}
	list, err = s.List(ctx, "")
	require.NoError(t, err)
	require.Equal(t, "v", list[0].Workflow)
}

func TestStore_PurgeLeavesWhatOthersNeed(t *testing.T) {
	ctx, js := context.Background(), connect(t)
	s, err := release.Open(ctx, js, 1)
	require.NoError(t, err)
	a, b, c := module(t, "a"), module(t, "b"), module(t, "c")
	add := func(name string, x *release.Bundle) release.Entry {
		require.NoError(t, s.Put(ctx, x, []*registry.Plugin{a, b, c}))
		e, err := s.Add(ctx, release.Entry{Workflow: name, Digest: x.Digest()})
		require.NoError(t, err)
		return e
	}
	one, two := add("w", bundleOf(t, "one", a, b)), add("v", bundleOf(t, "two", b, c))
	twin := add("w", bundleOf(t, "one", a, b)) // the same content under another number
	require.ErrorContains(t, s.Purge(ctx, one, map[string]string{one.Digest: "live"}, 7), `release 1 of workflow "w" is live`)
	require.NoError(t, s.Purge(ctx, one, nil, 7))
	_, _, err = s.Fetch(ctx, one.Digest)
	require.NoError(t, err, "its twin needs them")
	require.NoError(t, s.Purge(ctx, twin, nil, 7))
	_, _, err = s.Fetch(ctx, one.Digest)
	require.ErrorIs(t, err, release.ErrNoFiles)
	_, err = s.Module(ctx, a.Digest)
	require.ErrorIs(t, err, release.ErrNoPlugin)
	_, _, err = s.Fetch(ctx, two.Digest)
	require.NoError(t, err, "b is named by another workflow")
	one, err = s.Entry(ctx, "w", 1)
	require.NoError(t, err)
	require.EqualValues(t, 7, one.Purged)
	next, err := s.Add(ctx, release.Entry{Workflow: "w", Digest: two.Digest})
	require.NoError(t, err)
	require.EqualValues(t, 3, next.Number, "numbers are not used twice")
}

func TestStore_RefusesWhatIsNotWhatItsNameSays(t *testing.T) {
	ctx, js := context.Background(), connect(t)
	s, err := release.Open(ctx, js, 1)
	require.NoError(t, err)
	a := module(t, "a")
	x := bundleOf(t, "one", a)
	require.NoError(t, s.Put(ctx, x, []*registry.Plugin{a}))
	raw, err := js.ObjectStore(ctx, release.Bucket)
	require.NoError(t, err)
	_, err = raw.PutBytes(ctx, "plugin/"+a.Digest, []byte("other"))
	require.NoError(t, err)
	_, _, err = s.Fetch(ctx, x.Digest())
	require.ErrorIs(t, err, release.ErrDamaged)
	require.ErrorContains(t, err, "expected digest sha256:"+a.Digest)
	_, err = raw.PutBytes(ctx, "bundle/"+x.Digest(), bundleOf(t, "two", a).Encode())
	require.NoError(t, err)
	_, err = s.Bundle(ctx, x.Digest())
	require.ErrorIs(t, err, release.ErrDamaged)
}

// answers lets engines of a test answer the verb x, each with its messages.
func answers(t *testing.T, nc *nats.Conn, engines ...[]release.Reply) {
	t.Helper()
	for _, replies := range engines {
		sub, err := nc.Subscribe(release.OpPrefix+"x", func(m *nats.Msg) {
			for i := range replies {
				text, err := json.Marshal(&replies[i])
				if err == nil {
					err = m.Respond(text)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
		require.NoError(t, err)
		t.Cleanup(func() { _ = sub.Unsubscribe() })
	}
}

func ask(nc *nats.Conn, patience time.Duration) (heard []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = release.Ask(ctx, nc, "x", struct{}{}, func(r *release.Reply) error {
		heard = append(heard, r.Engine)
		return nil
	})
	return heard, err
}

func TestAsk_WaitsForAllPartitions(t *testing.T) {
	a := release.Reply{Engine: "a", Host: "here/1", Partitions: []int{0, 2}, Of: 3}
	b := release.Reply{Engine: "b", Host: "there/2", Partitions: []int{1}, Of: 3}
	busy := b
	busy.More, busy.Said = true, "compiling"
	bad := b
	bad.Error = "it traps"
	t.Run("nobody", func(t *testing.T) {
		_, err := ask(connect(t).Conn(), time.Second)
		require.ErrorIs(t, err, release.ErrNoEngine)
	})
	t.Run("all", func(t *testing.T) {
		nc := connect(t).Conn()
		answers(t, nc, []release.Reply{a}, []release.Reply{busy, b})
		heard, err := ask(nc, 5*time.Second)
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"a", "b", "b"}, heard)
	})
	t.Run("one is not ready", func(t *testing.T) {
		nc := connect(t).Conn()
		answers(t, nc, []release.Reply{a}, []release.Reply{busy})
		_, err := ask(nc, 200*time.Millisecond)
		require.ErrorIs(t, err, release.ErrSilent)
		require.ErrorContains(t, err, "engine there/2 (partition 1) is still at it: compiling")
	})
	t.Run("one is away", func(t *testing.T) {
		nc := connect(t).Conn()
		answers(t, nc, []release.Reply{a})
		_, err := ask(nc, 200*time.Millisecond)
		require.ErrorContains(t, err, "no engine answered for partition 1")
	})
	t.Run("one refuses", func(t *testing.T) {
		nc := connect(t).Conn()
		answers(t, nc, []release.Reply{bad}, nil)
		_, err := ask(nc, 5*time.Second)
		require.EqualError(t, err, "engine there/2 (partition 1): it traps")
	})
}

// TestStore_SaysWhatIsDamaged loses a chunk of a plugin and the description of a
// bundle, as a server does that cannot read them: each is told with what to do,
// and nobody waits.
func TestStore_SaysWhatIsDamaged(t *testing.T) {
	ctx, js := context.Background(), connect(t)
	s, err := release.Open(ctx, js, 1)
	require.NoError(t, err)
	a := module(t, "a")
	x := bundleOf(t, "one", a)
	require.NoError(t, s.Put(ctx, x, []*registry.Plugin{a}))
	stream, err := js.Stream(ctx, "OBJ_"+release.Bucket)
	require.NoError(t, err)
	objects, err := js.ObjectStore(ctx, release.Bucket)
	require.NoError(t, err)
	info, err := objects.GetInfo(ctx, "plugin/"+a.Digest)
	require.NoError(t, err)
	require.NoError(t, stream.Purge(ctx, jetstream.WithPurgeSubject("$O."+release.Bucket+".C."+info.NUID)))
	_, _, err = s.Fetch(ctx, x.Digest())
	require.ErrorIs(t, err, release.ErrDamaged)
	require.ErrorContains(t, err, `plugin "a" 0.1.0 of the release: release is damaged: RIPEN_RELEASES: object is damaged: plugin/`)
	require.ErrorContains(t, err, "chunk 1 of 1 is missing or damaged on disk; run the engine with the folder that the release was made of, or restore a backup")
	require.NoError(t, objects.Delete(ctx, "bundle/"+x.Digest()))
	_, err = s.Bundle(ctx, x.Digest())
	require.ErrorIs(t, err, release.ErrNoFiles)
	require.ErrorContains(t, err, "it was purged, or the server's files are damaged; run the engine with")
}
