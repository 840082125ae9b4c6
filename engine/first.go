package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// openReleases finds or makes the store of releases and the shelf of loaded
// ones.
func (e *Engine) openReleases(ctx context.Context) error {
	if e.given() {
		return nil
	}
	if err := e.allowed(ctx, func(ctx context.Context) (err error) {
		e.catalog, err = release.Open(ctx, e.js, e.opts.Replicas)
		return err
	}); err != nil {
		return err
	}
	e.stock()
	return nil
}

// given says whether the releases are the caller's, and sees to that.
func (e *Engine) given() bool {
	e.releases = e.opts.Releases
	if e.releases == nil && e.work != nil && e.work.Bundle == nil {
		e.releases = Given(e.work)
	}
	return e.releases != nil
}

func (e *Engine) stock() {
	e.shelf = newShelf(e.work, LoadOptions{CacheDir: e.opts.CacheDir, Logger: e.log.Named("plugin"), Trust: e.opts.Trust}, e.catalog.Fetch)
	e.releases = e.shelf
}

// findReleases is openReleases for those who only read: where no engine has
// stored any, there is the workflow that was given.
func (e *Engine) findReleases(ctx context.Context) (err error) {
	if e.given() {
		return nil
	}
	if e.catalog == nil {
		e.catalog, err = release.Find(ctx, e.js)
	}
	switch {
	case err == nil:
		e.stock()
	case errors.Is(err, release.ErrNone):
		e.releases, err = Given(e.work), nil
	}
	return err
}

// ensureFirst makes the engine's own workflow a release and begins with it on
// streams that never had one of it. Every step may be done again, by any
// engine: the files are named by their content, and an order that begins a
// workflow which is there already is passed over.
func (e *Engine) ensureFirst(ctx context.Context) error {
	if e.work == nil || e.work.Model == nil {
		return nil
	}
	if e.catalog == nil {
		return e.beginGiven(ctx)
	}
	name, stream := e.work.Model.Name, e.journal.Input().Created
	list, err := e.catalog.List(ctx, name)
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Begun == stream {
			return nil
		}
	}
	first, err := e.firstRelease(ctx, name, list)
	if err != nil {
		return fmt.Errorf("first release of workflow %q: %w", name, err)
	}
	r := lineage.Release{Number: first.Number, Digest: first.Digest, Model: first.Model}
	if err := e.orderFirst(ctx, name, r); err != nil {
		return err
	}
	return e.catalog.Begin(ctx, first, stream)
}

// orderFirst orders the very first lineage of a workflow.
func (e *Engine) orderFirst(ctx context.Context, workflow string, r lineage.Release) error {
	order := lineage.Order{Op: lineage.Start, Workflow: workflow, Origin: lineage.FromEmpty, First: true, Release: r}
	text, err := order.Encode()
	if err != nil {
		return err
	}
	line, err := e.journal.OpenControl(ctx)
	if err != nil {
		return err
	}
	for {
		_, err := line.Publish(ctx, journal.Control{Type: journal.ControlRelease, At: line.Last().At, Body: text})
		if !errors.Is(err, journal.ErrFenced) || ctx.Err() != nil {
			return err
		}
	}
}

// beginGiven begins the workflow that the engine was given, of which no release
// is stored, on streams that have none.
func (e *Engine) beginGiven(ctx context.Context) error {
	live, err := e.lives(ctx)
	if err != nil || len(live) > 0 {
		return err
	}
	return e.orderFirst(ctx, e.work.Model.Name, ReleaseOf(e.work, 1))
}

// firstRelease lists the engine's workflow, or finds where it is listed.
func (e *Engine) firstRelease(ctx context.Context, name string, list []release.Entry) (release.Entry, error) {
	if err := e.catalog.Put(ctx, e.work.Bundle, e.work.modules); err != nil {
		return release.Entry{}, err
	}
	digest := e.work.Bundle.Digest()
	for i := range list {
		if list[i].Digest == digest {
			return list[i], nil
		}
	}
	entry := release.Entry{Workflow: name, Digest: digest, Model: e.work.Model.Digest, Message: "first release, by ripen run", Made: e.opts.Now()}
	if len(list) > 0 {
		return e.catalog.Add(ctx, entry) // the streams are new, the list is not
	}
	return e.catalog.AddFirst(ctx, entry)
}
