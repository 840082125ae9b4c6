package model

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/model/expr"
	"github.com/ripenhq/ripen/engine/model/match"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// A reader reads the value of a source; Absent is missing.
type reader func(*ledger.Frame) lead.Value

// texter reads a source that is a text.
type texter func(*ledger.Frame) (string, bool)

// projector builds the projector of one input; nil after a mistake.
func (b *builder) projector(w *stepWork, in *abi.Input) step.Projector {
	switch in.Source {
	case abi.FromExpr:
		return b.fromExpr(w, in)
	case abi.FromEvent:
		if in.Kind == abi.InputEnum {
			return nameEnum(in)
		}
		return fromText(in, eventName)
	case abi.FromPath:
		if in.Kind == abi.InputEnum {
			return pathEnum(in)
		}
		return fromText(in, eventPath)
	case abi.FromKind:
		return fromText(in, func(f *ledger.Frame) (string, bool) {
			return eventText(f, func(e *lead.Event) string { return e.Kind.String() })
		})
	case abi.FromEventID:
		return func(f *ledger.Frame) (uint64, string, bool) {
			if f.Event == nil || f.Event.ID == "" {
				return 0, "", false
			}
			return ledger.Hash64(f.Event.ID), "", true
		}
	case abi.FromLastActivity:
		return func(f *ledger.Frame) (uint64, string, bool) {
			return uint64(f.Acct.LastActivity), "", f.Acct.LastActivity != 0
		}
	case abi.FromCounter:
		return b.fromCounter(w, in)
	case abi.FromGrade:
		return b.fromGrade(w, in)
	case abi.FromFlag:
		return b.fromFlag(w, in)
	}
	return b.fromValue(in, valueReader(in))
}

// nameEnum and pathEnum are fromText for what nearly every step looks at, in
// one closure where that is possible.
func nameEnum(in *abi.Input) step.Projector {
	flat := match.NewClassifier(in.Literals).Flat()
	if flat == nil {
		return fromText(in, eventName)
	}
	return func(f *ledger.Frame) (uint64, string, bool) {
		if f.Event == nil || f.Event.Name == "" {
			return 0, "", false
		}
		return flat.Find(f.Event.Name), "", true
	}
}

func pathEnum(in *abi.Input) step.Projector {
	flat := match.NewClassifier(in.Literals).Flat()
	if flat == nil {
		return fromText(in, eventPath)
	}
	return func(f *ledger.Frame) (uint64, string, bool) {
		if f.Event == nil || f.Event.Path == "" {
			return 0, "", false
		}
		return flat.Find(f.Event.Path), "", true
	}
}

func eventName(f *ledger.Frame) (string, bool) {
	return eventText(f, func(e *lead.Event) string { return e.Name })
}

func eventPath(f *ledger.Frame) (string, bool) {
	return eventText(f, func(e *lead.Event) string { return e.Path })
}

func eventText(f *ledger.Frame, read func(*lead.Event) string) (string, bool) {
	if f.Event == nil {
		return "", false
	}
	s := read(f.Event)
	return s, s != ""
}

// valueReader reads properties, traits, account facts and context.
func valueReader(in *abi.Input) reader {
	name := in.Name
	switch in.Source {
	case abi.FromTrait:
		return func(f *ledger.Frame) lead.Value { return f.Acct.Person.Get(name) }
	case abi.FromAccount:
		return func(f *ledger.Frame) lead.Value { return f.Acct.Company.Get(name) }
	case abi.FromContext:
		return func(f *ledger.Frame) (v lead.Value) {
			if f.Event != nil {
				v = f.Event.Context.Get(name)
			}
			return v
		}
	}
	return func(f *ledger.Frame) (v lead.Value) {
		if f.Event != nil {
			v = f.Event.Props.Get(name)
		}
		return v
	}
}

// fromText projects a text as an enum, a string or a key.
func fromText(in *abi.Input, read texter) step.Projector {
	switch in.Kind {
	case abi.InputEnum:
		c := match.NewClassifier(in.Literals)
		return func(f *ledger.Frame) (uint64, string, bool) {
			s, ok := read(f)
			if !ok {
				return 0, "", false
			}
			return c.Find(s), "", true
		}
	case abi.InputKey:
		return func(f *ledger.Frame) (uint64, string, bool) {
			s, ok := read(f)
			if !ok {
				return 0, "", false
			}
			return ledger.Hash64(s), "", true
		}
	}
	return func(f *ledger.Frame) (uint64, string, bool) {
		s, ok := read(f)
		return 0, s, ok
	}
}

