package intake

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ripenhq/ripen/engine/lead"
)

// Bounds of one CSV record. A quote that is opened and never closed costs one
// line, not the rest of the file.
const (
	maxRecordBytes = 256 << 10
	maxRecordLines = 200
)

// ErrCSV says that a file has no header that can be read.
var ErrCSV = errors.New("no CSV with a header")

// CSV reads records as people's files have them: a byte order mark, commas,
// semicolons, tabs or bars, CRLF, quotes inside plain fields, and whole records
// wrapped in one quoted field.
type CSV struct {
	r       *bufio.Reader
	comma   byte
	header  []string
	line    int      // lines taken from the file
	pending [][]byte // lines read ahead and given back, oldest first
	err     error    // what ended the file
}

// Record is one row. Exactly one of Fields and Rejected is set.
type Record struct {
	Line     int    // 1-based line where it starts
	Raw      []byte // as it stands in the file, without the last line end
	Fields   []string
	Repaired bool // the fields differ from what a strict reader would see
	Rejected *lead.Rejected
}

// NewCSV reads the header; comma 0 finds the separator in it.
func NewCSV(r io.Reader, comma byte) (*CSV, error) {
	c := &CSV{r: bufio.NewReaderSize(r, 64<<10), comma: comma}
	if b, _ := c.r.Peek(len(bom)); bytes.Equal(b, bom) {
		_, _ = c.r.Discard(len(bom))
	} else if len(b) > 1 && (b[0] == 0xff && b[1] == 0xfe || b[0] == 0xfe && b[1] == 0xff) {
		return nil, fmt.Errorf("found UTF-16, expected UTF-8; save the file as \"CSV UTF-8\": %w", ErrCSV)
	}
	raw, err := c.skipBlank()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, fmt.Errorf("the file is empty: %w", ErrCSV)
	}
	if !utf8.Valid(raw) {
		return nil, fmt.Errorf("line %d is no UTF-8; save the file as \"CSV UTF-8\": %w", c.line, ErrCSV)
	}
	if c.comma == 0 {
		c.comma = sniff(raw)
	}
	if c.header, err = c.parseHeader(raw); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *CSV) parseHeader(raw []byte) ([]string, error) {
	fields, end := parseRecord(raw, c.comma)
	if end != recordDone {
		return nil, fmt.Errorf("line %d: the header %s has an open or misplaced quote: %w", c.line, excerpt(string(raw)), ErrCSV)
	}
	if len(fields) == 1 {
		if inner, ok := unwrap(fields[0], c.comma, 0); ok {
			fields = inner
		}
	}
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields, nil
}

// Header returns the column names, without surrounding space.
func (c *CSV) Header() []string { return c.header }

// Comma returns the separator in use.
func (c *CSV) Comma() byte { return c.comma }

// sniff takes the separator that the header has most of. A header wrapped in
// one pair of quotes is looked at inside.
func sniff(header []byte) byte {
	best, most := byte(','), 0
	for _, c := range []byte{',', ';', '\t', '|'} {
		fields, _ := parseRecord(header, c)
		n := len(fields)
		if n == 1 {
			inner, _ := parseRecord([]byte(fields[0]), c)
			n = len(inner)
		}
		if n > most {
			best, most = c, n
		}
	}
	return best
}

// Next returns the next row, io.EOF behind the last, or the reader's error.
func (c *CSV) Next() (Record, error) {
	first, err := c.skipBlank()
	if first == nil {
		return Record{}, err
	}
	rec := Record{Line: c.line - len(c.pending), Raw: first}
	fields, end := parseRecord(first, c.comma)
	if end == recordOpen {
		fields, end = c.span(&rec)
	}
	c.judge(&rec, fields, end)
	return rec, nil
}

// span reads on while a quoted field is open. If that leads nowhere, the lines
// behind the first are given back.
func (c *CSV) span(rec *Record) (fields []string, end recordEnd) {
	text := bytes.Clone(rec.Raw)
	var taken [][]byte
	for end = recordOpen; end == recordOpen && len(taken) < maxRecordLines && len(text) < maxRecordBytes; {
		next, err := c.takeLine()
		if err != nil && len(next) == 0 {
			break
		}
		taken = append(taken, next)
		text = append(append(text, '\n'), next...)
		if bytes.IndexByte(next, '"') >= 0 { // nothing else can close the field
			fields, end = parseRecord(text, c.comma)
		}
	}
	_, repaired := c.fit(fields)
	if end == recordDone && (len(fields) == len(c.header) || repaired) {
		rec.Raw = text
		return fields, end
	}
	c.pending = append(taken, c.pending...)
	return nil, recordOpen
}

