package meter

import "strings"

// readSection decodes one section into the skeleton. The code section is only
// counted here; Rewrite walks it.
func (m *module) readSection(s section, r *reader) error {
	switch s.id {
	case secCustom:
		name := r.name()
		if r.err != nil {
			return r.err
		}
		m.info.Customs = append(m.info.Customs, Custom{Name: name, Data: r.b[r.off:r.end:r.end], Offset: s.start})
		return nil
	case secType:
		m.readTypes(r)
	case secImport:
		m.readImports(r)
	case secFunction:
		n := r.count(1, "functions")
		if n > MaxFunctions {
			r.fail(ErrLimit, "%d functions, at most %d are compiled", n, MaxFunctions)
		}
		for ; n > 0 && r.err == nil; n-- {
			m.funcs = append(m.funcs, m.typeIndex(r))
		}
	case secTable:
		m.readTables(r)
	case secMemory:
		for n := r.count(2, "memories"); n > 0 && r.err == nil; n-- {
			m.readMemory(r)
		}
	case secGlobal:
		for n := r.count(4, "globals"); n > 0 && r.err == nil; n-- {
			m.readGlobal(r)
		}
	case secExport:
		m.readExports(r)
	case secStart:
		m.info.HasStart = true
		r.u32()
	case secElement:
		for n := r.count(1, "element segments"); n > 0 && r.err == nil; n-- {
			m.readElement(r)
		}
	case secDataCount:
		r.u32()
	case secCode:
		m.codes = r.count(3, "function bodies")
		r.off = r.end
	case secData:
		for n := r.count(2, "data segments"); n > 0 && r.err == nil; n-- {
			m.readData(r)
		}
	case secTag:
		r.fail(ErrUnsupported, "the tag section belongs to exception handling; build without it")
	}
	return r.closed(sectionNames[s.id])
}

func (m *module) readTypes(r *reader) {
	for n := r.count(3, "types"); n > 0 && r.err == nil; n-- {
		if form := r.byte(); r.err == nil && form != 0x60 {
			r.fail(ErrUnsupported, "type form %#02x is not a plain function type", form)
			return
		}
		m.types = append(m.types, FuncType{Params: readValTypes(r), Results: readValTypes(r)})
	}
}

func readValTypes(r *reader) []ValType {
	n := r.count(1, "value types")
	if n > MaxParams {
		r.fail(ErrLimit, "a function type has %d parameters or results, at most %d are accepted", n, MaxParams)
	}
	if r.err != nil || n == 0 {
		return nil
	}
	ts := make([]ValType, n)
	for i := range ts {
		ts[i] = readValType(r)
	}
	return ts
}

func readValType(r *reader) ValType {
	t := ValType(r.byte())
	switch t {
	case I32, I64, F32, F64, FuncRef, ExternRef:
		return t
	case 0x7b:
		r.fail(ErrUnsupported, "value type v128 (SIMD); build without SIMD")
	default:
		r.fail(ErrUnsupported, "value type %#02x", byte(t))
	}
	return 0
}

func readRefType(r *reader) ValType {
	t := readValType(r)
	if r.err == nil && t != FuncRef && t != ExternRef {
		r.fail(ErrMalformed, "value type %#02x where a reference type is expected", byte(t))
	}
	return t
}

func (m *module) typeIndex(r *reader) uint32 {
	i := r.u32()
	if r.err == nil && int(i) >= len(m.types) {
		r.fail(ErrMalformed, "type %d of %d", i, len(m.types))
	}
	return i
}

func (m *module) readImports(r *reader) {
	for n := r.count(4, "imports"); n > 0 && r.err == nil; n-- {
		imp := Import{Module: r.name(), Name: r.name(), Kind: Kind(r.byte())}
		if r.err != nil {
			return
		}
		switch imp.Kind {
		case KindFunc:
			t := m.typeIndex(r)
			if r.err != nil {
				return
			}
			imp.Type = m.types[t]
			m.funcs = append(m.funcs, t)
			m.imported++
		case KindTable:
			readTable(r)
		case KindMemory:
			m.readMemory(r)
		case KindGlobal:
			if _, mutable := readGlobalType(r); mutable {
				m.info.Sticky = true // it is somebody else's
			}
			m.globals++
		default:
			r.fail(ErrUnsupported, "import kind %d of %q.%q", byte(imp.Kind), imp.Module, imp.Name)
		}
		m.info.Imports = append(m.info.Imports, imp)
	}
}

func readGlobalType(r *reader) (t ValType, mutable bool) {
	t = readValType(r)
	mut := r.byte()
	if mut > 1 {
		r.fail(ErrMalformed, "global mutability %#02x", mut)
	}
	return t, mut == 1
}

func (m *module) readGlobal(r *reader) {
	switch t, mutable := readGlobalType(r); {
	case !mutable:
	case t == FuncRef, t == ExternRef, len(m.info.Mutable) >= maxMutable:
		m.info.Sticky = true
	default:
		m.info.Mutable = append(m.info.Mutable, m.globals)
	}
	m.readConst(r)
	m.globals++
}

