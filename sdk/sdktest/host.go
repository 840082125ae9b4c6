package sdktest

import (
	"encoding/binary"
	"slices"
	"testing"
	"unsafe"

	"github.com/ripenhq/ripen/sdk"
	"github.com/ripenhq/ripen/sdk/abi"
)

const day = 86_400_000

// Host runs one configured plugin.
type Host struct {
	Needs *abi.Needs
	// Room bounds the entries of one call, to try a full ring; default 4,096.
	Room uint32

	t      testing.TB
	plugin sdk.Plugin
	guest  *sdk.Guest
	arena  []byte
	exprs  []string
	leads  map[string]*memory
}

// memory is what the host keeps of a lead.
type memory struct {
	clock, active, wake int64
	ran                 bool
	state               []byte
	hits                map[string][]int64 // times at which a counter counted
	seen                map[string]bool
}

// Configure builds a host whose configuration may be wrong: look at
// Needs.Diags.
func Configure(t testing.TB, p sdk.Plugin, manifest []byte, config string) *Host {
	t.Helper()
	var e encoder
	if err := e.encode(manifest, config); err != nil {
		t.Fatalf("sdktest: %v", err)
	}
	h := &Host{t: t, plugin: p, guest: sdk.NewGuest(p), exprs: e.exprs, leads: map[string]*memory{}, Room: 4096}
	words := make([]uint64, abi.MaxArena/8)
	h.arena = unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), abi.MaxArena)
	if !h.guest.Reserve(h.arena) {
		t.Fatal("sdktest: the guest refuses the arena")
	}
	blob := abi.AppendConfig(h.arena[:abi.HeaderSize], e.nodes)
	answer, err := h.guest.Configure(abi.HeaderSize, uint32(len(blob)-abi.HeaderSize))
	if err != nil {
		t.Fatalf("sdktest: configure: %v", err)
	}
	if h.Needs, err = abi.DecodeNeeds(answer[4:]); err != nil {
		t.Fatalf("sdktest: %v", err)
	}
	return h
}

// New builds a host and fails the test when the plugin has something to say
// against its configuration.
func New(t testing.TB, p sdk.Plugin, manifest []byte, config string) *Host {
	t.Helper()
	h := Configure(t, p, manifest, config)
	for _, d := range h.Needs.Diags {
		if d.Severity == abi.DiagError {
			t.Fatalf("sdktest: %s: %s: %s", d.Name, d.Summary, d.Detail)
		}
	}
	n := len(h.Needs.Inputs)
	b := abi.Binding{SlotStride: uint32(abi.Stride(n)), Inputs: uint32(n), Words: uint32(abi.Words(n)), Rules: uint32(len(h.Needs.Rules))}
	b.Encode(h.arena[abi.HeaderSize:])
	if code := h.guest.Bind(abi.HeaderSize, abi.BindingSize); code != 0 {
		t.Fatalf("sdktest: bind: %d", code)
	}
	return h
}

func (h *Host) memory(name string) *memory {
	m := h.leads[name]
	if m == nil {
		m = &memory{hits: map[string][]int64{}, seen: map[string]bool{}}
		h.leads[name] = m
	}
	return m
}

// Play fires the timers of the event's lead that are due up to it, each at its
// own time, then plays the event. The outcome holds the entries of all.
func (h *Host) Play(e Event) Outcome {
	h.t.Helper()
	out := h.Advance(e.lead(), e.At)
	last := h.Round(e)[0]
	last.Entries = append(out.Entries, last.Entries...)
	return last
}

// Advance fires the lead's timers that are due up to that time.
func (h *Host) Advance(name string, to int64) (all Outcome) {
	h.t.Helper()
	m := h.memory(name)
	for n := 0; m.wake != 0 && m.wake <= to; n++ {
		if n == 1000 {
			h.t.Fatalf("sdktest: %s fired 1,000 timers up to %d", name, to)
		}
		due := m.wake
		m.wake, m.clock = 0, max(m.clock, due)
		out := h.Round(Event{Lead: name, At: due, kind: abi.SlotTimer})[0]
		out.Entries = append(all.Entries, out.Entries...)
		all = out
	}
	m.clock = max(m.clock, to)
	return all
}

// Wake is the time that the lead's next timer is due at, 0 = none.
func (h *Host) Wake(name string) int64 { return h.memory(name).wake }

// State is the lead's state blob.
func (h *Host) State(name string) []byte { return h.memory(name).state }

