package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/store"
)

// visit reads the state of a partition's lineages into memory, without a claim.
// It implements lineage.Home.
type visit struct {
	e     *Engine
	ctx   context.Context
	hired []*hired
	set   *lineage.Set
	final []journal.Lineage // what the restore will end with
	seen  bool              // a lineage of the workflow given
	// lenient lets the live release stand in for one of its workflow that is not
	// at hand. Whoever wants it has to look at what decided: see workOf.
	lenient bool
}

// newVisit begins to read a partition. Close it.
func (e *Engine) newVisit(ctx context.Context) *visit {
	v := &visit{e: e, ctx: ctx}
	v.set = lineage.New(v)
	return v
}

// Open implements lineage.Home.
func (v *visit) Open(d *lineage.Descriptor) (*core.Core, error) {
	prog, err := v.Program(d)
	if err != nil {
		return nil, err
	}
	return core.New(prog, v.e.coreOptions()), nil
}

// Program implements lineage.Home. A release that is not at hand is read by the
// one that is: an account loses nothing by it.
func (v *visit) Program(d *lineage.Descriptor) (core.Program, error) {
	c := crews{from: v.e.releases}
	h, err := c.find(v.ctx, d, v.final)
	if w := v.e.work; errors.Is(err, ErrNotPrepared) && w != nil && w.Model != nil && w.Model.Name == d.Workflow {
		c.from = Given(w)
		h, err = c.hire(v.ctx, d.Workflow, ReleaseOf(w, d.Release.Number))
	}
	if errors.Is(err, ErrNotPrepared) && v.lenient {
		h, err = v.standIn(d, err)
	}
	if err != nil {
		return core.Program{}, err
	}
	v.hired = append(v.hired, h)
	return h.crew.Program, nil
}

// Borrow implements lineage.Home.
func (v *visit) Borrow(workflow string, r lineage.Release) (core.Program, error) {
	return v.Program(&lineage.Descriptor{Workflow: workflow, Release: r})
}

// standIn is the live release of a workflow in the place of one that is purged.
func (v *visit) standIn(d *lineage.Descriptor, cause error) (*hired, error) {
	live, err := v.e.lives(v.ctx)
	if err != nil {
		return nil, err
	}
	for i := range live {
		if l := descriptorOf(&live[i]); l.Workflow == d.Workflow {
			c := crews{from: v.e.releases}
			h, err := c.hire(v.ctx, l.Workflow, l.Release)
			if err == nil {
				h.release.Number = d.Release.Number
			}
			return h, err
		}
	}
	return nil, cause
}

// Copy implements lineage.Home.
func (v *visit) Copy(from *lineage.Member, d *lineage.Descriptor) (*core.Core, error) {
	c, err := v.Open(d)
	if err == nil {
		_, _, err = c.CopyFrom(from.Core, "", 0)
	}
	return c, err
}

// mine are the lineages of the workflow that the caller has given, or all.
func (v *visit) mine(list []journal.Lineage) ([]journal.Lineage, error) {
	w := v.e.work
	if w == nil || w.Model == nil || len(list) == 0 {
		return list, nil
	}
	var own []journal.Lineage
	for i := range list {
		if list[i].Workflow == w.Model.Name {
			own = append(own, list[i])
		}
	}
	if len(own) == 0 && !v.seen {
		return nil, fmt.Errorf("%w: found %q, the workflow given is %q", errWorkflow, list[0].Workflow, w.Model.Name)
	}
	v.seen = true
	return own, nil
}

// live is the live lineage of the workflow that the caller has given, or the
// first one; without any it is empty.
func (v *visit) live() (*core.Core, error) {
	for _, m := range v.set.Members() {
		if m.Role == lineage.Live {
			return m.Core, nil
		}
	}
	if w := v.e.work; w != nil && w.Model != nil {
		return v.Open(&lineage.Descriptor{Workflow: w.Model.Name, Release: ReleaseOf(w, 0)})
	}
	return nil, fmt.Errorf("%w: the streams run none so far", errWorkflow)
}

func (v *visit) close() {
	if v == nil {
		return
	}
	for _, h := range v.hired {
		h.crew.Close()
		v.e.releases.Return(h.workflow, h.release)
	}
	v.hired = nil
}

// readState restores partition n for reading: the newest good snapshot and the
// records behind it, or the whole journal.
func (e *Engine) readState(ctx context.Context, n int) (*visit, journal.Base, error) {
	list, err := e.journal.Snapshots(ctx, n)
	if err != nil {
		return nil, journal.Base{}, err
	}
	final, err := e.journal.Last(ctx, n)
	if err != nil {
		return nil, journal.Base{}, err
	}
	for i := range list {
		v := e.newVisit(ctx)
		v.lenient = true // of lineages that have ended only
		v.final = final.Lineages
		base, err := v.readSnapshot(n, &list[i], &final)
		if err == nil {
			return v, base, nil
		}
		v.close()
		if !errors.Is(err, journal.ErrSnapshot) {
			return nil, base, err
		}
		e.log.Warn("a snapshot is passed over", "partition", n, "snapshot", list[i].Name, "error", err)
	}
	v, base := e.newVisit(ctx), journal.Base{}
	v.final = final.Lineages
	v.lenient = true
	if err := v.readTail(n, &base, &final); err != nil {
		v.close()
		return nil, base, err
	}
	return v, base, nil
}

// readSnapshot fills the lineages from one snapshot and what follows it.
func (v *visit) readSnapshot(n int, s *journal.Snapshot, final *journal.Record) (journal.Base, error) {
	for _, m := range []journal.Mark{s.Base.Mark, s.Newest} {
		ok, err := v.e.journal.Holds(v.ctx, n, m)
		if err != nil {
			return s.Base, err
		}
		if !ok {
			return s.Base, fmt.Errorf("%w: the journal does not hold its record %d", journal.ErrSnapshot, m.Number)
		}
	}
	own, err := v.mine(s.Base.Lineages)
	if err == nil {
		err = v.set.Restore(descriptorsOf(own))
	}
	if err != nil {
		return s.Base, err
	}
	err = v.e.journal.ReadSnapshot(v.ctx, *s, func(key, value []byte) error {
		id, lead, ok := store.LeadOf(key)
		if m := v.set.Get(lineage.ID(id)); ok && m != nil {
			return m.Core.RestoreLead(lead, value)
		}
		return nil
	})
	if err != nil {
		return s.Base, err
	}
	base := s.Base
	restoreClocks(v.set, &base)
	return base, v.readTail(n, &base, final)
}

func (v *visit) readTail(n int, base *journal.Base, final *journal.Record) error {
	return v.e.journal.RecordsFrom(v.ctx, n, *base, func(rec journal.Record) error {
		if rec.Number > final.Number {
			return nil // newer than what we know the releases of
		}
		base.Follow(&rec)
		var err error
		if rec.Lineages, err = v.mine(rec.Lineages); err != nil {
			return err
		}
		return restoreRecord(v.set, &rec)
	})
}
