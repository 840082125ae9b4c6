package journal

import "context"

// Chain follows the records of one partition, in the order of the stream, and
// finds holes and rewritten ones: what Restore does, for those who read
// records among other messages.
type Chain struct{ v verifier }

// NewChain begins behind a base; the zero Base is the beginning of the journal.
func NewChain(p int, base Base) *Chain {
	return &Chain{verifier{subject: RecordSubject(p), seq: base.Seq, number: base.Number, epoch: base.Epoch, chain: base.Chain}}
}

// Next verifies and decodes the next record. ErrCorrupt names the sequence.
func (c *Chain) Next(m Message) (Record, error) { return c.v.next(m) }

// Last is the newest record of partition p; one without a sequence if there is
// none.
func (j *Journal) Last(ctx context.Context, p int) (Record, error) {
	return j.lastRecord(ctx, RecordSubject(p))
}
