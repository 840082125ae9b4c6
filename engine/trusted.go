package engine

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/ripenhq/ripen/engine/registry"
	"github.com/ripenhq/ripen/engine/release"
)

// refused names the first of the workflow's plugins that is not trusted now, in
// the words of who says so.
func (w *Workflow) refused(trust func(*registry.Plugin) error) error {
	if trust == nil {
		return nil
	}
	for _, p := range w.modules {
		if err := trust(p); err != nil {
			return err
		}
	}
	return nil
}

// watchTrust tells when a running release is found to use a plugin that would be
// refused if it were loaded now, and when that is over. It goes on running: to
// stop scoring is the operator's decision.
func (e *Engine) watchTrust() {
	if e.opts.Trust == nil {
		return
	}
	ticker := time.NewTicker(e.opts.TrustEvery)
	defer ticker.Stop()
	for {
		select {
		case <-e.life.Done():
			return
		case <-ticker.C:
			e.doubts.note(e, e.doubtful(e.lineages()))
		}
	}
}

// doubts are what watchTrust has told.
type doubts struct {
	mu   sync.Mutex
	told []release.Doubt
}

// note tells what is new and what is over.
func (d *doubts) note(e *Engine, now []release.Doubt) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range now {
		if x := &now[i]; !slices.Contains(d.told, *x) {
			e.log.Warn("a running release has a plugin that would be refused if it were loaded now; it goes on running: apply another release, or stop this one",
				"workflow", x.Workflow, "release", x.Release, "plugin", x.Plugin, "version", x.Version, "reason", x.Why)
		}
	}
	for i := range d.told {
		x := &d.told[i]
		if !slices.ContainsFunc(now, func(y release.Doubt) bool {
			return y.Workflow == x.Workflow && y.Release == x.Release && y.Plugin == x.Plugin
		}) {
			e.log.Info("a plugin is trusted again, or its release runs no more", "workflow", x.Workflow, "release", x.Release, "plugin", x.Plugin)
		}
	}
	d.told = now
}

// list is what was told last.
func (d *doubts) list() []release.Doubt {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.told)
}

// doubtful asks about all plugins of the releases that run here.
func (e *Engine) doubtful(running []release.LineageStatus) (list []release.Doubt) {
	if e.opts.Trust == nil || e.shelf == nil {
		return nil
	}
	seen := map[string]bool{}
	for i := range running {
		l := &running[i]
		key := l.Workflow + "\x00" + strconv.FormatUint(uint64(l.Release), 10)
		if seen[key] {
			continue
		}
		seen[key] = true
		for _, p := range e.shelf.modules(l.Digest) {
			if err := e.opts.Trust(p); err != nil {
				list = append(list, release.Doubt{Workflow: l.Workflow, Release: l.Release, Plugin: p.Manifest.Name, Version: p.Manifest.Version, Digest: p.Digest, Why: err.Error()})
			}
		}
	}
	return list
}

// modules are the plugins of a release that is loaded, without their code.
func (s *shelf) modules(digest string) (list []*registry.Plugin) {
	w := s.own
	if w == nil || w.Bundle == nil || w.Bundle.Digest() != digest {
		s.mu.Lock()
		x := s.loaded[digest]
		s.mu.Unlock()
		if x == nil {
			return nil
		}
		select {
		case <-x.ready:
			w = x.work
		default:
		}
	}
	if w == nil {
		return nil
	}
	for _, p := range w.modules {
		list = append(list, p.Bare())
	}
	return list
}

// plugins looks at whom the plugins of running releases are from: as the engines
// say it, or, if none runs, by the configuration at hand.
func (d *doctor) plugins(ctx context.Context) {
	const name, todo = "plugins", "apply a release without it, or with a version that is trusted (ripen plugin trust list); a restart refuses it"
	var list []release.Doubt
	asked := false
	if d.e.server == nil {
		now, _, err := release.Statuses(ctx, d.e.conn)
		if asked = err == nil; asked {
			for i := range now {
				list = append(list, now[i].Doubts...)
			}
		}
	}
	if !asked {
		var err error
		if list, err = d.e.storedDoubts(ctx); err != nil {
			d.say(name, Failing, "", "%v", err)
			return
		}
	}
	seen := map[release.Doubt]bool{}
	for _, x := range list {
		if !seen[x] {
			seen[x] = true
			d.say(name, Warning, todo, "release %d of workflow %q has a plugin that is not trusted: %s", x.Release, x.Workflow, x.Why)
		}
	}
	if len(list) == 0 {
		d.say(name, Well, "", "those of all releases that run are trusted")
	}
}

// storedDoubts asks about the releases that are live by the journal.
func (e *Engine) storedDoubts(ctx context.Context) (list []release.Doubt, err error) {
	if e.opts.Trust == nil {
		return nil, nil
	}
	store, err := release.Find(ctx, e.js)
	if err != nil {
		return nil, nil // none was stored
	}
	live, err := e.lives(ctx)
	if err != nil {
		return nil, err
	}
	for i := range live {
		_, plugins, err := store.Fetch(ctx, live[i].Bundle)
		if err != nil {
			return nil, err
		}
		for _, p := range plugins {
			if err := e.opts.Trust(p); err != nil {
				list = append(list, release.Doubt{Workflow: live[i].Workflow, Release: live[i].Release, Plugin: p.Manifest.Name, Version: p.Manifest.Version, Digest: p.Digest, Why: err.Error()})
			}
		}
	}
	return list, nil
}
