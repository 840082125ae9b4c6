package value

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxDuration bounds every duration of the language, in ms: 1,000 years. Sums
// with a time in ms since 1970 stay far from overflow.
const MaxDuration int64 = 365_250 * Day

// Day is a day in ms.
const Day int64 = 24 * 60 * 60 * 1000

// ErrDuration says that a text is not a duration.
var ErrDuration = errors.New("not a duration")

// durationUnits go from long to short, the order in which they may be written.
func durationUnits() []struct {
	name   string
	millis int64
} {
	return []struct {
		name   string
		millis int64
	}{{"w", 7 * Day}, {"d", Day}, {"h", 3_600_000}, {"m", 60_000}, {"s", 1000}, {"ms", 1}}
}

// ParseDuration reads whole amounts with the units w d h m s ms, from long to
// short, each at most once: "60d", "1d12h", "500ms". The result is in ms, from
// 0 to MaxDuration. A day is 24 hours.
func ParseDuration(s string) (ms int64, err error) {
	if s == "" {
		return 0, fmt.Errorf("%w: the text is empty", ErrDuration)
	}
	if len(s) > 64 {
		return 0, fmt.Errorf("%w: the text has %d characters", ErrDuration, len(s))
	}
	if strings.HasPrefix(s, "-") {
		return 0, fmt.Errorf("%w: %q is negative", ErrDuration, s)
	}
	units := durationUnits()
	for rest := s; rest != ""; {
		digits := leading(rest, func(c byte) bool { return c >= '0' && c <= '9' })
		unit := leading(rest[len(digits):], func(c byte) bool { return c >= 'a' && c <= 'z' })
		if digits == "" || unit == "" {
			return 0, fmt.Errorf("%w: %q is not made of whole numbers with units", ErrDuration, s)
		}
		rest = rest[len(digits)+len(unit):]
		at := 0
		for at < len(units) && units[at].name != unit {
			at++
		}
		if at == len(units) {
			return 0, fmt.Errorf("%w: %q has no unit w, d, h, m, s or ms, or has its units out of order", ErrDuration, digits+unit)
		}
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || n > MaxDuration/units[at].millis || ms+n*units[at].millis > MaxDuration {
			return 0, fmt.Errorf("%w: %q is longer than 1,000 years", ErrDuration, s)
		}
		ms += n * units[at].millis
		units = units[at+1:]
	}
	return ms, nil
}

// FormatDuration writes ms the way ParseDuration reads it: "1d12h". Negative
// durations get a sign, which ParseDuration refuses.
func FormatDuration(ms int64) string {
	if ms == 0 {
		return "0s"
	}
	var b strings.Builder
	if ms < 0 {
		b.WriteByte('-')
		ms = -ms
	}
	for _, u := range durationUnits() {
		// 60d reads better than 8w4d: weeks only when nothing is left over.
		if u.name == "w" && ms%u.millis != 0 {
			continue
		}
		if n := ms / u.millis; n > 0 {
			b.WriteString(strconv.FormatInt(n, 10) + u.name)
			ms -= n * u.millis
		}
	}
	return b.String()
}

func leading(s string, in func(byte) bool) string {
	i := 0
	for i < len(s) && in(s[i]) {
		i++
	}
	return s[:i]
}
