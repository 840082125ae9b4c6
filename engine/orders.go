package engine

import (
	"errors"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// walkSlice is the most leads that an order looks at in one commit.
const walkSlice = 1024

// order obeys a switch point: all in front of it is committed before, all
// behind it is scored by what it says. An order that makes no sense is told and
// passed over, by every partition alike: the stream goes on.
func (p *partition) order(m *journal.Message, c *journal.Control) error {
	if err := p.flush(); err != nil {
		return err
	}
	o, err := lineage.DecodeOrder(c.Body)
	if err == nil {
		err = p.obey(m, o, c.At)
	}
	if errors.Is(err, lineage.ErrOrder) {
		p.log.Error("an order in the stream is passed over", "sequence", m.Seq, "error", err)
		err = nil
	}
	p.hear(m)
	p.pos = journal.Position{Seq: m.Seq + 1}
	if err != nil || p.begin.Pos == p.pos {
		return err
	}
	p.set.Reset() // passed over: that much is read
	return p.plan(p.record(p.pos), false)
}

// obey carries out an order, from behind the last lead that is committed.
func (p *partition) obey(m *journal.Message, o *lineage.Order, at int64) error {
	after := ""
	if m.Seq == p.pos.Seq {
		after = p.pos.Lead
	}
	if err := p.built(o); err != nil {
		return err
	}
	failpoint.Hit("order.before")
	w, err := p.set.Obey(o, m.Seq, at)
	if err != nil {
		return err
	}
	if w.Passed != "" {
		p.log.Debug("an order changes nothing here", "sequence", m.Seq, "order", o.Op, "why", w.Passed)
		return nil
	}
	p.hear(m)
	if err := p.arrive(w, m.Seq, after); err != nil {
		return err
	}
	for done := false; !done; {
		if after, done, err = w.Step(after, failpoint.Number("order.slice", walkSlice)); err != nil {
			return err
		}
		pos := journal.Position{Seq: m.Seq, Lead: after}
		if done {
			pos = journal.Position{Seq: m.Seq + 1}
		}
		p.pos = pos
		if err := p.plan(p.record(pos), false); err != nil {
			return err
		}
		failpoint.Hit("order.slice")
		if err := p.tidy(); err != nil {
			return err
		}
	}
	w.Done()
	p.house.tidy(p.set)
	p.behold(o, m.Seq, at)
	failpoint.Hit("order.after")
	return nil
}

// arrive commits that a lineage is there, before anything happens to it. A fork
// has its leads from the store, which must be as it was at the copy until it is
// known that there is one: see pin.
func (p *partition) arrive(w *lineage.Walk, seq uint64, after string) error {
	if !w.New {
		return nil
	}
	p.house.tidy(p.set)
	m := w.Member()
	if m == nil {
		return nil
	}
	p.pos = journal.Position{Seq: seq, Lead: after}
	p.set.Reset()
	if err := p.plan(p.record(p.pos), false); err != nil {
		return err
	}
	if m.Origin != lineage.FromFork {
		return nil
	}
	failpoint.Hit("fork")
	p.keeping.wanted = true
	return p.pin()
}

// pin makes the local store exactly what the newest durable record says, no
// older and no newer, and has it say so. A copy of a lineage that is made from
// it can be made again after a crash: nothing that is newer reaches the store
// before the copy is part of its head.
func (p *partition) pin() error {
	if err := p.settle(true); err != nil {
		return err
	}
	p.keeping.running = false
	for _, m := range p.set.Members() {
		if p.house.homes[m.ID] == nil {
			continue
		}
		for range 2 { // the first may be the rest of a checkpoint that was running
			if err := p.flushAll(m); err != nil {
				return err
			}
		}
	}
	s := p.newShelve()
	defer s.close()
	return s.head(&p.base)
}

// flushAll writes all that the store does not have of a lineage.
func (p *partition) flushAll(m *lineage.Member) error {
	s := p.newShelve()
	defer s.close()
	for done := false; !done; {
		var err error
		if done, err = m.Core.Flush(flushSlice, s.putOf(m.ID)); err != nil {
			return err
		}
	}
	return s.write()
}
