package intake

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ripenhq/ripen/engine/lead"
)

// Options bound what a Decoder accepts. The zero value means the defaults.
type Options struct {
	MaxBytes int // largest event in bytes, default 256 KiB
	MaxDepth int // deepest nesting, the event itself being 1, default 16
	MaxProps int // properties, traits and context values together, default 512
	MaxID    int // longest id in bytes, default 256
	// AllowTicks accepts {"type":"tick","timestamp":"…"}. Only for files that
	// are played offline: in a live stream time comes from the engine alone.
	AllowTicks bool
}

func (o Options) withDefaults() Options {
	def := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	def(&o.MaxBytes, 256<<10)
	def(&o.MaxDepth, 16)
	def(&o.MaxProps, 512)
	def(&o.MaxID, 256)
	return o
}

// Decoder decodes events of the Segment spec. It is reused from event to event
// and belongs to one goroutine.
type Decoder struct {
	opts Options
	scan scanner
	f    fields

	props, traits, context flat
	count                  int // properties seen in this event

	name  []byte            // dotted name under construction
	names map[string]string // dotted names seen, so that each is made once
	elems []byte            // list under construction
	slab  []lead.Prop       // properties of events are cut from it
}

// fields are the top-level members of an event.
type fields struct {
	id, user, anonymous, group, typ, event, name string
	timestamp, original, sent, received          int64 // ms, 0 if absent
	batch                                        bool  // it holds other events
	backfill                                     bool  // history
	again                                        *lead.Redrive
}

// flat collects the flattened values of one object.
type flat struct {
	list []lead.Prop
}

// NewDecoder makes a Decoder.
func NewDecoder(o Options) *Decoder {
	o = o.withDefaults()
	return &Decoder{opts: o, scan: scanner{maxDepth: o.MaxDepth}, names: map[string]string{}}
}

// Decode reads one event. received is the time of receipt in ms since 1970
// UTC, 0 if unknown. The event's strings alias raw; a Rejected has its own
// copy. A later member of the same name wins over an earlier one unless it is
// null.
func (d *Decoder) Decode(raw []byte, received int64) (lead.Event, *lead.Rejected) {
	d.scan.reset(raw)
	d.f = fields{}
	d.props.list, d.traits.list, d.context.list = d.props.list[:0], d.traits.list[:0], d.context.list[:0]
	d.count = 0
	var ev lead.Event
	if d.sound(raw) && d.object() {
		d.finish(&ev, received)
	}
	if d.scan.bad.code != "" {
		return lead.Event{}, d.reject(raw, received)
	}
	ev.Raw = raw
	return ev, nil
}

// sound checks what needs no parsing.
func (d *Decoder) sound(raw []byte) bool {
	if len(raw) > d.opts.MaxBytes {
		d.scan.note(CodeTooLarge, reason("", strconv.Itoa(len(raw))+" bytes",
			"an event of at most "+strconv.Itoa(d.opts.MaxBytes), "send large content elsewhere and its address here"))
		return false
	}
	if !utf8.Valid(raw) {
		d.scan.note(CodeUTF8, reason("byte "+strconv.Itoa(badByte(raw)+1), "bytes that are no UTF-8", "UTF-8",
			"convert the source from its old encoding"))
		return false
	}
	return true
}

// badByte finds the first byte that is no part of valid UTF-8.
func badByte(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(b)
}

func (d *Decoder) object() bool {
	s := &d.scan
	s.space()
	if s.i == len(s.b) {
		return s.syntax("a JSON object")
	}
	if s.peek() != '{' {
		return d.notObject()
	}
	s.i++
	more, ok := s.first('}'), true
	for more && ok {
		key, good := s.key()
		if !good || !d.field(key) {
			return false
		}
		more, ok = s.next('}')
	}
	if !ok {
		return false
	}
	if s.space(); s.i != len(s.b) {
		return s.syntax("nothing behind the object")
	}
	return true
}

// notObject tells a JSON value of another type from no JSON at all.
func (d *Decoder) notObject() bool {
	s := &d.scan
	found := typeName(s.peek())
	if !s.skip(1) {
		return false
	}
	if s.space(); s.i != len(s.b) {
		return s.syntax("nothing behind the value")
	}
	s.note(CodeNotObject, reason("", found, "one event as a JSON object", "send {\"type\": …}"))
	return false
}

