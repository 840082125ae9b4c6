package sdktest

import (
	"fmt"
	"hash/fnv"
	"math"
	"strconv"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Event is one input of one lead. All times are ms since 1970 UTC.
type Event struct {
	Lead string // default "lead"
	ID   string
	Name string
	Path string
	Kind string // default "page" when Path is set, else "track"
	At   int64
	Now  int64 // default: the latest time that reached the lead

	Props, Traits, Account, Context map[string]any
	// Exprs says what the expressions of the configuration are worth, by text:
	// bool, number or string. "true" and "false" need not be listed.
	Exprs map[string]any
	// Counters are the workflow's counters, and override the plugin's own.
	Counters map[string]int64
	Grades   map[string]string // by step
	Flags    map[string]bool   // by "step.flag"
	// Active says when the lead was last active; default: its latest event.
	Active int64
	Rows   []sdk.Row

	kind uint32 // abi.SlotEvent unless set
}

func (e *Event) lead() string {
	if e.Lead == "" {
		return "lead"
	}
	return e.Lead
}

func hash(s string) uint64 {
	if s == "" {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(s))
	return h.Sum64()
}

// project computes one column as the host does.
func (h *Host) project(e *Event, in *abi.Input) (bits uint64, text string, present bool) {
	v := h.source(e, in)
	if v == nil {
		return 0, "", false
	}
	switch in.Kind {
	case abi.InputBool:
		b, ok := v.(bool)
		if b {
			bits = 1
		}
		return bits, "", ok
	case abi.InputNumber:
		f, ok := number(v)
		return math.Float64bits(f), "", ok
	case abi.InputTime, abi.InputCount:
		f, ok := number(v)
		return uint64(int64(f)), "", ok
	case abi.InputEnum:
		for i := range in.Literals {
			if in.Literals[i].Match(textOf(v)) {
				return uint64(i) + 1, "", true
			}
		}
		return 0, "", true
	case abi.InputKey:
		return hash(textOf(v)), "", true
	}
	return 0, textOf(v), true
}

// source reads where an input comes from; nil is absent.
func (h *Host) source(e *Event, in *abi.Input) any {
	switch in.Source {
	case abi.FromExpr:
		return h.expr(e, in.Expr)
	case abi.FromTrait:
		return e.Traits[in.Name]
	case abi.FromAccount:
		return e.Account[in.Name]
	case abi.FromCounter:
		return h.counter(e, in.Name)
	case abi.FromGrade:
		return orNil(e.Grades[in.Name])
	case abi.FromFlag:
		if v, ok := e.Flags[in.Name]; ok {
			return v
		}
		return nil
	case abi.FromLastActivity:
		if at := h.active(e); at != 0 {
			return float64(at)
		}
		return nil
	}
	if e.kind != abi.SlotEvent {
		return nil
	}
	switch in.Source {
	case abi.FromEvent:
		return orNil(e.Name)
	case abi.FromPath:
		return orNil(e.Path)
	case abi.FromProp:
		return e.Props[in.Name]
	case abi.FromContext:
		return e.Context[in.Name]
	case abi.FromKind:
		return e.kindName()
	case abi.FromEventID:
		return orNil(e.ID)
	}
	return nil
}

func (e *Event) kindName() string {
	switch {
	case e.Kind != "":
		return e.Kind
	case e.Path != "":
		return "page"
	}
	return "track"
}

func (h *Host) expr(e *Event, id uint32) any {
	switch text := h.exprs[id]; text {
	case "true":
		return true
	case "false":
		return false
	default:
		return e.Exprs[text]
	}
}

func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func textOf(v any) string {
	if f, ok := number(v); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
