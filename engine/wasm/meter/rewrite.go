package meter

import "fmt"

// StartFuel is what the fuel global holds when a module is instantiated: the
// budget of its start section, which runs before the host can set the global.
const StartFuel = 1 << 24

// overhead is what every charge costs on top of its instructions. A jump back
// and the charge itself take about as long as this many of them, so without it
// an empty loop would be the cheapest way to burn time.
const overhead = 8

// fine is the number of instructions from which on a region pays segment by
// segment instead of all at once. Go compiles a function to one loop around a
// jump table, so at once each step of a loop in it would pay for the whole
// function; a short loop is better off with a single charge.
const fine = 128

// growth is a guess at how much larger the code gets: it only sizes the buffer.
const growth = 4 // a quarter more

// Rewrite returns the module with metering, see the package comment. All sections
// but the debug names are kept. The input
// is not changed and not kept, except that Info.Customs alias it.
func Rewrite(raw []byte) ([]byte, Info, error) { return rewrite(raw, false) }

// Unmetered returns the same module without a single charge: what metering
// costs is measured against it. Nothing stops what runs in it.
func Unmetered(raw []byte) ([]byte, Info, error) { return rewrite(raw, true) }

func rewrite(raw []byte, free bool) ([]byte, Info, error) {
	m, err := parse(raw)
	if err != nil {
		return nil, Info{}, err
	}
	out := make([]byte, 0, len(raw)+len(raw)/growth+64)
	out = append(out, magic...)
	w := writer{m: m, fuel: m.globals, free: free, out: out}
	for _, s := range m.sections {
		if err := w.section(s); err != nil {
			return nil, Info{}, err
		}
	}
	w.missing(len(sectionNames))
	m.info.Loops, m.info.BulkOps = w.loops, w.bulk
	return w.out, m.info, nil
}

// writer emits the sections in order, and those that the module lacks and the
// meter needs at their places.
type writer struct {
	m              *module
	fuel           uint32 // index of the fuel global
	free           bool   // nothing is charged
	out, buf       []byte
	global, export bool // emitted
	loops, bulk    int
	weave          uint64
	nest           uint64
}

func (w *writer) section(s section) error {
	if s.id != secCustom {
		w.missing(sectionRank[s.id])
	}
	body := w.m.raw[s.body:s.next]
	switch s.id {
	case secTable:
		w.tables()
	case secGlobal:
		w.extend(s, body, 1, w.appendGlobal)
		w.global = true
	case secExport:
		w.extend(s, body, w.exports(), w.appendExport)
		w.export = true
	case secCode:
		return w.code(s)
	case secCustom:
		if !w.isNames(s) {
			w.out = append(w.out, w.m.raw[s.start:s.next]...)
		}
	default:
		w.out = append(w.out, w.m.raw[s.start:s.next]...)
	}
	return nil
}

// isNames tells the section of debug names, the one custom section that is left
// out: the runtime reads it without bounds of its own, past its end and with
// allocations of any size, and nothing of ours shows those names.
func (w *writer) isNames(s section) bool {
	r := reader{b: w.m.raw, off: s.body, end: s.next}
	return r.name() == "name"
}

// missing emits the global and export sections if they belong before rank.
func (w *writer) missing(rank int) {
	if !w.global && rank > sectionRank[secGlobal] {
		w.global = true
		w.emit(secGlobal, w.appendGlobal([]byte{1}))
	}
	if !w.export && rank > sectionRank[secExport] {
		w.export = true
		w.emit(secExport, w.appendExport(appendU32(nil, w.exports())))
	}
}

func (w *writer) emit(id byte, body []byte) {
	w.out = append(w.out, id)
	w.out = appendU32(w.out, uint32(len(body)))
	w.out = append(w.out, body...)
}

// extend emits a section that is a vector with more items at its end.
func (w *writer) extend(s section, body []byte, more uint32, items func([]byte) []byte) {
	r := reader{b: w.m.raw, off: s.body, end: s.next}
	n := r.u32() // the section was read before
	b := appendU32(nil, n+more)
	b = append(b, body[r.off-s.body:]...)
	w.emit(s.id, items(b))
}

func (w *writer) appendGlobal(b []byte) []byte {
	b = append(b, byte(I64), 1, opI64Const)
	b = appendS64(b, StartFuel)
	return append(b, opEnd)
}

// exports is how many exports are added.
func (w *writer) exports() uint32 { return uint32(1 + len(w.m.info.Mutable)) }

func (w *writer) appendExport(b []byte) []byte {
	b = exportGlobal(b, FuelExport, w.fuel)
	for _, i := range w.m.info.Mutable {
		b = exportGlobal(b, GlobalExport(i), i)
	}
	return b
}

