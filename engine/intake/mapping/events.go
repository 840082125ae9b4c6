package mapping

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/intake"
)

// builder makes the events of one row.
type builder struct {
	r      *Reader
	lead   string
	at     string
	body   []byte
	events [][]byte
	why    string // the first field that could not be read
}

// call adds one event; name goes into the member that its kind wants, facts
// into the object called under.
func (b *builder) call(kind, name, under string, facts []Fact) {
	b.begin(kind, name)
	b.object(under, facts, "")
	b.end(0)
}

func (b *builder) begin(kind, name string) {
	b.body = append(b.body[:0], `"type":`...)
	b.body = intake.AppendQuoted(b.body, kind)
	b.member("userId", b.lead)
	b.member("timestamp", b.at)
	if kind == "track" {
		b.member("event", name)
	}
}

func (b *builder) member(key, value string) {
	b.body = intake.AppendQuoted(append(b.body, ','), key)
	b.body = intake.AppendQuoted(append(b.body, ':'), value)
}

// end closes the event that body holds and gives it its id.
func (b *builder) end(n int) {
	id := messageID(b.lead, string(b.body), n)
	raw := make([]byte, 0, len(b.body)+60)
	raw = append(raw, `{"messageId":`...)
	raw = append(intake.AppendQuoted(raw, id), ',')
	raw = append(append(raw, b.body...), '}')
	b.events = append(b.events, raw)
}

// object writes facts that say something as a JSON object, behind path.
func (b *builder) object(key string, facts []Fact, path string) {
	b.body = append(intake.AppendQuoted(append(b.body, ','), key), ":{"...)
	sep := ""
	if path != "" {
		b.body = intake.AppendQuoted(append(b.body, `"path":`...), path)
		sep = ","
	}
	for i := range facts {
		text, ok := b.r.get(facts[i].Column)
		if !ok {
			continue
		}
		b.body = append(b.body, sep...)
		b.body = append(intake.AppendQuoted(b.body, facts[i].Name), ':')
		b.value(&facts[i], text)
		sep = ","
	}
	b.body = append(b.body, '}')
}

// value writes a field as its type.
func (b *builder) value(f *Fact, text string) {
	switch f.Type {
	case Number:
		n, ok := b.r.m.parseNumber(text)
		if !ok {
			b.fail(f.Column, text, "a number", "correct it, or list it under nulls")
			return
		}
		b.body = strconv.AppendFloat(b.body, n, 'g', -1, 64)
	case Bool:
		v, ok := parseBool(text)
		if !ok {
			b.fail(f.Column, text, "yes or no, true or false, 1 or 0", "correct it, or map it as text")
		}
		b.body = strconv.AppendBool(b.body, v)
	case Date:
		t, clock, ok := b.r.m.parseDate(text)
		if !ok {
			b.fail(f.Column, text, "a date", "name its format: dates = [\"DD-MM-YYYY\"]")
			return
		}
		layout := time.DateOnly
		if clock {
			t, layout = t.UTC(), isoMilli
		}
		b.body = intake.AppendQuoted(b.body, t.Format(layout))
	default:
		b.body = intake.AppendQuoted(b.body, text)
	}
}

func (b *builder) fail(c Column, found, expected, todo string) {
	if b.why == "" {
		b.why = badField(c, strconv.Quote(found), expected, todo)
	}
}

// group adds the facts of the account, unless the row has none.
func (b *builder) group() {
	id, known := b.r.get(b.r.m.AccountID)
	for i := range b.r.m.Account {
		_, ok := b.r.get(b.r.m.Account[i].Column)
		known = known || ok
	}
	if !known {
		return
	}
	b.begin("group", "")
	if id != "" {
		b.member("groupId", id)
	}
	b.object("traits", b.r.m.Account, "")
	b.end(0)
}

// activity adds what the row says the lead did.
func (b *builder) activity(a *Activity) {
	n := b.times(a)
	if n == 0 {
		return
	}
	kind, path := "track", ""
	if a.Page {
		kind, path = "page", a.Name
	}
	b.begin(kind, a.Name)
	b.object("properties", a.Props, path)
	for i := range n {
		b.end(i)
	}
}

// times is how often the activity happened.
func (b *builder) times(a *Activity) int {
	if a.When.Set() {
		text, ok := b.r.get(a.When)
		for _, want := range a.Equals {
			if ok && strings.EqualFold(text, want) {
				return 1
			}
		}
		return 0
	}
	text, ok := b.r.get(a.Count)
	if !ok {
		return 0
	}
	n, ok := b.r.m.parseNumber(text)
	if !ok || n < 0 || n != math.Trunc(n) {
		b.fail(a.Count, text, "a count", "correct it, or list it under nulls")
		return 0
	}
	if a.Max > 0 {
		return int(math.Min(n, float64(a.Max)))
	}
	if n > maxCount {
		b.fail(a.Count, text, "at most "+strconv.Itoa(maxCount), "correct it, or give the event a max")
		return 0
	}
	return int(n)
}

// parseNumber reads a number with the mapping's decimal sign, without
// thousands separators.
func (m *Mapping) parseNumber(s string) (float64, bool) {
	if m.Decimal == ',' {
		if strings.Contains(s, ".") {
			return 0, false
		}
		s = strings.Replace(s, ",", ".", 1)
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

func parseBool(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "yes", "true", "1", "y", "x":
		return true, true
	case "no", "false", "0", "n":
		return false, true
	}
	return false, false
}

// parseDate reads a date; clock says whether it has a time of day. What has no
// zone is in the mapping's.
func (m *Mapping) parseDate(s string) (t time.Time, clock, ok bool) {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t, true, true
	}
	for _, layout := range m.Dates {
		if t, err := time.ParseInLocation(layout, s, m.Zone); err == nil {
			return t, strings.Contains(layout, "04"), true
		}
	}
	return time.Time{}, false, false
}
