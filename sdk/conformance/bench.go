package conformance

import (
	"context"
	"errors"
	"fmt"

	"github.com/ripenhq/ripen/engine/wasm"
)

// Figures are what a plugin costs. Fuel is the same on every machine and in
// every run; times are this machine's.
type Figures struct {
	Plugin string `json:"plugin"`
	Digest string `json:"digest"` // sha256 of the module, hex
	Case   string `json:"case"`
	Inputs int    `json:"inputs"`
	// Fuel is used for all inputs in rounds of 256 by a fresh instance, FuelMost by
	// the dearest input in a call of its own; an input may use FuelLimit.
	Fuel      uint64  `json:"fuel"`
	FuelMost  uint64  `json:"fuel_most"`
	FuelLimit uint64  `json:"fuel_limit"`
	NS        float64 `json:"ns"` // per input, the best of several passes
	Memory    uint32  `json:"memory"`
	Size      int     `json:"size"` // of the module in bytes
	Compile   int64   `json:"compile_ns"`
	Start     int64   `json:"start_ns"` // of an instance with its configuration
}

// FuelPer is the fuel of one input.
func (f *Figures) FuelPer() float64 { return float64(f.Fuel) / float64(max(1, f.Inputs)) }

const (
	benchRound  = 256
	benchPasses = 5
	benchTime   = 300_000_000 // ns at least
	benchInputs = 2000        // slots of one pass at least, so that a pass can be timed
)

// Bench measures the plugin on the inputs of its cases. clock tells ns; nil: only
// what is the same everywhere is measured.
func Bench(ctx context.Context, module []byte, o Options, clock func() int64) ([]Figures, error) {
	if len(o.Cases) == 0 {
		return nil, ErrNoCases
	}
	o.cold = true // what it takes to make an instance is measured
	s, err := open(&o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.load(ctx, module); err != nil {
		return nil, err
	}
	timed := clock != nil
	if !timed {
		clock = func() int64 { return 0 }
	}
	compile := int64(0)
	if timed {
		if compile, err = compileTime(ctx, module, clock); err != nil {
			return nil, err
		}
	}
	var list []Figures
	for i := range o.Cases {
		runs, err := s.record(ctx, &o.Cases[i])
		if err != nil {
			return nil, err
		}
		for _, run := range runs {
			if len(run.slots) == 0 {
				return nil, fmt.Errorf("case %s: no input reaches step %q", run.name, run.spec.Name)
			}
			f := Figures{Plugin: s.plugin.Manifest().Name + " " + s.plugin.Manifest().Version, Digest: s.plugin.Digest(), Case: run.name, Inputs: len(run.slots),
				FuelLimit: s.plugin.Fuel(), Size: len(module), Compile: compile}
			if len(runs) > 1 {
				f.Case += "/" + run.spec.Name
			}
			if err := s.measure(ctx, run, &f, clock); err != nil {
				return nil, err
			}
			if timed {
				if f.NS, err = s.time(ctx, run, clock); err != nil {
					return nil, err
				}
			}
			list = append(list, f)
		}
	}
	return list, nil
}

// compileTime is how long a load takes that finds nothing in a cache, ns.
func compileTime(ctx context.Context, module []byte, clock func() int64) (int64, error) {
	host, err := wasm.NewHost(wasm.Options{Quiet: true})
	if err != nil {
		return 0, err
	}
	defer func() { _ = host.Close() }()
	began := clock()
	p, err := host.Load(ctx, module)
	if err != nil {
		return 0, err
	}
	took := clock() - began
	return took, p.Close()
}

func (s *subject) measure(ctx context.Context, run *run, f *Figures, clock func() int64) error {
	alone, err := s.fuel(ctx, run, nil)
	if err != nil {
		return err
	}
	for _, n := range alone {
		f.FuelMost = max(f.FuelMost, n)
	}
	replay := newReplayer(run.spec)
	began := clock()
	sc, err := s.plugin.NewTrial(ctx, replay.spec, &wasm.Trial{Called: func(c wasm.Call) { f.Fuel += c.Fuel; f.Memory = c.Memory }})
	if err != nil {
		return err
	}
	f.Start = (clock() - began) / 2 // it makes an instance and a spare
	_, err = replay.score(sc, run.slots, benchRound)
	return errors.Join(err, sc.Close())
}

// time is the ns per input of the best pass.
func (s *subject) time(ctx context.Context, run *run, clock func() int64) (float64, error) {
	list := run.slots
	for len(list) < benchInputs {
		list = append(list[:len(list):len(list)], run.slots...)
	}
	replay := newReplayer(run.spec)
	sc, err := s.plugin.NewScorer(ctx, replay.spec)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sc.Close() }()
	slots := replay.slots(list)
	best, all := int64(0), int64(0)
	for pass := 0; pass < benchPasses || all < benchTime; pass++ {
		began := clock()
		for i := 0; i < len(slots); {
			n := 1
			for n < benchRound && i+n < len(slots) && list[i+n].probe == list[i].probe {
				n++
			}
			if err := sc.Score(slots[i:i+n], list[i].probe); err != nil {
				return 0, err
			}
			i += n
		}
		took := clock() - began
		if all += took; best == 0 || took < best {
			best = took
		}
	}
	return float64(best) / float64(len(slots)), nil
}