func exportGlobal(b []byte, name string, index uint32) []byte {
	b = appendU32(b, uint32(len(name)))
	b = append(b, name...)
	b = append(b, byte(KindGlobal))
	return appendU32(b, index)
}

// tables emits the table section with every maximum brought down to
// MaxTableEntries: table.grow takes host memory that the memory limit does not
// see, and answers -1 beyond the maximum.
func (w *writer) tables() {
	b := appendU32(nil, uint32(len(w.m.tables)))
	for _, t := range w.m.tables {
		hi := uint32(MaxTableEntries)
		if t.hasMax {
			hi = min(hi, t.max)
		}
		b = append(b, byte(t.ref), 1)
		b = appendU32(appendU32(b, t.min), hi)
	}
	w.emit(secTable, b)
}

func (w *writer) code(s section) error {
	r := reader{b: w.m.raw, off: s.body, end: s.next}
	n := r.count(3, "function bodies")
	body := make([]byte, 0, s.next-s.body+(s.next-s.body)/growth)
	body = appendU32(body, uint32(n))
	var f function
	for i := range n {
		f.index = w.m.imported + i
		br := r.sub(r.u32(), "function body")
		if size := br.end - br.off; size > MaxBody {
			return fault(ErrLimit, br.off, "function %d has %d bytes of code, at most %d are compiled; make several of it", f.index, size, MaxBody)
		}
		if err := w.m.walk(&f, &br); err != nil {
			return fmt.Errorf("function %d: %w", f.index, err)
		}
		if w.free {
			f.points, f.bulk = f.points[:0], 0
		}
		if w.weave += uint64(f.locals+1) * uint64(f.forks+1); w.weave > MaxWeave {
			return fault(ErrLimit, f.code, "function %d: %d locals and %d branches bring the module to a weave of %d, at most %d is compiled", f.index, f.locals, f.forks, w.weave, MaxWeave)
		}
		if w.nest += f.nest; w.nest > MaxNest {
			return fault(ErrLimit, f.code, "function %d: its blocks stand inside one another so deep that the module comes to a nest of %d, at most %d is compiled", f.index, w.nest, uint64(MaxNest))
		}
		w.buf = w.function(w.buf[:0], &f)
		body = appendU32(body, uint32(len(w.buf)))
		body = append(body, w.buf...)
		w.loops += f.loops
		w.bulk += f.bulk
	}
	if err := r.closed("code"); err != nil {
		return err
	}
	w.emit(secCode, body)
	return nil
}

// function appends one body with its charges. The scratch local goes last, so
// no other local changes its index, and only where a bulk operation needs it.
func (w *writer) function(b []byte, f *function) []byte {
	raw := w.m.raw
	groups := f.nGroups
	if f.bulk > 0 {
		groups++
	}
	b = appendU32(b, groups)
	b = append(b, raw[f.groups:f.code]...)
	if f.bulk > 0 {
		b = append(b, 1, byte(I32))
	}
	at := f.code
	for _, p := range f.points {
		b = append(b, raw[at:p.at]...)
		at = p.at
		if p.region == bulkLength {
			b = w.chargeLength(b, f.locals)
			continue
		}
		whole := f.totals[p.region] <= fine
		switch {
		case p.header && whole:
			b = w.charge(b, overhead+int64(f.totals[p.region]))
		case p.header:
			b = w.charge(b, overhead+int64(p.cost))
		case !whole && p.cost > 0:
			b = w.charge(b, int64(p.cost))
		}
	}
	return append(b, raw[at:f.end]...)
}

// charge takes a constant.
func (w *writer) charge(b []byte, cost int64) []byte {
	b = appendU32(append(b, opGlobalGet), w.fuel)
	b = appendS64(append(b, opI64Const), cost)
	return w.settle(b)
}

// chargeLength takes the i32 on top of the stack, and leaves it there.
func (w *writer) chargeLength(b []byte, scratch uint32) []byte {
	b = appendU32(append(b, opLocalTee), scratch)
	b = appendU32(append(b, opGlobalGet), w.fuel)
	b = appendU32(append(b, opLocalGet), scratch)
	return w.settle(append(b, opI64ExtendU))
}

// settle subtracts, stores, and traps below zero. The block it opens it closes,
// so no branch around it changes its depth.
func (w *writer) settle(b []byte) []byte {
	b = appendU32(append(b, opI64Sub, opGlobalSet), w.fuel)
	b = appendU32(append(b, opGlobalGet), w.fuel)
	return append(b, opI64Const, 0, opI64LtS, opIf, blockEmpty, opUnreachable, opEnd)
}
