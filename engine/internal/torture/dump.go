package torture

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// input is an event or a tick as the stream holds it.
type input struct {
	seq  uint64
	id   string // empty for a tick
	lead string
	line string
}

// dump is what both streams hold, in their order.
type dump struct {
	inputs    []input
	decisions []lead.Decision
	bodies    []string       // of the decisions
	rejected  map[string]int // by the bytes of the input
	records   int
}

// read takes everything out of the streams.
func (r *round) read() (*dump, error) {
	d := &dump{rejected: map[string]int{}}
	err := r.open(func(ctx context.Context, js jetstream.JetStream) error {
		if err := each(ctx, js, journal.EventsStream, d.event); err != nil {
			return err
		}
		return each(ctx, js, journal.JournalStream, d.journal)
	})
	return d, err
}

func (d *dump) event(seq uint64, m jetstream.Msg) error {
	if m.Subject() == journal.ControlSubject {
		var c struct {
			Type string
			At   int64
		}
		if err := json.Unmarshal(m.Data(), &c); err != nil {
			return err
		}
		if c.Type == "tick" {
			d.inputs = append(d.inputs, input{seq: seq, line: tickLine(time.UnixMilli(c.At))})
		}
		return nil
	}
	return intake.Messages(m.Data(), func(_ int, raw []byte, _ int64) {
		in := input{seq: seq, line: string(raw)}
		var e struct {
			MessageID, UserID string
			Redrive           *struct {
				Workflow string
				Attempt  int
			}
		}
		if json.Unmarshal(raw, &e) == nil {
			in.id, in.lead = e.MessageID, e.UserID
			if e.Redrive != nil {
				in.id = redriveID(in.id, e.Redrive.Workflow, e.Redrive.Attempt)
			}
		}
		d.inputs = append(d.inputs, in)
	})
}

func (d *dump) journal(_ uint64, m jetstream.Msg) error {
	switch p := m.Subject(); {
	case len(p) > 8 && p[:8] == "ripen.j.":
		d.records++
	case len(p) > 10 && p[:10] == "ripen.out.":
		var one lead.Decision
		if err := json.Unmarshal(m.Data(), &one); err != nil {
			return fmt.Errorf("decision %.80q: %w", m.Data(), err)
		}
		d.decisions = append(d.decisions, one)
		d.bodies = append(d.bodies, string(m.Data()))
	default:
		var one lead.Rejected
		if err := json.Unmarshal(m.Data(), &one); err != nil {
			return fmt.Errorf("rejected event %.80q: %w", m.Data(), err)
		}
		d.rejected[string(one.Raw)]++
	}
	return nil
}

// each hands every message of a stream over, in order.
func each(ctx context.Context, js jetstream.JetStream, stream string, fn func(uint64, jetstream.Msg) error) error {
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return err
	}
	left := s.CachedInfo().State.Msgs
	if left == 0 {
		return nil
	}
	c, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{})
	if err != nil {
		return err
	}
	it, err := c.Messages()
	if err != nil {
		return err
	}
	defer it.Stop()
	for left > 0 {
		m, err := it.Next(jetstream.NextContext(ctx))
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s has %d messages less than it says", stream, left)
		}
		if err != nil {
			return err
		}
		meta, err := m.Metadata()
		if err != nil {
			return err
		}
		if err := fn(meta.Sequence.Stream, m); err != nil {
			return fmt.Errorf("%s at sequence %d: %w", stream, meta.Sequence.Stream, err)
		}
		left--
	}
	return nil
}
