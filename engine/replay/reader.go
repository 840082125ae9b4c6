package replay

import (
	"bytes"
	"errors"
	"io"

	"github.com/hashicorp/hcl/v2"

	"github.com/ripenhq/ripen/engine/intake"
	"github.com/ripenhq/ripen/engine/intake/mapping"
	"github.com/ripenhq/ripen/engine/lead"
)

// Item is one event of a file, or one row or line that cannot be used.
type Item struct {
	Line     int    // 1-based line where it starts
	Raw      []byte // JSON of the event; belongs to the caller
	Event    lead.Event
	Rejected *lead.Rejected
	// Beside is the text of the columns named beside the mapping's, on the first
	// event of a row.
	Beside []string
}

// ReadCounts account for every row of a file: Rows = Accepted + Repaired +
// Rejected. A row of a CSV file may make several events; the rows of other
// files are their events and ticks.
type ReadCounts struct {
	Rows, Accepted, Repaired, Rejected int
	Events, Ticks                      int
}

// Reader reads the events of one file.
type Reader struct {
	rows    *mapping.Reader // CSV, or
	lines   *intake.Lines   // JSON
	decoder *intake.Decoder
	row     mapping.Row
	counts  ReadCounts

	// Only, if it is set, says which leads are wanted: events of others may be
	// passed over, and then they are not decoded. Ticks are read in any case.
	Only func(lead string) bool
}

// NewEvents reads NDJSON, JSON arrays and batches of the Segment spec. Ticks,
// {"type":"tick","timestamp":"…"}, let time pass. A file has no time of
// receipt: each event must carry its own.
func NewEvents(r io.Reader) *Reader {
	return &Reader{lines: intake.NewLines(r, 0), decoder: intake.NewDecoder(intake.Options{AllowTicks: true})}
}

// NewLeads reads CSV through a mapping, and the columns named beside it.
func NewLeads(r io.Reader, m *mapping.Mapping, beside ...string) (*Reader, hcl.Diagnostics) {
	rows, diags := m.NewReader(r, beside...)
	if diags.HasErrors() {
		return nil, diags
	}
	return &Reader{rows: rows, decoder: intake.NewDecoder(intake.Options{})}, diags
}

// Next returns the next event, io.EOF behind the last, or the reader's error.
func (r *Reader) Next() (Item, error) {
	if r.rows != nil {
		return r.nextOfRow()
	}
	l, err := r.lines.Next()
	for err == nil && r.unwanted(l.Raw) {
		l, err = r.lines.Next()
	}
	if err != nil {
		return Item{}, err
	}
	r.counts.Rows++
	it := Item{Line: l.Number, Raw: l.Raw, Rejected: l.Rejected}
	if it.Rejected == nil {
		it.Event, it.Rejected = r.decoder.Decode(l.Raw, 0)
		it.Event.Raw = l.Raw
	}
	switch {
	case it.Rejected != nil:
		it.Rejected.Line = l.Number
		r.counts.Rejected++
	case it.Event.Kind == lead.Tick:
		r.counts.Accepted++
		r.counts.Ticks++
	default:
		r.counts.Accepted++
		r.counts.Events++
	}
	return it, nil
}

func (r *Reader) nextOfRow() (Item, error) {
	for len(r.row.Events) == 0 {
		row, err := r.rows.Next()
		if err != nil {
			return Item{}, err
		}
		if row.Rejected != nil {
			return Item{Line: row.Line, Rejected: row.Rejected}, nil
		}
		r.row = row
	}
	raw := r.row.Events[0]
	r.row.Events = r.row.Events[1:]
	e, rejected := r.decoder.Decode(raw, 0)
	if rejected != nil {
		return Item{}, errors.New("a mapping made an event that is no event: " + rejected.Reason)
	}
	e.Raw = raw
	it := Item{Line: r.row.Line, Raw: raw, Event: e, Beside: r.row.Beside}
	r.row.Beside = nil
	return it, nil
}

// Counts tells what became of the rows so far.
func (r *Reader) Counts() ReadCounts {
	if r.rows == nil {
		return r.counts
	}
	c := r.rows.Counts()
	return ReadCounts{Rows: c.Rows, Accepted: c.Accepted, Repaired: c.Repaired, Rejected: c.Rejected, Events: c.Events}
}

// Add sums counts over files.
func (c *ReadCounts) Add(d ReadCounts) {
	c.Rows += d.Rows
	c.Accepted += d.Accepted
	c.Repaired += d.Repaired
	c.Rejected += d.Rejected
	c.Events += d.Events
	c.Ticks += d.Ticks
}

// unwanted says that an event is certainly one of a lead that is not wanted, and
// says so without decoding it: it names one user, plainly, and no other id.
func (r *Reader) unwanted(raw []byte) bool {
	if r.Only == nil {
		return false
	}
	const name = `"userId":"`
	at := bytes.Index(raw, []byte(name))
	if at < 0 {
		return false
	}
	rest := raw[at+len(name):]
	end := bytes.IndexAny(rest, `"\\`)
	if end <= 0 || rest[end] != '"' || r.Only(string(rest[:end])) {
		return false
	}
	return !bytes.Contains(rest, []byte("userId")) && !bytes.Contains(raw, []byte("anonymousId")) && !bytes.Contains(raw, []byte("user_id"))
}
