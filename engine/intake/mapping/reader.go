package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/lead"
)

// Row is one row of the file. Either Events or Rejected is set.
type Row struct {
	Line     int
	Repaired bool
	Lead     string
	Events   [][]byte // JSON, one Segment event each
	// Beside are the fields of the columns that the caller asked for beside the
	// mapping's, empty where they mean nothing.
	Beside   []string
	Rejected *lead.Rejected
}

// Counts accounts for every row: Rows = Accepted + Repaired + Rejected.
type Counts struct {
	Rows, Accepted, Repaired, Rejected, Events int
}

// Reader reads the rows of one file through a mapping.
type Reader struct {
	m      *Mapping
	csv    *intake.CSV
	index  map[string]int // column → field, of the columns in use
	check  *intake.Decoder
	counts Counts
	fields []string // of the row at hand
	beside []Column // columns that the caller wants as they are
}

// NewReader reads the header of a file and finds the mapping's columns in it,
// and those named beside: no event is made of them, Row.Beside holds their text.
func (m *Mapping) NewReader(r io.Reader, beside ...string) (*Reader, hcl.Diagnostics) {
	csv, err := intake.NewCSV(r, m.Comma)
	if err != nil {
		return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "File cannot be read",
			Detail: sentence(err.Error()) + ".", Subject: m.Range.Ptr()}}
	}
	rd := &Reader{m: m, csv: csv, index: map[string]int{}, check: intake.NewDecoder(intake.Options{})}
	for _, name := range beside {
		rd.beside = append(rd.beside, Column{Names: []string{name}, Range: m.Range})
	}
	return rd, rd.resolve()
}

// resolve finds each column under one of its names.
func (r *Reader) resolve() hcl.Diagnostics {
	var l loader
	optional := map[string]bool{}
	for _, f := range r.m.facts() {
		if f.Optional {
			optional[f.Column.Names[0]] = true
		}
	}
	for _, c := range append(r.m.columns(), r.beside...) {
		if !c.Set() {
			continue
		}
		at, n := -1, 0
		for _, name := range c.Names {
			for i, have := range r.csv.Header() {
				if strings.EqualFold(have, strings.TrimSpace(name)) {
					at, n = i, n+1
				}
			}
			if n > 0 {
				break
			}
		}
		switch {
		case n > 1:
			l.fail(c.Range, "Column found twice", "The file has %d columns named %q; expected one. Rename one in the file.", n, r.csv.Header()[at])
		case n == 0 && !optional[c.Names[0]]:
			l.fail(c.Range, "Column not found", "Found %s; expected a column named %s. Add the name that the file uses, or optional = true to a trait.",
				abbreviate(r.csv.Header()), quoteAll(c.Names, " or "))
		}
		r.index[c.Names[0]] = at
	}
	return l.diags
}

// facts lists the traits and properties of the mapping.
func (m *Mapping) facts() []Fact {
	out := append(append([]Fact(nil), m.Traits...), m.Account...)
	for i := range m.Events {
		out = append(out, m.Events[i].Props...)
	}
	return out
}

func quoteAll(names []string, sep string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strconv.Quote(n)
	}
	return strings.Join(quoted, sep)
}

func abbreviate(names []string) string {
	const most = 8
	if len(names) <= most {
		return quoteAll(names, ", ")
	}
	return quoteAll(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}

// Counts tells what became of the rows so far.
func (r *Reader) Counts() Counts { return r.counts }

// Next returns the next row, io.EOF behind the last, or the reader's error.
func (r *Reader) Next() (Row, error) {
	rec, err := r.csv.Next()
	if err != nil {
		return Row{}, err
	}
	r.counts.Rows++
	row := Row{Line: rec.Line, Repaired: rec.Repaired, Rejected: rec.Rejected}
	if row.Rejected == nil {
		r.fields = rec.Fields
		if code, why := r.convert(&row); code != "" {
			row.Events, row.Repaired = nil, false
			row.Rejected = intake.Reject(code, "line "+strconv.Itoa(rec.Line)+", "+why, rec.Raw)
			row.Rejected.Line, row.Rejected.Lead = rec.Line, row.Lead
		}
	}
	switch {
	case row.Rejected != nil:
		r.counts.Rejected++
	case row.Repaired:
		r.counts.Repaired++
	default:
		r.counts.Accepted++
	}
	r.counts.Events += len(row.Events)
	return row, nil
}

// get returns the text of a column in the row, and whether it says anything.
func (r *Reader) get(c Column) (string, bool) {
	if !c.Set() {
		return "", false
	}
	at := r.index[c.Names[0]]
	if at < 0 {
		return "", false
	}
	s := strings.TrimSpace(r.fields[at])
	for _, null := range r.m.Nulls {
		if strings.EqualFold(s, null) {
			return "", false
		}
	}
	return s, s != ""
}

// convert makes the events of the row at hand; code is not empty if it cannot.
func (r *Reader) convert(row *Row) (code, why string) {
	id, ok := r.get(r.m.ID)
	if !ok {
		return intake.CodeCSVRow, badField(r.m.ID, "nothing", "the id of the lead", "fill it in")
	}
	if code, why = intake.CheckID(id, 256); code != "" {
		return code, fmt.Sprintf("column %q: %s", r.m.ID.Names[0], why)
	}
	row.Lead = id
	at, why := r.time()
	if why != "" {
		return intake.CodeBadTime, why
	}
	b := builder{r: r, lead: id, at: at}
	b.call("identify", "", "traits", r.m.Traits)
	if len(r.m.Account) > 0 || r.m.AccountID.Set() {
		b.group()
	}
	for i := range r.m.Events {
		b.activity(&r.m.Events[i])
	}
	if b.why != "" {
		return intake.CodeCSVRow, b.why
	}
	for _, raw := range b.events {
		if _, rej := r.check.Decode(raw, 0); rej != nil {
			return rej.Code, rej.Reason
		}
	}
	row.Events = b.events
	for _, c := range r.beside {
		text, _ := r.get(c)
		row.Beside = append(row.Beside, text)
	}
	return "", ""
}

func badField(c Column, found, expected, todo string) string {
	return fmt.Sprintf("column %q: found %s, expected %s; %s", c.Names[0], found, expected, todo)
}

// time is the time of the row at hand as the events write it.
func (r *Reader) time() (string, string) {
	c := r.m.Time.Column
	if !c.Set() {
		return time.UnixMilli(r.m.Time.Fixed).UTC().Format(isoMilli), ""
	}
	s, ok := r.get(c)
	if !ok {
		return "", badField(c, "nothing", "the time of the row", "fill it in")
	}
	t, _, ok := r.m.parseDate(s)
	if !ok {
		return "", badField(c, strconv.Quote(s), "a date", "name its format: dates = [\"DD-MM-YYYY\"]")
	}
	return t.UTC().Format(isoMilli), ""
}

const isoMilli = "2006-01-02T15:04:05.000Z"

// messageID is made of what the event says, and of n where one row says the
// same thing n times.
func messageID(leadID, body string, n int) string {
	h := sha256.Sum256([]byte(leadID + "\x00" + body + "\x00" + strconv.Itoa(n)))
	return "csv-" + hex.EncodeToString(h[:16])
}
