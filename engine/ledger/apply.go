package ledger

import (
	"fmt"
	"slices"
	"sort"

	"github.com/ripenhq/ripen/engine/lead"
)

// ApplyDelta changes the account as AppendDelta of another one said. It must
// be what that one was before. A new lead's first delta belongs on NewAccount.
// After an error (ErrCodec) the account is of no use any more.
func (a *Account) ApplyDelta(src []byte, b *Book) error {
	if len(src) == 0 {
		return nil
	}
	d := decoder{b: src}
	return d.apply(a, b)
}

// apply reads sections to the end and changes the account as they say.
func (d *decoder) apply(a *Account, b *Book) error {
	has := section(0)
	if v := d.uint(); v == 0 || v > uint64(allSections) {
		d.fail()
	} else {
		has = section(v)
	}
	d.applyTimes(a, has)
	if has&hasBuckets != 0 {
		d.applyBuckets(a, b)
	}
	if has&hasSteps != 0 {
		d.applySteps(a, b)
	}
	if has&hasMarks != 0 {
		d.marks(a)
	}
	if has&hasUses != 0 {
		d.applyUses(a)
	}
	if has&hasCounters != 0 {
		d.applyCounters(a, b)
	}
	if has&hasPeaks != 0 {
		d.applyPeaks(a, b)
	}
	if has&hasPerson != 0 {
		a.Person = d.props()
	}
	if has&hasCompany != 0 {
		a.Company = d.props()
	}
	if has&hasHeld != 0 {
		d.applyHeld(a)
	}
	if d.bad || len(d.b) != 0 {
		return fmt.Errorf("%w: truncated, %d bytes too long, or not of this state of the lead", ErrCodec, len(d.b))
	}
	now := a.digests()
	a.clean(&now)
	return nil
}

func (d *decoder) applyTimes(a *Account, has section) {
	if has&hasClock != 0 {
		a.Clock += d.int()
	}
	if has&hasActivity != 0 {
		a.LastActivity = a.Clock + d.int()
	}
	if has&hasWake != 0 {
		a.Marks.Wake = d.time(a.Clock)
	}
	if has&hasProbe != 0 {
		a.Marks.Probe = d.time(a.Clock)
	}
}

// index reads the index of the next element; from is behind the last one.
func (d *decoder) index(from int) int {
	gap := d.uint()
	if gap > 1<<20 {
		d.fail()
		return 0
	}
	return from + int(gap)
}

func (d *decoder) applyBuckets(a *Account, b *Book) {
	n, i := d.count(1<<20, 6), -1
	if n > 1 && len(a.Buckets) == 0 {
		a.Buckets = make([]Bucket, 0, n+1)
	}
	for range n {
		i = d.index(i + 1)
		flags := d.byte()
		if flags&bucketNew != 0 {
			k := Bucket{Score: d.u32(), Rule: d.u32()}
			if flags&bucketScope != 0 {
				k.Scope = d.u64()
			}
			if flags&bucketEvent != 0 {
				k.Event = d.u64()
			}
			k.Step = d.int()
			if d.bad || i > len(a.Buckets) {
				d.fail()
				return
			}
			a.Buckets = insertTight(a.Buckets, i, k)
		}
		if d.bad || i >= len(a.Buckets) || flags > bucketReversed<<1-1 {
			d.fail()
			return
		}
		k := &a.Buckets[i]
		before := k.Remaining
		d.bucket(k, flags, a.Clock)
		if flags&bucketLabel != 0 {
			d.label(a, k)
		}
		a.addTotal(b.ScoreIndex(k.Score), k.Remaining-before)
	}
}

// bucket reads the values of a bucket.
func (d *decoder) bucket(k *Bucket, flags uint8, clock int64) {
	k.Count, k.Awarded, k.Reversed = uint32(d.uint()), lead.Points(d.int()), 0
	lost := lead.Points(d.int())
	if flags&bucketReversed != 0 {
		k.Reversed = lead.Points(d.int())
	}
	k.Remaining = k.Awarded - k.Reversed - lost
	k.Last = clock + d.int()
}

// label reads the label of a bucket.
func (d *decoder) label(a *Account, k *Bucket) {
	text, ring := d.text()
	place := uint32(0)
	switch {
	case ring >= 0 && d.places[ring] != 0:
		place = d.places[ring]
	case ring >= 0:
		place = a.placeOf(view(text))
		d.places[ring] = place
	default:
		place = a.placeOf(view(text))
	}
	k.label = k.label&^placeMask | place
}

func (d *decoder) applySteps(a *Account, b *Book) {
	for flags := d.byte(); flags != 0; flags = d.byte() {
		if words := flags & (memoGrade | memoReason | memoOut); flags&0x80 == 0 || flags&memoSame != 0 && words != 0 {
			d.fail()
			return
		}
		m, i := d.memoOf(a, b, d.u32())
		if i >= 0 {
			d.memo(m, flags, a.Clock, b.wordsOf(i), b.Steps[i].StateVersion, true)
		} else {
			d.memo(m, flags, a.Clock, noWords, 0, false)
		}
	}
}

