package meter

// function is what one walk over a body finds. It is reused between functions.
type function struct {
	index   int // in the module's function index space
	locals  uint32
	groups  int // offset of the local groups, after their count
	nGroups uint32
	code    int // offset of the first instruction
	end     int

	points []point
	totals []uint32 // instructions by region: 0 is the body outside loops, then one per loop
	open   []int    // the region to return to at each `end`
	loops  int
	bulk   int
	forks  int    // places where control parts or meets
	nest   uint64 // sum over its blocks of those around each
}

// point is a place where instructions are inserted: before offset at, the charge
// of a segment, or of a bulk operation's length if region is below zero.
//
// A region is cut into segments wherever control can arrive from elsewhere than
// the instruction before: after an end or an else. The first segment of a region
// is its header.
type point struct {
	at     int
	region int
	header bool
	cost   uint32 // instructions up to the next point of any region
}

const bulkLength = -1

// walk decodes one body. It checks every index that could reach what Rewrite
// adds (the global, the scratch local), and leaves types to the runtime.
func (m *module) walk(f *function, r *reader) error {
	f.totals, f.points, f.open = append(f.totals[:0], 0), f.points[:0], append(f.open[:0], 0)
	f.loops, f.bulk, f.forks, f.nest, f.end = 0, 0, 0, 0, r.end
	m.readLocals(f, r)
	f.code = r.off
	f.points = append(f.points, point{at: r.off, header: true})
	segment, region := 0, 0
	for r.err == nil && len(f.open) > 0 {
		at := r.off
		op := r.byte()
		if r.err != nil {
			break
		}
		switch op {
		case opEnd:
			region = f.open[len(f.open)-1]
			f.open = f.open[:len(f.open)-1]
			segment = f.cut(r.off, region, false)
			continue
		case opElse:
			segment = f.cut(r.off, region, false)
			continue
		case opNop:
			continue
		case opBlock, opIf, opLoop:
			m.blockType(r)
			if len(f.open) >= MaxDepth {
				r.fail(ErrLimit, "%d blocks inside one another, at most %d are accepted", len(f.open)+1, MaxDepth)
			}
			f.nest += uint64(len(f.open))
			f.open = append(f.open, region)
			f.forks++
			if op == opLoop {
				f.totals = append(f.totals, 0)
				region = len(f.totals) - 1
				f.loops++
				segment = f.cut(r.off, region, true)
			}
			if op != opIf {
				continue
			}
		case opMisc:
			m.misc(f, r, at)
		default:
			m.immediates(f, r, op)
		}
		f.points[segment].cost++
		f.totals[region]++
	}
	if r.err == nil && r.off != r.end {
		r.fail(ErrMalformed, "%d bytes after the last end", r.left())
	}
	return r.err
}

// cut begins a segment. One that turned out empty makes way for it.
func (f *function) cut(at, region int, header bool) int {
	if last := len(f.points) - 1; !f.points[last].header && f.points[last].cost == 0 && f.points[last].region >= 0 {
		f.points = f.points[:last]
	}
	f.points = append(f.points, point{at: at, region: region, header: header})
	return len(f.points) - 1
}

func (m *module) readLocals(f *function, r *reader) {
	params := uint64(len(m.types[m.funcs[f.index]].Params))
	total := params
	f.nGroups = uint32(r.count(2, "local groups"))
	f.groups = r.off
	for i := uint32(0); i < f.nGroups && r.err == nil; i++ {
		total += uint64(r.u32())
		readValType(r)
	}
	if r.err == nil && total >= MaxLocals {
		r.fail(ErrLimit, "%d locals, fewer than %d are accepted", total, MaxLocals)
	}
	f.locals = uint32(total)
}

func (m *module) blockType(r *reader) {
	switch t := r.signed(33); {
	case r.err != nil:
	case t >= 0:
		if t >= int64(len(m.types)) {
			r.fail(ErrMalformed, "block type %d of %d", t, len(m.types))
		}
	default:
		switch byte(t & 0x7f) {
		case blockEmpty, byte(I32), byte(I64), byte(F32), byte(F64), byte(FuncRef), byte(ExternRef):
			if t >= -64 {
				return
			}
		}
		r.fail(ErrUnsupported, "block type %d", t)
	}
}

// immediates steps over what follows op.
func (m *module) immediates(f *function, r *reader, op byte) {
	switch shapes[op] {
	case shapeNone:
	case shapeIndex:
		switch op {
		case opBrIf:
			f.forks++
		case opTableSet:
			m.info.Sticky = true
		}
		r.u32()
	case shapeIndex2, shapeMemArg:
		r.u32()
		r.u32()
	case shapeZero:
		zeroByte(r)
	case shapeLocal:
		if i := r.u32(); r.err == nil && i >= f.locals {
			r.fail(ErrMalformed, "local %d of %d", i, f.locals)
		}
	case shapeGlobal:
		if i := r.u32(); r.err == nil && i >= m.globals {
			r.fail(ErrMalformed, "global %d of %d", i, m.globals)
		}
	case shapeI32:
		r.signed(32)
	case shapeI64:
		r.signed(64)
	case shapeF32:
		r.skip(4)
	case shapeF64:
		r.skip(8)
	case shapeTable:
		n := r.count(1, "branch targets")
		f.forks += n
		for ; n >= 0 && r.err == nil; n-- { // and the default
			r.u32()
		}
	case shapeRefType:
		readRefType(r)
	case shapeSelect:
		if n := r.u32(); r.err == nil && n != 1 {
			r.fail(ErrMalformed, "select with %d types", n)
		}
		readValType(r)
	default:
		r.off--
		r.fail(ErrUnsupported, "%s is not accepted; build for WebAssembly 2.0 without SIMD, threads, exceptions and tail calls", opcodeName(op))
	}
}

// misc steps over an operation of the 0xfc page and notes those with a length.
func (m *module) misc(f *function, r *reader, at int) {
	sub := r.byte() // one byte: a padded encoding is refused as an unknown opcode
	switch {
	case r.err != nil:
		return
	case sub < miscMemoryInit: // saturating truncations
	case sub == miscMemoryInit:
		r.u32()
		zeroByte(r)
	case sub == miscMemoryCopy:
		zeroByte(r)
		zeroByte(r)
	case sub == miscMemoryFill:
		zeroByte(r)
	case sub == miscTableInit, sub == miscTableCopy:
		r.u32()
		r.u32()
	case sub == miscDataDrop, sub == miscElemDrop, sub == miscTableGrow, sub == miscTableSize, sub == miscTableFill:
		r.u32()
	default:
		r.off -= 2
		r.fail(ErrUnsupported, "opcode 0xfc %#02x is not accepted", sub)
		return
	}
	switch sub {
	case miscDataDrop, miscElemDrop, miscTableInit, miscTableCopy, miscTableGrow, miscTableFill:
		m.info.Sticky = true
	}
	switch sub {
	case miscMemoryInit, miscMemoryCopy, miscMemoryFill, miscTableInit, miscTableCopy, miscTableGrow, miscTableFill:
		f.points = append(f.points, point{at: at, region: bulkLength})
		f.bulk++
	}
}

func zeroByte(r *reader) {
	if c := r.byte(); r.err == nil && c != 0 {
		r.fail(ErrUnsupported, "memory index %#02x: only one memory is accepted", c)
	}
}
