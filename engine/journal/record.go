package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
)

// RecordKind says what a record does.
type RecordKind uint8

// The kinds of records.
const (
	KindClaim  RecordKind = 1 // a new owner; carries the position over
	KindCommit RecordKind = 2 // inputs consumed, state changed
)

// Position is the next input of a partition: message Seq of the events stream,
// input Index in its pack. Inside a tick or a switch point the timers up to
// (Due, Lead) are done; Lead is empty before the first.
type Position struct {
	Seq   uint64 // 0 and 1 both mean the beginning
	Index uint32
	Due   int64 // ms
	Lead  string
}

// EventID is the hash of (lead, event id) that deduplicates events.
type EventID [16]byte

// Record is one entry of a partition's journal. The caller of Commit fills the
// second half; the first is filled by this package.
type Record struct {
	Kind   RecordKind
	Epoch  uint64 // grows by one with each claim
	Number uint64 // commit id: records of the partition counted from 1
	Owner  string // who claimed; empty in commits
	Prev   uint64 // stream sequence of the record before, 0 for the first
	Input  Identity
	Chain  [32]byte // SHA-256 over the chain before and Sum
	Sum    [32]byte // SHA-256 of this record's body; not encoded
	Seq    uint64   // own sequence in the journal stream; not encoded

	Pos       Position
	InputSeq  uint64   // last message read, 0 if none
	InputHash [32]byte // SHA-256 of its data
	Clock     int64    // tick clock, ms since 1970 UTC
	Newest    int64    // latest event time among all inputs so far, ms
	Lineages  []Lineage
}

// HashInput is the hash that Record.InputHash holds for a message's data.
func HashInput(data []byte) [32]byte { return sha256.Sum256(data) }

const (
	recordVersion = 4
	codingPlain   = 0
	codingS2      = 1
	headerSize    = 4 + sha256.Size // magic, version, coding, chain
	// maxBody bounds what a decoder allocates for a damaged length.
	maxBody = 32 << 20
)

var magic = [2]byte{'R', 'J'}

var errRecord = errors.New("record cannot be read")

// scratch is memory that records are encoded in, one after the other: a large
// one is megabytes.
type scratch struct{ body, data []byte }

// encode writes the record and returns it with its chain hash. The bytes are
// valid until the next call with the same scratch.
func (r *Record) encode(s *scratch, before [32]byte) ([]byte, [32]byte) {
	s.body = r.appendBody(slices.Grow(s.body[:0], 512+sizeOf(r.Lineages)))
	r.Sum = sha256.Sum256(s.body)
	chain := chainOf(before, r.Sum)
	s.data = slices.Grow(s.data[:0], headerSize+s2.MaxEncodedLen(len(s.body)))
	s.data = append(s.data, magic[0], magic[1], recordVersion, codingS2)
	s.data = append(s.data, chain[:]...)
	packed := s2.Encode(s.data[headerSize:cap(s.data)], s.body)
	if len(packed) < len(s.body) {
		return s.data[:headerSize+len(packed)], chain // it stands there already
	}
	s.data[3] = codingPlain
	return append(s.data, s.body...), chain
}

func chainOf(before, sum [32]byte) [32]byte {
	var both [2 * sha256.Size]byte
	copy(both[:], before[:])
	copy(both[sha256.Size:], sum[:])
	return sha256.Sum256(both[:])
}

func (r *Record) appendBody(b []byte) []byte {
	b = append(b, byte(r.Kind))
	b = binary.AppendUvarint(b, r.Epoch)
	b = binary.AppendUvarint(b, r.Number)
	b = binary.AppendUvarint(b, r.Prev)
	b = appendBytes(b, r.Owner)
	b = appendBytes(b, r.Input.Name)
	b = binary.AppendVarint(b, r.Input.Created)
	b = appendPosition(b, r.Pos)
	b = binary.AppendUvarint(b, r.InputSeq)
	b = append(b, r.InputHash[:]...)
	b = binary.AppendVarint(b, r.Clock)
	b = binary.AppendVarint(b, r.Newest)
	return appendLineages(b, r.Lineages, true)
}

func appendBytes[T string | []byte](b []byte, v T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// ReadRecord reads the data of a message of ripen.j.<p>, without a look at the
// records around it. Seq stays 0.
func ReadRecord(data []byte) (Record, error) {
	return decodeRecord(data)
}

func decodeRecord(data []byte) (Record, error) {
	body, err := unwrap(data)
	if err != nil {
		return Record{}, err
	}
	r := Record{Sum: sha256.Sum256(body)}
	copy(r.Chain[:], data[4:])
	d := decoder{b: body}
	d.record(&r)
	if d.err == nil && len(d.b) != 0 {
		d.fail("%d bytes behind the end", len(d.b))
	}
	return r, d.err
}

// unwrap checks the frame and decompresses the body.
func unwrap(data []byte) ([]byte, error) {
	if len(data) < headerSize || data[0] != magic[0] || data[1] != magic[1] {
		return nil, fmt.Errorf("%w: %d bytes without a record's header", errRecord, len(data))
	}
	if data[2] != recordVersion {
		return nil, fmt.Errorf("%w: version %d, this Ripen knows %d; run the Ripen that wrote it, or start on an empty data folder and import the events again", errRecord, data[2], recordVersion)
	}
	body := data[headerSize:]
	switch data[3] {
	case codingPlain:
		return body, nil
	case codingS2:
		n, err := s2.DecodedLen(body)
		if err != nil || n > maxBody {
			return nil, fmt.Errorf("%w: body of %d bytes", errRecord, n)
		}
		if body, err = s2.Decode(nil, body); err != nil {
			return nil, fmt.Errorf("%w: %w", errRecord, err)
		}
		return body, nil
	}
	return nil, fmt.Errorf("%w: coding %d", errRecord, data[3])
}

// decoder reads fields until the first error.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: "+format, append([]any{errRecord}, args...)...)
	}
	d.b = nil
}

func (d *decoder) record(r *Record) {
	r.Kind = RecordKind(d.fixed(1)[0])
	if d.err == nil && r.Kind != KindClaim && r.Kind != KindCommit {
		d.fail("kind %d", r.Kind)
	}
	r.Epoch, r.Number, r.Prev = d.uvarint(), d.uvarint(), d.uvarint()
	r.Owner = string(d.bytes())
	r.Input.Name = string(d.bytes())
	r.Input.Created = d.varint()
	r.Pos = d.position()
	r.InputSeq = d.uvarint()
	copy(r.InputHash[:], d.fixed(len(r.InputHash)))
	r.Clock, r.Newest = d.varint(), d.varint()
	r.Lineages = d.lineages(true)
}

// fixed takes n bytes; after an error they are zeros.
func (d *decoder) fixed(n int) []byte {
	if len(d.b) < n {
		d.fail("ends early")
		return make([]byte, n)
	}
	v := d.b[:n]
	d.b = d.b[n:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

// bytes takes a length and as many bytes, nil for none.
func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.fail("field of %d bytes in %d", n, len(d.b))
		return nil
	}
	if n == 0 {
		return nil
	}
	return d.fixed(int(n))
}
