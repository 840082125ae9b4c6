package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
)

// Stored is a decision as it stands in the journal.
type Stored struct {
	lead.Decision
	Sequence  uint64 // in the journal stream
	Partition int
	// Of the record that it was committed with; 0: a snapshot has taken its place.
	Record uint64
	Input  uint64 // sequence in the events stream of its newest input
	// Of the release that made it: by the record, or if there is none any more, by
	// the list of releases; 0 and empty if neither names one.
	Number uint32
	Bundle string // its digest, SHA-256 in hex; empty if the release is not stored
	Model  string // digest of its model, in hex
	data   []byte
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
			return x.listed(ctx, s)
		}
		if err != nil {
			return err
		}
		rec, err := journal.ReadRecord(m.Data)
		if err != nil {
			return fmt.Errorf("record at sequence %d: %w", m.Sequence, err)
		}
		if !s.within(&rec) {
			return x.listed(ctx, s)
		}
		return nil
	})
}

// within takes what a record says of its decision. A record that has another one
// between itself and the decision is not the decision's own.
func (s *Stored) within(rec *journal.Record) bool {
	if rec.Prev > s.Sequence {
		return false
	}
	s.Record, s.Input = rec.Number, rec.InputSeq
	for i := range rec.Lineages {
		// While a switch goes on, the one that decides is not yet called live.
		if l := &rec.Lineages[i]; l.Workflow == s.Workflow && s.by(l.Model) && (s.Number == 0 || l.Role == journal.RoleLive) {
			s.Number, s.Bundle, s.Model = l.Release, l.Bundle, l.Model
		}
	}
	return true
}

// by says whether a decision names a model, by the digest's beginning.
func (s *Stored) by(digest string) bool {
	return s.Release != "" && strings.HasPrefix(digest, s.Release)
}

// listed looks for the release in the list, where it may stand twice: its number
// is not known then.
func (x *Explainer) listed(ctx context.Context, s *Stored) error {
	if x.e.catalog == nil {
		return nil
	}
	list, err := x.e.catalog.List(ctx, s.Workflow)
	for i := range list {
		switch l := &list[i]; {
		case !s.by(l.Model):
		case s.Model == "":
			s.Number, s.Bundle, s.Model = l.Number, l.Digest, l.Model
		default:
			s.Number, s.Bundle = 0, ""
		}
	}
	return err
}
