package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
)

// Ahead is how far the events stream reaches beyond what a partition has read.
type Ahead struct {
	Pos       Position
	InputSeq  uint64   // the last message of the stream, of whatever partition
	InputHash [32]byte // of it, see HashInput
}

// LookAhead says up to where the events stream has nothing for partition p from
// pos on; ok is false if that is no further than pos, or cannot be known. A
// position that is moved there is no older than the stream, however long the
// partition itself has nothing to read: see ErrRetention.
//
// It is known if the stream still begins at or before pos (nothing behind it was
// removed by age) when the newest message of the partition's own subjects lies
// before pos, and the end was looked at before that.
func (j *Journal) LookAhead(ctx context.Context, p int, pos Position) (a Ahead, ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
	defer cancel()
	info, err := j.info(ctx, EventsStream)
	if err != nil {
		return a, false, err
	}
	last := info.State.LastSeq
	if last < pos.Seq || identityOf(info) != j.input {
		return a, false, nil
	}
	m, err := j.events.GetMsg(ctx, last)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return a, false, nil // nothing could be compared with it after a power loss
	}
	if err != nil {
		return a, false, fmt.Errorf("%s at sequence %d: %w", EventsStream, last, err)
	}
	own, err := j.end(ctx, EventsStream, []string{EventSubject(p), ControlSubject})
	if err != nil || own >= pos.Seq {
		return a, false, err
	}
	if info, err = j.info(ctx, EventsStream); err != nil || info.State.FirstSeq > pos.Seq {
		return a, false, err
	}
	return Ahead{Position{Seq: last + 1}, last, HashInput(m.Data)}, true, nil
}

// Foreign says whether the events stream has a message at seq with a hash that
// is not for partition p.
func (j *Journal) Foreign(ctx context.Context, p int, seq uint64, hash [32]byte) (ok bool, err error) {
	err = j.patiently(ctx, "a message of "+EventsStream, func(ctx context.Context) error {
		m, err := j.events.GetMsg(ctx, seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s at sequence %d: %w", EventsStream, seq, err)
		}
		ok = m.Subject != EventSubject(p) && m.Subject != ControlSubject && HashInput(m.Data) == hash
		return nil
	})
	return ok, err
}
