package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

// pastBatch is how many inputs of a lead are run at once.
const pastBatch = 512

// rerun is a lead, or a partition, whose inputs are run again.
type rerun struct {
	x        *Explainer
	ctx      context.Context
	lead     string           // empty: all of the partition
	workflow string           // empty: all
	number   int              // of the partition
	until    int64            // ms, 0 = all
	alone    *lineage.Release // orders do not count
	// decided gets each decision that is made; true ends the run.
	decided func(*lead.Decision) bool
	ended   bool
	foreign string // a release that could not be loaded
	story   *Story

	in    inputs
	batch []core.Input
	stamp uint64
}

func (x *Explainer) rerun(ctx context.Context, key, workflow string) *rerun {
	r := x.rerunAll(ctx, lead.Partition(key, x.p))
	r.lead, r.workflow = key, workflow
	return r
}

// rerunAll is all leads of a partition under all workflows.
func (x *Explainer) rerunAll(ctx context.Context, n int) *rerun {
	return &rerun{x: x, ctx: ctx, number: n, story: &Story{visit: x.e.newVisit(ctx)},
		in: inputs{decoder: intake.NewDecoder(intake.Options{}), partitions: x.p, number: n, timeless: x.e.opts.Clock == ClockStream}}
}

// errLater ends the reading behind the time, or the place, that is asked for.
var errLater = errors.New("later")

// run reads the stream to its end, to the time or to the decision.
func (r *rerun) run(ctx context.Context) error {
	x := r.x
	r.story.visit.lenient = r.alone == nil
	err := x.e.allowed(ctx, func(ctx context.Context) error {
		s, err := x.e.js.Stream(ctx, journal.EventsStream)
		if err != nil {
			return fmt.Errorf("%s: %w", journal.EventsStream, err)
		}
		st := s.CachedInfo().State
		if r.story.First = max(1, st.FirstSeq); r.story.First > 1 {
			r.story.Since = st.FirstTime.UnixMilli()
		}
		if err := r.begin(ctx); err != nil {
			return err
		}
		return x.e.journal.Scan(ctx, journal.EventsStream, r.subjects(), 1, r.take)
	})
	if err == nil || errors.Is(err, errLater) {
		if r.until > 0 {
			r.batch = append(r.batch, core.Input{Event: lead.Event{Kind: lead.Tick, At: r.until}})
		}
		err = r.flush()
	}
	if errors.Is(err, errFound) {
		err = nil
	}
	return err
}

func (r *rerun) subjects() []string {
	return []string{journal.EventSubject(r.number), journal.ControlSubject}
}

// begin makes the first lineage: the one that the stream begins with, if it is
// of the workflow.
func (r *rerun) begin(ctx context.Context) error {
	set := r.story.visit.set
	if r.alone != nil {
		return set.Follow([]lineage.Descriptor{{ID: 1, Workflow: r.workflow, Release: *r.alone, Role: lineage.Live, Origin: lineage.FromEmpty}})
	}
	o, seq, _, err := r.x.e.firstOrder(ctx, 1)
	if err == nil && o == nil && r.story.First > 1 {
		return r.stand(ctx)
	}
	if err != nil || o == nil || !r.about(o.Workflow) {
		return err
	}
	return r.known(set.Follow([]lineage.Descriptor{firstOf(o, seq)}))
}

// stand begins with what is live now, where the order that began is gone by age.
func (r *rerun) stand(ctx context.Context) error {
	live, err := r.x.e.lives(ctx)
	var list []lineage.Descriptor
	for i := range live {
		if d := descriptorOf(&live[i]); r.about(d.Workflow) {
			d.Origin = lineage.FromEmpty
			list = append(list, d)
		}
	}
	if err != nil {
		return err
	}
	return r.known(r.story.visit.set.Follow(list))
}

// about says whether a workflow is run.
func (r *rerun) about(workflow string) bool { return r.workflow == "" || r.workflow == workflow }

