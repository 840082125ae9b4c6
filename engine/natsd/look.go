package natsd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Look is what can be said of a data folder without opening it.
type Look struct {
	Dir string
	// Format is the version of the layout, 0 if no engine has worked there.
	Format, Known int
	// Holder is the process that locked the folder last.
	Holder string
	// Exposed names what others than the owner may read or write, with its mode.
	Exposed []string
}

// LookAt looks at a data folder; it changes nothing. ErrFolder says that it
// cannot, ErrFormat that another version wrote it.
func LookAt(dir string) (Look, error) {
	l := Look{Dir: dir, Known: folderFormat}
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		err = errors.New("it is no folder")
	}
	if err != nil {
		return l, fmt.Errorf("%w: %w; name the engine's with --data", ErrFolder, err)
	}
	if holder, err := os.ReadFile(filepath.Join(dir, lockFile)); err == nil {
		l.Holder = strings.TrimSpace(string(holder))
	}
	if runtime.GOOS != "windows" {
		l.Exposed = exposed(dir)
	}
	l.Format, err = readFormat(dir)
	return l, err
}

// exposed finds what strangers could read or write: the folder itself, and the
// operator's way in.
func exposed(dir string) (list []string) {
	for _, f := range []struct {
		name   string
		strict fs.FileMode // bits that must not be set
	}{{".", 0o027}, {adminFile, 0o077}, {storeDir, 0o022}} {
		info, err := os.Stat(filepath.Join(dir, f.name))
		if err == nil && info.Mode().Perm()&f.strict != 0 {
			list = append(list, fmt.Sprintf("%s (%v)", filepath.Join(dir, f.name), info.Mode().Perm()))
		}
	}
	return list
}
