package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

// check verifies one partition. It keeps two images of the leads: one that the
// records make, one that the inputs make; whenever a record moves the position
// on, both must be the same.
type check struct {
	e     *Engine
	p     int
	first uint64 // of the events stream: what is older is gone
	most  int
	in    chan journal.Message
	ctx   context.Context // of the run

	chain    *journal.Chain
	base     uint64 // sequence behind which the check begins, 0 = with the first record
	exact    uint64 // number of the record up to which the state that it began with is not exact
	kept     *image // from records
	again    *image // from inputs
	feed     *feed
	pos      journal.Position  // of the next input to be run again
	touched  map[resident]bool // leads of records since the position last moved
	outs     map[string]journal.Message
	before   map[string][32]byte // decisions in front of the first record, by id
	rejected map[string]int      // rejected messages by content
	// differences of shadows by content, with their sequences
	differences map[string]uint64
	purged      uint64           // rejected events up to this sequence may be gone
	missing     []absent         // rejected events
	last        uint64           // sequence of the record before
	at          int64            // when the record was stored, ms
	old         int64            // decisions of before, ms, may be purged by age
	group       []journal.Record // records since the position last moved
	history     *feed            // of a lineage that is being built
	reads       lineage.ID       // which one that is
	alone       bool             // one record since the position last moved, and no claim
	broken      bool
	done        VerifiedPartition
	problems    []Problem
	noted       map[string]bool
}

// absent is a rejected event that is not there; Seq is that of the record
// before it, at the time of the one that came with it, ms.
type absent struct {
	Problem
	at int64
}

func newCheck(ctx context.Context, v *verification, p int, first uint64) (*check, error) {
	e := v.e
	c := &check{e: e, p: p, first: first, most: v.opts.Most, old: v.old, in: make(chan journal.Message, 8), ctx: ctx, chain: journal.NewChain(p, journal.Base{}),
		before: map[string][32]byte{}, touched: map[resident]bool{}, outs: map[string]journal.Message{}, rejected: map[string]int{}, differences: map[string]uint64{}, noted: map[string]bool{}, alone: true}
	c.done.Partition = p
	c.pos.Seq = 1
	for i, m := range []**image{&c.kept, &c.again} {
		shelf, err := v.vault.db.Partition(2*p + i)
		if err != nil {
			return c, err
		}
		*m = newImage(ctx, e, p, shelf, v.opts.Cache)
	}
	return c, c.begin(ctx)
}

func (c *check) close() {
	for _, f := range []*feed{c.feed, c.history} {
		if f != nil {
			f.close()
		}
	}
	for _, m := range []*image{c.kept, c.again} {
		if m != nil {
			m.close()
		}
	}
}

