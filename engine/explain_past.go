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
)

// pastBatch is how many inputs of a lead are run at once.
const pastBatch = 512

// Past runs what the stream holds of one lead again, up to a time (ms, 0 = all):
// leads do not touch each other, so its own events and the ticks make it what
// it is. What is dated later is left out.
func (x *Explainer) Past(ctx context.Context, key string, until int64) (*Story, error) {
	r, err := x.rerun(ctx, key)
	if err != nil {
		return nil, err
	}
	r.until = until
	if err := r.run(ctx); err != nil {
		r.story.Close()
		return nil, err
	}
	r.story.clock(key)
	return r.story, nil
}

// Reproduced is the outcome of making a decision again.
type Reproduced struct {
	Events int    `json:"events"` // of the lead that were run again
	Ticks  int    `json:"ticks"`
	First  uint64 `json:"first_sequence"` // in the events stream, where that began
	Same   bool   `json:"same"`
	// Why says what is different, or why it could not be made again.
	Why string `json:"why,omitempty"`
}

// Reproduce runs the inputs of a decision's lead again and compares the
// decision's bytes.
func (x *Explainer) Reproduce(ctx context.Context, s *Stored) (*Reproduced, error) {
	if own := x.e.work.Model; s.Workflow != own.Name || s.Release != own.Policy.Release {
		return &Reproduced{Why: fmt.Sprintf("release %s of workflow %s decided, the one given is %s of %s", s.Release, s.Workflow, own.Policy.Release, own.Name)}, nil
	}
	r, err := x.rerun(ctx, s.Lead)
	if err != nil {
		return nil, err
	}
	defer r.story.Close()
	r.wanted = s.ID
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	out := &Reproduced{Events: r.story.Events, Ticks: r.story.Ticks, First: r.story.First}
	if r.found == nil {
		out.Why = "the lead's inputs do not lead to it"
		if out.First > 1 {
			out.Why = fmt.Sprintf("the history begins at sequence %d of the events; what came before is gone by age", out.First)
		}
		return out, nil
	}
	o, err := decisionOutput(r.found)
	if err != nil {
		return nil, err
	}
	out.Same = bytes.Equal(o.Data, s.data)
	if !out.Same {
		at := differ(o.Data, s.data)
		out.Why = fmt.Sprintf("byte %d differs: %s is stored, its inputs make %s", at, around(s.data, at), around(o.Data, at))
	}
	return out, nil
}

// around is the place of a difference, for people.
func around(b []byte, at int) string {
	return fmt.Sprintf("…%s…", b[max(0, at-30):min(len(b), at+30)])
}

// rerun is a lead whose inputs are run again.
type rerun struct {
	x      *Explainer
	lead   string
	number int
	until  int64  // ms, 0 = all
	wanted string // id of the decision behind which it ends
	found  *lead.Decision
	story  *Story

	in    inputs
	batch []core.Input
	out   core.Output
}

func (x *Explainer) rerun(ctx context.Context, key string) (*rerun, error) {
	crew, err := x.e.work.NewCrew(ctx)
	if err != nil {
		return nil, err
	}
	n := lead.Partition(key, x.p)
	r := &rerun{x: x, lead: key, number: n, story: &Story{crew: crew, core: core.New(crew.Program, x.e.coreOptions())},
		in: inputs{decoder: intake.NewDecoder(intake.Options{}), partitions: x.p, number: n, timeless: x.e.opts.Clock == ClockStream}}
	return r, nil
}

// run reads the stream to its end, to the time or to the decision.
func (r *rerun) run(ctx context.Context) error {
	x := r.x
	err := x.e.allowed(ctx, func(ctx context.Context) error {
		s, err := x.e.js.Stream(ctx, journal.EventsStream)
		if err != nil {
			return fmt.Errorf("%s: %w", journal.EventsStream, err)
		}
		r.story.First = max(1, s.CachedInfo().State.FirstSeq)
		return x.e.journal.Scan(ctx, journal.EventsStream, []string{journal.EventSubject(r.number), journal.ControlSubject}, 1, r.take)
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

// errLater ends the reading at a tick behind the time that is asked for.
var errLater = errors.New("later")

// take adds what of a message is about the lead.
func (r *rerun) take(m journal.Message) error {
	if m.Subject == journal.ControlSubject {
		return r.control(&m)
	}
	err := intake.Messages(m.Data, func(_ int, raw []byte, received int64) {
		if !bytes.Contains(raw, []byte(r.lead)) && !bytes.ContainsRune(raw, '\\') {
			return // nowhere in it stands the lead's name, written out or escaped
		}
		if received == 0 {
			received = m.Time
		}
		in := r.in.decode(raw, received)
		if in.Refused != nil || in.Event.Lead != r.lead || r.until != 0 && in.Event.At > r.until {
			return
		}
		r.batch = append(r.batch, in)
	})
	if err != nil { // it was rejected as a whole
		return nil
	}
	return r.full()
}

func (r *rerun) control(m *journal.Message) error {
	c, err := journal.DecodeControl(m.Data)
	if err != nil || c.Type != journal.ControlTick {
		return err
	}
	if r.until != 0 && c.At > r.until {
		return errLater
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
	if r.wanted != "" {
		step = 1 // so that it ends right behind the decision
	}
	for i := 0; i < len(r.batch) && r.found == nil; i += step {
		if err := r.score(r.batch[i : i+step]); err != nil {
			return err
		}
	}
	if r.found != nil {
		return errFound
	}
	return nil
}

func (r *rerun) score(inputs []core.Input) error {
	r.out.Reset()
	if err := r.story.core.Run(inputs, &r.out); err != nil {
		return err
	}
	for i := range inputs {
		if inputs[i].Event.Kind == lead.Tick {
			r.story.Ticks++
		} else {
			r.story.Events++
		}
	}
	for i := range r.out.Decisions {
		d := r.out.Decisions[i]
		r.story.Decisions = append(r.story.Decisions, d)
		if d.ID == r.wanted {
			r.found = &d
		}
	}
	return nil
}
