package conformance

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/ripenhq/ripen/engine/ledger"
	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/sdk/abi"
)

// slot is one input of one lead with all that the plugin is shown of it, and
// what it said. It stands for itself: no account and no event is behind it.
type slot struct {
	lead, event string // for people
	at, now     int64  // ms
	kind        uint32
	seed, hash  uint64
	probe       bool
	cols        []column
	rows        []abi.Row
	state       []byte // nil = fresh

	said answer
}

type column struct {
	bits    uint64
	text    string
	present bool
}

// answer is what a plugin says of a slot.
type answer struct {
	outcome step.Outcome
	result  abi.Result
	entries []abi.Entry
	state   []byte
	dirty   bool
}

// String is the answer to the byte, in the words of those who write plugins;
// what is zero is left out.
func (a *answer) String() string {
	var b strings.Builder
	say := func(format string, args ...any) {
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		fmt.Fprintf(&b, format, args...)
	}
	if o := &a.outcome; o.Kind != step.OutcomeOK {
		say("it fails (%s): %s", outcomeNames[o.Kind], strings.TrimSpace(o.Code+" "+o.Text))
	}
	r := &a.result
	for _, f := range []struct {
		name  string
		value int64
	}{{"status", int64(r.Status)}, {"result flags", int64(r.Flags)}, {"wakes at", r.WakeAt}, {"grade", int64(r.Grade)}, {"reason", int64(r.Reason)},
		{"state length", int64(r.StateLen)}, {"first entry", int64(r.EntryFirst)}, {"entries", int64(r.EntryN)}, {"text at", int64(r.TextOff)}, {"text length", int64(r.TextLen)}} {
		if f.value != 0 {
			say("%s %d", f.name, f.value)
		}
	}
	if r.Out != 0 {
		say("flags %b", r.Out)
	}
	for i := range a.entries {
		say("%s", entryText(&a.entries[i]))
	}
	if a.dirty {
		say("state %x", a.state)
	}
	if b.Len() == 0 {
		return "nothing"
	}
	return b.String()
}

var (
	outcomeNames = map[step.OutcomeKind]string{step.OutcomeSoft: "it said no", step.OutcomeTrap: "it broke", step.OutcomeBad: "against the contract", step.OutcomeOpen: "not asked"}
	entryNames   = map[uint8]string{abi.EntryAward: "award", abi.EntryReplace: "replace", abi.EntryAdjust: "adjust", abi.EntryVoid: "void"}
)

// entryText is an entry, such as "award rule 3 +2000".
func entryText(e *abi.Entry) string {
	text := entryNames[e.Kind]
	if text == "" {
		text = fmt.Sprintf("entry of kind %d", e.Kind)
	}
	text += fmt.Sprintf(" rule %d %+d", e.Rule, e.Delta)
	for _, f := range []struct {
		name  string
		value uint64
	}{{"flags", uint64(e.Flags)}, {"slot", uint64(e.Slot)}, {"scope", e.Scope}, {"row", uint64(e.Target)}, {"label", uint64(e.Label)}} {
		if f.value != 0 {
			text += fmt.Sprintf(" %s %d", f.name, f.value)
		}
	}
	return text
}

func answerOf(s *step.Slot) answer {
	a := answer{outcome: s.Outcome, result: s.Result, entries: slices.Clone(s.Entries)}
	if s.NewState != nil {
		a.state, a.dirty = bytes.Clone(s.NewState), true
	}
	if a.entries == nil {
		a.entries = []abi.Entry{}
	}
	return a
}

// maxRecorded is how many slots of one step are kept.
const maxRecorded = 20_000

// recorder keeps what reaches a scorer, and what it says.
type recorder struct {
	step.Scorer
	run *run
}

// Score scores as the scorer does.
func (r *recorder) Score(slots []step.Slot, probe bool) error {
	room := max(0, maxRecorded-len(r.run.slots))
	first := len(r.run.slots)
	for i := range slots[:min(room, len(slots))] {
		r.run.slots = append(r.run.slots, record(r.run.spec, &slots[i], probe))
	}
	err := r.Scorer.Score(slots, probe)
	for i := range r.run.slots[first:] {
		r.run.slots[first+i].said = answerOf(&slots[i])
	}
	return err
}

func record(spec *step.Spec, s *step.Slot, probe bool) slot {
	f := s.Frame
	out := slot{at: f.At, now: f.Now, kind: s.Kind, seed: s.Seed, hash: s.Event, probe: probe,
		rows: slices.Clone(s.Rows), state: bytes.Clone(s.State), cols: make([]column, len(spec.Project))}
	if f.Acct != nil {
		out.lead = strings.Clone(f.Acct.Key)
	}
	if f.Event != nil {
		out.event = strings.Clone(f.Event.Name)
		if out.event == "" {
			out.event = strings.Clone(f.Event.Path)
		}
	}
	for i, project := range spec.Project {
		bits, text, present := project(f)
		out.cols[i] = column{bits, strings.Clone(text), present}
	}
	return out
}

// replayer plays slots that stand for themselves to scorers of one step.
type replayer struct {
	spec *step.Spec // with projectors that read from cols
	cols map[*ledger.Frame][]column
}

func newReplayer(spec *step.Spec) *replayer {
	r := &replayer{cols: map[*ledger.Frame][]column{}}
	own := *spec
	own.Project = make([]step.Projector, len(spec.Needs.Inputs))
	for i := range own.Project {
		own.Project[i] = func(f *ledger.Frame) (uint64, string, bool) {
			c := &r.cols[f][i]
			return c.bits, c.text, c.present
		}
	}
	own.Breaker = 0 // each slot gets its verdict
	r.spec = &own
	return r
}

// slots makes them as the runner does.
func (r *replayer) slots(list []slot) []step.Slot {
	out := make([]step.Slot, len(list))
	for i := range list {
		s := &list[i]
		f := &ledger.Frame{At: s.at, Now: s.now}
		r.cols[f] = s.cols
		out[i] = step.Slot{Frame: f, Kind: s.kind, Seed: s.seed, Event: s.hash, State: s.state, Rows: s.rows}
	}
	return out
}

// score plays a list in rounds and returns the answers in the order of the list.
// Probes and others never travel together.
func (r *replayer) score(s step.Scorer, list []slot, round int) ([]answer, error) {
	clear(r.cols)
	out := make([]answer, 0, len(list))
	for i := 0; i < len(list); {
		n := 1
		for n < round && i+n < len(list) && list[i+n].probe == list[i].probe {
			n++
		}
		slots := r.slots(list[i : i+n])
		if err := s.Score(slots, list[i].probe); err != nil {
			return nil, err
		}
		for k := range slots {
			out = append(out, answerOf(&slots[k]))
		}
		i += n
	}
	return out, nil
}
