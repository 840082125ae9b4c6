package torture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// stateOf is the local store of an engine in a slot: engines that run at the
// same time have one each, and the next in a slot finds what the last has left.
func (r *round) stateOf(slot int) string { return r.path(fmt.Sprintf("state-%d", slot)) }

// slot is the first that no running engine uses.
func (r *round) slot() int {
	used := map[int]bool{}
	for _, e := range r.all {
		if !e.ended(0) {
			used[e.slot] = true
		}
	}
	for n := 0; ; n++ {
		if !used[n] {
			return n
		}
	}
}

// stateLost deletes the local store: it is made again from snapshot and journal.
func stateLost(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(100, 400)
	r.engine.kill("engine before its state was harmed")
	r.note("the local state is deleted")
	r.tally.row(RowStateLost)
	return os.RemoveAll(r.stateOf(r.engine.slot))
}

// stateOld puts an older local store back: what the journal has more is applied
// to it.
func stateOld(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(100, 300)
	r.engine.kill("engine before its state was harmed")
	if r.engine.slot != r.slot() { // the next one has another store
		if err := r.ensure(); err != nil {
			return err
		}
		r.pause(100, 300)
		r.engine.kill("engine before its state was harmed")
	}
	state, old := r.stateOf(r.engine.slot), r.path("state-old")
	if err := copyFolder(state, old); err != nil {
		return err
	}
	slot := r.engine.slot
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(200, 500)
	r.engine.kill("engine before its state was harmed")
	r.note("an older local state is put back")
	if r.engine.slot == slot { // else it is only left aside for somebody
		r.tally.row(RowStateOld)
	}
	return errors.Join(os.RemoveAll(state), os.Rename(old, state))
}

// stateDamaged cuts, deletes or changes a file of the local store.
func stateDamaged(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(200, 500)
	r.engine.kill("engine before its state was harmed")
	var files []string
	err := filepath.WalkDir(r.stateOf(r.engine.slot), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(d.Name(), "LOCK") {
			files = append(files, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(files) == 0 {
		r.note("there is no local state to damage")
		return nil
	}
	r.tally.row(RowStateDamaged)
	if err := r.damageFile(files[r.rnd.IntN(len(files))]); err != nil {
		return err
	}
	r.harmed = true
	defer func() { r.harmed = false }()
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(300, 800)
	if r.engine.gaveUp() {
		return r.ensure()
	}
	// What was not found by now might be in the middle of a later fault.
	r.engine.kill("engine before its state was harmed")
	return os.RemoveAll(r.stateOf(r.engine.slot))
}

func (r *round) damageFile(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	what := r.rnd.IntN(3)
	switch {
	case what == 0 || len(data) == 0:
		r.note("local state: %s is deleted", filepath.Base(file))
		return os.Remove(file)
	case what == 1:
		n := r.rnd.IntN(len(data))
		r.note("local state: %s is cut to %d of %d bytes", filepath.Base(file), n, len(data))
		return os.Truncate(file, int64(n))
	}
	at := r.rnd.IntN(len(data))
	data[at] ^= 0x10
	r.note("local state: byte %d of %d of %s is changed", at, len(data), filepath.Base(file))
	return os.WriteFile(file, data, 0o600)
}

// gaveUp says that an engine has ended because its local store is damaged, and
// asks to be started again. That is right where one was damaged.
func (e *process) gaveUp() bool {
	if !e.r.harmed || !e.ended(0) || !e.says("the local store is damaged", 0) {
		return false
	}
	e.r.note("%s asks for another start: its local store is damaged", e.name)
	return true
}

// copyFolder copies files; a folder that is not there is copied as an empty one.
func copyFolder(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o750); err != nil {
		return err
	}
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return os.CopyFS(to, os.DirFS(from))
}
