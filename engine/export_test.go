package engine

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/core"
	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/release"
)

// SnapshotAndPurge takes snapshots of all partitions from the local store of a
// data folder on which no engine runs, and purges what they make needless, as
// an engine does now and then.
func SnapshotAndPurge(ctx context.Context, o Options) (err error) {
	o = o.withDefaults()
	e := &Engine{opts: o, log: o.Logger, done: make(chan struct{})}
	defer e.shut(context.Background())
	if e.server, err = natsd.Start(natsd.Options{Dir: o.Data, NoListen: true}); err != nil {
		return err
	}
	if e.conn, err = e.server.Connect("test"); err != nil {
		return err
	}
	e.opts.Partitions = 0
	if err := e.openJournal(ctx, false); err != nil {
		return err
	}
	if err := e.openStore(); err != nil {
		return err
	}
	for n := range e.journal.Partitions() {
		shelf, err := e.store().Partition(n)
		if err != nil {
			return err
		}
		if _, found, err := shelf.Head(); err != nil || !found {
			continue // nothing happened there so far
		}
		p := &partition{e: e, number: n, log: e.log, shelf: shelf}
		frozen := shelf.Snapshot()
		_, err = p.takeSnapshot(ctx, frozen)
		frozen.Close()
		if err = errors.Join(err, p.purge(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// CopyStore copies the local store as a crash at this moment would leave it.
func (e *Engine) CopyStore(dir string) error { return e.store().Copy(dir) }

// DamageStore overwrites the tables of the local store.
func (e *Engine) DamageStore() error {
	db := e.store()
	if err := db.Flush(); err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(e.local.dir, "*.sst"))
	for _, name := range names {
		data, rerr := os.ReadFile(name)
		for i := range data {
			data[i] ^= 0x55
		}
		err = errors.Join(err, rerr, os.WriteFile(name, data, 0o600))
	}
	return err
}

// Behind is how many partitions have not read all that is there for them, of
// those that this engine ought to run.
func (e *Engine) Behind() int { return Behind(e) }

// Behind is how many partitions have not read all that is there for them, which
// engine of several ever runs them; nil is none.
func Behind(engines ...*Engine) (n int) {
	e := engines[0]
	s, err := e.js.Stream(context.Background(), journal.EventsStream)
	if err != nil {
		return len(e.parts)
	}
	for p := range e.parts {
		last := uint64(0)
		for _, subject := range []string{journal.EventSubject(p), journal.ControlSubject} {
			if m, err := s.GetLastMsgForSubject(context.Background(), subject); err == nil {
				last = max(last, m.Sequence)
			}
		}
		if !slices.ContainsFunc(engines, func(x *Engine) bool {
			return x != nil && x.parts[p].status.ready.Load() && x.parts[p].status.position.Load() > last
		}) {
			n++
		}
	}
	return n
}

// PurgeRecords takes all records of a partition away, as an operator does who has
// it built again.
func (e *Engine) PurgeRecords(ctx context.Context, p int) error {
	s, err := e.js.Stream(ctx, journal.JournalStream)
	if err != nil {
		return err
	}
	return s.Purge(ctx, jetstream.WithPurgeSubject(journal.RecordSubject(p)))
}

// Scan hands the messages of a stream to fn.
func (e *Engine) Scan(ctx context.Context, stream string, filters []string, fn func(journal.Message) error) error {
	return e.journal.Scan(ctx, stream, filters, 1, fn)
}

// States are those of all leads under all lineages, as the journal has them.
func (e *Engine) States(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	for n := range e.journal.Partitions() {
		// nobody's workflow: all of them
		x := &Engine{opts: e.opts, log: e.log, journal: e.journal, js: e.js, releases: e.releases}
		v, _, err := x.readState(ctx, n)
		if err != nil {
			return nil, err
		}
		for _, m := range v.set.Members() {
			m.Core.States(func(key string, state []byte) {
				all[fmt.Sprintf("%s %d %s %s", m.Workflow, m.Release.Number, m.Role, key)] = hex.EncodeToString(state)
			})
		}
		v.close()
	}
	return all, nil
}

// Leads is the number that the metrics tell.
func (e *Engine) Leads() (n int) {
	for _, p := range e.parts {
		n += int(p.status.leads.Load())
	}
	return n
}

// Order writes an order behind all that is in the stream.
func (e *Engine) Order(ctx context.Context, o lineage.Order) (uint64, error) {
	r, err := e.clock.order(ctx, &o, 0)
	if err != nil {
		return 0, err
	}
	return r.Seq, nil
}

// Lineages are those of all partitions that this engine runs.
func (e *Engine) Lineages() []release.LineageStatus { return e.lineages() }

// Durable says whether all that partitions were told is committed.
func (e *Engine) Durable() bool {
	for _, p := range e.parts {
		if !p.status.ready.Load() {
			continue
		}
		rec, err := e.journal.Last(context.Background(), p.number)
		if err != nil || rec.Pos.Seq < p.status.position.Load() {
			return false
		}
	}
	return true
}

// Advance lets all partitions look how far the stream has come, as they do now
// and then while they have nothing to read, and waits until that is durable.
func (e *Engine) Advance(ctx context.Context) error {
	for _, p := range e.parts {
		err := p.ask(ctx, func(p *partition) (bool, error) {
			return true, errors.Join(p.advanceNow(ctx), p.settle(true))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Last is the newest record of a partition.
func (e *Engine) Last(ctx context.Context, n int) (journal.Record, error) {
	return e.journal.Last(ctx, n)
}

// Control writes a control message behind all that is in the stream.
func (e *Engine) Control(ctx context.Context, c journal.Control) error {
	line, err := e.journal.OpenControl(ctx)
	if err != nil {
		return err
	}
	_, err = line.Publish(ctx, c)
	return err
}

// At is up to where the history of a partition has been read.
func (r *Rehearsal) At(n int) journal.Position { return r.parts[n].pos }

// Inputs hands the inputs of a partition from a position up to a message to fn,
// as the partition reads them, with the sequences of their messages.
func (e *Engine) Inputs(ctx context.Context, n int, from journal.Position, to uint64, fn func(seq uint64, in core.Input) error) error {
	in := inputs{decoder: intake.NewDecoder(intake.Options{}), partitions: e.journal.Partitions(), number: n, timeless: e.opts.Clock == ClockStream}
	return e.journal.Scan(ctx, journal.EventsStream, []string{journal.EventSubject(n), journal.ControlSubject}, max(from.Seq, 1), func(m journal.Message) error {
		in.list = in.list[:0]
		if err := in.take(&m, from, journal.Position{Seq: to}); err != nil {
			return err
		}
		for i := range in.list {
			if err := fn(m.Seq, in.list[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// Records hands the records of a partition to fn.
func (e *Engine) Records(ctx context.Context, n int, fn func(journal.Record) error) error {
	return e.journal.Records(ctx, n, fn)
}

// CompareCores is CompareShadow of cores, by partition.
func CompareCores(live, shadow []*core.Core, at int64) (list []Difference, err error) {
	var c Compared
	for n := range live {
		if err := c.compare(live[n], shadow[n], at); err != nil {
			return nil, err
		}
	}
	c.sort()
	return c.Differences, nil
}

// CallOff lets a stop wait for nothing that plugins are at.
func (e *Engine) CallOff() { e.stopping.Store(1) }
