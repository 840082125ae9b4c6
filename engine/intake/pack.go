package intake

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// A pack is many events in one message of the stream. Its layout:
//
//	"RPK1" codec:byte body
//	body = { receivedMs:uvarint length:uvarint json:length bytes }
//
// codec 0 leaves the body as it is, codec 1 is one s2 block. Unpacked, a body
// holds at most MaxPack bytes.
const packMagic = "RPK1"

// MaxPack bounds the unpacked body of a pack in bytes.
const MaxPack = 8 << 20

// The codecs of a pack.
const (
	packRaw byte = 0
	packS2  byte = 1
)

// compressFrom is the body size below which compression does not pay.
const compressFrom = 512

// ErrPack says that bytes are no sound pack.
var ErrPack = errors.New("not a sound pack")

// Packed is one event inside a pack.
type Packed struct {
	Raw      []byte // JSON of one event
	Received int64  // ms since 1970 UTC, 0 if unknown
}

// IsPack says whether b starts like a pack.
func IsPack(b []byte) bool {
	return len(b) >= len(packMagic) && string(b[:len(packMagic)]) == packMagic
}

// EncodePack appends the pack of events to dst. It fails if they are larger
// than MaxPack together.
func EncodePack(dst []byte, events []Packed) ([]byte, error) {
	size := 0
	for i := range events {
		size += len(events[i].Raw) + 2*binary.MaxVarintLen64
	}
	body := make([]byte, 0, size)
	for i := range events {
		if events[i].Received < 0 {
			return dst, fmt.Errorf("event %d: time of receipt %d ms is negative: %w", i, events[i].Received, ErrPack)
		}
		body = binary.AppendUvarint(body, uint64(events[i].Received))
		body = binary.AppendUvarint(body, uint64(len(events[i].Raw)))
		body = append(body, events[i].Raw...)
	}
	if len(body) > MaxPack {
		return dst, fmt.Errorf("%d bytes of events, at most %d: make smaller packs: %w", len(body), MaxPack, ErrPack)
	}
	dst = append(dst, packMagic...)
	if len(body) >= compressFrom {
		if small := s2.Encode(nil, body); len(small) < len(body)-len(body)/8 {
			return append(append(dst, packS2), small...), nil
		}
	}
	return append(append(dst, packRaw), body...), nil
}

// DecodePack unpacks all events. They alias b, or memory of their own if the
// pack was compressed.
func DecodePack(b []byte) ([]Packed, error) {
	body, err := packBody(b)
	if err != nil {
		return nil, err
	}
	n, err := walkPack(body, nil)
	if err != nil {
		return nil, err
	}
	out := make([]Packed, 0, n)
	_, err = walkPack(body, func(_ int, raw []byte, received int64) {
		out = append(out, Packed{Raw: raw, Received: received})
	})
	return out, err
}

func packBody(b []byte) ([]byte, error) {
	if !IsPack(b) || len(b) == len(packMagic) {
		return nil, fmt.Errorf("found %s, expected %q and a codec: %w", excerpt(string(b[:min(len(b), 8)])), packMagic, ErrPack)
	}
	body := b[len(packMagic)+1:]
	switch codec := b[len(packMagic)]; codec {
	case packRaw:
		if len(body) > MaxPack {
			return nil, fmt.Errorf("a body of %d bytes, at most %d: %w", len(body), MaxPack, ErrPack)
		}
		return body, nil
	case packS2:
		n, err := s2.DecodedLen(body)
		if err != nil || n > MaxPack {
			return nil, fmt.Errorf("a body that unpacks to %d bytes, at most %d (%v): %w", n, MaxPack, err, ErrPack)
		}
		out, err := s2.Decode(nil, body)
		if err != nil {
			return nil, fmt.Errorf("a body that cannot be unpacked (%v): %w", err, ErrPack)
		}
		return out, nil
	default:
		return nil, fmt.Errorf("codec %d, expected 0 or 1; a newer engine may have written it: %w", codec, ErrPack)
	}
}

// walkPack calls fn, if any, for each event and counts them.
func walkPack(body []byte, fn func(index int, raw []byte, received int64)) (int, error) {
	n := 0
	for len(body) > 0 {
		received, k := binary.Uvarint(body)
		if k <= 0 || received > 1<<62 {
			return n, fmt.Errorf("event %d: no sound time of receipt: %w", n, ErrPack)
		}
		body = body[k:]
		size, k := binary.Uvarint(body)
		if k <= 0 || size > uint64(len(body)-k) {
			return n, fmt.Errorf("event %d: a length beyond the end: %w", n, ErrPack)
		}
		if fn != nil {
			end := k + int(size)
			fn(n, body[k:end:end], int64(received))
		}
		body = body[k+int(size):]
		n++
	}
	return n, nil
}

// MaxEvents bounds the events of one message of the stream: each of them may
// become an output of its own.
const MaxEvents = 100_000

// Messages calls fn for each event of one message of the stream: a pack, or
// plain JSON as Split takes it, where the time of receipt is 0. A damaged pack,
// or a message of more than MaxEvents, yields an error and no event at all.
func Messages(b []byte, fn func(index int, raw []byte, received int64)) error {
	if !IsPack(b) {
		return unpacked(b, fn)
	}
	body, err := packBody(b)
	if err != nil {
		return err
	}
	n, err := walkPack(body, nil)
	if err == nil {
		err = few(n)
	}
	if err != nil {
		return err
	}
	_, err = walkPack(body, fn)
	return err
}

// unpacked hands over the events of a message that is no pack. An event takes two
// bytes at least, so few messages must be counted first.
func unpacked(b []byte, fn func(index int, raw []byte, received int64)) error {
	if len(b) > 2*MaxEvents {
		if err := few(SplitMost(b, 0, nil)); err != nil {
			return err
		}
	}
	Split(b, func(i int, raw []byte) { fn(i, raw, 0) })
	return nil
}

func few(n int) error {
	if n > MaxEvents {
		return fmt.Errorf("%d events in one message, at most %d: send smaller ones: %w", n, MaxEvents, ErrPack)
	}
	return nil
}
