package intake

import (
	"bytes"
	"encoding/base64"
	"net/textproto"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
)

// CloudEvents 1.0 carry a Segment event as their data. What the event lacks is
// taken from the envelope: id → messageId, subject → userId, time → timestamp.
// Both functions return the event as JSON, ready for a pack or for Decode.

// IsCloudEvent says whether a message with these headers (of HTTP or NATS) is
// a CloudEvent in binary mode.
func IsCloudEvent(headers map[string][]string) bool { return header(headers, "ce-specversion") != "" }

// IsStructured says whether a content type announces one CloudEvent as JSON.
func IsStructured(contentType string) bool {
	return mediaType(contentType) == "application/cloudevents+json"
}

// header looks a name up as NATS (as sent) and as HTTP (canonical) keep it.
func header(h map[string][]string, name string) string {
	for _, k := range [...]string{name, textproto.CanonicalMIMEHeaderKey(name)} {
		if v := h[k]; len(v) > 0 {
			return v[0]
		}
	}
	return ""
}

func mediaType(contentType string) string {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(t))
}

func isJSON(contentType string) bool {
	t := mediaType(contentType)
	return t == "" || t == "application/json" || t == "text/json" || strings.HasSuffix(t, "+json")
}

// envelope holds the attributes of a CloudEvent that matter here.
type envelope struct {
	version, id, source, typ, subject, time, content string
}

// FromBinary takes a CloudEvent in binary mode: attributes in ce-* headers, the
// event in data.
func FromBinary(headers map[string][]string, data []byte) ([]byte, *lead.Rejected) {
	e := envelope{
		version: header(headers, "ce-specversion"), id: header(headers, "ce-id"), source: header(headers, "ce-source"),
		typ: header(headers, "ce-type"), subject: header(headers, "ce-subject"), time: header(headers, "ce-time"),
		content: header(headers, "content-type"),
	}
	return e.fill(data, data)
}

// fill checks the envelope and puts its values under those of data.
func (e *envelope) fill(data, raw []byte) ([]byte, *lead.Rejected) {
	if e.version != "1.0" {
		return nil, Reject(CodeCloudEvent, reason("specversion", excerpt(e.version), "\"1.0\"", "send CloudEvents 1.0"), raw)
	}
	for _, a := range [...]struct{ name, value string }{{"id", e.id}, {"source", e.source}, {"type", e.typ}} {
		if a.value == "" {
			return nil, Reject(CodeCloudEvent, reason(a.name, "nothing", "the attribute that CloudEvents 1.0 requires", "add it"), raw)
		}
	}
	if !isJSON(e.content) {
		return nil, Reject(CodeCloudEvent, reason("datacontenttype", excerpt(e.content), "application/json", "send the event as JSON"), raw)
	}
	return Fill(data, Members(lead.KindUnknown, e.id, e.subject, e.time)), nil
}

// FromStructured takes a CloudEvent in structured JSON mode.
func FromStructured(raw []byte) ([]byte, *lead.Rejected) {
	body := bytes.TrimSpace(bytes.TrimPrefix(raw, bom))
	if len(body) == 0 || body[0] != '{' {
		return nil, Reject(CodeCloudEvent, reason("", excerpt(string(body)), "a CloudEvent as a JSON object", ""), raw)
	}
	var e envelope
	var data []byte
	var bad string
	end := eachMember(body, func(key string, value []byte) {
		switch key {
		case "data":
			data = value
		case "data_base64":
			if data = unbase64(value); data == nil {
				bad = "data_base64"
			}
		default:
			if dst := e.attribute(key); dst != nil && !readText(dst, value) {
				bad = key
			}
		}
	})
	switch {
	case end != len(body):
		return nil, Reject(CodeMalformed, reason("", "a cut off or malformed object", "one complete JSON object", ""), raw)
	case bad != "":
		return nil, Reject(CodeCloudEvent, reason(bad, "another type", "a string", "correct the sender"), raw)
	case len(data) == 0 || data[0] != '{':
		return nil, Reject(CodeCloudEvent, reason("data", excerpt(string(data)), "a Segment event as a JSON object", ""), raw)
	}
	return e.fill(data, raw)
}

func (e *envelope) attribute(key string) *string {
	switch key {
	case "specversion":
		return &e.version
	case "id":
		return &e.id
	case "source":
		return &e.source
	case "type":
		return &e.typ
	case "subject":
		return &e.subject
	case "time":
		return &e.time
	case "datacontenttype":
		return &e.content
	}
	return nil
}

// readText reads a JSON string; null leaves dst as it is.
func readText(dst *string, value []byte) bool {
	if string(value) == "null" {
		return true
	}
	if len(value) == 0 || value[0] != '"' {
		return false
	}
	s := scanner{b: value}
	v, ok := s.str()
	*dst = v
	return ok && s.i == len(value) && s.bad.code == ""
}

func unbase64(value []byte) []byte {
	var text string
	if !readText(&text, value) {
		return nil
	}
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil
	}
	return bytes.TrimSpace(out)
}