// judge repairs, accepts or rejects what was read.
func (c *CSV) judge(rec *Record, fields []string, end recordEnd) {
	where := "line " + strconv.Itoa(rec.Line)
	bad := func(code, found, expected, todo string) {
		rec.Rejected = Reject(code, reason(where, found, expected, todo), rec.Raw)
		rec.Rejected.Line = rec.Line
	}
	switch {
	case !utf8.Valid(rec.Raw):
		bad(CodeUTF8, "bytes that are no UTF-8", "UTF-8", "save the file as \"CSV UTF-8\"")
		return
	case len(rec.Raw) > maxRecordBytes:
		bad(CodeTooLarge, strconv.Itoa(len(rec.Raw))+" bytes", "a row of at most "+strconv.Itoa(maxRecordBytes), "shorten its fields")
		return
	case end == recordOpen:
		bad(CodeCSVRow, "a quoted field that is not closed", "a closing quote", "close it, or double the quotes inside the field")
		return
	case end == recordBroken:
		bad(CodeCSVRow, "text behind a closing quote", "a separator", "double the quotes inside the field")
		return
	}
	if len(fields) == len(c.header) {
		rec.Fields = fields
		return
	}
	if rec.Fields, rec.Repaired = c.fit(fields); !rec.Repaired {
		rec.Fields = nil
		bad(CodeCSVRow, strconv.Itoa(len(fields))+" fields", strconv.Itoa(len(c.header))+" as in the header",
			"add what is missing or quote fields that hold the separator")
	}
}

// fit repairs rows with a wrong number of fields where only one reading makes
// sense: a whole record wrapped in quotes, separators left over at the end.
func (c *CSV) fit(fields []string) ([]string, bool) {
	if len(fields) == 1 && len(c.header) > 1 {
		return unwrap(fields[0], c.comma, len(c.header))
	}
	if len(fields) <= len(c.header) {
		return nil, false
	}
	for _, f := range fields[len(c.header):] {
		if f != "" {
			return nil, false
		}
	}
	return fields[:len(c.header)], true
}

// unwrap reads a field as a record of want fields, or of more than one if want
// is 0.
func unwrap(field string, comma byte, want int) ([]string, bool) {
	inner, end := parseRecord([]byte(field), comma)
	if end != recordDone || len(inner) < 2 || want > 0 && len(inner) != want {
		return nil, false
	}
	return inner, true
}

// skipBlank returns the next line that holds anything, nil at the end.
func (c *CSV) skipBlank() ([]byte, error) {
	for {
		b, err := c.takeLine()
		if len(bytes.TrimSpace(b)) > 0 {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// takeLine returns the next line without its end, as memory of its own. An
// over-long line is cut just beyond maxRecordBytes, so that it is rejected.
func (c *CSV) takeLine() ([]byte, error) {
	if len(c.pending) > 0 {
		b := c.pending[0]
		c.pending = c.pending[1:]
		return b, nil
	}
	if c.err != nil {
		return nil, c.err
	}
	var out []byte
	for {
		part, err := c.r.ReadSlice('\n')
		if room := maxRecordBytes + 2 - len(out); room > 0 {
			out = append(out, part[:min(room, len(part))]...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if c.err = err; err == nil || len(out) > 0 {
			c.line++
		}
		out = bytes.TrimSuffix(out, []byte("\n"))
		return bytes.TrimSuffix(out, []byte("\r")), err
	}
}

// recordEnd says how the parsing of a record ended.
type recordEnd uint8

const (
	recordDone   recordEnd = iota
	recordOpen             // inside a quoted field
	recordBroken           // text behind a closing quote
)

// parseRecord splits one record (RFC 4180). A quote inside a field that does
// not start with one is text.
func parseRecord(b []byte, comma byte) (fields []string, end recordEnd) {
	fields = make([]string, 0, 16)
	for {
		var field string
		var n int
		if len(b) > 0 && b[0] == '"' {
			if field, n, end = quoted(b, comma); end != recordDone {
				return fields, end
			}
		} else {
			if n = bytes.IndexByte(b, comma); n < 0 {
				n = len(b)
			}
			field = string(b[:n])
		}
		fields = append(fields, field)
		if n == len(b) {
			return fields, recordDone
		}
		b = b[n+1:]
	}
}

// quoted reads a quoted field; n is the index of the separator behind it.
func quoted(b []byte, comma byte) (field string, n int, end recordEnd) {
	var out []byte
	i := 1
	for {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return "", 0, recordOpen
		}
		out = append(out, b[i:i+q]...)
		i += q + 1
		if i < len(b) && b[i] == '"' {
			out = append(out, '"')
			i++
			continue
		}
		if i < len(b) && b[i] != comma {
			return "", 0, recordBroken
		}
		return string(out), i, recordDone
	}
}
