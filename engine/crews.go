package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// idleCrews is how many crews that no lineage runs a partition keeps: switching
// to and fro between a few releases makes no plugin's instance anew.
const idleCrews = 4

// hired is a crew of a release.
type hired struct {
	workflow string
	release  lineage.Release
	work     *Workflow
	crew     *Crew
}

// crews are the crews of one partition. They belong to its goroutine.
type crews struct {
	from Releases
	idle []*hired // the one given back last is the last
}

// hire gives a crew of a release, at rest.
func (c *crews) hire(ctx context.Context, workflow string, r lineage.Release) (*hired, error) {
	for i, h := range c.idle {
		if h.workflow == workflow && h.release.Model == r.Model {
			c.idle = slices.Delete(c.idle, i, i+1)
			return h, restoreHealth(nil, h.crew)
		}
	}
	w, err := c.from.Acquire(ctx, workflow, r)
	if err != nil {
		return nil, err
	}
	crew, err := w.NewCrew(ctx)
	if err != nil {
		c.from.Return(workflow, r)
		return nil, fmt.Errorf("%w: plugins of %s do not start: %w", ErrNotPrepared, titleOf(workflow, r.Number), err)
	}
	return &hired{workflow, r, w, crew}, nil
}

// find is hire for a lineage that is restored to what final has. A release that
// is not to be had any more is stood in for.
func (c *crews) find(ctx context.Context, d *lineage.Descriptor, final []journal.Lineage) (*hired, error) {
	h, err := c.hire(ctx, d.Workflow, d.Release)
	for _, r := range standIns(final, d) {
		if !errors.Is(err, ErrNotPrepared) {
			break
		}
		if other, oerr := c.hire(ctx, d.Workflow, r); oerr == nil || !errors.Is(oerr, ErrNotPrepared) {
			return other, oerr
		}
	}
	return h, err
}

// rest takes a crew back.
func (c *crews) rest(h *hired) {
	c.idle = append(c.idle, h)
	for len(c.idle) > idleCrews {
		c.fire(c.idle[0])
		c.idle = slices.Delete(c.idle, 0, 1)
	}
}

// fire closes a crew.
func (c *crews) fire(h *hired) {
	h.crew.Close()
	c.from.Return(h.workflow, h.release)
}

// close closes the crews at rest.
func (c *crews) close() {
	for _, h := range c.idle {
		c.fire(h)
	}
	c.idle = nil
}
