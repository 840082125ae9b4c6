package intake

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ripenhq/ripen/engine/lead"
)

// Codes of lead.Rejected that this package gives. They are stable: scripts and
// alerts may match on them.
const (
	CodeMalformed      = "malformed-json"
	CodeNotObject      = "not-an-object"
	CodeUTF8           = "invalid-utf8"
	CodeNUL            = "nul-character"
	CodeTooLarge       = "too-large"
	CodeTooDeep        = "too-deep"
	CodeTooMany        = "too-many-properties"
	CodeOverflow       = "number-overflow"
	CodeListElement    = "bad-list-element"
	CodeWrongType      = "wrong-type"
	CodeNoMessageID    = "missing-message-id"
	CodeNoLead         = "missing-lead"
	CodeNoType         = "missing-type"
	CodeUnknownType    = "unknown-type"
	CodeNoEvent        = "missing-event"
	CodeNoTime         = "missing-time"
	CodeBadTime        = "bad-time"
	CodeNoZone         = "time-without-zone"
	CodeTimeRange      = "time-out-of-range"
	CodeIDLong         = "id-too-long"
	CodeIDControl      = "id-control-character"
	CodeAlias          = "alias-unsupported"
	CodeAccountFact    = "account-fact-unsupported"
	CodeTickNotAllowed = "tick-not-allowed"
	CodePack           = "bad-pack"
	CodeCloudEvent     = "bad-cloudevent"
	CodeCSVRow         = "bad-csv-row"
)

// problem is the first thing found wrong with an input.
type problem struct {
	code   string
	reason string
}

// reason words a rejection the same way everywhere: where, found, expected,
// what to do.
func reason(where, found, expected, todo string) string {
	var b strings.Builder
	if where != "" {
		b.WriteString(where)
		b.WriteString(": ")
	}
	b.WriteString("found ")
	b.WriteString(found)
	b.WriteString(", expected ")
	b.WriteString(expected)
	if todo != "" {
		b.WriteString("; ")
		b.WriteString(todo)
	}
	return b.String()
}

// maxKept is how many bytes of a rejected input are kept: as many as an event
// may have. What is larger is no event that could be corrected here.
const maxKept = 256 << 10

// Reject makes a lead.Rejected with its own copy of raw.
func Reject(code, why string, raw []byte) *lead.Rejected {
	r := &lead.Rejected{Code: code, Reason: why}
	keep(r, raw)
	return r
}

// keep copies raw, or its beginning.
func keep(r *lead.Rejected, raw []byte) {
	if n := len(raw); n > maxKept {
		raw = raw[:maxKept]
		r.Reason += "; only its first " + strconv.Itoa(maxKept) + " of " + strconv.Itoa(n) + " bytes are kept"
	}
	r.Raw = append([]byte(nil), raw...)
}

// short is s, or as much of it as an id may have.
func short(s string, most int) string {
	if len(s) > most {
		for most > 0 && !utf8.RuneStart(s[most]) {
			most--
		}
		s = s[:most]
	}
	return strings.Clone(s)
}

// excerpt quotes at most 40 bytes of s for a message.
func excerpt(s string) string {
	const most = 40
	if len(s) <= most {
		return strconv.Quote(s)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strconv.Quote(s[:cut]) + "…"
}
