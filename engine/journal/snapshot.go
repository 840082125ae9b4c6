package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// SnapshotBucket is the object store of partition snapshots.
const SnapshotBucket = "RIPEN_SNAPSHOTS"

const (
	snapshotFormat = 1
	// partBytes is the size of one part before compression. A part is one
	// object: it is checked before any of it counts, and at most one is in
	// memory.
	partBytes = 4 << 20
	// maxPart bounds what a damaged part can make a reader allocate.
	maxPart = 64 << 20
	// partTime bounds the writing or reading of one part.
	partTime = time.Minute
)

// ErrSnapshot says that a snapshot is damaged or of another format.
var ErrSnapshot = errors.New("snapshot cannot be used")

// Snapshot is the state of a partition at a record, in the object store. It is
// fuzzy: leads may be newer than the base, none is newer than Newest. It is
// written as parts and a manifest last, so that a torn one is none.
type Snapshot struct {
	Name      string
	Partition int
	Base      Base
	Newest    Mark
	Made      int64 // when, ms since 1970 UTC
	Entries   int64
	Bytes     int64 // of the content
	Packed    int64 // in the object store
	tag       string
	parts     []snapshotPart
	sum       string
}

// manifest is the object that a snapshot is known by.
type manifest struct {
	Format    int            `json:"format"`
	Partition int            `json:"partition"`
	Record    uint64         `json:"record"` // number; for readers
	Base      []byte         `json:"base"`
	Newest    []byte         `json:"newest"`
	Made      int64          `json:"made"`
	Tag       string         `json:"tag"` // in the names of the parts
	Entries   int64          `json:"entries"`
	Bytes     int64          `json:"bytes"`
	SHA256    string         `json:"sha256"` // of base, newest and the content
	Parts     []snapshotPart `json:"parts"`
}

type snapshotPart struct {
	Entries int64  `json:"entries"`
	Bytes   int    `json:"bytes"`
	Packed  int    `json:"packed"`
	SHA256  string `json:"sha256"` // before compression
}

func snapshotPrefix(p int) string { return fmt.Sprintf("p%03d-", p) }

func snapshotName(p int, record uint64) string {
	return fmt.Sprintf("%sr%016d", snapshotPrefix(p), record)
}

// part is the name of a part. The tag tells the attempts to write a snapshot
// apart: what one of them stored late must not replace a part of another.
func (s *Snapshot) part(i int) string { return fmt.Sprintf("%s.%s.%05d", s.Name, s.tag, i) }

// bucket is the object store, nil if there is none and none is to be made.
func (j *Journal) bucket(ctx context.Context, create bool) (obs jetstream.ObjectStore, err error) {
	err = j.patiently(ctx, "object store "+SnapshotBucket, func(ctx context.Context) error {
		obs, err = j.js.ObjectStore(ctx, SnapshotBucket)
		if !errors.Is(err, jetstream.ErrBucketNotFound) {
			return err
		}
		if obs = nil; !create {
			return nil
		}
		obs, err = j.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: SnapshotBucket, Description: "states of partitions, two of each",
			Replicas: j.records.CachedInfo().Config.Replicas})
		return err // if another partition was faster, the next attempt finds it
	})
	return obs, wrap(SnapshotBucket, err)
}

