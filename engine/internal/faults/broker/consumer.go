package broker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// consumer hands the messages of a stream out, in order, each once: what is
// not acknowledged is not sent again.
type consumer struct {
	s       *stream
	name    string
	cfg     jetstream.ConsumerConfig
	created time.Time
	next    uint64 // stream sequence to look at
	order   uint64 // messages sent so far
	list    []uint64
	listed  bool // list holds what is sent first: the newest of each subject
	pulls   []*pull
	beat    *time.Timer
}

// pull is an open pull request.
type pull struct {
	c     *conn
	reply string
	left  int
	beat  time.Duration
	timer *time.Timer // of its end
	pulse *time.Timer
}

func (s *stream) consume(body []byte) (any, *refusal) {
	var q struct {
		Config jetstream.ConsumerConfig `json:"config"`
	}
	if json.Unmarshal(body, &q) != nil {
		return nil, badRequest
	}
	name := q.Config.Name
	if name == "" {
		name = q.Config.Durable
	}
	if name == "" {
		s.b.made++
		name = fmt.Sprint("made-", s.b.made)
	}
	if k := s.consumers[name]; k != nil {
		return k.info(), nil
	}
	k := &consumer{s: s, name: name, cfg: q.Config, created: time.Now()}
	k.start()
	s.consumers[name] = k
	info := k.info()
	if k.cfg.DeliverSubject != "" {
		// What waits is sent behind the answer.
		time.AfterFunc(0, func() {
			s.b.mu.Lock()
			defer s.b.mu.Unlock()
			k.serve()
			k.pulse()
		})
	}
	return info, nil
}

// start finds the first message.
func (k *consumer) start() {
	k.next = 1
	switch k.cfg.DeliverPolicy {
	case jetstream.DeliverByStartSequencePolicy:
		k.next = k.cfg.OptStartSeq
	case jetstream.DeliverNewPolicy:
		k.next = k.s.last + 1
	case jetstream.DeliverLastPolicy:
		k.next = k.s.last
	case jetstream.DeliverLastPerSubjectPolicy:
		seen := map[string]bool{}
		for i := len(k.s.msgs) - 1; i >= 0; i-- {
			if m := k.s.msgs[i]; k.wants(m) && !seen[m.subject] {
				seen[m.subject] = true
				k.list = append(k.list, m.seq)
			}
		}
		slices.Reverse(k.list)
		k.next = k.s.last + 1
	}
}

func (k *consumer) wants(m *stored) bool {
	if len(k.cfg.FilterSubjects) > 0 {
		return slices.ContainsFunc(k.cfg.FilterSubjects, func(f string) bool { return matches(f, m.subject) })
	}
	return k.cfg.FilterSubject == "" || matches(k.cfg.FilterSubject, m.subject)
}

// peek is the next message to send, nil if there is none.
func (k *consumer) peek() *stored {
	for len(k.list) > 0 {
		if m := k.s.get(k.list[0]); m != nil {
			return m
		}
		k.list = k.list[1:]
	}
	i := k.s.index(k.next)
	for i < len(k.s.msgs) && !k.wants(k.s.msgs[i]) {
		i++
	}
	if i == len(k.s.msgs) {
		k.next = max(k.next, k.s.last+1)
		return nil
	}
	k.next = k.s.msgs[i].seq
	return k.s.msgs[i]
}

func (k *consumer) pending() (n uint64) {
	n = uint64(len(k.list))
	for _, m := range k.s.msgs[k.s.index(k.next):] {
		if k.wants(m) {
			n++
		}
	}
	return n
}

func (k *consumer) taken() {
	if len(k.list) > 0 {
		k.list = k.list[1:]
		return
	}
	k.next++
}

// serve sends what can be sent.
func (k *consumer) serve() {
	k.s.age()
	for {
		m := k.peek()
		if m == nil {
			return
		}
		if k.cfg.DeliverSubject != "" {
			if !k.s.b.listens(k.cfg.DeliverSubject) {
				return
			}
			k.taken()
			k.send(nil, k.cfg.DeliverSubject, m)
			continue
		}
		p := k.open()
		if p == nil {
			return
		}
		k.taken()
		p.left--
		k.send(p, p.reply, m)
		if p.left == 0 {
			k.close(p)
		}
	}
}

// open is the oldest pull request whose client is there.
func (k *consumer) open() *pull {
	for len(k.pulls) > 0 {
		if p := k.pulls[0]; k.s.b.listens(p.reply) {
			return p
		}
		k.close(k.pulls[0])
	}
	return nil
}

func (k *consumer) send(p *pull, to string, m *stored) {
	k.order++
	ack := fmt.Sprintf("$JS.ACK.%s.%s.1.%d.%d.%d.%d", k.s.cfg.Name, k.name, m.seq, k.order, m.at.UnixNano(), k.pendingCount())
	data := m.data
	if k.cfg.HeadersOnly {
		data = nil
	}
	k.as(to, m.subject, ack, m.header, data)
	if p != nil && p.pulse != nil {
		p.pulse.Reset(p.beat)
	}
}

