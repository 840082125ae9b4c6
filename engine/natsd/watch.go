package natsd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A server can come to wait for itself: nats-server 2.15.2 does so for ever if
// the disk takes only a part of the write that ends a purge by subject
// (fileStore.PurgeEx holds the lock that the repair of a torn write takes). The stream then
// answers nobody any more, with room again or not, and the server cannot even
// be shut down. Only another process helps.

// ErrStuck says that a stream of the server answers no more, or that the server
// does not stop. What it had acknowledged lies on the disk; the process must end
// and be started again.
var ErrStuck = errors.New("the embedded NATS server is stuck")

// stuckAdvice is what to do about ErrStuck.
const stuckAdvice = "see whether the disk is full or fails, and start the engine again; nothing that was accepted is lost"

// rounds is how many times in a row a stream must leave a question without an
// answer: one time proves nothing, the process itself may have been stopped.
const rounds = 6

// Watch asks each stream of the running server again and again. It returns
// ErrStuck once one has not answered for Options.Silence, and nil when the
// context ends. A restart is no silence.
func (s *Server) Watch(ctx context.Context) error {
	nc := s.connectWatch(ctx)
	if nc == nil {
		return nil
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	w := watch{js: js, every: s.opts.Silence / rounds, missed: map[string]int{}}
	for ctx.Err() == nil {
		life := s.life.Load()
		w.ask(ctx)
		if restarted := life%2 == 1 || life != s.life.Load(); restarted {
			clear(w.missed)
		}
		if list := w.silent(); len(list) > 0 && ctx.Err() == nil {
			return fmt.Errorf("%w: no answer for %s from %s; %s", ErrStuck, s.opts.Silence, strings.Join(list, ", "), stuckAdvice)
		}
	}
	return nil
}

// connectWatch tries again what a restart of the server cuts off; nil when the
// context ends.
func (s *Server) connectWatch(ctx context.Context) *nats.Conn {
	for {
		nc, err := s.Connect("ripen watch")
		if err == nil {
			return nc
		}
		select {
		case <-time.After(s.opts.Silence / rounds):
		case <-ctx.Done():
			return nil
		}
	}
}

// watch counts for each stream how many questions in a row had no answer.
type watch struct {
	js     jetstream.JetStream
	every  time.Duration
	missed map[string]int
}

// ask asks every known stream once, all at the same time. It takes `every`.
func (w *watch) ask(ctx context.Context) {
	over := time.After(w.every)
	attempt, cancel := context.WithTimeout(ctx, w.every)
	defer cancel()
	w.find(attempt)
	var mu sync.Mutex
	var asking sync.WaitGroup
	answered := map[string]bool{}
	for name := range w.missed {
		asking.Go(func() {
			_, err := w.js.Stream(attempt, name)
			mu.Lock()
			defer mu.Unlock()
			answered[name] = err == nil || errors.Is(err, jetstream.ErrStreamNotFound)
		})
	}
	asking.Wait()
	for name := range w.missed {
		if answered[name] {
			w.missed[name] = 0
		} else {
			w.missed[name]++
		}
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// silent lists who has not answered for too long. The server answers some
// questions at a time: those that are stuck keep others waiting.
func (w *watch) silent() (list []string) {
	for name, n := range w.missed {
		if n >= rounds {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// find takes up streams that are new. The list comes without the streams' own
// answers, and what is known already is asked also when there is no list.
func (w *watch) find(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, w.every/2)
	defer cancel()
	list := w.js.StreamNames(ctx)
	for name := range list.Name() {
		w.missed[name] += 0
	}
}
