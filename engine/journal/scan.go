package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Scan hands every message under the filters, from a sequence on and up to the
// newest at the time of the call, to fn. It is for history: explain, plan,
// rejected inputs. fn's error ends it and is returned as it is.
func (j *Journal) Scan(ctx context.Context, stream string, filters []string, from uint64, fn func(Message) error) error {
	end, err := j.End(ctx, stream, filters)
	if err != nil || end < max(from, 1) {
		return err
	}
	r, err := j.open(ctx, source{stream: stream, filters: filters, from: max(from, 1)}, ReaderOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		msgs, err := r.Next(ctx)
		if err != nil {
			return err
		}
		for _, m := range msgs {
			if m.Seq > end {
				return nil
			}
			if err := fn(m); err != nil {
				return err
			}
			if m.Seq == end {
				return nil
			}
		}
	}
}

// Follow hands every message under the filters, from a sequence on, to fn as it
// comes, until the context ends. fn's error ends it and is returned as it is.
func (j *Journal) Follow(ctx context.Context, stream string, filters []string, from uint64, fn func(Message) error) error {
	r, err := j.open(ctx, source{stream: stream, filters: filters, from: max(from, 1)}, ReaderOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		msgs, err := r.Next(ctx)
		if err != nil {
			return err
		}
		for _, m := range msgs {
			if err := fn(m); err != nil {
				return err
			}
		}
	}
}

// End is the sequence of the newest message of a stream under the filters, 0
// without one.
func (j *Journal) End(ctx context.Context, stream string, filters []string) (end uint64, err error) {
	err = j.patiently(ctx, "end of "+stream, func(ctx context.Context) (err error) {
		end, err = j.end(ctx, stream, filters)
		return err
	})
	return end, err
}

// end is the sequence of the newest message under the filters, 0 without one.
func (j *Journal) end(ctx context.Context, stream string, filters []string) (uint64, error) {
	s := j.records
	if stream == EventsStream {
		s = j.events
	}
	end := uint64(0)
	for _, f := range filters {
		m, err := s.GetLastMsgForSubject(ctx, f)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("last message of %s: %w", f, err)
		}
		end = max(end, m.Sequence)
	}
	return end, nil
}

// Count is how many messages a stream has under a filter, also those that the
// server cannot read.
func (j *Journal) Count(ctx context.Context, stream, filter string) (n uint64, err error) {
	err = j.patiently(ctx, "messages of "+stream, func(ctx context.Context) error {
		counts, err := j.counts(ctx, stream, filter)
		n = 0
		for _, of := range counts {
			n += of
		}
		return err
	})
	return n, err
}

// counts tells how many messages each subject under a filter has. It asks with a
// handle of its own: that of the journal keeps what it was told last.
func (j *Journal) counts(ctx context.Context, stream, filter string) (map[string]uint64, error) {
	s, err := j.js.Stream(ctx, stream)
	if err != nil {
		return nil, wrap(stream, err)
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(filter))
	if err != nil {
		return nil, wrap(stream, err)
	}
	return info.State.Subjects, nil
}

// LastEvent is the sequence of the newest event in the stream, of any
// partition; 0 without one.
func (j *Journal) LastEvent(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
	defer cancel()
	return j.end(ctx, EventsStream, []string{eventsPrefix + "*"})
}

// ServerTime is the time on the clock of the server that leads the events
// stream.
func (j *Journal) ServerTime(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, j.cfg.CommitTimeout)
	defer cancel()
	info, err := j.info(ctx, EventsStream)
	if err != nil {
		return time.Time{}, err
	}
	return info.TimeStamp, nil
}

// Records hands every record of partition p up to now, oldest first and
// verified like in Restore, to fn. It claims nothing, so it disturbs no owner.
func (j *Journal) Records(ctx context.Context, p int, fn func(Record) error) error {
	return j.RecordsFrom(ctx, p, Base{}, fn)
}
