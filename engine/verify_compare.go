package engine

import (
	"bytes"
	"fmt"

	"github.com/ripenhq/ripen/engine/journal"
)

func (c *check) compareLeads(rec *journal.Record) error {
	for _, l := range c.again.touched() {
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
		bad := Problem{Kind: "lead", Record: rec.Number, Seq: rec.Seq, Lead: l}
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
	out := &c.again.out
	for i := range out.Decisions {
		d := &out.Decisions[i]
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
	for i := range out.Rejected {
		r := &out.Rejected[i]
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

// compareRest compares what a record says beside leads: the clock, and the
// circuit breakers if the record holds a batch of its own.
func (c *check) compareRest(rec *journal.Record) {
	if at := c.again.core.Clock(); at != rec.Clock {
		c.problem(Problem{Kind: "record", Record: rec.Number, Seq: rec.Seq, Text: fmt.Sprintf("its clock is %d ms, its inputs make %d ms", rec.Clock, at)})
	}
	if health := appendHealth(nil, c.again.crew); c.alone && !bytes.Equal(health, rec.Health) {
		c.problem(Problem{Kind: "record", Record: rec.Number, Seq: rec.Seq, Text: "the circuit breakers of its plugins differ from what its inputs make"})
	}
}
