package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// Releases gives the compiled workflows of releases.
type Releases interface {
	// Acquire gives a release of a workflow, compiled. It may take its time. Each
	// is given back once with Return, after the last crew of it is closed.
	// ErrNotPrepared says that the release is not to be had yet.
	Acquire(ctx context.Context, workflow string, r lineage.Release) (*Workflow, error)
	Return(workflow string, r lineage.Release)
}

// given are workflows that the caller has loaded, and that stay its own.
type given []*Workflow

// Given makes the releases of loaded workflows: each is found by the digest of
// its model.
func Given(list ...*Workflow) Releases { return given(list) }

// Acquire implements Releases.
func (g given) Acquire(_ context.Context, workflow string, r lineage.Release) (*Workflow, error) {
	for _, w := range g {
		if w != nil && w.Model != nil && w.Model.Name == workflow && modelIs(w.Model, r.Model) {
			return w, nil
		}
	}
	return nil, fmt.Errorf("%w: %s (model %s)", ErrNotPrepared, titleOf(workflow, r.Number), r.Model[:min(12, len(r.Model))])
}

// titleOf names a release for people. One that is not made yet has no number.
func titleOf(workflow string, number uint32) string {
	if number == 0 {
		return fmt.Sprintf("the new release of workflow %q", workflow)
	}
	return fmt.Sprintf("release %d of workflow %q", number, workflow)
}

// Return implements Releases.
func (given) Return(string, lineage.Release) {}

// ReleaseOf names a loaded workflow as release number n of itself.
func ReleaseOf(w *Workflow, n uint32) lineage.Release {
	return lineage.Release{Number: n, Model: w.Model.Digest}
}

// recordOf is a lineage as a record names it.
func recordOf(d *lineage.Descriptor) journal.Lineage {
	l := journal.Lineage{ID: uint64(d.ID), Workflow: d.Workflow, Release: d.Release.Number, Bundle: d.Release.Digest, Model: d.Release.Model,
		Role: journal.Role(d.Role), Origin: string(d.Origin), Cut: d.Cut, Since: uint64(d.Since), Until: d.Until}
	l.WasRelease, l.WasBundle, l.WasModel = d.Was.Number, d.Was.Digest, d.Was.Model
	if d.Role == lineage.Building {
		l.Pos, l.Clock = journal.Position{Seq: d.At.Seq, Index: d.At.Index}, d.Clock
	}
	return l
}

// descriptorOf is a lineage of a record.
func descriptorOf(l *journal.Lineage) lineage.Descriptor {
	return lineage.Descriptor{ID: lineage.ID(l.ID), Workflow: l.Workflow, Release: lineage.Release{Number: l.Release, Digest: l.Bundle, Model: l.Model},
		Was: lineage.Release{Number: l.WasRelease, Digest: l.WasBundle, Model: l.WasModel}, Role: lineage.Role(l.Role), Origin: lineage.Origin(l.Origin), Cut: l.Cut, Since: lineage.ID(l.Since), Until: l.Until,
		At: lineage.Place{Seq: l.Pos.Seq, Index: l.Pos.Index}, Clock: l.Clock}
}

// descriptorsOf are the lineages of a record.
func descriptorsOf(list []journal.Lineage) []lineage.Descriptor {
	out := make([]lineage.Descriptor, len(list))
	for i := range list {
		out[i] = descriptorOf(&list[i])
	}
	return out
}

// standIns are releases that can restore what another one has written which is
// not to be had any more: the one that the lineage has in the end, then those
// of its workflow. Accounts and their changes are read by all releases of a
// workflow alike.
func standIns(final []journal.Lineage, d *lineage.Descriptor) (list []lineage.Release) {
	for i := range final {
		l := descriptorOf(&final[i])
		switch {
		case l.Workflow != d.Workflow || l.Release == d.Release:
		case l.ID == d.ID:
			list = slices.Insert(list, 0, l.Release)
		default:
			list = append(list, l.Release)
		}
	}
	return list
}

// restoreRecord puts the state of one record into the lineages that it names.
func restoreRecord(s *lineage.Set, rec *journal.Record) error {
	if rec.Kind != journal.KindCommit {
		return nil
	}
	if err := s.Follow(descriptorsOf(rec.Lineages)); err != nil {
		return err
	}
	for i := range rec.Lineages {
		l := &rec.Lineages[i]
		c := s.Get(lineage.ID(l.ID)).Core
		if l.Role == journal.RoleBuilding {
			c.RestoreClock(l.Clock)
		} else {
			c.RestoreClock(rec.Clock)
		}
		if err := c.Apply(l.Delta, rec.Number); err != nil {
			return fmt.Errorf("lineage %d: %w", l.ID, err)
		}
	}
	return nil
}

// restoreClocks puts the clocks of a stored state back.
func restoreClocks(s *lineage.Set, b *journal.Base) {
	for _, m := range s.Members() {
		at := b.Clock
		if m.Role == lineage.Building {
			at = m.Clock
		}
		m.Core.RestoreClock(at)
		m.Core.Acked(b.Number)
	}
}
