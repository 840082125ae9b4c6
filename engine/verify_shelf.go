package engine

import (
	"os"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/store"
)

// verifyCache is the default of VerifyOptions.Cache: a verification needs little
// memory however many leads there are.
const verifyCache = 50_000

// vault is the temporary store of a verification's images.
type vault struct {
	dir string
	db  *store.DB
}

func openVault(e *Engine) (v *vault, err error) {
	v = &vault{}
	if v.dir, err = os.MkdirTemp("", "ripen-verify-"); err != nil {
		return nil, err
	}
	if v.db, err = store.Open(store.Options{Dir: v.dir, Logger: e.log.Named("verify")}); err != nil {
		_ = os.RemoveAll(v.dir)
		return nil, err
	}
	return v, nil
}

func (v *vault) close() {
	if v != nil {
		_ = v.db.Close()
		_ = os.RemoveAll(v.dir)
	}
}

// rest brings leads that were not used for long to the store. All up to the
// record counts as durable: nothing here goes on after a crash.
func (m *image) rest(record uint64) error {
	for _, l := range m.set.Members() {
		l.Core.Acked(record)
		if err := l.Core.Evict(m.putOf(l.ID)); err != nil {
			return err
		}
	}
	return m.commit()
}

func (m *image) putOf(id lineage.ID) func(core.Stored) error {
	r := m.rooms[id]
	return func(s core.Stored) error {
		if m.batch == nil {
			m.batch = m.shelf.NewBatch()
		}
		if s.New {
			r.stored++
		}
		return m.batch.Put(uint64(id), s.Lead, s.State, s.Due, s.OldDue, s.Held)
	}
}

// fill writes an entry of a snapshot.
func (m *image) fill(key, value []byte) error {
	if m.batch == nil {
		m.batch = m.shelf.NewBatch()
	}
	if err := m.batch.Raw(key, value); err != nil {
		return err
	}
	if m.batch.Len() < 4<<20 {
		return nil
	}
	return m.commit()
}

func (m *image) commit() error {
	if m.batch == nil || m.batch.Empty() {
		return nil
	}
	return m.batch.Commit()
}

// wake opens the lineages of a stored state, brings the leads whose inputs wait
// into memory, and counts all.
func (m *image) wake(b *journal.Base) error {
	list := make([]lineage.Descriptor, len(b.Lineages))
	for i := range list {
		list[i] = descriptorOf(&b.Lineages[i])
	}
	if err := m.set.Restore(list); err != nil {
		return err
	}
	restoreClocks(m.set, b)
	for _, l := range m.set.Members() {
		r := m.rooms[l.ID]
		var held []string
		if err := r.shelf.Held(func(lead string) bool { held = append(held, lead); return true }); err != nil {
			return err
		}
		for _, lead := range held {
			if _, err := l.Core.Fetch(lead); err != nil {
				return err
			}
		}
		if err := r.shelf.Each("", func(string) bool { r.stored++; return true }); err != nil {
			return err
		}
	}
	return nil
}
