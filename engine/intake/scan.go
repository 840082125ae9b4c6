package intake

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// scanner walks one JSON text (RFC 8259, strictly) without building a tree.
// Its methods return false when the text cannot be read on; a problem with a
// value that leaves the text readable is only noted.
type scanner struct {
	b        []byte
	i        int
	maxDepth int
	tmp      []byte // unescaped string under construction
	bad      problem
}

func (s *scanner) reset(b []byte) {
	s.b, s.i, s.bad = b, 0, problem{}
}

// note keeps the first problem.
func (s *scanner) note(code, why string) {
	if s.bad.code == "" {
		s.bad = problem{code, why}
	}
}

// syntax notes malformed JSON at the current position; it returns false.
func (s *scanner) syntax(expected string) bool {
	found := "the end of the input"
	if s.i < len(s.b) {
		found = excerpt(string(s.b[s.i:min(len(s.b), s.i+12)]))
	}
	s.note(CodeMalformed, reason("byte "+strconv.Itoa(s.i+1), found, expected, "send one complete JSON object"))
	return false
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek is the byte at the position, 0 at the end.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// first stands behind an opening bracket and says whether a member follows.
func (s *scanner) first(closer byte) bool {
	s.space()
	if s.peek() == closer {
		s.i++
		return false
	}
	return true
}

// next stands behind a member and says whether another follows.
func (s *scanner) next(closer byte) (more, ok bool) {
	s.space()
	switch s.peek() {
	case ',':
		s.i++
		s.space()
		return true, true
	case closer:
		s.i++
		return false, true
	}
	return false, s.syntax(fmt.Sprintf("\",\" or %q", closer))
}

// key reads a member's name and the colon behind it.
func (s *scanner) key() (string, bool) {
	if s.peek() != '"' {
		return "", s.syntax("a member name in double quotes")
	}
	k, ok := s.str()
	if !ok {
		return "", false
	}
	s.space()
	if s.peek() != ':' {
		return "", s.syntax("\":\"")
	}
	s.i++
	s.space()
	return k, true
}

// plain marks bytes that may stand in a string as they are.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 256; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// str reads a string; the result aliases the input unless it has escapes.
func (s *scanner) str() (string, bool) {
	start := s.i + 1
	i := start
	for i < len(s.b) && plain[s.b[i]] {
		i++
	}
	if i < len(s.b) && s.b[i] == '"' {
		s.i = i + 1
		return alias(s.b[start:i]), true
	}
	s.tmp = append(s.tmp[:0], s.b[start:min(i, len(s.b))]...)
	s.i = i
	if !s.escaped() {
		return "", false
	}
	return string(s.tmp), true
}

// escaped reads the rest of a string into tmp, from its first special byte.
func (s *scanner) escaped() bool {
	for s.i < len(s.b) {
		c := s.b[s.i]
		switch {
		case c == '"':
			s.i++
			return true
		case c == '\\':
			if !s.escape() {
				return false
			}
		case c == 0:
			s.nul()
			s.i++
		case c < 0x20:
			return s.syntax("a control character to be escaped")
		default:
			s.tmp = append(s.tmp, c)
			s.i++
		}
	}
	return s.syntax("the end of a string")
}

func (s *scanner) nul() {
	s.note(CodeNUL, reason("byte "+strconv.Itoa(s.i+1), "a NUL character", "text", "remove it at the source"))
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape reads one escape sequence from its backslash.
func (s *scanner) escape() bool {
	if s.i+1 >= len(s.b) {
		return s.syntax("an escape sequence")
	}
	if c := s.b[s.i+1]; c != 'u' {
		if escapes[c] == 0 {
			return s.syntax("an escape sequence of JSON")
		}
		s.tmp = append(s.tmp, escapes[c])
		s.i += 2
		return true
	}
	r, ok := s.hex4(s.i + 2)
	if !ok {
		return s.syntax("four hex digits behind \\u")
	}
	if r == 0 {
		s.nul()
	}
	s.i += 6
	if utf16.IsSurrogate(r) {
		low, _ := s.lowSurrogate()
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			s.note(CodeUTF8, reason("byte "+strconv.Itoa(s.i-5), "half of a surrogate pair", "both halves", "encode the text again"))
		} else {
			s.i += 6
		}
	}
	s.tmp = utf8.AppendRune(s.tmp, r)
	return true
}

func (s *scanner) lowSurrogate() (rune, bool) {
	if s.i+1 < len(s.b) && s.b[s.i] == '\\' && s.b[s.i+1] == 'u' {
		return s.hex4(s.i + 2)
	}
	return 0, false
}

func (s *scanner) hex4(at int) (r rune, ok bool) {
	if at+4 > len(s.b) {
		return 0, false
	}
	for _, c := range s.b[at : at+4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads a number. One beyond the range of a float64 is noted.
func (s *scanner) number() (float64, bool) {
	start := s.i
	if s.peek() == '-' {
		s.i++
	}
	digits := s.i
	if s.digits() == 0 {
		return 0, s.syntax("a digit")
	}
	if s.b[digits] == '0' && s.i-digits > 1 {
		s.i = digits
		return 0, s.syntax("a number without leading zeros")
	}
	whole := s.i
	if s.peek() == '.' {
		s.i++
		if s.digits() == 0 {
			return 0, s.syntax("a digit behind the point")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c = s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if s.digits() == 0 {
			return 0, s.syntax("a digit of the exponent")
		}
	}
	if whole == s.i && whole-digits <= 15 {
		return small(s.b[digits:whole], digits > start), true
	}
	return s.float(s.b[start:s.i]), true
}

func (s *scanner) digits() int {
	start := s.i
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
	}
	return s.i - start
}

// small converts up to 15 digits exactly.
func small(digits []byte, negative bool) float64 {
	var n int64
	for _, c := range digits {
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return float64(n)
}

func (s *scanner) float(text []byte) float64 {
	f, err := strconv.ParseFloat(alias(text), 64)
	if err != nil {
		s.note(CodeOverflow, reason("byte "+strconv.Itoa(s.i-len(text)+1), "the number "+excerpt(string(text)),
			"a number below 1.8e308", "correct it or send it as a string"))
		return 0
	}
	if f == 0 {
		return 0 // no negative zero: it prints and compares differently
	}
	return f
}

// word reads true, false or null.
func (s *scanner) word(w string) bool {
	if end := s.i + len(w); end <= len(s.b) && string(s.b[s.i:end]) == w {
		s.i = end
		return true
	}
	return s.syntax("a value")
}

// deeper checks the nesting at depth, the outermost object being 1.
func (s *scanner) deeper(depth int) bool {
	if depth <= s.maxDepth {
		return true
	}
	s.note(CodeTooDeep, reason("byte "+strconv.Itoa(s.i+1), "more than "+strconv.Itoa(s.maxDepth)+" levels of nesting",
		"at most "+strconv.Itoa(s.maxDepth), "flatten the properties"))
	return false
}

// skip reads over one value at depth.
func (s *scanner) skip(depth int) bool {
	switch c := s.peek(); {
	case c == '"':
		_, ok := s.str()
		return ok
	case c == '{':
		return s.skipMembers(depth, '}')
	case c == '[':
		return s.skipMembers(depth, ']')
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	case c == '-' || c >= '0' && c <= '9':
		_, ok := s.number()
		return ok
	}
	return s.syntax("a value")
}

func (s *scanner) skipMembers(depth int, closer byte) bool {
	if !s.deeper(depth) {
		return false
	}
	s.i++
	more, ok := s.first(closer), true
	for more && ok {
		if closer == '}' {
			if _, ok = s.key(); !ok {
				return false
			}
		}
		if !s.skip(depth + 1) {
			return false
		}
		more, ok = s.next(closer)
	}
	return ok
}

// alias makes a string of bytes without a copy. See the package comment for
// what this asks of callers.
func alias(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
