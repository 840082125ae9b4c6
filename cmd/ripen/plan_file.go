package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/replay"
)

// filePlan is a plan on events from files.
type filePlan struct {
	flags   *planFlags
	was, is *engine.Workflow
	dir     string
	mode    plan.Mode
	inputs  []string
	fresh   *replay.Replay // without a re-score: the new release, which has seen nothing
}

// planFiles runs both releases over the files, and the switch behind them.
func (a *app) planFiles(ctx context.Context, p *filePlan) (*plan.Report, error) {
	c, done, err := p.comparison(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if !p.mode.Rescore {
		if err := c.CanGoOn(); err != nil {
			return nil, no("--no-rescore: %s", err)
		}
	}
	o := replay.Options{Partitions: p.flags.partitions, Batch: p.flags.batch, Decided: c.Decided, Now: planClock}
	releases := []replay.Programs{programs(ctx, p.was), programs(ctx, p.is)}
	if !p.mode.Rescore { // the new release scores nothing: it goes on from what the other one knows
		fresh, err := replay.New(releases[1], o)
		if err != nil {
			return nil, err
		}
		defer fresh.Close()
		p.fresh, releases = fresh, releases[:1]
	}
	h, err := a.startBeside(releases, &p.flags.inputs, p.inputs, p.dir, o)
	if err != nil {
		return nil, err
	}
	defer h.close()
	s, err := p.play(h)
	if err != nil {
		return nil, err
	}
	if s.Switched, err = c.Onto(s.Before, s.After, &p.mode, h.asOf); err != nil {
		return nil, err
	}
	r, err := c.Report(s)
	if err != nil {
		return nil, err
	}
	if err := p.retrace(c, r, h); err != nil {
		return nil, err
	}
	return r, h.summary(-1)
}

// play runs the history and tells what it has led to.
func (p *filePlan) play(h *history) (s *plan.State, err error) {
	f := p.flags
	if f.html != "" {
		if err := spare(f.html, h.sources); err != nil {
			return nil, err
		}
	}
	if f.asOf != "" {
		if h.asOf, err = parseTime(f.asOf); err != nil {
			return nil, fmt.Errorf("--as-of: %w", err)
		}
	}
	fuel := [2]uint64{fuelOf(p.was), fuelOf(p.is)}
	if err := h.play(); err != nil {
		return nil, err
	}
	s = p.state(h)
	s.Cost.Before = effort(h.replay.Of(0), fuelOf(p.was)-fuel[0])
	if !p.mode.Rescore {
		s.After = p.fresh.Cores()
		return s, nil
	}
	s.After = h.replay.Of(1).Cores()
	s.Cost.After = effort(h.replay.Of(1), fuelOf(p.is)-fuel[1])
	return s, nil
}

// retrace reads the inputs of the leads that the report lists once more, to say
// why the releases part. Without files to read again it says so.
func (p *filePlan) retrace(c *plan.Comparison, r *plan.Report, h *history) error {
	t := plan.NewRetrace(r)
	if t.Empty() {
		return nil
	}
	if slices.ContainsFunc(h.sources, func(s source) bool { return s.name == "-" }) {
		r.Cautions = append(r.Cautions, "stdin cannot be read twice: why hand-offs differ is told by how the leads stand at the end, not in that moment")
		return nil
	}
	for _, s := range h.sources {
		if err := h.again(s, t); err != nil {
			return err
		}
	}
	return c.Retrace(r, t, core.Options{})
}

// again reads one input a second time.
func (h *history) again(s source, t *plan.Retrace) error {
	rd, closer, err := h.app.open(s, h.flags, h.dir, &progress{})
	if err != nil {
		return err
	}
	defer func() { _ = closer.Close() }()
	rd.Only = t.Wants
	for {
		it, err := rd.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("input %s: %w", s.name, err)
		case it.Rejected == nil && it.Event.At <= h.asOf:
			t.Event(&it.Event)
		}
	}
}

// comparison begins to compare the two workflows.
func (p *filePlan) comparison(ctx context.Context) (c *plan.Comparison, done func(), err error) {
	was, err := p.was.NewCrew(ctx)
	if err != nil {
		return nil, nil, err
	}
	is, err := p.is.NewCrew(ctx)
	if err != nil {
		was.Close()
		return nil, nil, err
	}
	version := func(w *engine.Workflow, crew *engine.Crew, dir string) plan.Version {
		return plan.Version{Release: plan.Release{Digest: w.Model.Policy.Release, From: dir}, Program: crew.Program, Def: w.Def}
	}
	done = func() { was.Close(); is.Close() }
	return plan.NewComparison(version(p.was, was, p.flags.against), version(p.is, is, p.dir), p.flags.partitions), done, nil
}

// state is what the history has led to.
func (p *filePlan) state(h *history) *plan.State {
	counts := h.replay.Of(0).Counts()
	s := &plan.State{Mode: p.mode, Before: h.replay.Of(0).Cores(),
		History: plan.History{Events: counts.Accepted, Duplicates: counts.Duplicates, Ticks: h.read.Ticks, From: h.oldest, To: h.asOf, Whole: true, RefusedBefore: counts.Refused}}
	if p.mode.Rescore {
		s.History.RefusedAfter = h.replay.Of(1).Counts().Refused
	}
	if counts.Accepted == 0 {
		s.Cautions = append(s.Cautions, "the history is empty: this plan says nothing of what the release does to leads")
	}
	return s
}

// effort is what a release has taken of the machine for each event.
func effort(side *replay.Side, fuel uint64) plan.Effort {
	e := plan.Effort{Events: side.Counts().Accepted}
	if e.Events > 0 {
		e.Fuel, e.Nanos = fuel/uint64(e.Events), side.Took()/int64(e.Events)
	}
	return e
}

// fuelOf is the work that the plugins of a workflow have done so far.
func fuelOf(w *engine.Workflow) (sum uint64) {
	for _, s := range w.Stats() {
		sum += s.Fuel
	}
	return sum
}