// Probe asks what would be true of the rows at that time.
func (h *Host) Probe(now int64, rows ...sdk.Row) Outcome {
	h.t.Helper()
	return h.Round(Event{At: now, Now: now, Rows: rows, kind: abi.SlotProbe})[0]
}

// Round plays one round: at most one input of each lead.
func (h *Host) Round(events ...Event) []Outcome {
	h.t.Helper()
	for i := range events {
		h.arrive(&events[i])
	}
	outs := make([]Outcome, len(events))
	h.layout(events)
	for first := 0; first < len(events); {
		h.put(abi.HdrFirst, uint32(first))
		done := int(h.guest.Process(int32(len(events))))
		if done <= first || done > len(events) {
			h.t.Fatalf("sdktest: process(%d) from %d answered %d", len(events), first, done)
		}
		for ; first < done; first++ {
			outs[first] = h.read(&events[first], uint32(first))
		}
	}
	return outs
}

// arrive moves the lead's clock and counters.
func (h *Host) arrive(e *Event) {
	m := h.memory(e.lead())
	if e.kind == 0 {
		e.kind = abi.SlotEvent
	}
	if e.kind == abi.SlotProbe {
		return
	}
	m.clock = max(m.clock, e.At)
	if e.Now == 0 {
		e.Now = m.clock
	}
	if e.kind != abi.SlotEvent {
		return
	}
	m.active = max(m.active, e.At)
	for _, c := range h.Needs.Counters {
		if h.counts(&c, e) {
			m.hits[c.Name] = append(m.hits[c.Name], e.At)
		}
	}
}

func (h *Host) counts(c *sdk.Counter, e *Event) bool {
	anyOf := func(globs []string, text string) bool {
		return text != "" && slices.ContainsFunc(globs, func(g string) bool { return abi.MatchGlob(g, text) })
	}
	if len(c.Events)+len(c.Paths) == 0 {
		if kind := e.kindName(); kind != "track" && kind != "page" && kind != "screen" {
			return false
		}
	} else if !anyOf(c.Events, e.Name) && !anyOf(c.Paths, e.Path) {
		return false
	}
	if c.Where != 0 && h.expr(e, c.Where-1) != true {
		return false
	}
	if c.Distinct == "" {
		return true
	}
	key := c.Name + "\x00" + textOf(e.Props[c.Distinct])
	m := h.memory(e.lead())
	was := m.seen[key]
	m.seen[key] = true
	return !was
}

func (h *Host) counter(e *Event, name string) any {
	if n, ok := e.Counters[name]; ok {
		return n
	}
	for _, c := range h.Needs.Counters {
		if c.Name != name {
			continue
		}
		n := 0
		for _, at := range h.memory(e.lead()).hits[name] {
			if c.Window == 0 || at/day > e.Now/day-c.Window/day {
				n++
			}
		}
		return n
	}
	return nil
}

func (h *Host) active(e *Event) int64 {
	if e.Active != 0 {
		return e.Active
	}
	return h.memory(e.lead()).active
}

func (h *Host) put(off, v uint32) { binary.LittleEndian.PutUint32(h.arena[off:], v) }
func (h *Host) get(off uint32) uint32 {
	return binary.LittleEndian.Uint32(h.arena[off:])
}

// Replay lays a round out once and returns a function that scores it again and
// again: for benchmarks, and for testing.AllocsPerRun, which must find nothing.
// State and timers are not kept.
func (h *Host) Replay(events ...Event) func() {
	h.t.Helper()
	for i := range events {
		h.arrive(&events[i])
	}
	h.layout(events)
	n := int32(len(events))
	return func() {
		h.put(abi.HdrFirst, 0)
		for done := int32(0); done < n; {
			next := h.guest.Process(n)
			if next <= done {
				panic("sdktest: the round does not go on")
			}
			done = next
			h.put(abi.HdrFirst, uint32(done))
		}
	}
}

// Cursor is the slot that the guest was at last: the one that panicked.
func (h *Host) Cursor() uint32 { return h.get(abi.HdrCursor) }

// Corrupt writes v into a field of the header of the round laid out last, and
// returns what the guest says to it.
func (h *Host) Corrupt(field, v uint32) int32 {
	was := h.get(field)
	h.put(field, v)
	defer h.put(field, was)
	return h.guest.Process(int32(h.get(abi.HdrN)))
}
