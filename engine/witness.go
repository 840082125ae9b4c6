package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/store"
)

// witness is something that was made of a record and is kept elsewhere: it
// testifies that the record was there. A server that finds bytes at the end of
// a stream that make no message cuts the stream off in front of them, and
// what is left is a whole chain.
type witness struct {
	what string
	mark journal.Mark
}

// witnesses are, per partition, the newest things that were made of records:
// snapshots, and the local store of an engine that does not run.
func (e *Engine) witnesses(ctx context.Context) ([]witness, error) {
	list := make([]witness, e.journal.Partitions())
	for p := range list {
		shots, err := e.journal.Snapshots(ctx, p)
		if err != nil {
			return nil, err
		}
		for i := range shots {
			list[p].hear("a snapshot", shots[i].Base.Mark, shots[i].Newest)
		}
	}
	dir := e.opts.State
	if e.server == nil { // the engine that has it open knows better
		return list, nil
	}
	if dir == "" {
		dir = filepath.Join(e.opts.Data, "state")
	}
	err := store.Peek(dir, len(list), func(p int, head, newest []byte) error {
		if base, err := journal.DecodeBase(head); err == nil {
			list[p].hear("the local store", base.Mark)
		}
		if mark, err := journal.DecodeMark(newest); err == nil {
			list[p].hear("the local store", mark)
		}
		return nil
	})
	if err != nil { // a store that cannot be read is made anew: no witness, and no harm
		e.log.Warn("the local store cannot be read; an engine that starts makes it anew from snapshot and journal", "folder", dir, "error", err)
	}
	return list, nil
}

func (w *witness) hear(what string, marks ...journal.Mark) {
	for i := range marks {
		if marks[i].Seq > w.mark.Seq {
			w.what, w.mark = what, marks[i]
		}
	}
}

// against says what is missing of a partition whose newest record that can be
// read is last; "" if nothing is.
func (w *witness) against(last *journal.Record) string {
	if w.mark.Seq <= last.Seq {
		return ""
	}
	ends := "none of the partition can be read"
	if last.Seq > 0 {
		ends = fmt.Sprintf("the last one that can be read is record %d at sequence %d", last.Number, last.Seq)
	}
	return fmt.Sprintf("the end is missing: %s was made behind record %d at sequence %d, and %s", w.what, w.mark.Number, w.mark.Seq, ends)
}

// cutOff is what is missing at the end of the journal, by partition. Every
// partition's last record is looked at, not the last sequence of the stream: a server
// that has cut the stream off keeps counting from where it was.
func (e *Engine) cutOff(ctx context.Context) ([]string, error) {
	list, err := e.witnesses(ctx)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(list))
	for p := range list { // behind the witnesses: an engine may go on meanwhile
		last, err := e.journal.Last(ctx, p)
		if errors.Is(err, journal.ErrCorrupt) { // it is there, and who reads it says what is wrong with it
			continue
		}
		if err != nil {
			return nil, err
		}
		texts[p] = list[p].against(&last)
	}
	return texts, nil
}
