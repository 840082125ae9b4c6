package main

import (
	"context"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/lead"
)

// decisionAnswer is a decision with what is known of how it was made.
type decisionAnswer struct {
	Decision   lead.Decision      `json:"decision"`
	Number     uint32             `json:"release,omitempty"`
	Bundle     string             `json:"bundle,omitempty"` // its digest
	Model      string             `json:"model,omitempty"`  // digest of what it compiles to
	Partition  int                `json:"partition"`
	Sequence   uint64             `json:"sequence,omitempty"` // in the journal
	Record     uint64             `json:"record,omitempty"`
	Input      uint64             `json:"input,omitempty"` // sequence of the newest input of the record
	Reproduced *engine.Reproduced `json:"reproduced,omitempty"`
}

// explainDecision explains a decision of an engine; found is false if the
// journal has none of that id.
func (a *app) explainDecision(ctx context.Context, f *explainFlags, x *engine.Explainer, id string) (found bool, err error) {
	s, err := x.Find(ctx, id)
	if s == nil || err != nil {
		return false, err
	}
	var r *engine.Reproduced
	for i, clock := range f.clocks {
		x.UseClock(clock)
		again, err := x.Reproduce(ctx, s)
		if err != nil {
			return true, err
		}
		if i == 0 || again.Same {
			r = again
		}
		if again.Same {
			break
		}
	}
	return true, a.answerDecision(f, &decisionAnswer{s.Decision, s.Number, s.Bundle, s.Model, s.Partition, s.Sequence, s.Record, s.Input, r})
}

func (a *app) answerDecision(f *explainFlags, d *decisionAnswer) error {
	if f.json {
		if err := a.encode(d); err != nil {
			return err
		}
	} else if err := a.printDecision(d); err != nil {
		return err
	}
	switch r := d.Reproduced; {
	case r == nil, r.Same:
		return nil
	case r.OutOfReach:
		return no("decision %s is out of reach: %s", d.Decision.ID, r.Why)
	default:
		return no("decision %s was not reproduced: %s", d.Decision.ID, r.Why)
	}
}
