package wasm

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// defaultArena and minArena bound what a plugin gets that asks for nothing, or
// for very little.
const (
	defaultArena = 1 << 20
	minArena     = 64 << 10
)

// instance is one running copy of a plugin. It is closed explicitly, and never
// called again after a fault.
type instance struct {
	p       *Plugin
	mod     api.Module
	mem     api.Memory
	linear  *memory // behind mem
	fuel    api.MutableGlobal
	process api.Function // looked up once: each look-up allocates
	migrate api.Function // nil until it is asked for
	stack   []uint64
	self    guest // as host functions see it

	arena uint32 // offset in the guest's memory
	size  uint32 // bytes of arena
	calls int    // of process

	said     string // first line printed since the call began
	saidLine bool   // it is complete
}

// start makes an instance and runs its start section and _initialize.
func (p *Plugin) start(ctx context.Context) (*instance, error) {
	cfg := wazero.NewModuleConfig().WithName("").WithStartFunctions()
	linear := new(memory)
	mod, err := p.rt.InstantiateModule(experimental.WithMemoryAllocator(ctx, linear), p.compiled, cfg)
	if err != nil {
		linear.Free()
		f := classify(err, 0, meter.StartFuel, "")
		return nil, fmt.Errorf("%w: %s: start section or data segments (%d units of fuel): %w", ErrBroke, p.manifest.Name, uint64(meter.StartFuel), f)
	}
	inst := &instance{
		p: p, mod: mod, mem: mod.Memory(), linear: linear, stack: make([]uint64, 2),
		fuel:    mod.ExportedGlobal(meter.FuelExport).(api.MutableGlobal),
		process: mod.ExportedFunction(abi.ExportProcess),
	}
	inst.self = guest{mem: inst.mem, fuel: inst.fuel, inst: inst}
	p.instances.Store(mod, inst)
	p.stats.instances.Add(1)
	if _, ok := p.info.Export(abi.ExportInitialize); ok {
		if _, err := inst.load(abi.ExportInitialize); err != nil {
			inst.close()
			return nil, err
		}
	}
	return inst, nil
}

// close gives the memory back. It may be called after any fault.
func (i *instance) close() {
	i.p.instances.Delete(i.mod)
	_ = i.mod.Close(context.Background())
}

// load calls an export that is called once in the life of an instance.
func (i *instance) load(name string, args ...uint64) (uint32, error) {
	copy(i.stack, args)
	f := i.call(i.mod.ExportedFunction(name), LoadFuel)
	if f != nil {
		return 0, fmt.Errorf("%w: %s: %s: %w", ErrBroke, i.p.manifest.Name, name, f)
	}
	return uint32(i.stack[0]), nil
}

// call runs one function on the arguments in the stack and leaves its result
// there.
func (i *instance) call(fn api.Function, budget uint64) *fault {
	i.said, i.saidLine = "", false
	i.fuel.Set(budget)
	err := fn.CallWithStack(context.Background(), i.stack)
	left := int64(i.fuel.Get())
	i.p.stats.fuel.Add(budget - uint64(max(left, 0)))
	if err != nil {
		return classify(err, left, budget, i.said)
	}
	return nil
}

// configured makes an instance, gives it its arena and its configuration, and
// binds it.
func (p *Plugin) configured(ctx context.Context, config []byte) (*instance, *abi.Needs, error) {
	inst, err := p.start(ctx)
	if err != nil {
		return nil, nil, err
	}
	needs, err := inst.configure(config)
	if err != nil {
		inst.close()
		return nil, nil, fmt.Errorf("%w (plugin %s)", err, p.manifest.Name)
	}
	return inst, needs, nil
}

func (i *instance) configure(config []byte) (*abi.Needs, error) {
	if err := i.reserve(); err != nil {
		return nil, err
	}
	arena := i.bytes()
	const at = abi.HeaderSize
	if len(config) > len(arena)-at {
		return nil, fmt.Errorf("%w: the configuration of %d bytes does not fit the arena of %d", ErrRefused, len(config), len(arena))
	}
	copy(arena[at:], config)
	answer, err := i.load(abi.ExportConfigure, at, uint64(len(config)))
	if err != nil {
		return nil, err
	}
	needs, err := i.needs(answer)
	if err != nil {
		return nil, err
	}
	if hasErrors(needs) {
		return needs, nil // to be shown; nothing is scored with them
	}
	return needs, i.bind(needs)
}

func hasErrors(n *abi.Needs) bool {
	for _, d := range n.Diags {
		if d.Severity == abi.DiagError {
			return true
		}
	}
	return false
}

// reserve asks for the arena.
func (i *instance) reserve() error {
	size := i.p.desc.ArenaWant
	if size == 0 {
		size = defaultArena
	}
	size = max(size, minArena) &^ 7
	at, err := i.load(abi.ExportReserve, uint64(size))
	if err != nil {
		return err
	}
	switch {
	case at == 0:
		return fmt.Errorf("%w: the plugin has no room for an arena of %d bytes", ErrRefused, size)
	case at%8 != 0:
		return fmt.Errorf("%w: the arena lies at %d, expected a multiple of 8", ErrRefused, at)
	case uint64(at)+uint64(size) > uint64(i.mem.Size()):
		return fmt.Errorf("%w: the arena of %d bytes at %d lies outside the module's memory of %d", ErrRefused, size, at, i.mem.Size())
	}
	i.arena, i.size = at, size
	return nil
}

// bytes is the arena, valid until the guest runs again: its memory may move.
func (i *instance) bytes() []byte {
	b, _ := i.mem.Read(i.arena, i.size) // memory never shrinks
	return b
}

// needs reads what configure points to.
func (i *instance) needs(at uint32) (*abi.Needs, error) {
	if at == 0 {
		return nil, fmt.Errorf("%w: the plugin does not accept the configuration and gives no reason", ErrRefused)
	}
	head, ok := i.mem.Read(at, 4)
	if !ok {
		return nil, fmt.Errorf("%w: at %d, outside the module's memory of %d", ErrNeeds, at, i.mem.Size())
	}
	n := binary.LittleEndian.Uint32(head)
	if n > abi.MaxNeeds {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrNeeds, n, abi.MaxNeeds)
	}
	blob, ok := i.mem.Read(at+4, n)
	if !ok {
		return nil, fmt.Errorf("%w: %d bytes at %d lie outside the module's memory of %d", ErrNeeds, n, at, i.mem.Size())
	}
	needs, err := abi.DecodeNeeds(blob)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNeeds, err)
	}
	return needs, nil
}

func (i *instance) bind(n *abi.Needs) error {
	inputs := len(n.Inputs)
	b := abi.Binding{
		SlotStride: uint32(abi.Stride(inputs)), Inputs: uint32(inputs),
		Words: uint32(abi.Words(inputs)), Rules: uint32(len(n.Rules)),
	}
	const at = abi.HeaderSize
	b.Encode(i.bytes()[at:])
	got, err := i.load(abi.ExportBind, at, abi.BindingSize)
	if err != nil {
		return err
	}
	if code := int32(got); code < 0 {
		return fmt.Errorf("%w: the plugin does not accept the layout of its own needs (code %d)", ErrRefused, code)
	}
	return nil
}
