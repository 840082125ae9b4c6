package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// Health is the verdict of a check.
type Health string

// The verdicts.
const (
	Well    Health = "ok"
	Warning Health = "warn"
	Failing Health = "fail"
)

// Finding is the outcome of one check of the doctor.
type Finding struct {
	Check  string `json:"check"`
	Health Health `json:"health"`
	Text   string `json:"text"`
	Todo   string `json:"todo,omitempty"`
}

// Limits of the doctor.
const (
	lagWarn      = 10 * time.Second // age of the oldest event that is not read
	lagFail      = 5 * time.Minute
	skewWarn     = 2 * time.Second // between this clock and the server's
	tailWarn     = 200_000         // records that a restart reads
	fullWarn     = 80              // percent of max_bytes
	fullFail     = 95
	roomFactor   = 8 // warn below so many times the floor
	chainPatient = 10 * time.Minute
)

// doctor looks at an engine from outside.
type doctor struct {
	e        *Engine
	findings []Finding
	progress func(done, total int)
}

func (d *doctor) say(check string, h Health, todo, format string, args ...any) {
	d.findings = append(d.findings, Finding{check, h, fmt.Sprintf(format, args...), todo})
}

// Doctor checks the data folder, the server, its streams and every partition of
// an engine, which may be running. It changes nothing. progress is told how
// many partitions were checked; nil is fine.
func Doctor(ctx context.Context, o Options, progress func(done, total int)) []Finding {
	if progress == nil {
		progress = func(int, int) {}
	}
	d := &doctor{progress: progress}
	if o.NATS == "" && !d.folder(o.Data) {
		return d.findings
	}
	e, err := reachIf(o, intact)
	var found *damagedFiles
	if errors.As(err, &found) {
		for _, p := range found.report().Problems {
			d.say("journal files", Failing, "keep a copy of the folder; the rest was not looked at, since a server that opens the files changes them", "%s", p.Text)
		}
		return d.findings
	}
	if err != nil {
		d.say("server", Failing, "", "%v", err)
		return d.findings
	}
	defer e.shut(context.Background())
	d.e = e
	if o.NATS == "" {
		d.room(o.Data)
	}
	if err := e.openJournal(ctx, true); err != nil {
		d.say("server", Failing, "", "%v", err)
		return d.findings
	}
	d.server(ctx)
	d.streams(ctx)
	d.subscribers(ctx)
	d.plugins(ctx)
	d.time(ctx)
	n := e.journal.Partitions()
	missing, err := e.cutOff(ctx)
	if err != nil {
		d.say("journal", Failing, "", "%v", err)
		missing = make([]string, n)
	}
	for p := range n {
		if missing[p] != "" {
			d.say(fmt.Sprintf("partition %d journal", p), Failing, "look at the disk; restore a backup, or let the engine score the events again that the journal has lost", "%s", missing[p])
		}
		d.partition(ctx, p)
		progress(p+1, n)
	}
	return d.findings
}

// folder looks at the data folder; false if there is nothing more to see.
func (d *doctor) folder(dir string) bool {
	l, err := natsd.LookAt(dir)
	if err != nil {
		d.say("data folder", Failing, "", "%v", err)
		return false
	}
	if l.Format == 0 {
		d.say("data folder", Failing, "name an engine's folder with --data, or its external server with --nats", "no engine has run on %s so far", dir)
		return false
	}
	d.say("data folder", Well, "", "%s, format %d", dir, l.Format)
	if len(l.Exposed) > 0 {
		d.say("permissions", Warning, "chmod -R o-rwx,g-w "+dir, "others may read or write %s; it holds leads and the way into the engine", strings.Join(l.Exposed, ", "))
	} else {
		d.say("permissions", Well, "", "only the owner and the group may look in")
	}
	return true
}

// room looks at the lock and the disk.
func (d *doctor) room(dir string) {
	l, _ := natsd.LookAt(dir)
	if d.e.running() {
		d.say("engine", Well, "", "process %s runs on the folder", l.Holder)
	} else {
		d.say("engine", Well, "", "none runs on the folder")
	}
	free, err := natsd.FreeBytes(dir)
	floor := uint64(journal.DefaultFreeFloor)
	switch todo := "make room on the disk"; {
	case err != nil:
		d.say("disk", Failing, "", "%v", err)
	case free < floor:
		d.say("disk", Failing, todo, "%s free; below %s nothing is committed", size(free), size(floor))
	case free < roomFactor*floor:
		d.say("disk", Warning, todo, "%s free; below %s events are refused, below %s nothing is committed", size(free), size(2*floor), size(floor))
	default:
		d.say("disk", Well, "", "%s free", size(free))
	}
}