// known notes a release that somebody else stands in for.
func (r *rerun) known(err error) error {
	for _, m := range r.story.visit.set.Members() {
		if m.Role != lineage.Live {
			continue // it decides nothing
		}
		if w := r.story.visit.workOf(&m.Descriptor); w != nil && !modelIs(w.Model, m.Release.Model) && r.foreign == "" {
			r.foreign = fmt.Sprintf("release %d of workflow %q (%.12s) decided, and is %s", m.Release.Number, m.Workflow, m.Release.Model, r.x.e.absent(r.ctx, &m.Descriptor))
		}
	}
	return err
}

// absent says why a lineage's release is not to be had.
func (e *Engine) absent(ctx context.Context, d *lineage.Descriptor) string {
	if e.catalog != nil {
		if entry, err := e.catalog.Entry(ctx, d.Workflow, d.Release.Number); err == nil && entry.Purged != 0 {
			return "purged"
		}
	}
	return "not at hand"
}

// take adds what of a message is about the lead.
func (r *rerun) take(m journal.Message) error {
	if m.Subject == journal.ControlSubject {
		return r.control(&m)
	}
	r.events(&m, r.until)
	return r.full()
}

// events adds the lead's events of a message, up to a time (ms, 0 = all).
func (r *rerun) events(m *journal.Message, until int64) {
	// A message that cannot be unpacked was rejected as a whole.
	_ = intake.Messages(m.Data, func(_ int, raw []byte, received int64) {
		if r.lead != "" && !bytes.Contains(raw, []byte(r.lead)) && !bytes.ContainsRune(raw, '\\') {
			return // nowhere in it stands the lead's name, written out or escaped
		}
		if received == 0 {
			received = m.Time
		}
		in := r.in.decode(raw, received)
		if r.lead == "" || in.Refused == nil && in.Event.Lead == r.lead && (until == 0 || in.Event.At <= until) {
			r.batch = append(r.batch, in)
		}
	})
}

func (r *rerun) control(m *journal.Message) error {
	c, err := journal.DecodeControl(m.Data)
	switch {
	case err != nil:
		return err
	case r.until != 0 && c.At > r.until:
		return errLater
	case c.Type == journal.ControlRelease && r.alone == nil:
		return r.order(m, &c)
	case c.Type != journal.ControlTick:
		return nil
	case r.story.visit.set.Expires(c.At):
		if err := r.flush(); err != nil {
			return err
		}
		r.story.visit.set.Expire(c.At)
	}
	r.batch = append(r.batch, core.Input{Event: lead.Event{Kind: lead.Tick, At: c.At}})
	return r.full()
}

func (r *rerun) full() error {
	if len(r.batch) < pastBatch {
		return nil
	}
	return r.flush()
}

// flush runs what waits.
func (r *rerun) flush() error {
	defer func() {
		clear(r.batch)
		r.batch = r.batch[:0]
	}()
	step := len(r.batch)
	if r.lead != "" {
		step = 1 // so that it ends right behind a decision
	}
	for i := 0; i < len(r.batch) && !r.ended; i += step {
		if err := r.score(r.batch[i : i+step]); err != nil {
			return err
		}
	}
	return r.end()
}

func (r *rerun) end() error {
	if r.ended {
		return errFound
	}
	return nil
}

func (r *rerun) score(inputs []core.Input) error {
	if err := r.story.visit.set.Run(inputs); err != nil {
		return err
	}
	for i := range inputs {
		if inputs[i].Event.Kind == lead.Tick {
			r.story.Ticks++
		} else {
			r.story.Events++
		}
	}
	r.collect()
	return nil
}

// collect takes what the live lineages have decided.
func (r *rerun) collect() {
	r.stamp++
	set := r.story.visit.set
	for _, m := range set.Members() {
		for i := range m.Out.Changes {
			m.Out.Changes[i].Stamp(r.stamp)
		}
		if !m.Heard() {
			continue
		}
		for i := range m.Out.Decisions {
			if d := m.Out.Decisions[i]; !r.ended {
				r.ended = r.decided(&d)
			}
		}
	}
	set.Reset()
}
