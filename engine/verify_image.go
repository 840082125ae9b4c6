package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/store"
)

// image is the state of a partition's lineages: made by records, or by inputs.
// It implements lineage.Home.
type image struct {
	e     *Engine
	ctx   context.Context
	set   *lineage.Set
	crews crews
	rooms map[lineage.ID]*room
	in    inputs
	cache int
	mem   []byte

	shelf *store.Partition // where leads lie that are not in memory
	batch *store.Batch

	// What the lineages led to since the last clear.
	decisions []lead.Decision
	rejected  []lead.Rejected
	changed   []resident
	rivals    rivals
}

// room is what one lineage of an image lives in.
type room struct {
	*hired
	shelf   *store.Lineage
	stored  int  // leads with an account on the shelf
	foreign bool // another release than its own reads its state
}

func newImage(ctx context.Context, e *Engine, p int, shelf *store.Partition, cache int) *image {
	m := &image{e: e, ctx: ctx, crews: crews{from: e.releases}, rooms: map[lineage.ID]*room{}, cache: cache, shelf: shelf,
		in: inputs{decoder: intake.NewDecoder(intake.Options{}), partitions: e.journal.Partitions(), number: p, timeless: e.opts.Clock == ClockStream}}
	m.set = lineage.New(m)
	return m
}

// Open implements lineage.Home.
func (m *image) Open(d *lineage.Descriptor) (*core.Core, error) {
	r := &room{shelf: m.shelf.Lineage(uint64(d.ID))}
	prog, err := m.enter(r, d)
	if err != nil {
		return nil, err
	}
	m.rooms[d.ID] = r
	o := m.e.coreOptions()
	o.Shelf, o.Cache = r.shelf, m.cache
	return core.New(prog, o), nil
}

// Program implements lineage.Home.
func (m *image) Program(d *lineage.Descriptor) (core.Program, error) {
	r := m.rooms[d.ID]
	m.crews.rest(r.hired)
	return m.enter(r, d)
}

// Borrow implements lineage.Home.
func (m *image) Borrow(workflow string, r lineage.Release) (core.Program, error) {
	room := &room{}
	prog, err := m.enter(room, &lineage.Descriptor{Workflow: workflow, Release: r})
	if err == nil {
		m.crews.rest(room.hired)
	}
	return prog, err
}

// enter gives a room the crew of a release. One that is not at hand is stood in
// for by the workflow given, which can read the state and not compute it.
func (m *image) enter(r *room, d *lineage.Descriptor) (core.Program, error) {
	h, err := m.crews.hire(m.ctx, d.Workflow, d.Release)
	r.foreign = errors.Is(err, ErrNotPrepared)
	if w := m.e.work; r.foreign {
		if w == nil || w.Model == nil || w.Model.Name != d.Workflow {
			return core.Program{}, fmt.Errorf("%w: found %q: %w", errWorkflow, d.Workflow, err)
		}
		c := crews{from: Given(w)}
		h, err = c.hire(m.ctx, d.Workflow, ReleaseOf(w, d.Release.Number))
	}
	if err != nil {
		return core.Program{}, err
	}
	r.hired = h
	return h.crew.Program, nil
}

// Copy implements lineage.Home.
func (m *image) Copy(from *lineage.Member, d *lineage.Descriptor) (*core.Core, error) {
	for range 2 {
		for done := false; !done; {
			var err error
			if done, err = from.Core.Flush(flushSlice, m.putOf(from.ID)); err != nil {
				return nil, err
			}
		}
	}
	if err := m.commit(); err != nil {
		return nil, err
	}
	old := m.rooms[from.ID]
	if d.ID == from.ID {
		m.crews.rest(old.hired)
	} else if err := m.shelf.CopyLineage(uint64(from.ID), uint64(d.ID)); err != nil {
		return nil, err
	}
	c, err := m.Open(d)
	if err == nil {
		m.rooms[d.ID].stored = old.stored
		c.RestoreClock(from.Core.Clock())
	}
	return c, err
}

func (m *image) close() {
	for _, r := range m.rooms {
		m.crews.rest(r.hired)
	}
	m.crews.close()
	if m.batch != nil {
		m.batch.Close()
	}
}

// foreign names a release that is run by another one, "" if there is none.
func (m *image) foreign() string {
	for _, l := range m.set.Members() {
		if m.rooms[l.ID].foreign {
			return fmt.Sprintf("release %d of workflow %q (%s) is not at hand", l.Release.Number, l.Workflow, l.Release.Model[:min(12, len(l.Release.Model))])
		}
	}
	return ""
}

