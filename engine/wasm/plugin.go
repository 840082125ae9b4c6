package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// compileWorkers are how many functions of a module are compiled at once.
const compileWorkers = 2

// Plugin is one verified, metered and compiled module in a runtime of its own.
// It is safe for concurrent use; the scorers made from it are not.
type Plugin struct {
	host     *Host
	manifest *abi.Manifest
	digest   string
	info     meter.Info
	desc     abi.Descriptor
	pages    uint32
	fuel     uint64

	rt        wazero.Runtime
	compiled  wazero.CompiledModule
	instances sync.Map     // api.Module → *instance, for host functions
	refs      atomic.Int64 // scorers, and one until Close
	closed    atomic.Bool
	stats     counters

	mu     sync.Mutex
	spares map[string]*spare // by configuration
}

// Load verifies and compiles a module. It takes seconds for a std-Go module that
// the cache does not hold. The caller closes the plugin.
func (h *Host) Load(ctx context.Context, module []byte) (*Plugin, error) {
	p, err := h.verify(module)
	if err != nil {
		return nil, err
	}
	rewrite := meter.Rewrite
	if h.opts.Unmetered {
		rewrite = meter.Unmetered
	}
	metered, info, err := rewrite(module)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModule, err)
	}
	p.info = info
	if err := p.compile(ctx, metered); err != nil {
		_ = p.Close()
		return nil, err
	}
	if err := p.describe(ctx); err != nil {
		_ = p.Close()
		return nil, err
	}
	return p, nil
}

// verify does all checks that run no code of the module.
func (h *Host) verify(module []byte) (*Plugin, error) {
	if len(module) > abi.MaxModule {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(module), abi.MaxModule)
	}
	info, err := meter.Inspect(module)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModule, err)
	}
	if err := checkExports(info); err != nil {
		return nil, err
	}
	manifest, err := h.speaks.manifestOf(info)
	if err != nil {
		return nil, err
	}
	wasi, err := checkImports(info)
	if err != nil {
		return nil, err
	}
	limit, err := pages(info, manifest, wasi, h.opts.MaxPages)
	if err != nil {
		return nil, err
	}
	fuel := h.opts.Fuel
	if want := manifest.Limits.Fuel; want > MaxFuel {
		return nil, fmt.Errorf("%w: it asks for %d units of fuel an input, at most %d are given", ErrManifest, want, MaxFuel)
	} else if want > 0 {
		fuel = want
	}
	sum := sha256.Sum256(module)
	p := &Plugin{host: h, manifest: manifest, digest: hex.EncodeToString(sum[:]), info: info, pages: limit, fuel: fuel}
	p.refs.Store(1)
	return p, nil
}

func (p *Plugin) compile(ctx context.Context, metered []byte) error {
	cfg := wazero.NewRuntimeConfig().
		WithCoreFeatures(api.CoreFeaturesV2 &^ api.CoreFeatureSIMD).
		WithMemoryLimitPages(p.pages).
		WithCompilationCache(p.host.cache).
		WithDebugInfoEnabled(false)
	p.rt = wazero.NewRuntimeWithConfig(ctx, cfg)
	if err := p.offer(ctx, p.rt); err != nil {
		return fmt.Errorf("%w: %w", ErrModule, err)
	}
	if report := p.host.opts.Progress; report != nil {
		report(Progress{Plugin: p.manifest.Name, Bytes: len(metered)})
		defer report(Progress{Plugin: p.manifest.Name, Bytes: len(metered), Done: true})
	}
	// With several workers the runtime looks at the context between two functions:
	// who gives up need not wait for a module that compiles slowly.
	compiled, err := p.rt.CompileModule(experimental.WithCompilationWorkers(ctx, compileWorkers), metered)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrModule, err)
	}
	p.compiled = compiled
	return nil
}

// describe runs the module for the first time.
func (p *Plugin) describe(ctx context.Context) error {
	inst, err := p.start(ctx)
	if err != nil {
		return err
	}
	defer inst.close()
	at, err := inst.load(abi.ExportDescribe)
	if err != nil {
		return err
	}
	b, ok := inst.mem.Read(at, abi.DescriptorSize)
	if !ok {
		return fmt.Errorf("%w: %d bytes at %d lie outside the module's memory of %d", ErrDescriptor, abi.DescriptorSize, at, inst.mem.Size())
	}
	p.desc = abi.DecodeDescriptor(b)
	return p.host.speaks.checkDescriptor(p.desc, p.manifest)
}

// Manifest is the plugin's manifest. It must not be changed.
func (p *Plugin) Manifest() *abi.Manifest { return p.manifest }

// Digest is the sha256 of the module, in hex.
func (p *Plugin) Digest() string { return p.digest }

// Descriptor is what the running module said of itself.
func (p *Plugin) Descriptor() abi.Descriptor { return p.desc }

// Fuel is the budget of one input.
func (p *Plugin) Fuel() uint64 { return p.fuel }

// Pages is the memory limit in pages of 64 KiB.
func (p *Plugin) Pages() uint32 { return p.pages }

// Configure hands a configuration (abi.AppendConfig) to a new instance and
// returns what the plugin needs for it. Mistakes that the plugin found are in
// Needs.Diags.
func (p *Plugin) Configure(ctx context.Context, config []byte) (*abi.Needs, error) {
	inst, needs, err := p.configured(ctx, config)
	if err != nil {
		return nil, err
	}
	inst.close()
	return needs, nil
}

// Close releases the plugin once its scorers are closed too.
func (p *Plugin) Close() error {
	if p.closed.Swap(true) {
		return nil
	}
	return p.release()
}

func (p *Plugin) release() error {
	if p.refs.Add(-1) != 0 || p.rt == nil {
		return nil
	}
	for _, s := range p.spares { // see Options.Warm
		for inst := s.take(); inst != nil; inst = s.take() {
			inst.close()
		}
	}
	ctx := context.Background()
	var err error
	if p.compiled != nil {
		// The cache that all plugins of the host share counts who uses a code; what is
		// not given back to it stays in memory for as long as the engine runs.
		err = p.compiled.Close(ctx)
	}
	return errors.Join(err, p.rt.Close(ctx))
}

// caller finds out who called a host function. The answer is kept with the
// instance: a Go guest looks at its clock every few rounds, and that must not
// allocate.
func (p *Plugin) caller(mod api.Module) *guest {
	if v, ok := p.instances.Load(mod); ok {
		return &v.(*instance).self
	}
	return &guest{mem: mod.Memory(), fuel: mod.ExportedGlobal(meter.FuelExport).(api.MutableGlobal)}
}
