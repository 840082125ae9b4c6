package wasm

import (
	"context"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/ripenhq/ripen/sdk/abi"
)

const wasiModule = "wasi_snapshot_preview1"

// Answers of WASI functions.
const (
	wasiOK         = 0
	wasiBadFile    = 8
	wasiFault      = 21
	wasiInvalid    = 28
	wasiNotCapable = 76
)

// epoch is what every clock answers, in ns: 2000-01-01. A clock that stood at
// zero would be read as "not set" by some runtimes.
const epoch = 946_684_800_000_000_000

// hostCost is the fuel that a call of the host costs, on top of a unit for each
// byte that it reads or writes.
const hostCost = 64

// hostFunc is one function that plugins may import. An i32 argument is the low
// half of its word; the runtime leaves anything in the other.
type hostFunc struct {
	sig signature
	fn  func(p *Plugin, g *guest, a []uint64) uint32
}

// guest is the caller of a host function: its memory, its tank, and the
// instance once there is one (a start section runs before).
type guest struct {
	mem  api.Memory
	fuel api.MutableGlobal
	inst *instance
}

// pay takes fuel for n bytes. It panics when there is none left, which the
// runtime turns into a trap of the guest.
func (g *guest) pay(n uint32) {
	left := int64(g.fuel.Get()) - hostCost - int64(n)
	g.fuel.Set(uint64(left))
	if left < 0 {
		panic(errFuel)
	}
}

func answer(code uint32) func(*Plugin, *guest, []uint64) uint32 {
	return func(*Plugin, *guest, []uint64) uint32 { return code }
}

// offered is all that a plugin may import: the log, and the functions of WASI
// that a std-Go module cannot be linked without. All answers are constants.
var offered = map[string]map[string]hostFunc{
	abi.ImportModule: {
		abi.ImportLog: {signature{"ii", ""}, hostLog},
	},
	wasiModule: {
		"args_get":                {signature{"ii", "i"}, answer(wasiOK)},
		"args_sizes_get":          {signature{"ii", "i"}, noArgs},
		"clock_res_get":           {signature{"ii", "i"}, func(_ *Plugin, g *guest, a []uint64) uint32 { return g.put64(a[1], 1) }},
		"clock_time_get":          {signature{"iIi", "i"}, func(_ *Plugin, g *guest, a []uint64) uint32 { return g.put64(a[2], epoch) }},
		"environ_get":             {signature{"ii", "i"}, environGet},
		"environ_sizes_get":       {signature{"ii", "i"}, environSizes},
		"fd_close":                {signature{"i", "i"}, answer(wasiBadFile)},
		"fd_fdstat_get":           {signature{"ii", "i"}, answer(wasiBadFile)},
		"fd_fdstat_set_flags":     {signature{"ii", "i"}, answer(wasiBadFile)},
		"fd_fdstat_set_rights":    {signature{"iII", "i"}, answer(wasiBadFile)},
		"fd_filestat_get":         {signature{"ii", "i"}, answer(wasiBadFile)},
		"fd_filestat_set_size":    {signature{"iI", "i"}, answer(wasiBadFile)},
		"fd_pread":                {signature{"iiiIi", "i"}, answer(wasiBadFile)},
		"fd_prestat_dir_name":     {signature{"iii", "i"}, answer(wasiBadFile)},
		"fd_prestat_get":          {signature{"ii", "i"}, answer(wasiBadFile)},
		"fd_pwrite":               {signature{"iiiIi", "i"}, answer(wasiBadFile)},
		"fd_read":                 {signature{"iiii", "i"}, fdRead},
		"fd_readdir":              {signature{"iiiIi", "i"}, answer(wasiBadFile)},
		"fd_seek":                 {signature{"iIii", "i"}, answer(wasiBadFile)},
		"fd_sync":                 {signature{"i", "i"}, answer(wasiBadFile)},
		"fd_write":                {signature{"iiii", "i"}, fdWrite},
		"path_create_directory":   {signature{"iii", "i"}, answer(wasiNotCapable)},
		"path_filestat_get":       {signature{"iiiii", "i"}, answer(wasiNotCapable)},
		"path_filestat_set_times": {signature{"iiiiIIi", "i"}, answer(wasiNotCapable)},
		"path_link":               {signature{"iiiiiii", "i"}, answer(wasiNotCapable)},
		"path_open":               {signature{"iiiiiIIii", "i"}, answer(wasiNotCapable)},
		"path_readlink":           {signature{"iiiiii", "i"}, answer(wasiNotCapable)},
		"path_remove_directory":   {signature{"iii", "i"}, answer(wasiNotCapable)},
		"path_rename":             {signature{"iiiiii", "i"}, answer(wasiNotCapable)},
		"path_symlink":            {signature{"iiiii", "i"}, answer(wasiNotCapable)},
		"path_unlink_file":        {signature{"iii", "i"}, answer(wasiNotCapable)},
		"poll_oneoff":             {signature{"iiii", "i"}, pollOneoff},
		"proc_exit":               {signature{"i", ""}, func(_ *Plugin, _ *guest, a []uint64) uint32 { panic(exit{uint32(a[0])}) }},
		"random_get":              {signature{"ii", "i"}, randomGet},
		"sched_yield":             {signature{"", "i"}, answer(wasiOK)},
		"sock_accept":             {signature{"iii", "i"}, answer(wasiBadFile)},
		"sock_shutdown":           {signature{"ii", "i"}, answer(wasiBadFile)},
	},
}

