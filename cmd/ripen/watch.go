package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// watchPoll is how often a watched folder is looked at; it is applied when it
// has been the same for two looks.
const watchPoll = 300 * time.Millisecond

// watcher applies a folder to the engine of this process whenever it is saved.
type watcher struct {
	app        *app
	op         *engine.Operator
	dir, cache string
	cancel     context.CancelFunc
	work       sync.WaitGroup
}

func (a *app) watch(op *engine.Operator, dir, cache string) *watcher {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watcher{app: a, op: op, dir: dir, cache: cache, cancel: cancel}
	w.work.Go(func() { w.run(ctx) })
	return w
}

// stop ends the watching; nil is fine.
func (w *watcher) stop() {
	if w != nil {
		w.cancel()
		w.work.Wait()
	}
}

func (w *watcher) run(ctx context.Context) {
	applied := w.fingerprint()
	seen := applied
	t := time.NewTicker(watchPoll)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		now := w.fingerprint()
		if now != seen || now == applied {
			seen = now
			continue
		}
		applied = now
		if err := w.apply(ctx); err != nil && ctx.Err() == nil {
			w.app.complain(err.Error())
			w.app.note("what is live goes on; the folder is watched")
		}
	}
}

// fingerprint changes when a file of the folder is saved.
func (w *watcher) fingerprint() string {
	var b strings.Builder
	_ = fs.WalkDir(os.DirFS(w.dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it comes or goes just now: the next look will tell
		}
		if d.IsDir() {
			if name != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := d.Info(); err == nil && watched(name) {
			fmt.Fprintf(&b, "%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return b.String()
}

// watched leaves out what editors put beside a file while it is saved.
func watched(name string) bool {
	for _, suffix := range []string{".hcl", ".csv", ".wasm"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// apply makes the folder the live release; where it is not valid that is said.
func (w *watcher) apply(ctx context.Context) error {
	a := w.app
	work, err := a.load(ctx, w.dir, w.cache)
	if err != nil {
		return err
	}
	defer work.Close()
	if err := work.SelfTest(ctx); err != nil {
		return fmt.Errorf("workflow %s fails its own tests: %w", w.dir, err)
	}
	now, _, err := release.Statuses(ctx, w.op.Conn())
	if err != nil {
		return err
	}
	before := live(now, work.Model.Name)
	if before == nil {
		return fmt.Errorf("the engine runs no workflow %q: --watch applies the one that it was started with", work.Model.Name)
	}
	if before.Digest == work.Bundle.Digest() {
		return nil
	}
	f := &applyFlags{author: author(), message: "saved, applied by ripen run --watch"}
	f.yes, f.timeout = true, defaultReady
	h, err := a.hold(ctx, w.op, f, release.Terms{OnRelease: lineage.Fire, MaxNew: -1}, before, work)
	if err != nil {
		return err
	}
	out, err := a.conductor(w.op, &f.changeFlags, h).Run(ctx, h)
	if err != nil {
		return err
	}
	a.note("release %d of %s is live: all partitions switched at position %d", out.Release, out.Workflow, out.Switch)
	return nil
}
