package engine

import (
	"encoding/binary"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/ledger"
)

// maxState is the size in bytes of the accounts that one record is to hold. A
// record is compressed, and accounts shrink to a third and less, so that it
// stays within journal.MaxRecordBytes.
const maxState = 3 * journal.MaxRecordBytes

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
	book      *ledger.Book
	partition int

	plans   []commitPlan
	states  []byte         // the days of the ids and the accounts, see encode
	spare   []byte         // states of the batch before
	days    int            // where the accounts begin
	ends    []int          // end of each in states
	account []byte         // the account in hand
	leads   map[string]int // lead → index of its plan; nil with a single plan
	home    []int          // plan of each touched account
	ids     [][]core.SeenID
}

// plan cuts the batch. begin holds position and breakers as they were before
// it, done the record's fields after it. The list is valid until the next call;
// the deltas in it until the call after that, so that one commit may be in
// flight while the next batch is planned.
func (p *planner) plan(out *core.Output, begin, done journal.Record) ([]commitPlan, error) {
	p.encode(out)
	if len(p.states)-p.days <= maxState && len(out.Decisions)+len(out.Rejected) <= journal.MaxOutputs {
		p.single(out)
	} else {
		if err := p.cut(out); err != nil {
			return nil, err
		}
		p.placeIDs(out)
		p.placeStates(out)
	}
	if err := p.placeOutputs(out); err != nil {
		return nil, err
	}
	last := len(p.plans) - 1
	for i := range p.plans {
		rec := done
		if i < last {
			rec.Pos, rec.Clock, rec.Health = begin.Pos, 0, begin.Health
		}
		rec.Events, rec.Delta = p.plans[i].rec.Events, p.plans[i].rec.Delta
		p.plans[i].rec = rec
	}
	return p.plans, nil
}

// encode writes what is the delta if one record holds all: the days of the
// event ids, then the state of every touched account behind its length. The
// memory changes from batch to batch, because the commit in flight reads that
// of the one before.
func (p *planner) encode(out *core.Output) {
	p.states, p.spare = p.spare, p.states
	p.states, p.ends = appendDays(p.states[:0], out.NewIDs), p.ends[:0]
	p.days = len(p.states)
	for _, a := range out.Touched {
		p.account = a.Append(p.account[:0], p.book)
		p.states = binary.AppendUvarint(p.states, uint64(len(p.account)))
		p.states = append(p.states, p.account...)
		p.ends = append(p.ends, len(p.states))
	}
}

// state is the i-th account behind its length.
func (p *planner) state(i int) []byte {
	if i == 0 {
		return p.states[p.days:p.ends[0]]
	}
	return p.states[p.ends[i-1]:p.ends[i]]
}

// single makes the one plan that holds all.
func (p *planner) single(out *core.Output) {
	p.leads = nil
	p.plans = append(p.plans[:0], commitPlan{rec: journal.Record{Delta: p.states, Events: make([]journal.EventID, len(out.NewIDs))}})
	for i := range out.NewIDs {
		p.plans[0].rec.Events[i] = out.NewIDs[i].Hash
	}
}

// cut spreads the touched leads over plans by the size of their state and the
// number of their decisions.
func (p *planner) cut(out *core.Output) error {
	decisions := make(map[string]int, len(out.Touched))
	for i := range out.Decisions {
		decisions[out.Decisions[i].Lead]++
	}
	p.plans, p.home = append(p.plans[:0], commitPlan{}), p.home[:0]
	p.leads = make(map[string]int, len(out.Touched))
	size, outs := 0, 0
	for i, a := range out.Touched {
		n, bytes := decisions[a.Key], len(p.state(i))
		if n > journal.MaxOutputs {
			return journal.ErrTooLarge
		}
		if size > 0 && (size+bytes > maxState || outs+n > journal.MaxOutputs) {
			p.plans = append(p.plans, commitPlan{})
			size, outs = 0, 0
		}
		size, outs = size+bytes, outs+n
		p.leads[a.Key] = len(p.plans) - 1
		p.home = append(p.home, len(p.plans)-1)
	}
	return nil
}

// placeIDs puts each event id into the record that holds its lead: the record
// that makes an event's effect durable also makes it known.
func (p *planner) placeIDs(out *core.Output) {
	for len(p.ids) < len(p.plans) {
		p.ids = append(p.ids, nil)
	}
	for i := range p.plans {
		p.ids[i] = p.ids[i][:0]
	}
	for _, id := range out.NewIDs {
		at := p.planOf(id.Lead)
		p.ids[at] = append(p.ids[at], id)
	}
	for i := range p.plans {
		rec := &p.plans[i].rec
		rec.Delta = appendDays(make([]byte, 0, len(p.states)/len(p.plans)+256), p.ids[i])
		rec.Events = make([]journal.EventID, len(p.ids[i]))
		for k := range p.ids[i] {
			rec.Events[k] = p.ids[i][k].Hash
		}
	}
}

// planOf is the plan that holds a lead; the last one for a lead of which
// nothing changed.
func (p *planner) planOf(leadKey string) int {
	if at, ok := p.leads[leadKey]; ok {
		return at
	}
	return len(p.plans) - 1
}

func (p *planner) placeStates(out *core.Output) {
	for i := range out.Touched {
		rec := &p.plans[p.home[i]].rec
		rec.Delta = append(rec.Delta, p.state(i)...)
	}
}

// placeOutputs puts decisions beside their lead's state, rejected inputs where
// there is room.
func (p *planner) placeOutputs(out *core.Output) error {
	for i := range out.Decisions {
		o, err := decisionOutput(&out.Decisions[i])
		if err != nil {
			return err
		}
		plan := &p.plans[p.planOf(out.Decisions[i].Lead)]
		plan.outs = append(plan.outs, o)
	}
	for i := range out.Rejected {
		o, err := rejectedOutput(&out.Rejected[i], p.partition)
		if err != nil {
			return err
		}
		at := p.planOf(out.Rejected[i].Lead)
		if len(p.plans[at].outs) >= journal.MaxOutputs {
			at = len(p.plans) - 1
		}
		if len(p.plans[at].outs) >= journal.MaxOutputs {
			p.plans = append(p.plans, commitPlan{rec: journal.Record{Delta: appendDays(nil, nil)}})
			at++
		}
		p.plans[at].outs = append(p.plans[at].outs, o)
	}
	return nil
}
