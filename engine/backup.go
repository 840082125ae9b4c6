package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/journal"
)

// backupFormat is the version of a backup's layout.
const backupFormat = 1

// backupManifest lists what is in a backup; it is written last.
const backupManifest = "manifest.json"

// ErrBackup says that a backup is damaged, incomplete or of another format.
var ErrBackup = errors.New("backup cannot be used")

// Backup describes a backup.
type Backup struct {
	Format     int            `json:"format"`
	Made       time.Time      `json:"made"`
	Partitions int            `json:"partitions"`
	Streams    []BackupStream `json:"streams"`
}

// BackupStream is one stream of a backup: a file as the server's own snapshots
// are, and what the server needs to take it back.
type BackupStream struct {
	Name    string          `json:"name"`
	File    string          `json:"file"`
	Bytes   int64           `json:"bytes"` // of the file
	SHA256  string          `json:"sha256"`
	Msgs    uint64          `json:"messages"`
	First   uint64          `json:"firstSequence"`
	Last    uint64          `json:"lastSequence"`
	Created int64           `json:"created"` // ns since 1970 UTC
	Config  json.RawMessage `json:"config"`
	State   json.RawMessage `json:"state"`
}

// BackUp writes a backup of all streams of an engine, which may be running,
// into a folder, which must be empty or not there. progress is told what
// stream is read and how many bytes of it there are; nil is fine.
//
// What is in it fits together: the events are read last, so that the journal
// has read no event that is not there, and the snapshots first.
func BackUp(ctx context.Context, o Options, dir string, progress func(stream string, bytes int64)) (*Backup, error) {
	if err := emptyFolder(dir); err != nil {
		return nil, err
	}
	if o.NATS == "" && within(dir, o.Data) {
		return nil, fmt.Errorf("%s lies in the data folder %s: a backup that is lost with it is none; name a folder elsewhere", dir, o.Data)
	}
	e, err := reach(o)
	if err != nil {
		return nil, err
	}
	defer e.shut(context.Background())
	if err := e.openJournal(ctx, true); err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(string, int64) {}
	}
	b := &backup{e: e, dir: dir, progress: progress}
	if err := b.write(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &b.done, nil
}

// within says whether a path lies in a folder, as far as both are there.
func within(path, dir string) bool {
	real := func(p string) string {
		p, _ = filepath.Abs(p) // fails only without a working folder
		rest := ""
		for at := p; ; at = filepath.Dir(at) {
			if r, err := filepath.EvalSymlinks(at); err == nil {
				return filepath.Join(r, rest)
			}
			if at == filepath.Dir(at) {
				return p
			}
			rest = filepath.Join(filepath.Base(at), rest)
		}
	}
	rel, err := filepath.Rel(real(dir), real(path))
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}

// emptyFolder demands that there is nothing at dir, and nothing of value.
func emptyFolder(dir string) error {
	list, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%s: expected a folder that is empty or not there: %w", dir, err)
	case len(list) > 0:
		return fmt.Errorf("%s is not empty (it has %s); name a folder that is empty or not there", dir, list[0].Name())
	}
	return nil
}

// backup is the writing of one.
type backup struct {
	e        *Engine
	dir      string
	progress func(stream string, bytes int64)
	done     Backup
}

// backupTries bounds how often a backup begins again because the journal was
// purged meanwhile.
const backupTries = 5

func (b *backup) write(ctx context.Context) error {
	for range backupTries {
		before, err := b.beginnings(ctx)
		if err != nil {
			return err
		}
		if err := b.streams(ctx); err != nil {
			return err
		}
		after, err := b.beginnings(ctx)
		if err != nil {
			return err
		}
		if slices.Equal(before, after) {
			return b.finish()
		}
		b.e.log.Info("the journal was purged meanwhile; the backup begins again")
	}
	return errors.New("the journal was purged again and again while it was read; try when the engine is quieter")
}

// beginnings are the sequences of the first record of each partition.
func (b *backup) beginnings(ctx context.Context) (list []uint64, err error) {
	s, err := b.e.js.Stream(ctx, journal.JournalStream)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", journal.JournalStream, err)
	}
	for p := range b.e.journal.Partitions() {
		m, err := s.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(journal.RecordSubject(p)))
		switch {
		case errors.Is(err, jetstream.ErrMsgNotFound):
			list = append(list, 0)
		case err != nil:
			return nil, fmt.Errorf("first record of partition %d: %w", p, err)
		default:
			list = append(list, m.Sequence)
		}
	}
	return list, nil
}

