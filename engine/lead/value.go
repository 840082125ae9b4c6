package lead

import (
	"sort"
	"strconv"
	"strings"
)

// ValueKind is the type of a Value. Absent is the zero value: missing is
// unknown, never zero or empty.
type ValueKind uint8

// The kinds of values that events and leads carry.
const (
	Absent ValueKind = iota
	Bool
	Number
	String
	List // strings, joined by ListSep
)

// ListSep separates the elements of a List value.
const ListSep = "\x1f"

// Value is one property or trait.
type Value struct {
	Kind ValueKind
	Num  float64 // Number: the value; Bool: 1 or 0
	Str  string  // String: the text; List: elements joined by ListSep
}

// BoolOf, NumberOf and StringOf make values.
func BoolOf(b bool) Value {
	v := Value{Kind: Bool}
	if b {
		v.Num = 1
	}
	return v
}

// NumberOf makes a Number value; f must be finite.
func NumberOf(f float64) Value { return Value{Kind: Number, Num: f} }

// StringOf makes a String value.
func StringOf(s string) Value { return Value{Kind: String, Str: s} }

// ListOf makes a List value.
func ListOf(elems ...string) Value { return Value{Kind: List, Str: strings.Join(elems, ListSep)} }

// Text prints the value for people.
func (v Value) Text() string {
	switch v.Kind {
	case Bool:
		return strconv.FormatBool(v.Num != 0)
	case Number:
		return strconv.FormatFloat(v.Num, 'f', -1, 64)
	case String:
		return v.Str
	case List:
		return strings.ReplaceAll(v.Str, ListSep, ", ")
	}
	return ""
}

// Prop is a named value.
type Prop struct {
	Name  string
	Value Value
}

// Props are properties sorted by name, each name once.
type Props []Prop

// Get returns the value under name, Absent if there is none.
func (p Props) Get(name string) Value {
	if len(p) <= 8 {
		for i := range p {
			if p[i].Name == name {
				return p[i].Value
			}
		}
		return Value{}
	}
	i := sort.Search(len(p), func(i int) bool { return p[i].Name >= name })
	if i < len(p) && p[i].Name == name {
		return p[i].Value
	}
	return Value{}
}

// Sort orders by name and keeps the last of equal names.
func (p Props) Sort() Props {
	sort.SliceStable(p, func(i, j int) bool { return p[i].Name < p[j].Name })
	out := p[:0]
	for i := range p {
		if n := len(out); n > 0 && out[n-1].Name == p[i].Name {
			out[n-1] = p[i]
			continue
		}
		out = append(out, p[i])
	}
	return out
}

// Tri is a truth value with unknown: what a condition over missing data is.
// Unknown never fires.
type Tri uint8

// The three truth values.
const (
	Unknown Tri = iota
	False
	True
)

// TriOf converts a bool.
func TriOf(b bool) Tri {
	if b {
		return True
	}
	return False
}

// And is Kleene's conjunction: false wins over unknown.
func (a Tri) And(b Tri) Tri {
	switch {
	case a == False || b == False:
		return False
	case a == Unknown || b == Unknown:
		return Unknown
	}
	return True
}

// Or is Kleene's disjunction: true wins over unknown.
func (a Tri) Or(b Tri) Tri {
	switch {
	case a == True || b == True:
		return True
	case a == Unknown || b == Unknown:
		return Unknown
	}
	return False
}

// Not keeps unknown.
func (a Tri) Not() Tri {
	switch a {
	case True:
		return False
	case False:
		return True
	}
	return Unknown
}
