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
	if err := e.allowed(ctx, func(ctx context.Context) (err error) {
		e.catalog, err = release.Open(ctx, e.js, e.opts.Replicas)
		return err
	}); err != nil {
		return err
	}
	e.releases = newShelf(e.work, LoadOptions{CacheDir: e.opts.CacheDir, Logger: e.log.Named("plugin")}, e.catalog.Fetch)
	return nil
}

// ensureFirst makes the engine's own workflow a release and begins with it on
// streams that never had one of it. Every step may be done again, by any
// engine: the files are named by their content, and an order that begins a
// workflow which is there already is passed over.
func (e *Engine) ensureFirst(ctx context.Context) error {
	if e.work == nil || e.work.Model == nil {
		return nil
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
	order := lineage.Order{Op: lineage.Start, Workflow: name, Origin: lineage.FromEmpty, First: true,
		Release: lineage.Release{Number: first.Number, Digest: first.Digest, Model: first.Model}}
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
		if err == nil {
			return e.catalog.Begin(ctx, first, stream)
		}
		if !errors.Is(err, journal.ErrFenced) || ctx.Err() != nil {
			return err
		}
	}
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
