package engine

import (
	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
)

// maxState is the size in bytes of the deltas that one record is to hold. Much
// of it are hashes, which do not shrink, so that a record stays within
// journal.MaxRecordBytes even if nothing shrinks.
const maxState = journal.MaxRecordBytes - 4096

// commitPlan is one commit of a micro-batch.
type commitPlan struct {
	outs []journal.Output
	rec  journal.Record
}

// planner cuts what a micro-batch made into commits that fit the limits of
// the journal. It belongs to one partition.
//
// Leads do not touch each other, so a batch can be cut by leads: the records
// before the last keep the position where the batch began and hold some leads
// whole, with the event ids that were theirs. After a crash between two of
// them the inputs are read again; those of the finished leads are duplicates
// then, those of the others are scored as if for the first time.
type planner struct {
	partition int

	plans []commitPlan
	size  int                // bytes of the newest batch's deltas
	spare []byte             // deltas of the batch before
	leads map[string]*burden // nil with a single plan
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
// output's, which gets other memory.
func (p *planner) plan(out *core.Output, begin, done journal.Record, next uint64) ([]commitPlan, error) {
	p.size = len(out.Deltas)
	if p.size <= maxState && len(out.Decisions)+len(out.Rejected) <= journal.MaxOutputs {
		p.leads = nil
		p.plans = append(p.plans[:0], commitPlan{rec: journal.Record{Delta: out.Deltas}})
	} else if err := p.cut(out); err != nil {
		return nil, err
	}
	if err := p.placeOutputs(out); err != nil {
		return nil, err
	}
	for i := range out.Changes {
		out.Changes[i].Stamp(next + uint64(p.planOf(out.Changes[i].Lead, 0)))
	}
	last := len(p.plans) - 1
	for i := range p.plans {
		rec := done
		if i < last {
			rec.Pos, rec.Clock, rec.Health = begin.Pos, 0, begin.Health
		}
		rec.Delta = p.plans[i].rec.Delta
		p.plans[i].rec = rec
	}
	out.Deltas, p.spare = p.spare[:0], out.Deltas
	return p.plans, nil
}

// cut spreads the leads over plans by the size of their deltas and the number
// of their decisions and rejected events. A lead's event ids and what became of
// its events belong together: the record that makes an effect durable also
// makes its event known.
func (p *planner) cut(out *core.Output) error {
	p.weigh(out)
	p.plans = append(p.plans[:0], commitPlan{})
	size, outs, from := 0, 0, 1
	for i := range out.Changes {
		ch := &out.Changes[i]
		b := p.leads[ch.Lead]
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
		rec := &p.plans[b.plan].rec
		if rec.Delta == nil {
			rec.Delta = core.AppendDeltaHead(nil)
		}
		rec.Delta = append(rec.Delta, out.Deltas[from:ch.End]...)
		from = ch.End
	}
	return nil
}

// weigh sums what each changed lead adds to a record.
func (p *planner) weigh(out *core.Output) {
	p.leads = make(map[string]*burden, len(out.Changes))
	from := 0
	for i := range out.Changes {
		ch := &out.Changes[i]
		b := p.leads[ch.Lead]
		if b == nil {
			b = &burden{plan: -1}
			p.leads[ch.Lead] = b
		}
		b.bytes += ch.End - from
		from = ch.End
	}
	for i := range out.Decisions {
		if b := p.leads[out.Decisions[i].Lead]; b != nil {
			b.outs++
		}
	}
	for i := range out.Rejected {
		if b := p.leads[out.Rejected[i].Lead]; b != nil {
			b.outs++
		}
	}
}

// planOf is the plan that holds a lead; other for one of which nothing changed.
func (p *planner) planOf(leadKey string, other int) int {
	if b := p.leads[leadKey]; b != nil {
		return b.plan
	}
	return other
}

// placeOutputs puts decisions and rejected inputs beside their lead's state;
// those of which no lead changed, where there is room.
func (p *planner) placeOutputs(out *core.Output) error {
	var homeless []journal.Output
	for i := range out.Decisions {
		o, err := decisionOutput(&out.Decisions[i])
		if err != nil {
			return err
		}
		plan := &p.plans[p.planOf(out.Decisions[i].Lead, len(p.plans)-1)]
		plan.outs = append(plan.outs, o)
	}
	for i := range out.Rejected {
		o, err := rejectedOutput(&out.Rejected[i], p.partition)
		if err != nil {
			return err
		}
		if at := p.planOf(out.Rejected[i].Lead, -1); at >= 0 {
			p.plans[at].outs = append(p.plans[at].outs, o)
		} else {
			homeless = append(homeless, o)
		}
	}
	for _, o := range homeless {
		at := len(p.plans) - 1
		if len(p.plans[at].outs) >= journal.MaxOutputs {
			p.plans = append(p.plans, commitPlan{})
			at++
		}
		p.plans[at].outs = append(p.plans[at].outs, o)
	}
	return nil
}
