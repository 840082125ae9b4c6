package engine_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/release"
	"github.com/ripenhq/ripen/sdk/abi"
)

const small = `workflow "small" {}
step "behavior-points" "points" {
  class "asked" { events = { "Asked" = 10 } }
}
route "sales-handoff" "warm" { when = points >= 10 }
route "nurture" "rest" { default = true }
`

// folderOf writes a workflow, and more files, into a folder.
func folderOf(t *testing.T, text string, more map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string][]byte{"workflow.hcl": []byte(text)}
	for name, data := range more {
		files[name] = data
	}
	for name, data := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	return dir
}

func open(t *testing.T, dir string) *engine.Workflow {
	t.Helper()
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir, CacheDir: cacheDir(t), Quiet: true})
	require.NoError(t, err)
	require.False(t, diags.HasErrors(), diags)
	t.Cleanup(w.Close)
	return w
}

// starved is behavior-points as it would be if it were too slow: with fuel for
// nothing.
func starved(t *testing.T) []byte {
	t.Helper()
	set, err := registry.Builtin()
	require.NoError(t, err)
	p, err := set.Lookup("behavior-points")
	require.NoError(t, err)
	m := *p.Manifest
	m.Limits.Fuel = 1
	text, err := json.Marshal(&m)
	require.NoError(t, err)
	_, at, found, err := pack.Section(p.Wasm, abi.ManifestSection)
	require.NoError(t, err)
	require.True(t, found)
	return pack.Append(p.Wasm[:at:at], abi.ManifestSection, text)
}

// alien is a module of another contract version that calls itself
// behavior-points.
func alien(t *testing.T) *registry.Plugin {
	t.Helper()
	set, err := registry.Builtin()
	require.NoError(t, err)
	p, err := set.Lookup("behavior-points")
	require.NoError(t, err)
	text, err := json.Marshal(p.Manifest)
	require.NoError(t, err)
	wasm, err := os.ReadFile("../testdata/hostile/version.wasm")
	require.NoError(t, err)
	out, err := registry.Read(pack.Append(wasm, abi.ManifestSection, text), "test")
	require.NoError(t, err)
	return out
}

func prepare(e *engine.Engine, w *engine.Workflow, number uint32) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return release.Ask(ctx, e.Conn(), release.VerbPrepare, release.PrepareRequest{Workflow: w.Model.Name, Number: number, Digest: w.Bundle.Digest(), Model: w.Model.Digest},
		func(*release.Reply) error { return nil })
}

