package broker

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	batchID  = "Nats-Batch-Id"
	batchSeq = "Nats-Batch-Sequence"
	batchEnd = "Nats-Batch-Commit"
	maxBatch = 1000
	maxOpen  = 50
)

// route works a message of a client off, as the plan wants it.
func (b *Broker) route(m *incoming) {
	op, ok := b.classify(m)
	if !ok {
		b.plain(m)
		return
	}
	fate, delay := Fine, time.Duration(0)
	if b.plan != nil {
		fate, delay = b.plan(op)
	}
	if fate != Fine {
		b.note("%s %s %s: %s %s", op.Client, [...]string{"publish", "part", "commit", "request", "pull"}[op.Kind], m.subject, fate, delay)
		b.visited[[...]string{"publish", "part", "commit", "request", "pull"}[op.Kind]+" "+fate.String()]++
	}
	b.meet(m, fate, delay)
}

// meet lets an operation meet its fate.
func (b *Broker) meet(m *incoming, fate Fate, delay time.Duration) {
	later := func(f func()) {
		time.AfterFunc(delay, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			if !b.closed {
				f()
			}
		})
	}
	switch fate {
	case Lost:
	case Refused:
		b.answer(m, nil, &refusal{503, 10009, "JetStream system temporarily unavailable, not leader"})
	case LostAnswer:
		b.do(m, nil)
	case Late:
		held := *m
		held.header, held.data = slices.Clone(m.header), slices.Clone(m.data)
		later(func() { b.do(&held, b.reply(&held)) })
	case LateAnswer:
		b.do(m, func(body []byte) { later(func() { b.reply(m)(body) }) })
	case Twice:
		b.do(m, b.reply(m))
		b.do(m, b.reply(m))
	case CutBefore:
		b.drop(m.c)
	case CutAfter:
		b.do(m, nil)
		b.drop(m.c)
	case Crash:
		b.restart()
	case CrashAfter:
		b.do(m, nil)
		b.restart()
	default:
		b.do(m, b.reply(m))
	}
}

// classify says what a message asks for; false if it is a plain one.
func (b *Broker) classify(m *incoming) (Op, bool) {
	op := Op{Client: m.c.link.Name, Subject: m.subject}
	switch {
	case strings.HasPrefix(m.subject, "$JS.API.CONSUMER.MSG.NEXT."):
		op.Kind = Pull
	case strings.HasPrefix(m.subject, "$JS.API."):
		op.Kind = Request
	case b.streamOf(m.subject) == nil:
		return op, false
	case get(m.header, batchID) == "":
		op.Kind = Publish
	case get(m.header, batchEnd) == "":
		op.Kind = Part
	default:
		op.Kind = Commit
	}
	return op, true
}

func (b *Broker) streamOf(subject string) *stream {
	for _, s := range b.streams {
		if s.covers(subject) {
			return s
		}
	}
	return nil
}

// plain hands a message on; a request that nobody listens to is told so.
func (b *Broker) plain(m *incoming) {
	if !b.deliver(m.subject, m.reply, m.header, m.data) && m.reply != "" && !strings.HasPrefix(m.subject, "$JS.ACK.") {
		b.deliver(m.reply, "", []byte(headerLine[:len(headerLine)-2]+" 503\r\n\r\n"), nil)
	}
}

// reply sends the answer to a message back.
func (b *Broker) reply(m *incoming) func([]byte) {
	return func(body []byte) {
		if m.reply != "" {
			b.deliver(m.reply, "", nil, body)
		}
	}
}

// do works an operation off; answer is nil if it is lost.
func (b *Broker) do(m *incoming, answer func([]byte)) {
	if answer == nil {
		answer = func([]byte) {}
	}
	if strings.HasPrefix(m.subject, "$JS.API.") {
		b.api(m, answer)
		return
	}
	s := b.streamOf(m.subject)
	if s == nil {
		return
	}
	s.age()
	id := get(m.header, batchID)
	if id == "" {
		seq, again, bad := s.publish(m)
		if seq > 0 && !again {
			b.note("%s stored %s as %d", m.c.link.Name, m.subject, seq)
		}
		answer(acknowledge(s.cfg.Name, seq, again, bad))
		return
	}
	seq, bad, end := s.part(m, id)
	switch {
	case bad != nil || end:
		if bad == nil {
			b.note("%s stored batch of %s up to %d", m.c.link.Name, m.subject, seq)
		}
		answer(acknowledge(s.cfg.Name, seq, false, bad))
	case m.reply != "":
		answer(nil) // the server answers parts that ask for it with nothing
	}
}

