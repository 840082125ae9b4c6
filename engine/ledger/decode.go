package ledger

import (
	"encoding/binary"
	"math"

	"github.com/ripenhq/ripen/engine/lead"
)

// decoder reads what encoder wrote. It never panics: past the end, or past a
// limit, it sets bad and gives zeros.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) fail() { d.b, d.bad = nil, true }

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.fail()
		return nil
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if v := d.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (d *decoder) bool() bool { return d.byte() != 0 }

func (d *decoder) u32() uint32 {
	if v := d.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if v := d.take(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) int() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) str() string { return string(d.take(d.uint())) }

// count reads a length; each element takes at least size bytes, so a length
// beyond what is left is a lie.
func (d *decoder) count(limit, size uint64) int {
	n := d.uint()
	if n > limit || n*size > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) props() lead.Props {
	n := d.count(1<<16, 3)
	if n == 0 {
		return nil
	}
	out := make(lead.Props, 0, n)
	for range n {
		p := lead.Prop{Name: d.str(), Value: lead.Value{Kind: lead.ValueKind(d.byte())}}
		switch p.Value.Kind {
		case lead.Bool, lead.Number:
			p.Value.Num = math.Float64frombits(d.u64())
		default:
			p.Value.Str = d.str()
		}
		out = append(out, p)
	}
	return out
}

func (d *decoder) buckets() []Bucket {
	n := d.count(1<<20, 15)
	if n == 0 {
		return nil
	}
	out := make([]Bucket, 0, n)
	for range n {
		k := Bucket{Score: d.u32(), Rule: d.u32()}
		rare := d.byte()
		if rare&1 != 0 {
			k.Scope = d.u64()
		}
		if rare&2 != 0 {
			k.Event = d.u64()
		}
		if rare&4 != 0 {
			k.Reversed = lead.Points(d.int())
		}
		k.Step, k.Count = d.int(), uint32(d.uint())
		k.Awarded, k.Remaining = lead.Points(d.int()), lead.Points(d.int())
		k.Last, k.Label = d.int(), d.str()
		out = append(out, k)
	}
	return out
}

func (d *decoder) counters(a *Account, b *Book) {
	for range d.count(1<<12, 6) {
		id, c := d.u32(), Counter{}
		for range d.count(1<<20, 2) {
			c.Steps = append(c.Steps, Tally{Step: d.int(), N: uint32(d.uint())})
		}
		for range d.count(1<<20, 9) {
			c.Seen = append(c.Seen, Seen{Hash: d.u64(), Step: d.int()})
		}
		for i := range b.Counters {
			if b.Counters[i].ID == id {
				a.Counters[i] = c
			}
		}
	}
	for range d.count(1<<12, 5) {
		id := d.u32()
		var list []Peak
		for range d.count(1<<20, 2) {
			list = append(list, Peak{Step: d.int(), Max: lead.Points(d.int())})
		}
		for i := range b.Peaks {
			if b.Peaks[i].ID == id {
				a.Peaks[i] = list
			}
		}
	}
}

func (d *decoder) steps(a *Account, b *Book) {
	for range d.count(1<<12, 10) {
		id := d.u32()
		m := StepMemo{Ran: d.bool(), Grade: uint16(d.uint()), Reason: uint16(d.uint()), Out: d.uint(), Wake: d.int()}
		if state := d.take(d.uint()); len(state) > 0 {
			m.State = append([]byte(nil), state...)
		}
		for i := range b.Steps {
			if b.Steps[i].ID == id {
				a.Steps[i] = m
			}
		}
	}
}

func (d *decoder) marks(m *Marks) {
	m.Seq, m.Hands, m.Matched, m.Suppressed = d.uint(), d.uint(), d.u32(), d.bool()
	m.Silent, m.Resting, m.Wake, m.Probe, m.Stage = d.int(), d.int(), d.int(), d.int(), d.str()
	for range d.count(1<<12, 11) {
		m.Episodes = append(m.Episodes, Episode{Action: d.str(), Number: uint32(d.uint()), Open: d.bool(), Route: d.u32(),
			Opened: d.int(), Closed: d.int(), Last: d.str(), Hands: d.uint()})
	}
	for range d.count(1<<12, 6) {
		m.Pending = append(m.Pending, Pending{Class: d.u32(), Since: d.int(), Hand: d.uint()})
	}
	for range d.count(1<<12, 4) {
		m.True = append(m.True, d.u32())
	}
	for range d.count(1<<12, 9) {
		m.Adjusts = append(m.Adjusts, Adjust{Event: d.u64(), Expires: d.int()})
	}
}

func (d *decoder) held(key string) []lead.Event {
	var list []lead.Event
	for range d.count(1<<16, 10) {
		e := lead.Event{ID: d.str(), Lead: key, Kind: lead.Kind(d.byte()), Name: d.str(), Path: d.str(),
			At: d.int(), Received: d.int(), Backfill: d.bool(), Props: d.props(), Traits: d.props(), Context: d.props()}
		if raw := d.take(d.uint()); len(raw) > 0 {
			e.Raw = append([]byte(nil), raw...)
		}
		list = append(list, e)
	}
	return list
}
