package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Mark names one record of a partition: two journals that hold a record with
// the same mark are the same up to it.
type Mark struct {
	Seq    uint64 // in the journal stream
	Number uint64
	Chain  [32]byte
}

// MarkOf is the mark of a record.
func MarkOf(r *Record) Mark { return Mark{Seq: r.Seq, Number: r.Number, Chain: r.Chain} }

// Base is the record that a stored state of a partition is complete up to, with
// what the records behind it do not repeat. The zero Base is the beginning of
// the journal.
type Base struct {
	Mark
	Epoch     uint64
	Pos       Position
	InputSeq  uint64
	InputHash [32]byte
	Clock     int64     // ms since 1970 UTC
	Sum       [32]byte  // SHA-256 of the record's body
	Lineages  []Lineage // of the newest commit, without their deltas
}

// Follow moves the base to a record, which stands right behind it.
func (b *Base) Follow(r *Record) {
	b.Mark, b.Epoch, b.Pos, b.InputSeq, b.InputHash = MarkOf(r), r.Epoch, r.Pos, r.InputSeq, r.InputHash
	b.Clock, b.Sum = max(b.Clock, r.Clock), r.Sum
	if r.Kind == KindCommit {
		b.Lineages = Bare(r.Lineages)
	}
}

// baseVersion is the first byte of an encoded Base, markVersion that of a Mark.
const (
	baseVersion = 3
	markVersion = 1
)

var errBase = errors.New("base of a stored state cannot be read")

// Append encodes the mark behind dst.
func (m *Mark) Append(dst []byte) []byte { return m.append(append(dst, markVersion)) }

func (m *Mark) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, m.Seq)
	dst = binary.AppendUvarint(dst, m.Number)
	return append(dst, m.Chain[:]...)
}

// DecodeMark reads what Append wrote.
func DecodeMark(data []byte) (Mark, error) {
	var m Mark
	d, err := versioned(data, markVersion)
	if err != nil {
		return m, err
	}
	d.mark(&m)
	return m, d.end()
}

// Append encodes the base behind dst.
func (b *Base) Append(dst []byte) []byte {
	dst = b.append(append(dst, baseVersion))
	dst = binary.AppendUvarint(dst, b.Epoch)
	dst = appendPosition(dst, b.Pos)
	dst = binary.AppendUvarint(dst, b.InputSeq)
	dst = append(dst, b.InputHash[:]...)
	dst = binary.AppendVarint(dst, b.Clock)
	dst = append(dst, b.Sum[:]...)
	return appendLineages(dst, b.Lineages, false)
}

// DecodeBase reads what Append wrote. The result keeps no part of data.
func DecodeBase(data []byte) (Base, error) {
	var b Base
	d, err := versioned(data, baseVersion)
	if err != nil {
		return b, err
	}
	d.mark(&b.Mark)
	b.Epoch = d.uvarint()
	b.Pos = d.position()
	b.InputSeq = d.uvarint()
	copy(b.InputHash[:], d.fixed(sha256.Size))
	b.Clock = d.varint()
	copy(b.Sum[:], d.fixed(sha256.Size))
	b.Lineages = d.lineages(false)
	for i := range b.Lineages {
		b.Lineages[i].Health = append([]byte(nil), b.Lineages[i].Health...)
	}
	return b, d.end()
}

func versioned(data []byte, version byte) (decoder, error) {
	if len(data) == 0 || data[0] != version {
		return decoder{}, fmt.Errorf("%w: it begins with %x, this Ripen reads version %d", errBase, data[:min(1, len(data))], version)
	}
	return decoder{b: data[1:]}, nil
}

func (d *decoder) mark(m *Mark) {
	m.Seq, m.Number = d.uvarint(), d.uvarint()
	copy(m.Chain[:], d.fixed(sha256.Size))
}

func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes behind the end", len(d.b))
	}
	if d.err != nil {
		return fmt.Errorf("%w: %w", errBase, d.err)
	}
	return nil
}
