package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// ErrRetention says that events were removed before the partition read them.
var ErrRetention = errors.New("events were removed before they were read")

// ErrBeginning says that the journal no longer begins at record 1, so that it
// alone cannot rebuild the partition.
var ErrBeginning = errors.New("the beginning of the journal is gone")

// Holds says whether the journal of partition p has the record of a mark,
// unchanged. The beginning is always there.
func (j *Journal) Holds(ctx context.Context, p int, m Mark) (bool, error) {
	if m.Seq == 0 {
		return m == Mark{}, nil
	}
	rec, ok, err := j.recordAt(ctx, p, m.Seq)
	return ok && MarkOf(&rec) == m, err
}

// Intact says whether the record of a base is still the one that the base was
// made from, to the last byte; also if it is not there any more. Holds looks at
// what the record says of itself only.
func (j *Journal) Intact(ctx context.Context, p int, b Base) (bool, error) {
	if b.Seq == 0 {
		return true, nil
	}
	rec, ok, err := j.recordAt(ctx, p, b.Seq)
	return !ok || rec.Sum == b.Sum, err
}

// recordAt reads the record at a sequence. ok is false if there is none that
// can be read.
func (j *Journal) recordAt(ctx context.Context, p int, seq uint64) (r Record, ok bool, err error) {
	var m *jetstream.RawStreamMsg
	err = j.patiently(ctx, "record of partition "+strconv.Itoa(p), func(ctx context.Context) error {
		if m, err = j.records.GetMsg(ctx, seq); errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		return err
	})
	if err != nil || m == nil {
		return r, false, err
	}
	if m.Subject != RecordSubject(p) {
		return r, false, nil
	}
	if r, err = decodeRecord(m.Data); err != nil {
		return r, false, nil
	}
	r.Seq = m.Sequence
	return r, true, nil
}

// RestoreFrom is Restore for a state that is complete up to base: it hands the
// records behind base to apply. The caller has seen that the journal Holds it.
func (pt *Partition) RestoreFrom(ctx context.Context, base Base, apply func(Record) error) error {
	pt.marks = append(pt.marks[:0], checkpoint{base.Pos, base.InputSeq, base.InputHash})
	if base.Seq == 0 {
		pt.marks = pt.marks[:0]
	}
	pt.oldest = base.Seq
	return pt.j.tail(ctx, pt.number, base, pt.claim.Seq, func(rec Record) error {
		pt.mark(&rec)
		failpoint.Hit("restore.record")
		return apply(rec)
	})
}

// RecordsFrom is Records for a state that is complete up to base.
func (j *Journal) RecordsFrom(ctx context.Context, p int, base Base, apply func(Record) error) error {
	last, err := j.lastRecord(ctx, RecordSubject(p))
	if err != nil {
		return err
	}
	return j.tail(ctx, p, base, last.Seq, apply)
}

// tail verifies the records behind base up to the one at sequence end, which
// must be there, and hands them to apply.
func (j *Journal) tail(ctx context.Context, p int, base Base, end uint64, apply func(Record) error) error {
	check := verifier{subject: RecordSubject(p), seq: base.Seq, number: base.Number, epoch: base.Epoch, chain: base.Chain}
	if end <= base.Seq {
		return nil
	}
	r, err := j.open(ctx, source{stream: JournalStream, filters: []string{check.subject}, from: base.Seq + 1}, ReaderOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		msgs, err := r.Next(ctx)
		if err != nil {
			return fmt.Errorf("restore partition %d: %w", p, err)
		}
		for i := range msgs {
			if msgs[i].Seq > end {
				return fmt.Errorf("%w: %s: the record at sequence %d is missing (%d is followed by %d)", ErrCorrupt, check.subject, end, check.seq, msgs[i].Seq)
			}
			if check.seq == 0 {
				if err := begins(check.subject, msgs[i]); err != nil {
					return err
				}
			}
			rec, err := check.next(msgs[i])
			if err != nil {
				return err
			}
			if err := apply(rec); err != nil {
				return fmt.Errorf("restore partition %d at sequence %d: %w", p, rec.Seq, err)
			}
			if rec.Seq == end {
				return nil // what comes behind is a newer owner's; our next commit finds out
			}
		}
	}
}

// begins demands that a journal that is read from its beginning has one.
func begins(subject string, m Message) error {
	r, err := decodeRecord(m.Data)
	if err != nil || r.Number == 1 {
		return nil // the verifier says what is wrong
	}
	return fmt.Errorf("%w: %w: %s begins with record %d at sequence %d (older ones are purged behind snapshots), and neither the local store "+
		"nor a snapshot in %s fits it; restore the data folder or the bucket from a backup, or purge the subject %s to rebuild this partition "+
		"from the events that are still there (decisions come again under the same ids)",
		ErrCorrupt, ErrBeginning, subject, r.Number, m.Seq, SnapshotBucket, subject)
}

// earlier reads the checkpoint of the record before the oldest one known.
func (pt *Partition) earlier(ctx context.Context) (c checkpoint, ok bool, err error) {
	if pt.oldest == 0 {
		return c, false, nil
	}
	r, ok, err := pt.j.recordAt(ctx, pt.number, pt.oldest)
	if err != nil || !ok || r.Prev == 0 {
		return c, false, err
	}
	r, ok, err = pt.j.recordAt(ctx, pt.number, r.Prev)
	pt.oldest = r.Seq
	return checkpoint{r.Pos, r.InputSeq, r.InputHash}, ok, err
}

// unread makes sure that no event was removed that the partition has not read.
func (pt *Partition) unread(pos Position, first uint64) (Position, error) {
	if pos.Seq <= 1 || pos.Seq >= first {
		return pos, nil
	}
	if pt.j.cfg.SkipLost {
		pt.j.cfg.Logger.Warn("events that were not read are passed over, as asked for", "partition", pt.number, "from", pos.Seq, "first", first)
		return Position{Seq: first}, nil
	}
	return pos, fmt.Errorf("%w: partition %d has read %s up to sequence %d, the stream begins at %d: it was longer away than events are kept (history), "+
		"or they were removed by hand; restore the stream from a backup, or start once with --skip-lost to go on without those events",
		ErrRetention, pt.number, EventsStream, pos.Seq-1, first)
}
