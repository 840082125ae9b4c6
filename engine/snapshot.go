package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/store"
)

// When a snapshot is made, besides Options.SnapshotEvery.
const (
	snapshotBytes   = 64 << 20 // of deltas since the last one, or as many as the last one had
	snapshotRecords = 5000     // also of a journal in which only time passes
	snapshotLeast   = 30 * time.Second
	// historyEvery is how often decisions and rejected events are purged by age.
	historyEvery = time.Hour
)

// snapshotJob is a snapshot on its way to the object store.
type snapshotJob struct {
	cancel context.CancelFunc
	done   chan struct{}
	size   int64 // of the content; valid, like ok, once done is closed
	ok     bool
}

// wants says whether a snapshot should follow the checkpoint that has just
// ended.
func (k *keeping) wants(now time.Time, every time.Duration) bool {
	since := now.Sub(k.shot)
	switch {
	case k.wanted:
		return every >= 0
	case every < 0 || since < min(snapshotLeast, every):
		return false
	case k.shotBytes >= max(snapshotBytes, k.size) || k.shotRecords >= snapshotRecords:
		return true
	}
	return k.shotBytes > 0 && since >= every
}

// shoot starts a snapshot of the store as it is now, if one is due.
func (p *partition) shoot(now time.Time) {
	k := &p.keeping
	if k.job != nil {
		select {
		case <-k.job.done:
			if k.job.ok {
				k.size = k.job.size
			}
			k.job = nil
		default:
			return
		}
	}
	if !k.wants(now, p.e.opts.SnapshotEvery) {
		return
	}
	k.shot, k.shotBytes, k.shotRecords = now, 0, 0
	k.wanted = k.wanted && !p.covers(k.base.Lineages)
	frozen := p.shelf.Snapshot()
	ctx, cancel := context.WithCancel(p.e.life)
	job := &snapshotJob{cancel: cancel, done: make(chan struct{})}
	k.job = job
	go func() {
		defer close(job.done)
		defer frozen.Close()
		select { // one at a time: scoring comes first
		case p.e.shots <- struct{}{}:
			defer func() { <-p.e.shots }()
		case <-ctx.Done():
			return
		}
		s, err := p.takeSnapshot(ctx, frozen)
		if err != nil {
			if ctx.Err() == nil {
				p.log.Warn("no snapshot was made; the next one is tried later", "error", err)
			}
			return
		}
		job.size, job.ok = s.Bytes, true
		p.status.snapshot.Store(s.Made)
		p.status.kept.Store(&s.Base.Lineages)
		if err := p.purge(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("what is no longer needed of the journal was not purged; it is tried again after the next snapshot", "error", err)
		}
	}()
}

// covers says whether a stored state has all lineages that are in step as such.
func (p *partition) covers(list []journal.Lineage) bool {
	for _, m := range p.set.Members() {
		if m.InStep() && !slices.ContainsFunc(list, func(l journal.Lineage) bool { return l.ID == uint64(m.ID) && l.Role != journal.RoleBuilding }) {
			return false
		}
	}
	return true
}

// takeSnapshot brings a frozen store to the object store.
func (p *partition) takeSnapshot(ctx context.Context, frozen *store.Snapshot) (journal.Snapshot, error) {
	started := time.Now()
	head, _, herr := frozen.Head()
	newest, _, nerr := frozen.Newest()
	if err := errors.Join(herr, nerr); err != nil {
		return journal.Snapshot{}, err
	}
	base, err := journal.DecodeBase(head)
	if err != nil {
		return journal.Snapshot{}, err
	}
	mark, err := journal.DecodeMark(newest)
	if err != nil {
		return journal.Snapshot{}, err
	}
	failpoint.Hit("snapshot.before")
	s, err := p.e.journal.WriteSnapshot(ctx, p.number, base, mark, func(put func(key, value []byte) error) error {
		failpoint.Hit("snapshot.middle")
		return frozen.Each(put)
	})
	if err != nil {
		return s, err
	}
	failpoint.Hit("snapshot.after")
	p.log.Debug("snapshot", "record", base.Number, "entries", s.Entries, "bytes", s.Bytes, "stored", s.Packed, "took", time.Since(started).Round(time.Millisecond))
	return s, nil
}

// purge deletes what is no longer needed: snapshots but two, records below the
// older of them, and now and then what is older than history.
func (p *partition) purge(ctx context.Context) error {
	j := p.e.journal
	list, err := j.PruneSnapshots(ctx, p.number)
	if err != nil {
		return err
	}
	failpoint.Hit("purge.before")
	if len(list) > 1 {
		older := list[len(list)-1]
		ok, err := p.held(ctx, older.Base, older.Newest)
		if err != nil || !ok {
			return err
		}
		below, err := j.PurgeRecords(ctx, p.number, older.Base.Seq)
		if err != nil {
			return err
		}
		p.log.Debug("journal purged", "below", below)
	}
	failpoint.Hit("purge.after")
	if at := p.status.purged.Load(); time.Since(time.UnixMilli(at)) < historyEvery {
		return nil
	}
	p.status.purged.Store(time.Now().UnixMilli())
	return j.PurgeHistory(ctx, p.number, p.e.opts.History)
}