func size(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d bytes", n)
}

func (d *doctor) server(ctx context.Context) {
	nc := d.e.conn
	d.say("server", Well, "", "nats-server %s (%s), max_payload %s", nc.ConnectedServerVersion(), nc.ConnectedServerName(), size(uint64(nc.MaxPayload())))
	if info, err := d.e.js.AccountInfo(ctx); err == nil && info.Limits.MaxStore > 0 {
		used := percent(info.Store, uint64(info.Limits.MaxStore))
		h, todo := Well, ""
		if used >= fullWarn {
			h, todo = Warning, "raise the account's limit of storage on the server"
		}
		d.say("account", h, todo, "%d %% of its storage is used", used)
	}
}

func percent(n, of uint64) int { return int(float64(n) / float64(of) * 100) }

func (d *doctor) streams(ctx context.Context) {
	if err := d.e.journal.CheckStreams(ctx); err != nil {
		d.say("streams", Failing, "", "%v", err)
	} else {
		d.say("streams", Well, "", "%d partitions, all settings as they must be", d.e.journal.Partitions())
	}
	d.astray(ctx)
	for _, name := range []string{journal.EventsStream, journal.JournalStream} {
		s, err := d.e.js.Stream(ctx, name)
		if err != nil {
			d.say(name, Failing, "", "%v", err)
			continue
		}
		d.stream(name, s.CachedInfo())
		d.contents(ctx, name)
	}
}

// astray looks for events that nobody reads.
func (d *doctor) astray(ctx context.Context) {
	list, err := d.e.journal.Astray(ctx)
	if err != nil {
		d.say("subjects", Failing, "", "%v", err)
		return
	}
	if len(list) == 0 {
		d.say("subjects", Well, "", "all events lie on subjects of partitions")
		return
	}
	n, subjects := uint64(0), slices.Sorted(maps.Keys(list))
	for _, subject := range subjects {
		n += list[subject]
	}
	d.say("subjects", Warning, fmt.Sprintf("partitions are %s to %s; send those events again, best to ripen.in, and purge these subjects", journal.EventSubject(0), journal.EventSubject(d.e.journal.Partitions()-1)),
		"%d messages lie on %s and are never read", n, strings.Join(subjects[:min(5, len(subjects))], ", "))
}

// contents reads a stream from end to end: a server leaves out what it cannot
// read, and says nothing of it.
func (d *doctor) contents(ctx context.Context, name string) {
	bounded, cancel := context.WithTimeout(ctx, chainPatient)
	defer cancel()
	switch found, err := d.e.journal.Look(bounded, name, 0); {
	case err != nil:
		d.say(name+" contents", Failing, "", "%v", err)
	case found.Unreadable == 0 && found.Any():
		d.say(name+" contents", Warning, "was there a power loss with --durability process, or a damaged disk? ripen journal verify says whether the state is still what the events make", "%s", found)
	case found.Any():
		d.say(name+" contents", Failing, "its files are damaged: look at the disk, and restore a backup; ripen journal verify says whether the state is still what the events make", "%s", found)
	default:
		d.say(name+" contents", Well, "", "all %d messages can be read", found.Looked)
	}
}

func (d *doctor) stream(name string, info *jetstream.StreamInfo) {
	h, todo := Well, ""
	text := fmt.Sprintf("%d messages, %s", info.State.Msgs, size(info.State.Bytes))
	if most := info.Config.MaxBytes; most > 0 {
		used := percent(info.State.Bytes, uint64(most))
		text += fmt.Sprintf(", %d %% of max_bytes", used)
		switch {
		case used >= fullFail:
			h, todo = Failing, "raise --max-bytes or shorten --history: events are refused"
		case used >= fullWarn:
			h, todo = Warning, fmt.Sprintf("raise --max-bytes or shorten --history: at %d %% events are refused", fullFail)
		}
	}
	if c := info.Cluster; c != nil && info.Config.Replicas > 1 {
		text += ", leader " + c.Leader
		for _, r := range c.Replicas {
			if r.Offline || !r.Current {
				h, todo = Warning, "look at that server; one more loss may stop the stream"
				text += fmt.Sprintf(", replica %s is behind or away", r.Name)
			}
		}
		if c.Leader == "" {
			h, todo = Failing, "start the servers that are missing: more than half must run"
		}
	}
	d.say(name, h, todo, "%s", text)
}

