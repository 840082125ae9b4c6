package torture

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/minio/highwayhash"
)

// The layout of a message in a block file of nats-server 2.15: length (the top
// bit says that there are headers), sequence (two top bits are marks), time,
// length of the subject; subject, [length of the headers, headers], data,
// checksum.
const (
	blockHeader   = 22
	blockChecksum = 8
	hasHeaders    = 1 << 31
	marks         = uint64(3) << 62
)

// block is the newest file of a stream.
type block struct {
	file    string
	stream  string
	index   int
	data    []byte
	records []stored
}

// stored is one message in a block.
type stored struct {
	from, to int // bytes of the file
	seq      uint64
	mark     bool // a tombstone, or erased
	subject  string
	body     int // where the data begins
}

var errNoBlock = errors.New("stream has no block file")

// eachBlock names the block files of a stream below a folder.
func eachBlock(dir, stream string, fn func(path string, index int)) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != dir { // of a server at work: a batch is done
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, ok := strings.CutSuffix(d.Name(), ".blk")
		if !ok || !strings.Contains(path, string(filepath.Separator)+stream+string(filepath.Separator)+"msgs") {
			return nil
		}
		if n, err := strconv.Atoi(name); err == nil {
			fn(path, n)
		}
		return nil
	})
}

// streamSize is the size of a stream's blocks in bytes.
func streamSize(dir, stream string) (n int, err error) {
	err = eachBlock(dir, stream, func(path string, _ int) {
		if info, err := os.Stat(path); err == nil {
			n += int(info.Size())
		}
	})
	return n, err
}

// lastBlock reads the newest block of a stream below a folder.
func lastBlock(dir, stream string) (*block, error) {
	b := &block{stream: stream, index: -1}
	err := eachBlock(dir, stream, func(path string, n int) {
		if n > b.index {
			b.index, b.file = n, path
		}
	})
	if err != nil {
		return nil, err
	}
	if b.file == "" {
		return nil, fmt.Errorf("%w: %s in %s", errNoBlock, stream, dir)
	}
	if b.data, err = os.ReadFile(b.file); err != nil {
		return nil, err
	}
	b.parse()
	return b, nil
}

// parse finds the whole messages of the block; what is torn at the end is left
// out.
func (b *block) parse() {
	for at := 0; at+blockHeader+blockChecksum <= len(b.data); {
		h := b.data[at:]
		size := binary.LittleEndian.Uint32(h)
		n := int(size &^ hasHeaders)
		subject := int(binary.LittleEndian.Uint16(h[20:]))
		if n < blockHeader+subject+blockChecksum || at+n > len(b.data) {
			return
		}
		seq := binary.LittleEndian.Uint64(h[4:])
		s := stored{from: at, to: at + n, seq: seq &^ marks, mark: seq&marks != 0, subject: string(h[blockHeader : blockHeader+subject]),
			body: at + blockHeader + subject}
		if size&hasHeaders != 0 {
			s.body += 4 + int(binary.LittleEndian.Uint32(b.data[s.body:]))
		}
		b.records = append(b.records, s)
		at += n
	}
}

func (b *block) bytes(s *stored) []byte { return b.data[s.body : s.to-blockChecksum] }

// cut truncates the file to n bytes.
func (b *block) cut(n int) error { return os.Truncate(b.file, int64(n)) }

// tear appends the first n bytes of the message that would come next: it was
// being written when the power went.
func (b *block) tear(n int) error {
	last := b.records[len(b.records)-1]
	next := append([]byte(nil), b.data[last.from:last.to]...)
	binary.LittleEndian.PutUint64(next[4:], last.seq+1)
	f, err := os.OpenFile(b.file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, werr := f.Write(next[:min(n, len(next)-1)])
	return errors.Join(werr, f.Close())
}

// rewrite changes one byte of a message's data so that the server does not
// notice: its checksum is made anew.
func (b *block) rewrite(s *stored, offset int) error {
	data := append([]byte(nil), b.data[s.from:s.to]...)
	data[s.body-s.from+offset] ^= 0x20
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", b.stream, b.index))
	h, err := highwayhash.New64(key[:])
	if err != nil {
		return err
	}
	subject := len(s.subject)
	head := blockHeader + subject
	if binary.LittleEndian.Uint32(data)&hasHeaders != 0 {
		head += 4
	}
	for _, part := range [][]byte{data[4:20], data[blockHeader : blockHeader+subject], data[head : len(data)-blockChecksum]} {
		if _, err := h.Write(part); err != nil {
			return err
		}
	}
	sum := h.Sum(nil)
	copy(data[len(data)-blockChecksum:], sum)
	f, err := os.OpenFile(b.file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, werr := f.WriteAt(data, int64(s.from))
	return errors.Join(werr, f.Close())
}
