package conformance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/ripenhq/ripen/engine/step"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/sdk/abi"
)

// specOf is the step of a configuration without a workflow around it.
func specOf(s *subject, b *blob) *step.Spec {
	d := s.plugin.Descriptor()
	spec := &step.Spec{Name: caseStep, Plugin: s.name(), Digest: s.plugin.Digest(), Needs: b.needs, Config: b.config, Caps: d.Caps, StateMax: int(d.StateMax)}
	spec.Project = make([]step.Projector, len(b.needs.Inputs))
	return spec
}

// bench is one configured step under trial.
type bench struct {
	ctx    context.Context
	s      *subject
	run    *run
	replay *replayer
	list   []slot   // that are played
	want   []answer // each alone, by one instance
	calm   []int    // indexes of those that break nothing
}

// Rounds, numbers of instances: what an engine may choose.
var (
	rounds    = []int{1, 7, 64, 256}
	instances = []int{2, 5}
)

// behaviour checks what the plugin says of slots, however they travel.
func (r *Report) behaviour(ctx context.Context, s *subject, run *run) error {
	b := &bench{ctx: ctx, s: s, run: run, replay: newReplayer(run.spec), list: run.all()}
	for _, check := range []func(*Report) error{b.alone, b.rounds, b.instances, b.orders, b.traps, b.fuel, b.ring, b.states, b.growth, b.migration} {
		if err := check(r); err != nil {
			return fmt.Errorf("case %s: %w", run.name, err)
		}
		if !r.OK() {
			break // what follows compares with what failed
		}
	}
	return nil
}

// named is the name of a check of this configuration.
func (b *bench) named(check string) string {
	if len(b.s.opts.Cases) > 1 || b.run.spec.Name != caseStep {
		return check + " [" + b.run.name + "]"
	}
	return check
}

// play plays a list with a scorer of its own.
func (b *bench) play(list []slot, round int, t *wasm.Trial) ([]answer, error) {
	sc, err := b.s.plugin.NewTrial(b.ctx, b.replay.spec, t)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sc.Close() }()
	return b.replay.score(sc, list, round)
}

// differs is the first answer that is not the expected one, in words.
func (b *bench) differs(list []slot, got, want []answer) string {
	for i := range got {
		if g, w := got[i].String(), want[i].String(); g != w {
			return fmt.Sprintf("input %d of %d (%s): %s; alone it is: %s", i+1, len(got), list[i].title(), clip(g), clip(w))
		}
	}
	return ""
}

func clip(text string) string {
	if len(text) > 300 {
		text = text[:300] + "…"
	}
	return text
}

// title names a slot for people.
func (s *slot) title() string {
	switch {
	case s.kind == abi.SlotTimer:
		return "timer of " + s.lead
	case s.probe:
		return "probe of " + s.lead
	case s.event == "":
		return "input of " + s.lead
	}
	return s.event + " of " + s.lead
}

const doPure = "what Score says must depend on the input, the lead's state and its ledger rows alone: keep nothing in variables between two calls"

// alone plays each slot by itself: the answers that all others are compared with.
// Those of cases must be what the core saw.
func (b *bench) alone(r *Report) (err error) {
	if b.want, err = b.play(b.list, 1, &wasm.Trial{}); err != nil {
		return err
	}
	name, broke, made, first := b.named("answers"), 0, 0, ""
	for i := range b.want {
		switch o := b.want[i].outcome; {
		case o.Kind == step.OutcomeOK || o.Kind == step.OutcomeSoft:
			b.calm = append(b.calm, i)
		case i < len(b.run.slots):
			broke++
			first = fmt.Sprintf("%s: %s", b.list[i].title(), o.Text)
		default:
			if made++; broke == 0 {
				first = "a made-up input: " + o.Text
			}
		}
	}
	switch {
	case broke > 0:
		r.fail(name, fmt.Sprintf("%d of %d inputs of the case break the plugin; %s", broke, len(b.run.slots), first), "an answer to each", "look at the input; return an error where nothing can be said")
	case made > 0:
		r.warn(name, fmt.Sprintf("%d of %d made-up inputs break the plugin; %s", made, len(b.run.made), first), "an answer to each", "odd numbers, texts and absent values do arrive: handle them, or return an error")
	default:
		r.pass(name, "%d inputs of the case and %d made-up ones are answered", len(b.run.slots), len(b.run.made))
	}
	if diff := b.differs(b.run.slots, b.want[:len(b.run.slots)], recorded(b.run.slots)); diff != "" {
		r.fail(b.named("determinism"), diff, "the same answer as in the workflow", doPure)
	}
	return nil
}

