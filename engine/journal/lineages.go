package journal

import "encoding/binary"

// Role says what a lineage is for.
type Role uint8

// The roles, as package lineage has them.
const (
	RoleBuilding Role = 1
	RoleShadow   Role = 2
	RoleLive     Role = 3
)

// Lineage is what a record holds of one release that runs over the partition.
// What stands before Delta names it; a base repeats that, without the delta.
type Lineage struct {
	ID       uint64 // sequence of the control message that started it
	Workflow string
	Release  uint32
	Bundle   string // digest of the release's bundle, in hex
	Model    string // digest of its compiled model, in hex
	Role     Role
	Origin   string
	Cut      int64 // ms: events of history before it are passed over, 0 = none
	// While a switch in place is being carried out: the release before; 0 = none.
	WasRelease          uint32
	WasBundle, WasModel string
	Since               uint64   // sequence of the order that made it live, 0 = it never was
	Until               int64    // ms: a shadow is kept until then, 0 = until it is stopped
	Pos                 Position // building: how far it is
	Clock               int64    // building: its tick clock, ms

	Health []byte // plugin failures and breaker changes; opaque
	Delta  []byte // state of the leads touched; opaque
}

// Bare copies lineages without their deltas.
func Bare(list []Lineage) []Lineage {
	out := append([]Lineage(nil), list...)
	for i := range out {
		out[i].Delta = nil
	}
	return out
}

// Named copies what names the lineages.
func Named(list []Lineage) []Lineage {
	out := Bare(list)
	for i := range out {
		out[i].Health = nil
	}
	return out
}

// sizeOf is about how many bytes the lineages need in a record.
func sizeOf(list []Lineage) (n int) {
	for i := range list {
		n += len(list[i].Delta) + len(list[i].Health) + 256
	}
	return n
}

func appendLineages(b []byte, list []Lineage, deltas bool) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for i := range list {
		l := &list[i]
		b = binary.AppendUvarint(b, l.ID)
		b = appendBytes(b, l.Workflow)
		b = binary.AppendUvarint(b, uint64(l.Release))
		b = appendBytes(b, l.Bundle)
		b = appendBytes(b, l.Model)
		b = append(b, byte(l.Role))
		b = appendBytes(b, l.Origin)
		b = binary.AppendVarint(b, l.Cut)
		b = binary.AppendUvarint(b, uint64(l.WasRelease))
		if l.WasRelease != 0 {
			b = appendBytes(appendBytes(b, l.WasBundle), l.WasModel)
		}
		b = binary.AppendUvarint(b, l.Since)
		b = binary.AppendVarint(b, l.Until)
		if l.Role == RoleBuilding {
			b = appendPosition(b, l.Pos)
			b = binary.AppendVarint(b, l.Clock)
		}
		b = appendBytes(b, l.Health)
		if deltas {
			b = appendBytes(b, l.Delta)
		}
	}
	return b
}

func (d *decoder) lineages(deltas bool) []Lineage {
	n := d.uvarint()
	if n > uint64(len(d.b)/leastLineage) {
		d.fail("%d lineages in %d bytes", n, len(d.b))
	}
	if n == 0 || d.err != nil {
		return nil
	}
	list := make([]Lineage, n)
	for i := range list {
		d.lineage(&list[i], deltas)
	}
	return list
}

// leastLineage is the least number of bytes that a lineage needs.
const leastLineage = 12

func (d *decoder) lineage(l *Lineage, deltas bool) {
	l.ID = d.uvarint()
	l.Workflow = string(d.bytes())
	l.Release = d.release()
	l.Bundle, l.Model = string(d.bytes()), string(d.bytes())
	l.Role = Role(d.fixed(1)[0])
	if d.err == nil && (l.Role < RoleBuilding || l.Role > RoleLive) {
		d.fail("role %d", l.Role)
	}
	l.Origin = string(d.bytes())
	l.Cut = d.varint()
	if l.WasRelease = d.release(); l.WasRelease != 0 {
		l.WasBundle, l.WasModel = string(d.bytes()), string(d.bytes())
	}
	l.Since, l.Until = d.uvarint(), d.varint()
	if l.Role == RoleBuilding {
		l.Pos, l.Clock = d.position(), d.varint()
	}
	l.Health = d.bytes()
	if deltas {
		l.Delta = d.bytes()
	}
}

func (d *decoder) release() uint32 {
	n := d.uvarint()
	if uint64(uint32(n)) != n {
		d.fail("release %d", n)
	}
	return uint32(n)
}

func appendPosition(b []byte, p Position) []byte {
	b = binary.AppendUvarint(b, p.Seq)
	b = binary.AppendUvarint(b, uint64(p.Index))
	b = binary.AppendVarint(b, p.Due)
	return appendBytes(b, p.Lead)
}

func (d *decoder) position() (p Position) {
	p.Seq = d.uvarint()
	index := d.uvarint()
	if p.Index = uint32(index); uint64(p.Index) != index {
		d.fail("index %d", index)
	}
	p.Due = d.varint()
	p.Lead = string(d.bytes())
	return p
}
