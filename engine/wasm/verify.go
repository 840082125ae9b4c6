package wasm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ripenhq/ripen/engine/wasm/meter"
	"github.com/ripenhq/ripen/sdk/abi"
)

// ReadManifest reads a module's manifest without compiling or running it.
func ReadManifest(module []byte) (*abi.Manifest, error) {
	if len(module) > abi.MaxModule {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrSize, len(module), abi.MaxModule)
	}
	info, err := meter.Inspect(module)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModule, err)
	}
	return ours().manifestOf(info)
}

// contract is what a host speaks of its major version: every module of a minor
// version up to its own, and the capabilities that it knows.
type contract struct {
	minor uint32
	caps  map[string]uint64
}

// ours is what this engine speaks.
func ours() contract { return contract{abi.Minor, abi.CapNames} }

// words are the capabilities, for people.
func (c contract) words() string {
	names := slices.Sorted(maps.Keys(c.caps))
	return fmt.Sprintf("this engine, of contract %d.%d, knows [%s]", abi.Major, c.minor, strings.Join(names, " "))
}

func (c contract) manifestOf(info meter.Info) (*abi.Manifest, error) {
	data, n := info.Custom(abi.ManifestSection)
	switch {
	case n == 0:
		return nil, fmt.Errorf("%w: the module has no %s section; build it together with its manifest.json, `go run ./engine/internal/mkplugins` as in sdk/README.md", ErrManifest, abi.ManifestSection)
	case n > 1:
		return nil, fmt.Errorf("%w: %d %s sections, expected one; pack the module that the compiler made, not a packed one", ErrManifest, n, abi.ManifestSection)
	case len(data) > abi.MaxManifest:
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrManifest, len(data), abi.MaxManifest)
	}
	var m abi.Manifest
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("%w: not the JSON that the contract describes: %w", ErrManifest, err)
	}
	if m.Name == "" || m.Version == "" {
		return nil, fmt.Errorf("%w: name %q, version %q: both are needed", ErrManifest, m.Name, m.Version)
	}
	major, minor, err := ParseABI(m.ABI)
	if err != nil {
		return nil, err
	}
	if major != abi.Major || minor > c.minor {
		return nil, fmt.Errorf("%w: the manifest of %s says abi %s, this engine runs %d.0 to %d.%d; install a newer engine or rebuild the plugin", ErrABI, m.Name, m.ABI, abi.Major, abi.Major, c.minor)
	}
	return &m, nil
}

// ParseABI reads the version of the contract in a manifest, such as "1.0".
func ParseABI(s string) (major, minor uint32, err error) {
	a, b, ok := strings.Cut(s, ".")
	x, errA := strconv.ParseUint(a, 10, 32)
	y, errB := strconv.ParseUint(b, 10, 32)
	if !ok || errA != nil || errB != nil {
		return 0, 0, fmt.Errorf("%w: abi is %q, expected \"%d.%d\"", ErrManifest, s, abi.Major, abi.Minor)
	}
	return uint32(x), uint32(y), nil
}

// signature is a function type in letters: i for i32, I for i64.
type signature struct{ params, results string }

func (s signature) String() string {
	names := strings.NewReplacer("i", "i32 ", "I", "i64 ", "f", "f32 ", "F", "f64 ", "r", "ref ")
	in, out := strings.TrimSpace(names.Replace(s.params)), strings.TrimSpace(names.Replace(s.results))
	return "(" + in + ") -> (" + out + ")"
}

func signatureOf(t meter.FuncType) signature {
	letters := func(ts []meter.ValType) string {
		var b strings.Builder
		for _, t := range ts {
			switch t {
			case meter.I32:
				b.WriteByte('i')
			case meter.I64:
				b.WriteByte('I')
			case meter.F32:
				b.WriteByte('f')
			case meter.F64:
				b.WriteByte('F')
			default:
				b.WriteByte('r')
			}
		}
		return b.String()
	}
	return signature{letters(t.Params), letters(t.Results)}
}

var exports = []struct {
	name     string
	sig      signature
	optional bool
}{
	{abi.ExportMarker, signature{"", ""}, false},
	{abi.ExportDescribe, signature{"", "i"}, false},
	{abi.ExportReserve, signature{"i", "i"}, false},
	{abi.ExportConfigure, signature{"ii", "i"}, false},
	{abi.ExportBind, signature{"ii", "i"}, false},
	{abi.ExportProcess, signature{"i", "i"}, false},
	{abi.ExportMigrate, signature{"ii", "i"}, true},
	{abi.ExportInitialize, signature{"", ""}, true},
}

// checkExports looks for the marker first: a module of another version misses
// other things too, and should hear the one reason that matters.
func checkExports(info meter.Info) error {
	if _, ok := info.Export(abi.ExportMarker); !ok {
		var speaks []string
		for _, e := range info.Exports {
			if strings.HasPrefix(e.Name, abi.MarkerPrefix) {
				speaks = append(speaks, e.Name)
			}
		}
		if len(speaks) > 0 {
			return fmt.Errorf("%w: the module speaks %s, this engine speaks %s; install a newer engine, or build the plugin with an SDK of contract version %d",
				ErrABI, strings.Join(speaks, " and "), abi.ExportMarker, abi.Major)
		}
		return fmt.Errorf("%w: the module does not export %s: it is not a Ripen plugin, or was built without an SDK", ErrABI, abi.ExportMarker)
	}
	for _, want := range exports {
		e, ok := info.Export(want.name)
		switch {
		case !ok && want.optional:
		case !ok:
			return fmt.Errorf("%w: %s is missing", ErrExport, want.name)
		case e.Kind != meter.KindFunc:
			return fmt.Errorf("%w: %s is a %s, expected a function", ErrExport, want.name, e.Kind)
		default:
			if got := signatureOf(e.Type); got != want.sig {
				return fmt.Errorf("%w: %s has the signature %s, expected %s", ErrExport, want.name, got, want.sig)
			}
		}
	}
	if e, ok := info.Export(abi.ExportMemory); !ok || e.Kind != meter.KindMemory || !info.Memory.Present {
		return fmt.Errorf("%w: no memory is exported as %q", ErrExport, abi.ExportMemory)
	}
	return nil
}

