package engine

import (
	"context"

	"github.com/ripenhq/ripen/engine/journal"
)

// SubscriberLog is the operator's access to the durable subscribers of an
// engine, which may be running.
type SubscriberLog struct{ e *Engine }

// OpenSubscribers opens those of a data folder or of a server. Close it.
func OpenSubscribers(ctx context.Context, o Options) (*SubscriberLog, error) {
	e, err := reach(o)
	if err != nil {
		return nil, err
	}
	if err := e.openJournal(ctx, true); err != nil {
		e.shut(context.Background())
		return nil, err
	}
	return &SubscriberLog{e}, nil
}

// Close lets go of folder or server.
func (l *SubscriberLog) Close() { l.e.shut(context.Background()) }

// List names all, by name.
func (l *SubscriberLog) List(ctx context.Context) (list []journal.Subscribed, err error) {
	err = l.e.allowed(ctx, func(ctx context.Context) error {
		list, err = l.e.journal.Subscribers(ctx)
		return err
	})
	return list, err
}

// Remove forgets one and its position; journal.ErrSubscriber if there is none.
func (l *SubscriberLog) Remove(ctx context.Context, name string) error {
	return l.e.allowed(ctx, func(ctx context.Context) error { return l.e.journal.RemoveSubscriber(ctx, name) })
}

// subscribers looks at how many places are taken.
func (d *doctor) subscribers(ctx context.Context) {
	list, err := d.e.journal.Subscribers(ctx)
	if err != nil {
		d.say("subscribers", Failing, "", "%v", err)
		return
	}
	unused := 0
	for i := range list {
		if !list[i].Known && !list[i].Asking {
			unused++
		}
	}
	h, todo := Well, ""
	if len(list)*100 >= fullWarn*journal.MaxSubscribers {
		h, todo = Warning, "ripen subscribers list, and remove those that nobody needs"
	}
	d.say("subscribers", h, todo, "%d of %d places are taken, %d of them by subscribers that nobody has used", len(list), journal.MaxSubscribers, unused)
}
