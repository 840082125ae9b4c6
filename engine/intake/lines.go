package intake

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/ripenhq/ripen/engine/lead"
)

// MaxLine is the longest line, and the largest element of an array, that Lines
// reads, in bytes. It is larger than one event because a line may be a batch.
const MaxLine = 8 << 20

// keptOfLong is how much of an over-long line its rejection keeps, in bytes.
const keptOfLong = 64 << 10

// Line is one event of a file, not decoded yet, or what cannot be one.
type Line struct {
	Number   int // 1-based line where it starts
	Raw      []byte
	Rejected *lead.Rejected // set if the line is too long to be read
}

// Lines reads events from NDJSON, from a JSON array that may span lines, and
// from objects (batches too) that are printed over several lines. A byte order
// mark, CRLF and blank lines are no matter. Raw slices belong to the caller.
type Lines struct {
	r      *bufio.Reader
	max    int
	line   int // number of the line that is being read
	state  func(*Lines) error
	queue  []Line
	head   int
	buf    []byte // line or element under construction
	arena  []byte // Raw slices are cut from it
	inList int    // elements of the array read so far
}

// NewLines reads from r; maxLine 0 means MaxLine.
func NewLines(r io.Reader, maxLine int) *Lines {
	if maxLine <= 0 {
		maxLine = MaxLine
	}
	return &Lines{r: bufio.NewReaderSize(r, 64<<10), max: maxLine, line: 1, state: (*Lines).begin}
}

// Next returns the next event, io.EOF behind the last, or the reader's error.
func (l *Lines) Next() (Line, error) {
	for l.head == len(l.queue) {
		l.queue, l.head = l.queue[:0], 0
		if err := l.state(l); err != nil {
			if !errors.Is(err, io.EOF) {
				err = fmt.Errorf("line %d: %w", l.line, err)
			}
			if l.state = func(*Lines) error { return err }; len(l.queue) == 0 {
				return Line{}, err
			}
		}
	}
	l.head++
	return l.queue[l.head-1], nil
}

// begin finds out how the file is written.
func (l *Lines) begin() error {
	if b, _ := l.r.Peek(len(bom)); bytes.Equal(b, bom) {
		_, _ = l.r.Discard(len(bom))
	}
	for {
		c, err := l.r.ReadByte()
		if err != nil {
			return err
		}
		switch {
		case c == '\n':
			l.line++
		case isSpace(c):
		case c == '[':
			l.state = (*Lines).element
			return nil
		default:
			_ = l.r.UnreadByte()
			l.state = (*Lines).plain
			if c == '{' && l.opensAlone() {
				l.state = (*Lines).document
			}
			return nil
		}
	}
}

// opensAlone says whether the line ahead is an opening brace and nothing else.
func (l *Lines) opensAlone() bool {
	b, _ := l.r.Peek(16)
	b = bytes.TrimLeft(b[1:], " \t\r")
	return len(b) > 0 && b[0] == '\n'
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// plain reads one line of NDJSON.
func (l *Lines) plain() error {
	number, total := l.line, 0
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		total += len(part)
		l.buf = append(l.buf, part[:min(len(part), l.max+2-min(l.max+2, len(l.buf)))]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		l.line++
		text := bytes.TrimSpace(l.buf)
		if total > l.max+2 || len(text) > l.max {
			l.tooLong(number, total)
		} else if len(text) > 0 {
			l.push(number, text)
		}
		return err
	}
}

// push queues the events of one line or object.
func (l *Lines) push(number int, text []byte) {
	Split(l.hold(text), func(_ int, raw []byte) {
		l.queue = append(l.queue, Line{Number: number, Raw: raw})
	})
}

// hold copies b to memory that is never written again.
func (l *Lines) hold(b []byte) []byte {
	if cap(l.arena)-len(l.arena) < len(b) {
		l.arena = make([]byte, 0, max(64<<10, len(b)))
	}
	from := len(l.arena)
	l.arena = append(l.arena, b...)
	return l.arena[from:len(l.arena):len(l.arena)]
}

func (l *Lines) tooLong(number, size int) {
	kept := bytes.Clone(l.buf[:min(len(l.buf), keptOfLong)])
	why := reason("line "+strconv.Itoa(number), strconv.Itoa(size)+" bytes", "at most "+strconv.Itoa(l.max),
		"split it; only its first "+strconv.Itoa(len(kept))+" bytes are kept here")
	l.queue = append(l.queue, Line{Number: number, Rejected: &lead.Rejected{
		Code: CodeTooLarge, Reason: why, Line: number, Raw: kept}})
}

// document reads one value that may span lines.
func (l *Lines) document() error {
	number, total, _, err := l.value(false)
	switch text := bytes.TrimSpace(l.buf); {
	case total > l.max:
		l.tooLong(number, total)
	case len(text) > 0:
		l.push(number, text)
	}
	return err
}

// element reads one element of an array; behind the array, lines go on.
func (l *Lines) element() error {
	number, total, end, err := l.value(true)
	text := bytes.TrimSpace(l.buf)
	if total > l.max {
		l.tooLong(number, total)
	} else if len(text) > 0 || end == ',' || end == ']' && l.inList > 0 {
		l.queue = append(l.queue, Line{Number: number, Raw: l.hold(text)})
	}
	l.inList++
	if end == ']' {
		l.state = (*Lines).plain
	}
	if errors.Is(err, io.EOF) {
		l.queue = append(l.queue, Line{Number: l.line, Raw: []byte{}, Rejected: &lead.Rejected{
			Code: CodeMalformed, Line: l.line,
			Reason: reason("line "+strconv.Itoa(l.line), "the end of the file inside an array", "\"]\"",
				"the file may be cut off: fetch it again"),
		}})
	}
	return err
}

// value collects one JSON value into buf, up to max bytes, and returns the line
// it starts on, its size, and in an array the comma or bracket that ends it. It
// counts brackets; what is between them is for Decode to judge.
func (l *Lines) value(inArray bool) (number, total int, end byte, err error) {
	l.buf, number = l.buf[:0], l.line
	depth, quoted, escaped := 0, false, false
	for {
		c, err := l.r.ReadByte()
		if err != nil {
			return number, total, 0, err
		}
		if c == '\n' {
			l.line++
		}
		if total == 0 && isSpace(c) {
			number = l.line
			continue
		}
		if depth == 0 && !quoted {
			if inArray && (c == ',' || c == ']') {
				return number, total, c, nil
			}
			if !inArray && c == '\n' {
				return number, total, 0, nil
			}
		}
		if total++; total <= l.max {
			l.buf = append(l.buf, c)
		}
		switch {
		case quoted:
			quoted = escaped || c != '"'
			escaped = c == '\\' && !escaped
		case c == '"':
			quoted = true
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth = max(depth-1, 0); depth == 0 && !inArray {
				return number, total, 0, nil
			}
		}
	}
}
