package conformance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Played is what the plugin makes of a case.
type Played struct {
	Case   string `json:"case"`
	Inputs int    `json:"inputs"` // that reached the plugin
	// Golden is the text to keep beside the case, Diff how it differs from the one
	// that is kept; empty = it does not.
	Golden []byte `json:"-"`
	Diff   string `json:"diff,omitempty"`
	New    bool   `json:"new,omitempty"` // nothing was kept yet
	// Fuel of one input in a call of its own: the middle and the most, and what an
	// input may use.
	Fuel, FuelMost, FuelLimit uint64
}

// OK says whether the plugin does what it did.
func (p *Played) OK() bool { return p.Diff == "" && !p.New }

// said is one input with the answer to it, as golden files have it.
type said struct {
	Step    string      `json:"step,omitempty"` // in a workflow with several of the plugin
	Lead    string      `json:"lead"`
	Input   string      `json:"input"` // name or path of the event, timer, probe
	At      string      `json:"at"`
	Entries []saidEntry `json:"entries,omitempty"`
	Grade   string      `json:"grade,omitempty"`
	Reason  string      `json:"reason,omitempty"`
	Flags   []string    `json:"flags,omitempty"`
	Hidden  bool        `json:"hidden,omitempty"`
	Wake    string      `json:"wake,omitempty"`
	State   *string     `json:"state,omitempty"` // hex, when it changed
	Error   string      `json:"error,omitempty"`
}

type saidEntry struct {
	Kind  string `json:"kind"` // award, replace, adjust, void
	Rule  string `json:"rule,omitempty"`
	Milli int64  `json:"milli"` // milli-points
	Row   *int   `json:"row,omitempty"`
	Scope string `json:"scope,omitempty"` // key of the plugin's own, hex
	Label string `json:"label,omitempty"` // input that the label is taken from
	Else  bool   `json:"else,omitempty"`  // only if the void before it found nothing
}

// Play plays all cases. The error says that one cannot be played.
func Play(ctx context.Context, module []byte, o Options) ([]Played, error) {
	s, err := open(&o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.load(ctx, module); err != nil {
		return nil, err
	}
	var list []Played
	for i := range o.Cases {
		p, err := s.play(ctx, &o.Cases[i])
		if err != nil {
			return nil, err
		}
		list = append(list, *p)
	}
	return list, nil
}

func (s *subject) play(ctx context.Context, c *Case) (*Played, error) {
	runs, err := s.record(ctx, c)
	if err != nil {
		return nil, err
	}
	p := &Played{Case: c.Name, FuelLimit: s.plugin.Fuel()}
	doc := struct {
		Inputs int    `json:"inputs"`
		Said   []said `json:"said"`
	}{Said: []said{}}
	var fuel []uint64
	for _, run := range runs {
		doc.Inputs += len(run.slots)
		// Rounds are the core's business: golden files go by time and lead.
		slices.SortStableFunc(run.slots, func(a, b slot) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.lead, b.lead)) })
		for i := range run.slots {
			if line, some := run.said(&run.slots[i], len(runs) > 1); some {
				doc.Said = append(doc.Said, line)
			}
		}
		if fuel, err = s.fuel(ctx, run, fuel); err != nil {
			return nil, err
		}
	}
	if slices.Sort(fuel); len(fuel) > 0 {
		p.Fuel, p.FuelMost = fuel[len(fuel)/2], fuel[len(fuel)-1]
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return nil, err
	}
	p.Inputs, p.Golden = doc.Inputs, text.Bytes()
	p.New = c.Golden == nil
	if !p.New {
		p.Diff = diff(string(c.Golden), text.String())
	}
	return p, nil
}

