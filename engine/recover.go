package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// open claims the partition and restores its state.
func (p *partition) open(ctx context.Context) (err error) {
	if p.pt, err = p.e.journal.Claim(ctx, p.number); err != nil {
		return err
	}
	p.status.epoch.Store(p.pt.Epoch())
	p.status.newest.Store(max(p.status.newest.Load(), p.pt.Claimed().Newest))
	p.planner, p.rivals, p.next = planner{partition: p.number}, rivals{}, p.pt.Claimed().Number+1
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
	p.pos, p.last, p.moved = pos, heardInput{seq: p.base.InputSeq, hash: p.base.InputHash, hashed: true}, time.Now()
	p.begin = p.record(pos)
	if err := p.found(ctx); err != nil {
		return err
	}
	if err := p.findKept(ctx); err != nil {
		return err
	}
	p.house.tidy(p.set)
	p.status.leads.Store(int64(p.house.leads(p.set)))
	p.status.position.Store(pos.Seq)
	p.tell()
	p.reader, err = p.e.journal.NewReader(ctx, p.number, p.pos, journal.ReaderOptions{Wake: p.wake, MaxBatch: maxInputs})
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
	p.house = newHousehold(ctx, p)
	p.set = lineage.New(p.house)
	p.house.final = p.pt.Claimed().Lineages
	if err := p.startAt(from); err != nil {
		return err
	}
	err = p.pt.RestoreFrom(ctx, p.base, func(rec journal.Record) error {
		records++
		if err := p.follow(&rec); err != nil {
			return err
		}
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
	p.spoiled, p.house.final = nil, nil
	p.log.Debug("restored", "from", from, "records", records, "lineages", len(p.set.Members()), "leads", p.house.leads(p.set), "took", time.Since(started).Round(time.Millisecond))
	return p.restoreHealth()
}

// follow restores one record. A fork is copied from the store, which is brought
// to what it was at the copy, and then knows the fork before anything newer
// reaches it.
func (p *partition) follow(rec *journal.Record) error {
	forks := slices.ContainsFunc(rec.Lineages, func(l journal.Lineage) bool {
		return rec.Kind == journal.KindCommit && l.Origin == string(lineage.FromFork) && p.set.Get(lineage.ID(l.ID)) == nil
	})
	if err := restoreRecord(p.set, rec); err != nil {
		return err
	}
	p.base.Follow(rec)
	p.house.tidy(p.set)
	if forks {
		return p.pin()
	}
	return nil
}

// restoreHealth puts the circuit breakers of all lineages back.
func (p *partition) restoreHealth() error {
	for i := range p.base.Lineages {
		l := &p.base.Lineages[i]
		if err := restoreHealth(l.Health, p.house.homes[lineage.ID(l.ID)].crew); err != nil {
			return err
		}
	}
	return nil
}

// restoreStride is after how many records leads are brought to the disk, so
// that memory is bounded while a long journal is read.
const restoreStride = 8

// startAt opens the lineages of the base. What the store has of others is left
// from before it, or from a lineage that is gone.
func (p *partition) startAt(from string) error {
	ids, err := p.shelf.Lineages()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if !named(p.base.Lineages, lineage.ID(id)) {
			if err := p.shelf.DropLineage(id); err != nil {
				return err
			}
		}
	}
	if err := p.set.Restore(descriptorsOf(p.base.Lineages)); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	restoreClocks(p.set, &p.base)
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