// field reads the value of a top-level member. What the Segment spec has and
// scoring does not need (integrations, version, channel …) is skipped.
func (d *Decoder) field(key string) bool {
	switch key {
	case "messageId", "message_id":
		return d.id(&d.f.id, key)
	case "userId", "user_id":
		return d.id(&d.f.user, key)
	case "anonymousId", "anonymous_id":
		return d.id(&d.f.anonymous, key)
	case "groupId", "group_id":
		return d.id(&d.f.group, key)
	case "type":
		return d.text(&d.f.typ, key)
	case "event":
		return d.text(&d.f.event, key)
	case "name":
		return d.text(&d.f.name, key)
	case "timestamp":
		return d.time(&d.f.timestamp, key)
	case "originalTimestamp", "original_timestamp":
		return d.time(&d.f.original, key)
	case "sentAt", "sent_at":
		return d.time(&d.f.sent, key)
	case "receivedAt", "received_at":
		return d.time(&d.f.received, key)
	case "backfill":
		return d.truth(&d.f.backfill, key)
	case "redrive":
		return d.redrive(key)
	case "properties":
		return d.values(&d.props, key)
	case "traits":
		return d.values(&d.traits, key)
	case "context":
		return d.values(&d.context, key)
	}
	d.f.batch = d.f.batch || key == "batch"
	return d.scan.skip(2)
}

// truth reads true or false; null leaves what was there.
func (d *Decoder) truth(dst *bool, key string) bool {
	switch s := &d.scan; s.peek() {
	case 't':
		*dst = true
		return s.word("true")
	case 'f':
		*dst = false
		return s.word("false")
	}
	return d.other(key, "true or false")
}

// text reads a string; null leaves what was there.
func (d *Decoder) text(dst *string, key string) bool {
	s := &d.scan
	if s.peek() == '"' {
		v, ok := s.str()
		if ok {
			*dst = v
		}
		return ok
	}
	return d.other(key, "a string")
}

// other reads a value that is not of the expected type: null is as good as
// absent, anything else is noted.
func (d *Decoder) other(key, expected string) bool {
	s := &d.scan
	if s.peek() == 'n' {
		return s.word("null")
	}
	start := s.i
	if !s.skip(2) {
		return false
	}
	found := typeName(s.b[start])
	if text := s.b[start:s.i]; len(text) <= 40 {
		found += " (" + string(text) + ")"
	}
	todo := "correct the sender"
	if expected == "a string" {
		todo = "put the value in double quotes"
	}
	s.note(CodeWrongType, reason(key, found, expected, todo))
	return true
}

// typeName names a JSON value by its first byte.
func typeName(c byte) string {
	switch {
	case c == '"':
		return "a string"
	case c == '{':
		return "an object"
	case c == '[':
		return "an array"
	case c == 't' || c == 'f':
		return "a boolean"
	case c == 'n':
		return "null"
	}
	return "a number"
}

// id reads a string that names something: bounded, without control characters.
func (d *Decoder) id(dst *string, key string) bool {
	var v string
	if !d.text(&v, key) {
		return false
	}
	if code, why := CheckID(v, d.opts.MaxID); code != "" {
		d.scan.note(code, key+": "+why)
		return true
	}
	if strings.TrimSpace(v) != "" { // an id of blanks names nobody
		*dst = v
	}
	return true
}

// CheckID says what is wrong with an id of at most most bytes; code is empty
// if nothing is.
func CheckID(id string, most int) (code, why string) {
	if len(id) > most {
		return CodeIDLong, reason("", "an id of "+strconv.Itoa(len(id))+" bytes", "at most "+strconv.Itoa(most), "send a shorter id or its hash")
	}
	for i := 0; i < len(id); i++ {
		c := id[i]
		if c < 0x20 || c == 0x7f || c == 0xc2 && i+1 < len(id) && id[i+1] < 0xa0 {
			return CodeIDControl, reason("", "a control character in "+excerpt(id), "printable text", "remove it at the source")
		}
	}
	return "", ""
}

// time reads an ISO-8601 string or a number of milliseconds.
func (d *Decoder) time(dst *int64, key string) bool {
	s := &d.scan
	var ms int64
	var code, why string
	switch c := s.peek(); {
	case c == '"':
		v, ok := s.str()
		if !ok {
			return false
		}
		ms, code, why = ParseTime(v)
	case c == '-' || c >= '0' && c <= '9':
		start := s.i
		f, ok := s.number()
		if !ok {
			return false
		}
		ms, code, why = timeOfNumber(f, s.b[start:s.i])
	default:
		return d.other(key, "an ISO-8601 string or a number of milliseconds")
	}
	if code != "" {
		s.note(code, key+": "+why)
		return true
	}
	*dst = ms
	return true
}

func timeOfNumber(f float64, text []byte) (ms int64, code, why string) {
	if f > 9e15 || f < -9e15 || f != float64(int64(f)) {
		return 0, CodeBadTime, reason("", "the number "+excerpt(string(text)), "whole milliseconds since 1970 UTC", "")
	}
	if code, why = timeInRange(int64(f)); code != "" {
		return 0, code, why
	}
	return int64(f), "", ""
}

// reject makes the record of a refused input, with the ids that could be read.
func (d *Decoder) reject(raw []byte, received int64) *lead.Rejected {
	r := &lead.Rejected{
		Lead: short(d.f.lead(), d.opts.MaxID), Event: short(d.f.id, d.opts.MaxID), At: d.f.at(received),
		Code: d.scan.bad.code, Reason: d.scan.bad.reason,
	}
	keep(r, raw)
	return r
}
