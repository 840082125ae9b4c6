package engine

import (
	"bytes"
	"fmt"

	"github.com/ripenhq/ripen/engine/journal"
)

func (c *check) compareLeads(rec *journal.Record) error {
	for _, l := range c.again.changed {
		c.touched[l] = true
	}
	for l := range c.touched {
		want, there, err := c.again.state(l)
		if err != nil {
			return err
		}
		got, kept, err := c.kept.state(l)
		if err != nil {
			return err
		}
		bad := Problem{Kind: "lead", Record: rec.Number, Seq: rec.Seq, Lead: l.lead}
		switch {
		case there && !kept:
			bad.Text = "is not in the journal; its inputs make it"
		case kept && !there:
			bad.Text = "is in the journal; no input makes it"
		case !bytes.Equal(want, got):
			bad.Text = fmt.Sprintf("its state differs from what its inputs make (%d bytes, %d expected, the first other one at %d)", len(got), len(want), differ(got, want))
		default:
			continue
		}
		c.problem(bad)
	}
	return nil
}

func differ(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// compareOutputs compares the decisions and the rejected events of a batch.
// Rejected events that intake kept have no inputs; only those of the core can
// be missing.
func (c *check) compareOutputs(rec *journal.Record) error {
	for i := range c.again.decisions {
		d := &c.again.decisions[i]
		o, err := decisionOutput(d)
		if err != nil {
			return err
		}
		m, there := c.outs[d.ID]
		delete(c.outs, d.ID)
		switch {
		case !there && c.at < c.old:
			c.note("decisions that are older than --history are purged, and not compared")
		case !there:
			c.problem(Problem{Kind: "decision", Record: rec.Number, Seq: rec.Seq, Lead: d.Lead, ID: d.ID, Text: "is missing (" + d.Action + ")"})
		case !bytes.Equal(m.Data, o.Data) || m.Subject != o.Subject || !c.same(d.ID, o.Data):
			c.problem(Problem{Kind: "decision", Record: rec.Number, Seq: m.Seq, Lead: d.Lead, ID: d.ID, Text: "differs from what its inputs make"})
		}
		c.done.Decisions++
	}
	for id, m := range c.outs {
		c.problem(Problem{Kind: "decision", Record: rec.Number, Seq: m.Seq, ID: id, Text: "no input makes it"})
	}
	for i := range c.again.rejected {
		r := &c.again.rejected[i]
		o, err := rejectedOutput(r, c.p)
		if err != nil {
			return err
		}
		if c.rejected[string(o.Data)] == 0 {
			c.missing = append(c.missing, absent{Problem{Kind: "rejected", Record: rec.Number, Seq: c.last, Lead: r.Lead, ID: r.Event, Text: "is missing or differs (" + r.Code + ")"}, c.at})
		} else {
			c.rejected[string(o.Data)]--
		}
		c.done.Rejected++
	}
	return nil
}

// compareDifferences compares what is told of shadows.
func (c *check) compareDifferences(rec *journal.Record) error {
	list, err := c.again.rivals.outputs(c.again.set)
	if err != nil {
		return err
	}
	if !c.alone { // a batch that was begun twice may tell of a half of it
		return nil
	}
	bad := Problem{Kind: "difference", Record: rec.Number, Seq: rec.Seq}
	for i := range list {
		if _, there := c.differences[string(list[i].Data)]; !there && c.at >= c.old {
			bad.Text = "a difference of a shadow is missing: " + string(list[i].Data)
			c.problem(bad)
		}
		delete(c.differences, string(list[i].Data))
	}
	for data, seq := range c.differences {
		bad.Seq, bad.Text = seq, "no input makes this difference of a shadow: "+data
		c.problem(bad)
	}
	return nil
}

// compareRest compares what a record says beside leads: the clock, the
// lineages, and the circuit breakers if the record holds a batch of its own.
func (c *check) compareRest(rec *journal.Record) {
	bad := func(format string, args ...any) {
		c.problem(Problem{Kind: "record", Record: rec.Number, Seq: rec.Seq, Text: fmt.Sprintf(format, args...)})
	}
	if at := c.again.set.Clock(); at != rec.Clock {
		bad("its clock is %d ms, its inputs make %d ms", rec.Clock, at)
	}
	members := c.again.set.Members()
	if len(members) != len(rec.Lineages) {
		bad("it names %d lineages, its inputs make %d", len(rec.Lineages), len(members))
		return
	}
	for i, m := range members {
		l := &rec.Lineages[i]
		if got := descriptorOf(l); got != m.Descriptor {
			bad("it says that lineage %d is %+v, its inputs make it %+v", l.ID, got, m.Descriptor)
		} else if c.alone && !bytes.Equal(c.again.health(m.ID), l.Health) {
			bad("the circuit breakers of release %d of workflow %q differ from what its inputs make", l.Release, l.Workflow)
		}
	}
}
