package meter

import (
	"unicode/utf8"
)

// reader walks b[:end] and never past it. The first failure sticks: later reads
// return zero, so a decoder checks err once per item, not once per byte. Offsets
// are offsets in the whole module, because that is what tools print.
type reader struct {
	b   []byte
	off int
	end int
	err error
}

// sub returns a reader over the next n bytes and steps over them.
func (r *reader) sub(n uint32, what string) reader {
	if r.err == nil && uint64(n) > uint64(r.end-r.off) {
		r.fail(ErrMalformed, "%s claims %d bytes, %d are left", what, n, r.end-r.off)
	}
	if r.err != nil {
		return reader{b: r.b, off: r.off, end: r.off, err: r.err}
	}
	s := reader{b: r.b, off: r.off, end: r.off + int(n)}
	r.off += int(n)
	return s
}

func (r *reader) fail(kind error, format string, args ...any) {
	if r.err == nil {
		r.err = fault(kind, r.off, format, args...)
	}
}

func (r *reader) left() int  { return r.end - r.off }
func (r *reader) done() bool { return r.err != nil || r.off >= r.end }

func (r *reader) byte() byte {
	if r.err != nil || r.off >= r.end {
		r.fail(ErrMalformed, "unexpected end")
		return 0
	}
	c := r.b[r.off]
	r.off++
	return c
}

func (r *reader) skip(n int) {
	if r.err != nil || n > r.end-r.off {
		r.fail(ErrMalformed, "unexpected end: %d bytes wanted, %d left", n, r.end-r.off)
		return
	}
	r.off += n
}

// u32 reads an unsigned LEB128 of at most five bytes whose unused bits are zero.
func (r *reader) u32() uint32 {
	var v uint32
	for i := 0; i < 5; i++ {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		if i == 4 && c > 0x0f {
			break
		}
		v |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 {
			return v
		}
	}
	r.fail(ErrMalformed, "LEB128 integer is longer than 32 bits")
	return 0
}

// signed reads a signed LEB128 of the given width (32, 33 or 64 bits): at most
// ⌈width/7⌉ bytes, and the unused bits of the last one repeat the sign.
func (r *reader) signed(width int) int64 {
	last := (width - 1) / 7
	var v int64
	for i := 0; i <= last; i++ {
		c := r.byte()
		if r.err != nil {
			return 0
		}
		v |= int64(c&0x7f) << (7 * i)
		if c >= 0x80 {
			continue
		}
		if i == last {
			top := int8(c<<1) >> 1 // the seven payload bits, sign-extended
			if s := top >> (width - 7*last - 1); s != 0 && s != -1 {
				break
			}
		}
		if shift := 7 * (i + 1); shift < 64 && c&0x40 != 0 {
			v |= -1 << shift
		}
		return v
	}
	r.fail(ErrMalformed, "LEB128 integer is longer than %d bits", width)
	return 0
}

// count reads the length of a vector whose items take at least size bytes, and
// refuses one that cannot fit: no allocation follows a number we did not check.
func (r *reader) count(size int, what string) int {
	n := r.u32()
	if r.err == nil && uint64(n)*uint64(size) > uint64(r.left()) {
		r.fail(ErrMalformed, "%d %s do not fit in %d bytes", n, what, r.left())
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

func (r *reader) name() string {
	n := r.count(1, "name bytes")
	if r.err != nil {
		return ""
	}
	s := r.b[r.off : r.off+n]
	if !utf8.Valid(s) {
		r.fail(ErrMalformed, "name is not UTF-8")
		return ""
	}
	r.off += n
	return string(s)
}

// closed reports bytes left over in a section whose items have all been read.
func (r *reader) closed(what string) error {
	if r.err == nil && r.off != r.end {
		r.fail(ErrMalformed, "%d bytes left over in the %s section", r.left(), what)
	}
	return r.err
}

func appendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

func appendS64(b []byte, v int64) []byte {
	for {
		c := byte(v & 0x7f)
		v >>= 7
		if (v == 0 && c&0x40 == 0) || (v == -1 && c&0x40 != 0) {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}
