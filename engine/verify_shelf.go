package engine

import (
	"os"

	"github.com/ripenhq/ripen/engine/core"
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
	m.core.Acked(record)
	if err := m.core.Evict(m.put); err != nil {
		return err
	}
	return m.commit()
}

func (m *image) put(s core.Stored) error {
	if m.batch == nil {
		m.batch = m.shelf.NewBatch()
	}
	if s.New {
		m.stored++
	}
	return m.batch.Put(s.Lead, s.State, s.Due, s.OldDue, s.Held)
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

// wake brings the leads whose inputs wait into memory, and counts all.
func (m *image) wake() error {
	var held []string
	if err := m.shelf.Held(func(l string) bool {
		held = append(held, l)
		return true
	}); err != nil {
		return err
	}
	for _, l := range held {
		if _, err := m.core.Fetch(l); err != nil {
			return err
		}
	}
	m.stored = 0
	return m.shelf.Each(func(string, []byte) bool {
		m.stored++
		return true
	})
}
