package journal

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// keepCheckpoints bounds how far back Resume can look for an input that the
// events stream still holds: records, newest last.
const keepCheckpoints = 1 << 14

// Partition is a claimed partition. Its methods are for one goroutine, except
// that a Pending of CommitAsync may be waited for elsewhere.
type Partition struct {
	j       *Journal
	number  int
	subject string
	claim   Record // as written
	head    head   // the last record; owned by the commit in flight while there is one
	marks   []checkpoint
	oldest  uint64  // sequence of the record that the first mark is of, 0 = there is none before
	scratch scratch // of the commit in flight

	mu   sync.Mutex
	tail *Pending // the youngest commit, nil before the first
}

// head is what the next record builds on.
type head struct {
	seq    uint64
	number uint64
	chain  [32]byte
}

// checkpoint is how far the input was read at one record.
type checkpoint struct {
	pos  Position
	seq  uint64
	hash [32]byte
}

// Claim makes this process the owner of partition p: it reads the last record
// and publishes a claim of the next epoch behind it. Success proves that the
// read was current and fences every older owner; ErrFenced says that somebody
// else claimed at the same moment.
func (j *Journal) Claim(ctx context.Context, p int) (*Partition, error) {
	if p < 0 || p >= j.partitions {
		return nil, fmt.Errorf("%w: partition %d, expected 0 to %d", ErrPartitions, p, j.partitions-1)
	}
	pt := &Partition{j: j, number: p, subject: RecordSubject(p)}
	last, err := pt.readLast(ctx)
	if err != nil {
		return nil, err
	}
	claim := last // carries position, clock and lineages over
	claim.Kind, claim.Epoch, claim.Owner = KindClaim, last.Epoch+1, j.cfg.Owner+"/"+nuid.Next()
	claim.Lineages = Named(last.Lineages)
	if last.Seq == 0 {
		claim.Pos.Seq, claim.Input = 1, j.input
	}
	pt.head = head{last.Seq, last.Number, last.Chain}
	failpoint.Hit("claim.before")
	if err := pt.write(ctx, nil, &claim); err != nil {
		return nil, fmt.Errorf("claim partition %d: %w", p, err)
	}
	failpoint.Hit("claim.after")
	if err := pt.untear(ctx, &last, &claim); err != nil {
		return nil, fmt.Errorf("claim partition %d: %w", p, err)
	}
	pt.claim = claim
	pt.mark(&claim)
	return pt, nil
}

// lastRecord reads the newest record of a subject from the stream's leader; a
// subject without one gives the zero Record.
func (j *Journal) lastRecord(ctx context.Context, subject string) (Record, error) {
	m, err := j.records.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Record{}, nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("last record of %s: %w", subject, err)
	}
	r, err := decodeRecord(m.Data)
	if err != nil {
		return Record{}, fmt.Errorf("%w: %s at sequence %d: %w", ErrCorrupt, subject, m.Sequence, err)
	}
	r.Seq = m.Sequence
	return r, nil
}

// Number is the number of the partition, from 0.
func (pt *Partition) Number() int { return pt.number }

// Epoch is the epoch of the claim.
func (pt *Partition) Epoch() uint64 { return pt.claim.Epoch }

// Claimed is the claim as written: position, clock and lineages of the last
// commit before it.
func (pt *Partition) Claimed() Record { return pt.claim }

// Restore hands every record of the partition, oldest first and the claim
// last, to apply. It verifies sequence and chain of each and gives ErrCorrupt
// with the sequences concerned before apply sees a wrong one. The record's
// bytes may be kept.
func (pt *Partition) Restore(ctx context.Context, apply func(Record) error) error {
	return pt.RestoreFrom(ctx, Base{}, apply)
}

// verifier follows a partition's records.
type verifier struct {
	subject string
	seq     uint64
	number  uint64
	epoch   uint64
	chain   [32]byte
}

