//go:build unix

package journal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// limitFiles lets no file grow beyond limit bytes; empty lifts that.
func limitFiles(limit string) error {
	if limit == "" {
		return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY})
	}
	n, err := strconv.ParseUint(limit, 10, 64)
	if err != nil {
		return err
	}
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY})
}

// A full disk tears a batch: some of its decisions are stored. After a restart
// it is whole.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a server that does not answer")
	}
	for _, limit := range []int{100_000, 137_000, 201_111} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
			cmd.Env = append(os.Environ(), childDir+"="+dir, childLimit+"="+strconv.Itoa(limit))
			timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			out, err := cmd.Output()
			require.Error(t, err)
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			require.Contains(t, lines[len(lines)-1], ErrRefused.Error(), "the engine is told, it does not hang")
			acked, err := strconv.ParseInt(strings.TrimPrefix(lines[len(lines)-2], "acked "), 10, 64)
			require.NoError(t, err)

			last := verify(t, dir) // with a new server, and room
			require.Contains(t, []int64{acked, acked + 1}, last, "the torn batch is whole or absent")
		})
	}
}

// A server that starts while the disk is still full gives a torn batch up. The
// next owner removes what was stored of it before it decides again.
func TestFullDisk_WhenTheServerComesBack(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for a server that does not answer")
	}
	var torn atomic.Bool
	t.Cleanup(func() { require.True(t, torn.Load(), "at least one batch was torn") })
	for _, limit := range []int{100_000, 137_000, 171_000} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "data")
			cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
			cmd.Env = append(os.Environ(), childDir+"="+dir, childLimit+"="+strconv.Itoa(limit), childRestart+"=1", "RIPEN_JOURNAL_TEST_LOG=warn")
			timer := time.AfterFunc(60*time.Second, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			var log strings.Builder
			cmd.Stderr = &log
			out, err := cmd.Output()
			require.Error(t, err)
			lines := strings.Split(strings.TrimSpace(string(out)), "\n")
			require.Equal(t, "error enough", lines[len(lines)-1], "it goes on with room")
			if strings.Contains(log.String(), "that part is removed") {
				torn.Store(true)
			}
			last := verify(t, dir)
			require.EqualValues(t, 40, last%41)
		})
	}
}
