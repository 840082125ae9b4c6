package torture

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sys/unix"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// diskFull lets no file grow beyond a little more than the journal's newest
// block has, in the middle of commits; then there is room again. An embedded
// server is restarted by its engine, another one by whoever runs it.
func diskFull(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(150, 300)
	b, err := lastBlock(r.data(), journal.JournalStream)
	if err != nil {
		return err
	}
	lift, err := r.limitFiles(uint64(len(b.data) + 500 + r.rnd.IntN(6000)))
	if err != nil {
		return err
	}
	if err := r.refused(); err != nil {
		return err
	}
	r.tally.row(RowDiskFull)
	r.pause(0, 300)
	if err := lift(); err != nil {
		return err
	}
	if r.rnd.IntN(2) == 0 {
		r.engine.kill("engine on a full disk")
	}
	if r.server != nil {
		r.server.kill()
		return r.server.start()
	}
	return nil
}

// limitFiles lets no file grow beyond so many bytes, until it is lifted.
func (r *round) limitFiles(limit uint64) (lift func() error, err error) {
	r.note("no file may grow beyond %d bytes", limit)
	pid := r.engine.cmd.Process.Pid
	if r.server != nil {
		pid = r.server.cmd.Process.Pid
	}
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &before); err != nil {
		return nil, err
	}
	lift = func() error {
		r.note("there is room again")
		if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &before, nil); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
		return nil
	}
	return lift, unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: before.Max}, nil)
}

// diskFullInAPurge lets the disk take only a part of what ends a purge of the
// journal: the embedded server waits for itself, for ever (see natsd.ErrStuck),
// and the engine ends.
func diskFullInAPurge(r *round, _ *fault) error {
	if err := r.ensure(); err != nil {
		return err
	}
	r.pause(150, 300)
	r.load.gate.Lock()
	defer r.load.gate.Unlock()
	b, err := r.stillBlock()
	if err != nil {
		return err
	}
	lift, err := r.limitFiles(uint64(len(b.data) + 10))
	if err != nil {
		return err
	}
	if err := r.purge(); err != nil {
		return err
	}
	if err := r.refused(); err != nil {
		return err
	}
	r.tally.row(RowDiskFull)
	return lift()
}

// stillBlock is the newest block of the journal, once nothing is written to it
// any more.
func (r *round) stillBlock() (b *block, err error) {
	for size, end := -1, time.Now().Add(10*time.Second); time.Now().Before(end); time.Sleep(700 * time.Millisecond) {
		if b, err = lastBlock(r.data(), journal.JournalStream); err != nil || len(b.data) == size {
			return b, err
		}
		size = len(b.data)
	}
	return b, nil
}

// purge asks the running embedded server for a purge that the disk does not let
// it end.
func (r *round) purge() error {
	way, err := natsd.ReadAdmin(r.data())
	if err != nil {
		return err
	}
	nc, err := nats.Connect(way.URL, nats.UserInfo(way.User, way.Password))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, journal.JournalStream)
	if errors.Is(err, context.DeadlineExceeded) {
		r.note("the server does not answer: the engine's own purge was first")
		return nil
	}
	if err != nil {
		return err
	}
	err = s.Purge(ctx, jetstream.WithPurgeSubject(journal.RecordSubject(0)), jetstream.WithPurgeSequence(s.CachedInfo().State.LastSeq))
	if r.note("a purge on a full disk: %v", err); err == nil {
		return errors.New("a purge went through on a full disk")
	}
	return nil
}

// refused waits until the engine says that its commits fail, or ends by itself
// because its server is stuck (see natsd.ErrStuck). That an external server is
// stuck it can only tell.
func (r *round) refused() error {
	e := r.engine
	switch {
	case !e.says(journal.ErrRefused.Error(), 60*time.Second, natsd.ErrStuck.Error()):
		if r.server == nil || !e.says("the NATS server does not answer", 0) {
			return fmt.Errorf("a full disk was not noticed: %s", e.tail())
		}
		r.note("the server is stuck")
	case e.says(natsd.ErrStuck.Error(), 0):
		r.note("the server is stuck, %s ends", e.name)
		if !e.ended(10 * time.Second) {
			return fmt.Errorf("%s has a stuck server and does not end: %s", e.name, e.tail())
		}
	}
	return nil
}

// streamFull gives the events stream a limit that is soon reached: producers
// are told, time still passes, and with more room everything goes on.
func streamFull(r *round, _ *fault) error {
	defer r.switcher.pause()() // the room that is left is for ticks
	r.load.gate.Lock()
	r.load.tame.Store(true) // who publishes past the door fills the stream to the last byte
	r.load.gate.Unlock()
	defer r.load.tame.Store(false)
	if r.engine != nil {
		r.engine.kill("engine at a random instant")
	}
	size, err := streamSize(r.data(), journal.EventsStream)
	if err != nil {
		return err
	}
	var l launch
	l.maxBytes = (size + 20_000) * 100 / 95
	if r.engine, err = r.start(l); err != nil {
		return err
	}
	if ok, err := r.engine.untilReady(); !ok {
		return fmt.Errorf("%s ended: %w %w", r.engine.name, err, r.engine.err)
	}
	before := r.load.full.Load()
	for end := time.Now().Add(20 * time.Second); r.load.full.Load() < before+2; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("nobody was told that the stream is full")
		}
	}
	r.note("the stream is full, producers were told")
	if err := r.timePasses(); err != nil {
		return err
	}
	r.tally.row(RowStreamFull)
	r.engine.kill("engine at a random instant")
	return nil
}

// timePasses waits for the tick that follows when no event comes any more.
func (r *round) timePasses() error {
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		b, err := lastBlock(r.data(), journal.EventsStream)
		if err != nil {
			return err
		}
		if last := &b.records[len(b.records)-1]; last.subject == journal.ControlSubject {
			return nil
		}
	}
	return errors.New("a full stream takes no tick any more")
}