func readLimits(r *reader, what string) (lo, hi uint32, hasMax bool) {
	switch flag := r.byte(); {
	case r.err != nil:
	case flag == 0:
		lo = r.u32()
	case flag == 1:
		lo, hi, hasMax = r.u32(), r.u32(), true
		if hi < lo {
			r.fail(ErrMalformed, "%s maximum %d is below its initial size %d", what, hi, lo)
		}
	default:
		r.fail(ErrUnsupported, "%s flags %#02x (shared or 64-bit)", what, flag)
	}
	return lo, hi, hasMax
}

func (m *module) readMemory(r *reader) {
	lo, hi, hasMax := readLimits(r, "memory")
	if m.memories++; m.memories > 1 {
		r.fail(ErrUnsupported, "more than one memory")
	}
	m.info.Memory = Memory{Present: true, Min: lo, Max: hi, HasMax: hasMax}
}

func readTable(r *reader) table {
	t := table{ref: readRefType(r)}
	t.min, t.max, t.hasMax = readLimits(r, "table")
	if t.min > MaxTableEntries {
		r.fail(ErrLimit, "a table of %d entries, at most %d are accepted", t.min, MaxTableEntries)
	}
	return t
}

func (m *module) readTables(r *reader) {
	n := r.count(3, "tables")
	if n > MaxTables {
		r.fail(ErrLimit, "%d tables, at most %d are accepted", n, MaxTables)
	}
	for ; n > 0 && r.err == nil; n-- {
		m.tables = append(m.tables, readTable(r))
	}
}

func (m *module) readExports(r *reader) {
	for n := r.count(3, "exports"); n > 0 && r.err == nil; n-- {
		e := Export{Name: r.name(), Kind: Kind(r.byte()), Index: r.u32()}
		switch {
		case r.err != nil:
			return
		case e.Name == FuelExport, strings.HasPrefix(e.Name, globalExport):
			r.fail(ErrReserved, "the module exports %q, which belongs to the host; rename the export", shown(e.Name))
		case e.Kind > KindGlobal:
			r.fail(ErrUnsupported, "export kind %d of %q", byte(e.Kind), e.Name)
		case e.Kind == KindGlobal && e.Index >= m.globals:
			r.fail(ErrMalformed, "export %q is global %d of %d", e.Name, e.Index, m.globals)
		case e.Kind == KindFunc && int(e.Index) >= len(m.funcs):
			r.fail(ErrMalformed, "export %q is function %d of %d", e.Name, e.Index, len(m.funcs))
		}
		m.info.Exports = append(m.info.Exports, e)
	}
}

// readConst reads a constant expression. A global's index is checked against the
// module as it came, so that no expression can reach the fuel global.
func (m *module) readConst(r *reader) {
	for r.err == nil {
		switch op := r.byte(); op {
		case opI32Const:
			r.signed(32)
		case opI64Const:
			r.signed(64)
		case opF32Const:
			r.skip(4)
		case opF64Const:
			r.skip(8)
		case opGlobalGet:
			if i := r.u32(); r.err == nil && i >= m.globals {
				r.fail(ErrMalformed, "constant expression reads global %d of %d", i, m.globals)
			}
		case opRefNull:
			readRefType(r)
		case opRefFunc:
			r.u32()
		case opEnd:
			return
		default:
			if r.err == nil {
				r.fail(ErrUnsupported, "opcode %#02x in a constant expression", op)
			}
		}
	}
}

// readElement reads one element segment; bits of the flag say passive or
// declarative (1), explicit table or kind (2), expressions for indices (4).
func (m *module) readElement(r *reader) {
	flag := r.u32()
	if r.err == nil && flag > 7 {
		r.fail(ErrMalformed, "element segment flags %#x", flag)
		return
	}
	active, explicit, exprs := flag&1 == 0, flag&2 != 0, flag&4 != 0
	if active {
		if explicit {
			r.u32()
		}
		m.readConst(r)
	}
	if flag&3 != 0 {
		if exprs {
			readRefType(r)
		} else if kind := r.byte(); r.err == nil && kind != 0 {
			r.fail(ErrMalformed, "element kind %#02x", kind)
		}
	}
	for n := r.count(1, "elements"); n > 0 && r.err == nil; n-- {
		if exprs {
			m.readConst(r)
		} else {
			r.u32()
		}
	}
}

func (m *module) readData(r *reader) {
	flag := r.u32()
	switch {
	case r.err != nil:
		return
	case flag > 2:
		r.fail(ErrMalformed, "data segment flags %#x", flag)
	case flag == 2:
		r.u32()
		m.readConst(r)
	case flag == 0:
		m.readConst(r)
	}
	r.skip(r.count(1, "data bytes"))
}

// shown is a name of any length for people.
func shown(name string) string { return name[:min(len(name), 64)] }