// WriteSnapshot stores the state of partition p: what each hands to put. It
// needs a few MiB of memory, however large the state is. An unfinished one
// leaves parts behind, which PruneSnapshots deletes.
func (j *Journal) WriteSnapshot(ctx context.Context, p int, base Base, newest Mark, each func(put func(key, value []byte) error) error) (Snapshot, error) {
	if j.cfg.ReadOnly {
		return Snapshot{}, fmt.Errorf("%w: the journal is open for reading only", ErrSnapshot)
	}
	obs, err := j.bucket(ctx, true)
	if err != nil {
		return Snapshot{}, err
	}
	w := &snapshotWriter{ctx: ctx, obs: obs, sum: sha256.New()}
	w.s = Snapshot{Name: snapshotName(p, base.Number), Partition: p, Base: base, Newest: newest, Made: time.Now().UnixMilli(), tag: nuid.Next()}
	if w.enc, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20)); err != nil {
		return Snapshot{}, err
	}
	defer func() { _ = w.enc.Close() }()
	m := manifest{Format: snapshotFormat, Partition: p, Record: base.Number, Base: base.Append(nil), Newest: newest.Append(nil), Made: w.s.Made, Tag: w.s.tag}
	w.sum.Write(m.Base)
	w.sum.Write(m.Newest)
	if err = each(w.put); err == nil {
		err = w.flush()
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("snapshot %s: %w", w.s.Name, err)
	}
	w.s.sum = hex.EncodeToString(w.sum.Sum(nil))
	m.Entries, m.Bytes, m.SHA256, m.Parts = w.s.Entries, w.s.Bytes, w.s.sum, w.s.parts
	data, err := json.Marshal(m)
	if err != nil {
		return Snapshot{}, err
	}
	return w.s, w.object(w.s.Name, data)
}

// snapshotWriter fills parts and stores them.
type snapshotWriter struct {
	ctx     context.Context
	obs     jetstream.ObjectStore
	enc     *zstd.Encoder
	sum     hash.Hash
	buf     []byte
	packed  []byte
	entries int64 // in buf
	s       Snapshot
}

func (w *snapshotWriter) put(key, value []byte) error {
	w.buf = appendBytes(appendBytes(w.buf, key), value)
	w.entries++
	if len(w.buf) < partBytes {
		return nil
	}
	return w.flush()
}

func (w *snapshotWriter) flush() error {
	if w.entries == 0 {
		return nil
	}
	w.sum.Write(w.buf)
	sum := sha256.Sum256(w.buf)
	w.packed = w.enc.EncodeAll(w.buf, w.packed[:0])
	err := w.object(w.s.part(len(w.s.parts)), w.packed)
	w.s.parts = append(w.s.parts, snapshotPart{Entries: w.entries, Bytes: len(w.buf), Packed: len(w.packed), SHA256: hex.EncodeToString(sum[:])})
	w.s.Entries, w.s.Bytes, w.s.Packed = w.s.Entries+w.entries, w.s.Bytes+int64(len(w.buf)), w.s.Packed+int64(len(w.packed))
	w.buf, w.entries = w.buf[:0], 0
	return err
}

// object stores one object and waits until it is there, so that the server
// never has more than one part to write.
func (w *snapshotWriter) object(name string, data []byte) error {
	ctx, cancel := context.WithTimeout(w.ctx, partTime)
	defer cancel()
	_, err := w.obs.Put(ctx, jetstream.ObjectMeta{Name: name}, bytes.NewReader(data))
	return wrap(name, err)
}

// Snapshots lists the snapshots of partition p, newest first. One whose
// manifest cannot be read is passed over with a warning.
func (j *Journal) Snapshots(ctx context.Context, p int) ([]Snapshot, error) {
	obs, err := j.bucket(ctx, false)
	if err != nil || obs == nil {
		return nil, err
	}
	names, err := j.listObjects(ctx, snapshotPrefix(p))
	if err != nil {
		return nil, err
	}
	var list []Snapshot
	for i := len(names) - 1; i >= 0; i-- {
		if !isManifest(names[i]) {
			continue
		}
		s, err := j.readManifest(ctx, obs, names[i], p)
		switch {
		case errors.Is(err, ErrSnapshot):
			j.cfg.Logger.Warn("a snapshot is passed over", "snapshot", names[i], "error", err)
		case err != nil:
			return nil, err
		default:
			list = append(list, s)
		}
	}
	return list, nil
}

