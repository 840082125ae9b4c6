package store

import "github.com/cockroachdb/pebble/v2/vfs"

// scratchFS writes files that need not outlive the process: nothing waits for
// the disk.
type scratchFS struct{ vfs.FS }

type scratchFile struct{ vfs.File }

func (scratchFile) Sync() error                             { return nil }
func (scratchFile) SyncData() error                         { return nil }
func (scratchFile) SyncTo(int64) (fullSync bool, err error) { return false, nil }

func scratched(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return scratchFile{f}, nil
}

func (fs scratchFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return scratched(fs.FS.Create(name, c))
}

func (fs scratchFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return scratched(fs.FS.ReuseForWrite(old, name, c))
}

func (fs scratchFS) OpenDir(name string) (vfs.File, error) { return scratched(fs.FS.OpenDir(name)) }
