package natsd

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
)

// The layout of a message in a block file of nats-server 2.15, its frame: length
// (the top bit says that there are headers), sequence (two top bits are marks),
// time, length of the subject; subject, [length of the headers, headers], data,
// checksum of all but the lengths.
const (
	frameHeader   = 22
	frameChecksum = 8
	frameHeaders  = 1 << 31
	frameMarks    = uint64(3) << 62
	frameMost     = 32 << 20 // bytes
)

// far is how far apart the sequences of neighbours can be. The server marks
// each one between them as deleted, one by one: with a damaged sequence it takes
// all memory.
const far = 1 << 24

// near is how far apart they mostly are: a damaged one that lies within is taken
// for what it says.
const near = 1 << 10

// longSubject bounds where a message is looked for behind a damage, in bytes:
// subjects of ours are shorter.
const longSubject = 1 << 10

// Damage is a place in the files of a stream at which no message stands.
type Damage struct {
	File   string
	Offset int64  // bytes
	Seq    uint64 // of the message that stood there
	Why    string
	// Tail says that no whole message stands behind it: it may be one that was
	// being written when the power went.
	Tail bool
	// Cuts says that a server cuts the file off here as soon as it reads it, even if
	// it trusts its index.
	Cuts bool
	// Wild says that a server takes all memory when it reads the message.
	Wild bool
}

func (d *Damage) String() string {
	return fmt.Sprintf("message %d (%s at byte %d) is damaged: %s", d.Seq, d.File, d.Offset, d.Why)
}

// Frames is what the files of a stream say without a server.
type Frames struct {
	Damaged []Damage
	// Stale says that a server would not trust its index of them: it reads them
	// anew and cuts them off where the first damage is.
	Stale bool
	index string
}

// ReadFrames reads the messages of a stream in the data folder dir, on which no
// server runs, and checks their sums. With most above zero it looks at about so
// many bytes at the end alone. Without such a stream there is nothing to find.
func ReadFrames(dir, stream string, most int64) (*Frames, error) {
	files, err := blockFiles(dir, stream)
	if err != nil || len(files) == 0 {
		return &Frames{}, err
	}
	f := &Frames{index: filepath.Join(filepath.Dir(files[0].name), "index.db")}
	first := 0
	if most > 0 {
		for first = len(files) - 1; first > 0 && most > files[first].size; first-- {
			most -= files[first].size
		}
	}
	s := &frameScan{stream: stream}
	for _, file := range files[first:] {
		if err := s.file(file); err != nil {
			return nil, err
		}
	}
	f.Damaged = s.found
	f.Stale, err = f.stale(files[len(files)-1])
	return f, err
}

// CutTail cuts the files off in front of what is damaged at their end, as a server
// does that reads them anew, and tells what that was.
func (f *Frames) CutTail() (gone []Damage, err error) {
	for len(f.Damaged) > 0 && f.Damaged[len(f.Damaged)-1].Tail {
		d := f.Damaged[len(f.Damaged)-1]
		if err := f.cut(&d); err != nil {
			return gone, err
		}
		gone, f.Damaged = append(gone, d), f.Damaged[:len(f.Damaged)-1]
	}
	return gone, nil
}

