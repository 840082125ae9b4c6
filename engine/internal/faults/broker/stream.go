package broker

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// stored is a message of a stream.
type stored struct {
	seq     uint64
	at      time.Time
	subject string
	header  []byte
	data    []byte
}

func (m *stored) size() int64 {
	return int64(len(m.subject) + len(m.header) + len(m.data) + 22) // as the file store counts
}

// stream keeps messages in order.
type stream struct {
	b         *Broker
	cfg       jetstream.StreamConfig
	created   time.Time
	msgs      []*stored
	last      uint64 // sequence of the newest message ever stored
	bytes     int64
	ids       map[string]sent // message ids within the window
	batches   map[string]*batch
	consumers map[string]*consumer
	expiry    *time.Timer
}

type sent struct {
	seq uint64
	at  time.Time
}

// batch is an open atomic batch.
type batch struct {
	c    *conn
	list []*incoming
}

func (b *Broker) newStream(cfg jetstream.StreamConfig) *stream {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = -1
	}
	if cfg.MaxMsgs == 0 {
		cfg.MaxMsgs = -1
	}
	if cfg.Replicas == 0 {
		cfg.Replicas = 1
	}
	if cfg.Duplicates == 0 {
		cfg.Duplicates = 2 * time.Minute
	}
	s := &stream{b: b, cfg: cfg, created: time.Now(), ids: map[string]sent{}, batches: map[string]*batch{}, consumers: map[string]*consumer{}}
	b.streams[cfg.Name] = s
	return s
}

// forget drops what a server has in memory alone.
func (s *stream) forget() {
	s.batches = map[string]*batch{}
	for name, k := range s.consumers {
		if k.cfg.MemoryStorage || k.cfg.Durable == "" {
			k.stop()
			delete(s.consumers, name)
		}
	}
}

func (s *stream) covers(subject string) bool {
	return slices.ContainsFunc(s.cfg.Subjects, func(f string) bool { return matches(f, subject) })
}

// lastOf is the newest message of a subject or filter, nil without.
func (s *stream) lastOf(filter string) *stored {
	for i := len(s.msgs) - 1; i >= 0; i-- {
		if matches(filter, s.msgs[i].subject) {
			return s.msgs[i]
		}
	}
	return nil
}

// index is the place of the first message from a sequence on.
func (s *stream) index(seq uint64) int {
	return sort.Search(len(s.msgs), func(i int) bool { return s.msgs[i].seq >= seq })
}

func (s *stream) get(seq uint64) *stored {
	if i := s.index(seq); i < len(s.msgs) && s.msgs[i].seq == seq {
		return s.msgs[i]
	}
	return nil
}

// store appends and hands on to consumers and listeners.
func (s *stream) store(subject string, header, data []byte) uint64 {
	s.last++
	m := &stored{s.last, time.Now(), subject, slices.Clone(header), slices.Clone(data)}
	s.msgs = append(s.msgs, m)
	s.bytes += m.size()
	s.limit(subject)
	s.republish(m)
	for _, k := range s.sorted() {
		k.serve()
	}
	s.b.deliver(subject, "", header, data)
	return m.seq
}

// sorted are the consumers in the order of their names.
func (s *stream) sorted() (list []*consumer) {
	for _, k := range s.consumers {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b *consumer) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return list
}

// limit removes what is too many of a subject, as key-value stores want it.
func (s *stream) limit(subject string) {
	most := s.cfg.MaxMsgsPerSubject
	if most <= 0 {
		return
	}
	n := int64(0)
	for i := len(s.msgs) - 1; i >= 0; i-- {
		if s.msgs[i].subject == subject {
			if n++; n > most {
				s.removeAt(i)
			}
		}
	}
}

func (s *stream) removeAt(i int) {
	s.bytes -= s.msgs[i].size()
	s.msgs = slices.Delete(s.msgs, i, i+1)
}

func (s *stream) republish(m *stored) {
	r := s.cfg.RePublish
	if r == nil || !matches(r.Source, m.subject) {
		return
	}
	prefix := len(r.Source) - 1 // both end in ">"
	to := r.Destination[:len(r.Destination)-1] + m.subject[prefix:]
	header := m.header
	if len(header) == 0 {
		header = []byte(headerLine + "\r\n")
	}
	header = fmt.Appendf(slices.Clone(header[:len(header)-2]), "Nats-Stream: %s\r\nNats-Subject: %s\r\nNats-Sequence: %d\r\n\r\n", s.cfg.Name, m.subject, m.seq)
	s.b.deliver(to, "", header, m.data)
}

// truncate loses the newest n messages.
func (s *stream) truncate(n int) {
	n = min(n, len(s.msgs))
	for range n {
		s.last = s.msgs[len(s.msgs)-1].seq - 1
		s.removeAt(len(s.msgs) - 1)
	}
	s.ids = map[string]sent{}
}

// age removes what is older than the limit.
func (s *stream) age() {
	if s.cfg.MaxAge <= 0 {
		return
	}
	old := time.Now().Add(-s.cfg.MaxAge)
	for len(s.msgs) > 0 && s.msgs[0].at.Before(old) {
		s.removeAt(0)
	}
}

func (s *stream) state() jetstream.StreamState {
	s.age()
	st := jetstream.StreamState{Msgs: uint64(len(s.msgs)), Bytes: uint64(s.bytes), LastSeq: s.last, FirstSeq: s.last + 1, Consumers: len(s.consumers)}
	subjects := map[string]bool{}
	for _, m := range s.msgs {
		subjects[m.subject] = true
	}
	st.NumSubjects = uint64(len(subjects))
	if n := len(s.msgs); n > 0 {
		st.FirstSeq, st.FirstTime, st.LastTime = s.msgs[0].seq, s.msgs[0].at, s.msgs[n-1].at
	} else if s.last == 0 {
		st.FirstSeq = 0
	}
	return st
}

// purge removes messages by filter, below a sequence, or all but the newest.
func (s *stream) purge(filter string, seq, keep uint64) (n uint64) {
	kept := uint64(0)
	for i := len(s.msgs) - 1; i >= 0; i-- {
		m := s.msgs[i]
		if filter != "" && !matches(filter, m.subject) || seq > 0 && m.seq >= seq {
			continue
		}
		if kept < keep {
			kept++
			continue
		}
		s.removeAt(i)
		n++
	}
	return n
}

// refusal is an error that the server answers with.
type refusal struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

// fence checks what the publisher expects to be the newest message.
func (s *stream) fence(m *incoming, ahead map[string]uint64) *refusal {
	v := get(m.header, "Nats-Expected-Last-Subject-Sequence")
	if v == "" {
		return nil
	}
	want, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return &refusal{400, 10164, "expected last sequence is no number"}
	}
	subject := m.subject
	if f := get(m.header, "Nats-Expected-Last-Subject-Sequence-Subject"); f != "" {
		subject = f
	}
	have := ahead[subject]
	if last := s.lastOf(subject); have == 0 && last != nil {
		have = last.seq
	}
	if have != want {
		return &refusal{400, 10071, fmt.Sprintf("wrong last sequence: %d", have)}
	}
	return nil
}

// room checks the limits of a stream that discards what is new.
func (s *stream) room(size int64) *refusal {
	if s.cfg.MaxBytes > 0 && s.bytes+size > s.cfg.MaxBytes {
		return &refusal{503, 10077, "maximum bytes exceeded"}
	}
	return nil
}
