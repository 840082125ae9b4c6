package journal

import (
	"context"
	"errors"

	"github.com/nats-io/nats.go/jetstream"
)

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
// none. A cluster that is choosing a leader is waited for, Config.OpenTimeout
// at most; ErrServer says that there was none.
func (j *Journal) Last(ctx context.Context, p int) (last Record, err error) {
	bounded, cancel := context.WithTimeout(ctx, j.cfg.OpenTimeout)
	defer cancel()
	var said error
	err = j.patiently(bounded, "last record of "+RecordSubject(p), func(ctx context.Context) error {
		last, said = j.lastRecord(ctx, RecordSubject(p))
		return said
	})
	if ctx.Err() == nil && errors.Is(err, ErrUnresolved) {
		err = unanswered(j.nc, j.cfg.OpenTimeout, said)
	}
	return last, err
}

// CheckStreams compares the settings of both streams with what the protocol
// needs, and says what to change. It changes nothing.
func (j *Journal) CheckStreams(ctx context.Context) error {
	cfg := j.cfg
	cfg.Partitions = j.partitions
	var errs []error
	for _, want := range []jetstream.StreamConfig{eventsConfig(cfg), journalConfig(cfg)} {
		info, err := j.info(ctx, want.Name)
		if err == nil {
			err = checkStream(&info.Config, &want)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
