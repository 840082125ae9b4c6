package release

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/ripenhq/ripen/engine/workflow"
)

// What one bundle may hold. Tables are its largest files.
const (
	MaxFiles  = 1000
	MaxFile   = 16 << 20 // bytes
	MaxBundle = 64 << 20 // bytes, encoded
	maxName   = 255      // bytes
)

// ErrBundle says that bytes are no bundle, or none that may be used.
var ErrBundle = errors.New("not a usable release")

// bundleHead begins every bundle; the digit is the version of the encoding.
const bundleHead = "ripen bundle 1\n"

// Bundle is what a release consists of: the files of a workflow, among them the
// lock file that pins every plugin it uses. It is immutable.
type Bundle struct {
	files  map[string][]byte
	lock   *Lock
	text   []byte
	digest string
}

// NewBundle makes a bundle of files, by their names in the folder, and of the
// plugins used. A lock file among the files is replaced by one that pins
// exactly these plugins.
func NewBundle(files map[string][]byte, plugins []Pin) (*Bundle, error) {
	files = maps.Clone(files)
	lock := NewLock(plugins)
	files[LockFile] = lock.Render()
	text, err := encode(files)
	if err != nil {
		return nil, err
	}
	return newBundle(files, lock, text), nil
}

func newBundle(files map[string][]byte, lock *Lock, text []byte) *Bundle {
	sum := sha256.Sum256(text)
	return &Bundle{files: files, lock: lock, text: text, digest: hex.EncodeToString(sum[:])}
}

// encode writes files in the order of their names, each with the lengths of
// name and content in front: one content has one encoding.
func encode(files map[string][]byte) ([]byte, error) {
	if len(files) > MaxFiles {
		return nil, fmt.Errorf("%w: it has %d files, at most %d are allowed", ErrBundle, len(files), MaxFiles)
	}
	var b bytes.Buffer
	b.WriteString(bundleHead)
	b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(files))))
	for _, name := range slices.Sorted(maps.Keys(files)) {
		data := files[name]
		if err := checkFile(name, len(data)); err != nil {
			return nil, err
		}
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(name))))
		b.WriteString(name)
		b.Write(binary.BigEndian.AppendUint32(nil, uint32(len(data))))
		b.Write(data)
		if b.Len() > MaxBundle {
			return nil, fmt.Errorf("%w: its files have more than %d MiB in all", ErrBundle, MaxBundle>>20)
		}
	}
	return b.Bytes(), nil
}

func checkFile(name string, size int) error {
	switch {
	case len(name) > maxName || !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "\\:\x00\n\r"):
		return fmt.Errorf("%w: %q cannot be the name of a file in it", ErrBundle, shorten(name))
	case size > MaxFile:
		return fmt.Errorf("%w: %s has %d bytes, at most %d are allowed", ErrBundle, name, size, MaxFile)
	}
	return nil
}

// Decode reads an encoded bundle. There is one encoding of a content: any other
// bytes are refused.
func Decode(text []byte) (*Bundle, error) {
	if len(text) > MaxBundle {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are allowed", ErrBundle, len(text), MaxBundle)
	}
	text = bytes.Clone(text) // the caller's; the files are parts of the copy
	rest, ok := bytes.CutPrefix(text, []byte(bundleHead))
	if !ok {
		return nil, fmt.Errorf("%w: it does not begin with %q; another version of ripen may have written it", ErrBundle, strings.TrimSpace(bundleHead))
	}
	files, err := decodeFiles(rest)
	if err != nil {
		return nil, err
	}
	lock, _, diags := ParseLock(LockFile, files[LockFile])
	if diags.HasErrors() {
		return nil, fmt.Errorf("%w: %s: %s", ErrBundle, LockFile, diags[0].Detail)
	}
	lock = NewLock(lock.Pins)
	if !bytes.Equal(lock.Render(), files[LockFile]) {
		return nil, fmt.Errorf("%w: %s is not written as in a bundle", ErrBundle, LockFile)
	}
	return newBundle(files, lock, text), nil
}

func decodeFiles(rest []byte) (map[string][]byte, error) {
	short := fmt.Errorf("%w: it is cut off", ErrBundle)
	take := func() ([]byte, bool) {
		if len(rest) < 4 {
			return nil, false
		}
		n := binary.BigEndian.Uint32(rest)
		if uint64(n) > uint64(len(rest)-4) {
			return nil, false
		}
		out := rest[4 : 4+n]
		rest = rest[4+n:]
		return out, true
	}
	if len(rest) < 4 {
		return nil, short
	}
	count := binary.BigEndian.Uint32(rest)
	if rest = rest[4:]; count > MaxFiles {
		return nil, fmt.Errorf("%w: it has %d files, at most %d are allowed", ErrBundle, count, MaxFiles)
	}
	files, last := make(map[string][]byte, count), ""
	for range count {
		name, ok := take()
		data, ok2 := take()
		if !ok || !ok2 {
			return nil, short
		}
		if err := checkFile(string(name), len(data)); err != nil {
			return nil, err
		}
		if string(name) <= last {
			return nil, fmt.Errorf("%w: %q stands behind %q", ErrBundle, name, last)
		}
		last = string(name)
		files[last] = data
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: %d bytes stand behind its end", ErrBundle, len(rest))
	}
	return files, nil
}

// Encode is the bundle as it is stored.
func (b *Bundle) Encode() []byte { return bytes.Clone(b.text) }

// Size is the length of the encoding in bytes.
func (b *Bundle) Size() int { return len(b.text) }

// Digest is the bundle's identity: sha256 of its encoding, hex.
func (b *Bundle) Digest() string { return b.digest }

// Plugins are the plugins that the release uses, sorted by name.
func (b *Bundle) Plugins() []Pin { return slices.Clone(b.lock.Pins) }

// Names are the names of the files, sorted.
func (b *Bundle) Names() []string { return slices.Sorted(maps.Keys(b.files)) }

// FS is the folder that the bundle was made of. (MapFS is nothing of tests but
// a map that is a folder.)
func (b *Bundle) FS() fs.FS {
	folder := make(fstest.MapFS, len(b.files))
	for name, data := range b.files {
		folder[name] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
	return folder
}

// Gather makes the bundle of a workflow that was read from a folder: its files,
// its tables and its tests. dir is what Files carry in front of their names.
func Gather(fsys fs.FS, dir string, def *workflow.Definition, plugins []Pin) (*Bundle, error) {
	files := make(map[string][]byte)
	for shown, f := range def.Files {
		files[inFolder(dir, shown)] = f.Bytes
	}
	names := []string{}
	for i := range def.Tables {
		if file := def.Tables[i].File; file != "" {
			names = append(names, path.Clean(file))
		}
	}
	tests, err := fs.Glob(fsys, "*"+workflow.TestSuffix)
	if err != nil {
		return nil, err
	}
	for _, name := range tests {
		if !strings.HasPrefix(name, ".") { // hidden files belong to no workflow
			names = append(names, name)
		}
	}
	for _, name := range names {
		info, err := fs.Stat(fsys, name)
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > MaxFile {
			return nil, fmt.Errorf("%w: %s is no regular file of at most %d bytes", ErrBundle, name, MaxFile)
		}
		if files[name], err = fs.ReadFile(fsys, name); err != nil {
			return nil, err
		}
	}
	return NewBundle(files, plugins)
}

// inFolder takes the folder away from the name of a file.
func inFolder(dir, shown string) string {
	if dir = path.Clean(dir); dir == "." {
		return shown
	}
	return strings.TrimPrefix(strings.TrimPrefix(shown, dir), "/")
}
