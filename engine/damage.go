package engine

import (
	"context"
	"time"

	"github.com/ripenhq/ripen/engine/journal"
)

// Limits of the look at the streams when an engine starts.
const (
	lookedAt = 100_000 // newest messages of each
	lookTime = time.Minute
)

// lookAtStreams tells what the server cannot read of the streams, or lost when
// it started: it says nothing itself. An event that cannot be read is never
// decided on. The doctor looks at all messages, this at the newest.
func (e *Engine) lookAtStreams() {
	ctx, cancel := context.WithTimeout(e.life, lookTime)
	defer cancel()
	if astray, err := e.journal.Astray(ctx); err == nil && len(astray) > 0 {
		e.log.Warn("there are events on subjects that are no partition, which nobody reads; see `ripen doctor`", "subjects", len(astray))
	}
	for _, name := range []string{journal.EventsStream, journal.JournalStream} {
		switch found, err := e.journal.Look(ctx, name, lookedAt); {
		case ctx.Err() != nil:
			return
		case err != nil:
			e.log.Warn("a stream cannot be looked at", "stream", name, "error", err)
		case found.Any():
			e.log.Error("the files of a stream are damaged; see `ripen doctor` and `ripen journal verify`, look at the disk, and restore a backup",
				"stream", name, "found", found.String())
		}
	}
}
