package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/natsd"
)

// ErrNotAllowed says that an external NATS server keeps something from us.
var ErrNotAllowed = errors.New("the NATS server does not allow this")

// allowed runs fn and ends it as soon as the server refuses something. A NATS
// server does so beside the request, which itself would wait for an answer
// that never comes.
func (e *Engine) allowed(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	e.refusal.Store(&cancel)
	defer e.refusal.Store(nil)
	err := fn(ctx)
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, ErrNotAllowed) {
		return cause
	}
	return err
}

// serverError takes what an external server says outside of any answer.
func (e *Engine) serverError(nc *nats.Conn, _ *nats.Subscription, err error) {
	cancel := e.refusal.Load()
	if cancel == nil || !errors.Is(err, nats.ErrPermissionViolation) {
		e.log.Warn("the NATS server complains", "error", err)
		return
	}
	what := strings.TrimPrefix(err.Error(), nats.ErrPermissionViolation.Error()+": ")
	todo := "log in as a user who may publish on and subscribe to $JS.>, $KV.RIPEN_OWNERS.>, $KV.RIPEN_RELEASE_LOG.>, $O.RIPEN_SNAPSHOTS.>, $O.RIPEN_RELEASES.>, ripen.> and _INBOX.>, e.g. with --creds"
	if nc.ConnectedServerName() == natsd.ServerName {
		todo = "this is the server inside a running engine, whose clients may only send events and read decisions; " +
			"name its folder with --data, or run it on a NATS server of your own and log in there with --creds"
	}
	(*cancel)(fmt.Errorf("%w: %s: %s", ErrNotAllowed, what, todo))
}
