package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ripenhq/ripen/engine"
)

// childData, when set, makes the test binary an engine with a producer that
// works until it is killed.
const childData = "RIPEN_FAULTS_CHILD"

func TestMain(m *testing.M) {
	if data := os.Getenv(childData); data != "" {
		if err := workForEver(data, os.Getenv(childData+"_WORKFLOW")); err != nil {
			fmt.Println("error", err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// workForEver runs an engine, sends it events, and prints which ids were
// accepted.
func workForEver(data, dir string) error {
	w, diags, err := engine.Load(context.Background(), engine.LoadOptions{Dir: dir})
	if err != nil || diags.HasErrors() {
		return fmt.Errorf("%w: %s", err, diags)
	}
	e, err := engine.New(context.Background(), engine.Options{Workflow: w, Data: data, Port: -1, Partitions: 1, Tick: 100 * time.Millisecond,
		Logger: hclog.New(&hclog.LoggerOptions{Output: os.Stdout, Level: hclog.Error})})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		var lines []string
		for i := range 8 {
			id := fmt.Sprint("c", n, "-", i)
			lines = append(lines, event(id, "lead-"+id, "Seen", time.Now()))
		}
		if a, err := ask(e.Conn(), lines...); err != nil || a.Error != nil || a.Accepted != len(lines) {
			fmt.Println("refused", n)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		for _, l := range lines {
			fmt.Println("acked", idOf(l))
		}
	}
}

// lines collects what a child prints.
type lines struct {
	mu   sync.Mutex
	list []string
}

func (l *lines) read(r io.Reader) {
	for s := bufio.NewScanner(r); s.Scan(); {
		l.mu.Lock()
		l.list = append(l.list, s.Text())
		l.mu.Unlock()
	}
}

// count is how many lines hold a text.
func (l *lines) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.list {
		if strings.Contains(s, text) {
			n++
		}
	}
	return n
}

// largest is the size of the largest block of the journal stream.
func largest(t *testing.T, data string) (size int64) {
	require.NoError(t, filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".blk") || !strings.Contains(path, "RIPEN_JOURNAL") {
			return nil //nolint:nilerr // files come and go
		}
		if info, err := d.Info(); err == nil {
			size = max(size, info.Size())
		}
		return nil
	}))
	return size
}

// No file may grow in the middle of commits: the engine notices, settles what
// was torn by restarting its server, and goes on when there is room, with the
// same decisions. Nothing that was accepted is lost. A server without room does
// not answer at all, so each case takes the time of three time-outs;
// RIPEN_FAULTS_DISKS is how many are tried.
func TestFault_DiskFull(t *testing.T) {
	cases := []int64{3_000, 700, 9_000, 20_000}
	for i, room := range cases[:number(t, "RIPEN_FAULTS_DISKS", 1)] {
		t.Run(strconv.FormatInt(room, 10), func(t *testing.T) {
			s := newSite(t, engine.Options{})
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "w.hcl"), []byte(countingWorkflow), 0o600))
			cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
			cmd.Env = append(os.Environ(), childData+"="+s.data, childData+"_WORKFLOW="+dir)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			said := &lines{}
			var reading sync.WaitGroup
			reading.Go(func() { said.read(out) })
			defer func() { _ = cmd.Process.Kill() }()
			until := func(text string, n int) {
				t.Helper()
				require.Eventually(t, func() bool { return said.count(text) >= n }, 40*time.Second, 5*time.Millisecond, "%q of %v", text, said)
			}
			until("acked", 400+100*i)
			var before unix.Rlimit
			require.NoError(t, unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &before))
			limit := unix.Rlimit{Cur: uint64(largest(t, s.data) + room), Max: before.Max}
			require.NoError(t, unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil))
			until("restarting the server to settle it", 1)
			require.NoError(t, unix.Prlimit(cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil))
			until("acked", said.count("acked")+200)
			require.NoError(t, cmd.Process.Kill())
			reading.Wait()
			_ = cmd.Wait() // it was killed
			for _, l := range said.list {
				if id, ok := strings.CutPrefix(l, "acked "); ok {
					s.acked[id] = true
				}
			}
			e := s.start()
			s.scored(e.Conn())
			require.NoError(t, stop(e))
			require.GreaterOrEqual(t, s.check(false), len(s.acked))
		})
	}
}
