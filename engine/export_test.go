package engine

import (
	"context"
	"errors"

	"github.com/ripenhq/ripen/engine/natsd"
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
		shelf, err := e.store.Partition(n)
		if err != nil {
			return err
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
