package natsd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// folderFormat is the version of the layout of the data folder.
const folderFormat = 1

const (
	lockFile   = "lock"
	formatFile = "format"
	storeDir   = "jetstream"
)

// folder is a locked data folder.
type folder struct {
	dir  string
	lock *os.File
}

// openFolder creates, locks and checks the data folder.
func openFolder(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("%w: %w; choose a folder that this user may create and write", ErrFolder, err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; Ripen must be able to write there", ErrFolder, err)
	}
	if err := flock(lock); err != nil {
		holder, _ := os.ReadFile(lock.Name())
		return nil, errors.Join(fmt.Errorf("%w: another engine (process %s) runs on %s; stop it or use another folder",
			ErrLocked, orUnknown(holder), dir), lock.Close())
	}
	f := &folder{dir: dir, lock: lock}
	if err := f.prepare(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// prepare notes who holds the lock and checks the format.
func (f *folder) prepare() error {
	if err := f.lock.Truncate(0); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if _, err := f.lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return checkFormat(f.dir)
}

// checkFormat checks the format version, or writes it into a new folder.
func checkFormat(dir string) error {
	format, err := readFormat(dir)
	if err == nil && format == 0 {
		return writeSynced(filepath.Join(dir, formatFile), strconv.Itoa(folderFormat)+"\n")
	}
	return err
}

// exists says whether a server has worked in a folder.
func exists(dir string) error {
	format, err := readFormat(dir)
	if err == nil && format == 0 {
		return fmt.Errorf("%w: no engine has run on %s so far; name an engine's folder with --data, or its external server with --nats", ErrFolder, dir)
	}
	return err
}

// readFormat reads the format version that this one knows; 0 in a new folder.
func readFormat(dir string) (int, error) {
	name := filepath.Join(dir, formatFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, storeDir)); err == nil {
			return 0, fmt.Errorf("%w: %s has data but no file %q; it was not written by Ripen, or was damaged",
				ErrFormat, dir, formatFile)
		}
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	got, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || got < 1 {
		return got, fmt.Errorf("%w: %s holds %.20q, expected a number", ErrFormat, name, text)
	}
	if got > folderFormat {
		return got, fmt.Errorf("%w: %s was written by a newer Ripen (format %d, this one knows %d); "+
			"upgrade this binary or use another folder", ErrFormat, dir, got, folderFormat)
	}
	return got, nil
}

func writeSynced(name, text string) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	_, werr := f.WriteString(text)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return nil
}

func (f *folder) store() string { return filepath.Join(f.dir, storeDir) }

// close frees the lock; closing twice is harmless.
func (f *folder) close() error {
	if f.lock == nil {
		return nil
	}
	lock := f.lock
	f.lock = nil
	return lock.Close()
}

func orUnknown(pid []byte) string {
	if s := strings.TrimSpace(string(pid)); s != "" {
		return s
	}
	return "unknown"
}

// Dir is the data folder.
func (s *Server) Dir() string { return s.folder.dir }

// FreeBytes is the space that this process may still use on the disk of the
// data folder.
func (s *Server) FreeBytes() (uint64, error) { return FreeBytes(s.folder.dir) }
