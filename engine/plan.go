package engine

import (
	"encoding/binary"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/ledger"
)

// commitPlan is one commit of a micro-batch.
type commitPlan struct {
	outs []journal.Output
	rec  journal.Record
}

// planner cuts what a micro-batch made into commits that fit the limits of
// the journal.
//
// Leads do not touch each other, so a batch can be cut by leads: the records
// before the last keep the position where the batch began and hold some leads
// whole, with the event ids that were theirs. After a crash between two of
// them the inputs are read again; those of the finished leads are duplicates
// then, those of the others are scored as if for the first time.
type planner struct {
	book      *ledger.Book
	partition int
	plans     []commitPlan
	leads     map[string]int // lead → index of its plan
	state     []byte
}

// plan fills p.plans. begin is the position before the batch, done the record
// fields after it.
func (p *planner) plan(out *core.Output, begin journal.Position, done journal.Record) ([]commitPlan, error) {
	p.plans = append(p.plans[:0], commitPlan{})
	if err := p.placeLeads(out, countDecisions(out)); err != nil {
		return nil, err
	}
	if err := p.placeOutputs(out); err != nil {
		return nil, err
	}
	last := len(p.plans) - 1
	for i := range p.plans {
		rec := done
		if i < last {
			rec.Pos, rec.Clock = begin, 0
		}
		rec.Events, rec.Delta = p.plans[i].rec.Events, p.plans[i].rec.Delta
		p.plans[i].rec = rec
	}
	return p.plans, nil
}

// countDecisions counts the decisions of each lead, nil if all outputs go into
// one commit anyway.
func countDecisions(out *core.Output) map[string]int {
	if len(out.Decisions)+len(out.Rejected) <= journal.MaxOutputs {
		return nil
	}
	n := make(map[string]int, len(out.Touched))
	for i := range out.Decisions {
		n[out.Decisions[i].Lead]++
	}
	return n
}

// placeLeads spreads the touched leads over plans by the size of their state
// and the number of their decisions.
func (p *planner) placeLeads(out *core.Output, decisions map[string]int) error {
	p.leads = make(map[string]int, len(out.Touched))
	size, outs := 0, 0
	var states [][]byte
	for _, a := range out.Touched {
		p.state = a.Append(p.state[:0], p.book)
		n := decisions[a.Key]
		if n > journal.MaxOutputs {
			return journal.ErrTooLarge
		}
		if size > 0 && (size+len(p.state) > journal.MaxRecordBytes || outs+n > journal.MaxOutputs) {
			p.plans = append(p.plans, commitPlan{})
			size, outs = 0, 0
		}
		for len(states) < len(p.plans) {
			states = append(states, nil)
		}
		at := len(p.plans) - 1
		p.leads[a.Key] = at
		states[at] = binary.AppendUvarint(states[at], uint64(len(p.state)))
		states[at] = append(states[at], p.state...)
		size += len(p.state)
		outs += n
	}
	p.placeIDs(out, states)
	return nil
}

// placeIDs puts each event id into the record that holds its lead.
func (p *planner) placeIDs(out *core.Output, states [][]byte) {
	perPlan := make([][]core.SeenID, len(p.plans))
	for _, id := range out.NewIDs {
		at := len(p.plans) - 1
		if at > 0 {
			if k, ok := p.leads[id.Lead]; ok {
				at = k
			}
		}
		perPlan[at] = append(perPlan[at], id)
	}
	for i := range p.plans {
		rec := &p.plans[i].rec
		rec.Delta = appendDays(make([]byte, 0, 16), perPlan[i])
		if i < len(states) {
			rec.Delta = append(rec.Delta, states[i]...)
		}
		rec.Events = make([]journal.EventID, len(perPlan[i]))
		for k := range perPlan[i] {
			rec.Events[k] = perPlan[i][k].Hash
		}
	}
}

// placeOutputs puts decisions beside their lead's state, rejected inputs where
// there is room.
func (p *planner) placeOutputs(out *core.Output) error {
	for i := range out.Decisions {
		d := &out.Decisions[i]
		o, err := decisionOutput(d)
		if err != nil {
			return err
		}
		plan := &p.plans[p.leads[d.Lead]]
		plan.outs = append(plan.outs, o)
	}
	for i := range out.Rejected {
		o, err := rejectedOutput(&out.Rejected[i], p.partition)
		if err != nil {
			return err
		}
		last := len(p.plans) - 1
		if at, ok := p.leads[out.Rejected[i].Lead]; ok && len(p.plans[at].outs) < journal.MaxOutputs {
			last = at
		}
		if len(p.plans[last].outs) >= journal.MaxOutputs {
			p.plans = append(p.plans, commitPlan{rec: journal.Record{Delta: appendDays(nil, nil)}})
			last = len(p.plans) - 1
		}
		p.plans[last].outs = append(p.plans[last].outs, o)
	}
	return nil
}
