package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

// ErrOutOfReach says that something past cannot be told any more: it was decided
// by a release that is not at hand.
var ErrOutOfReach = errors.New("out of reach")

// Past runs what the stream holds of one lead again, up to a time (ms, 0 = all),
// under the releases that were live at each position: leads do not touch each
// other, so its own events, the ticks and the orders make it what it is. What
// is dated later is left out.
func (x *Explainer) Past(ctx context.Context, key string, until int64) (*Story, error) {
	r := x.rerun(ctx, key, x.workflow)
	r.until = until
	return r.tell(ctx)
}

// Under runs what the stream holds of one lead again under one release alone.
func (x *Explainer) Under(ctx context.Context, key string, release lineage.Release, until int64) (*Story, error) {
	r := x.rerun(ctx, key, x.workflow)
	r.until, r.alone = until, &release
	return r.tell(ctx)
}

// tell runs everything and shows the live lineage.
func (r *rerun) tell(ctx context.Context) (*Story, error) {
	r.decided = func(d *lead.Decision) bool {
		r.story.Decisions = append(r.story.Decisions, *d)
		return false
	}
	err := r.run(ctx)
	if err == nil && r.foreign != "" {
		err = fmt.Errorf("%w: %s", ErrOutOfReach, r.foreign)
	}
	if err == nil {
		err = r.story.show(r.workflow, r.lead)
	}
	if err != nil {
		r.story.Close()
		return nil, err
	}
	return r.story, nil
}
