package ledger

import (
	"sort"

	"github.com/ripenhq/ripen/engine/lead"
)

// maxSeen bounds the distinct values of one counter: at the bound new values
// are not told apart from the ones that are forgotten first.
const maxSeen = 1024

// Count lets every counter of the book look at the frame's event.
func (a *Account) Count(f *Frame) {
	for i := range f.Book.Counters {
		def := &f.Book.Counters[i]
		if !def.Match(f) {
			continue
		}
		if def.Distinct == nil {
			a.tally(i, f.Book.AgeStepOf(f.At))
			continue
		}
		if value, ok := def.Distinct(f); ok {
			a.see(i, Hash64(value), f.Book.AgeStepOf(f.At))
		}
	}
}

func (a *Account) tally(i int, ageStep int64) {
	steps := a.Counters[i].Steps
	a.dirty |= dirtyCounters
	a.Counters[i].mark |= stepsSet
	at := sort.Search(len(steps), func(k int) bool { return steps[k].Step >= ageStep })
	if at < len(steps) && steps[at].Step == ageStep {
		a.logTally(i, at)
		steps[at].N++
		steps[at].mark |= markSet
		return
	}
	a.Counters[i].Steps = insert(steps, at, Tally{Step: ageStep, N: 1, mark: markNew})
	a.logInsert(tallyInserted, at, i)
}

// touch marks a distinct value as changed.
func (a *Account) touch(i int, hash uint64) {
	a.Counters[i].touch(hash)
	a.dirty |= dirtyCounters
}

func (a *Account) see(i int, hash uint64, ageStep int64) {
	seen := a.Counters[i].Seen
	at := sort.Search(len(seen), func(k int) bool { return seen[k].Hash >= hash })
	if at < len(seen) && seen[at].Hash == hash {
		if ageStep > seen[at].Step {
			a.logSeen(i, at)
			seen[at].Step = ageStep
			a.touch(i, hash)
		}
		return
	}
	if len(seen) >= maxSeen {
		return
	}
	a.Counters[i].Seen = insert(seen, at, Seen{Hash: hash, Step: ageStep})
	a.touch(i, hash)
	a.logInsert(seenInserted, at, i)
}

// Counted is the value of counter i at time now (ms): what lies in the window
// of whole age steps that ends with now's.
func (a *Account) Counted(b *Book, i int, now int64) (n int64) {
	def := &b.Counters[i]
	first := int64(-1 << 62)
	if def.Window > 0 {
		first = b.AgeStepOf(now) - def.Window/b.AgeStep + 1
	}
	c := &a.Counters[i]
	if def.Distinct != nil {
		for k := range c.Seen {
			if c.Seen[k].Step >= first {
				n++
			}
		}
		return n
	}
	for k := len(c.Steps) - 1; k >= 0 && c.Steps[k].Step >= first; k-- {
		n += int64(c.Steps[k].N)
	}
	return n
}

// CounterChange is the next time after now at which counter i shrinks, 0 if
// it never does.
func (a *Account) CounterChange(b *Book, i int, now int64) (next int64) {
	def := &b.Counters[i]
	if def.Window == 0 {
		return 0
	}
	consider := func(step int64) {
		if t := step*b.AgeStep + def.Window; t > now && (next == 0 || t < next) {
			next = t
		}
	}
	for k := range a.Counters[i].Steps {
		consider(a.Counters[i].Steps[k].Step)
	}
	for k := range a.Counters[i].Seen {
		consider(a.Counters[i].Seen[k].Step)
	}
	return next
}

// Trim forgets what no window can see any more at time now: tallies behind
// their window, peaks, and awards counted per window.
func (a *Account) Trim(b *Book, now int64) {
	step := b.AgeStepOf(now)
	for i := range b.Counters {
		w := b.Counters[i].Window
		if w == 0 {
			if c := &a.Counters[i]; len(c.Steps) > 1 {
				c.Steps = foldTallies(c.Steps)
				a.trimmed(c, stepsWhole)
			}
			continue
		}
		first := step - w/b.AgeStep + 1
		c := &a.Counters[i]
		if n := len(c.Steps); n > 0 {
			if c.Steps = dropWhile(c.Steps, func(t Tally) bool { return t.Step < first }); len(c.Steps) < n {
				a.trimmed(c, stepsCut)
			}
		}
		keep := c.Seen[:0]
		for _, s := range c.Seen {
			if s.Step >= first {
				keep = append(keep, s)
			}
		}
		if len(keep) < len(c.Seen) {
			a.trimmed(c, seenCut)
		}
		c.Seen = keep
	}
	for i := range b.Peaks {
		first := step - b.Peaks[i].Window/b.AgeStep
		n := len(a.Peaks[i])
		if a.Peaks[i] = dropWhile(a.Peaks[i], func(p Peak) bool { return p.Step < first }); len(a.Peaks[i]) < n {
			a.dirty |= dirtyPeaksCut
		}
	}
	a.trimWindows(b, step)
}

// foldTallies keeps one tally for a counter without a window.
func foldTallies(steps []Tally) []Tally {
	for len(steps) > 1 {
		steps[1].N += steps[0].N
		steps = remove(steps, 0)
	}
	return steps
}

// trimmed notes that something of a counter fell out of its window.
func (a *Account) trimmed(c *Counter, how uint8) {
	c.mark |= how
	a.dirty |= dirtyCounters
}

func (a *Account) trimWindows(b *Book, step int64) {
	for i := 0; i < len(a.Uses); {
		u := &a.Uses[i]
		if u.Kind == UseWindow {
			if r, ok := b.RuleByID(u.ID); ok && r.Window > 0 && int64(u.Key) < step-r.Window/b.AgeStep+1 {
				a.dropUse(i)
				continue
			}
		}
		i++
	}
}

func dropWhile[T any](s []T, old func(T) bool) []T {
	n := 0
	for n < len(s) && old(s[n]) {
		n++
	}
	if n == 0 {
		return s
	}
	return append(s[:0], s[n:]...)
}

// NotePeaks records the values after an event for every declared peak.
func (a *Account) NotePeaks(f *Frame) {
	grown := false
	for i := range f.Book.Peaks {
		step, value := f.Book.AgeStepOf(f.Now), f.Values[f.Book.Peaks[i].Score]
		peaks := a.Peaks[i]
		if n := len(peaks); n > 0 && peaks[n-1].Step == step {
			if value > peaks[n-1].Max {
				peaks[n-1].Max = value
				a.peakTail, a.dirty = max(a.peakTail, 1), a.dirty|dirtyPeaks
			}
			continue
		}
		a.Peaks[i] = append(peaks, Peak{Step: step, Max: value})
		grown = true
	}
	if grown {
		a.peakTail, a.dirty = a.peakTail+1, a.dirty|dirtyPeaks
	}
}

// PeakOf is the highest value that peak i recorded in its window before now;
// 0 if nothing was recorded.
func (a *Account) PeakOf(b *Book, i int, now int64) (top lead.Points) {
	first := b.AgeStepOf(now) - b.Peaks[i].Window/b.AgeStep
	for k, found := len(a.Peaks[i])-1, false; k >= 0 && a.Peaks[i][k].Step >= first; k-- {
		if v := a.Peaks[i][k].Max; !found || v > top {
			top, found = v, true
		}
	}
	return top
}

// PeakChange is the next time after now at which peak i forgets something, 0
// if it never does.
func (a *Account) PeakChange(b *Book, i int, now int64) int64 {
	for _, p := range a.Peaks[i] {
		if t := (p.Step+1)*b.AgeStep + b.Peaks[i].Window; t > now {
			return t
		}
	}
	return 0
}
