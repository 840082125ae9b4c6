package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/lineage"
	"github.com/ripenhq/ripen/engine/release"
)

// Operator is an operator's way to the releases of an engine: of a data folder,
// whether an engine runs on it or not, or of an external server.
type Operator struct {
	e      *Engine
	shared bool // e is a running engine of this process, which ends by itself
}

// Operate connects an operator. Close it.
func Operate(ctx context.Context, o Options) (_ *Operator, err error) {
	e, err := reach(o)
	if err != nil {
		return nil, err
	}
	op := &Operator{e: e}
	defer func() {
		if err != nil {
			op.Close()
		}
	}()
	if err := e.openJournal(ctx, true); err != nil {
		return nil, err
	}
	err = e.allowed(ctx, func(ctx context.Context) (err error) {
		e.catalog, err = release.Find(ctx, e.js)
		return err
	})
	if errors.Is(err, release.ErrNone) {
		err = fmt.Errorf("%w: no engine of this version has run on them so far", err)
	}
	return op, err
}

// Close disconnects.
func (o *Operator) Close() {
	if !o.shared {
		o.e.shut(context.Background())
	}
}

// Operator is the way to the releases of an engine in this process.
func (e *Engine) Operator() *Operator { return &Operator{e: e, shared: true} }

// Conn is the connection, with the operator's rights.
func (o *Operator) Conn() *nats.Conn { return o.e.conn }

// Store holds the releases.
func (o *Operator) Store() *release.Store { return o.e.catalog }

// Module is a plugin by its digest.
func (o *Operator) Module(ctx context.Context, digest string) ([]byte, error) {
	return o.e.catalog.Module(ctx, digest)
}

// Running says whether there may be an engine to ask: on a data folder that
// nobody runs on there is none.
func (o *Operator) Running() bool { return o.shared || o.e.server == nil }

// Load loads a listed release. Mistakes cannot be its author's any more: they
// are errors. Close it.
func (o *Operator) Load(ctx context.Context, e release.Entry, l LoadOptions) (*Workflow, error) {
	b, plugins, err := o.e.catalog.Fetch(ctx, e.Digest)
	if err != nil {
		return nil, fmt.Errorf("release %d of workflow %q: %w", e.Number, e.Workflow, err)
	}
	l.Dir = fmt.Sprintf("release-%d", e.Number)
	w, diags, err := LoadBundle(ctx, b, plugins, l)
	if err == nil && diags.HasErrors() {
		err = errors.New(firstError(diags))
	}
	if err != nil {
		w.Close()
		return nil, fmt.Errorf("release %d of workflow %q cannot be loaded: %w", e.Number, e.Workflow, err)
	}
	return w, nil
}

// Order asks an engine to write an order.
func (o *Operator) Order(ctx context.Context, order *lineage.Order) (r release.OrderReply, err error) {
	return release.AskOrder(ctx, o.e.conn, order, nil)
}
