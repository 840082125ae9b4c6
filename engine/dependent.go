package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// Lost counts the decisions in the journal that can be made again now and could
// not be without a release's files.
type Lost struct {
	Own    int // made by it
	Others int // made by other releases: at the switch away from it, or on what it left
	// Already are those that cannot be made again as it is, by whomever.
	Already int
}

// LostWithout tells what CheckAll would find out of reach if a release were
// purged, and does not find so now: it makes all decisions again with the release
// and without it. The clocks are those that the engine may have gone by; the one
// by which most can be made again counts.
func LostWithout(ctx context.Context, o Options, clocks []Clock, e *release.Entry) (l Lost, err error) {
	var with *checkAll
	for _, clock := range clocks {
		o.Clock = clock
		c, err := madeAgain(ctx, o, nil)
		if err != nil {
			return l, err
		}
		if with == nil || c.Same > with.Same {
			with = c
		}
		if !c.Bad() && c.Unmade == 0 {
			break
		}
	}
	if with == nil {
		return l, nil
	}
	if l.Already = with.Unmade + with.Different; with.Same == 0 {
		return l, nil
	}
	o.Clock = with.x.e.opts.Clock
	without, err := madeAgain(ctx, o, e)
	if err != nil {
		return l, err
	}
	for key, by := range with.again {
		switch _, still := without.again[key]; {
		case still:
		case by != "" && strings.HasPrefix(e.Model, by):
			l.Own++
		default:
			l.Others++
		}
	}
	return l, nil
}

// madeAgain checks all decisions, as if the files of a release were gone already
// if one is given, and keeps which are the same.
func madeAgain(ctx context.Context, o Options, gone *release.Entry) (*checkAll, error) {
	x, err := OpenExplainer(ctx, o, "")
	if err != nil {
		return nil, err
	}
	defer x.Close()
	if gone != nil {
		x.e.releases = lacking{x.e.releases, gone.Digest}
	}
	c := newCheckAll(x)
	c.again = map[[16]byte]string{}
	return c, c.run(ctx)
}

// lacking are releases without the one of a bundle's digest.
type lacking struct {
	Releases
	digest string
}

// Acquire implements Releases.
func (l lacking) Acquire(ctx context.Context, workflow string, r lineage.Release) (*Workflow, error) {
	if r.Digest == l.digest {
		return nil, fmt.Errorf("%w: %s", ErrNotPrepared, titleOf(workflow, r.Number))
	}
	return l.Releases.Acquire(ctx, workflow, r)
}
