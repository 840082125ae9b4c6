package expr

import (
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/model/match"
)

// TriOf reads a property where a bool is asked for.
func TriOf(v lead.Value) lead.Tri {
	switch v.Kind {
	case lead.Bool:
		return lead.TriOf(v.Num != 0)
	case lead.String:
		switch v.Str {
		case "true":
			return lead.True
		case "false":
			return lead.False
		}
	}
	return lead.Unknown
}

// NumberOf reads a property where a number is asked for: numbers and decimal
// texts; ok is false for everything else.
func NumberOf(v lead.Value) (f float64, ok bool) {
	switch v.Kind {
	case lead.Number:
		return v.Num, true
	case lead.String:
		return parseDecimal(v.Str)
	}
	return 0, false
}

// parseDecimal reads "12", "-0.5", "1e3"; it takes no hexadecimal, no
// underscore, no infinity, and does not allocate on other texts.
func parseDecimal(s string) (float64, bool) {
	if s == "" || len(s) > 40 {
		return 0, false
	}
	digits, dots, exp := 0, 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			digits++
		case c == '.' && dots == 0 && exp == 0:
			dots++
		case (c == 'e' || c == 'E') && exp == 0 && digits > 0:
			exp, digits = 1, 0
		case (c == '-' || c == '+') && (i == 0 || s[i-1] == 'e' || s[i-1] == 'E'):
		default:
			return 0, false
		}
	}
	if digits == 0 {
		return 0, false
	}
	f, err := strconv.ParseFloat(s, 64)
	return f, err == nil
}

// TextOf reads a property where a string is asked for. A number is printed,
// which allocates; comparisons with written texts go through matcher and
// equalsLiteral instead.
func TextOf(v lead.Value) (string, bool) {
	switch v.Kind {
	case lead.String:
		return v.Str, true
	case lead.Number, lead.Bool:
		return v.Text(), true
	}
	return "", false
}

// matcher is a test of a text: a set, or else patterns. It is no interface, so
// that the texts of numbers can stay on the stack.
type matcher struct {
	set   *match.Set
	globs []match.Glob
}

func (m *matcher) has(s string) bool {
	if m.set != nil {
		return m.set.Find(s) >= 0
	}
	for i := range m.globs {
		if m.globs[i].Match(s) {
			return true
		}
	}
	return false
}

// match tests a property: any element of a list, the text of anything else.
func (m *matcher) match(v lead.Value) lead.Tri {
	switch v.Kind {
	case lead.String:
		return lead.TriOf(m.has(v.Str))
	case lead.Number:
		var buf [32]byte
		return lead.TriOf(m.has(string(strconv.AppendFloat(buf[:0], v.Num, 'f', -1, 64))))
	case lead.Bool:
		return lead.TriOf(m.has(v.Text()))
	case lead.List:
		for rest, more := v.Str, true; more; {
			var elem string
			elem, rest, more = strings.Cut(rest, lead.ListSep)
			if m.has(elem) {
				return lead.True
			}
		}
		return lead.False
	}
	return lead.Unknown
}

// compareDyn orders two properties; ok is false when they do not fit each
// other. Numbers compare as numbers if one of them is a number and the other
// reads as one.
func compareDyn(a, b lead.Value) (order int, ok bool) {
	if a.Kind == lead.Absent || b.Kind == lead.Absent || a.Kind == lead.List || b.Kind == lead.List {
		return 0, false
	}
	if a.Kind == lead.Bool || b.Kind == lead.Bool {
		x, y := TriOf(a), TriOf(b)
		return int(x) - int(y), x != lead.Unknown && y != lead.Unknown
	}
	if a.Kind == lead.Number || b.Kind == lead.Number {
		x, okX := NumberOf(a)
		y, okY := NumberOf(b)
		return orderOf(x, y), okX && okY
	}
	return strings.Compare(a.Str, b.Str), true
}

func orderOf[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
