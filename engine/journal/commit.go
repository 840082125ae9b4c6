package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Output is a message that becomes visible with the record that made it:
// a decision or a rejected input.
type Output struct {
	Subject string
	// Header belongs to the journal once the output is handed over; nil is
	// fine. Nats-Msg-Id must not be set: a retry would be refused.
	Header nats.Header
	Data   []byte
}

// Pending is a commit on its way.
type Pending struct {
	done chan struct{}
	rec  Record
	err  error
}

// Done is closed when the fate of the commit is known.
func (c *Pending) Done() <-chan struct{} { return c.done }

// Wait returns the fate of the commit. The record is complete, with Seq, Prev
// and Chain, if err is nil.
func (c *Pending) Wait(ctx context.Context) (Record, error) {
	select {
	case <-c.done:
		return c.rec, c.err
	case <-ctx.Done():
		return Record{}, fmt.Errorf("%w: %w", ErrUnresolved, ctx.Err())
	}
}

// Commit publishes outputs and record as one: all or nothing, and only if no
// other owner has claimed the partition since. The caller fills the second
// half of rec. On any error this Partition is done for: the outputs and the
// state behind them must be dropped, and the partition claimed and restored
// again, after
//   - ErrFenced: not at all, it belongs to somebody else;
//   - ErrDiskLow: when there is room again; nothing was sent;
//   - ErrTooLarge: with a smaller micro-batch; nothing was sent;
//   - ErrRefused: after a restart of the embedded server, since a full disk
//     leaves a torn batch that only a restart completes;
//   - ErrUnresolved: at once; restoring finds out what happened.
func (pt *Partition) Commit(ctx context.Context, outs []Output, rec Record) (Record, error) {
	return pt.CommitAsync(ctx, outs, rec).Wait(ctx)
}

// CommitAsync starts a commit and returns, so that the caller can prepare the
// next one meanwhile. Commits of a partition go out one after the other; a
// failed one fails those behind it with the same error. outs and the slices of
// rec must not change before Wait returns.
func (pt *Partition) CommitAsync(ctx context.Context, outs []Output, rec Record) *Pending {
	c := &Pending{done: make(chan struct{}), rec: rec}
	pt.mu.Lock()
	before := pt.tail
	pt.tail = c
	pt.mu.Unlock()
	go func() {
		defer close(c.done)
		if before != nil {
			if <-before.done; before.err != nil {
				c.err = before.err
				return
			}
		}
		c.rec.Kind, c.rec.Epoch, c.rec.Owner = KindCommit, pt.claim.Epoch, ""
		c.rec.Input = pt.claim.Input
		if c.err = pt.write(ctx, outs, &c.rec); c.err != nil {
			c.err = fmt.Errorf("commit of partition %d: %w", pt.number, c.err)
		}
	}()
	return c
}

// write publishes r behind the head and moves the head, or says why not.
func (pt *Partition) write(ctx context.Context, outs []Output, r *Record) error {
	if err := pt.j.room(); err != nil {
		return err
	}
	r.Prev, r.Number = pt.head.seq, pt.head.number+1
	data, chain := r.encode(&pt.scratch, pt.head.chain)
	r.Chain = chain
	if err := pt.fits(outs, data); err != nil {
		return err
	}
	seq, err := pt.settle(ctx, outs, data, r)
	if err != nil {
		return err
	}
	r.Seq = seq
	pt.head = head{seq, r.Number, chain}
	return nil
}

// room keeps the disk from filling up: a full disk tears batches.
func (j *Journal) room() error {
	if j.cfg.FreeBytes == nil {
		return nil
	}
	free, err := j.cfg.FreeBytes()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDiskLow, err)
	}
	if free < j.cfg.FreeFloor {
		return fmt.Errorf("%w: %d MiB are free, %d MiB are the floor below which nothing is committed; make room on the disk",
			ErrDiskLow, free>>20, j.cfg.FreeFloor>>20)
	}
	return nil
}

// fits refuses what the server would refuse half-way. Headers of the batch
// count against max_payload, hence the reserve.
func (pt *Partition) fits(outs []Output, record []byte) error {
	const reserve = 512
	if len(outs)+1 > maxBatch {
		return fmt.Errorf("%w: %d outputs, at most %d fit", ErrTooLarge, len(outs), maxBatch-1)
	}
	most := int(pt.j.nc.MaxPayload()) - reserve
	if most > 0 && len(record) > most {
		return fmt.Errorf("%w: the record has %d bytes, the server takes %d", ErrTooLarge, len(record), most)
	}
	for i := range outs {
		if size := len(outs[i].Data); most > 0 && size > most {
			return fmt.Errorf("%w: output %d on %s has %d bytes, the server takes %d", ErrTooLarge, i, outs[i].Subject, size, most)
		}
	}
	return nil
}

// How long a commit that is not stored is tried. A server whose disk is full
// does not answer at all, and after its first failed write it stores nothing
// until it is restarted; each attempt leaves an open batch behind in it.
const (
	maxSilent  = 3  // times CommitTimeout without an answer
	maxRefused = 20 // attempts with an answer that may pass
)

// settle publishes until the fate is known. The error of an attempt never
// decides it: the last record does. An attempt that comes too early, while the
// one before it is still on its way, does no harm: only one of them can be
// behind the head.
func (pt *Partition) settle(ctx context.Context, outs []Output, data []byte, r *Record) (uint64, error) {
	silent, refused, timeout := time.Duration(0), 0, pt.j.cfg.AskTimeout
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		seq, err := pt.attempt(ctx, outs, data, timeout, silent == 0 && refused == 0)
		if err == nil {
			return seq, nil
		}
		last, rerr := pt.readLast(ctx)
		switch {
		case rerr != nil:
			return 0, rerr
		case last.Epoch == r.Epoch && last.Chain == r.Chain && last.Owner == r.Owner:
			return last.Seq, nil // stored, only the answer was lost
		case last.Seq < r.Prev: // nobody takes the newest record away: the server has lost what it had acknowledged
			return 0, fmt.Errorf("%w: the record at sequence %d, behind which it was to stand, is gone, and the newest of %s is at sequence %d: bytes on the disk are damaged, or a power loss took them",
				ErrRefused, r.Prev, pt.subject, last.Seq)
		case last.Seq != r.Prev:
			return 0, fmt.Errorf("%w: epoch %d of %q wrote sequence %d, this is epoch %d",
				ErrFenced, last.Epoch, last.Owner, last.Seq, r.Epoch)
		case errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil:
			silent += timeout
			timeout = min(2*timeout, pt.j.cfg.CommitTimeout)
		default:
			refused++
		}
		if !passing(err) || silent >= maxSilent*pt.j.cfg.CommitTimeout || refused == maxRefused {
			return 0, fmt.Errorf("%w after %d attempts with an answer and %s without: %w", ErrRefused, refused, silent, err)
		}
		pt.j.cfg.Logger.Debug("commit is tried again", "partition", pt.number, "error", err)
		if err := sleep(ctx, pause); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnresolved, err)
		}
	}
}

// readLast reads the last record, however long the server is away.
func (pt *Partition) readLast(ctx context.Context) (last Record, err error) {
	err = pt.j.patiently(ctx, "last record of "+pt.subject, func(ctx context.Context) (err error) {
		last, err = pt.j.lastRecord(ctx, pt.subject)
		return err
	})
	return last, err
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
