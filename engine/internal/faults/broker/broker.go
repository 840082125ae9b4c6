package broker

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Op is something that a client asks for and that may fail.
type Op struct {
	Kind    Kind
	Client  string // name of the Link
	Subject string
}

// Kind says what a client does.
type Kind uint8

// The kinds of operations.
const (
	Publish Kind = iota // a single message for a stream
	Part                // a message of an atomic batch, not its last
	Commit              // the last message of an atomic batch
	Request             // of the JetStream API: reads, consumers, streams
	Pull                // of a pull consumer
)

// Fate is what becomes of an operation.
type Fate uint8

// The fates.
const (
	Fine       Fate = iota
	LostAnswer      // done, the answer is lost
	Lost            // not done, no answer
	Late            // done and answered after the delay; what comes later overtakes it
	LateAnswer      // done now, answered after the delay
	Refused         // not done, "not leader"
	CutBefore       // not done, the client's connection ends
	CutAfter        // done, the client's connection ends before the answer
	Twice           // done twice, two answers
	Crash           // not done, the server restarts
	CrashAfter      // done, the server restarts before the answer
)

var fateNames = [...]string{"fine", "answer lost", "lost", "late", "answer late", "refused", "cut before", "cut after", "twice", "crash", "crash after"}

func (f Fate) String() string { return fateNames[f] }

// Plan decides about each operation; it is called one at a time. The delay
// counts for Late and LateAnswer.
type Plan func(Op) (Fate, time.Duration)

// Broker is the server.
type Broker struct {
	mu      sync.Mutex
	plan    Plan
	streams map[string]*stream
	conns   []*conn
	subs    []*subscription
	closed  bool
	history []string
	made    int // consumers without a name of their own
	started time.Time
	visited map[string]int // kind and fate of what did not go well
}

// New starts a broker that does everything well.
func New() *Broker {
	return &Broker{streams: map[string]*stream{}, started: time.Now(), visited: map[string]int{}}
}

// SetPlan changes the plan; nil is all fine.
func (b *Broker) SetPlan(p Plan) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.plan = p
}

// Visited counts what did not go well so far, by kind of operation and fate.
func (b *Broker) Visited() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make(map[string]int, len(b.visited))
	for k, n := range b.visited {
		out[k] = n
	}
	return out
}

// Note adds a line to the history.
func (b *Broker) Note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(format, args...)
}

const maxHistory = 4000

func (b *Broker) note(format string, args ...any) {
	if len(b.history) >= maxHistory {
		b.history = slices.Delete(b.history, 0, maxHistory/4)
	}
	b.history = append(b.history, fmt.Sprintf("%12s ", time.Since(b.started).Round(time.Microsecond))+fmt.Sprintf(format, args...))
}

// History tells what happened, newest last.
func (b *Broker) History() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.history, "\n")
}

// Close ends all connections.
func (b *Broker) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	for len(b.conns) > 0 {
		b.drop(b.conns[0])
	}
	for _, s := range b.streams {
		s.forget()
	}
}

// Restart ends all connections and forgets what a server holds in memory
// alone: open batches and consumers.
func (b *Broker) Restart() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.restart()
}

func (b *Broker) restart() {
	b.note("-- server restarts")
	for len(b.conns) > 0 {
		b.drop(b.conns[0])
	}
	for _, s := range b.streams {
		s.forget()
	}
}

// Truncate makes a stream lose its last n messages, as a power loss does with
// what was not synced, and restarts the server.
func (b *Broker) Truncate(name string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.streams[name]; s != nil {
		b.note("-- power loss: %s loses its last %d of %d", name, min(n, len(s.msgs)), len(s.msgs))
		s.truncate(n)
	}
	b.restart()
}

// Link is the way of one process to the broker, a nats.InProcessConnProvider.
// It can be cut for good, which to the world is a kill -9, and frozen, which is
// a SIGSTOP: what the process sends waits, and what it is sent waits.
type Link struct {
	b    *Broker
	Name string
	dead bool
	ice  atomic.Bool
}