func (b *Broker) answer(m *incoming, v map[string]any, bad *refusal) {
	if v == nil {
		v = map[string]any{}
	}
	if bad != nil {
		v["error"] = bad
	}
	body, _ := json.Marshal(v) // maps of plain values always marshal
	b.reply(m)(body)
}

func acknowledge(name string, seq uint64, again bool, bad *refusal) []byte {
	v := map[string]any{"stream": name, "seq": seq}
	if bad != nil {
		v = map[string]any{"error": bad, "stream": name, "seq": 0}
	}
	if again {
		v["duplicate"] = true
	}
	body, _ := json.Marshal(v) // as above
	return body
}

// publish stores a single message: the fence is looked at before the id, as a
// single server does.
func (s *stream) publish(m *incoming) (seq uint64, again bool, bad *refusal) {
	if bad := s.fence(m, nil); bad != nil {
		return 0, false, bad
	}
	id := get(m.header, "Nats-Msg-Id")
	if old, ok := s.ids[id]; ok && id != "" && time.Since(old.at) < s.cfg.Duplicates {
		return old.seq, true, nil
	}
	if bad := s.room(int64(len(m.subject) + len(m.header) + len(m.data))); bad != nil {
		return 0, false, bad
	}
	if get(m.header, "Nats-Rollup") == "sub" {
		s.purge(m.subject, 0, 0)
	}
	seq = s.store(m.subject, m.header, m.data)
	if id != "" {
		s.ids[id] = sent{seq, time.Now()}
	}
	return seq, false, nil
}

// part takes a message of an atomic batch; end says that it was the last and
// the batch is stored, all of it.
func (s *stream) part(m *incoming, id string) (seq uint64, bad *refusal, end bool) {
	if !s.cfg.AllowAtomicPublish {
		return 0, &refusal{400, 10174, "atomic publish is disabled"}, false
	}
	n, err := strconv.Atoi(get(m.header, batchSeq))
	if err != nil {
		return 0, &refusal{400, 10175, "atomic publish sequence is missing"}, false
	}
	k := s.batches[id]
	if k == nil && n == 1 {
		if len(s.batches) >= maxOpen {
			return 0, &refusal{429, 10210, "atomic publish too many inflight"}, false
		}
		k = &batch{c: m.c}
		s.batches[id] = k
	}
	if k == nil || len(k.list)+1 != n || n > maxBatch {
		delete(s.batches, id)
		return 0, &refusal{400, 10176, "atomic publish batch is incomplete"}, false
	}
	copied := *m
	copied.header, copied.data = slices.Clone(m.header), slices.Clone(m.data)
	k.list = append(k.list, &copied)
	if get(m.header, batchEnd) == "" {
		return 0, nil, false
	}
	delete(s.batches, id)
	seq, bad = s.commit(k)
	return seq, bad, bad == nil
}

// commit stores a batch whole or not at all.
func (s *stream) commit(k *batch) (uint64, *refusal) {
	size, ahead := int64(0), map[string]uint64{}
	for i, m := range k.list {
		if bad := s.fence(m, ahead); bad != nil {
			return 0, bad
		}
		if old, ok := s.ids[get(m.header, "Nats-Msg-Id")]; ok && time.Since(old.at) < s.cfg.Duplicates {
			return 0, &refusal{400, 10201, "atomic publish batch contains duplicate message id"}
		}
		ahead[m.subject] = s.last + uint64(i) + 1
		size += int64(len(m.subject) + len(m.header) + len(m.data))
	}
	if bad := s.room(size); bad != nil {
		return 0, bad
	}
	var seq uint64
	for _, m := range k.list {
		seq = s.store(m.subject, m.header, m.data)
		if id := get(m.header, "Nats-Msg-Id"); id != "" {
			s.ids[id] = sent{seq, time.Now()}
		}
	}
	return seq, nil
}

// Append stores a message as a producer's, past the plan.
func (b *Broker) Append(subject string, data []byte) (uint64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.streamOf(subject)
	if s == nil {
		return 0, fmt.Errorf("no stream has %s", subject)
	}
	seq, _, bad := s.publish(&incoming{subject: subject, data: data})
	if bad != nil {
		return 0, fmt.Errorf("refused: %s", bad.Description)
	}
	return seq, nil
}

// Message is what a stream holds.
type Message struct {
	Seq     uint64
	At      time.Time
	Subject string
	Header  []byte
	Data    []byte
}

// Messages are what a stream holds under a filter, oldest first.
func (b *Broker) Messages(name, filter string) (out []Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.streams[name]
	if s == nil {
		return nil
	}
	for _, m := range s.msgs {
		if matches(filter, m.subject) {
			out = append(out, Message{m.seq, m.at, m.subject, m.header, m.data})
		}
	}
	return out
}
