package engine

import (
	"context"
	"errors"
	"time"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/store"
)

// household is what the lineages of a running partition live on: crews and
// shelves. It implements lineage.Home.
type household struct {
	p     *partition
	ctx   context.Context // of the session
	crews crews
	homes map[lineage.ID]*home
	// final are the lineages that a restore will end with, nil when it is over.
	final []journal.Lineage
	// left are lineages that are gone, and whose leads the store still has.
	left []lineage.ID
}

// home is what one lineage lives on.
type home struct {
	*hired
	before *hired // ran the lineage until an order that is being carried out; nil: there is none
	shelf  *store.Lineage
	stored int // leads with an account on the shelf
}

func newHousehold(ctx context.Context, p *partition) *household {
	return &household{p: p, ctx: ctx, crews: crews{from: p.e.releases}, homes: map[lineage.ID]*home{}}
}

// Open implements lineage.Home.
func (h *household) Open(d *lineage.Descriptor) (*core.Core, error) {
	crew, err := h.hire(d)
	if err != nil {
		return nil, err
	}
	m := &home{hired: crew, shelf: h.p.shelf.Lineage(uint64(d.ID))}
	h.homes[d.ID] = m
	if m.stored, err = m.shelf.Count(); err != nil {
		return nil, err
	}
	o := h.p.e.coreOptions()
	o.Shelf, o.Cache = m.shelf, h.cache(len(h.homes))
	c := core.New(crew.crew.Program, o)
	return c, h.wake(c, m.shelf)
}

// wake brings the leads whose inputs wait into memory.
func (h *household) wake(c *core.Core, shelf *store.Lineage) error {
	var held []string
	if err := shelf.Held(func(lead string) bool { held = append(held, lead); return true }); err != nil {
		return err
	}
	for _, lead := range held {
		if _, err := c.Fetch(lead); err != nil {
			return err
		}
	}
	return nil
}

// Program implements lineage.Home.
func (h *household) Program(d *lineage.Descriptor) (core.Program, error) {
	crew, err := h.hire(d)
	if err != nil {
		return core.Program{}, err
	}
	m := h.homes[d.ID]
	if m.before != nil {
		h.crews.rest(m.before)
	}
	if d.Release == d.Was { // to look back at: the lineage has gone on
		m.before = crew
		return crew.crew.Program, nil
	}
	m.before, m.hired = m.hired, crew
	return crew.crew.Program, nil
}

// Copy implements lineage.Home: the store copies the leads as they lie there.
// It has to be exactly as old as the lineage in memory for that, also when the
// copy is made again after a crash; see partition.pin.
func (h *household) Copy(from *lineage.Member, d *lineage.Descriptor) (*core.Core, error) {
	if err := h.p.pin(); err != nil {
		return nil, err
	}
	if old := h.homes[d.ID]; old != nil { // it goes on under another program
		h.crews.rest(old.hired)
		delete(h.homes, d.ID)
	} else if err := h.p.shelf.CopyLineage(uint64(from.ID), uint64(d.ID)); err != nil {
		return nil, err
	}
	c, err := h.Open(d)
	if err == nil {
		c.RestoreClock(from.Core.Clock())
		c.Acked(h.p.base.Number)
	}
	return c, err
}

// preparePause is how long a partition waits before it asks again for a release
// that is not at hand.
const preparePause = 100 * time.Millisecond

// hire gives a crew. A release that is not at hand is waited for: no event is
// scored meanwhile, and none is lost.
func (h *household) hire(d *lineage.Descriptor) (*hired, error) {
	for told := false; ; told = true {
		crew, err := h.crews.find(h.ctx, d, h.final)
		if !errors.Is(err, ErrNotPrepared) {
			return crew, err
		}
		if !told {
			h.p.log.Warn("waiting for a release that the streams name", "error", err)
		}
		sleep(h.ctx, preparePause)
		if h.ctx.Err() != nil {
			return nil, h.ctx.Err()
		}
	}
}

// Borrow implements lineage.Home: the crew rests at once, and is not run before
// the next hire.
func (h *household) Borrow(workflow string, r lineage.Release) (core.Program, error) {
	crew, err := h.hire(&lineage.Descriptor{Workflow: workflow, Release: r})
	if err != nil {
		return core.Program{}, err
	}
	h.crews.rest(crew)
	return crew.crew.Program, nil
}

// borrow is Borrow of a release that is at hand.
func (h *household) borrow(workflow string, r lineage.Release) (core.Program, error) {
	crew, err := h.crews.hire(h.ctx, workflow, r)
	if err != nil {
		return core.Program{}, err
	}
	h.crews.rest(crew)
	return crew.crew.Program, nil
}

// cache is how many leads each of n lineages keeps in memory.
func (h *household) cache(n int) int {
	all := h.p.e.opts.Cache
	if all <= 0 {
		return 0
	}
	return max(1, all/h.p.e.journal.Partitions()/max(n, 1))
}

// tidy follows a change of the set: who is gone leaves, and memory is shared
// among those who are there.
func (h *household) tidy(s *lineage.Set) {
	for id, m := range h.homes {
		if m.before != nil {
			h.crews.rest(m.before)
			m.before = nil
		}
		if s.Get(id) == nil {
			h.crews.rest(m.hired)
			h.left = append(h.left, id)
			delete(h.homes, id)
		}
	}
	for _, m := range s.Members() {
		m.Core.Share(h.cache(len(s.Members())))
	}
}

// forget deletes what the store has of lineages that are gone, once no restart
// needs it: the head of the store does not name them any more.
func (h *household) forget(named func(lineage.ID) bool) error {
	kept := h.left[:0]
	for _, id := range h.left {
		if named(id) {
			kept = append(kept, id)
			continue
		}
		if err := h.p.shelf.DropLineage(uint64(id)); err != nil {
			return err
		}
	}
	h.left = kept
	return nil
}

// stored is how many leads with an account all lineages whose decisions count
// have.
func (h *household) leads(s *lineage.Set) (n int) {
	for _, m := range s.Members() {
		if m.Role == lineage.Live {
			n = max(n, h.homes[m.ID].stored+m.Core.Unstored())
		}
	}
	return n
}

// close closes all crews.
func (h *household) close() {
	for _, m := range h.homes {
		h.crews.fire(m.hired)
		if m.before != nil {
			h.crews.fire(m.before)
		}
	}
	clear(h.homes)
	h.crews.close()
}
