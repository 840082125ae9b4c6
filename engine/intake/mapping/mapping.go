package mapping

import (
	"time"

	"github.com/hashicorp/hcl/v2"
)

// Mapping is one mapping block.
type Mapping struct {
	Name      string
	ID        Column // the lead
	AccountID Column // optional: the groupId of the account
	Time      When
	Comma     byte     // 0: found in the header
	Nulls     []string // texts that mean nothing, compared without case
	Dates     []string // layouts of package time, tried in order
	Zone      *time.Location
	Decimal   byte // '.' or ','
	Traits    []Fact
	Account   []Fact
	Events    []Activity
	Range     hcl.Range
}

// Column names a column, with the other names it goes by.
type Column struct {
	Names []string
	Range hcl.Range
}

// Set says whether a column is named at all.
func (c Column) Set() bool { return len(c.Names) > 0 }

// When is the time of a row: fixed, or read from a column.
type When struct {
	Fixed  int64 // ms since 1970 UTC; 0 if Column is set
	Column Column
}

// Type says how the text of a field is read.
type Type uint8

// The types of facts.
const (
	Text Type = iota
	Number
	Bool
	Date // ISO-8601 text: a date, or a UTC time if the field has a time of day
)

var typeNames = map[string]Type{"text": Text, "number": Number, "bool": Bool, "date": Date}

// Fact is a trait of the lead or of its account.
type Fact struct {
	Name     string
	Column   Column
	Type     Type
	Optional bool // the file may lack the column
}

// Activity is something that a row says the lead did: an event or a page view.
// With Count it happened as often as that column says, otherwise once where
// When holds one of Equals.
type Activity struct {
	Name   string // event name, or path of the page
	Page   bool
	When   Column
	Equals []string
	Count  Column
	Max    int // higher counts count as Max; 0 refuses rows beyond maxCount
	Props  []Fact
	Range  hcl.Range
}

// maxCount is the largest believable count of an activity without a max.
const maxCount = 10000

// defaultNulls are texts that forms and exports write for nothing. "NA" is not
// among them: it is a country.
var defaultNulls = []string{"", "Select", "N/A", "#N/A", "NULL", "-", "--"}

// defaultDates read only one way. Dates with slashes do not: 03/04 is in March
// or in April, so the mapping has to say.
var defaultDates = []string{
	"YYYY-MM-DD", "YYYY-MM-DD HH:mm", "YYYY-MM-DD HH:mm:ss", "DD-MM-YYYY", "DD-MM-YYYY HH:mm", "DD-MM-YYYY HH:mm:ss",
	"DD.MM.YYYY", "DD.MM.YYYY HH:mm", "DD.MM.YYYY HH:mm:ss",
}

// dateTokens translate what people write into the layouts of package time,
// longest first.
var dateTokens = []struct{ token, layout string }{
	{"YYYY", "2006"}, {"MMM", "Jan"}, {"YY", "06"}, {"MM", "01"}, {"DD", "02"}, {"HH", "15"}, {"hh", "03"}, {"mm", "04"}, {"ss", "05"},
	{"M", "1"}, {"D", "2"}, {"A", "PM"},
}

// layoutOf translates a format such as "DD-MM-YYYY HH:mm"; ok is false if it
// holds a letter that means nothing or lacks year, month or day.
func layoutOf(format string) (layout string, ok bool) {
	seen := map[string]bool{}
scan:
	for i := 0; i < len(format); {
		for _, t := range dateTokens {
			if len(format)-i >= len(t.token) && format[i:i+len(t.token)] == t.token {
				layout += t.layout
				seen[t.token[:1]] = true
				i += len(t.token)
				continue scan
			}
		}
		c := format[i]
		if (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') && c != 'T' {
			return "", false
		}
		layout += string(c)
		i++
	}
	return layout, seen["Y"] && seen["M"] && seen["D"]
}
