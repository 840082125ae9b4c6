package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/journal"
)

// begin finds from where a partition can be verified: from its first record,
// or, if that was purged, from the oldest snapshot that the journal still fits.
func (c *check) begin(ctx context.Context) error {
	stop := errors.New("there is a record")
	err := c.e.journal.Records(ctx, c.p, func(journal.Record) error { return stop })
	if !errors.Is(err, journal.ErrBeginning) {
		return nil // what else is wrong, the chain finds
	}
	list, err := c.e.journal.Snapshots(ctx, c.p)
	if err != nil {
		return err
	}
	for i := len(list) - 1; i >= 0; i-- {
		ok, err := c.e.journal.Holds(ctx, c.p, list[i].Base.Mark)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := c.load(ctx, &list[i]); errors.Is(err, journal.ErrSnapshot) {
			c.problem(Problem{Kind: "record", Record: list[i].Base.Number, Text: err.Error()})
			continue
		} else if err != nil {
			return err
		}
		if ok, err := c.e.journal.Intact(ctx, c.p, list[i].Base); err != nil {
			return err
		} else if !ok {
			c.problem(Problem{Kind: "record", Record: list[i].Base.Number, Seq: list[i].Base.Seq, Text: "its bytes are not those that the snapshot was made behind: it was rewritten"})
		}
		c.note(fmt.Sprintf("older records are purged: verified from the snapshot of record %d on", list[i].Base.Number))
		return nil
	}
	c.problem(Problem{Kind: "record", Text: "the beginning of the journal is purged, and no snapshot fits what is left"})
	c.broken = true
	return nil
}

// load begins with a snapshot. It may hold leads that are newer than its base,
// up to a record that it names; up to there the records decide.
func (c *check) load(ctx context.Context, s *journal.Snapshot) error {
	both := []*image{c.kept, c.again}
	for _, m := range both {
		if err := m.shelf.Drop(); err != nil { // of one that turned out to be damaged
			return err
		}
	}
	err := c.e.journal.ReadSnapshot(ctx, *s, func(key, value []byte) error {
		return errors.Join(c.kept.fill(key, value), c.again.fill(key, value))
	})
	if err != nil {
		return err
	}
	for _, m := range both {
		if err := errors.Join(m.commit(), m.wake(&s.Base)); err != nil {
			return err
		}
	}
	c.chain, c.base, c.exact, c.pos, c.last = journal.NewChain(c.p, s.Base), s.Base.Seq, s.Newest.Number, s.Base.Pos, s.Base.Seq
	return c.again.follow(s.Base.Lineages)
}
