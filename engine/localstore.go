package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/ripenhq/ripen/engine/store"
)

// localStore is the store of leads that are not in memory. One that turns out
// to be damaged is replaced while the engine runs: each partition moves to the
// new one when it notices, and restores itself there.
type localStore struct {
	mu      sync.Mutex
	dir     string
	scratch bool        // a temporary folder
	opened  []*store.DB // the last one is in use
}

// openStore opens the local store of leads.
func (e *Engine) openStore() (err error) {
	l := &e.local
	l.dir = e.opts.State
	switch {
	case l.dir == "" && e.server != nil:
		l.dir = filepath.Join(e.opts.Data, "state")
	case l.dir == "":
		if l.dir, err = os.MkdirTemp("", "ripen-state-"); err != nil {
			return fmt.Errorf("folder of the local store: %w", err)
		}
		l.scratch = true
	}
	e.shots = make(chan struct{}, 1)
	return e.addStore(l.dir)
}

func (e *Engine) addStore(dir string) error {
	l := &e.local
	db, err := store.Open(store.Options{Dir: dir, Scratch: l.scratch, Logger: e.log.Named("store")})
	if err == nil {
		l.opened = append(l.opened, db)
	}
	return err
}

// store is the local store in use, nil before one is open.
func (e *Engine) store() *store.DB {
	l := &e.local
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.opened) == 0 {
		return nil
	}
	return l.opened[len(l.opened)-1]
}

// replaceStore opens a new store in the place of a damaged one, unless another
// partition has done so. The damaged one stays open until the engine ends:
// others may be reading it.
func (e *Engine) replaceStore(damaged *store.DB) error {
	l := &e.local
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.opened)
	if l.opened[n-1] != damaged {
		return nil
	}
	return e.addStore(filepath.Join(l.dir, fmt.Sprint(store.Anew, n)))
}

// closeStore closes the local store after all partitions.
func (e *Engine) closeStore() {
	l := &e.local
	for i, db := range l.opened {
		if err := db.Close(); err != nil && i == len(l.opened)-1 {
			e.log.Error("the local store was not closed well; it is checked at the next start", "error", err)
		}
	}
	if l.scratch {
		_ = os.RemoveAll(l.dir)
	}
}
