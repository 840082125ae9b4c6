package meter

import (
	"bytes"
	"strconv"
)

// FuelExport is the name of the global that Rewrite adds. A module that exports
// this name already is refused: it could otherwise fill its own tank.
const FuelExport = "ripen_fuel"

// globalExport begins the names under which Rewrite exports the module's own
// mutable globals, so that the host can put an instance back to what it was. They
// are reserved too.
const globalExport = "ripen_global_"

// GlobalExport is the name of the global of an index of Info.Mutable.
func GlobalExport(index uint32) string { return globalExport + strconv.FormatUint(uint64(index), 10) }

// maxMutable is how many mutable globals are exported. Compilers make a handful.
const maxMutable = 256

// Bounds on a module beyond its size in bytes. They are far above what compilers
// emit and stop a small file from asking the runtime for a large allocation.
const (
	MaxLocals = 50_000  // locals of one function, parameters included
	MaxParams = 1_000   // parameters, and results, of one function type
	MaxDepth  = 1 << 16 // open blocks in one function
	// MaxBody bounds the code of one function in bytes: a compiler holds all of one
	// at once, a kilobyte for each of these bytes. The largest of std Go has 19 kB.
	MaxBody   = 128 << 10
	MaxTables = 4
	// MaxFunctions bounds the functions of a module, each of which costs a compiler
	// some 25 µs however small: 400,000 of four bytes cost 10 s. Std Go has 1,400.
	MaxFunctions = 1 << 16
	// MaxWeave bounds the sum over all functions of locals × places where control
	// parts or meets. Compilers that keep locals in registers take time and memory
	// in proportion to it: 64 kB of hostile code cost wazero 20 s and a gigabyte.
	// A std-Go module of 2 MB has about a million.
	MaxWeave = 8 << 20
	// MaxNest bounds the sum over all blocks of the blocks around each: a compiler
	// looks through those around it at each. Ten functions of 30,000 empty blocks
	// inside one another, 0.9 MB, cost wazero 26 s.
	// A std-Go module of 2 MB comes to 1.4 million.
	MaxNest         = 16 << 20
	MaxTableEntries = 1 << 18 // of one table, now or after table.grow
)

// Section identifiers of the binary format.
const (
	secCustom, secType, secImport, secFunction, secTable, secMemory      = 0, 1, 2, 3, 4, 5
	secGlobal, secExport, secStart, secElement, secCode, secData         = 6, 7, 8, 9, 10, 11
	secDataCount, secTag                                            byte = 12, 13
)

var sectionNames = [...]string{
	"custom", "type", "import", "function", "table", "memory", "global", "export",
	"start", "element", "code", "data", "data count", "tag",
}

// sectionRank is the place of a section in the module: data count (12) stands
// between element and code.
var sectionRank = [...]int{0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6}

// ValType is a value type as the binary format encodes it.
type ValType byte

// The value types that metered modules may use.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
)

// Kind is the kind of an import or export as the binary format encodes it.
type Kind byte

// The kinds of imports and exports.
const (
	KindFunc   Kind = 0
	KindTable  Kind = 1
	KindMemory Kind = 2
	KindGlobal Kind = 3
)

func (k Kind) String() string {
	switch k {
	case KindFunc:
		return "function"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	}
	return "unknown kind"
}

// FuncType is a function's signature.
type FuncType struct{ Params, Results []ValType }

// Import is one import; Type is set for functions.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         FuncType
}

// Export is one export; Type is set for functions.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
	Type  FuncType
}

// Custom is one custom section; Data aliases the module. Offset is that of the
// section's first byte (its identifier), so bytes before it can be signed.
type Custom struct {
	Name   string
	Data   []byte
	Offset int
}

// Memory is the module's memory in pages of 64 KiB.
type Memory struct {
	Present  bool
	Min, Max uint32
	HasMax   bool
}

