package ledger

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/ripenhq/ripen/engine/lead"
)

// decoder reads what encoder wrote. It never panics: past the end, or past a
// limit, it sets bad and gives zeros.
type decoder struct {
	b     []byte
	bad   bool
	texts [textRing][]byte
	// places are where the texts stand among the labels, 0 = not yet.
	places [textRing]uint32
	next   uint8
	chunk  []byte // where short texts are put together, so that they cost one allocation
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

func (d *decoder) str() string { return d.keep(d.take(d.uint())) }

// text reads what encoder.text wrote: it lies in the input. ring is where it
// is remembered, -1 if it is not.
func (d *decoder) text() (s []byte, ring int) {
	n := d.uint()
	if n&1 != 0 {
		if n >>= 1; n >= textRing {
			d.fail()
			return nil, -1
		}
		return d.texts[n], int(n)
	}
	s, ring = d.take(n>>1), -1
	if len(s) > 0 && len(s) <= maxText {
		ring = int(d.next % textRing)
		d.texts[ring], d.places[ring] = s, 0
		d.next++
	}
	return s, ring
}

// kept reads a text that lives on.
func (d *decoder) kept() string {
	s, _ := d.text()
	return d.keep(s)
}

// view is the text that b holds, as long as nobody writes there.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// keep makes a text that lives on.
func (d *decoder) keep(b []byte) string {
	n := len(b)
	if n == 0 || n > maxText {
		return string(b)
	}
	if n > cap(d.chunk)-len(d.chunk) {
		d.chunk = make([]byte, 0, max(n, min(maxText, len(d.b)+n)))
	}
	from := len(d.chunk)
	d.chunk = append(d.chunk, b...)
	return unsafe.String(&d.chunk[from], n) // written once: the chunk only grows behind it
}

func (d *decoder) time(clock int64) int64 { return clock + swapZero(d.int(), -clock) }

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

// marks reads First and the marks. Room for episodes is used again.
func (d *decoder) marks(a *Account) {
	clock, episodes := a.Clock, a.Marks.Episodes[:0]
	a.First = d.time(clock)
	m := &a.Marks
	*m = Marks{Seq: d.uint(), Hands: d.uint(), Matched: d.u32()}
	flags := d.byte()
	if flags > marksSuppressed|marksDrip {
		d.fail()
	}
	m.Suppressed, m.Silent, m.Resting, m.Wake, m.Probe, m.Stage = flags&marksSuppressed != 0, d.time(clock), d.time(clock), d.time(clock), d.time(clock), d.kept()
	for range d.count(1<<12, 26) {
		p := Episode{Action: d.kept(), Number: uint32(d.uint()), Open: d.bool(), Route: d.u32(), Opened: d.time(clock), Closed: d.time(clock)}
		copy(p.Last[:], d.take(16))
		p.Hands = d.uint()
		episodes = append(episodes, p)
	}
	m.Episodes = episodes
	for range d.count(1<<12, 6) {
		m.Pending = append(m.Pending, Pending{Class: d.u32(), Since: d.time(clock), Hand: d.uint()})
	}
	for range d.count(1<<12, 4) {
		m.True = append(m.True, d.u32())
	}
	for range d.count(1<<12, 9) {
		m.Adjusts = append(m.Adjusts, Adjust{Event: d.u64(), Expires: d.time(clock)})
	}
	if flags&marksDrip != 0 {
		m.Drip = &Drip{Due: d.time(clock), Route: d.u32(), Hands: d.uint(), Release: d.str()}
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
