package conformance

import (
	"math"
	"math/rand/v2"
	"strings"

	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// madeUp is how many slots are made up for each configuration.
const madeUp = 400

// epoch is about when made-up inputs happen, ms; day is a day in ms.
const (
	epoch int64 = 1_767_225_600_000 // 2026-01-01
	day   int64 = 86_400_000
)

// makeUp makes slots from what the plugin asked for: every kind of value, and
// its absence. They depend on the needs alone.
func makeUp(p *wasm.Plugin, spec *step.Spec, n int) []slot {
	r := rand.New(rand.NewPCG(1, uint64(len(spec.Needs.Inputs))))
	desc := p.Descriptor()
	list := make([]slot, n)
	for i := range list {
		s := &list[i]
		s.lead, s.kind = "made-up", abi.SlotEvent
		s.at = epoch + r.Int64N(30*day)
		s.now = s.at + []int64{0, 0, 0, r.Int64N(5 * day)}[r.IntN(4)]
		s.seed, s.hash = r.Uint64(), r.Uint64()|1
		if desc.Caps&abi.CapTimers != 0 && r.IntN(8) == 0 {
			s.kind, s.hash, s.now = abi.SlotTimer, 0, s.at
		}
		if desc.Caps&abi.CapMemoryless != 0 && r.IntN(8) == 0 {
			s.kind, s.hash, s.probe = abi.SlotProbe, 0, true
		}
		s.cols = makeColumns(r, spec.Needs.Inputs, s.kind == abi.SlotEvent)
		if desc.Caps&abi.CapLedger != 0 && len(spec.Needs.Views) > 0 {
			s.rows = makeRows(r, len(spec.Needs.Views), s.now)
		}
	}
	return list
}

// ofEvent are the sources that only an event has.
var ofEvent = map[abi.Source]bool{abi.FromEvent: true, abi.FromPath: true, abi.FromProp: true, abi.FromContext: true, abi.FromKind: true, abi.FromEventID: true}

func makeColumns(r *rand.Rand, inputs []abi.Input, event bool) []column {
	cols := make([]column, len(inputs))
	for i := range inputs {
		in := &inputs[i]
		if in.Kind == abi.InputLabel || !event && ofEvent[in.Source] || r.IntN(4) == 0 {
			continue
		}
		c := column{present: true}
		switch in.Kind {
		case abi.InputBool:
			c.bits = uint64(r.IntN(2))
		case abi.InputNumber:
			c.bits = abi.FloatBits(makeNumber(r))
		case abi.InputTime:
			c.bits = uint64(epoch + r.Int64N(60*day) - 30*day)
		case abi.InputCount:
			c.bits = uint64(r.Int64N(20))
		case abi.InputEnum:
			c.bits = uint64(r.IntN(len(in.Literals) + 1))
		case abi.InputString:
			c.text = makeText(r)
		case abi.InputKey:
			c.bits = r.Uint64()
		}
		cols[i] = c
	}
	return cols
}

func makeNumber(r *rand.Rand) float64 {
	odd := []float64{0, -1, 1, 0.1, -0.001, 1e9, -1e9, 1e300, -1e300, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64, 5e-324}
	if i := r.IntN(4 * len(odd)); i < len(odd) {
		return odd[i]
	}
	return float64(r.IntN(200_000)) / 4
}

func makeText(r *rand.Rand) string {
	odd := []string{"", "a", "Demo", "naïve ünïcode ✓", "a@b.example", "\x00", strings.Repeat("long ", 200), "-1", "2026-01-01"}
	return odd[r.IntN(len(odd))]
}

func makeRows(r *rand.Rand, views int, now int64) []abi.Row {
	rows := make([]abi.Row, r.IntN(6))
	for i := range rows {
		awarded := int64(r.IntN(100_000)) - 20_000
		at := (now - r.Int64N(120*day)) / day * day
		rows[i] = abi.Row{View: uint32(r.IntN(views)), Count: 1 + uint32(r.IntN(3)), At: at, Step: day, Scope: r.Uint64(), Awarded: awarded, Remaining: awarded, Last: at + r.Int64N(day)}
	}
	return rows
}
