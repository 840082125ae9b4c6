package engine

import (
	"context"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
)

const (
	// buildChunk is about how many inputs of history a lineage that is being built
	// takes between two micro-batches: scoring comes first.
	buildChunk = 2048
	// buildPause is how long a partition that builds waits for events.
	buildPause = time.Millisecond
	// buildWait is how long it waits for history when there is nothing else to do.
	buildWait = 20 * time.Millisecond
)

// historian reads history for a lineage that is being built.
type historian struct {
	id     lineage.ID
	reader *journal.Reader
	inputs inputs
	queue  []journal.Message // read and not yet taken
	seen   uint64            // sequence of the last message taken
}

func (h *historian) close() {
	if h != nil {
		h.reader.Close()
	}
}

// historian gives the reader of a lineage's history.
func (p *partition) historian(ctx context.Context, m *lineage.Member) (*historian, error) {
	if p.history != nil && p.history.id == m.ID {
		return p.history, nil
	}
	p.history.close()
	p.history = nil
	r, err := p.e.journal.NewReader(ctx, p.number, journal.Position{Seq: m.At.Seq}, journal.ReaderOptions{Prefetch: 4096})
	if err != nil {
		return nil, err
	}
	p.history = &historian{id: m.ID, reader: r, inputs: inputs{decoder: intake.NewDecoder(intake.Options{}), partitions: p.e.journal.Partitions(),
		number: p.number, timeless: p.e.opts.Clock == ClockStream}}
	return p.history, nil
}

// build takes a lineage a chunk of history further. idle says that there is
// nothing else to do. What has read all that the partition has is in step.
func (p *partition) build(ctx context.Context, m *lineage.Member, idle bool) error {
	h, err := p.historian(ctx, m)
	if err != nil {
		return err
	}
	at, err := h.chunk(ctx, m.At, p.begin.Pos, idle)
	if err != nil {
		return err
	}
	if len(h.inputs.list) > 0 || at != m.At {
		if err := p.buildChunk(m, h.inputs.list, at); err != nil {
			return err
		}
	}
	if !p.caughtUp(m, h) {
		p.tell()
		return p.tidy()
	}
	p.set.Join(m, p.set.Clock())
	p.house.tidy(p.set)
	p.history.close()
	p.history = nil
	p.set.Reset()
	p.log.Info("a lineage is in step", "workflow", m.Workflow, "release", m.Release.Number, "lineage", m.ID)
	if err := p.plan(p.between(), false); err != nil {
		return err
	}
	p.keeping.wanted = true
	p.tell()
	if err := p.settle(true); err != nil { // what is kept is to say so
		return err
	}
	return p.tidy()
}

// between is a record that consumes no input of the partition.
func (p *partition) between() journal.Record {
	rec := p.begin
	rec.Clock, rec.Lineages = p.set.Clock(), p.lineages()
	return rec
}

// buildChunk scores and commits inputs of history.
func (p *partition) buildChunk(m *lineage.Member, list []core.Input, at lineage.Place) error {
	failpoint.Hit("build.chunk")
	before := p.begin
	for {
		n, err := p.set.Build(m, list)
		if err != nil {
			return err
		}
		if list = list[n:]; len(list) == 0 {
			m.At, m.Clock = at, m.Core.Clock()
			return p.plan(p.between(), false)
		}
		rec := before
		rec.Clock = 0
		if err := p.plan(rec, false); err != nil {
			return err
		}
	}
}

// caughtUp says that the lineage has read all that the partition has committed.
func (p *partition) caughtUp(m *lineage.Member, h *historian) bool {
	pos := p.begin.Pos
	waits := len(h.queue) > 0 && h.queue[0].Seq < pos.Seq // what lies behind the position is for later
	return pos.Index == 0 && pos.Lead == "" && !waits &&
		(m.At.Seq >= pos.Seq || p.begin.InputSeq < pos.Seq && h.seen >= p.begin.InputSeq)
}

// built waits until the lineage that an order is about is in step: whoever
// orders a switch has seen to it, so this is hardly ever needed.
func (p *partition) built(o *lineage.Order) error {
	m := p.set.Get(o.Lineage)
	if o.Op != lineage.Switch || m == nil {
		return nil
	}
	for m.Role == lineage.Building {
		if err := p.build(p.house.ctx, m, true); err != nil {
			return err
		}
		if err := p.house.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// chunk reads some inputs behind a place and in front of a position, and tells
// up to where they reach. It waits for none unless there is nothing else to do.
func (h *historian) chunk(ctx context.Context, at lineage.Place, before journal.Position, idle bool) (lineage.Place, error) {
	h.inputs.list = h.inputs.list[:0]
	for len(h.inputs.list) < failpoint.Number("build.inputs", buildChunk) {
		if len(h.queue) == 0 {
			wait := time.Duration(0)
			if idle && len(h.inputs.list) == 0 {
				wait = buildWait
			}
			msgs, err := h.reader.Poll(ctx, wait)
			if err != nil {
				return at, err
			}
			if h.queue = append(h.queue[:0], msgs...); len(msgs) == 0 {
				return at, nil
			}
		}
		m := &h.queue[0]
		if m.Seq >= before.Seq {
			return at, nil
		}
		if err := h.inputs.take(m, journal.Position{Seq: m.Seq}, journal.Position{Seq: m.Seq + 1}); err != nil {
			return at, err
		}
		h.seen, at = m.Seq, lineage.Place{Seq: m.Seq + 1}
		h.queue = h.queue[1:]
	}
	return at, nil
}

// inputs turns messages of the events stream into inputs, as a partition does.
type inputs struct {
	decoder    *intake.Decoder
	partitions int
	number     int
	timeless   bool // time is the stream's own
	list       []core.Input
}

// take adds the inputs of a message that lie in [from, to).
func (in *inputs) take(m *journal.Message, from, to journal.Position) error {
	if m.Seq < from.Seq || m.Seq > to.Seq || m.Seq == to.Seq && to.Index == 0 {
		return nil
	}
	if m.Subject == journal.ControlSubject {
		c, err := journal.DecodeControl(m.Data)
		if err == nil && c.Type == journal.ControlTick {
			in.list = append(in.list, core.Input{Event: lead.Event{Kind: lead.Tick, At: c.At}})
		}
		return err
	}
	index := uint32(0)
	err := intake.Messages(m.Data, func(_ int, raw []byte, received int64) {
		index++
		if m.Seq == from.Seq && index <= from.Index || m.Seq == to.Seq && index > to.Index {
			return
		}
		if received == 0 {
			received = m.Time
		}
		in.list = append(in.list, in.decode(raw, received))
	})
	if err != nil {
		in.list = append(in.list, core.Input{Refused: intake.Reject(intake.CodePack, err.Error(), m.Data)})
	}
	return nil
}

func (in *inputs) decode(raw []byte, received int64) core.Input {
	if in.timeless {
		received = 0
	}
	ev, refused := in.decoder.Decode(raw, received)
	if refused == nil {
		ev.Raw = raw
		refused = misplaced(&ev, in.partitions, in.number)
	}
	return core.Input{Event: ev, Refused: refused}
}
