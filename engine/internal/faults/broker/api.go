package broker

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	noStream   = &refusal{404, 10059, "stream not found"}
	noMessage  = &refusal{404, 10037, "no message found"}
	noConsumer = &refusal{404, 10014, "consumer not found"}
	badRequest = &refusal{400, 10025, "invalid JSON"}
	notSupport = &refusal{503, 10009, "not supported by this broker"}
)

// api answers a request of the JetStream API.
func (b *Broker) api(m *incoming, answer func([]byte)) {
	name := strings.TrimPrefix(m.subject, "$JS.API.")
	if rest, ok := strings.CutPrefix(name, "CONSUMER.MSG.NEXT."); ok {
		b.pull(m, rest)
		return
	}
	if rest, ok := strings.CutPrefix(name, "DIRECT.GET."); ok {
		b.direct(m, rest)
		return
	}
	v, bad := b.request(name, m.data)
	if bad != nil {
		v = map[string]any{"error": bad}
	}
	body, err := json.Marshal(v)
	if err != nil {
		b.note("answer to %s: %v", m.subject, err)
		return
	}
	answer(body)
}

func (b *Broker) request(name string, body []byte) (any, *refusal) {
	if name == "INFO" {
		return map[string]any{"type": "io.nats.jetstream.api.v1.account_info_response", "streams": len(b.streams), "api": map[string]any{"level": 2}, "limits": map[string]any{}}, nil
	}
	if name == "STREAM.NAMES" {
		return b.names(body), nil
	}
	kind, verb, rest := cut3(name)
	stream, rest, _ := strings.Cut(rest, ".")
	if kind == "STREAM" && verb == "MSG" { // STREAM.MSG.GET.<name>
		return b.message(stream, rest, body)
	}
	if kind == "STREAM" && verb == "CREATE" {
		return b.create(body)
	}
	s := b.streams[stream]
	if s == nil {
		return nil, noStream
	}
	switch kind + "." + verb {
	case "STREAM.INFO":
		return s.info(body), nil
	case "STREAM.UPDATE":
		if json.Unmarshal(body, &s.cfg) != nil {
			return nil, badRequest
		}
		return s.info(nil), nil
	case "STREAM.DELETE":
		s.forget()
		delete(b.streams, stream)
		return map[string]any{"success": true}, nil
	case "STREAM.PURGE":
		var p struct {
			Filter string `json:"filter"`
			Seq    uint64 `json:"seq"`
			Keep   uint64 `json:"keep"`
		}
		if len(body) > 0 && json.Unmarshal(body, &p) != nil {
			return nil, badRequest
		}
		return map[string]any{"success": true, "purged": s.purge(p.Filter, p.Seq, p.Keep)}, nil
	case "CONSUMER.CREATE":
		return s.consume(body)
	case "CONSUMER.LIST":
		list := []any{}
		for _, k := range s.sorted() {
			list = append(list, k.info())
		}
		return map[string]any{"type": "io.nats.jetstream.api.v1.consumer_list_response", "total": len(list), "limit": 256, "offset": 0, "consumers": list}, nil
	case "CONSUMER.INFO":
		if k := s.consumers[rest]; k != nil {
			return k.info(), nil
		}
		return nil, noConsumer
	case "CONSUMER.DELETE":
		if k := s.consumers[rest]; k != nil {
			k.stop()
			delete(s.consumers, rest)
			return map[string]any{"success": true}, nil
		}
		return nil, noConsumer
	}
	return nil, notSupport
}

func cut3(name string) (a, b, rest string) {
	a, rest, _ = strings.Cut(name, ".")
	b, rest, _ = strings.Cut(rest, ".")
	return a, b, rest
}

func (b *Broker) names(body []byte) any {
	var q struct {
		Subject string `json:"subject"`
	}
	_ = json.Unmarshal(body, &q) // without a subject: all
	list := []string{}
	for name, s := range b.streams {
		if q.Subject == "" || s.covers(q.Subject) {
			list = append(list, name)
		}
	}
	return map[string]any{"type": "io.nats.jetstream.api.v1.stream_names_response", "total": len(list), "limit": 1024, "offset": 0, "streams": list}
}

