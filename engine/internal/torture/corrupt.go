package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// corruptRecord loses or changes a record near the end of a partition's journal,
// and the local state that may hold what was in it. The engine must say so and
// stop that partition, and that one only; if a snapshot lies behind the record,
// so that nobody reads it, it is for `ripen journal verify` to find. Then the
// repair that the error names is done: the partition's subject is purged, and
// everything comes again under the same ids.
func corruptRecord(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(100, 300)
	r.engine.kill("engine at a random instant")
	p, err := r.damage(r.rnd.IntN(2), 4)
	if err != nil {
		return err
	}
	if p < 0 {
		r.note("no partition has records enough to lose one")
		return nil
	}
	if err := os.RemoveAll(r.stateOf(r.engine.slot)); err != nil {
		return err
	}
	out, verr := r.ripen(r.verifyArgs()...)
	if r.engine, err = r.start(launch{}); err != nil {
		return err
	}
	switch found, err := r.noticed(p); {
	case err != nil:
		return err
	case found || verr != nil:
		r.tally.row(RowCorrupt)
	case !purged(out, p):
		return fmt.Errorf("a damaged record was not noticed: %s", out)
	}
	r.engine.kill("engine at a random instant")
	r.repeats[p] = true
	return r.open(func(ctx context.Context, js jetstream.JetStream) error {
		s, err := js.Stream(ctx, journal.JournalStream)
		if err != nil {
			return err
		}
		r.note("purge of %s", journal.RecordSubject(p))
		return s.Purge(ctx, jetstream.WithPurgeSubject(journal.RecordSubject(p)))
	})
}

// noticed says whether partition p stands still for its damage; it is an error
// if another one does too.
func (r *round) noticed(p int) (bool, error) {
	if !r.engine.says(journal.ErrCorrupt.Error(), 4*time.Second) {
		r.note("no start reads the damaged record any more")
		return false, nil
	}
	if r.engine.ended(500 * time.Millisecond) {
		return true, fmt.Errorf("one damaged partition ended the engine: %s", r.engine.tail())
	}
	if err := r.caughtUp(map[int]bool{p: true}); err != nil {
		return true, fmt.Errorf("while partition %d is damaged: %w", p, err)
	}
	r.note("partition %d stands still, the others go on", p)
	return true, nil
}

// damage deletes (0) or rewrites (1) a record that is neither the first nor the
// last of its partition, and among the newest; partition -1 says that there is
// none.
func (r *round) damage(how, newest int) (partition int, err error) {
	there, err := r.records()
	if err != nil {
		return -1, err
	}
	b, err := lastBlock(r.data(), journal.JournalStream)
	if err != nil {
		return -1, err
	}
	of := map[int][]*stored{}
	for i := range b.records {
		if p, ok := there[b.records[i].seq]; ok && !b.records[i].mark {
			of[p] = append(of[p], &b.records[i])
		}
	}
	p := r.rnd.IntN(r.partitions)
	if len(of[p]) < 4 {
		return -1, nil
	}
	last := len(of[p]) - 2
	s := of[p][last-r.rnd.IntN(min(newest, last))]
	if how == 1 {
		at := len(b.bytes(s)) / 2
		r.note("byte %d of the record of partition %d at sequence %d is changed", at, p, s.seq)
		return p, b.rewrite(s, at)
	}
	r.note("the record of partition %d at sequence %d is deleted", p, s.seq)
	return p, r.open(func(ctx context.Context, js jetstream.JetStream) error {
		st, err := js.Stream(ctx, journal.JournalStream)
		if err != nil {
			return err
		}
		return st.DeleteMsg(ctx, s.seq)
	})
}

// records are the partitions of the records that were not purged, by sequence;
// the file still has those that were.
func (r *round) records() (map[uint64]int, error) {
	there := map[uint64]int{}
	return there, r.open(func(ctx context.Context, js jetstream.JetStream) error {
		return each(ctx, js, journal.JournalStream, func(seq uint64, m jetstream.Msg) error {
			for p := range r.partitions {
				if m.Subject() == journal.RecordSubject(p) {
					there[seq] = p
				}
			}
			return nil
		})
	})
}

// open works on the streams with all rights, while no engine runs on an
// embedded server's folder.
func (r *round) open(do func(context.Context, jetstream.JetStream) error) (err error) {
	ctx, cancel := within()
	defer cancel()
	var nc *nats.Conn
	if r.server != nil {
		nc, err = r.client("checker")
	} else {
		var srv *natsd.Server
		if srv, err = natsd.Start(natsd.Options{Dir: r.data(), NoListen: true, Durability: natsd.Durability(r.durability)}); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, srv.Stop(ctx)) }()
		nc, err = srv.Connect("checker")
	}
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return do(ctx, js)
}
