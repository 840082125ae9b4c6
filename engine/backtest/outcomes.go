package backtest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/backtest/measure"
	"github.com/ripenhq/ripen/engine/intake"
)

// Outcome is one line of a file of outcomes.
type Outcome struct {
	Lead  string
	Fate  measure.Fate
	At    int64 // ms, if Timed
	Timed bool
	Line  int
}

// BadOutcome is a line that cannot be used.
type BadOutcome struct {
	Line int    `json:"line"`
	Why  string `json:"why"`
}

// Names that the columns of a file of outcomes go by, compared without case.
var (
	leadNames    = []string{"lead", "lead_id", "leadid", "id", "user_id", "userid", "prospect id"}
	outcomeNames = []string{"outcome", "result", "won", "converted", "status", "stage"}
	timeNames    = []string{"time", "outcome_time", "at", "date", "closed_at", "close_date", "timestamp"}
)

// ReadOutcomes reads a CSV file of outcomes: a column for the lead, one for what
// became of it and, if known, one for when. A file without the column of what
// became of them is a list of winners. Lines that cannot be used come back with
// the reason; the error says that the file cannot be used at all.
func ReadOutcomes(r io.Reader) (list []Outcome, bad []BadOutcome, err error) {
	csv, err := intake.NewCSV(r, 0)
	if err != nil {
		return nil, nil, err
	}
	head := csv.Header()
	who, what, when := columnOf(head, leadNames), columnOf(head, outcomeNames), columnOf(head, timeNames)
	if who < 0 {
		return nil, nil, fmt.Errorf("line 1: found the columns %s, expected one for the lead (%s), one for the outcome (%s) and one for its time (%s); rename them",
			strings.Join(head, ", "), leadNames[0], outcomeNames[0], timeNames[0])
	}
	for {
		rec, err := csv.Next()
		if errors.Is(err, io.EOF) {
			return list, bad, nil
		}
		if err != nil {
			return nil, nil, err
		}
		why := ""
		o := Outcome{Line: rec.Line}
		if rec.Rejected != nil {
			why = rec.Rejected.Reason
		} else {
			why = o.read(rec.Fields, who, what, when)
		}
		if why != "" {
			bad = append(bad, BadOutcome{rec.Line, why})
		} else if o.Fate != measure.Open {
			list = append(list, o)
		}
	}
}

func columnOf(head, names []string) int {
	for _, name := range names {
		if i := slices.IndexFunc(head, func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) }); i >= 0 {
			return i
		}
	}
	return -1
}

func (o *Outcome) read(fields []string, who, what, when int) (why string) {
	if o.Lead = strings.TrimSpace(fields[who]); o.Lead == "" {
		return "found no lead, expected its id"
	}
	o.Fate = measure.Won
	if what >= 0 {
		var ok bool
		if o.Fate, ok = ParseFate(fields[what]); !ok {
			return fmt.Sprintf("found the outcome %s, expected won or lost (or yes or no, 1 or 0), or nothing for a lead that is open", strconv.Quote(fields[what]))
		}
	}
	if when < 0 || strings.TrimSpace(fields[when]) == "" {
		return ""
	}
	var ok bool
	if o.At, ok = ParseMoment(fields[when]); !ok {
		return fmt.Sprintf("found the time %s, expected a day such as 2026-03-01 or a time such as 2026-03-01T12:00:00Z", strconv.Quote(fields[when]))
	}
	o.Timed = true
	return ""
}

// ParseFate reads won or lost and what people write for them; nothing is Open.
func ParseFate(s string) (f measure.Fate, ok bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "won", "win", "yes", "true", "1", "y", "converted", "closed won", "customer":
		return measure.Won, true
	case "lost", "loss", "no", "false", "0", "n", "closed lost":
		return measure.Lost, true
	case "", "open":
		return measure.Open, true
	}
	return measure.Open, false
}

// ParseMoment reads a day, which begins at midnight UTC, or a time with its
// zone, as ms.
func ParseMoment(s string) (ms int64, ok bool) {
	s = strings.TrimSpace(s)
	if t, err := time.ParseInLocation("2006-01-02", s, time.UTC); err == nil {
		return t.UnixMilli(), true
	}
	ms, code, _ := intake.ParseTime(s)
	return ms, code == ""
}
