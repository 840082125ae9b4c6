package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// lifeSign is how often an engine that prepares a release says that it is
// still at it.
const lifeSign = time.Second

// answerPrepare loads a release and plays its tests, so that an order to run it
// finds it ready.
func (e *Engine) answerPrepare(ctx context.Context, body json.RawMessage, say func(string, any)) (any, error) {
	var r release.PrepareRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	began := time.Now()
	alive := time.NewTicker(lifeSign)
	defer alive.Stop()
	done := make(chan error, 1)
	go func() {
		go func() { done <- e.prepare(ctx, &r) }()
	}()
	for {
		select {
		case err := <-done:
			return release.PrepareReply{Took: time.Since(began).Milliseconds()}, err
		case <-alive.C:
			say(fmt.Sprintf("compiling and testing release %d for %s", r.Number, time.Since(began).Round(time.Second)), nil)
		}
	}
}

func (e *Engine) prepare(ctx context.Context, p *release.PrepareRequest) error {
	r := lineage.Release{Number: p.Number, Digest: p.Digest, Model: p.Model}
	w, err := e.releases.Acquire(ctx, p.Workflow, r)
	if err != nil {
		return err
	}
	defer e.releases.Return(p.Workflow, r) // it stays on the shelf for the order
	if err := w.refused(e.opts.Trust); err != nil {
		return err // it was loaded before; who makes it live now may not trust it any more
	}
	if err := w.SelfTest(ctx); err != nil {
		return fmt.Errorf("self-test of release %d: %w", r.Number, err)
	}
	if !p.Ledgers {
		return nil
	}
	return e.takesOver(ctx, p.Workflow, w)
}

// takesOver says why a release cannot go on with the ledgers of the live one,
// nil if it can.
func (e *Engine) takesOver(ctx context.Context, name string, w *Workflow) error {
	was, done, err := e.acquireLive(ctx, name)
	if err != nil || was == nil {
		return err
	}
	defer done()
	before, err := was.NewCrew(ctx)
	if err != nil {
		return err
	}
	defer before.Close()
	after, err := w.NewCrew(ctx)
	if err != nil {
		return err
	}
	defer after.Close()
	if err := core.CanReprogram(&before.Program, &after.Program); err != nil {
		return fmt.Errorf("%w; apply it without --no-rescore, which builds it from history", err)
	}
	return nil
}

// acquireLive is the live release of a workflow that this engine runs; nil if
// it runs none. done gives it back.
func (e *Engine) acquireLive(ctx context.Context, name string) (w *Workflow, done func(), err error) {
	for _, l := range e.lineages() {
		if l.Workflow == name && l.Role == lineage.Live.String() {
			r := lineage.Release{Number: l.Release, Digest: l.Digest, Model: l.Model}
			w, err = e.releases.Acquire(ctx, name, r)
			return w, func() { e.releases.Return(name, r) }, err
		}
	}
	return nil, nil, nil
}

// errStarting says that no time passes yet.
var errStarting = errors.New("the engine is starting; try again")

// answerOrder writes an order behind the newest control message.
func (e *Engine) answerOrder(ctx context.Context, body json.RawMessage, _ func(string, any)) (any, error) {
	var r release.OrderRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, fmt.Errorf("request of an order: %w", err)
	}
	o, err := lineage.DecodeOrder(r.Order)
	if err != nil {
		return nil, err
	}
	if e.clock == nil {
		return nil, errStarting
	}
	ctx, cancel := context.WithTimeout(ctx, release.OrderTime)
	defer cancel()
	if err := e.complete(ctx, o); err != nil {
		return nil, err
	}
	if o.Op == lineage.Switch { // leads are judged by the time of the switch
		if _, err := e.clock.present(ctx); err != nil {
			return nil, err
		}
	}
	return e.clock.order(ctx, o, r.Change)
}

// answerStatus tells what the partitions of this engine run.
func (e *Engine) answerStatus(_ context.Context, _ json.RawMessage, _ func(string, any)) (any, error) {
	list := e.lineages()
	doubts := e.doubtful(list)
	e.doubts.note(e, doubts)
	for i := range list {
		l := &list[i]
		for _, x := range doubts {
			if x.Workflow == l.Workflow && x.Release == l.Release {
				l.Doubts = append(l.Doubts, x)
			}
		}
	}
	return list, nil
}

// order writes an order at the present time of the stream: that of the wall
// clock, or where the stream's own clock stands. It is written only while the
// change that asks for it is where it was (0: none asks): this engine may have
// been stopped meanwhile, and the change given up. Who gives one up lets time
// pass in the stream, so that an order which was checked before comes too late.
func (c *clock) order(ctx context.Context, o *lineage.Order, change uint64) (*release.OrderReply, error) {
	text, err := o.Encode()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		at := c.line.Last().At
		switch {
		case c.e.opts.Clock == ClockStream && at == 0:
			at = c.e.newest()
		case c.e.opts.Clock == ClockStream, o.Op == lineage.Switch && at != 0: // which is the present, see answerOrder
		default:
			at = max(at, c.e.opts.Now())
		}
		if change != 0 {
			if err := c.e.catalog.Under(ctx, change); err != nil {
				return nil, err
			}
		}
		seq, err := c.line.Publish(ctx, journal.Control{Type: journal.ControlRelease, At: at, Body: text})
		switch {
		case err == nil:
			return &release.OrderReply{Seq: seq, At: c.line.Last().At}, nil
		case !errors.Is(err, journal.ErrFenced): // somebody else wrote first: behind it, then
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
}