func recorded(list []slot) (out []answer) {
	for i := range list {
		out = append(out, list[i].said)
	}
	return out
}

func (b *bench) rounds(r *Report) error {
	name := b.named("rounds")
	for _, n := range rounds {
		got, err := b.play(b.list, n, &wasm.Trial{})
		if err != nil {
			return err
		}
		if diff := b.differs(b.list, got, b.want); diff != "" {
			r.fail(name, fmt.Sprintf("in rounds of %d: %s", n, diff), "the same bytes in rounds of any size", doPure)
			return nil
		}
	}
	r.pass(name, "the same bytes in rounds of 1, 7, 64 and 256")
	return nil
}

// instances deals slots out to several instances, and plays all of them twice.
func (b *bench) instances(r *Report) error {
	name := b.named("instances")
	for _, n := range instances {
		for k := range n {
			var part []slot
			var want []answer
			for i := k; i < len(b.list); i += n {
				part, want = append(part, b.list[i], b.list[i]), append(want, b.want[i], b.want[i])
			}
			got, err := b.play(part, 16, &wasm.Trial{})
			if err != nil {
				return err
			}
			if diff := b.differs(part, got, want); diff != "" {
				r.fail(name, fmt.Sprintf("dealt out to %d instances, each twice: %s", n, diff), "the same bytes from each instance, as often as it is asked", doPure)
				return nil
			}
		}
	}
	r.pass(name, "the same bytes from 2 and from 5 instances, each input twice in a row")
	return nil
}

func (b *bench) orders(r *Report) error {
	name := b.named("orders")
	order := make([]int, len(b.list))
	for i := range order {
		order[i] = len(order) - 1 - i
	}
	for _, kind := range []string{"reversed", "shuffled", "shuffled again"} {
		list, want := make([]slot, len(order)), make([]answer, len(order))
		for to, from := range order {
			list[to], want[to] = b.list[from], b.want[from]
		}
		got, err := b.play(list, 64, &wasm.Trial{})
		if err != nil {
			return err
		}
		if diff := b.differs(list, got, want); diff != "" {
			r.fail(name, kind+": "+diff, "the same bytes in any order of leads", doPure)
			return nil
		}
		random := rand.New(rand.NewPCG(3, uint64(len(kind))))
		random.Shuffle(len(order), func(i, k int) { order[i], order[k] = order[k], order[i] })
	}
	r.pass(name, "the same bytes reversed and shuffled")
	return nil
}

// few picks at most n of the slots that break nothing, spread over the list,
// those of the case first, and no probes among them.
func (b *bench) few(n int) (list []slot, want []answer) {
	pick := func(from, to, most int) {
		var idx []int
		for _, i := range b.calm {
			if i >= from && i < to && !b.list[i].probe {
				idx = append(idx, i)
			}
		}
		stride := max(1, len(idx)/max(most, 1))
		for k := 0; k < len(idx) && k/stride < most; k += stride {
			list, want = append(list, b.list[idx[k]]), append(want, b.want[idx[k]])
		}
	}
	pick(0, len(b.run.slots), n/2)
	pick(len(b.run.slots), len(b.list), n-len(list))
	// Copies with seeds of their own, so that one can be told from another.
	list = slices.Clone(list)
	return list, want
}