func (j *Journal) readManifest(ctx context.Context, obs jetstream.ObjectStore, name string, p int) (Snapshot, error) {
	data, err := j.readObject(ctx, name)
	if err != nil {
		return Snapshot{}, err
	}
	s, err := decodeManifest(data)
	if err == nil && (s.Partition != p || name != snapshotName(p, s.Base.Number)) {
		err = fmt.Errorf("%w: it is of partition %d, record %d", ErrSnapshot, s.Partition, s.Base.Number)
	}
	s.Name = name
	return s, err
}

func decodeManifest(data []byte) (Snapshot, error) {
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Snapshot{}, fmt.Errorf("%w: manifest: %w", ErrSnapshot, err)
	}
	if m.Format != snapshotFormat {
		return Snapshot{}, fmt.Errorf("%w: format %d, this Ripen reads %d", ErrSnapshot, m.Format, snapshotFormat)
	}
	base, err := DecodeBase(m.Base)
	if err != nil {
		return Snapshot{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	newest, err := DecodeMark(m.Newest)
	if err != nil {
		return Snapshot{}, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	s := Snapshot{Partition: m.Partition, Base: base, Newest: newest, Made: m.Made, Entries: m.Entries, Bytes: m.Bytes, tag: m.Tag, parts: m.Parts, sum: m.SHA256}
	for _, part := range m.Parts {
		s.Packed += int64(part.Packed)
	}
	return s, nil
}

// ReadSnapshot hands every entry of a snapshot to fn, in the order in which it
// was written. ErrSnapshot says that it is damaged: what fn got until then must
// be dropped. fn's own error comes back as it is.
func (j *Journal) ReadSnapshot(ctx context.Context, s Snapshot, fn func(key, value []byte) error) error {
	obs, err := j.bucket(ctx, false)
	if err == nil && obs == nil {
		err = fmt.Errorf("%w: there is no %s", ErrSnapshot, SnapshotBucket)
	}
	if err != nil {
		return err
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPart))
	if err != nil {
		return err
	}
	defer dec.Close()
	sum, content := sha256.New(), []byte(nil)
	sum.Write(s.Base.Append(nil))
	sum.Write(s.Newest.Append(nil))
	for i := range s.parts {
		name := s.part(i)
		data, err := j.readObject(ctx, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if content, err = s.parts[i].open(dec, data, content[:0]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		sum.Write(content)
		if err := entries(content, s.parts[i].Entries, fn); err != nil {
			return err
		}
	}
	if hex.EncodeToString(sum.Sum(nil)) != s.sum {
		return fmt.Errorf("%w: %s: its content has another SHA-256 than its manifest", ErrSnapshot, s.Name)
	}
	return nil
}

// open decompresses and checks a part.
func (part *snapshotPart) open(dec *zstd.Decoder, data, dst []byte) ([]byte, error) {
	dst, err := dec.DecodeAll(data, dst)
	if err != nil {
		return dst, fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	sum := sha256.Sum256(dst)
	if len(dst) != part.Bytes || hex.EncodeToString(sum[:]) != part.SHA256 {
		return dst, fmt.Errorf("%w: its content has another SHA-256 than its manifest says", ErrSnapshot)
	}
	return dst, nil
}

// entries splits a part.
func entries(content []byte, n int64, fn func(key, value []byte) error) error {
	for ; len(content) > 0; n-- {
		var key, value []byte
		var ok bool
		if key, content, ok = cutBytes(content); ok {
			value, content, ok = cutBytes(content)
		}
		if !ok || n == 0 {
			return fmt.Errorf("%w: an entry ends early", ErrSnapshot)
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
	if n != 0 {
		return fmt.Errorf("%w: %d entries are missing", ErrSnapshot, n)
	}
	return nil
}

// cutBytes takes what appendBytes wrote.
func cutBytes(b []byte) (v, rest []byte, ok bool) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, false
	}
	return b[k : k+int(n)], b[k+int(n):], true
}
