package engine

import "context"

// eager is the part of a full micro-batch that is worth scoring at once, while
// a commit is on its way: one in so many.
const eager = 8

// collect goes on taking messages while a commit is on its way and there is
// little to score. A micro-batch that is scored meanwhile waits for that commit
// before its own can go out, and what comes in between waits for both; with
// little to do it is better to be late with scoring. With much to do it is not:
// then one batch is scored while the one before it is committed.
func (p *partition) collect() error {
	for f := p.flight; f != nil && len(p.inputs) > 0 && len(p.inputs) < p.batch/eager; f = p.flight {
		msgs, err := p.reader.Next(f.over)
		if f.over.Err() != nil && err != nil {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range msgs {
			if err := p.take(&msgs[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// newFlight is a commit on its way, and what ends it once its fate is known.
func newFlight(life context.Context) (f *flight, end func()) {
	f = &flight{done: make(chan struct{})}
	over, cancel := context.WithCancel(life)
	f.over = over
	return f, func() {
		close(f.done)
		cancel()
	}
}
