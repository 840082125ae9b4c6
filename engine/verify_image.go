package engine

import (
	"context"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/store"
)

// image is the state of a partition's leads: made by records, or by inputs.
type image struct {
	e    *Engine
	p    int
	crew *Crew
	core *core.Core
	in   inputs
	out  core.Output
	mem  []byte

	shelf  *store.Partition // where leads lie that are not in memory
	batch  *store.Batch
	stored int // leads with an account on the shelf
}

func newImage(ctx context.Context, e *Engine, p int, shelf *store.Partition, cache int) (*image, error) {
	crew, err := e.work.NewCrew(ctx)
	if err != nil {
		return nil, err
	}
	o := e.coreOptions()
	o.Shelf, o.Cache = shelf, cache
	return &image{e: e, p: p, crew: crew, core: core.New(crew.Program, o), shelf: shelf,
		in: inputs{decoder: intake.NewDecoder(intake.Options{}), partitions: e.journal.Partitions(), number: p, timeless: e.opts.Clock == ClockStream}}, nil
}

func (m *image) close() {
	m.crew.Close()
	if m.batch != nil {
		m.batch.Close()
	}
}

// apply puts a record into the image and names its leads.
func (m *image) apply(rec *journal.Record) (leads []string, err error) {
	if err = core.DeltaLeads(rec.Delta, func(l string) { leads = append(leads, l) }); err != nil {
		return nil, err
	}
	return leads, restoreRecord(m.core, rec)
}

// run takes the inputs from one position to another, which made a record, and
// tells their number.
func (m *image) run(msgs []journal.Message, from, to journal.Position, record uint64) (int, error) {
	m.in.list = m.in.list[:0]
	for i := range msgs {
		if err := m.in.take(&msgs[i], from, to); err != nil {
			return 0, err
		}
	}
	m.out.Reset()
	err := m.core.Run(m.in.list, &m.out)
	byRelease(m.out.Rejected, m.e.work.Model.Policy.Release)
	for i := range m.out.Changes {
		m.out.Changes[i].Stamp(record)
	}
	return len(m.in.list), err
}

// follow goes on with the circuit breakers of a record, as an engine does that
// starts behind it.
func (m *image) follow(rec *journal.Record) error { return restoreHealth(rec.Health, m.crew) }

// touched are the leads that the last run changed.
func (m *image) touched() (leads []string) {
	for i := range m.out.Changes {
		leads = append(leads, m.out.Changes[i].Lead)
	}
	return leads
}

// state is the whole state of a lead, its event ids included.
func (m *image) state(l string) ([]byte, bool, error) {
	if _, err := m.core.Fetch(l); err != nil {
		return nil, false, err
	}
	state, ok := m.core.AppendState(m.mem[:0], l)
	m.mem = state
	return state, ok, nil
}

func (m *image) leads() int { return m.stored + m.core.Unstored() }

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

// feed reads a partition's inputs ahead of the check.
type feed struct {
	cancel context.CancelFunc
	ch     chan journal.Message
	err    error // valid once ch is closed
	queue  []journal.Message
	ended  bool
}

func startFeed(ctx context.Context, j *journal.Journal, p int, from uint64) *feed {
	ctx, cancel := context.WithCancel(ctx)
	f := &feed{cancel: cancel, ch: make(chan journal.Message, 32)}
	go func() {
		defer close(f.ch)
		f.err = j.Scan(ctx, journal.EventsStream, []string{journal.EventSubject(p), journal.ControlSubject}, from, func(m journal.Message) error {
			select {
			case f.ch <- m:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	return f
}

// until gives the messages up to seq, which must have the hash; false if the
// stream does not hold it. What is given stays until skip.
func (f *feed) until(ctx context.Context, seq uint64, hash [32]byte) ([]journal.Message, bool, error) {
	for !f.ended && (len(f.queue) == 0 || f.queue[len(f.queue)-1].Seq < seq) {
		select {
		case m, ok := <-f.ch:
			if !ok {
				f.ended = true
				if f.err != nil {
					return nil, false, f.err
				}
				break
			}
			f.queue = append(f.queue, m)
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
	for i := range f.queue {
		if f.queue[i].Seq == seq {
			return f.queue[:i+1], journal.HashInput(f.queue[i].Data) == hash, nil
		}
	}
	return nil, false, nil
}

// skip lets go of what lies before the position.
func (f *feed) skip(to journal.Position) {
	n := 0
	for n < len(f.queue) && f.queue[n].Seq < to.Seq {
		n++
	}
	f.queue = append(f.queue[:0:0], f.queue[n:]...)
}

func (f *feed) close() {
	f.cancel()
	for range f.ch { // ends with the scan
	}
}
