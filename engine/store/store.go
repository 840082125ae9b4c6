package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
)

// Sentinels.
var (
	// ErrInUse says that another engine has the folder open.
	ErrInUse = errors.New("another engine uses this folder")
	// ErrDamaged says that the store cannot be read: open another. It is marked,
	// and the next Open in its folder makes it anew.
	ErrDamaged = errors.New("the local store is damaged")
)

// Defaults of Options, in bytes.
const (
	DefaultBlockCache = 64 << 20
	DefaultMemTable   = 4 << 20
	DefaultRows       = 64 << 20
)

// memTables is how many of them may wait to be written before writers wait.
const memTables = 4

// format is what the file of that name holds. Another one, older or newer, is
// no error: the store is made anew.
const (
	format     = "ripen store 1\n"
	formatFile = "RIPEN-STORE"
	doubtFile  = "REBUILD" // if it is there, the store is not trusted
)

// Anew begins the name of a folder, inside that of a damaged store, for the one
// that takes its place until the next start.
const Anew = "anew-"

// Options describe a store. Zero values mean the defaults.
type Options struct {
	Dir        string
	BlockCache int64  // bytes of blocks kept in memory
	MemTable   uint64 // bytes of one memtable; up to memTables of them exist
	Rows       int64  // bytes of rows that the partitions have in front of Pebble
	// Scratch says that the store ends with the process: nothing is synced.
	Scratch bool
	Logger  hclog.Logger
	fs      vfs.FS // tests
}