func (f *Frames) cut(d *Damage) error {
	if err := os.Remove(f.index); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	file, err := os.OpenFile(d.File, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if err := errors.Join(file.Truncate(d.Offset), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return nil
}

// stale compares the checksum that the index ends with, in front of its own,
// with the one that the last block ends with.
func (f *Frames) stale(last blockFile) (bool, error) {
	index, err := os.ReadFile(f.index)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	data, err := os.ReadFile(last.name)
	if err != nil {
		return false, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if len(index) < 2*frameChecksum || len(data) < frameChecksum {
		return true, nil
	}
	return !bytes.Equal(index[len(index)-2*frameChecksum:len(index)-frameChecksum], data[len(data)-frameChecksum:]), nil
}

// blockFile is one file of a stream.
type blockFile struct {
	name  string
	index int
	size  int64
}

func blockFiles(dir, stream string) (list []blockFile, err error) {
	names, err := filepath.Glob(filepath.Join(dir, storeDir, "jetstream", "*", "streams", stream, "msgs", "*.blk"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		n, err := strconv.Atoi(strings.TrimSuffix(filepath.Base(name), ".blk"))
		if err != nil {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFolder, err)
		}
		list = append(list, blockFile{name, n, info.Size()})
	}
	slices.SortFunc(list, func(a, b blockFile) int { return a.index - b.index })
	return list, nil
}

// frameScan goes through the files of a stream in their order.
type frameScan struct {
	stream string
	sum    hash.Hash64 // of the file
	last   uint64      // sequence of the newest whole message
	found  []Damage
}

func (s *frameScan) file(f blockFile) error {
	data, err := os.ReadFile(f.name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if err := s.begin(f.index); err != nil {
		return err
	}
	s.block(f.name, data)
	return nil
}

// begin makes the sum of a file, which has a key of its own.
func (s *frameScan) begin(index int) (err error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", s.stream, index))
	s.sum, err = highwayhash.New64(key[:])
	return err
}

// block goes through one file. Behind a damage it looks for the next whole
// message, byte by byte: the length may be what is damaged.
func (s *frameScan) block(name string, data []byte) {
	for at := 0; at < len(data); {
		fr, why := readFrame(data[at:], s.sum)
		if why == "" {
			s.whole(&fr)
			at += fr.size
			continue
		}
		d := Damage{File: name, Offset: int64(at), Seq: s.last + 1, Why: why, Tail: true, Cuts: fr.size == 0}
		if fr.seq > s.last && fr.seq-s.last < near || s.last == 0 && fr.seq > 0 && fr.seq < far {
			d.Seq = fr.seq
		}
		d.Wild = fr.size > 0 && fr.seq > s.last && fr.seq-s.last >= far && (s.last > 0 || fr.seq >= 1<<40)
		s.found = append(s.found, d)
		if at = s.next(data, at+1); at < 0 {
			return
		}
	}
}

// whole notes a message: what was damaged before it is no tail.
func (s *frameScan) whole(fr *frame) {
	for i := len(s.found) - 1; i >= 0 && s.found[i].Tail; i-- {
		s.found[i].Tail = false
	}
	if !fr.mark {
		s.last = max(s.last, fr.seq)
	}
}

// next finds the beginning of the next whole message, -1 if there is none.
func (s *frameScan) next(data []byte, from int) int {
	for at := from; at+frameHeader+frameChecksum <= len(data); at++ {
		if fr, ok := peekFrame(data[at:]); !ok || fr.subject > longSubject {
			continue
		}
		if _, why := readFrame(data[at:], s.sum); why == "" {
			return at
		}
	}
	return -1
}

// frame is a message in a file; size 0 says that its lengths make no sense.
type frame struct {
	size    int // bytes
	subject int // bytes
	seq     uint64
	mark    bool // a tombstone, or erased
	headers bool
}

// peekFrame reads the header of a frame and whether its lengths fit.
func peekFrame(b []byte) (frame, bool) {
	if len(b) < frameHeader+frameChecksum {
		return frame{}, false
	}
	size, seq := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint64(b[4:])
	fr := frame{seq: seq &^ frameMarks, mark: seq&frameMarks != 0, headers: size&frameHeaders != 0, subject: int(binary.LittleEndian.Uint16(b[20:]))}
	n, least := int(size&^frameHeaders), frameHeader+fr.subject+frameChecksum
	if fr.headers {
		least += 4
	}
	if n < least || n > len(b) || n > frameMost {
		return fr, false
	}
	fr.size = n
	return fr, true
}

// readFrame reads the message at the beginning of b; why says what is wrong with
// it.
func readFrame(b []byte, sum hash.Hash64) (fr frame, why string) {
	fr, ok := peekFrame(b)
	if !ok {
		return fr, "its length leads nowhere"
	}
	b = b[:fr.size]
	body := frameHeader + fr.subject
	if !isSubject(b[frameHeader:body]) { // the sum does not say where it ends
		return fr, "its subject is none"
	}
	if fr.headers {
		n := int(binary.LittleEndian.Uint32(b[body:]))
		body += 4
		if n < 0 || n > len(b)-frameChecksum-body || !bytes.HasPrefix(b[body:body+n], []byte("NATS/1.0")) || !bytes.HasSuffix(b[body:body+n], []byte("\r\n\r\n")) {
			return fr, "its headers do not end where they should"
		}
	}
	sum.Reset()
	for _, part := range [][]byte{b[4:20], b[frameHeader : frameHeader+fr.subject], b[body : len(b)-frameChecksum]} {
		_, _ = sum.Write(part) // never fails
	}
	var buf [frameChecksum]byte
	if !bytes.Equal(sum.Sum(buf[:0]), b[len(b)-frameChecksum:]) {
		return fr, "its checksum does not fit its bytes"
	}
	return fr, ""
}

// isSubject says whether bytes may be the subject of a message, or of a mark,
// which has none.
func isSubject(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(b) == 0 || b[0] != '.' && b[len(b)-1] != '.'
}