// fuel is what each input costs in a call of its own.
func (s *subject) fuel(ctx context.Context, run *run, fuel []uint64) ([]uint64, error) {
	replay := newReplayer(run.spec)
	sc, err := s.plugin.NewTrial(ctx, replay.spec, &wasm.Trial{Called: func(c wasm.Call) { fuel = append(fuel, c.Fuel) }})
	if err != nil {
		return nil, err
	}
	defer func() { _ = sc.Close() }()
	_, err = replay.score(sc, run.slots, 1)
	return fuel, err
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.999Z07:00") }

// said is an answer in the words of the needs; false: there is nothing in it.
func (r *run) said(s *slot, several bool) (line said, some bool) {
	n, a := r.spec.Needs, &s.said
	line = said{Lead: s.lead, Input: s.event, At: stamp(s.at), Hidden: a.result.Flags&abi.ResultHide != 0}
	if several {
		line.Step = r.spec.Name
	}
	switch {
	case s.kind == abi.SlotTimer:
		line.Input = "timer"
	case s.probe:
		line.Input = "probe"
	case line.Input == "":
		line.Input = "event without a name"
	}
	if a.outcome.Kind != step.OutcomeOK {
		line.Error = a.outcome.Text
		return line, true
	}
	if g := int(a.result.Grade); g > 0 {
		line.Grade = n.Grades[g-1]
	}
	if w := int(a.result.Reason); w > 0 {
		line.Reason = n.Reasons[w-1]
	}
	for i, flag := range n.Flags {
		if a.result.Out>>i&1 != 0 {
			line.Flags = append(line.Flags, flag)
		}
	}
	if a.result.WakeAt != 0 {
		line.Wake = stamp(a.result.WakeAt)
	}
	if a.dirty {
		state := hex.EncodeToString(a.state)
		line.State = &state
	}
	for i := range a.entries {
		line.Entries = append(line.Entries, r.entry(&a.entries[i]))
	}
	some = line.Hidden || line.Grade != "" || line.Reason != "" || line.Flags != nil || line.Wake != "" || a.dirty || line.Entries != nil
	return line, some
}

var kinds = map[uint8]string{abi.EntryAward: "award", abi.EntryReplace: "replace", abi.EntryAdjust: "adjust", abi.EntryVoid: "void"}

func (r *run) entry(e *abi.Entry) saidEntry {
	out := saidEntry{Kind: kinds[e.Kind], Milli: e.Delta}
	switch {
	case e.Kind == abi.EntryAdjust:
		row := int(e.Target)
		out.Row = &row
	case e.Kind == abi.EntryVoid && e.Flags&abi.EntryVoidEvent != 0:
		out.Kind = "void event"
	default:
		rule := &r.spec.Needs.Rules[e.Rule]
		if out.Rule = rule.Name; rule.Step != "" {
			out.Rule = rule.Step + "/" + rule.Name
		}
	}
	if e.Scope != 0 {
		out.Scope = fmt.Sprintf("%016x", e.Scope)
	}
	if e.Label > 0 {
		out.Label = r.spec.Needs.Inputs[e.Label-1].Name
	}
	out.Else = e.Kind == abi.EntryAward && e.Flags&abi.EntryElse != 0
	return out
}

// diff shows the first lines that differ, with two lines before them.
func diff(want, got string) string {
	if want == got {
		return ""
	}
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	first := 0
	for first < len(w) && first < len(g) && w[first] == g[first] {
		first++
	}
	end := 0
	for end < len(w)-first && end < len(g)-first && w[len(w)-1-end] == g[len(g)-1-end] {
		end++
	}
	var b strings.Builder
	for _, line := range w[max(0, first-2):first] {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	const most = 12
	for _, side := range []struct {
		sign  string
		lines []string
	}{{"-", w[first : len(w)-end]}, {"+", g[first : len(g)-end]}} {
		for i, line := range side.lines {
			if i == most {
				fmt.Fprintf(&b, "%s … and %d lines more\n", side.sign, len(side.lines)-most)
				break
			}
			fmt.Fprintf(&b, "%s %s\n", side.sign, line)
		}
	}
	return b.String()
}

// ErrNoCases says that there is nothing to play.
var ErrNoCases = errors.New("there are no fixtures")
