package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// errand is something that a partition does for somebody else between two
// micro-batches, in slices. It changes nothing.
type errand struct {
	step func(p *partition) (done bool, err error)
	done chan error // gets one answer
}

// errErrand says that a partition cannot run an errand now.
var errErrand = errors.New("the partition is not at work; try again")

// countSlice is the most leads that are counted between two micro-batches.
const countSlice = 1024

// runErrand goes on with the errand at hand, or takes the next one.
func (p *partition) runErrand() error {
	if p.errand == nil {
		select {
		case p.errand = <-p.errands:
		default:
			return nil
		}
	}
	done, err := p.errand.step(p)
	if !done && err == nil {
		return nil
	}
	p.errand.done <- err
	p.errand = nil
	return nil
}

// dropErrands tells those who wait that the partition has ended.
func (p *partition) dropErrands() {
	if p.errand != nil {
		p.errand.done <- errErrand
		p.errand = nil
	}
	for {
		select {
		case x := <-p.errands:
			x.done <- errErrand
		default:
			return
		}
	}
}

// ask hands an errand to a partition and waits for its end.
func (p *partition) ask(ctx context.Context, step func(p *partition) (bool, error)) error {
	if !p.status.ready.Load() {
		return errErrand
	}
	x := &errand{step: step, done: make(chan error, 1)}
	select {
	case p.errands <- x:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
	select {
	case err := <-x.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// count tells for each partition that this engine runs what an order to switch
// would lead to, and changes nothing.
func (e *Engine) count(ctx context.Context, o *lineage.Order) (list []release.Newly, err error) {
	for _, n := range e.Partitions() {
		var found core.Newly
		after := ""
		err := e.parts[n].ask(ctx, func(p *partition) (done bool, err error) {
			after, done, err = p.countSome(o, after, &found)
			return done, err
		})
		if err != nil {
			return nil, fmt.Errorf("partition %d: %w", n, err)
		}
		list = append(list, newlyOf(n, &found))
	}
	return list, nil
}

// countSome counts a slice of leads.
func (p *partition) countSome(o *lineage.Order, after string, into *core.Newly) (last string, done bool, err error) {
	live, m := p.set.Live(o.Workflow), p.set.Get(o.Lineage)
	if o.InPlace {
		m = live
	}
	if m == nil || m.Workflow != o.Workflow {
		return "", false, fmt.Errorf("%w: there is no such lineage of workflow %q", lineage.ErrOrder, o.Workflow)
	}
	sw := p.set.SwitchOf(o, m, p.set.Clock())
	switch {
	case o.InPlace:
		prog, err := p.house.borrow(o.Workflow, o.Release)
		if err != nil {
			return "", false, err
		}
		return m.Core.CountProgram(prog, sw, after, countSlice, into)
	case live == nil:
		return m.Core.CountNew(nil, sw, after, countSlice, into)
	}
	return m.Core.CountNew(live.Core, sw, after, countSlice, into)
}

func newlyOf(n int, found *core.Newly) release.Newly {
	out := release.Newly{Partition: n, Leads: found.Leads, Total: found.Total, Handoffs: found.Handoffs, Recalls: found.Recalls}
	for _, r := range found.Routes {
		if out.ByRoute == nil {
			out.ByRoute = map[string]int{}
		}
		out.ByRoute[r.Action+"/"+r.Route] += r.Leads
	}
	return out
}

// answerCount tells who would newly be handed over by a switch.
func (e *Engine) answerCount(ctx context.Context, body json.RawMessage, _ func(string, any)) (any, error) {
	o, err := lineage.DecodeOrder(body)
	if err != nil {
		return nil, err
	}
	if err := e.present(ctx); err != nil {
		return nil, err
	}
	return e.count(ctx, o)
}

// answerPresent reads all that the stream holds up to now.
func (e *Engine) answerPresent(ctx context.Context, _ json.RawMessage, _ func(string, any)) (any, error) {
	return struct{}{}, e.present(ctx)
}

// present lets time pass up to now and waits until the partitions that this
// engine runs have read that far.
func (e *Engine) present(ctx context.Context) error {
	if e.clock == nil {
		return errStarting
	}
	seq, err := e.clock.present(ctx)
	if err != nil {
		return err
	}
	return e.behind(ctx, seq)
}

// behindPause is how often partitions are asked whether they have come so far.
const behindPause = 2 * time.Millisecond

// behind waits until the partitions that this engine runs are behind a message,
// 0 is none.
func (e *Engine) behind(ctx context.Context, seq uint64) error {
	if seq == 0 {
		return nil
	}
	for _, n := range e.Partitions() {
		for s := &e.parts[n].status; s.ready.Load() && s.position.Load() <= seq; {
			if sleep(ctx, behindPause); ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}
