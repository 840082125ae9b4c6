package engine

import (
	"errors"
	"slices"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
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
	since          [2]int64     // bytes and records when it began
	left           []lineage.ID // whose leads it has not written yet

	wanted                 bool  // a snapshot is to be made as soon as can be
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
	n := int64(0)
	for i := range rec.Lineages {
		n += int64(len(rec.Lineages[i].Delta))
	}
	k.bytes, k.records = k.bytes+n, k.records+1
	k.shotBytes, k.shotRecords = k.shotBytes+n, k.shotRecords+1
}

// little says that the store holds nearly all that the journal does.
func (k *keeping) little() bool {
	least := !k.wanted && k.bytes < leastBytes && k.records < int64(failpoint.Number("checkpoint.records", leastRecords))
	return !k.running && least && (k.every >= time.Minute || k.records == 0)
}

// due says whether a checkpoint should begin.
func (k *keeping) due(now time.Time) bool {
	return k.wanted && !k.shooting() || k.bytes >= checkpointBytes || !k.little() && now.Sub(k.last) >= failpoint.Duration("checkpoint.every", k.every)
}

// shooting says whether a snapshot is on its way.
func (k *keeping) shooting() bool {
	if k.job == nil {
		return false
	}
	select {
	case <-k.job.done:
		return false
	default:
		return true
	}
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

// putOf takes the leads of a lineage.
func (s *shelve) putOf(id lineage.ID) func(core.Stored) error {
	home := s.p.house.homes[id]
	return func(l core.Stored) error {
		b := s.open()
		if s.puts++; l.New {
			home.stored++
		}
		if err := b.Put(uint64(id), l.Lead, l.State, l.Due, l.OldDue, l.Held); err != nil || b.Len() < batchBytes {
			return err
		}
		return s.write()
	}
}

func (s *shelve) open() *store.Batch {
	if s.batch == nil {
		s.batch = s.p.shelf.NewBatch()
	}
	return s.batch
}

// write makes the batch, with the mark that bounds it, part of the store.
func (s *shelve) write() error {
	if s.batch == nil || s.batch.Empty() {
		return nil
	}
	err := s.batch.Newest(s.p.base.Mark.Append(nil))
	for id, home := range s.p.house.homes {
		err = errors.Join(err, s.batch.Count(uint64(id), home.stored))
	}
	if err != nil {
		return err
	}
	failpoint.Hit("store.put")
	return s.batch.Commit()
}

// head writes what the store is complete up to.
func (s *shelve) head(base *journal.Base) error {
	if err := s.open().Head(base.Append(nil)); err != nil {
		return err
	}
	return s.write()
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
	for _, m := range p.set.Members() {
		if err := m.Core.Evict(s.putOf(m.ID)); err != nil {
			return err
		}
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
		if begun, err := p.beginCheckpoint(); err != nil || !begun {
			return false, err
		}
	}
	s := p.newShelve()
	defer s.close()
	err = p.flushSome(s, failpoint.Number("checkpoint.slice", flushSlice))
	if err == nil && len(k.left) > 0 && s.puts == 0 && p.flight != nil { // all that is left is in the commit in flight
		if err = p.settle(true); err == nil {
			err = p.flushSome(s, flushSlice)
		}
	}
	switch {
	case err != nil:
		return false, err
	case len(k.left) > 0:
		failpoint.Hit("checkpoint.middle")
		return s.puts > 0, s.write()
	case !p.whole(&k.base):
		k.running = false
		return true, s.write()
	}
	return true, p.complete(s)
}

// beginCheckpoint begins one at the newest durable record.
func (p *partition) beginCheckpoint() (begun bool, err error) {
	k := &p.keeping
	if !p.whole(&p.base) { // the record without the lineage that is gone is in flight, or about to be made
		if err := p.settle(true); err != nil || !p.whole(&p.base) {
			return false, err
		}
	}
	failpoint.Hit("checkpoint.before")
	k.running, k.base, k.since, k.left = true, p.base, [2]int64{k.bytes, k.records}, k.left[:0]
	for _, m := range p.set.Members() {
		k.left = append(k.left, m.ID)
	}
	return true, nil
}

// whole says whether the partition has all lineages of a base. One that is gone
// took leads with it that the store does not have: a head that names it would
// be followed by records that change leads which nobody can restore.
func (p *partition) whole(base *journal.Base) bool {
	return !slices.ContainsFunc(base.Lineages, func(l journal.Lineage) bool { return p.set.Get(lineage.ID(l.ID)) == nil })
}

// flushSome writes about most leads of the running checkpoint.
func (p *partition) flushSome(s *shelve, most int) error {
	k := &p.keeping
	for left := s.puts + most; len(k.left) > 0; {
		m := p.set.Get(k.left[0])
		done := m == nil
		if m != nil {
			var err error
			if done, err = m.Core.Flush(max(left-s.puts, 1), s.putOf(m.ID)); err != nil {
				return err
			}
		}
		if !done {
			return nil
		}
		k.left = k.left[1:]
	}
	return nil
}

// complete writes the head with the last leads of a checkpoint.
func (p *partition) complete(s *shelve) error {
	k := &p.keeping
	failpoint.Hit("checkpoint.head")
	if err := s.head(&k.base); err != nil {
		return err
	}
	if err := p.db.StartFlush(); err != nil {
		return err
	}
	if err := p.house.forget(func(id lineage.ID) bool { return named(k.base.Lineages, id) }); err != nil {
		return err
	}
	failpoint.Hit("checkpoint.after")
	now := time.Now()
	k.running, k.last = false, now
	k.bytes, k.records = k.bytes-k.since[0], k.records-k.since[1]
	p.status.checkpoint.Store(now.UnixMilli())
	p.log.Debug("checkpoint", "record", k.base.Number)
	p.shoot(now)
	return nil
}

// named says whether a record names the lineage.
func named(list []journal.Lineage, id lineage.ID) bool {
	return slices.ContainsFunc(list, func(l journal.Lineage) bool { return l.ID == uint64(id) })
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
