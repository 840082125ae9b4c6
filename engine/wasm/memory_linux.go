package wasm

import "golang.org/x/sys/unix"

// reserve maps an address range; without one it is the caller's to make do.
func reserve(limit uint64) (all []byte, ok bool) {
	if limit == 0 || limit > uint64(MaxPages)*pageSize {
		return nil, false
	}
	all, err := unix.Mmap(-1, 0, int(limit), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, false
	}
	// A huge page would be cleared as a whole for the first byte of it.
	_ = unix.Madvise(all, unix.MADV_NOHUGEPAGE)
	return all, true
}

func release(all []byte) { _ = unix.Munmap(all) }

// drop gives whole pages back; they read as zero from then on.
func drop(b []byte) bool { return unix.Madvise(b, unix.MADV_DONTNEED) == nil }
