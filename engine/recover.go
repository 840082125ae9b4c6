package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/model"
)

// open claims the partition and restores its state.
func (p *partition) open(ctx context.Context) (err error) {
	if p.pt, err = p.e.journal.Claim(ctx, p.number); err != nil {
		return err
	}
	p.status.epoch.Store(p.pt.Epoch())
	p.status.newest.Store(max(p.status.newest.Load(), p.pt.Claimed().Newest))
	if p.crew, err = p.e.work.NewCrew(ctx); err != nil {
		return err
	}
	p.planner, p.next = planner{partition: p.number}, p.pt.Claimed().Number+1
	p.flight, p.inputs, p.batch = nil, p.inputs[:0], min(1024, p.largest)
	p.keeping = newKeeping(p.e.opts.SnapshotEvery)
	if err := p.restore(ctx); err != nil {
		return err
	}
	pos, rewound, err := p.pt.Resume(ctx)
	if err != nil {
		return err
	}
	if rewound {
		p.log.Warn("events behind the recorded position are missing, reading again from the newest that is there", "position", pos.Seq)
	}
	p.begin, p.pos = journal.Record{Pos: pos, Health: appendHealth(nil, p.crew)}, pos
	p.status.leads.Store(int64(p.stored + p.core.Unstored()))
	p.status.position.Store(pos.Seq)
	if p.older != "" && p.number == 0 {
		p.log.Warn("the workflow or its plugins changed since the last commit: ledgers stay as they are, the new rules count from now on",
			"before", p.older[:min(12, len(p.older))], "now", p.e.work.Model.Policy.Release)
	}
	p.reader, err = p.e.journal.NewReader(ctx, p.number, pos, journal.ReaderOptions{})
	return err
}

