package engine

import (
	"context"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/lineage"
)

// HoldPartitions keeps all partitions from reading until free is closed.
func (e *Engine) HoldPartitions(ctx context.Context, free <-chan struct{}) {
	for _, n := range e.Partitions() {
		in := make(chan struct{})
		go func() {
			_ = e.parts[n].ask(ctx, func(*partition) (bool, error) { close(in); <-free; return true, nil })
		}()
		<-in
	}
}

// ForeignOrder writes an order as another engine of the same streams does.
func (e *Engine) ForeignOrder(ctx context.Context, o *lineage.Order) error {
	l, err := e.journal.OpenControl(ctx)
	if err != nil {
		return err
	}
	text, err := o.Encode()
	if err != nil {
		return err
	}
	_, err = l.Publish(ctx, journal.Control{Type: journal.ControlRelease, At: l.Last().At + 1, Body: text})
	return err
}
