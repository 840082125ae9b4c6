package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
)

// Restored says what a restored folder holds.
type Restored struct {
	Backup *Backup `json:"backup"`
	// Records of each partition, whose chain was followed.
	Records []uint64 `json:"records"`
}

// Restore makes the data folder of an engine from a backup. The folder must be
// empty or not there; it comes into being at the end, when all in it has been
// checked. The engine that starts on it builds its local store again.
func Restore(ctx context.Context, o Options, dir string, progress func(stream string, bytes int64)) (*Restored, error) {
	b, err := CheckBackup(dir)
	if err != nil {
		return nil, err
	}
	if err := emptyFolder(o.Data); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string, int64) {}
	}
	work := filepath.Clean(o.Data) + ".restoring"
	if err := os.RemoveAll(work); err != nil {
		return nil, err
	}
	r := &Restored{Backup: b}
	part := o
	part.Data = work
	err = r.fill(ctx, part, dir, progress)
	if err == nil {
		err = syncAll(work)
	}
	if err == nil {
		_ = os.Remove(o.Data) // an empty one
		err = os.Rename(work, o.Data)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(work))
	}
	return r, nil
}

// fill restores the streams into a folder that nobody uses yet.
func (r *Restored) fill(ctx context.Context, o Options, dir string, progress func(string, int64)) error {
	o = o.withDefaults()
	e := &Engine{opts: o, log: o.Logger, done: make(chan struct{})}
	defer e.shut(context.Background())
	var err error
	// All is synced at the end, once.
	if e.server, err = natsd.Start(natsd.Options{Dir: o.Data, NoListen: true, Durability: natsd.Process, Logger: nil}); err != nil {
		return err
	}
	if e.conn, err = e.server.Connect("ripen restore"); err != nil {
		return err
	}
	for i := range r.Backup.Streams {
		s := &r.Backup.Streams[i]
		if err := e.restoreStream(ctx, dir, s, progress); err != nil {
			return fmt.Errorf("restore of %s: %w", s.Name, err)
		}
	}
	e.opts.Partitions = 0
	if err := e.openJournal(ctx, true); err != nil {
		return err
	}
	return r.follow(ctx, e)
}

// restoreStream sends one stream to the server and compares what it has then.
func (e *Engine) restoreStream(ctx context.Context, dir string, s *BackupStream, progress func(string, int64)) error {
	config, err := s.config()
	if err != nil {
		return err
	}
	var answer struct {
		Deliver string `json:"deliver_subject"`
	}
	if err := e.ask(ctx, "STREAM.RESTORE."+s.Name, map[string]any{"config": config, "state": s.State}, &answer); err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(dir, s.File))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	chunk, sent := make([]byte, snapshotChunk), int64(0)
	for {
		n, err := io.ReadFull(f, chunk)
		if n == 0 {
			break
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			return err
		}
		if err := e.piece(ctx, answer.Deliver, chunk[:n]); err != nil {
			return err
		}
		sent += int64(n)
		progress(s.Name, sent)
	}
	if err := e.piece(ctx, answer.Deliver, nil); err != nil {
		return err
	}
	return e.compare(ctx, s)
}

// piece sends one piece and waits until it is taken.
func (e *Engine) piece(ctx context.Context, subject string, data []byte) error {
	wait, cancel := context.WithTimeout(ctx, 10*chunkTime)
	defer cancel()
	m, err := e.conn.RequestMsgWithContext(wait, &nats.Msg{Subject: subject, Data: data})
	if err != nil || len(m.Data) == 0 {
		return err
	}
	var answer struct {
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &answer); err == nil && answer.Error != nil {
		return fmt.Errorf("the server says %q", answer.Error.Description)
	}
	return nil
}

// config is the stream's, for one server, with the time at which it was first
// made: the journal knows the stream by it.
func (s *BackupStream) config() (map[string]any, error) {
	var config map[string]any
	if err := json.Unmarshal(s.Config, &config); err != nil {
		return nil, fmt.Errorf("%w: configuration of %s: %w", ErrBackup, s.Name, err)
	}
	config["num_replicas"] = 1
	delete(config, "placement")
	meta, _ := config["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	meta[journal.MetaCreated] = strconv.FormatInt(s.Created, 10)
	config["metadata"] = meta
	return config, nil
}

func (e *Engine) compare(ctx context.Context, s *BackupStream) error {
	var info struct {
		State struct {
			Messages uint64 `json:"messages"`
			Last     uint64 `json:"last_seq"`
		} `json:"state"`
	}
	if err := e.ask(ctx, "STREAM.INFO."+s.Name, struct{}{}, &info); err != nil {
		return err
	}
	if info.State.Last != s.Last || info.State.Messages > s.Msgs {
		return fmt.Errorf("%w: it has %d messages up to sequence %d, expected %d up to %d", ErrBackup, info.State.Messages, info.State.Last, s.Msgs, s.Last)
	}
	return nil
}

// follow follows the chain of every partition, as far back as the journal goes.
func (r *Restored) follow(ctx context.Context, e *Engine) error {
	for p := range e.journal.Partitions() {
		n, err := e.followPartition(ctx, p)
		if err != nil {
			return fmt.Errorf("partition %d of the backup: %w", p, err)
		}
		r.Records = append(r.Records, n)
	}
	return nil
}

// followPartition verifies the records of a partition from the beginning, or
// from the oldest snapshot that fits.
func (e *Engine) followPartition(ctx context.Context, p int) (records uint64, err error) {
	count := func(journal.Record) error {
		records++
		return nil
	}
	err = e.journal.Records(ctx, p, count)
	if !errors.Is(err, journal.ErrBeginning) {
		return records, err
	}
	list, lerr := e.journal.Snapshots(ctx, p)
	if lerr != nil {
		return 0, lerr
	}
	for i := len(list) - 1; i >= 0; i-- {
		if ok, herr := e.journal.Holds(ctx, p, list[i].Base.Mark); herr != nil || !ok {
			continue
		}
		records = 0
		return records, e.journal.RecordsFrom(ctx, p, list[i].Base, count)
	}
	return 0, err
}

// syncAll makes a folder and all below it durable.
func syncAll(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() && !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		serr := f.Sync()
		if d.IsDir() {
			serr = nil // not everywhere can a folder be synced
		}
		return errors.Join(serr, f.Close())
	})
}
