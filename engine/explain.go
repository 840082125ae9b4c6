package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Explainer reads what the streams of an engine say of single leads and
// decisions. It reads only, and an engine that runs on them goes on.
type Explainer struct {
	e *Engine
	p int // partitions
}

// OpenExplainer reaches the streams of a data folder, also while an engine runs
// on it, or of an external server.
func OpenExplainer(ctx context.Context, o Options) (*Explainer, error) {
	e, err := reach(o)
	if err != nil {
		return nil, err
	}
	if err := e.openJournal(ctx, true); err != nil {
		e.shut(context.Background())
		return nil, err
	}
	if err := e.allowed(ctx, e.findReleases); err != nil {
		e.shut(context.Background())
		return nil, err
	}
	return &Explainer{e: e, p: e.journal.Partitions()}, nil
}

// UseClock says whose time the engine went by, when history is run again: it
// stands in no stream.
func (x *Explainer) UseClock(c Clock) { x.e.opts.Clock = c }

// Close lets go of the streams.
func (x *Explainer) Close() { x.e.shut(context.Background()) }

// Story is one lead as the streams tell it: explain.Source.
type Story struct {
	// Clock is the latest time that reached the lead, ms.
	Clock int64
	// Decisions are what the lead's history led to; of Now all that were
	// published.
	Decisions []lead.Decision
	// Events and Ticks were run again; First is the sequence in the events stream
	// where that began. Now runs none.
	Events, Ticks int
	First         uint64

	core  *core.Core
	crew  *Crew  // of a rerun
	visit *visit // of what is stored
}

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
	if s == nil {
		return
	}
	if s.crew != nil {
		s.crew.Close()
	}
	s.visit.close()
}

// Now is a lead as the newest state has it.
func (x *Explainer) Now(ctx context.Context, key string) (_ *Story, err error) {
	s := &Story{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	n := lead.Partition(key, x.p)
	err = x.e.allowed(ctx, func(ctx context.Context) (err error) {
		if s.visit, _, err = x.e.readState(ctx, n); err == nil {
			s.core, err = s.visit.live()
		}
		return err
	})
	if err != nil {
		return s, fmt.Errorf("partition %d: %w", n, err)
	}
	s.clock(key)
	err = x.decisions(ctx, journal.DecisionSubject(x.e.work.Model.Name, "*"), func(_ *journal.Message, d *lead.Decision) error {
		if d.Lead == key {
			s.Decisions = append(s.Decisions, *d)
		}
		return nil
	})
	return s, err
}

func (s *Story) clock(key string) {
	s.Clock = s.core.Clock()
	if a := s.core.Lead(key); a != nil {
		s.Clock = max(s.Clock, a.Clock)
	}
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

// Stored is a decision as it stands in the journal.
type Stored struct {
	lead.Decision
	Sequence uint64 // in the journal stream
	// Partition, Record and Model are of the record that it was committed with;
	// Record 0: it is purged.
	Partition int
	Record    uint64
	Model     string // name@digest
	Input     uint64 // sequence in the events stream of the newest input of the record
	data      []byte
}

// Data are the bytes of the decision in the journal, JSON.
func (s *Stored) Data() json.RawMessage { return s.data }

var errFound = errors.New("found")

// Find looks a decision up by its id; nil if the journal has none.
func (x *Explainer) Find(ctx context.Context, id string) (*Stored, error) {
	var s *Stored
	err := x.decisions(ctx, journal.DecisionSubject("*", "*"), func(m *journal.Message, d *lead.Decision) error {
		if d.ID != id {
			return nil
		}
		s = &Stored{Decision: *d, Sequence: m.Seq, Partition: lead.Partition(d.Lead, x.p), data: m.Data}
		return errFound
	})
	if err != nil && !errors.Is(err, errFound) || s == nil {
		return nil, err
	}
	return s, x.record(ctx, s)
}

// record finds the record behind a decision: the next one of its partition.
func (x *Explainer) record(ctx context.Context, s *Stored) error {
	return x.e.allowed(ctx, func(ctx context.Context) error {
		stream, err := x.e.js.Stream(ctx, journal.JournalStream)
		if err != nil {
			return err
		}
		m, err := stream.GetMsg(ctx, s.Sequence, jetstream.WithGetMsgSubject(journal.RecordSubject(s.Partition)))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		rec, err := journal.ReadRecord(m.Data)
		if err != nil {
			return fmt.Errorf("record at sequence %d: %w", m.Sequence, err)
		}
		s.Record, s.Input = rec.Number, rec.InputSeq
		for i := range rec.Lineages {
			if l := &rec.Lineages[i]; l.Workflow == s.Workflow && l.Role == journal.RoleLive {
				s.Model = l.Workflow + "@" + l.Model
			}
		}
		return nil
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