// fromValue projects a property by the type that the plugin asked for: what
// does not fit is absent.
func (b *builder) fromValue(in *abi.Input, read reader) step.Projector {
	switch in.Kind {
	case abi.InputBool:
		return func(f *ledger.Frame) (uint64, string, bool) { return triBits(expr.TriOf(read(f))) }
	case abi.InputNumber:
		return numberBits(func(f *ledger.Frame) (float64, bool) { return expr.NumberOf(read(f)) })
	case abi.InputCount:
		return countBits(func(f *ledger.Frame) (float64, bool) { return expr.NumberOf(read(f)) })
	case abi.InputTime:
		zone := b.book.Zone
		return func(f *ledger.Frame) (uint64, string, bool) {
			ms, ok := timeOf(read(f), zone)
			return uint64(ms), "", ok
		}
	}
	return fromText(in, func(f *ledger.Frame) (string, bool) {
		v := read(f)
		if v.Kind == lead.List {
			return v.Str, true
		}
		return expr.TextOf(v)
	})
}

func triBits(t lead.Tri) (uint64, string, bool) {
	bits := uint64(0)
	if t == lead.True {
		bits = 1
	}
	return bits, "", t != lead.Unknown
}

func numberBits(read func(*ledger.Frame) (float64, bool)) step.Projector {
	return func(f *ledger.Frame) (uint64, string, bool) {
		v, ok := read(f)
		return math.Float64bits(v), "", ok
	}
}

// countBits projects whole numbers; others are absent.
func countBits(read func(*ledger.Frame) (float64, bool)) step.Projector {
	return func(f *ledger.Frame) (uint64, string, bool) {
		v, ok := read(f)
		if !ok || v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return 0, "", false
		}
		return uint64(int64(v)), "", true
	}
}

// timeOf reads a time: RFC 3339, a date (its begin in the workflow's zone), or
// a number of ms since 1970 (seconds below 1e11, which is the year 5138).
func timeOf(v lead.Value, zone *time.Location) (ms int64, ok bool) {
	switch v.Kind {
	case lead.Number:
		f := v.Num
		if math.Abs(f) < 1e11 {
			f = float64(f * 1000)
		}
		return int64(f), math.Abs(f) < 1e15
	case lead.String:
		if len(v.Str) == len(time.DateOnly) {
			t, err := time.ParseInLocation(time.DateOnly, v.Str, zone)
			return t.UnixMilli(), err == nil
		}
		if len(v.Str) > len(time.DateOnly) && len(v.Str) < 40 {
			t, err := time.Parse(time.RFC3339Nano, v.Str)
			return t.UnixMilli(), err == nil
		}
	}
	return 0, false
}

func (b *builder) fromCounter(w *stepWork, in *abi.Input) step.Projector {
	at := b.counterIndex(w, in.Name)
	if at < 0 {
		var names []string
		for i := range b.book.Counters {
			names = append(names, b.book.Counters[i].Name)
		}
		b.errorf(w.def.Range, "Unknown counter", "Step %q reads counter %q.%s The counters are: %s.", w.def.Name, in.Name, expr.Suggest(in.Name, names), expr.OneOf(names))
		return nil
	}
	float := in.Kind == abi.InputNumber
	return func(f *ledger.Frame) (uint64, string, bool) {
		n := f.Acct.Counted(f.Book, at, f.At)
		if float {
			return math.Float64bits(float64(n)), "", true
		}
		return uint64(n), "", true
	}
}

// earlier finds a step before w by name; the empty name is the first that
// gives a grade.
func (b *builder) earlier(w *stepWork, name string) int {
	before := b.book.Steps[:w.spec.Index]
	return slices.IndexFunc(before, func(s ledger.StepDef) bool {
		return s.Name == name || (name == "" && len(s.Grades) > 0)
	})
}

func (b *builder) fromGrade(w *stepWork, in *abi.Input) step.Projector {
	at := b.earlier(w, in.Name)
	if at < 0 || len(b.book.Steps[at].Grades) == 0 {
		b.errorf(w.def.Range, "There is no grade", "Step %q reads the grade of step %q, and no earlier step of that name gives one.", w.def.Name, in.Name)
		return nil
	}
	grades := b.book.Steps[at].Grades
	return fromText(in, func(f *ledger.Frame) (string, bool) {
		if g := int(f.Acct.Steps[at].Grade); g > 0 && g <= len(grades) {
			return grades[g-1], true
		}
		return "", false
	})
}

func (b *builder) fromFlag(w *stepWork, in *abi.Input) step.Projector {
	name, flag, _ := strings.Cut(in.Name, ".")
	at, bit := b.earlier(w, name), -1
	if at >= 0 {
		bit = slices.Index(b.book.Steps[at].Flags, flag)
	}
	if bit < 0 {
		b.errorf(w.def.Range, "Unknown flag", "Step %q reads the flag %q, and no earlier step has it.", w.def.Name, in.Name)
		return nil
	}
	return func(f *ledger.Frame) (uint64, string, bool) {
		m := &f.Acct.Steps[at]
		return m.Out >> bit & 1, "", m.Ran
	}
}
