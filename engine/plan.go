package engine

import (
	"slices"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// maxState is the size in bytes of the deltas that one record is to hold. Much
// of it are hashes, which do not shrink, so that a record stays within
// journal.MaxRecordBytes even if nothing shrinks.
const maxState = journal.MaxRecordBytes - 4096

// commitPlan is one commit of a micro-batch.
type commitPlan struct {
	outs   []journal.Output
	rec    journal.Record
	deltas map[lineage.ID][]byte // of a batch that is cut
}

// planner cuts what a micro-batch made into commits that fit the limits of
// the journal. It belongs to one partition.
//
// Leads do not touch each other, nor do lineages, so a batch can be cut by the
// leads of each lineage: the records before the last keep the position where
// the batch began and hold some leads whole, with the event ids that were
// theirs. After a crash between two of them the inputs are read again; those of
// the finished leads are duplicates then, those of the others are scored as if
// for the first time.
type planner struct {
	partition int

	plans []commitPlan
	size  int                  // bytes of the newest batch's deltas
	spare [][]byte             // deltas of the batch before
	leads map[resident]*burden // nil with a single plan
}

// resident is a lead in a lineage.
type resident struct {
	id   lineage.ID
	lead string
}

// burden is what a lead adds to a record.
type burden struct {
	bytes, outs int
	plan        int
}

// plan cuts the batch. begin holds position and breakers as they were before
// it, done the record's fields after it, next is the number of the record that
// the first commit becomes: leads are stamped with theirs. The list is valid
// until the next call; the deltas in it until the call after that, so that one
// commit may be in flight while the next batch is planned: they are the
// outputs', which get other memory.
func (p *planner) plan(members []*lineage.Member, begin, done journal.Record, next uint64, more []journal.Output) ([]commitPlan, error) {
	outs := len(more)
	p.size, p.leads = 0, nil
	for _, m := range members {
		p.size += len(m.Out.Deltas)
		outs += len(m.Out.Rejected) + len(m.Out.Decisions)
	}
	p.plans = append(p.plans[:0], commitPlan{})
	if p.size > maxState || outs > journal.MaxOutputs {
		if err := p.cut(members); err != nil {
			return nil, err
		}
	}
	if err := p.placeOutputs(members, more); err != nil {
		return nil, err
	}
	p.stamp(members, next)
	last := len(p.plans) - 1
	for i := range p.plans {
		rec := done
		if i < last {
			rec.Pos, rec.Clock, rec.Lineages = begin.Pos, 0, begin.Lineages
		}
		p.plans[i].rec = p.fill(rec, &p.plans[i], members)
	}
	p.swap(members)
	return p.plans, nil
}

// stamp tells all that changed the number of its record.
func (p *planner) stamp(members []*lineage.Member, next uint64) {
	for _, m := range members {
		for i := range m.Out.Changes {
			ch := &m.Out.Changes[i]
			ch.Stamp(next + uint64(p.planOf(m.ID, ch.Lead, 0)))
		}
	}
}

// fill puts the lineages' deltas into a record.
func (p *planner) fill(rec journal.Record, plan *commitPlan, members []*lineage.Member) journal.Record {
	rec.Lineages = slices.Clone(rec.Lineages)
	for i := range rec.Lineages {
		l := &rec.Lineages[i]
		l.Delta = plan.deltas[lineage.ID(l.ID)]
		if p.leads != nil {
			continue
		}
		for _, m := range members {
			if uint64(m.ID) == l.ID {
				l.Delta = m.Out.Deltas
			}
		}
	}
	return rec
}

// swap gives the outputs the memory of the batch before.
func (p *planner) swap(members []*lineage.Member) {
	free := p.spare
	p.spare = nil
	for _, m := range members {
		if cap(m.Out.Deltas) > 0 {
			p.spare = append(p.spare, m.Out.Deltas)
		}
		m.Out.Deltas = nil
		if n := len(free); n > 0 {
			m.Out.Deltas, free = free[n-1][:0], free[:n-1]
		}
	}
}

// cut spreads the leads over plans by the size of their deltas and the number
// of their decisions and rejected events. A lead's event ids and what became of
// its events belong together: the record that makes an effect durable also
// makes its event known.
func (p *planner) cut(members []*lineage.Member) error {
	p.weigh(members)
	size, outs := 0, 0
	for _, m := range members {
		from := 1
		for i := range m.Out.Changes {
			ch := &m.Out.Changes[i]
			b := p.leads[resident{m.ID, ch.Lead}]
			if b.plan < 0 {
				if b.outs > journal.MaxOutputs {
					return journal.ErrTooLarge
				}
				if size > 0 && (size+b.bytes > maxState || outs+b.outs > journal.MaxOutputs) {
					p.plans = append(p.plans, commitPlan{})
					size, outs = 0, 0
				}
				size, outs, b.plan = size+b.bytes, outs+b.outs, len(p.plans)-1
			}
			p.plans[b.plan].add(m.ID, m.Out.Deltas[from:ch.End])
			from = ch.End
		}
	}
	return nil
}

// add appends a stretch of a lineage's deltas.
func (c *commitPlan) add(id lineage.ID, stretch []byte) {
	if c.deltas == nil {
		c.deltas = map[lineage.ID][]byte{}
	}
	if c.deltas[id] == nil {
		c.deltas[id] = core.AppendDeltaHead(nil)
	}
	c.deltas[id] = append(c.deltas[id], stretch...)
}

// weigh sums what each changed lead adds to a record.
func (p *planner) weigh(members []*lineage.Member) {
	p.leads = map[resident]*burden{}
	for _, m := range members {
		from := 0
		for i := range m.Out.Changes {
			ch := &m.Out.Changes[i]
			who := resident{m.ID, ch.Lead}
			if p.leads[who] == nil {
				p.leads[who] = &burden{plan: -1}
			}
			p.leads[who].bytes += ch.End - from
			from = ch.End
		}
		if !m.Heard() {
			continue
		}
		for i := range m.Out.Decisions {
			if b := p.leads[resident{m.ID, m.Out.Decisions[i].Lead}]; b != nil {
				b.outs++
			}
		}
		for i := range m.Out.Rejected {
			if b := p.leads[resident{m.ID, m.Out.Rejected[i].Lead}]; b != nil {
				b.outs++
			}
		}
	}
}

// planOf is the plan that holds a lead; other for one of which nothing changed.
func (p *planner) planOf(id lineage.ID, leadKey string, other int) int {
	if p.leads == nil {
		return other
	}
	if b := p.leads[resident{id, leadKey}]; b != nil {
		return b.plan
	}
	return other
}

// placeOutputs puts decisions and rejected inputs beside their lead's state;
// those of which no lead changed, where there is room. Only lineages whose
// decisions count are heard. homeless belong to no lead.
func (p *planner) placeOutputs(members []*lineage.Member, homeless []journal.Output) error {
	for _, m := range members {
		if !m.Heard() {
			continue
		}
		for i := range m.Out.Decisions {
			o, err := decisionOutput(&m.Out.Decisions[i])
			if err != nil {
				return err
			}
			plan := &p.plans[p.planOf(m.ID, m.Out.Decisions[i].Lead, len(p.plans)-1)]
			plan.outs = append(plan.outs, o)
		}
		byRelease(m)
		for i := range m.Out.Rejected {
			o, err := rejectedOutput(&m.Out.Rejected[i], p.partition)
			if err != nil {
				return err
			}
			if at := p.planOf(m.ID, m.Out.Rejected[i].Lead, -1); at >= 0 {
				p.plans[at].outs = append(p.plans[at].outs, o)
			} else {
				homeless = append(homeless, o)
			}
		}
	}
	p.house(homeless)
	return nil
}

// house puts outputs where there is room.
func (p *planner) house(homeless []journal.Output) {
	for _, o := range homeless {
		at := len(p.plans) - 1
		if len(p.plans[at].outs) >= journal.MaxOutputs {
			p.plans = append(p.plans, commitPlan{})
			at++
		}
		p.plans[at].outs = append(p.plans[at].outs, o)
	}
}
