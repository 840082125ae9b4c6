package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// A connection whose other end is gone without a word is noticed by pings, and
// tried again soon: the partitions of this engine wait.
const (
	pingEvery     = 2 * time.Second
	reconnectWait = 100 * time.Millisecond
)

// connect starts the embedded server or reaches the external one.
func (e *Engine) connect() (err error) {
	o := &e.opts
	if o.NATS != "" {
		more := append([]nats.Option{nats.Name("ripen"), nats.MaxReconnects(-1), nats.ErrorHandler(e.serverError),
			nats.PingInterval(pingEvery), nats.MaxPingsOutstanding(2), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(reconnectWait, reconnectWait)}, o.NATSOptions...)
		if e.conn, err = nats.Connect(o.NATS, more...); errors.Is(err, nats.ErrAuthorization) {
			return fmt.Errorf("the NATS server at %s refuses the login: %w; log in with --creds, --nkey, --user or a token", o.NATS, err)
		}
		if err != nil {
			return fmt.Errorf("cannot reach the NATS server at %s: %w", o.NATS, err)
		}
		return nil
	}
	e.server, err = natsd.Start(natsd.Options{Dir: o.Data, Host: o.Listen, Port: o.Port, Durability: o.Durability, Partitions: o.Partitions, Silence: failpoint.Duration("server.silence", o.Silence), Logger: e.log.Named("nats"), Before: e.mend})
	if err != nil {
		return err
	}
	e.conn, err = e.server.Connect("ripen")
	return err
}

// askTime is how long an external server may take for a first answer before it
// is asked again: requests are lost when a leader changes, and nobody tells.
const askTime = 500 * time.Millisecond

// openJournal makes or checks the streams; readOnly leaves them alone.
func (e *Engine) openJournal(ctx context.Context, readOnly bool) (err error) {
	if e.js, err = jetstream.New(e.conn); err != nil {
		return err
	}
	o := &e.opts
	cfg := journal.Config{Partitions: o.Partitions, MaxBytes: o.MaxBytes, History: o.History, Replicas: o.Replicas, ReadOnly: readOnly, SkipLost: o.SkipLost, Owner: e.id, Logger: e.log.Named("journal")}
	cfg.AskTimeout = askTime
	if e.server != nil {
		cfg.FreeBytes, cfg.FreeFloor, cfg.AskTimeout = e.server.FreeBytes, journal.DefaultFreeFloor, 0
	}
	return e.allowed(ctx, func(ctx context.Context) (err error) {
		e.journal, err = journal.Open(ctx, e.js, cfg)
		return err
	})
}

// refusedPause is how long an external server that refused a commit is left
// alone.
const refusedPause = 2 * time.Second

// restartServer restarts the embedded server: only that settles a commit that
// it refused. An external one is its operator's; the partition claims and
// restores again, until it works. Without a server the engine ends.
func (e *Engine) restartServer() error {
	if e.server == nil {
		time.Sleep(refusedPause)
		return nil
	}
	e.restart.Lock()
	defer e.restart.Unlock()
	if e.life.Err() != nil { // another partition has tried in vain
		return natsd.ErrStopped
	}
	err := e.server.Restart()
	if err != nil {
		e.fail(fmt.Errorf("restart after a refused commit: %w", err))
	}
	return err
}

// stuckTime is how long a stop waits for a server that is stuck.
const stuckTime = time.Second

// watchServer ends the engine if the embedded server is stuck. An external one
// is watched by whoever runs it.
func (e *Engine) watchServer() {
	if e.server == nil {
		return
	}
	if err := e.server.Watch(e.life); err != nil && e.life.Err() == nil {
		e.log.Error("the engine ends", "error", err)
		e.fail(err)
	}
}

// stuck says that the engine has ended because its server is stuck.
func (e *Engine) stuck() bool {
	select {
	case <-e.done:
		return errors.Is(e.err, natsd.ErrStuck)
	default:
		return false
	}
}