func (o Options) withDefaults() Options {
	if o.BlockCache <= 0 {
		o.BlockCache = DefaultBlockCache
	}
	if o.MemTable == 0 {
		o.MemTable = DefaultMemTable
	}
	if o.Rows <= 0 {
		o.Rows = DefaultRows
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	if o.fs == nil {
		o.fs = vfs.Default
	}
	if o.Scratch {
		o.fs = scratchFS{o.fs}
	}
	return o
}

// DB is an open store. It is safe for concurrent use; its Partitions are not.
type DB struct {
	db      *pebble.DB
	lock    *pebble.Lock
	opts    Options
	damaged atomic.Bool

	mu    sync.Mutex
	parts map[uint16]*Partition // those that were given last
	rows  atomic.Int64          // bytes that each of them may have, young or old
}

// Open opens or makes the store in a folder and locks the folder. A store of
// another format, and one that is damaged, is deleted with a warning: what it
// held is in the journal.
func Open(o Options) (*DB, error) {
	o = o.withDefaults()
	if err := o.fs.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the local store: %w; give the engine a folder that it may write with --state", err)
	}
	lock, err := pebble.LockDirectory(o.Dir, o.fs)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is locked (%w); stop the other engine, or give this one a folder of its own with --state", ErrInUse, o.Dir, err)
	}
	d := &DB{lock: lock, opts: o}
	if err := d.start(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// start opens what lies in the folder, or makes it anew.
func (d *DB) start() error {
	if err := d.prepare(); err != nil {
		return err
	}
	err := d.open()
	if err != nil {
		d.opts.Logger.Warn("the local store cannot be opened; it is made anew from the journal", "folder", d.opts.Dir, "error", err)
		if err = d.wipe(); err == nil {
			err = d.open()
		}
	}
	if err != nil {
		return fmt.Errorf("local store in %s: %w", d.opts.Dir, err)
	}
	return nil
}

// prepare makes sure that what lies in the folder is a store of this format,
// or nothing.
func (d *DB) prepare() error {
	o := &d.opts
	found, err := d.read(formatFile)
	if err != nil {
		return err
	}
	_, doubt := o.fs.Stat(o.fs.PathJoin(o.Dir, doubtFile))
	switch {
	case found == "" && d.alien():
		return fmt.Errorf("%s holds files that are no local store of Ripen; give the engine a folder of its own with --state", o.Dir)
	case found == format && doubt != nil:
		return nil
	case found == format:
		o.Logger.Warn("the local store was found damaged; it is made anew from the journal", "folder", o.Dir)
	case found != "":
		o.Logger.Warn("the local store has another format; it is made anew from the journal", "folder", o.Dir,
			"found", strings.TrimSpace(found), "expected", strings.TrimSpace(format))
	}
	return d.wipe()
}

// alien says whether the folder holds something that is not ours.
func (d *DB) alien() bool {
	list, err := d.opts.fs.List(d.opts.Dir)
	if err != nil {
		return true
	}
	for _, name := range list {
		if !ours(name) {
			return true
		}
	}
	return false
}

// ours says whether a file may be one of a store: ours or Pebble's.
func ours(name string) bool {
	for _, prefix := range []string{Anew, "MANIFEST-", "OPTIONS-", "marker.", "CURRENT", "temporary.", "LOCK", formatFile, doubtFile} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch filepath.Ext(name) {
	case ".sst", ".log", ".dbtmp", ".blob":
		return true
	}
	return false
}

// wipe deletes the files of a store and names its format.
func (d *DB) wipe() error {
	o := &d.opts
	list, err := o.fs.List(o.Dir)
	if err != nil {
		return err
	}
	for _, name := range list {
		if name != "LOCK" && ours(name) {
			if err := o.fs.RemoveAll(o.fs.PathJoin(o.Dir, name)); err != nil {
				return fmt.Errorf("old local store cannot be deleted: %w", err)
			}
		}
	}
	return d.write(formatFile, format)
}

func (d *DB) read(name string) (string, error) {
	f, err := d.opts.fs.Open(d.opts.fs.PathJoin(d.opts.Dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	text := make([]byte, 256)
	n, err := f.Read(text)
	if n == 0 && err != nil {
		return "?", nil // empty: torn while it was made
	}
	return string(text[:n]), nil
}

func (d *DB) write(name, text string) error {
	f, err := d.opts.fs.Create(d.opts.fs.PathJoin(d.opts.Dir, name), vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	if _, err = f.Write([]byte(text)); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// open opens Pebble. The settings are for point reads of a few hundred bytes:
// small blocks, a bloom filter on every level so that a new lead costs no
// read, and few tables to look into.
func (d *DB) open() (err error) {
	o := &d.opts
	cache := pebble.NewCache(o.BlockCache)
	defer cache.Unref()
	log := &logger{o.Logger}
	po := &pebble.Options{
		FS: o.fs, Lock: d.lock, Cache: cache, DisableWAL: true,
		FormatMajorVersion: pebble.FormatNewest, Logger: log, EventListener: d.events(),
		MemTableSize: o.MemTable, MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold: 8, L0StopWritesThreshold: 24, LBaseMaxBytes: 64 << 20,
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
		MaxOpenFiles:               512,
	}
	for i := range po.Levels {
		l := &po.Levels[i]
		l.BlockSize, l.IndexBlockSize = 4<<10, 256<<10
		l.FilterPolicy, l.FilterType = bloom.FilterPolicy(10), pebble.TableFilter
		l.Compression = func() *sstable.CompressionProfile { return sstable.SnappyCompression }
	}
	for i := range po.TargetFileSizes {
		po.TargetFileSizes[i] = 8 << 20
	}
	d.db, err = pebble.Open(o.Dir, po)
	return err
}

// Damaged says that something of the store could not be read.
func (d *DB) Damaged() bool { return d.damaged.Load() }

// Doubt marks the store as damaged, so that the next Open makes it anew.
func (d *DB) Doubt() {
	if d.damaged.Swap(true) {
		return
	}
	if err := d.write(doubtFile, "damaged\n"); err != nil {
		d.opts.Logger.Error("cannot mark the damaged store; delete its folder", "folder", d.opts.Dir, "error", err)
	}
}

// mostRows bounds the bytes of rows that one partition writes at once.
const mostRows = 8 << 20

func (d *DB) register(p *Partition) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.parts == nil {
		d.parts = map[uint16]*Partition{}
	}
	d.parts[p.number] = p
	d.rows.Store(min(d.opts.Rows/2/int64(len(d.parts)), mostRows))
}

// rowBytes is how many bytes of rows a partition may have, young or old.
func (d *DB) rowBytes() int { return int(d.rows.Load()) }

// settle writes what the partitions have not written yet. They are at rest.
func (d *DB) settle() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, p := range d.parts {
		err = errors.Join(err, p.settle())
	}
	return err
}

// check turns an error of Pebble into ours.
func (d *DB) check(err error) error {
	if err == nil {
		return nil
	}
	if pebble.IsCorruptionError(err) {
		d.Doubt()
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("local store: %w", err)
}

// Flush brings to the disk all that was written, but for what waits in front of
// Pebble.
func (d *DB) Flush() error { return d.check(d.db.Flush()) }

// StartFlush begins to bring to the disk what was written until now.
func (d *DB) StartFlush() error {
	_, err := d.db.AsyncFlush()
	return d.check(err)
}

// Copy makes a copy of the store, as it is now, in a folder that does not exist.
func (d *DB) Copy(dir string) error {
	if err := d.Flush(); err != nil {
		return err
	}
	if err := d.db.Checkpoint(dir); err != nil {
		return d.check(err)
	}
	to := DB{opts: d.opts}
	to.opts.Dir = dir
	return to.write(formatFile, format)
}

// Close flushes and closes the store and unlocks its folder. Snapshots must be
// closed before, and nobody may use a Partition any more.
func (d *DB) Close() error {
	var err error
	if !d.opts.Scratch {
		err = errors.Join(d.settle(), d.db.Flush())
	}
	return d.check(errors.Join(err, d.db.Close(), d.lock.Close()))
}

// Stats are sizes in bytes.
type Stats struct {
	Disk       int64 // of all files
	BlockCache int64
	MemTables  int64
}

// Stats tells how large the store is.
func (d *DB) Stats() Stats {
	m := d.db.Metrics()
	return Stats{Disk: int64(m.DiskSpaceUsage()), BlockCache: m.BlockCache.Size, MemTables: int64(m.MemTable.Size)}
}