// offer instantiates the host modules in a plugin's runtime.
func (p *Plugin) offer(ctx context.Context, rt wazero.Runtime) error {
	types := map[rune]api.ValueType{'i': api.ValueTypeI32, 'I': api.ValueTypeI64}
	list := func(letters string) (ts []api.ValueType) {
		for _, c := range letters {
			ts = append(ts, types[c])
		}
		return ts
	}
	for module, functions := range offered {
		b := rt.NewHostModuleBuilder(module)
		for name, f := range functions {
			call := func(_ context.Context, mod api.Module, stack []uint64) {
				g := p.caller(mod)
				g.pay(0)
				if code := f.fn(p, g, stack); f.sig.results != "" {
					stack[0] = uint64(code)
				}
			}
			b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(call), list(f.sig.params), list(f.sig.results)).Export(name)
		}
		if _, err := b.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (g *guest) put32(at uint64, v uint32) uint32 {
	if !g.mem.WriteUint32Le(uint32(at), v) {
		return wasiFault
	}
	return wasiOK
}

func (g *guest) put64(at, v uint64) uint32 {
	if !g.mem.WriteUint64Le(uint32(at), v) {
		return wasiFault
	}
	return wasiOK
}

func noArgs(_ *Plugin, g *guest, a []uint64) uint32 {
	return g.put32(a[0], 0) | g.put32(a[1], 0)
}

// environ tells a Go runtime how much memory there is: it would otherwise let
// its heap grow beyond the limit, which is fatal to it.
func (p *Plugin) environ() string {
	free := int64(p.pages-p.info.Memory.Min) * pageSize
	return "GOMEMLIMIT=" + strconv.FormatInt(max(free/4*3, 1<<20), 10) + "\x00"
}

func environSizes(p *Plugin, g *guest, a []uint64) uint32 {
	return g.put32(a[0], 1) | g.put32(a[1], uint32(len(p.environ())))
}

func environGet(p *Plugin, g *guest, a []uint64) uint32 {
	if !g.mem.WriteString(uint32(a[1]), p.environ()) {
		return wasiFault
	}
	return g.put32(a[0], uint32(a[1]))
}

// fdRead answers end of file on standard input.
func fdRead(_ *Plugin, g *guest, a []uint64) uint32 {
	if uint32(a[0]) != 0 {
		return wasiBadFile
	}
	return g.put32(a[3], 0)
}

// fdWrite takes what a plugin prints to standard output or error.
func fdWrite(p *Plugin, g *guest, a []uint64) uint32 {
	if fd := uint32(a[0]); fd != 1 && fd != 2 {
		return wasiBadFile
	}
	const most = 64
	vecs, total := uint32(a[2]), uint32(0)
	if vecs > most {
		return wasiInvalid
	}
	for i := range vecs {
		rec, ok := g.mem.Read(uint32(a[1])+8*i, 8)
		if !ok {
			return wasiFault
		}
		text, ok := g.mem.Read(binary.LittleEndian.Uint32(rec), binary.LittleEndian.Uint32(rec[4:]))
		if !ok {
			return wasiFault
		}
		g.pay(uint32(len(text)))
		p.printed(g.inst, text)
		total += uint32(len(text))
	}
	return g.put32(a[3], total)
}

func hostLog(p *Plugin, g *guest, a []uint64) uint32 {
	text, ok := g.mem.Read(uint32(a[0]), uint32(a[1]))
	if ok {
		g.pay(uint32(len(text)))
		p.printed(g.inst, text)
	}
	return 0
}

// randomGet fills with the same bytes every time.
func randomGet(_ *Plugin, g *guest, a []uint64) uint32 {
	g.pay(uint32(a[1]))
	b, ok := g.mem.Read(uint32(a[0]), uint32(a[1]))
	if !ok {
		return wasiFault
	}
	x := uint32(0x9e3779b9)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return wasiOK
}

// pollOneoff lets every timeout pass at once and nothing else happen.
func pollOneoff(_ *Plugin, g *guest, a []uint64) uint32 {
	const subscription, event, most = 48, 32, 64
	in, out, n := uint32(a[0]), uint32(a[1]), uint32(a[2])
	if n == 0 || n > most {
		return wasiInvalid
	}
	fired := uint32(0)
	for i := range n {
		sub, ok := g.mem.Read(in+i*subscription, subscription)
		if !ok {
			return wasiFault
		}
		if sub[8] != 0 { // not a clock
			continue
		}
		ev, ok := g.mem.Read(out+fired*event, event)
		if !ok {
			return wasiFault
		}
		user := binary.LittleEndian.Uint64(sub)
		clear(ev)
		binary.LittleEndian.PutUint64(ev, user)
		fired++
	}
	return g.put32(a[3], fired)
}

// thinAfter and thinTo thin out what a plugin prints: all of the first lines,
// then one in thinTo. Counted, not timed: the data plane has no clock.
const (
	thinAfter = 100
	thinTo    = 1000
	saidMax   = 256 // bytes kept of the last words of a guest
)

// printed passes a plugin's text on and remembers the first line since the call
// began: the reason of a Go panic stands there, and the trap that follows only
// says "unreachable".
func (p *Plugin) printed(inst *instance, text []byte) {
	if inst != nil && !inst.saidLine && len(inst.said) < saidMax {
		line, _, whole := strings.Cut(string(text[:min(len(text), saidMax)]), "\n")
		inst.said += strings.ToValidUTF8(line, "?")
		inst.saidLine = whole
	}
	n := p.stats.lines.Add(1)
	if p.host.opts.Quiet || (n > thinAfter && n%thinTo != 0) || !p.host.opts.Log.IsDebug() {
		return
	}
	p.host.opts.Log.Debug("plugin prints", "plugin", p.manifest.Name, "text", strings.TrimRight(string(text), "\n"), "line", n)
}