// run takes the partition's messages until there are no more.
func (c *check) run(ctx context.Context) error {
	for {
		select {
		case m, ok := <-c.in:
			if !ok {
				return nil
			}
			if c.broken {
				continue
			}
			if err := c.take(ctx, m); errors.Is(err, errStopped) {
				c.broken = true
			} else if err != nil {
				return fmt.Errorf("partition %d: %w", c.p, err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (c *check) take(ctx context.Context, m journal.Message) error {
	switch {
	case m.Seq <= c.base:
		return nil
	case strings.HasPrefix(m.Subject, "ripen.out."):
		var d lead.Decision
		if err := json.Unmarshal(m.Data, &d); err != nil {
			c.problem(Problem{Kind: "decision", Seq: m.Seq, Text: "cannot be read: " + err.Error()})
			return nil
		}
		if old, twice := c.outs[d.ID]; twice {
			c.problem(Problem{Kind: "decision", Seq: m.Seq, ID: d.ID, Lead: d.Lead, Text: fmt.Sprintf("is there twice, the first time at sequence %d", old.Seq)})
		}
		c.outs[d.ID] = m
		return nil
	case strings.HasPrefix(m.Subject, "ripen.shadow."):
		c.differences[string(m.Data)] = m.Seq
		return nil
	case strings.HasPrefix(m.Subject, "ripen.rejected."):
		if k, ok := readMark(m.Data); !ok {
			c.rejected[string(m.Data)]++
		} else if k.Mark == markPurged {
			c.purged = max(c.purged, k.Of)
		}
		return nil
	}
	c.at = m.Time
	rec, err := c.chain.Next(m)
	if err != nil {
		c.problem(Problem{Kind: "record", Seq: m.Seq, Text: err.Error()})
		return errStopped
	}
	if c.done.Records++; c.done.Records == 1 && c.base == 0 {
		c.rebuilt()
	}
	err = c.record(ctx, &rec)
	if len(c.touched) == 0 {
		c.last = rec.Seq
	}
	return err
}

// rebuilt notes the decisions in front of the first record: the partition's
// records were purged to build it again from its events, and that must make
// the same decisions again.
func (c *check) rebuilt() {
	for id, m := range c.outs {
		c.before[id] = journal.HashInput(m.Data)
	}
	clear(c.outs)
	clear(c.rejected)
	clear(c.differences)
}

// record follows one record: first into the image of the records, then, when
// it moves the position, by its inputs.
func (c *check) record(ctx context.Context, rec *journal.Record) error {
	if rec.Kind == journal.KindClaim {
		c.alone = false
		return nil
	}
	leads, err := c.kept.apply(rec)
	if err != nil {
		c.problem(Problem{Kind: "record", Record: rec.Number, Seq: rec.Seq, Text: err.Error()})
		return errStopped
	}
	for _, l := range leads {
		c.touched[l] = true
	}
	c.group = append(c.group, *rec)
	if err := c.found(ctx, rec); err != nil {
		return err
	}
	if c.builds(rec) {
		return c.build(ctx, rec)
	}
	// An order that is being carried out is read and not done.
	if ordered := rec.Pos.Index == 0 && rec.Pos.Seq == rec.InputSeq; ordered || rec.Pos == c.pos {
		c.alone = false
		c.done.Computed++
		return nil // part of a batch; the last of its records moves the position
	}
	switch why, moved, err := c.unseen(rec); {
	case err != nil:
		return err
	case why != "":
		return c.adopt(rec, why, moved)
	}
	msgs, ok, err := c.inputs(ctx, rec)
	if err != nil {
		return err
	}
	if !ok {
		return c.adopt(rec, "their inputs are no longer in the events stream, which was cut off after they were read (a power loss without synced writes)", false)
	}
	return c.compute(rec, msgs)
}

// unseen says why a record cannot be computed again, and whether its inputs are
// behind us all the same.
func (c *check) unseen(rec *journal.Record) (why string, moved bool, err error) {
	foreign := c.again.foreign()
	switch {
	case foreign != "":
		return foreign, true, nil
	case rec.Number <= c.exact:
		return "the snapshot holds some leads that are newer", true, nil
	case c.pos.Seq < c.first:
		return fmt.Sprintf("the events stream begins at sequence %d; older events are gone by age", c.first), true, nil
	}
	return "", false, nil
}

// adopt takes the state of leads that cannot be computed from the journal.
func (c *check) adopt(rec *journal.Record, why string, moved bool) error {
	c.note("records are not computed again, and the state of their leads is taken from the journal: " + why)
	c.done.Adopted++
	for i := range c.group {
		if _, err := c.again.apply(&c.group[i]); err != nil {
			return err
		}
	}
	if err := c.again.follow(rec.Lineages); err != nil {
		return err
	}
	if moved {
		c.pos = rec.Pos
		if c.feed != nil {
			c.feed.skip(c.pos)
		}
	}
	return c.settle(rec)
}

// settle ends what led to a record that moved the position.
func (c *check) settle(rec *journal.Record) error {
	c.group = c.group[:0]
	c.again.clear()
	clear(c.touched)
	clear(c.outs)
	clear(c.rejected)
	clear(c.differences)
	c.alone = true
	if err := c.kept.rest(rec.Number); err != nil {
		return err
	}
	return c.again.rest(rec.Number)
}

// inputs are the messages up to the position of a record; false if the stream
// does not hold them.
func (c *check) inputs(ctx context.Context, rec *journal.Record) ([]journal.Message, bool, error) {
	if c.feed == nil {
		c.feed = startFeed(c.ctx, c.e.journal, c.p, c.pos.Seq)
	}
	return c.feed.until(ctx, rec.InputSeq, rec.InputHash)
}

// compute runs the inputs up to the record's position and compares.
func (c *check) compute(rec *journal.Record, msgs []journal.Message) error {
	if rec.Pos.Seq < c.pos.Seq || rec.Pos.Seq == c.pos.Seq && rec.Pos.Index < c.pos.Index {
		c.problem(Problem{Kind: "record", Record: rec.Number, Seq: rec.Seq, Text: fmt.Sprintf("its position %d is before the one of an earlier record, %d, whose inputs are all there", rec.Pos.Seq, c.pos.Seq)})
		return errStopped
	}
	n, err := c.again.run(msgs, c.pos, rec.Pos, rec.Number)
	if err != nil {
		return err
	}
	c.done.Inputs += n
	c.done.Computed++
	if c.done.From == 0 {
		c.done.From = rec.Number
	}
	if err := c.compare(rec); err != nil {
		return err
	}
	c.pos = rec.Pos
	c.feed.skip(c.pos)
	if err := c.again.follow(rec.Lineages); err != nil {
		return err
	}
	return c.settle(rec)
}

// same says whether a decision that was made before a repair was the same.
func (c *check) same(id string, data []byte) bool {
	sum, there := c.before[id]
	if there {
		delete(c.before, id)
		c.note("records were purged and built again from the events; the decisions of before came again, the same")
	}
	return !there || sum == journal.HashInput(data)
}

func (c *check) problem(p Problem) {
	p.Partition = c.p
	if len(c.problems) >= c.most {
		c.done.More++
		return
	}
	c.problems = append(c.problems, p)
}

func (c *check) note(text string) {
	if !c.noted[text] {
		c.noted[text] = true
		c.done.Notes = append(c.done.Notes, text)
	}
}

// finish looks at what is left behind the last record. While an engine writes,
// that may be the beginning of a commit.
func (c *check) finish(stopped bool) {
	c.done.Leads = c.kept.leads()
	for _, p := range c.missing {
		if p.Seq < c.purged || p.at < c.old {
			c.note("rejected events were purged, and are not compared")
			continue
		}
		c.problem(p.Problem)
	}
	if c.broken {
		return
	}
	if n := len(c.touched); n > 0 {
		c.note(fmt.Sprintf("%d leads of the last batch were not compared: it is not whole yet, and goes on at the next start", n))
	}
	for id := range c.before {
		if c.done.Adopted > 0 || !stopped {
			c.note("some decisions in front of the first record were not made again")
			break
		}
		c.problem(Problem{Kind: "decision", ID: id, Text: "stands in front of the first record, and no input makes it"})
	}
	for id, m := range c.outs {
		if stopped && len(c.touched) == 0 {
			c.problem(Problem{Kind: "decision", Seq: m.Seq, ID: id, Text: "belongs to no record: the last record is missing"})
		}
	}
}
