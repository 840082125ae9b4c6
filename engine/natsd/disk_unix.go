//go:build unix

package natsd

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// flock takes the exclusive lock of an open file without waiting; the system
// frees it when the process ends, however it ends.
func flock(f *os.File) error {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
}

// FreeBytes is the space that an unprivileged process may still use on the
// disk that holds dir.
func FreeBytes(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", dir, err)
	}
	return uint64(st.Bavail) * uint64(st.Bsize), nil
}
