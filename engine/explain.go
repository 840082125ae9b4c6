package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/lineage"
)

// Explainer reads what the streams of an engine say of single leads and
// decisions. It reads only, and an engine that runs on them goes on.
type Explainer struct {
	e        *Engine
	p        int // partitions
	workflow string
	unclear  error // ErrSeveral: it is about decisions only, which name theirs
}

// ErrSeveral says that several workflows are live, and none is named.
var ErrSeveral = errors.New("several workflows are live")

// OpenExplainer reaches the streams of a data folder, also while an engine runs
// on it, or of an external server. It is about the workflow of the options, or,
// without one, about that of a name, or, without that too, about the only one
// that is live; of several, Now and what it leads to say ErrSeveral.
func OpenExplainer(ctx context.Context, o Options, name string) (_ *Explainer, err error) {
	e, err := reach(o)
	if err != nil {
		return nil, err
	}
	x := &Explainer{e: e}
	defer func() {
		if err != nil {
			x.Close()
		}
	}()
	if err = e.openJournal(ctx, true); err != nil {
		return nil, err
	}
	x.p = e.journal.Partitions()
	err = e.allowed(ctx, func(ctx context.Context) (err error) {
		if err = e.findReleases(ctx); err == nil {
			x.workflow, err = e.subject(ctx, name)
		}
		return err
	})
	if errors.Is(err, ErrSeveral) {
		x.unclear, err = err, nil
	}
	return x, err
}

// subject is the workflow that a question is about.
func (e *Engine) subject(ctx context.Context, name string) (string, error) {
	if e.work != nil && e.work.Model != nil {
		return e.work.Model.Name, nil
	}
	live, err := e.lives(ctx)
	if err != nil {
		return "", err
	}
	var names []string
	for i := range live {
		names = append(names, live[i].Workflow)
	}
	slices.Sort(names)
	switch names = slices.Compact(names); {
	case name != "" && slices.Contains(names, name), len(names) == 0:
		return name, nil
	case name != "":
		return "", fmt.Errorf("%w: %q is not live here; live are %s", errWorkflow, name, strings.Join(names, ", "))
	case len(names) > 1:
		return "", fmt.Errorf("%w: %s; name one with --of", ErrSeveral, strings.Join(names, ", "))
	}
	return names[0], nil
}

// Workflow is the name of the workflow that it is about.
func (x *Explainer) Workflow() string { return x.workflow }

// Release finds a release of the workflow by its number.
func (x *Explainer) Release(ctx context.Context, number uint32) (r lineage.Release, err error) {
	if x.unclear != nil {
		return r, x.unclear
	}
	if x.e.catalog == nil {
		return r, errors.New("the releases are not stored here")
	}
	err = x.e.allowed(ctx, func(ctx context.Context) error {
		list, err := x.e.catalog.List(ctx, x.workflow)
		for i := range list {
			if list[i].Number != number {
				continue
			}
			if list[i].Purged != 0 {
				return fmt.Errorf("%w: release %d of workflow %q is purged", ErrOutOfReach, number, x.workflow)
			}
			r = lineage.Release{Number: number, Digest: list[i].Digest, Model: list[i].Model}
		}
		return err
	})
	if err == nil && r.Number == 0 {
		err = fmt.Errorf("workflow %q has no release %d; see ripen releases", x.workflow, number)
	}
	return r, err
}

// UseClock says whose time the engine went by, when history is run again: it
// stands in no stream.
func (x *Explainer) UseClock(c Clock) { x.e.opts.Clock = c }

// Close lets go of the streams.
func (x *Explainer) Close() { x.e.shut(context.Background()) }