// TestPrepare_RefusesWhatCannotRun offers an engine releases that must never be
// switched to: each is refused with its reason, and what runs goes on.
func TestPrepare_RefusesWhatCannotRun(t *testing.T) {
	ctx := context.Background()
	live := open(t, folderOf(t, small, nil))
	e, err := engine.New(ctx, engine.Options{Workflow: live, Data: t.TempDir(), Port: -1, Durability: natsd.Process, CacheDir: cacheDir(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Stop(context.Background())) })
	require.Eventually(t, func() bool { return e.Ready() == nil }, 20*time.Second, 10*time.Millisecond)
	store := e.Operator().Store()
	js, err := jetstream.New(e.Conn())
	require.NoError(t, err)
	objects, err := js.ObjectStore(ctx, release.Bucket)
	require.NoError(t, err)
	put := func(w *engine.Workflow) { require.NoError(t, store.Put(ctx, w.Bundle, w.Modules())) }

	good := open(t, folderOf(t, small+"# another\n", nil))
	put(good)
	require.NoError(t, prepare(e, good, 2))
	require.NoError(t, prepare(e, good, 2), "again")

	t.Run("tests that fail", func(t *testing.T) {
		w := open(t, folderOf(t, small, map[string][]byte{"a.ripentest.hcl": []byte("test \"eleven\" {\n event \"Asked\" {}\n expect { scores = { points = 11 } }\n}\n")}))
		put(w)
		require.ErrorContains(t, prepare(e, w, 3), `self-test of release 3: 1 of 1 tests fail, first "eleven": a.ripentest.hcl:3: Another score: points: expected 11, found 10.`)
	})
	t.Run("a plugin that is too slow", func(t *testing.T) {
		w := open(t, folderOf(t, small, map[string][]byte{"plugins/slow.wasm": starved(t)}))
		put(w)
		err := prepare(e, w, 4)
		require.ErrorContains(t, err, `step "points" breaks on an event that it looks for (fuel)`)
		require.ErrorContains(t, err, "(partitions 0, 1, 2, 3)")
	})
	t.Run("a plugin that is another one", func(t *testing.T) {
		w := open(t, folderOf(t, small+"# damaged\n", map[string][]byte{"plugins/slow.wasm": starved(t)}))
		put(w)
		_, err := objects.PutBytes(ctx, "plugin/"+w.Modules()[0].Digest, []byte("no module"))
		require.NoError(t, err)
		require.ErrorContains(t, prepare(e, w, 5), "release is damaged: plugin: expected digest sha256:"+w.Modules()[0].Digest)
		require.NoError(t, objects.Delete(ctx, "plugin/"+w.Modules()[0].Digest))
		require.ErrorContains(t, prepare(e, w, 5), `plugin "behavior-points"`)
		require.ErrorContains(t, prepare(e, w, 5), "no such plugin on the server")
	})
	t.Run("a plugin of another contract", func(t *testing.T) {
		p := alien(t)
		b, err := release.NewBundle(map[string][]byte{"workflow.hcl": []byte(small)}, []release.Pin{{Name: p.Manifest.Name, Version: p.Manifest.Version, Digest: p.Digest}})
		require.NoError(t, err)
		require.NoError(t, store.Put(ctx, b, []*registry.Plugin{p}))
		err = prepare(e, &engine.Workflow{Bundle: b, Model: live.Model}, 6)
		require.ErrorContains(t, err, "ripen_abi_v2")
	})
	t.Run("files that are gone", func(t *testing.T) {
		w := open(t, folderOf(t, small+"# never stored\n", nil))
		require.ErrorContains(t, prepare(e, w, 7), "the release has no files on the server")
	})
	t.Run("a plugin that traps on a test", func(t *testing.T) {
		text := "workflow \"small\" {}\nstep \"quote-trap\" \"points\" {}\nroute \"nurture\" \"rest\" { default = true }\n"
		w := open(t, folderOf(t, text, map[string][]byte{"plugins/trap.wasm": packed(t, "c-trap.wasm", "trap.manifest.json"),
			"a.ripentest.hcl": []byte("test \"boom\" {\n event \"Quote Requested\" { properties = { crash = \"panic\" } }\n expect { scores = { points = 1 } }\n}\n")}))
		put(w)
		err := prepare(e, w, 9)
		require.ErrorContains(t, err, `self-test of release 9: 1 of 1 tests fail, first "boom"`)
		require.ErrorContains(t, err, "unreachable")
	})
	t.Run("another model than it was made with", func(t *testing.T) {
		other := engine.Workflow{Bundle: good.Bundle}
		other.Model = open(t, folderOf(t, small+"# third\n", nil)).Model
		require.ErrorContains(t, prepare(e, &other, 8), "does this engine have another version")
	})
	require.NoError(t, e.Ready())
	require.NoError(t, prepare(e, good, 2))

	// What runs is what ran before, and goes on.
	list, _, err := release.Statuses(ctx, e.Conn())
	require.NoError(t, err)
	require.Len(t, list, 4)
	for i := range list {
		require.Equal(t, []any{uint32(1), "live", live.Bundle.Digest()}, []any{list[i].Release, list[i].Role, list[i].Digest})
	}
	entries, err := store.List(ctx, "small")
	require.NoError(t, err)
	require.Len(t, entries, 1)
	send(t, anonymous(t, e), track("1", "ann", "Asked", time.Now().UTC().Format(time.RFC3339)))
	require.Eventually(t, func() bool { return e.Committed() == 1 }, 10*time.Second, time.Millisecond)
}

// packed is a module of testdata with its manifest.
func packed(t *testing.T, module, manifest string) []byte {
	t.Helper()
	wasm, err := os.ReadFile("../testdata/modules/" + module)
	require.NoError(t, err)
	text, err := os.ReadFile("../testdata/modules/" + manifest)
	require.NoError(t, err)
	return pack.Append(wasm, abi.ManifestSection, text)
}

// TestSelfTest_StartersPass plays what an apply of each starter model would.
func TestSelfTest_StartersPass(t *testing.T) {
	models, err := filepath.Glob("../workflows/*/workflow.hcl")
	require.NoError(t, err)
	require.NotEmpty(t, models)
	for _, file := range models {
		t.Run(filepath.Base(filepath.Dir(file)), func(t *testing.T) {
			require.NoError(t, open(t, filepath.Dir(file)).SelfTest(context.Background()))
		})
	}
}
