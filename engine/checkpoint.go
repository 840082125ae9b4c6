package engine

import (
	"errors"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/store"
)

// When the local store is brought up to date. What a start after a kill reads
// again is at most what lies between two checkpoints.
const (
	checkpointBytes = 128 << 20       // of deltas
	checkpointEvery = 5 * time.Minute // or Options.SnapshotEvery, if that is less
	// What a start reads again in no time is worth no checkpoint, unless they are
	// to come within the minute.
	leastBytes   = 256 << 10
	leastRecords = 1000
	// flushSlice is the most leads that are written between two micro-batches.
	flushSlice = 2048
	// batchBytes is the size at which a batch is written to the store.
	batchBytes = 1 << 20
	// idlePause is how long a partition waits for events before it looks after
	// its store.
	idlePause = 10 * time.Second
	// parkTime is how long a drain may spend on the store of one partition.
	parkTime = 10 * time.Second
)

// keeping is what a partition knows of its stored state.
type keeping struct {
	every          time.Duration // between checkpoints
	bytes, records int64         // of the journal since the last checkpoint
	last           time.Time
	running        bool
	base           journal.Base // of the running checkpoint

	shotBytes, shotRecords int64 // since the last snapshot
	shot                   time.Time
	size                   int64 // of the last snapshot
	job                    *snapshotJob
}

// newKeeping begins with a state that is as old as the records that follow.
func newKeeping(snapshots time.Duration) keeping {
	k := keeping{every: checkpointEvery, last: time.Now(), shot: time.Now()}
	if snapshots > 0 {
		k.every = min(k.every, snapshots)
	}
	return k
}

// note counts a record that is durable.
func (k *keeping) note(rec *journal.Record) {
	n := int64(len(rec.Delta))
	k.bytes, k.records = k.bytes+n, k.records+1
	k.shotBytes, k.shotRecords = k.shotBytes+n, k.shotRecords+1
}

// little says that the store holds nearly all that the journal does.
func (k *keeping) little() bool {
	least := k.bytes < leastBytes && k.records < int64(failpoint.Number("checkpoint.records", leastRecords))
	return !k.running && least && (k.every >= time.Minute || k.records == 0)
}

// due says whether a checkpoint should begin.
func (k *keeping) due(now time.Time) bool {
	return k.bytes >= checkpointBytes || !k.little() && now.Sub(k.last) >= failpoint.Duration("checkpoint.every", k.every)
}

// end stops a snapshot that is being written.
func (k *keeping) end() {
	if k.job != nil {
		k.job.cancel()
		<-k.job.done
		k.job = nil
	}
}

// tidy looks after the stored state between two micro-batches: leads that are
// not hot go to the disk, and a checkpoint goes on by a slice.
func (p *partition) tidy() error {
	if p.db.Damaged() {
		return store.ErrDamaged
	}
	if err := p.settle(false); err != nil {
		return err
	}
	if err := p.evict(); err != nil {
		return err
	}
	if k := &p.keeping; !k.running && !k.due(time.Now()) {
		return nil
	}
	_, err := p.checkpoint()
	return err
}

// shelve collects leads for the store and writes them as it goes.
type shelve struct {
	p     *partition
	batch *store.Batch
	puts  int
}

func (p *partition) newShelve() *shelve { return &shelve{p: p} }

func (s *shelve) put(l core.Stored) error {
	if s.batch == nil {
		s.batch = s.p.shelf.NewBatch()
	}
	if s.puts++; l.New {
		s.p.stored++
	}
	if err := s.batch.Put(l.Lead, l.State, l.Due, l.OldDue, l.Held); err != nil || s.batch.Len() < batchBytes {
		return err
	}
	return s.write()
}

// write makes the batch, with the mark that bounds it, part of the store.
func (s *shelve) write() error {
	if s.batch == nil || s.batch.Empty() {
		return nil
	}
	if err := errors.Join(s.batch.Newest(s.p.base.Mark.Append(nil)), s.batch.Count(s.p.stored)); err != nil {
		return err
	}
	failpoint.Hit("store.put")
	return s.batch.Commit()
}

func (s *shelve) close() {
	if s.batch != nil {
		s.batch.Close()
	}
}

// evict brings the leads in memory down to their number.
func (p *partition) evict() error {
	s := p.newShelve()
	defer s.close()
	if err := p.core.Evict(s.put); err != nil {
		return err
	}
	if s.puts > 0 {
		failpoint.Hit("evict")
	}
	return s.write()
}

// checkpoint begins a checkpoint, or goes on with it by a slice. The head that
// ends it names the record that was the newest durable one when it began. moved
// is false if all that is left waits for a commit.
func (p *partition) checkpoint() (moved bool, err error) {
	k := &p.keeping
	if !k.running {
		failpoint.Hit("checkpoint.before")
		k.running, k.base, k.bytes, k.records = true, p.base, 0, 0
	}
	s := p.newShelve()
	defer s.close()
	done, err := p.core.Flush(failpoint.Number("checkpoint.slice", flushSlice), s.put)
	if err == nil && !done && s.puts == 0 && p.flight != nil { // all that is left is in the commit in flight
		if err = p.settle(true); err == nil {
			done, err = p.core.Flush(flushSlice, s.put)
		}
	}
	switch {
	case err != nil:
		return false, err
	case done:
		return true, p.complete(s)
	}
	failpoint.Hit("checkpoint.middle")
	return s.puts > 0, s.write()
}

// complete writes the head with the last leads of a checkpoint.
func (p *partition) complete(s *shelve) error {
	k := &p.keeping
	if s.batch == nil {
		s.batch = p.shelf.NewBatch()
	}
	failpoint.Hit("checkpoint.head")
	if err := s.batch.Head(k.base.Append(nil)); err != nil {
		return err
	}
	if err := s.write(); err != nil {
		return err
	}
	if err := p.db.StartFlush(); err != nil {
		return err
	}
	failpoint.Hit("checkpoint.after")
	now := time.Now()
	k.running, k.last = false, now
	p.status.checkpoint.Store(now.UnixMilli())
	p.log.Debug("checkpoint", "record", k.base.Number)
	p.shoot(now)
	return nil
}

// park makes a last checkpoint before the partition is given up, if it does not
// take long.
func (p *partition) park() error {
	if p.keeping.records == 0 {
		return nil
	}
	for until := time.Now().Add(parkTime); time.Now().Before(until); {
		if moved, err := p.checkpoint(); err != nil || !moved || !p.keeping.running {
			return err
		}
	}
	return nil
}