// Story is one lead as the streams tell it: explain.Source.
type Story struct {
	// Work is the workflow in the release that shows the lead: the live one.
	Work    *Workflow
	Release lineage.Release
	// Clock is the latest time that reached the lead, ms.
	Clock int64
	// Decisions are what the lead's history led to; of Now all that were
	// published.
	Decisions []lead.Decision
	// Events, Ticks and Orders were run again; First is the sequence in the events
	// stream where that began. Now runs none.
	Events, Ticks, Orders int
	First                 uint64
	Since                 int64 // ms: when that was received, if it is not the very first event; else 0

	core  *core.Core
	visit *visit
}

// show picks the live lineage of a workflow.
func (s *Story) show(workflow, key string) error {
	m := s.visit.set.Live(workflow)
	if m == nil { // no engine has come so far as to begin
		c, err := s.visit.live()
		if err != nil {
			return err
		}
		s.core, s.Work = c, s.visit.e.work
		return nil
	}
	s.core, s.Work, s.Release, s.Clock = m.Core, s.visit.workOf(&m.Descriptor), m.Release, m.Core.Clock()
	if a := s.core.Lead(key); a != nil {
		s.Clock = max(s.Clock, a.Clock)
	}
	return nil
}

// workOf is the workflow that runs a lineage.
func (v *visit) workOf(d *lineage.Descriptor) (w *Workflow) {
	for _, h := range v.hired {
		if h.workflow == d.Workflow && h.release.Number == d.Release.Number {
			w = h.work
		}
	}
	return w
}

// Knows says whether there is a lead of this name.
func (s *Story) Knows(key string) bool { return s.core.Lead(key) != nil }

// Look shows the lead at a time, ms.
func (s *Story) Look(keys []string, at int64, fn func(*ledger.Frame)) error {
	return s.core.Look(keys, at, fn)
}

// Foresee tells what time alone will do to the lead.
func (s *Story) Foresee(key string, at int64, fn func(*ledger.Frame)) (core.Foresight, error) {
	return s.core.Foresee(key, at, fn)
}

// Close releases the plugins' instances.
func (s *Story) Close() {
	if s != nil {
		s.visit.close()
	}
}

// Now is a lead as the newest state has it.
func (x *Explainer) Now(ctx context.Context, key string) (_ *Story, err error) {
	if x.unclear != nil {
		return nil, x.unclear
	}
	s := &Story{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	n := lead.Partition(key, x.p)
	err = x.e.allowed(ctx, func(ctx context.Context) (err error) {
		s.visit, _, err = x.e.readState(ctx, n)
		return err
	})
	if err == nil {
		err = s.show(x.workflow, key)
	}
	if err != nil {
		return nil, fmt.Errorf("partition %d: %w", n, err)
	}
	return s, x.decisions(ctx, journal.DecisionSubject(x.workflow, "*"), func(_ *journal.Message, d *lead.Decision) error {
		if d.Lead == key {
			s.Decisions = append(s.Decisions, *d)
		}
		return nil
	})
}

// decisions hands all decisions under a subject to fn, in the order of the
// journal.
func (x *Explainer) decisions(ctx context.Context, subject string, fn func(*journal.Message, *lead.Decision) error) error {
	return x.e.allowed(ctx, func(ctx context.Context) error {
		return x.e.journal.Scan(ctx, journal.JournalStream, []string{subject}, 1, func(m journal.Message) error {
			var d lead.Decision
			if err := json.Unmarshal(m.Data, &d); err != nil {
				return fmt.Errorf("decision at sequence %d cannot be read: %w", m.Seq, err)
			}
			return fn(&m, &d)
		})
	})
}

// Tried is what more events led to.
type Tried struct {
	Decisions  []lead.Decision
	Refused    []lead.Rejected
	Duplicates int
}

// Try lets the lead do something more, in this copy of its state alone.
func (s *Story) Try(events []lead.Event) (*Tried, error) {
	inputs := make([]core.Input, len(events))
	for i := range events {
		inputs[i].Event = events[i]
	}
	var out core.Output
	if err := s.core.Run(inputs, &out); err != nil {
		return nil, err
	}
	return &Tried{out.Decisions, out.Rejected, out.Duplicates}, nil
}
