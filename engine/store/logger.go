package store

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/go-hclog"
)

// logger passes what Pebble says on to the engine's log.
type logger struct{ log hclog.Logger }

func (l *logger) Infof(format string, args ...any) {
	if l.log.IsTrace() {
		l.log.Trace(line(format, args))
	}
}

func (l *logger) Errorf(format string, args ...any) { l.log.Error(line(format, args)) }

// Fatalf is called where Pebble cannot go on: when its list of files cannot be
// written. It must not return. Nothing that was accepted depends on the store,
// so the process ends as if it were killed, with a line that says why.
func (l *logger) Fatalf(format string, args ...any) {
	l.log.Error("the local store cannot go on and the engine ends; nothing is lost. "+
		"Check the disk of the --state folder and start the engine again", "error", line(format, args))
	os.Exit(1)
}

func line(format string, args []any) string {
	return strings.TrimSpace(fmt.Sprintf(format, args...))
}

// tellEvery thins out what Pebble says of a disk that refuses writes: it tries
// again some 80 times a second.
const tellEvery = 10 * time.Second

// events passes on what a user should know: a disk that refuses writes or is
// slow, and damage.
func (d *DB) events() *pebble.EventListener {
	log := d.opts.Logger
	var told atomic.Int64 // when, ns since 1970
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			last, now := told.Load(), time.Now().UnixNano()
			if now-last >= int64(tellEvery) && told.CompareAndSwap(last, now) {
				log.Error("the local store cannot write and tries again; scoring waits once its memory is full", "folder", d.opts.Dir, "error", err)
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			log.Error("the local store is damaged; it is made anew from the journal", "folder", d.opts.Dir, "error", info.Details)
			d.Doubt()
		},
		DiskSlow: func(info pebble.DiskSlowInfo) {
			log.Warn("the disk of the local store is slow", "folder", d.opts.Dir, "took", info.Duration.Round(time.Millisecond))
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) { log.Debug("writes to the local store wait", "why", info.Reason) },
	}
}