func (v *verifier) next(m Message) (Record, error) {
	bad := func(format string, args ...any) (Record, error) {
		return Record{}, fmt.Errorf("%w: %s at sequence %d: %s; restore the data folder from a backup, or purge the subject %s "+
			"to rebuild this partition from its events (decisions come again under the same ids)",
			ErrCorrupt, v.subject, m.Seq, fmt.Sprintf(format, args...), v.subject)
	}
	r, err := decodeRecord(m.Data)
	switch {
	case err != nil:
		return bad("%v", err)
	case r.Prev != v.seq:
		return bad("it follows sequence %d, but the one before it here is %d (a record is missing or was added)", r.Prev, v.seq)
	case chainOf(v.chain, r.Sum) != r.Chain:
		return bad("its hash does not continue the chain (this record or one before it was rewritten)")
	case r.Number != v.number+1:
		return bad("it is record %d, expected %d", r.Number, v.number+1)
	case r.Kind == KindClaim && r.Epoch != v.epoch+1 || r.Kind == KindCommit && r.Epoch != v.epoch:
		return bad("epoch %d after epoch %d", r.Epoch, v.epoch)
	}
	r.Seq = m.Seq
	v.seq, v.number, v.epoch, v.chain = m.Seq, r.Number, r.Epoch, r.Chain
	return r, nil
}

func (pt *Partition) mark(r *Record) {
	if len(pt.marks) >= 2*keepCheckpoints {
		pt.marks = append(pt.marks[:0], pt.marks[keepCheckpoints:]...)
	}
	pt.marks = append(pt.marks, checkpoint{r.Pos, r.InputSeq, r.InputHash})
}

// Resume tells from where to read after Restore. It compares the last message
// that was read with the events stream: after a power loss without synced
// writes the journal may be ahead of the events, and then the position goes
// back to the newest record whose input is still there; what is read twice is
// caught by the set of event ids. rewound says that this happened.
func (pt *Partition) Resume(ctx context.Context) (pos Position, rewound bool, err error) {
	if pt.claim.Input != pt.j.input {
		return Position{}, false, fmt.Errorf("%w: partition %d has read %s created at %d ns, there is one created at %d ns; "+
			"restore the data folder, or start on an empty one", ErrReplaced, pt.number,
			pt.claim.Input.Name, pt.claim.Input.Created, pt.j.input.Created)
	}
	var info *jetstream.StreamInfo
	if err := pt.j.patiently(ctx, "state of "+EventsStream, func(ctx context.Context) (err error) {
		info, err = pt.j.info(ctx, EventsStream)
		return err
	}); err != nil {
		return Position{}, false, err
	}
	newest := checkpoint{}
	if n := len(pt.marks); n > 0 {
		newest = pt.marks[n-1]
	}
	for tries := 0; tries < keepCheckpoints; tries++ {
		m, ok, err := pt.lastMark(ctx)
		if err != nil {
			return Position{}, false, err
		}
		if !ok {
			break
		}
		if ok, err = pt.j.holds(ctx, &m, info.State); err != nil {
			return Position{}, false, err
		}
		if ok {
			pos, err = pt.unread(m.pos, info.State.FirstSeq)
			return pos, m != newest, err
		}
	}
	return Position{}, false, fmt.Errorf("%w: none of the last positions of partition %d is in %s (sequences %d to %d)",
		ErrInputLost, pt.number, EventsStream, info.State.FirstSeq, info.State.LastSeq)
}

// lastMark takes the newest mark that differs from the one taken before; behind
// those that the restore has seen it asks the journal for older ones.
func (pt *Partition) lastMark(ctx context.Context) (m checkpoint, ok bool, err error) {
	n := len(pt.marks)
	if n == 0 {
		return pt.earlier(ctx)
	}
	m = pt.marks[n-1]
	for n > 0 && pt.marks[n-1] == m {
		n--
	}
	pt.marks = pt.marks[:n]
	return m, true, nil
}

// holds says whether the events stream still has the message of a checkpoint,
// or has let it go by age.
func (j *Journal) holds(ctx context.Context, m *checkpoint, st jetstream.StreamState) (ok bool, err error) {
	switch {
	case m.seq == 0 || m.seq < st.FirstSeq && st.LastSeq >= m.seq:
		return true, nil
	case m.seq > st.LastSeq:
		return false, nil
	}
	err = j.patiently(ctx, "a message of "+EventsStream, func(ctx context.Context) error {
		msg, err := j.events.GetMsg(ctx, m.seq)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s at sequence %d: %w", EventsStream, m.seq, err)
		}
		ok = HashInput(msg.Data) == m.hash
		return nil
	})
	return ok, err
}