// checkImports allows what offered lists and nothing else.
func checkImports(info meter.Info) (needsWASI bool, err error) {
	for _, imp := range info.Imports {
		if imp.Kind != meter.KindFunc {
			return false, fmt.Errorf("%w: %s %q.%q: a plugin may import functions only", ErrImport, imp.Kind, imp.Module, imp.Name)
		}
		f, ok := offered[imp.Module][imp.Name]
		if !ok {
			return false, fmt.Errorf("%w: %q.%q is not offered to plugins: they compute and reach nothing outside", ErrImport, imp.Module, imp.Name)
		}
		if got := signatureOf(imp.Type); got != f.sig {
			return false, fmt.Errorf("%w: %q.%q has the signature %s, expected %s", ErrImport, imp.Module, imp.Name, got, f.sig)
		}
		needsWASI = needsWASI || imp.Module == wasiModule
	}
	return needsWASI, nil
}

// pages is the memory limit of a module, checked against what it begins with.
func pages(info meter.Info, m *abi.Manifest, wasi bool, most uint32) (uint32, error) {
	limit, whose := SmallPages, "default"
	if wasi {
		limit = GoPages
	}
	if want := m.Limits.MemoryPages; want != 0 {
		limit, whose = want, "manifest's"
	}
	if limit > most {
		return 0, fmt.Errorf("%w: the manifest asks for %d pages of 64 KiB, this engine gives at most %d", ErrMemory, limit, most)
	}
	if first := info.Memory.Min; first > limit {
		return 0, fmt.Errorf("%w: the module begins with %d pages of 64 KiB, its limit is %d (%s); make its static data smaller or raise limits.memory_pages in the manifest", ErrMemory, first, limit, whose)
	}
	return limit, nil
}

// checkDescriptor compares what the running module says with its manifest and
// with what this engine understands.
func (c contract) checkDescriptor(d abi.Descriptor, m *abi.Manifest) error {
	if d.Magic != abi.DescriptorMagic {
		return fmt.Errorf("%w: begins with %#08x, expected %#08x (\"RPEN\")", ErrDescriptor, d.Magic, abi.DescriptorMagic)
	}
	_, minor, _ := ParseABI(m.ABI) // was read before
	var caps, known uint64
	for _, bit := range c.caps {
		known |= bit
	}
	for _, name := range m.Capabilities {
		bit, ok := c.caps[name]
		if !ok {
			return fmt.Errorf("%w: the manifest has the capability %q, %s; install a newer engine, or build the plugin without it", ErrManifest, name, c.words())
		}
		caps |= bit
	}
	if more := d.Caps &^ known; more != 0 {
		return fmt.Errorf("%w: the module has the capability bits %#x, %s; install a newer engine, or build the plugin without them", ErrDescriptor, more, c.words())
	}
	if d.Caps != caps {
		return fmt.Errorf("%w: the module claims the capabilities [%s], its manifest [%s]", ErrDescriptor, capNames(d.Caps), capNames(caps))
	}
	checks := []struct {
		what      string
		got, want uint32
	}{
		{"contract minor version", d.Minor, minor},
		{"state maximum in bytes", d.StateMax, m.State.Max},
		{"state version", d.StateVersion, m.State.Version},
		{"slot size", d.SlotStride, abi.SlotSize},
		{"result size", d.ResultStride, abi.ResultSize},
		{"entry size", d.EntryStride, abi.EntrySize},
		{"row size", d.RowStride, abi.RowSize},
	}
	for _, x := range checks {
		if x.got != x.want {
			return fmt.Errorf("%w: %s is %d, expected %d as in the manifest and the contract", ErrDescriptor, x.what, x.got, x.want)
		}
	}
	switch {
	case d.MaxRound == 0 || d.MaxRound > abi.MaxRound:
		return fmt.Errorf("%w: at most %d slots a call, expected 1 to %d", ErrDescriptor, d.MaxRound, abi.MaxRound)
	case d.ArenaWant > abi.MaxArena:
		return fmt.Errorf("%w: wants an arena of %d bytes, at most %d", ErrDescriptor, d.ArenaWant, abi.MaxArena)
	case d.StateMax > abi.MaxState:
		return fmt.Errorf("%w: state of %d bytes a lead, at most %d", ErrDescriptor, d.StateMax, abi.MaxState)
	case d.StateMax > 0 != (d.Caps&abi.CapState != 0):
		return fmt.Errorf("%w: state of %d bytes with the capabilities [%s]: \"state\" goes with a maximum above 0", ErrDescriptor, d.StateMax, capNames(d.Caps))
	}
	return nil
}

func capNames(caps uint64) string {
	var names []string
	for name, bit := range abi.CapNames {
		if caps&bit != 0 {
			names = append(names, name)
			caps &^= bit
		}
	}
	slices.Sort(names)
	if caps != 0 {
		names = append(names, fmt.Sprintf("%#x", caps))
	}
	return strings.Join(names, " ")
}