// restore brings the state up to the claim: what is stored, and the records of
// the journal behind it.
func (p *partition) restore(ctx context.Context) (err error) {
	started, records := time.Now(), 0
	p.spoiled = nil
	p.db = p.e.store()
	if p.shelf, err = p.db.Partition(p.number); err != nil {
		return err
	}
	from, err := p.findBase(ctx)
	if err != nil {
		return err
	}
	p.core = core.New(p.crew.Program, p.liveOptions())
	if err := p.startAt(from); err != nil {
		return err
	}
	err = p.pt.RestoreFrom(ctx, p.base, func(rec journal.Record) error {
		records++
		if err := p.checkModel(&rec); err != nil {
			return err
		}
		if err := restoreRecord(p.core, &rec); err != nil {
			return err
		}
		p.base.Follow(&rec)
		p.keeping.note(&rec)
		if records%restoreStride == 0 {
			return p.evict()
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range p.spoiled { // not before something else has proved good
		if err := p.e.journal.RemoveSnapshot(ctx, s); err != nil {
			return err
		}
	}
	p.spoiled = nil
	p.log.Debug("restored", "from", from, "records", records, "leads", p.stored+p.core.Unstored(), "hot", p.core.Len(), "took", time.Since(started).Round(time.Millisecond))
	return restoreHealth(p.base.Health, p.crew)
}

// restoreStride is after how many records leads are brought to the disk, so
// that memory is bounded while a long journal is read.
const restoreStride = 8

// liveOptions are those of a core that has a shelf.
func (p *partition) liveOptions() core.Options {
	o := p.e.coreOptions()
	o.Shelf = p.shelf
	if n := p.e.opts.Cache; n > 0 {
		o.Cache = max(1, n/p.e.journal.Partitions())
	}
	return o
}

// startAt puts what the base itself says into the core, and the leads whose
// inputs wait.
func (p *partition) startAt(from string) error {
	if err := p.checkModel(&journal.Record{Kind: journal.KindCommit, Model: p.base.Model}); err != nil {
		return err
	}
	var err error
	if p.stored, err = p.shelf.Count(); err != nil {
		return err
	}
	p.core.RestoreClock(p.base.Clock)
	p.core.Acked(p.base.Number)
	var held []string
	if err := p.shelf.Held(func(lead string) bool { held = append(held, lead); return true }); err != nil {
		return err
	}
	for _, lead := range held {
		if _, err := p.core.Fetch(lead); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
	return nil
}

// findBase sets the base that the restoring begins at, says where it was found,
// and leaves in the store what belongs to it: what the local store has, if the
// journal still holds the records that it speaks of; else the newest good
// snapshot of which the same is true; else nothing, and the whole journal.
func (p *partition) findBase(ctx context.Context) (from string, err error) {
	failpoint.Hit("store.open")
	ok, err := p.storedBase(ctx)
	if err != nil || ok {
		return "local store", err
	}
	if err := p.shelf.Drop(); err != nil {
		return "", err
	}
	if p.doubts < maxDoubts {
		if ok, err = p.snapshotBase(ctx); err != nil || ok {
			return "snapshot", err
		}
	}
	p.base = journal.Base{}
	return "journal", nil
}

// storedBase takes the base of the local store, if it is any good.
func (p *partition) storedBase(ctx context.Context) (bool, error) {
	head, found, err := p.shelf.Head()
	if err != nil || !found {
		return false, err
	}
	newest, _, err := p.shelf.Newest()
	if err != nil {
		return false, err
	}
	base, berr := journal.DecodeBase(head)
	mark, merr := journal.DecodeMark(newest)
	if err := errors.Join(berr, merr); err != nil {
		p.log.Info("the local store is of another version and is made anew", "error", err)
		return false, nil
	}
	ok, err := p.held(ctx, base, mark)
	if err != nil {
		return false, err
	}
	if !ok {
		p.log.Info("the local store belongs to a journal that is not this one, or to its purged past; it is made anew", "record", base.Number)
		return false, nil
	}
	p.base = base
	return true, nil
}

// held says whether the journal holds both records that bound a stored state:
// the one that it is complete up to, and the one that nothing in it is newer
// than. A journal that lost its end may hold the first alone.
func (p *partition) held(ctx context.Context, base journal.Base, newest journal.Mark) (bool, error) {
	ok, err := p.e.journal.Holds(ctx, p.number, base.Mark)
	if err == nil && ok && newest != base.Mark {
		ok, err = p.e.journal.Holds(ctx, p.number, newest)
	}
	return ok, err
}

// snapshotBase fills the store from the newest snapshot that is good.
func (p *partition) snapshotBase(ctx context.Context) (bool, error) {
	list, err := p.e.journal.Snapshots(ctx, p.number)
	if err != nil {
		return false, err
	}
	for _, s := range list {
		ok, err := p.held(ctx, s.Base, s.Newest)
		if err != nil {
			return false, err
		}
		if !ok {
			p.log.Info("a snapshot belongs to a journal that is not this one, or to its purged past", "snapshot", s.Name)
			continue
		}
		err = p.load(ctx, s)
		if err == nil {
			p.base = s.Base
			return true, nil
		}
		if !errors.Is(err, journal.ErrSnapshot) {
			return false, err
		}
		p.log.Warn("a snapshot is damaged; an older one or the journal is taken", "snapshot", s.Name, "error", err)
		p.spoiled = append(p.spoiled, s)
		if err := p.shelf.Drop(); err != nil {
			return false, err
		}
	}
	return false, nil
}

// load writes a snapshot into the store. Its head comes last: a load that is
// interrupted leaves none.
func (p *partition) load(ctx context.Context, s journal.Snapshot) error {
	b := p.shelf.NewBatch()
	defer b.Close()
	err := p.e.journal.ReadSnapshot(ctx, s, func(key, value []byte) error {
		if err := b.Raw(key, value); err != nil || b.Len() < batchBytes {
			return err
		}
		return b.Commit()
	})
	if err != nil {
		return err
	}
	if err := errors.Join(b.Head(s.Base.Append(nil)), b.Newest(s.Newest.Append(nil))); err != nil {
		return err
	}
	return b.Commit()
}

// maxDoubts is how often a stored state that cannot be read is replaced: first
// by what a snapshot holds, then by the journal alone.
const maxDoubts = 2

// distrust deletes a stored state that the core cannot read.
func (p *partition) distrust(why error) error {
	p.doubts++
	p.log.Warn("the stored state of a lead cannot be read; the local store of this partition is made anew", "error", why)
	shelf, err := p.e.store().Partition(p.number)
	if err == nil {
		err = shelf.Drop()
	}
	return err
}

// errWorkflow says that the streams hold the state of another workflow.
var errWorkflow = errors.New("the data belongs to another workflow")

// modelName is what a record says of the model that decided.
func modelName(m *model.Model) string { return m.Name + "@" + m.Digest }

// checkModel compares the model of a record with the one that runs now. Another
// workflow's state means nothing here; another release of the same goes on with
// its ledgers.
func (p *partition) checkModel(rec *journal.Record) error {
	name, digest, ok := strings.Cut(rec.Model, "@")
	if rec.Kind != journal.KindCommit || !ok {
		return nil
	}
	m := p.e.work.Model
	if name != m.Name {
		return fmt.Errorf("%w: found %q, this engine runs %q; give it a data folder (or streams) of its own, or run the workflow that the data belongs to", errWorkflow, name, m.Name)
	}
	p.older = ""
	if digest != m.Digest {
		p.older = digest
	}
	return nil
}

// restoreRecord puts the state of one record into the core.
func restoreRecord(c *core.Core, rec *journal.Record) error {
	c.RestoreClock(rec.Clock)
	return c.Apply(rec.Delta, rec.Number)
}
