package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ripenhq/ripen/engine/lead"
)

// codecVersion is the first byte of an encoded account.
const codecVersion = 3

// ErrCodec says that an encoded account or a delta is damaged, or of a newer
// version.
var ErrCodec = errors.New("account record is damaged")

// Append encodes the whole account behind dst: its key and what leads to it
// from the empty account. It depends on the account alone, not on what deltas
// have told and not on the book that it is bound to.
func (a *Account) Append(dst []byte, b *Book) []byte {
	w := writer{encoder: encoder{b: append(dst, codecVersion)}, a: a, book: b, whole: true}
	w.str(a.Key)
	w.sections(a.filled(), &told{})
	return w.b
}

// DecodeAccount reads an account for the given book, which need not be the one
// under which it was written: what the book does not know is kept.
func DecodeAccount(src []byte, b *Book) (*Account, error) {
	d := decoder{b: src}
	if v := d.byte(); v != codecVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrCodec, v, codecVersion)
	}
	a := NewAccount(b, d.str())
	if err := d.apply(a, b); err != nil {
		return nil, err
	}
	return a, nil
}

// filled are the sections that are not empty. Marks are always written.
func (a *Account) filled() (d section) {
	for _, part := range [...]struct {
		section section
		filled  bool
	}{
		{hasClock, a.Clock != 0}, {hasActivity, a.LastActivity != 0}, {hasMarks, true}, {hasBuckets, len(a.Buckets) > 0},
		{hasSteps, a.saysSteps()}, {hasUses, len(a.Uses) > 0}, {hasCounters, a.saysCounters()}, {hasPeaks, a.saysPeaks()},
		{hasPerson, len(a.Person) > 0}, {hasCompany, len(a.Company) > 0}, {hasHeld, len(a.Held) > 0},
	} {
		if part.filled {
			d |= part.section
		}
	}
	return d
}

// saysSteps says whether a memo holds anything.
func (a *Account) saysSteps() bool {
	return slices.ContainsFunc(a.Steps, func(m StepMemo) bool { return m.deltaFlags(true) != 0 }) ||
		slices.ContainsFunc(a.left().steps, func(l leftover[StepMemo]) bool { return l.what.deltaFlags(true) != 0 })
}

func (c *Counter) filled() bool { return len(c.Steps)+len(c.Seen) > 0 }

func (a *Account) saysCounters() bool {
	return slices.ContainsFunc(a.Counters, func(c Counter) bool { return c.filled() }) ||
		slices.ContainsFunc(a.left().counters, func(l leftover[Counter]) bool { return l.what.filled() })
}

func (a *Account) saysPeaks() bool {
	return slices.ContainsFunc(a.Peaks, func(p []Peak) bool { return len(p) > 0 }) ||
		slices.ContainsFunc(a.left().peaks, func(l leftover[[]Peak]) bool { return len(l.what) > 0 })
}

// textRing is how many texts an encoder remembers, to name them again by their
// place: labels repeat.
const textRing = 8

// maxText is the longest text that is remembered.
const maxText = 64

type encoder struct {
	b     []byte
	texts [textRing]string
	next  uint8
}

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) u32(v uint32)  { e.b = binary.LittleEndian.AppendUint32(e.b, v) }
func (e *encoder) u64(v uint64)  { e.b = binary.LittleEndian.AppendUint64(e.b, v) }
func (e *encoder) str(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

// text writes a text that may have been written a moment ago.
func (e *encoder) text(s string) {
	if s != "" && len(s) <= maxText {
		for i := range e.texts {
			if e.texts[i] == s {
				e.uint(uint64(i)<<1 | 1)
				return
			}
		}
		e.texts[e.next%textRing] = s
		e.next++
	}
	e.uint(uint64(len(s)) << 1)
	e.b = append(e.b, s...)
}

// time writes a time that lies near the clock, or 0 for none, in few bytes:
// the code of the difference, with those of "none" and "now" exchanged.
func (e *encoder) time(t, clock int64) { e.int(swapZero(t-clock, -clock)) }

// swapZero exchanges 0 and none.
func swapZero(v, none int64) int64 {
	switch v {
	case 0:
		return none
	case none:
		return 0
	}
	return v
}

func (e *encoder) bool(v bool) {
	if v {
		e.b = append(e.b, 1)
		return
	}
	e.b = append(e.b, 0)
}

func (e *encoder) props(p lead.Props) {
	e.uint(uint64(len(p)))
	for i := range p {
		e.str(p[i].Name)
		e.b = append(e.b, byte(p[i].Value.Kind))
		switch p[i].Value.Kind {
		case lead.Bool, lead.Number:
			e.u64(math.Float64bits(p[i].Value.Num))
		default:
			e.str(p[i].Value.Str)
		}
	}
}

// The flags of the marks.
const (
	marksSuppressed uint8 = 1 << iota
	marksDrip
)

// marks writes First and the marks.
func (e *encoder) marks(a *Account) {
	m, clock := &a.Marks, a.Clock
	e.time(a.First, clock)
	e.uint(m.Seq)
	e.uint(m.Hands)
	e.u32(m.Matched)
	flags := uint8(0)
	if m.Suppressed {
		flags |= marksSuppressed
	}
	if m.Drip != nil {
		flags |= marksDrip
	}
	e.b = append(e.b, flags)
	for _, t := range [...]int64{m.Silent, m.Resting, m.Wake, m.Probe} {
		e.time(t, clock)
	}
	e.text(m.Stage)
	e.uint(uint64(len(m.Episodes)))
	for i := range m.Episodes {
		p := &m.Episodes[i]
		e.text(p.Action)
		e.uint(uint64(p.Number))
		e.bool(p.Open)
		e.u32(p.Route)
		e.time(p.Opened, clock)
		e.time(p.Closed, clock)
		e.b = append(e.b, p.Last[:]...)
		e.uint(p.Hands)
	}
	e.uint(uint64(len(m.Pending)))
	for _, p := range m.Pending {
		e.u32(p.Class)
		e.time(p.Since, clock)
		e.uint(p.Hand)
	}
	e.uint(uint64(len(m.True)))
	for _, id := range m.True {
		e.u32(id)
	}
	e.uint(uint64(len(m.Adjusts)))
	for _, j := range m.Adjusts {
		e.u64(j.Event)
		e.time(j.Expires, clock)
	}
	if d := m.Drip; d != nil {
		e.time(d.Due, clock)
		e.u32(d.Route)
		e.uint(d.Hands)
		e.str(d.Release)
	}
}

func (e *encoder) held(list []lead.Event) {
	e.uint(uint64(len(list)))
	for i := range list {
		ev := &list[i]
		e.str(ev.ID)
		e.b = append(e.b, byte(ev.Kind))
		e.str(ev.Name)
		e.str(ev.Path)
		e.int(ev.At)
		e.int(ev.Received)
		e.bool(ev.Backfill)
		e.props(ev.Props)
		e.props(ev.Traits)
		e.props(ev.Context)
		e.str(string(ev.Raw))
	}
}
