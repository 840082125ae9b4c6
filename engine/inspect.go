package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
)

// Snapshot is what the journal says of all leads at one moment: read, not
// claimed, so that a running engine on the same streams goes on undisturbed.
type Snapshot struct {
	// Decisions are all that were published, in the order of the journal.
	Decisions []lead.Decision
	// Damaged says that decisions are missing above, because the server cannot
	// read its files.
	Damaged bool
	// Work is the workflow in the release that is live.
	Work   *Workflow
	shelf  *shelf
	visits []*visit
	cores  []*core.Core
}

// Inspect reads the journal of an engine's streams: of a data folder, also
// while an engine runs on it, or of an external server. A client of the server
// inside a running engine may not: ErrNotAllowed. It is about the workflow of
// the options, or, without one, about the only one that is live.
func Inspect(ctx context.Context, o Options) (*Snapshot, error) { return InspectNamed(ctx, o, "") }

// InspectNamed is Inspect, where several workflows may be live, of one of them.
func InspectNamed(ctx context.Context, o Options, name string) (_ *Snapshot, err error) {
	e, err := reach(o)
	if err != nil {
		return nil, err
	}
	defer e.shut(context.Background())
	if err := e.openJournal(ctx, true); err != nil {
		return nil, err
	}
	err = e.allowed(ctx, func(ctx context.Context) (err error) {
		if err = e.findReleases(ctx); err == nil {
			name, err = e.subject(ctx, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	s := &Snapshot{shelf: e.shelf} // its releases are needed for longer than the streams
	e.shelf = nil
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	for n := range e.journal.Partitions() {
		if err := s.restore(ctx, e, name, n); err != nil {
			return nil, fmt.Errorf("partition %d: %w", n, err)
		}
	}
	return s, s.readDecisions(ctx, e, name)
}

func (s *Snapshot) restore(ctx context.Context, e *Engine, name string, n int) error {
	return e.allowed(ctx, func(ctx context.Context) error {
		v, _, err := e.readState(ctx, n)
		if err != nil {
			return err
		}
		s.visits = append(s.visits, v)
		one := Story{visit: v}
		if err := one.show(name, ""); err != nil {
			return err
		}
		s.cores, s.Work = append(s.cores, one.core), one.Work
		return nil
	})
}

func (s *Snapshot) readDecisions(ctx context.Context, e *Engine, name string) error {
	filter := journal.DecisionSubject(name, "*")
	return e.allowed(ctx, func(ctx context.Context) error {
		counted, err := e.journal.Count(ctx, journal.JournalStream, filter)
		if err != nil {
			return err
		}
		err = e.journal.Scan(ctx, journal.JournalStream, []string{filter}, 1, func(m journal.Message) error {
			var d lead.Decision
			if err := json.Unmarshal(m.Data, &d); err != nil {
				return fmt.Errorf("decision at sequence %d cannot be read: %w", m.Seq, err)
			}
			s.Decisions = append(s.Decisions, d)
			return nil
		})
		if err != nil || uint64(len(s.Decisions)) >= counted {
			return err
		}
		// Purged meanwhile, or passed over without a word by the server.
		found, err := e.journal.Look(ctx, journal.JournalStream, 0)
		s.Damaged = found.Unreadable > 0
		return err
	})
}

// Leads are the keys of all leads, in no particular order.
func (s *Snapshot) Leads() (keys []string) {
	for _, c := range s.cores {
		c.Leads(func(a *ledger.Account) { keys = append(keys, a.Key) })
	}
	return keys
}

// Clock is the latest time in the state, ms: of a tick or of a lead.
func (s *Snapshot) Clock() (at int64) {
	for _, c := range s.cores {
		at = max(at, c.Clock())
		c.Leads(func(a *ledger.Account) { at = max(at, a.Clock) })
	}
	return at
}

// Look shows leads as they are at time at, ms.
func (s *Snapshot) Look(keys []string, at int64, fn func(*ledger.Frame)) error {
	for n, c := range s.cores {
		var mine []string
		for _, key := range keys {
			if lead.Partition(key, len(s.cores)) == n {
				mine = append(mine, key)
			}
		}
		if err := c.Look(mine, at, fn); err != nil {
			return err
		}
	}
	return nil
}

// Close releases the plugins' instances.
func (s *Snapshot) Close() {
	for _, v := range s.visits {
		v.close()
	}
	if s.shelf != nil {
		s.shelf.Close()
	}
}
