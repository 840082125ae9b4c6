package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/natsd"
)

// reach connects an operator's command to the streams: of an external server,
// of the data folder, or, if an engine runs on that folder, of its server,
// through the login that it left there. Nothing is accepted meanwhile.
func reach(o Options) (*Engine, error) { return reachIf(o, endable) }

// reachIf does so if the files of the data folder may be opened.
func reachIf(o Options, may func(dir string) error) (*Engine, error) {
	o = o.withDefaults()
	o.Port, o.Partitions = -1, 0
	e := &Engine{opts: o, log: o.Logger, work: o.Workflow, done: make(chan struct{})}
	if o.NATS != "" {
		if err := e.connect(); err != nil {
			return nil, err
		}
		return e, nil
	}
	var err error
	e.server, err = natsd.Start(natsd.Options{Dir: o.Data, NoListen: true, Existing: true, Logger: e.log.Named("nats"), Before: may})
	if errors.Is(err, natsd.ErrLocked) {
		if err := e.enter(err); err != nil {
			return nil, err
		}
		return e, nil
	}
	if err != nil {
		return nil, err
	}
	if e.conn, err = e.server.Connect("ripen"); err != nil {
		e.shut(context.Background())
		return nil, err
	}
	return e, nil
}

// enter connects to the engine that holds the lock on the data folder.
func (e *Engine) enter(locked error) error {
	a, err := natsd.ReadAdmin(e.opts.Data)
	if err != nil {
		return errors.Join(locked, err)
	}
	e.conn, err = nats.Connect(a.URL, nats.Name("ripen operator"), nats.UserInfo(a.User, a.Password), nats.MaxReconnects(-1), nats.ErrorHandler(e.serverError))
	if err != nil {
		return fmt.Errorf("cannot enter the engine that runs on %s at %s: %w; is it just starting or stopping? Try again", e.opts.Data, a.URL, err)
	}
	return nil
}

// running says whether the streams belong to an engine that is at work on the
// data folder.
func (e *Engine) running() bool { return e.opts.NATS == "" && e.server == nil }
