package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/model"
)

// errWorkflow says that the streams run other workflows than the one given.
var errWorkflow = errors.New("the data belongs to another workflow")

// agree compares the workflow that the engine was given with what the streams
// run: that goes on, whatever the folder says.
func (e *Engine) agree(ctx context.Context) error {
	if e.work == nil || e.work.Model == nil {
		return nil
	}
	live, err := e.lives(ctx)
	if err != nil || len(live) == 0 {
		return err
	}
	m := e.work.Model
	for i := range live {
		if live[i].Workflow != m.Name {
			continue
		}
		if !modelIs(m, live[i].Model) {
			e.log.Warn("the workflow given is not the release that is live, which goes on; see what would change with ripen plan, and make it live with ripen apply",
				"workflow", m.Name, "live release", live[i].Release, "model", live[i].Model[:min(12, len(live[i].Model))], "given", m.Policy.Release)
		}
		return nil
	}
	return fmt.Errorf("%w: found %q, this engine was given %q; run the workflow that the data belongs to, add this one beside it with ripen apply, "+
		"or give it a data folder (or streams) of its own", errWorkflow, live[0].Workflow, m.Name)
}

// Running is a release that is live.
type Running struct {
	Workflow string
	Release  lineage.Release
}

// Running are the releases that are live on the engine's streams, by workflow,
// whoever runs their partitions.
func (e *Engine) Running(ctx context.Context) (list []Running, err error) {
	live, err := e.lives(ctx)
	for i := range live {
		d := descriptorOf(&live[i])
		list = append(list, Running{d.Workflow, d.Release})
	}
	slices.SortFunc(list, func(a, b Running) int { return strings.Compare(a.Workflow, b.Workflow) })
	return slices.CompactFunc(list, func(a, b Running) bool { return a.Workflow == b.Workflow }), err
}

// lives are the live lineages that the newest records name, or, before there
// is any, that the orders in the stream begin.
func (e *Engine) lives(ctx context.Context) (live []journal.Lineage, err error) {
	for n := range e.journal.Partitions() {
		last, err := e.journal.Last(ctx, n)
		if err != nil {
			return nil, err
		}
		for i := range last.Lineages {
			if l := &last.Lineages[i]; l.Role == journal.RoleLive && !named(live, lineage.ID(l.ID)) {
				live = append(live, *l)
			}
		}
	}
	if len(live) > 0 {
		return live, nil
	}
	o, seq, _, err := e.firstOrder(ctx, 1)
	if err == nil && o != nil {
		d := firstOf(o, seq)
		live = append(live, recordOf(&d))
	}
	return live, err
}

// modelIs says whether a model is the one of a digest, which may be cut short.
func modelIs(m *model.Model, digest string) bool {
	return digest == m.Digest || digest == m.Policy.Release
}

// firstOrder finds the first order behind a sequence that begins a workflow's
// very first lineage; nil if there is none.
func (e *Engine) firstOrder(ctx context.Context, from uint64) (o *lineage.Order, seq uint64, at int64, err error) {
	err = e.journal.Scan(ctx, journal.EventsStream, []string{journal.ControlSubject}, from, func(m journal.Message) error {
		c, err := journal.DecodeControl(m.Data)
		if err != nil || c.Type != journal.ControlRelease {
			return nil
		}
		if found, err := lineage.DecodeOrder(c.Body); err == nil && found.First {
			o, seq, at = found, m.Seq, c.At
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return o, seq, at, err
}

// firstOf is the lineage that such an order begins.
func firstOf(o *lineage.Order, seq uint64) lineage.Descriptor {
	return lineage.Descriptor{ID: lineage.ID(seq), Workflow: o.Workflow, Release: o.Release, Role: lineage.Live, Origin: lineage.FromEmpty, Since: lineage.ID(seq)}
}

// found begins a partition that has no lineage with the first one that the
// stream orders, wherever that order stands: what came before it counts too.
func (p *partition) found(ctx context.Context) error {
	for told := false; len(p.set.Members()) == 0; told = true {
		o, seq, _, err := p.e.firstOrder(ctx, 1)
		switch {
		case err != nil:
			return err
		case o != nil:
			d := firstOf(o, seq)
			if err := p.set.Follow([]lineage.Descriptor{d}); err != nil {
				return err
			}
			p.set.Members()[0].Core.RestoreClock(p.base.Clock)
			if err := p.plan(p.record(p.pos), false); err != nil {
				return err
			}
			return p.settle(true)
		case !told:
			p.log.Warn("waiting: the streams begin no workflow so far")
		}
		if sleep(ctx, time.Second); ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}