// streams writes every stream of ours.
func (b *backup) streams(ctx context.Context) error {
	b.done = Backup{Format: backupFormat, Made: time.Now().UTC(), Partitions: b.e.journal.Partitions()}
	names, err := b.names(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	for _, name := range names {
		s, err := b.stream(ctx, name)
		if err != nil {
			return fmt.Errorf("backup of %s: %w", name, err)
		}
		b.done.Streams = append(b.done.Streams, *s)
	}
	return nil
}

// names are our streams in the order in which they must be read.
func (b *backup) names(ctx context.Context) (names []string, err error) {
	list := b.e.js.StreamNames(ctx)
	for name := range list.Name() {
		for _, prefix := range []string{"RIPEN", "OBJ_RIPEN", "KV_RIPEN"} {
			if strings.HasPrefix(name, prefix) && name != journal.EventsStream && name != journal.JournalStream {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	names = append(names, journal.JournalStream, journal.EventsStream)
	for _, name := range releaseStreams { // an order among the events must find its release
		if i := slices.Index(names, name); i >= 0 {
			names = append(slices.Delete(names, i, i+1), name)
		}
	}
	return names, list.Err()
}

// releaseStreams hold what the orders in the events stream name.
var releaseStreams = []string{"OBJ_RIPEN_RELEASES", "KV_RIPEN_RELEASE_LOG"}

// snapshotChunk is the size of the pieces that the server sends and takes.
const snapshotChunk = 128 << 10

// chunkTime bounds the waiting for one piece.
const chunkTime = 30 * time.Second

// stream has the server write one stream.
func (b *backup) stream(ctx context.Context, name string) (*BackupStream, error) {
	h, err := b.e.js.Stream(ctx, name)
	if err != nil {
		return nil, err
	}
	inbox := nats.NewInbox()
	sub, err := b.e.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := sub.SetPendingLimits(-1, 256<<20); err != nil {
		return nil, err
	}
	var answer struct {
		Config json.RawMessage `json:"config"`
		State  json.RawMessage `json:"state"`
	}
	request := map[string]any{"deliver_subject": inbox, "chunk_size": snapshotChunk}
	if err := b.e.ask(ctx, "STREAM.SNAPSHOT."+name, request, &answer); err != nil {
		return nil, err
	}
	s := &BackupStream{Name: name, File: name + ".snapshot", Created: journal.CreatedOf(h.CachedInfo()), Config: answer.Config, State: answer.State}
	var state struct {
		Messages uint64 `json:"messages"`
		First    uint64 `json:"first_seq"`
		Last     uint64 `json:"last_seq"`
	}
	if err := json.Unmarshal(answer.State, &state); err != nil {
		return nil, fmt.Errorf("state in the server's answer: %w", err)
	}
	s.Msgs, s.First, s.Last = state.Messages, state.First, state.Last
	return s, b.receive(ctx, sub, s)
}

// receive writes what the server sends of a stream into its file.
func (b *backup) receive(ctx context.Context, sub *nats.Subscription, s *BackupStream) (err error) {
	f, err := os.OpenFile(filepath.Join(b.dir, s.File), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha256.New()
	w := io.MultiWriter(f, sum)
	for {
		wait, cancel := context.WithTimeout(ctx, chunkTime)
		m, err := sub.NextMsgWithContext(wait)
		cancel()
		if err != nil {
			return fmt.Errorf("the server sends no more (%d bytes came): %w", s.Bytes, err)
		}
		if len(m.Data) == 0 {
			if code := m.Header.Get("Status"); code != "" && code != "204" {
				return fmt.Errorf("the server gives up (%s %s); is a message of the stream damaged? ripen journal verify tells", code, m.Header.Get("Description"))
			}
			break
		}
		n, err := w.Write(m.Data)
		if err != nil {
			return err
		}
		s.Bytes += int64(n)
		b.progress(s.Name, s.Bytes)
		if m.Reply != "" {
			if err := m.Respond(nil); err != nil {
				return err
			}
		}
	}
	s.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return f.Sync()
}

// finish writes the manifest and reads all again.
func (b *backup) finish() error {
	text, err := json.MarshalIndent(&b.done, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(b.dir, backupManifest), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, werr := f.Write(append(text, '\n'))
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return err
	}
	_, err = CheckBackup(b.dir)
	return err
}

// CheckBackup reads a backup and compares every file with its sum.
func CheckBackup(dir string) (*Backup, error) {
	text, err := os.ReadFile(filepath.Join(dir, backupManifest))
	if err != nil {
		return nil, fmt.Errorf("%w: %w; a backup is a folder with a %s, or a file that ripen backup wrote", ErrBackup, err, backupManifest)
	}
	var b Backup
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBackup, backupManifest, err)
	}
	if b.Format != backupFormat {
		return nil, fmt.Errorf("%w: it has format %d, this Ripen knows %d; use the Ripen that wrote it, or a newer one", ErrBackup, b.Format, backupFormat)
	}
	for i := range b.Streams {
		if err := b.Streams[i].check(dir); err != nil {
			return nil, err
		}
	}
	return &b, nil
}

func (s *BackupStream) check(dir string) error {
	if s.File != filepath.Base(s.File) || s.File == "." || s.File == ".." {
		return fmt.Errorf("%w: %s names the file %q", ErrBackup, s.Name, s.File)
	}
	f, err := os.Open(filepath.Join(dir, s.File))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBackup, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != s.Bytes || got != s.SHA256 {
		return fmt.Errorf("%w: %s is damaged: %d bytes with SHA-256 %.12s…, expected %d with %.12s…", ErrBackup, s.File, n, got, s.Bytes, s.SHA256)
	}
	return nil
}

// ask makes a request to the JetStream API.
func (e *Engine) ask(ctx context.Context, what string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, chunkTime)
	defer cancel()
	m, err := e.conn.RequestWithContext(wait, e.journalAPI(what), body)
	if err != nil {
		return err
	}
	var failed struct {
		Error *struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &failed); err != nil {
		return fmt.Errorf("the server's answer: %w", err)
	}
	if failed.Error != nil {
		return fmt.Errorf("the server says %q (%d)", failed.Error.Description, failed.Error.Code)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(m.Data, answer)
}

// journalAPI is the subject of a JetStream request.
func (e *Engine) journalAPI(what string) string {
	if e.js != nil {
		if prefix := e.js.Options().APIPrefix; prefix != "" {
			return strings.TrimSuffix(prefix, ".") + "." + what
		}
	}
	return jetstream.DefaultAPIPrefix + what
}
