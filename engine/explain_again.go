package engine

import (
	"bytes"
	"context"
	"fmt"

	"github.com/ripenhq/ripen/engine/explain"
	"github.com/ripenhq/ripen/engine/lead"
)

// Reproduced is the outcome of making a decision again.
type Reproduced struct {
	Events int    `json:"events"` // of the lead that were run again
	Ticks  int    `json:"ticks"`
	Orders int    `json:"orders"`         // that began, switched or ended releases of the workflow
	First  uint64 `json:"first_sequence"` // in the events stream, where that began
	Same   bool   `json:"same"`
	// OutOfReach says that it could not be made again: by a release that is purged,
	// or from inputs that are gone by age.
	OutOfReach bool `json:"out_of_reach,omitempty"`
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
		out.OutOfReach, out.Why = r.missed()
		return out, nil
	}
	o, err := decisionOutput(found)
	if err != nil {
		return nil, err
	}
	if out.Same = bytes.Equal(o.Data, s.data); out.Same {
		return out, nil
	}
	if out.OutOfReach, out.Why = r.missed(); !out.OutOfReach {
		at := differ(o.Data, s.data)
		out.Why = fmt.Sprintf("byte %d differs: %s is stored, its inputs make %s", at, around(s.data, at), around(o.Data, at))
	}
	return out, nil
}

// missed says why the inputs do not lead to the decision that is wanted, and
// whether they cannot any more.
func (r *rerun) missed() (outOfReach bool, why string) {
	switch {
	case r.foreign != "":
		return true, r.foreign
	case r.story.First > 1:
		return true, fmt.Sprintf("the history begins at sequence %d of the events, received at %s; what came before is gone by age. What was decided about leads that were first seen later can be made again",
			r.story.First, explain.Stamp(r.story.Since))
	}
	return false, "the lead's inputs do not lead to it; were --skew and --dedupe those of the engine?"
}

// around is the place of a difference, for people.
func around(b []byte, at int) string {
	return fmt.Sprintf("…%s…", b[max(0, at-30):min(len(b), at+30)])
}
