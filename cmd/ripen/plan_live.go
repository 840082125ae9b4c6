package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/plan"
	"github.com/ripenhq/ripen/engine/replay"
)

// livePlan is a plan on the history of a running engine.
type livePlan struct {
	app   *app
	flags *planFlags
	is    *engine.Workflow
	dir   string
	mode  plan.Mode

	past   *engine.Rehearsal
	c      *plan.Comparison
	oldest int64 // time of the earliest event, ms; 0 = none
	ticks  int
	events int
}

// planLive compares a candidate with what is live on an engine's streams.
func (a *app) planLive(ctx context.Context, c *config, p *livePlan) (r *plan.Report, err error) {
	o := c.engineOptions(p.is, a.logger(c))
	if err := needData(&o); err != nil {
		return nil, err
	}
	if p.past, err = engine.Rehearse(ctx, o, c.origin["clock"] == "default"); err != nil {
		return nil, err
	}
	defer p.past.Close()
	was, done, err := p.before(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	is, err := p.is.NewCrew(ctx)
	if err != nil {
		return nil, err
	}
	defer is.Close()
	p.c = plan.NewComparison(was,
		plan.Version{Release: plan.Release{Digest: p.is.Model.Policy.Release, From: p.dir}, Program: is.Program, Def: p.is.Def}, p.past.Partitions())
	if !p.mode.Rescore {
		if err := p.c.CanGoOn(); err != nil {
			return nil, no("--no-rescore: %s", err)
		}
	}
	return p.run(ctx)
}

// before is the release that is live, or nothing, if the workflow is a new one.
func (p *livePlan) before(ctx context.Context) (v plan.Version, done func(), err error) {
	work := p.past.Work
	switch {
	case work == nil && !p.mode.Rescore:
		return v, nil, noLedgers(p.is.Model.Name)
	case work == nil:
		return plan.Nothing(), func() {}, nil
	}
	crew, err := work.NewCrew(ctx)
	if err != nil {
		return v, nil, err
	}
	return plan.Version{Release: plan.Release{Number: p.past.Release.Number, Digest: work.Model.Policy.Release}, Program: crew.Program, Def: work.Def}, crew.Close, nil
}

func (p *livePlan) run(ctx context.Context) (*plan.Report, error) {
	fuel := fuelOf(p.is)
	next, err := replay.New(programs(ctx, p.is), replay.Options{Partitions: p.past.Partitions(), Batch: p.flags.batch, Core: p.past.CoreOptions(), Now: planClock,
		Decided: func(_, partition int, list []lead.Decision) { p.c.Decided(1, partition, list) }})
	if err != nil {
		return nil, err
	}
	defer next.Close()
	if err := p.past.Decisions(ctx, p.decided); err != nil {
		return nil, err
	}
	if err := p.read(ctx, next); err != nil {
		return nil, err
	}
	if err := p.present(next); err != nil {
		return nil, err
	}
	s := p.state(next)
	s.Cost.After = effort(next.Side, fuelOf(p.is)-fuel)
	if s.Switched, err = p.c.Onto(s.Before, s.After, &p.mode, s.History.To); err != nil {
		return nil, err
	}
	r, err := p.c.Report(s)
	if err != nil {
		return nil, err
	}
	return r, p.retrace(ctx, r)
}

// decided takes what the live release has published in the history that the
// candidate sees.
func (p *livePlan) decided(partition int, d *lead.Decision) {
	if p.past.Whole || d.At >= p.past.Cut {
		p.c.Decided(0, partition, []lead.Decision{*d})
	}
}

// progress draws how far the history is read; done ends it.
func (p *livePlan) progress() (told func(at, end uint64), done func()) {
	bar := p.app.progress("reading history", -1, false)
	last := uint64(0)
	return func(at, _ uint64) {
		bar.add(int(at - last))
		last = at
	}, bar.done
}

// read lets the candidate score the history, or without a re-score only looks at
// it.
func (p *livePlan) read(ctx context.Context, next *replay.Replay) error {
	told, done := p.progress()
	defer done()
	if p.mode.Rescore {
		return p.past.Build(ctx, next, told, p.see)
	}
	return p.past.Play(ctx, told, func(n int, e *lead.Event) error {
		p.see(n, e)
		return nil
	})
}

// see counts what the history holds.
func (p *livePlan) see(partition int, e *lead.Event) {
	switch {
	case e.Kind != lead.Tick:
		if p.events++; p.oldest == 0 || e.At < p.oldest {
			p.oldest = e.At
		}
	case partition == 0:
		p.ticks++
	}
}

// present lets time pass up to the moment of the switch, for both releases.
func (p *livePlan) present(next *replay.Replay) error {
	at, err := p.past.Present(next.Cores(), func(n int, list []lead.Decision) { p.c.Decided(0, n, list) })
	if err != nil || !p.mode.Rescore || at == 0 {
		return err
	}
	for n := range p.past.Partitions() {
		next.TickIn(n, at)
	}
	return next.Drain()
}

// state is what the history has led to.
func (p *livePlan) state(next *replay.Replay) *plan.State {
	counts := next.Counts()
	s := &plan.State{Mode: p.mode, Before: p.past.Cores(), After: next.Of(0).Cores(),
		History: plan.History{Events: max(counts.Accepted, p.events-counts.Duplicates), Ticks: p.ticks, From: p.oldest, To: p.past.Clock(next.Cores()...), Whole: p.past.Whole, Cut: p.past.Cut,
			Duplicates: counts.Duplicates, RefusedAfter: counts.Refused}}
	switch {
	case p.events == 0:
		s.Cautions = append(s.Cautions, "the history is empty: this plan says nothing of what the release does to leads")
	case !p.past.Whole && p.past.Work == nil:
		s.Cautions = append(s.Cautions, "the history does not go back to the first event: nothing is known of what came before "+stamp(p.past.Cut))
	case !p.past.Whole && p.mode.Rescore:
		s.Cautions = append(s.Cautions, "the history does not go back to the first event: leads begin with what the live release knew of them at "+stamp(p.past.Cut)+", and rules that look further back find it as that release left it")
	}
	if n := counts.Refused; n*10 > p.events && p.mode.Rescore {
		s.Cautions = append(s.Cautions, fmt.Sprintf("the new release refuses %s of %s, for example: %s. Give --clock, --skew and --dedupe as the engine has them", thousands(n), plural(p.events, "event"), next.Refused()[0].Reason))
	}
	return s
}

// retrace reads the inputs of the leads that the report lists once more, to say
// why the releases part; of a history that is not whole, the end has to do.
func (p *livePlan) retrace(ctx context.Context, r *plan.Report) error {
	t := plan.NewRetrace(r)
	if t.Empty() || !p.past.Whole || r.Begins {
		return nil
	}
	told, done := p.progress()
	defer done()
	err := p.past.Play(ctx, told, func(n int, e *lead.Event) error {
		if e.Kind != lead.Tick || n == 0 {
			t.Event(e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return p.c.Retrace(r, t, p.past.CoreOptions())
}

// checkLive refuses what only makes sense on files.
func (f *planFlags) checkLive(inputs []string) error {
	switch {
	case len(inputs)+len(f.inputs.events)+len(f.inputs.leads) > 0:
		return errors.New("a plan on files needs the folder of the workflow to compare with: --against OLD; on an engine's own history it takes no files")
	case f.asOf != "":
		return fmt.Errorf("--as-of is for a plan on files; on an engine the switch is now")
	}
	return nil
}
