package engine

import (
	"context"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// found begins the image of the inputs with the first lineage that the stream
// orders, as a partition does.
func (c *check) found(ctx context.Context, rec *journal.Record) error {
	if len(c.again.set.Members()) > 0 || len(rec.Lineages) == 0 {
		return nil
	}
	o, seq, _, err := c.e.firstOrder(ctx, 1)
	if err != nil {
		return err
	}
	if o == nil { // gone by age: the records know
		return c.again.set.Follow([]lineage.Descriptor{descriptorOf(&rec.Lineages[0])})
	}
	return c.again.set.Follow([]lineage.Descriptor{firstOf(o, seq)})
}

// builds says whether a record takes a lineage through history, or puts one in
// step: it moves that lineage alone.
func (c *check) builds(rec *journal.Record) bool { return c.built(rec) != nil }

// built is the lineage that a record takes further, nil if there is none.
func (c *check) built(rec *journal.Record) *journal.Lineage {
	if rec.Pos != c.pos {
		return nil
	}
	for i := range rec.Lineages {
		l := &rec.Lineages[i]
		m := c.again.set.Get(lineage.ID(l.ID))
		if m != nil && m.Role == lineage.Building && (l.Role != journal.RoleBuilding || descriptorOf(l).At != m.At) {
			return l
		}
	}
	return nil
}

// build runs the part of history again that a record says a lineage has read.
func (c *check) build(ctx context.Context, rec *journal.Record) error {
	l := c.built(rec)
	m := c.again.set.Get(lineage.ID(l.ID))
	if why, _, err := c.unseen(rec); err != nil || why != "" || m.At.Seq < c.first && m.At.Seq > 1 {
		if err != nil {
			return err
		}
		return c.adopt(rec, "a lineage was built from events that are gone by age, or by a release that is not at hand", false)
	}
	if l.Role != journal.RoleBuilding {
		c.again.set.Join(m, c.again.set.Clock())
	} else if err := c.chapter(ctx, m, journal.Position{Seq: l.Pos.Seq}, rec.Number); err != nil {
		return err
	}
	c.done.Computed++
	if err := c.compare(rec); err != nil {
		return err
	}
	if err := c.again.follow(rec.Lineages); err != nil {
		return err
	}
	return c.settle(rec)
}

// chapter runs history through a lineage up to a position.
func (c *check) chapter(ctx context.Context, m *lineage.Member, to journal.Position, record uint64) error {
	if c.history == nil || c.reads != m.ID {
		if c.history != nil {
			c.history.close()
		}
		c.history, c.reads = startFeed(c.ctx, c.e.journal, c.p, m.At.Seq), m.ID
	}
	msgs, err := c.history.before(ctx, to.Seq)
	if err != nil {
		return err
	}
	im := c.again
	im.in.list = im.in.list[:0]
	for i := range msgs {
		if err := im.in.take(&msgs[i], journal.Position{Seq: m.At.Seq}, to); err != nil {
			return err
		}
	}
	c.done.Inputs += len(im.in.list)
	for rest := im.in.list; ; {
		n, err := im.set.Build(m, rest)
		if err != nil {
			return err
		}
		im.collect(record)
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
	}
	m.At, m.Clock = lineage.Place{Seq: to.Seq}, m.Core.Clock()
	c.history.skip(to)
	return nil
}

// compare compares all that a record says with what its inputs make.
func (c *check) compare(rec *journal.Record) error {
	if err := c.compareLeads(rec); err != nil {
		return err
	}
	if err := c.compareOutputs(rec); err != nil {
		return err
	}
	if err := c.compareDifferences(rec); err != nil {
		return err
	}
	c.compareRest(rec)
	return nil
}
