package intake

import (
	"bytes"
	"math"

	"github.com/ripenhq/ripen/engine/lead"
)

var bom = []byte("\ufeff")

// Split calls fn for each event in b: one object, an array of them, a Segment
// batch object, or NDJSON whose lines are any of these. It only cuts; what it
// cuts out may still be refused by Decode, and what cannot be cut is handed
// over as one piece, so that nothing is lost. Pieces alias b, except those of
// a batch that carries members for all its events (sentAt, context).
func Split(b []byte, fn func(index int, raw []byte)) { SplitMost(b, math.MaxInt, fn) }

// SplitMost does so for the first most events alone, and counts all. What is
// only counted costs no memory.
func SplitMost(b []byte, most int, fn func(index int, raw []byte)) (found int) {
	c := cutter{fn: fn, most: most}
	c.cut(b)
	return c.n
}

func (c *cutter) cut(b []byte) {
	b = bytes.TrimSpace(bytes.TrimPrefix(b, bom))
	if len(b) == 0 {
		return
	}
	if b[0] == '[' || bytes.IndexByte(b, '\n') < 0 || valueEnd(b, 0) == len(b) {
		c.document(b)
		return
	}
	for len(b) > 0 {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			c.document(line)
		}
	}
}

// maxShared bounds what a batch may carry for all its events, in bytes: it is
// copied into each of them.
const maxShared = 8 << 10

type cutter struct {
	n, most int
	fn      func(index int, raw []byte)
}

func (c *cutter) emit(raw []byte) {
	if c.n < c.most {
		c.fn(c.n, raw[:len(raw):len(raw)])
	}
	c.n++
}

func (c *cutter) document(b []byte) {
	switch {
	case b[0] == '[':
		c.array(b, nil)
	case b[0] == '{' && bytes.Contains(b, []byte(`"batch"`)):
		c.batch(b)
	default:
		c.emit(b)
	}
}

// array cuts at the commas of the outermost array. shared is put into each
// element.
func (c *cutter) array(b, shared []byte) {
	i, n := 1, c.n
	for {
		end := elementEnd(b, i)
		piece := bytes.TrimSpace(b[i:end])
		last := end == len(b) || b[end] == ']'
		if len(piece) > 0 || !last || c.n > n {
			if c.n < c.most {
				piece = Fill(piece, shared)
			}
			c.emit(piece)
		}
		if last {
			c.behind(b, end)
			return
		}
		i = end + 1
	}
}

// behind hands over what follows an array, and a missing bracket as an empty
// piece: both are refused by Decode.
func (c *cutter) behind(b []byte, end int) {
	if end == len(b) {
		c.emit(nil)
	} else if rest := bytes.TrimSpace(b[end+1:]); len(rest) > 0 {
		c.emit(rest)
	}
}

// batch cuts a Segment batch object. An object with a type of its own is an
// event that happens to have a member named batch.
func (c *cutter) batch(b []byte) {
	var events, shared []byte
	isEvent := false
	end := eachMember(b, func(key string, value []byte) {
		switch key {
		case "batch":
			if len(value) > 0 && value[0] == '[' {
				events = value
			}
		case "type":
			isEvent = string(value) != `"batch"`
		case "sentAt", "sent_at", "receivedAt", "received_at", "context":
			shared = appendMember(shared, key, value)
		}
	})
	if events == nil || isEvent || end != len(b) || len(shared) > maxShared {
		c.emit(b)
		return
	}
	c.array(events, shared)
}

// eachMember cuts the members of an object without checking their values; it
// returns the index behind the object, or -1.
func eachMember(b []byte, fn func(key string, value []byte)) int {
	s := scanner{b: b, i: 1}
	more, ok := s.first('}'), true
	for more && ok {
		key, good := s.key()
		if !good {
			return -1
		}
		end := valueEnd(b, s.i)
		if end < 0 {
			return -1
		}
		fn(key, b[s.i:end])
		s.i = end
		more, ok = s.next('}')
	}
	if !ok {
		return -1
	}
	return s.i
}

// valueEnd is the index behind the JSON value that starts at i, -1 if it does
// not end. Brackets are counted, not matched.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			if i = stringEnd(b, i) - 1; i < 0 {
				return -1
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth <= 0 {
				return i + 1 + min(depth, 0)
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	if depth > 0 {
		return -1
	}
	return i
}

// stringEnd is the index behind the string that starts at i, -1 if it is open.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}

// elementEnd is the index of the comma or bracket behind the element at i, the
// length of b if there is none.
func elementEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			if i = stringEnd(b, i) - 1; i < 0 {
				return len(b)
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 && b[i] == ']' {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// Fill puts members (JSON, without brackets) in front of those of the object
// raw, so that raw's own win. Anything but an object stays as it is.
func Fill(raw, members []byte) []byte {
	body := bytes.TrimSpace(raw)
	if len(members) == 0 || len(body) < 2 || body[0] != '{' {
		return raw
	}
	out := make([]byte, 0, len(members)+len(body)+1)
	out = append(append(out, '{'), members...)
	if rest := bytes.TrimSpace(body[1:]); rest[0] != '}' {
		out = append(out, ',')
	}
	return append(out, body[1:]...)
}

// Members makes the members that Fill takes. Empty values are left out.
func Members(kind lead.Kind, messageID, userID, timestamp string) []byte {
	var m []byte
	if kind != lead.KindUnknown {
		m = appendMember(m, "type", quote(kind.String()))
	}
	for _, f := range [...]struct{ key, value string }{
		{"messageId", messageID}, {"userId", userID}, {"timestamp", timestamp},
	} {
		if f.value != "" {
			m = appendMember(m, f.key, quote(f.value))
		}
	}
	return m
}

func appendMember(dst []byte, key string, value []byte) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	dst = append(append(dst, '"'), key...)
	return append(append(dst, '"', ':'), value...)
}

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string, byte for byte where JSON allows it.
func AppendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

func quote(s string) []byte { return AppendQuoted(make([]byte, 0, len(s)+2), s) }
