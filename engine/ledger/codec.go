package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/ripenhq/ripen/engine/lead"
)

// codecVersion is the first byte of an encoded account.
const codecVersion = 1

// ErrCodec says that an encoded account is damaged or of a newer version.
var ErrCodec = errors.New("account record is damaged")

// Append encodes the account behind dst. Ids, not indexes, are written for
// everything that a new release may reorder.
func (a *Account) Append(dst []byte, b *Book) []byte {
	e := encoder{append(dst, codecVersion)}
	e.str(a.Key)
	e.int(a.First)
	e.int(a.Clock)
	e.int(a.LastActivity)
	e.props(a.Person)
	e.props(a.Company)
	e.buckets(a.Buckets)
	e.uint(uint64(len(a.Uses)))
	for i := range a.Uses {
		u := &a.Uses[i]
		e.b = append(e.b, byte(u.Kind))
		e.u32(u.ID)
		e.u64(u.Key)
		e.int(int64(u.Day))
		e.uint(uint64(u.N))
		e.int(int64(u.Sum))
	}
	e.counters(a, b)
	e.steps(a, b)
	e.marks(&a.Marks)
	e.held(a.Held)
	return e.b
}

// DecodeAccount reads an account for the given book. What belongs to counters,
// peaks and steps that the book does not have is dropped; buckets never are.
func DecodeAccount(src []byte, b *Book) (*Account, error) {
	d := decoder{b: src}
	if v := d.byte(); v != codecVersion {
		return nil, fmt.Errorf("%w: version %d, this program reads %d", ErrCodec, v, codecVersion)
	}
	a := NewAccount(b, d.str())
	a.First, a.Clock, a.LastActivity = d.int(), d.int(), d.int()
	a.Person, a.Company = d.props(), d.props()
	a.Buckets = d.buckets()
	for range d.count(1<<20, 16) {
		a.Uses = append(a.Uses, Use{Kind: UseKind(d.byte()), ID: d.u32(), Key: d.u64(), Day: int32(d.int()), N: uint32(d.uint()), Sum: lead.Points(d.int())})
	}
	d.counters(a, b)
	d.steps(a, b)
	d.marks(&a.Marks)
	a.Held = d.held(a.Key)
	if d.bad || len(d.b) != 0 {
		return nil, fmt.Errorf("%w: truncated or %d bytes too long", ErrCodec, len(d.b))
	}
	a.recount(b)
	a.clean()
	return a, nil
}

type encoder struct{ b []byte }

func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) int(v int64)   { e.b = binary.AppendVarint(e.b, v) }
func (e *encoder) u32(v uint32)  { e.b = binary.LittleEndian.AppendUint32(e.b, v) }
func (e *encoder) u64(v uint64)  { e.b = binary.LittleEndian.AppendUint64(e.b, v) }
func (e *encoder) str(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
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

func (e *encoder) buckets(list []Bucket) {
	e.uint(uint64(len(list)))
	for i := range list {
		k := &list[i]
		e.u32(k.Score)
		e.u32(k.Rule)
		// One byte says which of the rare fields follow.
		var rare byte
		if k.Scope != 0 {
			rare |= 1
		}
		if k.Event != 0 {
			rare |= 2
		}
		if k.Reversed != 0 {
			rare |= 4
		}
		e.b = append(e.b, rare)
		if rare&1 != 0 {
			e.u64(k.Scope)
		}
		if rare&2 != 0 {
			e.u64(k.Event)
		}
		if rare&4 != 0 {
			e.int(int64(k.Reversed))
		}
		e.int(k.Step)
		e.uint(uint64(k.Count))
		e.int(int64(k.Awarded))
		e.int(int64(k.Remaining))
		e.int(k.Last)
		e.str(k.Label)
	}
}

func (e *encoder) counters(a *Account, b *Book) {
	e.uint(uint64(len(b.Counters)))
	for i := range b.Counters {
		c := &a.Counters[i]
		e.u32(b.Counters[i].ID)
		e.uint(uint64(len(c.Steps)))
		for _, t := range c.Steps {
			e.int(t.Step)
			e.uint(uint64(t.N))
		}
		e.uint(uint64(len(c.Seen)))
		for _, s := range c.Seen {
			e.u64(s.Hash)
			e.int(s.Step)
		}
	}
	e.uint(uint64(len(b.Peaks)))
	for i := range b.Peaks {
		e.u32(b.Peaks[i].ID)
		e.uint(uint64(len(a.Peaks[i])))
		for _, p := range a.Peaks[i] {
			e.int(p.Step)
			e.int(int64(p.Max))
		}
	}
}

func (e *encoder) steps(a *Account, b *Book) {
	e.uint(uint64(len(b.Steps)))
	for i := range b.Steps {
		m := &a.Steps[i]
		e.u32(b.Steps[i].ID)
		e.bool(m.Ran)
		e.uint(uint64(m.Grade))
		e.uint(uint64(m.Reason))
		e.uint(m.Out)
		e.int(m.Wake)
		e.uint(uint64(len(m.State)))
		e.b = append(e.b, m.State...)
	}
}

func (e *encoder) marks(m *Marks) {
	e.uint(m.Seq)
	e.uint(m.Hands)
	e.u32(m.Matched)
	e.bool(m.Suppressed)
	e.int(m.Silent)
	e.int(m.Resting)
	e.int(m.Wake)
	e.int(m.Probe)
	e.str(m.Stage)
	e.uint(uint64(len(m.Episodes)))
	for i := range m.Episodes {
		p := &m.Episodes[i]
		e.str(p.Action)
		e.uint(uint64(p.Number))
		e.bool(p.Open)
		e.u32(p.Route)
		e.int(p.Opened)
		e.int(p.Closed)
		e.str(p.Last)
		e.uint(p.Hands)
	}
	e.uint(uint64(len(m.Pending)))
	for _, p := range m.Pending {
		e.u32(p.Class)
		e.int(p.Since)
		e.uint(p.Hand)
	}
	e.uint(uint64(len(m.True)))
	for _, id := range m.True {
		e.u32(id)
	}
	e.uint(uint64(len(m.Adjusts)))
	for _, j := range m.Adjusts {
		e.u64(j.Event)
		e.int(j.Expires)
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
