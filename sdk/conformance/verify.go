package conformance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ripenhq/ripen/engine/registry/pack"
	"github.com/ripenhq/ripen/engine/wasm"
	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/engine/workflow"
	"github.com/ripenhq/ripen/sdk/abi"
)

// Verify checks that a module keeps the contract. The error says that the check
// itself could not be done; what the plugin does wrong is in the report.
func Verify(ctx context.Context, module []byte, o Options) (*Report, error) {
	sum := sha256.Sum256(module)
	r := &Report{Plugin: "?", Digest: hex.EncodeToString(sum[:])}
	s, err := open(&o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	r.signature(module)
	if !r.load(ctx, s, module) {
		return r, nil
	}
	r.schema(s)
	runs, ok := r.configured(ctx, s)
	if !ok {
		return r, nil
	}
	for _, run := range runs {
		run.made = makeUp(s.plugin, run.spec, madeUp)
		if err := r.behaviour(ctx, s, run); err != nil {
			return nil, err
		}
	}
	return r, r.configurations(ctx, s, runs)
}

// stage is one of the checks of a load, in its order.
type stage struct {
	name string
	errs []error // that it fails with
	ok   func(s *subject) string
	do   string
}

func stages() []stage {
	return []stage{
		{"module", []error{wasm.ErrSize, wasm.ErrModule, meter.ErrMalformed, meter.ErrUnsupported, meter.ErrReserved},
			func(*subject) string {
				return "a WebAssembly module of the 2.0 format that can be metered"
			}, "build for plain WebAssembly: no SIMD, threads, exceptions or tail calls, and at most 10 MiB"},
		{"abi", []error{wasm.ErrABI}, func(s *subject) string {
			return fmt.Sprintf("%s, descriptor 1.%d, manifest %s; this engine runs %d.0 to %d.%d", abi.ExportMarker, s.plugin.Descriptor().Minor, s.plugin.Manifest().ABI, abi.Major, abi.Major, abi.Minor)
		}, "build with an SDK of contract version 1"},
		{"exports", []error{wasm.ErrExport}, func(*subject) string { return "all that the contract asks for, with its signatures" }, "export the functions that the SDK exports, and the memory"},
		{"manifest", []error{wasm.ErrManifest, pack.ErrNoManifest}, func(s *subject) string {
			m := s.plugin.Manifest()
			return fmt.Sprintf("%s %s, %s", m.Name, m.Version, orNone(strings.Join(m.Capabilities, " "), "no capabilities"))
		}, "correct manifest.json and build again"},
		{"imports", []error{wasm.ErrImport}, func(*subject) string { return "none that the engine does not offer" }, "a plugin may import ripen_v1.log and what std Go needs of WASI; take the rest out"},
		{"memory", []error{wasm.ErrMemory}, func(s *subject) string {
			return fmt.Sprintf("limit %d pages of 64 KiB", s.plugin.Pages())
		}, "make static data smaller, or ask for limits.memory_pages in the manifest"},
		{"start", []error{wasm.ErrBroke}, func(*subject) string {
			return "start section, _initialize and ripen_describe run within their fuel"
		}, "do less before the first call"},
		{"descriptor", []error{wasm.ErrDescriptor}, func(s *subject) string {
			d := s.plugin.Descriptor()
			return fmt.Sprintf("as in the manifest: state of %d bytes (version %d), rounds of %d, arena of %d bytes", d.StateMax, d.StateVersion, d.MaxRound, d.ArenaWant)
		}, "make manifest.json and what the code says of itself agree"},
	}
}

func orNone(text, none string) string {
	if text == "" {
		return none
	}
	return text
}

// load loads the module; false: one of the checks failed, those behind it are
// skipped.
func (r *Report) load(ctx context.Context, s *subject, module []byte) bool {
	m, err := pack.Manifest(module)
	if err == nil {
		r.Plugin = m.Name + " " + m.Version
	}
	if errors.Is(err, pack.ErrModule) || err != nil && !errors.Is(err, pack.ErrNoManifest) {
		if lerr := s.load(ctx, module); lerr != nil {
			err = lerr // it knows better
		}
	} else {
		err = s.load(ctx, module)
	}
	failed, before := err == nil, r.Count(Fail)
	for _, st := range stages() {
		switch {
		case err == nil:
			r.pass(st.name, "%s", st.ok(s))
		case failed:
			r.skip(st.name, "not looked at")
		case isOne(err, st.errs):
			r.fail(st.name, err.Error(), "", st.do)
			failed = true
		default:
			r.skip(st.name, "not looked at")
		}
	}
	if err != nil && r.Count(Fail) == before {
		r.fail("load", err.Error(), "a module that the engine loads", "build and pack it again")
	}
	return err == nil
}

func isOne(err error, list []error) bool {
	for _, e := range list {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// schema checks the schema of the block.
func (r *Report) schema(s *subject) {
	m := s.plugin.Manifest()
	if _, err := workflow.CompileSchema(m.Name, m.Schema); err != nil {
		r.fail("schema", err.Error(), "a JSON Schema (2020-12) of the step's block", "correct \"schema\" in manifest.json")
		return
	}
	r.pass("schema", "a JSON Schema of %d bytes", len(m.Schema))
}

func (r *Report) signature(module []byte) {
	switch sig, err := pack.Verify(module); {
	case err == nil:
		r.pass("signature", "of the key %s, over %d bytes", sig.Key.ID(), sig.Covers)
	case errors.Is(err, pack.ErrUnsigned):
		r.skip("signature", "none: `ripen run` refuses the plugin until it is signed")
	case errors.Is(err, pack.ErrBroken):
		r.fail("signature", err.Error(), "the module as it was signed", "sign it again with `ripen plugin sign`")
	default:
		r.skip("signature", "not looked at")
	}
}

// configured compiles all cases and plays their events.
func (r *Report) configured(ctx context.Context, s *subject) (runs []*run, ok bool) {
	const name = "configure"
	for i := range s.opts.blobs {
		b := &s.opts.blobs[i]
		if _, err := s.plugin.Configure(ctx, b.config); err != nil {
			r.fail(name, err.Error(), "needs for a configuration", "")
			return nil, false
		}
		runs = append(runs, &run{name: "blob", spec: specOf(s, b)})
	}
	for i := range s.opts.Cases {
		list, err := s.record(ctx, &s.opts.Cases[i])
		if err != nil {
			r.fail(name, err.Error(), "the configuration of case "+s.opts.Cases[i].Name+" is accepted, and its events are played", "correct the case, or what Configure makes of it")
			return nil, false
		}
		runs = append(runs, list...)
	}
	if len(s.opts.Cases)+len(s.opts.blobs) == 0 {
		run, err := s.bare(ctx)
		if err != nil {
			r.warn(name, err.Error(), "cases, or a plugin that an empty block is enough for", "write fixtures: <case>.hcl with the body of a block, <case>.ndjson with events")
			return nil, false
		}
		runs = append(runs, run)
	}
	events, spoke := 0, 0
	for _, run := range runs {
		events += len(run.slots)
		for i := range run.slots {
			if a := &run.slots[i].said; len(a.entries) > 0 || a.result.Grade != 0 || a.result.Out != 0 || a.dirty {
				spoke++
			}
		}
	}
	r.pass(name, "%d configurations; %d inputs of cases reached the plugin, it had to say something to %d", len(runs), events, spoke)
	if spoke == 0 && len(s.opts.blobs) == 0 {
		r.warn("coverage", "no input of the cases leads to anything", "events that the plugin awards or grades", "write fixtures with the events that the plugin is for")
	}
	return runs, true
}

// bare configures the plugin with an empty block.
func (s *subject) bare(ctx context.Context) (*run, error) {
	b := &blob{config: abi.AppendConfig(nil, []abi.Node{{Kind: abi.NodeObject}})}
	var err error
	if b.needs, err = s.plugin.Configure(ctx, b.config); err != nil {
		return nil, err
	}
	for _, d := range b.needs.Diags {
		if d.Severity == abi.DiagError {
			return nil, fmt.Errorf("there are no cases, and an empty block is not enough: %s: %s", d.Summary, d.Detail)
		}
	}
	return &run{name: "empty block", spec: specOf(s, b)}, nil
}
