package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ripenhq/ripen/engine/core"
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
		if err := p.purge(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("what is no longer needed of the journal was not purged; it is tried again after the next snapshot", "error", err)
		}
	}()
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

// readState restores partition n for reading, without a claim: the newest good
// snapshot and the records behind it, or the whole journal. fresh makes an
// empty core; it is called again if a snapshot turns out to be damaged. see, if
// it is set, gets each record before it is applied.
func (e *Engine) readState(ctx context.Context, n int, fresh func() (*core.Core, error), see func(*journal.Record) error) (*core.Core, journal.Base, error) {
	list, err := e.journal.Snapshots(ctx, n)
	if err != nil {
		return nil, journal.Base{}, err
	}
	for _, s := range list {
		c, err := fresh()
		if err != nil {
			return nil, journal.Base{}, err
		}
		base, err := e.readSnapshot(ctx, n, s, c, see)
		switch {
		case err == nil:
			return c, base, nil
		case !errors.Is(err, journal.ErrSnapshot):
			return nil, base, err
		}
		e.log.Warn("a snapshot is passed over", "partition", n, "snapshot", s.Name, "error", err)
	}
	c, err := fresh()
	if err != nil {
		return nil, journal.Base{}, err
	}
	base := journal.Base{}
	return c, base, e.readTail(ctx, n, &base, c, see)
}

// readSnapshot fills a core from one snapshot and what follows it.
func (e *Engine) readSnapshot(ctx context.Context, n int, s journal.Snapshot, c *core.Core, see func(*journal.Record) error) (journal.Base, error) {
	for _, m := range []journal.Mark{s.Base.Mark, s.Newest} {
		ok, err := e.journal.Holds(ctx, n, m)
		if err != nil {
			return s.Base, err
		}
		if !ok {
			return s.Base, fmt.Errorf("%w: the journal does not hold its record %d", journal.ErrSnapshot, m.Number)
		}
	}
	err := e.journal.ReadSnapshot(ctx, s, func(key, value []byte) error {
		if lead, ok := store.LeadOf(key); ok {
			return c.RestoreLead(lead, value)
		}
		return nil
	})
	if err != nil {
		return s.Base, err
	}
	base := s.Base
	c.RestoreClock(base.Clock)
	return base, e.readTail(ctx, n, &base, c, see)
}

func (e *Engine) readTail(ctx context.Context, n int, base *journal.Base, c *core.Core, see func(*journal.Record) error) error {
	return e.journal.RecordsFrom(ctx, n, *base, func(rec journal.Record) error {
		if see != nil {
			if err := see(&rec); err != nil {
				return err
			}
		}
		base.Follow(&rec)
		return restoreRecord(c, &rec)
	})
}