func (b *Broker) create(body []byte) (any, *refusal) {
	var cfg jetstream.StreamConfig
	if json.Unmarshal(body, &cfg) != nil {
		return nil, badRequest
	}
	s := b.streams[cfg.Name]
	if s == nil {
		s = b.newStream(cfg)
		b.note("-- stream %s is made", cfg.Name)
	}
	return s.info(nil), nil
}

func (s *stream) info(body []byte) any {
	var q struct {
		Filter string `json:"subjects_filter"`
	}
	_ = json.Unmarshal(body, &q) // an empty body asks for no subjects
	st := s.state()
	if q.Filter != "" {
		st.Subjects = map[string]uint64{}
		for _, m := range s.msgs {
			if matches(q.Filter, m.subject) {
				st.Subjects[m.subject]++
			}
		}
	}
	type info struct {
		Type    string                 `json:"type"`
		Config  jetstream.StreamConfig `json:"config"`
		Created time.Time              `json:"created"`
		State   jetstream.StreamState  `json:"state"`
		At      time.Time              `json:"ts"`
	}
	return info{"io.nats.jetstream.api.v1.stream_info_response", s.cfg, s.created, st, time.Now()}
}

// message reads or deletes one message: verb is GET or DELETE.
func (b *Broker) message(verb, name string, body []byte) (any, *refusal) {
	s := b.streams[name]
	if s == nil {
		return nil, noStream
	}
	s.age()
	var q struct {
		Seq  uint64 `json:"seq"`
		Last string `json:"last_by_subj"`
		Next string `json:"next_by_subj"`
	}
	if json.Unmarshal(body, &q) != nil {
		return nil, badRequest
	}
	m := s.find(q.Seq, q.Last, q.Next)
	if m == nil {
		return nil, noMessage
	}
	if verb == "DELETE" {
		s.removeAt(s.index(m.seq))
		return map[string]any{"success": true}, nil
	}
	return map[string]any{"type": "io.nats.jetstream.api.v1.stream_msg_get_response",
		"message": map[string]any{"subject": m.subject, "seq": m.seq, "hdrs": m.header, "data": m.data, "time": m.at}}, nil
}

func (s *stream) find(seq uint64, last, next string) *stored {
	switch {
	case last != "":
		return s.lastOf(last)
	case next != "":
		for _, m := range s.msgs[s.index(seq):] {
			if matches(next, m.subject) {
				return m
			}
		}
		return nil
	}
	return s.get(seq)
}

// direct answers a direct get: <stream> with a query, or <stream>.<subject>.
func (b *Broker) direct(m *incoming, rest string) {
	name, subject, _ := strings.Cut(rest, ".")
	var q struct {
		Seq  uint64 `json:"seq"`
		Last string `json:"last_by_subj"`
		Next string `json:"next_by_subj"`
	}
	_ = json.Unmarshal(m.data, &q) // the short form has no body
	if subject != "" {
		q.Last = subject
	}
	var found *stored
	if s := b.streams[name]; s != nil {
		found = s.find(q.Seq, q.Last, q.Next)
	}
	if found == nil {
		b.deliver(m.reply, "", []byte("NATS/1.0 404 Message Not Found\r\n\r\n"), nil)
		return
	}
	header := []byte(headerLine)
	if len(found.header) > 0 {
		header = found.header[:len(found.header)-2]
	}
	header = fmt.Appendf(append([]byte(nil), header...), "Nats-Stream: %s\r\nNats-Subject: %s\r\nNats-Sequence: %d\r\nNats-Time-Stamp: %s\r\n\r\n",
		name, found.subject, found.seq, found.at.UTC().Format(time.RFC3339Nano))
	b.deliver(m.reply, "", header, found.data)
}
