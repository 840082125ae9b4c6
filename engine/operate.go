package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/release"
)

// verb answers one request of an operator for the partitions that this engine
// runs. What it returns is the final answer; more may be said before. A verb
// that is alone is answered by one engine of all.
type verb struct {
	answer func(e *Engine, ctx context.Context, body json.RawMessage, say func(text string, body any)) (any, error)
	alone  bool
}

// verbs are all requests that engines answer on ripen.op.<verb>.
func verbs() map[string]verb {
	return map[string]verb{
		release.VerbStatus:  {answer: (*Engine).answerStatus},
		release.VerbPresent: {answer: (*Engine).answerPresent},
		release.VerbCount:   {answer: (*Engine).answerCount},
		release.VerbPrepare: {answer: (*Engine).answerPrepare},
		release.VerbOrder:   {answer: (*Engine).answerOrder, alone: true},
	}
}

// maxRequests is how many requests are answered at once; status always is.
const maxRequests = 16

// operations answers the requests of operators. Only who may publish on
// ripen.op.> reaches it: clients of the embedded server may not.
type operations struct {
	e      *Engine
	host   string
	subs   []*nats.Subscription
	slots  chan struct{}
	ctx    context.Context
	cancel context.CancelFunc
	mu     sync.Mutex // closed
	closed bool
	work   sync.WaitGroup
}

// serveOperators begins to answer.
func (e *Engine) serveOperators() (*operations, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown-host"
	}
	o := &operations{e: e, host: fmt.Sprintf("%s/%d", host, os.Getpid()), slots: make(chan struct{}, maxRequests)}
	o.ctx, o.cancel = context.WithCancel(context.Background())
	for name, v := range verbs() {
		handle := func(m *nats.Msg) { o.take(m, v) }
		var sub *nats.Subscription
		if v.alone {
			sub, err = e.conn.QueueSubscribe(release.OpPrefix+name, "ripen", handle)
		} else {
			sub, err = e.conn.Subscribe(release.OpPrefix+name, handle)
		}
		if err != nil {
			o.close()
			return nil, fmt.Errorf("requests of operators: %w", err)
		}
		o.subs = append(o.subs, sub)
	}
	if err := e.conn.Flush(); err != nil { // the server knows of them before an operator asks
		o.close()
		return nil, fmt.Errorf("requests of operators: %w", err)
	}
	return o, nil
}

// close stops answering; answers under way are called off.
func (o *operations) close() {
	if o == nil {
		return
	}
	for _, sub := range o.subs {
		_ = sub.Unsubscribe()
	}
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.cancel()
	o.work.Wait()
}

// take answers a message in a goroutine of its own.
func (o *operations) take(m *nats.Msg, v verb) {
	if m.Reply == "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return
	}
	select {
	case o.slots <- struct{}{}:
	default:
		o.send(m, &release.Reply{Error: fmt.Sprintf("%d requests are being answered already; try again later", maxRequests)})
		return
	}
	o.work.Add(1)
	go func() {
		defer o.work.Done()
		defer func() { <-o.slots }()
		o.run(m, v)
	}()
}

func (o *operations) run(m *nats.Msg, v verb) {
	say := func(text string, body any) {
		raw, err := json.Marshal(body)
		if err == nil {
			o.send(m, &release.Reply{More: true, Said: text, Body: raw})
		}
	}
	partitions := o.e.Partitions() // before: what changes meanwhile is asked for again
	out, err := v.answer(o.e, o.ctx, json.RawMessage(m.Data), say)
	r := &release.Reply{Partitions: partitions}
	if err == nil {
		r.Body, err = json.Marshal(out)
	}
	if err != nil {
		r.Error = err.Error()
		if errors.Is(err, context.Canceled) && o.ctx.Err() != nil {
			r.Error = "the engine is stopping"
		}
	}
	o.send(m, r)
}

func (o *operations) send(m *nats.Msg, r *release.Reply) {
	r.Engine, r.Host, r.Of = o.e.id, o.host, o.e.journal.Partitions()
	if r.Partitions == nil {
		r.Partitions = o.e.Partitions()
	}
	text, err := json.Marshal(r)
	if err == nil {
		err = m.Respond(text)
	}
	if errors.Is(err, nats.ErrMaxPayload) {
		err = m.Respond(fmt.Appendf(nil, `{"engine":%q,"host":%q,"error":"the answer is too large for one message"}`, r.Engine, r.Host))
	}
	if err != nil {
		o.e.log.Warn("an operator was not answered", "subject", m.Subject, "error", err)
	}
}
