package conformance

import (
	"fmt"

	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Sizes of the rounds that are broken.
const (
	trapRound = 12
	fuelRound = 32
)

const doCursor = "write the cursor before each slot and entries only behind those of slots that are done, as the SDKs do"

// traps breaks every call that holds one slot, for each slot of a round in turn:
// that slot fails, and nobody else notices.
func (b *bench) traps(r *Report) error {
	name := b.named("trap-at-each-slot")
	list, want := b.few(trapRound)
	if len(list) == 0 {
		r.skip(name, "no input that the plugin answers")
		return nil
	}
	for k := range list {
		// The culprit is known by its frame's place in the round.
		got, err := b.playBroken(list, k)
		if err != nil {
			return err
		}
		if kind := got[k].outcome.Kind; kind != step.OutcomeTrap {
			r.fail(name, fmt.Sprintf("input %d of %d runs out of fuel at once, and is answered with %s", k+1, len(list), clip(got[k].String())), "that this input fails", doCursor)
			return nil
		}
		got[k] = want[k]
		if diff := b.differs(list, got, want); diff != "" {
			r.fail(name, fmt.Sprintf("when input %d breaks, %s", k+1, diff), "that the others are answered as ever", doCursor)
			return nil
		}
	}
	r.pass(name, "whichever of %d inputs breaks, it fails alone", len(list))
	return nil
}

// playBroken plays a round in which every call that holds slot k stops at once.
func (b *bench) playBroken(list []slot, k int) ([]answer, error) {
	mine := list[k].cols
	t := &wasm.Trial{Budget: func(slots []step.Slot, fuel uint64) uint64 {
		for i := range slots {
			if same(b.replay.cols[slots[i].Frame], mine) && slots[i].Seed == list[k].seed && slots[i].Frame.At == list[k].at {
				return 1
			}
		}
		return fuel
	}}
	return b.play(list, len(list), t)
}

// same says whether two rows of columns are one.
func same(a, b []column) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// fuel stops the first call of a round at many points, and lets it go on from
// there: nothing may be lost or doubled.
func (b *bench) fuel(r *Report) error {
	name := b.named("fuel-at-each-point")
	list, want := b.few(fuelRound)
	if len(list) == 0 {
		r.skip(name, "no input that the plugin answers")
		return nil
	}
	var whole uint64
	got, err := b.play(list, len(list), &wasm.Trial{Called: func(c wasm.Call) {
		if c.Slots == len(list) {
			whole = c.Fuel
		}
	}})
	if err != nil || whole == 0 {
		return err
	}
	if diff := b.differs(list, got, want); diff != "" {
		r.fail(name, diff, "the same bytes", doPure)
		return nil
	}
	points, stops := 2*len(list), map[int]bool{}
	t := &wasm.Trial{}
	sc, err := b.s.plugin.NewTrial(b.ctx, b.replay.spec, t)
	if err != nil {
		return err
	}
	defer func() { _ = sc.Close() }()
	for p := 1; p <= points; p++ {
		first := true
		*t = wasm.Trial{
			Budget: func(_ []step.Slot, fuel uint64) uint64 {
				if !first {
					return fuel
				}
				first = false
				return max(1, whole*uint64(p)/uint64(points+1))
			},
			Called: func(c wasm.Call) {
				if c.Code != "" {
					stops[c.Done] = true
				}
			},
		}
		if got, err = b.replay.score(sc, list, len(list)); err != nil {
			return err
		}
		if diff := b.differs(list, got, want); diff != "" {
			r.fail(name, fmt.Sprintf("stopped after %d of %d units: %s", whole*uint64(p)/uint64(points+1), whole, diff), "the same bytes once it goes on", doCursor)
			return nil
		}
	}
	r.pass(name, "a call of %d units stopped at %d points, in %d of %d inputs: nothing lost or doubled", whole, points, len(stops), len(list))
	return nil
}

// ring takes room for entries away.
func (b *bench) ring(r *Report) error {
	name := b.named("ring-overflow")
	most, at := 0, -1
	for _, i := range b.calm {
		if n := len(b.want[i].entries); n > most && !b.list[i].probe {
			most, at = n, i
		}
	}
	if most == 0 {
		r.skip(name, "no input leads to an entry")
		return nil
	}
	var list []slot
	var want []answer
	for _, i := range b.calm {
		if len(list) < 64 && (len(b.want[i].entries) > 0 || i%4 == 0) {
			list, want = append(list, b.list[i]), append(want, b.want[i])
		}
	}
	list, want = append(list, b.list[at]), append(want, b.want[at])
	got, err := b.play(list, len(list), &wasm.Trial{Entries: most})
	if err != nil {
		return err
	}
	if diff := b.differs(list, got, want); diff != "" {
		r.fail(name, fmt.Sprintf("with room for %d entries: %s", most, diff), "that the plugin stops where the ring is full and goes on in the next call", doCursor)
		return nil
	}
	r.pass(name, "with room for %d entries in a call the same bytes", most)
	if most < 2 {
		return nil
	}
	if got, err = b.play(list, len(list), &wasm.Trial{Entries: most - 1}); err != nil {
		return err
	}
	for i := range got {
		if len(want[i].entries) < most {
			continue
		}
		if got[i].outcome.Kind == step.OutcomeOK {
			r.fail(name, fmt.Sprintf("%s has %d entries in room for %d", list[i].title(), len(got[i].entries), most-1), "an error of that input", doCursor)
			return nil
		}
		got[i] = want[i]
	}
	if diff := b.differs(list, got, want); diff != "" {
		r.fail(name, fmt.Sprintf("with room for %d entries, fewer than one input needs: %s", most-1, diff), "that this input fails alone", doCursor)
	}
	return nil
}

// states hands over states that are too long, and states that are garbage.
func (b *bench) states(r *Report) error {
	name := b.named("state-over-maximum")
	d := b.s.plugin.Descriptor()
	if d.Caps&abi.CapState == 0 {
		r.skip(name, "the plugin keeps no state")
		return nil
	}
	list, want := b.few(9)
	if len(list) < 3 {
		r.skip(name, "too few inputs that the plugin answers")
		return nil
	}
	mid := len(list) / 2
	list[mid].state = make([]byte, d.StateMax+1)
	got, err := b.play(list, len(list), &wasm.Trial{})
	if err != nil {
		return err
	}
	if got[mid].outcome.Code != wasm.CodeState {
		r.fail(name, clip(got[mid].String()), "the input is refused: its state is longer than the maximum", "")
		return nil
	}
	got[mid] = want[mid]
	if diff := b.differs(list, got, want); diff != "" {
		r.fail(name, diff, "that the others are answered as ever", doCursor)
		return nil
	}
	garbage := make([]byte, d.StateMax)
	for i := range garbage {
		garbage[i] = byte(i*167 + 13)
	}
	list[mid].state = garbage
	if got, err = b.play(list, len(list), &wasm.Trial{}); err != nil {
		return err
	}
	what := "answered"
	if o := got[mid].outcome; o.Kind != step.OutcomeOK {
		what = "refused: " + o.Text
	}
	got[mid] = want[mid]
	if diff := b.differs(list, got, want); diff != "" {
		r.fail(name, "a state that is garbage: "+diff, "that the others are answered as ever", doCursor)
		return nil
	}
	r.pass(name, "%d bytes of %d are refused alone; a state of garbage is %s", d.StateMax+1, d.StateMax, clip(what))
	return nil
}

// growInputs is how many inputs an instance answers before its memory is
// compared.
const growInputs = 30_000

// growth lets one instance answer for long.
func (b *bench) growth(r *Report) error {
	name := b.named("memory-growth")
	var list []slot
	for _, i := range b.calm {
		if len(list) < 512 {
			list = append(list, b.list[i])
		}
	}
	if len(list) == 0 {
		r.skip(name, "no input that the plugin answers")
		return nil
	}
	var memory uint32
	broke := ""
	sc, err := b.s.plugin.NewTrial(b.ctx, b.replay.spec, &wasm.Trial{Called: func(c wasm.Call) {
		if memory = c.Memory; c.Code != "" {
			broke = c.Code
		}
	}})
	if err != nil {
		return err
	}
	defer func() { _ = sc.Close() }()
	half := uint32(0)
	for n := 0; n < growInputs; n += len(list) {
		if _, err := b.replay.score(sc, list, 256); err != nil {
			return err
		}
		if n <= growInputs/2 {
			half = memory
		}
	}
	switch {
	case broke != "":
		r.fail(name, fmt.Sprintf("the plugin broke (%s) within %d inputs that it answered before", broke, growInputs), "that an instance lives on", "free what Score allocates, or allocate nothing: an instance is used for millions of inputs")
	case memory > half:
		r.warn(name, fmt.Sprintf("%d KiB after %d inputs, %d KiB after %d", half>>10, growInputs/2, memory>>10, growInputs), "memory that stays as it is", "free what Score allocates, or allocate nothing: the limit is "+fmt.Sprint(b.s.plugin.Pages())+" pages")
	default:
		r.pass(name, "%d KiB after %d inputs, of at most %d KiB", memory>>10, growInputs, b.s.plugin.Pages()*64)
	}
	return nil
}