// memo reads what a step said; what the book has no word for is kept by its id.
// known says that the book has the step, whose states are of a version.
func (d *decoder) memo(m *StepMemo, flags uint8, clock int64, v *words, version uint32, known bool) {
	var unknown foreign
	old := *m
	if f := old.foreign; f != nil && f.stale {
		unknown.stale, unknown.version = true, f.version
	}
	*m = StepMemo{Ran: flags&memoRan != 0, State: m.State}
	if flags&memoSame != 0 {
		m.Grade, m.Reason, m.Out = old.Grade, old.Reason, old.Out
		if f := old.foreign; f != nil {
			unknown.grade, unknown.reason, unknown.flags = f.grade, f.reason, f.flags
		}
	}
	if flags&memoGrade != 0 {
		m.Grade, unknown.grade = place(v.grades, d.u32())
	}
	if flags&memoReason != 0 {
		m.Reason, unknown.reason = place(v.reasons, d.u32())
	}
	if flags&memoOut != 0 {
		for range d.count(64, 4) {
			m.setFlag(d.u32(), v, &unknown)
		}
	}
	if flags&memoWake != 0 {
		m.Wake = clock + d.int()
	}
	if flags&memoState != 0 {
		written := d.uint()
		if written > 1<<32-1 {
			d.fail()
			return
		}
		m.State = append(m.State[:0], d.take(d.uint())...)
		unknown.stale = len(m.State) > 0 && (!known || uint32(written) != version)
		if unknown.version = 0; unknown.stale {
			unknown.version = uint32(written)
		}
	}
	slices.Sort(unknown.flags)
	m.keep(unknown)
}

func (d *decoder) applyUses(a *Account) {
	for range d.count(1<<20, 7) {
		key := d.useKey()
		i, found := a.findUse(&key)
		if !found {
			d.fail()
			return
		}
		a.Uses = remove(a.Uses, i)
	}
	n, i := d.count(1<<20, 4), -1
	if n > 1 && len(a.Uses) == 0 {
		a.Uses = make([]Use, 0, n+1)
	}
	for range n {
		i = d.index(i + 1)
		if d.bool() {
			u := d.useKey()
			if d.bad || i > len(a.Uses) {
				d.fail()
				return
			}
			a.Uses = insertTight(a.Uses, i, u)
		}
		if d.bad || i >= len(a.Uses) {
			d.fail()
			return
		}
		a.Uses[i].N, a.Uses[i].Sum = uint32(d.uint()), lead.Points(d.int())
	}
}

func (d *decoder) useKey() Use {
	u := Use{Kind: UseKind(d.byte()), ID: d.u32()}
	if u.Kind == UseKey {
		u.Key = d.u64()
	} else {
		u.Key = uint64(d.int())
	}
	u.Day = int32(d.int())
	return u
}

func (d *decoder) applyCounters(a *Account, b *Book) {
	for mode := d.byte(); mode != 0; mode = d.byte() {
		id := d.u32()
		if mode&0xf0 != 0x80 {
			d.fail()
			return
		}
		c := d.counterOf(a, b, id)
		d.applyTallies(c, mode&3)
		d.applySeen(c, mode>>2&3)
	}
}

func (d *decoder) applyTallies(c *Counter, mode uint8) {
	switch mode {
	case listSame:
		return
	case listCut:
		first := d.int()
		c.Steps = dropWhile(c.Steps, func(t Tally) bool { return t.Step < first })
	case listClear:
		c.Steps = c.Steps[:0]
	}
	for range d.count(1<<20, 2) {
		t := Tally{Step: d.int(), N: uint32(d.uint())}
		i := sort.Search(len(c.Steps), func(k int) bool { return c.Steps[k].Step >= t.Step })
		if i == len(c.Steps) || c.Steps[i].Step != t.Step {
			c.Steps = insert(c.Steps, i, t)
		}
		c.Steps[i] = t
	}
}

func (d *decoder) applySeen(c *Counter, mode uint8) {
	switch mode {
	case listSame:
		return
	case listCut:
		first := d.int()
		c.Seen = slices.DeleteFunc(c.Seen, func(s Seen) bool { return s.Step < first })
	case listClear:
		c.Seen = c.Seen[:0]
	}
	for range d.count(1<<20, 9) {
		s := Seen{Hash: d.u64(), Step: d.int()}
		i := sort.Search(len(c.Seen), func(k int) bool { return c.Seen[k].Hash >= s.Hash })
		if i == len(c.Seen) || c.Seen[i].Hash != s.Hash {
			c.Seen = insert(c.Seen, i, s)
		}
		c.Seen[i] = s
	}
}

func (d *decoder) applyPeaks(a *Account, b *Book) {
	for range d.count(1<<12, 6) {
		id, mode := d.u32(), d.byte()
		if d.bad {
			return
		}
		peaks := d.peaksOf(a, b, id)
		list := *peaks
		switch mode {
		case listKeep:
		case listClear:
			list = list[:0]
		case listCut:
			first := d.int()
			list = dropWhile(list, func(p Peak) bool { return p.Step < first })
		default:
			d.fail()
			return
		}
		if mode != listClear {
			kept := d.uint()
			if kept > uint64(len(list)) {
				d.fail()
				return
			}
			list = list[:kept]
		}
		for range d.count(1<<20, 2) {
			list = append(list, Peak{Step: d.int(), Max: lead.Points(d.int())})
		}
		*peaks = list
	}
}

func (d *decoder) applyHeld(a *Account) {
	gone := d.uint()
	if gone > uint64(len(a.Held)) {
		d.fail()
		return
	}
	a.Held = append(slices.Clone(a.Held[gone:]), d.held(a.Key)...)
}
