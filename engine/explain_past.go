package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/explain"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

// pastBatch is how many inputs of a lead are run at once.
const pastBatch = 512

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

// Reproduced is the outcome of making a decision again.
type Reproduced struct {
	Events int    `json:"events"` // of the lead that were run again
	Ticks  int    `json:"ticks"`
	Orders int    `json:"orders"`         // that began, switched or ended releases of the workflow
	First  uint64 `json:"first_sequence"` // in the events stream, where that began
	Same   bool   `json:"same"`
	// Why says what is different, or why it could not be made again.
	Why string `json:"why,omitempty"`
}

// Reproduce runs the inputs of a decision's lead again, under the releases that
// were live at each position, and compares the decision's bytes.
func (x *Explainer) Reproduce(ctx context.Context, s *Stored) (*Reproduced, error) {
	r := x.rerun(ctx, s.Lead, s.Workflow)
	defer r.story.Close()
	var found *lead.Decision
	r.decided = func(d *lead.Decision) bool {
		if d.ID == s.ID {
			found = d
		}
		return found != nil
	}
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	out := &Reproduced{Events: r.story.Events, Ticks: r.story.Ticks, Orders: r.story.Orders, First: r.story.First}
	if found == nil {
		out.Why = r.whyNot()
		return out, nil
	}
	o, err := decisionOutput(found)
	if err != nil {
		return nil, err
	}
	if out.Same = bytes.Equal(o.Data, s.data); out.Same {
		return out, nil
	}
	if r.story.First > 1 {
		out.Why = r.whyNot()
		return out, nil
	}
	at := differ(o.Data, s.data)
	out.Why = fmt.Sprintf("byte %d differs: %s is stored, its inputs make %s", at, around(s.data, at), around(o.Data, at))
	if r.foreign != "" {
		out.Why = r.foreign + "; " + out.Why
	}
	return out, nil
}

// whyNot says why the inputs do not lead to the decision that is wanted.
func (r *rerun) whyNot() string {
	switch {
	case r.foreign != "":
		return r.foreign
	case r.story.First > 1:
		return fmt.Sprintf("the history begins at sequence %d of the events, received at %s; what came before is gone by age. What was decided about leads that were first seen later can be made again",
			r.story.First, explain.Stamp(r.story.Since))
	}
	return "the lead's inputs do not lead to it; were --skew and --dedupe those of the engine?"
}

// around is the place of a difference, for people.
func around(b []byte, at int) string {
	return fmt.Sprintf("…%s…", b[max(0, at-30):min(len(b), at+30)])
}

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

// tell runs everything and shows the live lineage.
func (r *rerun) tell(ctx context.Context) (*Story, error) {
	r.decided = func(d *lead.Decision) bool {
		r.story.Decisions = append(r.story.Decisions, *d)
		return false
	}
	err := r.run(ctx)
	if err == nil && r.foreign != "" {
		err = errors.New(r.foreign)
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
			r.foreign = fmt.Sprintf("release %d of workflow %q (%.12s) decided, and is not at hand", m.Release.Number, m.Workflow, m.Release.Model)
		}
	}
	return err
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

// order obeys an order about the workflow.
func (r *rerun) order(m *journal.Message, c *journal.Control) error {
	if err := r.flush(); err != nil {
		return err
	}
	o, err := lineage.DecodeOrder(c.Body)
	if err != nil || !r.about(o.Workflow) {
		return nil // it was passed over
	}
	set := r.story.visit.set
	w, err := set.Obey(o, m.Seq, c.At)
	if errors.Is(err, lineage.ErrOrder) || err == nil && w.Passed != "" {
		return nil
	}
	if err := r.known(err); err != nil {
		return err
	}
	if w.New || o.Op == lineage.Switch {
		r.story.Orders++
	}
	after := ""
	for done := false; !done; {
		if after, done, err = w.Step(after, 0); err != nil {
			return err
		}
		r.collect()
	}
	w.Done()
	if k := w.Member(); k != nil && k.Role == lineage.Building {
		if err := r.build(k, m.Seq); err != nil {
			return err
		}
	}
	return r.known(r.end())
}

// build brings a new lineage to where the others are: an engine takes its time
// for that, which changes nothing.
func (r *rerun) build(m *lineage.Member, until uint64) error {
	set := r.story.visit.set
	run := func() error {
		for list := r.batch; len(list) > 0; {
			n, err := set.Build(m, list)
			if err != nil {
				return err
			}
			r.collect()
			list = list[n:]
		}
		r.batch = r.batch[:0]
		return nil
	}
	err := r.x.e.journal.Scan(r.ctx, journal.EventsStream, r.subjects(), 1, func(msg journal.Message) error {
		if msg.Seq >= until {
			return errLater
		}
		if msg.Subject == journal.ControlSubject {
			if c, err := journal.DecodeControl(msg.Data); err == nil && c.Type == journal.ControlTick {
				r.batch = append(r.batch, core.Input{Event: lead.Event{Kind: lead.Tick, At: c.At}})
			}
		} else {
			r.events(&msg, 0)
		}
		if len(r.batch) < pastBatch {
			return nil
		}
		return run()
	})
	if err != nil && !errors.Is(err, errLater) {
		return err
	}
	if err := run(); err != nil {
		return err
	}
	set.Join(m, set.Clock())
	return nil
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