// apply puts a record into the image and names its leads.
func (m *image) apply(rec *journal.Record) (leads []resident, err error) {
	for i := range rec.Lineages {
		l := &rec.Lineages[i]
		if err = core.DeltaLeads(l.Delta, func(key string) { leads = append(leads, resident{lineage.ID(l.ID), key}) }); err != nil {
			return nil, err
		}
	}
	return leads, restoreRecord(m.set, rec)
}

// clear forgets what the lineages led to.
func (m *image) clear() {
	m.decisions, m.rejected, m.changed = nil, nil, nil
	m.rivals.forget()
}

// run takes the inputs and orders from one position to another, which made a
// record, and tells their number.
func (m *image) run(msgs []journal.Message, from, to journal.Position, record uint64) (n int, err error) {
	m.in.list = m.in.list[:0]
	for i := range msgs {
		msg := &msgs[i]
		if msg.Subject == journal.ControlSubject && msg.Seq >= from.Seq && (msg.Seq < to.Seq || msg.Seq == to.Seq && to.Index > 0) {
			k, err := m.control(msg, record)
			if n += k; err != nil {
				return n, err
			}
		}
		if err := m.in.take(msg, from, to); err != nil {
			return n, err
		}
	}
	k, err := m.flush(record)
	return n + k, err
}

// flush runs the inputs that were taken.
func (m *image) flush(record uint64) (int, error) {
	n := len(m.in.list)
	err := m.set.Run(m.in.list)
	m.rivals.note(m.set)
	m.collect(record)
	m.in.list = m.in.list[:0]
	return n, err
}

// control obeys an order, and ends the shadows that a tick ends.
func (m *image) control(msg *journal.Message, record uint64) (n int, err error) {
	c, err := journal.DecodeControl(msg.Data)
	switch {
	case err != nil:
		return 0, err
	case c.Type == journal.ControlTick && m.set.Expires(c.At):
		n, err = m.flush(record)
		m.set.Expire(c.At)
		return n, err
	case c.Type != journal.ControlRelease:
		return 0, nil
	}
	if n, err = m.flush(record); err != nil {
		return n, err
	}
	o, err := lineage.DecodeOrder(c.Body)
	if err == nil {
		err = m.obey(o, msg.Seq, c.At, record)
	}
	if errors.Is(err, lineage.ErrOrder) {
		err = nil // it was passed over
	}
	return n, err
}

func (m *image) obey(o *lineage.Order, seq uint64, at int64, record uint64) error {
	w, err := m.set.Obey(o, seq, at)
	if err != nil || w.Passed != "" {
		return err
	}
	defer w.Done()
	after := ""
	for done := false; !done; {
		if after, done, err = w.Step(after, walkSlice); err != nil {
			return err
		}
		m.collect(record)
		if err := m.rest(record); err != nil {
			return err
		}
	}
	return nil
}

// collect takes over what the members' outputs hold.
func (m *image) collect(record uint64) {
	for _, l := range m.set.Members() {
		if l.Heard() {
			byRelease(l)
			m.decisions = append(m.decisions, l.Out.Decisions...)
			m.rejected = append(m.rejected, l.Out.Rejected...)
		}
		for i := range l.Out.Changes {
			ch := &l.Out.Changes[i]
			ch.Stamp(record)
			m.changed = append(m.changed, resident{l.ID, ch.Lead})
		}
	}
	m.set.Reset()
}

// health is the circuit breakers of a lineage.
func (m *image) health(id lineage.ID) []byte { return appendHealth(nil, m.rooms[id].crew) }

// follow goes on with the circuit breakers of a record, as an engine does that
// starts behind it.
func (m *image) follow(list []journal.Lineage) error {
	for i := range list {
		if err := restoreHealth(list[i].Health, m.rooms[lineage.ID(list[i].ID)].crew); err != nil {
			return err
		}
	}
	return nil
}

// state is the whole state of a lead, its event ids included.
func (m *image) state(who resident) ([]byte, bool, error) {
	l := m.set.Get(who.id)
	if l == nil {
		return nil, false, nil
	}
	if _, err := l.Core.Fetch(who.lead); err != nil {
		return nil, false, err
	}
	state, ok := l.Core.AppendState(m.mem[:0], who.lead)
	m.mem = state
	return state, ok, nil
}

// leads is the number of leads of the largest lineage that is live.
func (m *image) leads() (n int) {
	for _, l := range m.set.Members() {
		if l.Role == lineage.Live {
			n = max(n, m.rooms[l.ID].stored+l.Core.Unstored())
		}
	}
	return n
}
