package ledger

import "slices"

func (w *writer) changedCounters() {
	if w.whole {
		inOrder(w.order().counters, func(i int) uint32 { return w.book.Counters[i].ID }, w.a.left().counters,
			func(i int) { w.counter(w.book.Counters[i].ID, &w.a.Counters[i]) },
			func(l *leftover[Counter]) { w.counter(l.id, &l.what) })
	} else {
		for i := range w.book.Counters {
			w.counter(w.book.Counters[i].ID, &w.a.Counters[i])
		}
	}
	w.b = append(w.b, 0)
}

func (w *writer) counter(id uint32, c *Counter) {
	steps, seen := c.modes(w.whole)
	if steps|seen == listSame {
		return
	}
	w.b = append(w.b, 0x80|steps|seen<<2)
	w.u32(id)
	if steps != listSame {
		w.changedTallies(c, steps)
	}
	if seen != listSame {
		w.changedSeen(c, seen)
	}
}

// modes say how the counter's lists are written.
func (c *Counter) modes(whole bool) (steps, seen uint8) {
	if whole {
		if len(c.Steps) > 0 {
			steps = listClear
		}
		if len(c.Seen) > 0 {
			seen = listClear
		}
		return steps, seen
	}
	switch {
	case c.mark&stepsWhole != 0:
		steps = listClear
	case c.mark&stepsCut != 0:
		steps = listClear
		if slices.ContainsFunc(c.Steps, unmarked) {
			steps = listCut
		}
	case c.mark&stepsSet != 0:
		steps = listKeep
	}
	switch {
	case c.mark&seenWhole != 0:
		seen = listClear
	case c.mark&seenCut != 0:
		seen = listClear
		if slices.ContainsFunc(c.Seen, func(s Seen) bool { return !c.isTouched(&s) }) {
			seen = listCut
		}
	case c.mark&seenTouched != 0:
		seen = listKeep
	}
	return steps, seen
}

func unmarked(t Tally) bool { return t.mark == 0 }

func (c *Counter) isTouched(s *Seen) bool { return c.mark&seenTouched != 0 && s.Hash == c.touched }

// changedTallies: what fell out of the window lies before the first tally that
// did not change.
func (w *writer) changedTallies(c *Counter, mode uint8) {
	n := 0
	for i := range c.Steps {
		if mode == listClear || c.Steps[i].mark != 0 {
			n++
		}
	}
	if mode == listCut {
		w.int(c.Steps[slices.IndexFunc(c.Steps, unmarked)].Step)
	}
	w.uint(uint64(n))
	for i := range c.Steps {
		if t := &c.Steps[i]; mode == listClear || t.mark != 0 {
			w.int(t.Step)
			w.uint(uint64(t.N))
		}
	}
}

// changedSeen: what fell out of the window is older than every value that did
// not change.
func (w *writer) changedSeen(c *Counter, mode uint8) {
	n, oldest := 0, int64(1<<63-1)
	for i := range c.Seen {
		switch s := &c.Seen[i]; {
		case mode == listClear || c.isTouched(s):
			n++
		default:
			oldest = min(oldest, s.Step)
		}
	}
	if mode == listCut {
		w.int(oldest)
	}
	w.uint(uint64(n))
	for i := range c.Seen {
		if s := &c.Seen[i]; mode == listClear || c.isTouched(s) {
			w.u64(s.Hash)
			w.int(s.Step)
		}
	}
}

func (w *writer) changedPeaks() {
	a := w.a
	if w.whole {
		w.allPeaks()
		return
	}
	w.uint(uint64(len(w.book.Peaks)))
	for i := range w.book.Peaks {
		w.peaks(w.book.Peaks[i].ID, a.Peaks[i])
	}
}

// allPeaks writes the lists that hold anything.
func (w *writer) allPeaks() {
	n := 0
	one := func(id uint32, list []Peak, write bool) {
		if len(list) == 0 {
			return
		}
		n++
		if write {
			w.peaks(id, list)
		}
	}
	for _, write := range [...]bool{false, true} {
		if write {
			w.uint(uint64(n))
		}
		inOrder(w.order().peaks, func(i int) uint32 { return w.book.Peaks[i].ID }, w.a.left().peaks,
			func(i int) { one(w.book.Peaks[i].ID, w.a.Peaks[i], write) },
			func(l *leftover[[]Peak]) { one(l.id, l.what, write) })
	}
}

// peaks writes the end of a list: the last peakTail elements may have changed,
// those before them only fall out of the window.
func (w *writer) peaks(id uint32, list []Peak) {
	a := w.a
	kept := max(0, len(list)-int(a.peakTail))
	mode := listKeep
	switch {
	case kept == 0 || w.whole:
		mode, kept = listClear, 0
	case a.dirty&dirtyPeaksCut != 0:
		mode = listCut
	}
	w.u32(id)
	w.b = append(w.b, mode)
	if mode == listCut {
		w.int(list[0].Step)
	}
	if mode != listClear {
		w.uint(uint64(kept))
	}
	w.uint(uint64(len(list) - kept))
	for _, p := range list[kept:] {
		w.int(p.Step)
		w.int(int64(p.Max))
	}
}

// changedHeld writes how many of the first held events are gone, and the new
// ones behind those that stay.
func (w *writer) changedHeld() {
	var old []uint64
	if !w.whole {
		old = w.a.toldHeld()
	}
	gone := 0
	for gone < len(old) && (len(old)-gone > len(w.held) || !slices.Equal(old[gone:], w.held[:len(old)-gone])) {
		gone++
	}
	w.uint(uint64(gone))
	w.encoder.held(w.a.Held[len(old)-gone:])
}
