package engine

import (
	"fmt"
	"slices"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// endBytes is how much of the end of a stream's files is looked at before a
// server opens them: several times what it reads anew itself.
const endBytes = 64 << 20

// damagedFiles says what is damaged in the files of a stream that no server is to
// open: it would cut them off there, or take all memory.
type damagedFiles struct{ list []natsd.Damage }

func (d *damagedFiles) Error() string {
	more := ""
	if n := len(d.list); n > 1 {
		more = fmt.Sprintf(", and %d more", n-1)
	}
	return fmt.Sprintf("%v: %s%s; restore the data folder from a backup", journal.ErrCorrupt, d.list[0].String(), more)
}

// Unwrap says what it is for callers.
func (d *damagedFiles) Unwrap() error { return journal.ErrCorrupt }

// endable refuses files that a server would read without an end.
func endable(dir string) error {
	for _, stream := range []string{journal.JournalStream, journal.EventsStream} {
		f, err := natsd.ReadFrames(dir, stream, endBytes)
		if err != nil {
			return err
		}
		for i := range f.Damaged {
			if f.Damaged[i].Wild {
				return &damagedFiles{f.Damaged[i : i+1]}
			}
		}
	}
	return nil
}

// intact refuses a journal that a server would change by opening it, for those
// who are to say what is damaged.
func intact(dir string) error {
	f, err := natsd.ReadFrames(dir, journal.JournalStream, 0)
	if err != nil {
		return err
	}
	changed := func(d natsd.Damage) bool { return f.Stale || d.Cuts || d.Wild }
	if slices.ContainsFunc(f.Damaged, changed) {
		return &damagedFiles{f.Damaged}
	}
	return endable(dir)
}

// mend cuts off what is damaged at the very end of the journal, and tells: a power
// loss tears what was being written, and what it held is computed again from the
// events. The server would do the same, unless it trusts its index.
func (e *Engine) mend(dir string) error {
	f, err := natsd.ReadFrames(dir, journal.JournalStream, endBytes)
	if err != nil {
		return err
	}
	gone, err := f.CutTail()
	for i := range gone {
		e.log.Warn("the end of the journal is torn or damaged and is cut off; what it held is computed again from the events", "found", gone[i].String())
	}
	if err != nil {
		return err
	}
	for i := range f.Damaged {
		e.log.Error("the journal is damaged; ripen journal verify says more on a copy of the folder", "found", f.Damaged[i].String())
	}
	return endable(dir)
}
