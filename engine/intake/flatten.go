package intake

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/lead"
)

// values reads an object into dst, nested names joined by ".".
func (d *Decoder) values(dst *flat, key string) bool {
	if d.scan.peek() != '{' {
		return d.other(key, "an object")
	}
	d.count -= len(dst.list) // the later of two objects replaces the earlier
	dst.list = dst.list[:0]
	d.name = d.name[:0]
	return d.members(dst, 2)
}

// members reads the object at the position; d.name is its own dotted name.
func (d *Decoder) members(dst *flat, depth int) bool {
	s := &d.scan
	if !s.deeper(depth) {
		return false
	}
	s.i++
	more, ok := s.first('}'), true
	for more && ok {
		key, good := s.key()
		if !good || !d.member(dst, key, depth) {
			return false
		}
		more, ok = s.next('}')
	}
	return ok
}

// member reads one value. Null is kept as Absent until the end, so that it
// hides an earlier value of the same name.
func (d *Decoder) member(dst *flat, key string, depth int) bool {
	s := &d.scan
	var v lead.Value
	ok := true
	switch c := s.peek(); {
	case c == '"':
		v.Kind = lead.String
		v.Str, ok = s.str()
	case c == '{':
		return d.nested(dst, key, depth)
	case c == '[':
		v, ok = d.list(depth)
	case c == 't':
		ok = s.word("true")
		v = lead.BoolOf(true)
	case c == 'f':
		ok = s.word("false")
		v = lead.BoolOf(false)
	case c == '-' || c >= '0' && c <= '9':
		v.Kind = lead.Number
		v.Num, ok = s.number()
	default:
		ok = s.word("null")
	}
	if !ok {
		return false
	}
	if d.count++; d.count > d.opts.MaxProps {
		s.note(CodeTooMany, reason("", "more than "+strconv.Itoa(d.opts.MaxProps)+" properties, traits and context values",
			"at most "+strconv.Itoa(d.opts.MaxProps), "send only what rules read"))
		return true
	}
	dst.list = append(dst.list, lead.Prop{Name: d.dotted(key), Value: v})
	return true
}

func (d *Decoder) nested(dst *flat, key string, depth int) bool {
	outer := len(d.name)
	d.name = append(append(d.name, key...), '.')
	ok := d.members(dst, depth+1)
	d.name = d.name[:outer]
	return ok
}

// Bounds of the table of dotted names.
const (
	maxNames   = 4096
	maxNameLen = 128
)

// dotted is key behind the name of the object that holds it. Names repeat from
// event to event, so each is made once.
func (d *Decoder) dotted(key string) string {
	outer := len(d.name)
	if outer == 0 {
		return key
	}
	d.name = append(d.name, key...)
	full, ok := d.names[string(d.name)]
	if !ok {
		full = string(d.name)
		if len(d.names) < maxNames && len(full) <= maxNameLen {
			d.names[full] = full
		}
	}
	d.name = d.name[:outer]
	return full
}

// list reads an array of scalars as one List value; an array that holds
// objects or arrays is Absent. Nulls in it are left out.
func (d *Decoder) list(depth int) (lead.Value, bool) {
	s := &d.scan
	if !s.deeper(depth + 1) {
		return lead.Value{}, false
	}
	s.i++
	d.elems = d.elems[:0]
	flatList, n := true, 0
	more, ok := s.first(']'), true
	for more && ok {
		start := len(d.elems)
		if n > 0 {
			d.elems = append(d.elems, lead.ListSep...)
		}
		kind, good := d.element(depth)
		if !good {
			return lead.Value{}, false
		}
		switch kind {
		case lead.Absent:
			d.elems = d.elems[:start]
		case lead.List:
			flatList = false
		default:
			n++
		}
		more, ok = s.next(']')
	}
	if !ok || !flatList {
		return lead.Value{}, ok
	}
	return lead.Value{Kind: lead.List, Str: string(d.elems)}, true
}

// element appends one scalar of an array to elems; List stands for anything
// that is no scalar, Absent for null.
func (d *Decoder) element(depth int) (lead.ValueKind, bool) {
	s := &d.scan
	switch c := s.peek(); {
	case c == '"':
		v, ok := s.str()
		if strings.Contains(v, lead.ListSep) {
			s.note(CodeListElement, reason("", "the control character 1F in an element of a list", "text", "remove it at the source"))
		}
		d.elems = append(d.elems, v...)
		return lead.String, ok
	case c == 't' || c == 'f':
		start := s.i
		ok := s.skip(depth + 2)
		d.elems = append(d.elems, s.b[start:s.i]...)
		return lead.Bool, ok
	case c == '-' || c >= '0' && c <= '9':
		f, ok := s.number()
		d.elems = strconv.AppendFloat(d.elems, f, 'f', -1, 64)
		return lead.Number, ok
	case c == 'n':
		return lead.Absent, s.word("null")
	}
	return lead.List, s.skip(depth + 2)
}

// keep sorts the collected values, drops the overridden and the absent, and
// copies the rest to memory that outlives the next Decode.
func (d *Decoder) keep(f *flat) lead.Props {
	p := tidy(f.list)
	if len(p) == 0 {
		return nil
	}
	const chunk = 256
	if cap(d.slab)-len(d.slab) < len(p) {
		d.slab = make([]lead.Prop, 0, max(chunk, len(p)))
	}
	from := len(d.slab)
	d.slab = append(d.slab, p...)
	return lead.Props(d.slab[from:len(d.slab):len(d.slab)])
}

// tidy sorts by name in place; of equal names the last stays, unless absent.
func tidy(p []lead.Prop) []lead.Prop {
	if len(p) <= 24 {
		for i := 1; i < len(p); i++ {
			for j := i; j > 0 && p[j].Name < p[j-1].Name; j-- {
				p[j], p[j-1] = p[j-1], p[j]
			}
		}
	} else {
		slices.SortStableFunc(p, func(a, b lead.Prop) int { return strings.Compare(a.Name, b.Name) })
	}
	out := p[:0]
	for i := range p {
		if i+1 < len(p) && p[i+1].Name == p[i].Name || p[i].Value.Kind == lead.Absent {
			continue
		}
		out = append(out, p[i])
	}
	return out
}
