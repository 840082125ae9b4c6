package engine

import (
	"context"
	"slices"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// scored is what a workflow's live lineage has scored since it became live.
type scored struct {
	order uint64 // that made it live
	at    int64  // time of that order, ms
	first uint64 // sequence of the first event behind it, 0 = none yet
}

// behold notes that an order was carried out.
func (p *partition) behold(o *lineage.Order, seq uint64, at int64) {
	if o.Op == lineage.Switch || o.Origin == lineage.FromEmpty {
		if p.firsts == nil {
			p.firsts = map[string]*scored{}
		}
		p.firsts[o.Workflow] = &scored{order: seq, at: at}
		p.unscored = true
	}
	p.tell()
}

// firstEvent notes the first event behind a switch.
func (p *partition) firstEvent(seq uint64) {
	if !p.unscored {
		return
	}
	p.unscored = false
	for _, s := range p.firsts {
		if s.first == 0 {
			s.first = seq
		}
	}
	p.untold = true
}

// tell publishes what lineages the partition has, for anybody to read.
func (p *partition) tell() {
	p.status.lineages.Store(p.standing())
	p.status.tallies.keep(p.set.Members())
}

// standing is what lineages the partition has.
func (p *partition) standing() *[]release.LineageStatus {
	members := p.set.Members()
	list := make([]release.LineageStatus, len(members))
	for i, m := range members {
		s := &list[i]
		*s = release.LineageStatus{Partition: p.number, ID: uint64(m.ID), Workflow: m.Workflow, Release: m.Release.Number, Digest: m.Release.Digest,
			Model: m.Release.Model, Role: m.Role.String(), Origin: string(m.Origin), Until: m.Until, At: p.begin.Pos.Seq, Switch: uint64(m.Since)}
		if m.Role == lineage.Building {
			s.At = m.At.Seq
		}
		if f := p.firsts[m.Workflow]; f != nil && f.order == s.Switch {
			s.First, s.SwitchAt = f.first, f.at
		}
	}
	return &list
}

// lineages are those of the partitions that this engine runs.
func (e *Engine) lineages() []release.LineageStatus {
	var out []release.LineageStatus
	for _, p := range e.parts {
		at := p.status.position.Load() // before the list, which is stored first: what it says is of that position or behind it
		list := p.status.lineages.Load()
		if !p.status.ready.Load() || list == nil {
			continue
		}
		for _, s := range *list {
			s.Ready = p.isReady(&s)
			if s.Role != lineage.Building.String() {
				s.At = at
				s.Lag = uint64(p.status.behind.Load())
			} else {
				s.Lag = uint64(p.status.behind.Load()) + at - min(at, s.At)
			}
			out = append(out, s)
		}
	}
	return slices.Clip(out)
}

// isReady says whether a lineage may be switched to: it is in step, and, where
// it was built, a snapshot has it, so that nothing older than that is needed for
// it.
func (p *partition) isReady(s *release.LineageStatus) bool {
	if s.Role == lineage.Building.String() {
		return false
	}
	if s.Origin == string(lineage.FromEmpty) || p.e.opts.SnapshotEvery < 0 {
		return true
	}
	kept := p.status.kept.Load()
	return kept != nil && slices.ContainsFunc(*kept, func(l journal.Lineage) bool { return l.ID == s.ID && l.Role != journal.RoleBuilding })
}

// findKept finds what the newest snapshot has, if that matters.
func (p *partition) findKept(ctx context.Context) error {
	built := slices.ContainsFunc(p.set.Members(), func(m *lineage.Member) bool { return m.InStep() && m.Origin != lineage.FromEmpty })
	if !built {
		return nil
	}
	list, err := p.e.journal.Snapshots(ctx, p.number)
	if err != nil {
		return err
	}
	var kept []journal.Lineage
	if len(list) > 0 {
		kept = list[0].Base.Lineages
	}
	p.status.kept.Store(&kept)
	for _, m := range p.set.Members() {
		if !named(kept, m.ID) {
			p.keeping.wanted = true
		}
	}
	return nil
}