// time compares clocks: ours, the server's, and that of the stream.
func (d *doctor) time(ctx context.Context) {
	sent := time.Now()
	theirs, err := d.e.journal.ServerTime(ctx)
	if err != nil || theirs.IsZero() {
		d.say("clock", Warning, "", "the server does not tell its time (%v)", err)
	} else if off := theirs.Sub(sent.Add(time.Since(sent) / 2)); off.Abs() > skewWarn {
		d.say("clock", Warning, "set both clocks (NTP)", "this machine and the server are %s apart", off.Abs().Round(time.Millisecond))
	} else {
		d.say("clock", Well, "", "this machine and the server agree")
	}
	line, err := d.e.journal.OpenControl(ctx)
	switch {
	case err != nil:
		d.say("ticks", Failing, "", "%v", err)
	case line.Last().At == 0:
		d.say("ticks", Well, "", "none so far")
	default:
		at := time.UnixMilli(line.Last().At)
		if ahead := time.Until(at); ahead > d.e.opts.Skew {
			d.say("ticks", Warning, "time goes on when the clock has caught up; was a clock wrong, or did a client send ticks?", "time in the stream is %s ahead of the clock", ahead.Round(time.Second))
			return
		}
		d.say("ticks", Well, "", "time has passed up to %s", at.UTC().Format(time.RFC3339))
	}
}

// partition looks at one partition: chain, owner, snapshots and lag.
func (d *doctor) partition(ctx context.Context, p int) {
	name := fmt.Sprintf("partition %d", p)
	last, err := d.e.journal.Last(ctx, p)
	if err != nil {
		d.say(name+" journal", Failing, "", "%v", err)
		return
	}
	if last.Seq == 0 {
		d.say(name+" journal", Well, "", "no engine has claimed it so far")
		return
	}
	bounded, cancel := context.WithTimeout(ctx, chainPatient)
	n, err := d.e.followPartition(bounded, p)
	cancel()
	if err != nil {
		d.say(name+" journal", Failing, "", "%v", err)
	} else {
		d.say(name+" journal", Well, "", "chain of %d records up to number %d is whole, epoch %d", n, last.Number, last.Epoch)
	}
	d.snapshot(ctx, name, p, &last)
	d.lag(ctx, name, p, &last)
}

func (d *doctor) snapshot(ctx context.Context, name string, p int, last *journal.Record) {
	list, err := d.e.journal.Snapshots(ctx, p)
	switch {
	case err != nil:
		d.say(name+" snapshot", Failing, "", "%v", err)
	case len(list) == 0 && last.Number > tailWarn:
		d.say(name+" snapshot", Warning, "let the engine run for longer than its --snapshot-every", "none, and a start without local state reads %d records", last.Number)
	case len(list) == 0:
		d.say(name+" snapshot", Well, "", "none so far; the journal is short")
	default:
		s := &list[0]
		age, tail := time.Since(time.UnixMilli(s.Made)), last.Number-min(last.Number, s.Base.Number)
		h, todo := Well, ""
		if tail > tailWarn {
			h, todo = Warning, "shorten --snapshot-every"
		}
		d.say(name+" snapshot", h, todo, "%d kept, the newest %s old, %d records behind it", len(list), age.Round(time.Second), tail)
	}
}

func (d *doctor) lag(ctx context.Context, name string, p int, last *journal.Record) {
	events, err := d.e.js.Stream(ctx, journal.EventsStream)
	if err != nil {
		d.say(name+" lag", Failing, "", "%v", err)
		return
	}
	m, err := events.GetMsg(ctx, max(last.Pos.Seq, 1), jetstream.WithGetMsgSubject(journal.EventSubject(p)))
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		d.say(name+" lag", Well, "", "all events are read")
		return
	case err != nil:
		d.say(name+" lag", Failing, "", "%v", err)
		return
	}
	age := time.Since(m.Time)
	text := fmt.Sprintf("the oldest event that waits came %s ago (sequence %d)", age.Round(time.Second), m.Sequence)
	switch {
	case d.e.server != nil:
		d.say(name+" lag", Well, "", "%s; no engine runs", text)
	case age > lagFail:
		d.say(name+" lag", Failing, "is an engine running, and does its log complain? See /readyz and ripen_partition_lag_seconds", "%s", text)
	case age > lagWarn:
		d.say(name+" lag", Warning, "the engine is behind: more partitions, more engines, or a cheaper workflow", "%s", text)
	default:
		d.say(name+" lag", Well, "", "%s", text)
	}
}
