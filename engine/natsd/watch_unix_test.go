//go:build unix

package natsd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// stuckDir, when set, makes the test binary a server that gets stuck on the
// data folder it names.
const stuckDir = "RIPEN_NATSD_STUCK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(stuckDir); dir != "" {
		if err := getStuck(dir); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// getStuck stores messages, lets no file grow by more than a part of a write,
// purges, and prints what Watch, Restart and Stop then say.
func getStuck(dir string) error {
	ctx := context.Background()
	s, err := Start(Options{Dir: dir, NoListen: true, Silence: 3 * time.Second, Durability: Durability(os.Getenv(stuckDir + "_DURABILITY"))})
	if err != nil {
		return err
	}
	nc, err := s.Connect("child")
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	for _, name := range []string{"OTHER", "PURGED"} {
		if _, err = js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}}); err != nil {
			return err
		}
	}
	for i := range 100 {
		if _, err := js.Publish(ctx, fmt.Sprintf("PURGED.%d", i%2), []byte("kept")); err != nil {
			return err
		}
	}
	watched := make(chan error, 1)
	go func() { watched <- s.Watch(ctx) }()
	time.Sleep(3500 * time.Millisecond)
	select {
	case err := <-watched:
		return fmt.Errorf("a healthy server: %w", err)
	default:
	}
	size, err := fileSize(dir, "PURGED")
	if err != nil {
		return err
	}
	if err := limit(size + 10); err != nil {
		return err
	}
	st, err := js.Stream(ctx, "PURGED")
	if err != nil {
		return err
	}
	attempt, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := st.Purge(attempt, jetstream.WithPurgeSubject("PURGED.1"), jetstream.WithPurgeSequence(50)); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the purge answers: %w", err)
	}
	fmt.Println("watch:", <-watched)
	if err := limit(unix.RLIM_INFINITY); err != nil {
		return err
	}
	fmt.Println("restart:", s.Restart())
	done, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	fmt.Println("stop:", s.Stop(done))
	return nil
}

// limit lets no file grow beyond n bytes.
func limit(n uint64) error {
	return unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: unix.RLIM_INFINITY})
}

// fileSize is the size of a stream's largest block.
func fileSize(dir, stream string) (size uint64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".blk") || !strings.Contains(path, stream) {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size = max(size, uint64(info.Size()))
		}
		return err
	})
	return size, err
}

// A disk that takes only a part of the write that ends a purge makes the server
// wait for itself. That is noticed, neither a restart nor a stop waits for ever,
// and in another process everything is there.
func TestWatch_AServerThatWaitsForItself(t *testing.T) {
	for _, d := range []Durability{Disk, Process} {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
			cmd.Env = append(os.Environ(), stuckDir+"="+dir, stuckDir+"_DURABILITY="+string(d))
			timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
			out, err := cmd.Output()
			require.NoError(t, err, string(out))
			said := strings.Split(strings.TrimSpace(string(out)), "\n")
			require.Len(t, said, 3)
			require.Regexp(t, `^watch: the embedded NATS server is stuck: no answer for 3s from (OTHER, )?PURGED; `+stuckAdvice+`$`, said[0])
			require.Equal(t, "restart: the embedded NATS server is stuck: it does not stop within 3s; "+stuckAdvice, said[1])
			require.Equal(t, "stop: embedded NATS server does not stop: context deadline exceeded", said[2])

			s := start(t, Options{Dir: dir})
			_, js := connect(t, s)
			st, err := js.Stream(t.Context(), "PURGED")
			require.NoError(t, err)
			require.EqualValues(t, 100, st.CachedInfo().State.Msgs, "the purge that never ended has removed nothing")
		})
	}
}