// Link makes a way for a process.
func (b *Broker) Link(name string) *Link { return &Link{b: b, Name: name} }

var errUnreachable = errors.New("server is not reachable")

// InProcessConn connects.
func (l *Link) InProcessConn() (net.Conn, error) {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	if l.dead || l.ice.Load() || l.b.closed {
		return nil, errUnreachable
	}
	client, server := net.Pipe()
	c := newConn(l.b, l, server)
	l.b.conns = append(l.b.conns, c)
	return client, nil
}

// Kill cuts the link for good.
func (l *Link) Kill() {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	l.b.note("-- %s is killed", l.Name)
	l.dead = true
	l.ice.Store(false)
	l.b.cut(l)
}

// Cut ends the connections of the link; it may connect again.
func (l *Link) Cut() {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	l.b.cut(l)
}

// Freeze lets everything between the process and the broker wait, until Thaw.
func (l *Link) Freeze() {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	l.b.note("-- %s freezes", l.Name)
	l.ice.Store(true)
}

// Thaw ends Freeze.
func (l *Link) Thaw() {
	l.b.mu.Lock()
	defer l.b.mu.Unlock()
	l.b.note("-- %s thaws", l.Name)
	l.ice.Store(false)
	for _, c := range slices.Clone(l.b.conns) {
		c.wake()
		if c.link != l {
			continue
		}
		for len(c.held) > 0 && slices.Contains(l.b.conns, c) {
			f := c.held[0]
			c.held = c.held[1:]
			f()
		}
	}
}

func (b *Broker) cut(l *Link) {
	for _, c := range slices.Clone(b.conns) {
		if c.link == l {
			b.drop(c)
		}
	}
}

// drop forgets a connection with its subscriptions, pull requests, and the
// consumers that were pushing to it.
func (b *Broker) drop(c *conn) {
	for _, sub := range b.subs {
		if sub.c == c {
			b.pushless(sub.subject)
		}
	}
	b.conns = slices.DeleteFunc(b.conns, func(x *conn) bool { return x == c })
	b.subs = slices.DeleteFunc(b.subs, func(s *subscription) bool { return s.c == c })
	for _, s := range b.streams {
		for _, k := range s.consumers {
			k.abandon(c)
		}
	}
	c.end()
}

// pushless deletes the consumers that push to a subject.
func (b *Broker) pushless(subject string) {
	for _, s := range b.streams {
		for name, k := range s.consumers {
			if k.cfg.DeliverSubject == subject {
				k.stop()
				delete(s.consumers, name)
			}
		}
	}
}

// subscription is the interest of one connection.
type subscription struct {
	c       *conn
	sid     string
	subject string
	queue   string
	left    int // messages until it ends by itself, 0 = never
}

// deliver hands a message to whoever listens, and says whether anybody does.
func (b *Broker) deliver(subject, reply string, header, data []byte) bool {
	queues := map[string]bool{}
	found := false
	for _, s := range slices.Clone(b.subs) {
		if !matches(s.subject, subject) || s.queue != "" && queues[s.queue] {
			continue
		}
		queues[s.queue] = s.queue != ""
		found = true
		s.c.message(s, subject, reply, header, data)
		if s.left > 0 {
			if s.left--; s.left == 0 {
				b.subs = slices.DeleteFunc(b.subs, func(x *subscription) bool { return x == s })
			}
		}
	}
	return found
}

// listens says whether anybody does.
func (b *Broker) listens(subject string) bool {
	return slices.ContainsFunc(b.subs, func(s *subscription) bool { return matches(s.subject, subject) })
}

// matches says whether a filter with wildcards covers a subject.
func matches(filter, subject string) bool {
	for {
		f, fRest, fMore := strings.Cut(filter, ".")
		s, sRest, sMore := strings.Cut(subject, ".")
		switch {
		case f == ">":
			return s != ""
		case f != "*" && f != s:
			return false
		case !fMore || !sMore:
			return fMore == sMore
		}
		filter, subject = fRest, sRest
	}
}