// pendingCount is exact where somebody reads it; readers by pull do not.
func (k *consumer) pendingCount() uint64 {
	if k.cfg.DeliverSubject == "" {
		return 0
	}
	return k.pending()
}

// as delivers to the listeners of one subject a message of another.
func (k *consumer) as(to, subject, reply string, header, data []byte) {
	for _, s := range slices.Clone(k.s.b.subs) {
		if matches(s.subject, to) {
			s.c.message(s, subject, reply, header, data)
			return
		}
	}
}

// status tells the client of a request how things are.
func (k *consumer) status(to, line string) {
	k.as(to, to, "", []byte("NATS/1.0 "+line+"\r\n\r\n"), nil)
}

// pull takes a request for messages: rest is <stream>.<consumer>.
func (b *Broker) pull(m *incoming, rest string) {
	name, which, _ := strings.Cut(rest, ".")
	var q struct {
		Batch   int           `json:"batch"`
		Expires time.Duration `json:"expires"`
		NoWait  bool          `json:"no_wait"`
		Beat    time.Duration `json:"idle_heartbeat"`
	}
	_ = json.Unmarshal(m.data, &q) // an empty request asks for one
	s := b.streams[name]
	if s == nil || s.consumers[which] == nil {
		b.deliver(m.reply, "", []byte("NATS/1.0 503\r\n\r\n"), nil)
		return
	}
	k := s.consumers[which]
	p := &pull{c: m.c, reply: m.reply, left: max(q.Batch, 1), beat: q.Beat}
	locked := func(f func()) func() {
		return func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if slices.Contains(k.pulls, p) {
				f()
			}
		}
	}
	if q.Expires > 0 {
		p.timer = time.AfterFunc(q.Expires, locked(func() {
			k.close(p)
			k.status(p.reply, fmt.Sprintf("408 Request Timeout\r\nNats-Pending-Messages: %d\r\nNats-Pending-Bytes: 0", p.left))
		}))
	}
	if q.Beat > 0 {
		p.pulse = time.AfterFunc(q.Beat, locked(func() {
			k.status(p.reply, fmt.Sprintf("100 Idle Heartbeat\r\nNats-Last-Consumer: %d\r\nNats-Last-Stream: %d", k.order, k.next-1))
			p.pulse.Reset(p.beat)
		}))
	}
	k.pulls = append(k.pulls, p)
	k.serve()
	if q.NoWait && slices.Contains(k.pulls, p) {
		k.close(p)
		k.status(p.reply, fmt.Sprintf("404 No Messages\r\nNats-Pending-Messages: %d\r\nNats-Pending-Bytes: 0", p.left))
	}
}

func (k *consumer) close(p *pull) {
	for _, t := range []*time.Timer{p.timer, p.pulse} {
		if t != nil {
			t.Stop()
		}
	}
	k.pulls = slices.DeleteFunc(k.pulls, func(x *pull) bool { return x == p })
}

// abandon drops the requests of a connection.
func (k *consumer) abandon(c *conn) {
	for _, p := range slices.Clone(k.pulls) {
		if p.c == c {
			k.close(p)
		}
	}
}

// pulse keeps a push consumer's client from giving up.
func (k *consumer) pulse() {
	if k.cfg.IdleHeartbeat <= 0 || k.s.consumers[k.name] != k {
		return
	}
	k.beat = time.AfterFunc(k.cfg.IdleHeartbeat, func() {
		k.s.b.mu.Lock()
		defer k.s.b.mu.Unlock()
		if k.s.consumers[k.name] != k {
			return
		}
		if !k.s.b.listens(k.cfg.DeliverSubject) {
			delete(k.s.consumers, k.name) // nobody is there any more
			return
		}
		k.status(k.cfg.DeliverSubject, fmt.Sprintf("100 Idle Heartbeat\r\nNats-Last-Consumer: %d\r\nNats-Last-Stream: %d", k.order, k.next-1))
		k.pulse()
	})
}

func (k *consumer) stop() {
	if k.beat != nil {
		k.beat.Stop()
	}
	for len(k.pulls) > 0 {
		k.close(k.pulls[0])
	}
}

func (k *consumer) info() any {
	type info struct {
		Type      string                   `json:"type"`
		Stream    string                   `json:"stream_name"`
		Name      string                   `json:"name"`
		Created   time.Time                `json:"created"`
		Config    jetstream.ConsumerConfig `json:"config"`
		Delivered jetstream.SequenceInfo   `json:"delivered"`
		Pending   uint64                   `json:"num_pending"`
		Bound     bool                     `json:"push_bound,omitempty"`
	}
	return info{"io.nats.jetstream.api.v1.consumer_info_response", k.s.cfg.Name, k.name, k.created, k.cfg,
		jetstream.SequenceInfo{Consumer: k.order, Stream: k.next - 1}, k.pending(), k.cfg.DeliverSubject != ""}
}
