package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ripenhq/ripen/engine/journal"
)

// advanceEvery is how often a partition without anything to read looks how far
// the stream has come, at most; advanceTime is how long it may take at the end.
const (
	advanceEvery = time.Minute
	advanceTime  = 2 * time.Second
)

// advance moves the position of a partition that has read all that is there for
// it to the end of the stream, now and then. Its own messages may be far back:
// without that, a stop for longer than history would leave a position that lies
// before the stream, and nobody could tell whether something was lost.
func (p *partition) advance(ctx context.Context) error {
	if time.Since(p.moved) < p.patience() {
		return nil
	}
	p.moved = time.Now()
	err := p.advanceNow(ctx)
	if errors.Is(err, errAhead) {
		p.log.Debug("how far the stream has come is not known", "error", err)
		return nil
	}
	return err
}

// patience is how long a partition may have nothing to read before it looks.
func (p *partition) patience() time.Duration {
	return max(100*time.Millisecond, min(advanceEvery, p.e.opts.History/8))
}

// errAhead says that the stream could not be looked at, which does no harm.
var errAhead = errors.New("the end of the stream could not be read")

func (p *partition) advanceNow(ctx context.Context) error {
	if p.set.Building() != nil || len(p.inputs) > 0 || p.pos != p.begin.Pos || p.pos != (journal.Position{Seq: p.pos.Seq}) {
		return nil
	}
	a, ok, err := p.e.journal.LookAhead(ctx, p.number, p.pos)
	switch {
	case err != nil:
		return errors.Join(errAhead, err)
	case !ok:
		return nil
	}
	p.pos, p.last = a.Pos, heardInput{seq: a.InputSeq, hash: a.InputHash, hashed: true}
	p.reader.Passed(a.InputSeq)
	p.set.Reset()
	return p.plan(p.record(p.pos), false)
}

// conclude moves the position a last time before the partition is given up, and
// waits for it. A failure is none of the session's: what was read is committed.
func (p *partition) conclude() {
	ctx, cancel := context.WithTimeout(p.e.life, advanceTime)
	defer cancel()
	err := p.advanceNow(ctx)
	if err == nil {
		err = p.settle(true)
	}
	if err != nil {
		p.log.Debug("the position stays where the last message of the partition is", "error", err)
	}
}
