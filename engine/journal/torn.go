package journal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/lead"
)

// A server that runs out of disk in the middle of an atomic batch has stored
// some of its outputs and not the record. A restart completes the batch, unless
// the disk is still full then: the server gives up, forgets the rest, and the
// outputs stay without a record. The partition decides again, under the same
// ids, so what was torn must go: each decision stands in the journal once.

// untear removes outputs of torn batches between the partition's last commit
// and its claim. The claim lies behind them, so that no restart can complete
// them any more, and a whole batch lies wholly before it. Only single copies are
// torn: a cluster stores a batch as one.
//
// last is the record before the claim. What cannot be removed is told and left:
// it comes again under its own id, which receivers must expect anyway.
func (pt *Partition) untear(ctx context.Context, last, claim *Record) error {
	if last.Seq == 0 || pt.j.records.CachedInfo().Config.Replicas > 1 {
		return nil
	}
	from, err := pt.lastCommit(ctx, last)
	if err != nil || claim.Seq == from+1 {
		return err
	}
	torn, err := pt.j.torn(ctx, from+1, claim.Seq)
	if err != nil || len(torn) == 0 {
		return err
	}
	pt.j.cfg.Logger.Warn("the server had stored a part of a commit when its disk was full; that part is removed, and decided again under the same ids",
		"partition", pt.number, "messages", len(torn), "first", torn[0])
	ctx, cancel := context.WithTimeout(ctx, pt.j.cfg.CommitTimeout)
	defer cancel()
	for _, seq := range slices.Backward(torn) {
		if err := pt.j.remove(ctx, seq); err != nil {
			pt.j.cfg.Logger.Warn("a part of a commit cannot be removed; its decisions stand twice in the journal, each time under the same id",
				"partition", pt.number, "sequence", seq, "error", err)
			return nil
		}
	}
	return nil
}

// remove deletes a message, or finds that another partition's owner was faster.
// The server has several answers for that, and some of them say no more than that
// it did not delete, so it is asked what it holds.
func (j *Journal) remove(ctx context.Context, seq uint64) error {
	err := j.records.DeleteMsg(ctx, seq)
	if err != nil {
		if _, none := j.records.GetMsg(ctx, seq); errors.Is(none, jetstream.ErrMsgNotFound) {
			return nil
		}
	}
	return err
}

// lastCommit is the sequence of the newest commit at or before a record; 0 if
// there is none. An owner that died right behind its claim has not looked.
func (pt *Partition) lastCommit(ctx context.Context, r *Record) (uint64, error) {
	kind, seq, prev := r.Kind, r.Seq, r.Prev
	for kind == KindClaim && prev != 0 {
		seq, prev = prev, 0
		err := pt.j.patiently(ctx, "a record of "+pt.subject, func(ctx context.Context) error {
			m, err := pt.j.records.GetMsg(ctx, seq)
			if errors.Is(err, jetstream.ErrMsgNotFound) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s at sequence %d: %w", JournalStream, seq, err)
			}
			kind = KindCommit // a damaged one is for Restore to tell
			if before, derr := decodeRecord(m.Data); derr == nil {
				kind, prev = before.Kind, before.Prev
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return seq, nil
}

// torn lists the outputs without a record in sequences from to end, which is a
// message of its own. Behind a whole batch's outputs there is its record, or a
// hole where that was purged.
func (j *Journal) torn(ctx context.Context, from, end uint64) ([]uint64, error) {
	r, err := j.open(ctx, source{stream: JournalStream, filters: []string{recordPrefix + "*", decisionPrefix + ">", rejectedPrefix + "*", shadowPrefix + "*"}, from: from}, ReaderOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var f fragments
	for {
		msgs, err := r.Next(ctx)
		if err != nil {
			return nil, err
		}
		for i := range msgs {
			if f.note(&msgs[i]); msgs[i].Seq >= end {
				return f.torn, nil
			}
		}
	}
}

// fragments finds torn batches in a stream's messages.
type fragments struct {
	torn  []uint64
	open  []uint64 // outputs of the batch that no record has followed yet
	batch string
	seq   uint64 // of the message before
}

func (f *fragments) note(m *Message) {
	id := m.Header.Get(headerBatchID)
	if strings.HasPrefix(id, lead.RejectedBatch) {
		id = "" // of the door, and of no partition
	}
	if m.Seq != f.seq+1 {
		f.open = f.open[:0]
	} else if id != f.batch {
		f.torn = append(f.torn, f.open...)
		f.open = f.open[:0]
	}
	f.seq, f.batch = m.Seq, id
	switch {
	case strings.HasPrefix(m.Subject, recordPrefix):
		f.open = f.open[:0]
	case id != "":
		f.open = append(f.open, m.Seq)
	}
}