// Info is what a module declares, known without running it, and, after Rewrite,
// what the rewriter met.
type Info struct {
	Imports  []Import
	Exports  []Export
	Customs  []Custom
	Memory   Memory
	HasStart bool

	Sections  int // custom ones included
	Functions int // defined, not imported
	Loops     int // set by Rewrite
	BulkOps   int // set by Rewrite

	// Mutable are the indexes of the mutable globals that hold numbers.
	Mutable []uint32
	// Sticky says that an instance holds more that changes than its memory and the
	// Mutable globals: references, or segments that can be dropped. Set by Rewrite.
	Sticky bool
}

// Custom returns the data of the only custom section of that name; n counts how
// many there are.
func (i Info) Custom(name string) (data []byte, n int) {
	for _, c := range i.Customs {
		if c.Name == name {
			data, n = c.Data, n+1
		}
	}
	return data, n
}

// Export returns the export of that name.
func (i Info) Export(name string) (Export, bool) {
	for _, e := range i.Exports {
		if e.Name == name {
			return e, true
		}
	}
	return Export{}, false
}

// section is one section as it lies in the module.
type section struct {
	id         byte
	start      int // of the identifier
	body, next int // of the content, and of the section after
}

type table struct {
	ref    ValType
	min    uint32
	max    uint32
	hasMax bool
}

// module is the decoded skeleton that the rewriter works from.
type module struct {
	raw      []byte
	sections []section
	types    []FuncType
	funcs    []uint32 // type index by function index, imported ones first
	imported int      // imported functions
	tables   []table  // defined ones
	memories int
	globals  uint32 // imported and defined
	codes    int
	info     Info
}

var magic = []byte{0x00, 'a', 's', 'm', 0x01, 0x00, 0x00, 0x00}

// Inspect reads what a module declares without looking at its code. It costs a
// few microseconds and allocates in proportion to imports and exports.
func Inspect(raw []byte) (Info, error) {
	m, err := parse(raw)
	if err != nil {
		return Info{}, err
	}
	return m.info, nil
}

func parse(raw []byte) (*module, error) {
	if !bytes.HasPrefix(raw, magic) {
		return nil, fault(ErrMalformed, 0, "not a WebAssembly 1 binary (no \\0asm header)")
	}
	m := &module{raw: raw}
	r := reader{b: raw, off: len(magic), end: len(raw)}
	rank := 0
	for !r.done() {
		s := section{start: r.off}
		s.id = r.byte()
		if int(s.id) >= len(sectionNames) {
			return nil, fault(ErrMalformed, s.start, "unknown section %d", s.id)
		}
		body := r.sub(r.u32(), sectionNames[s.id]+" section")
		if r.err != nil {
			return nil, r.err
		}
		if s.id != secCustom {
			if sectionRank[s.id] <= rank {
				return nil, fault(ErrMalformed, s.start, "the %s section is out of order", sectionNames[s.id])
			}
			rank = sectionRank[s.id]
		}
		s.body, s.next = body.off, r.off
		m.sections = append(m.sections, s)
		if err := m.readSection(s, &body); err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if defined := len(m.funcs) - m.imported; m.codes != defined {
		return nil, fault(ErrMalformed, len(raw), "%d functions are declared, %d have code", defined, m.codes)
	}
	m.info.Sections, m.info.Functions = len(m.sections), m.codes
	m.typeExports()
	return m, nil
}

// typeExports fills in signatures once all indices are known.
func (m *module) typeExports() {
	for i := range m.info.Exports {
		if e := &m.info.Exports[i]; e.Kind == KindFunc && int(e.Index) < len(m.funcs) {
			e.Type = m.types[m.funcs[e.Index]]
		}
	}
}

// AppendCustom returns the module with one more custom section at its end, in
// memory of its own.
func AppendCustom(raw []byte, name string, data []byte) []byte {
	head := append(appendU32(nil, uint32(len(name))), name...)
	out := append(make([]byte, 0, len(raw)+len(head)+len(data)+6), raw...)
	out = appendU32(append(out, secCustom), uint32(len(head)+len(data)))
	return append(append(out, head...), data...)
}
