package intake

import (
	"strconv"
	"time"
)

// The range of believable times, in ms since 1970 UTC: from 2000 up to, and
// without, 2100.
const (
	minTime int64 = 946684800000
	maxTime int64 = 4102444800000
)

// ParseTime reads an ISO-8601 date and time with a zone ("Z", "+01:00",
// "+0100", "+01") into ms since 1970 UTC. The separator may be "T" or a space,
// seconds and their fraction may be missing. On failure code and why say what
// to reject with.
func ParseTime(s string) (ms int64, code, why string) {
	p := isoParser{s: s}
	ms, ok := p.parse()
	switch {
	case !ok:
		return 0, CodeBadTime, reason("", excerpt(s), "an ISO-8601 time such as \"2026-01-31T09:30:00Z\"", "")
	case !p.zone:
		return 0, CodeNoZone, reason("", excerpt(s), "a time with its zone", "add \"Z\" for UTC or an offset such as \"+01:00\"")
	}
	if code, why = timeInRange(ms); code != "" {
		return 0, code, why
	}
	return ms, "", ""
}

// timeInRange rejects times before 2000 and after 2099.
func timeInRange(ms int64) (code, why string) {
	if ms >= minTime && ms < maxTime {
		return "", ""
	}
	found := strconv.FormatInt(ms, 10) + " ms"
	if ms > -62135596800000 && ms < 253402300800000 {
		found = time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return CodeTimeRange, reason("", found, "a time between the years 2000 and 2099",
		"numbers are milliseconds since 1970 UTC, not seconds")
}

// isoParser reads fixed-width fields; ok turns false at the first that fails.
type isoParser struct {
	s    string
	i    int
	bad  bool
	zone bool
}

func (p *isoParser) parse() (int64, bool) {
	y, mo, d := p.num(4), p.then('-', 2), p.then('-', 2)
	if p.bad || mo < 1 || mo > 12 || d < 1 || d > daysIn(y, mo) {
		return 0, false
	}
	if p.i == len(p.s) {
		return 0, true // a date alone: a time without a zone
	}
	if c := p.s[p.i]; c != 'T' && c != 't' && c != ' ' {
		return 0, false
	}
	p.i++
	h, mi, sec, ms := p.num(2), p.then(':', 2), 0, 0
	if p.at(':') {
		p.i++
		sec = p.num(2)
		if p.at('.') || p.at(',') {
			ms = p.fraction()
		}
	}
	off := p.offset()
	if p.bad || p.i != len(p.s) || h > 23 || mi > 59 || sec > 59 {
		return 0, false
	}
	secs := days(y, mo, d)*86400 + int64(h*3600+mi*60+sec-off)
	return secs*1000 + int64(ms), true
}

func (p *isoParser) at(c byte) bool { return p.i < len(p.s) && p.s[p.i] == c }

func (p *isoParser) num(width int) int {
	if p.bad || p.i+width > len(p.s) {
		p.bad = true
		return 0
	}
	n := 0
	for _, c := range []byte(p.s[p.i : p.i+width]) {
		if c < '0' || c > '9' {
			p.bad = true
			return 0
		}
		n = n*10 + int(c-'0')
	}
	p.i += width
	return n
}

func (p *isoParser) then(sep byte, width int) int {
	if !p.at(sep) {
		p.bad = true
		return 0
	}
	p.i++
	return p.num(width)
}

// fraction reads digits behind the point; what is finer than a millisecond is
// cut off.
func (p *isoParser) fraction() int {
	p.i++
	ms, n := 0, 0
	for ; p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9'; n, p.i = n+1, p.i+1 {
		if n < 3 {
			ms = ms*10 + int(p.s[p.i]-'0')
		}
	}
	if n == 0 {
		p.bad = true
	}
	for ; n < 3; n++ {
		ms *= 10
	}
	return ms
}

// offset reads the zone in seconds east of UTC.
func (p *isoParser) offset() int {
	if p.at('Z') || p.at('z') {
		p.i++
		p.zone = true
		return 0
	}
	if !p.at('+') && !p.at('-') {
		return 0
	}
	sign := 1
	if p.s[p.i] == '-' {
		sign = -1
	}
	p.i++
	p.zone = true
	h, m := p.num(2), 0
	if p.at(':') {
		m = p.then(':', 2)
	} else if p.i < len(p.s) {
		m = p.num(2)
	}
	if h > 18 || m > 59 {
		p.bad = true
	}
	return sign * (h*3600 + m*60)
}

func daysIn(y, m int) int {
	switch m {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// days counts days since 1970-01-01 in the proleptic Gregorian calendar
// (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func days(y, m, d int) int64 {
	if m <= 2 {
		y--
	}
	era := y / 400
	if y < 0 {
		era = (y - 399) / 400
	}
	yoe := y - era*400
	doy := (153*((m+9)%12)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}
