package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// ErrUnknownLive says that the stream no longer tells how a release came to be
// live.
var ErrUnknownLive = errors.New("how the release became live is not known any more")

// Before is the release that a live one of a workflow replaced, 0 if there was
// none. One that was gone back from is passed over: going back twice leads to
// what was live before both, and never to and fro. ErrUnknownLive: the orders
// are gone by age.
func (o *Operator) Before(ctx context.Context, workflow string, live uint32) (number uint32, err error) {
	l := lineup{workflow: workflow, of: map[lineage.ID]uint32{}}
	err = o.e.allowed(ctx, func(ctx context.Context) error {
		clear(l.of)
		l.list = l.list[:0]
		return o.e.journal.Scan(ctx, journal.EventsStream, []string{journal.ControlSubject}, 1, func(m journal.Message) error {
			c, err := journal.DecodeControl(m.Data)
			if err != nil || c.Type != journal.ControlRelease {
				return nil // it was passed over
			}
			if o, err := lineage.DecodeOrder(c.Body); err == nil {
				l.add(o, m.Seq)
			}
			return nil
		})
	})
	if err != nil {
		return 0, err
	}
	return l.before(live)
}

// lineup follows the orders about a workflow: which releases were live, each
// standing on the one that it replaced.
type lineup struct {
	workflow string
	of       map[lineage.ID]uint32 // releases that lineages began with
	list     []uint32              // the last one is live
}

func (l *lineup) add(o *lineage.Order, seq uint64) {
	if o.Workflow != l.workflow {
		return
	}
	switch o.Op {
	case lineage.Start:
		l.of[lineage.ID(seq)] = o.Release.Number
		if len(l.list) == 0 && (o.First || o.Origin == lineage.FromEmpty) {
			l.list = append(l.list, o.Release.Number)
		}
	case lineage.Switch:
		number := o.Release.Number
		if number == 0 {
			number = l.of[o.Lineage]
		}
		if at := slices.Index(l.list, number); at >= 0 {
			l.list = l.list[:at] // back to it: what came since counts no more
		}
		l.list = append(l.list, number)
	}
}

func (l *lineup) before(live uint32) (uint32, error) {
	switch n := len(l.list); {
	case n == 0 || l.list[n-1] != live:
		return 0, ErrUnknownLive
	case n == 1:
		return 0, nil
	default:
		return l.list[n-2], nil
	}
}
