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
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/ripenhq/ripen/engine"
	"github.com/ripenhq/ripen/engine/journal"
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
	stuckAt, _ := strconv.Atoi(os.Getenv(childData + "_STUCK"))
	o := engine.Options{Workflow: w, Data: data, Port: -1, Partitions: 1, Tick: 100 * time.Millisecond, Silence: 6 * time.Second,
		Logger: hclog.New(&hclog.LoggerOptions{Output: os.Stdout, Level: hclog.Error})}
	if stuckAt > 0 {
		o.Tick = time.Hour // nothing is stored but events
	}
	e, err := engine.New(context.Background(), o)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		if stuckAt > 0 && n == stuckAt {
			return getStuck(e, data, int64(8*n))
		}
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

// getStuck waits until n events are scored, lets the journal's file take only a
// part of what ends a purge, and waits for the engine's end.
func getStuck(e *engine.Engine, data string, n int64) error {
	for e.Committed() < n {
		time.Sleep(time.Millisecond)
	}
	js, err := jetstream.New(e.Conn())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s, err := js.Stream(ctx, journal.JournalStream)
	if err != nil {
		return err
	}
	size, err := largest(data)
	if err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(size + 10), Max: unix.RLIM_INFINITY}); err != nil {
		return err
	}
	err = s.Purge(ctx, jetstream.WithPurgeSubject(journal.RecordSubject(0)), jetstream.WithPurgeSequence(s.CachedInfo().State.LastSeq))
	fmt.Println("purge", err)
	<-e.Done()
	fmt.Println("ended", e.Err())
	started := time.Now()
	err = stop(e)
	return fmt.Errorf("stopped at once: %t: %w", time.Since(started) < 5*time.Second, err)
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
func largest(data string) (size int64, err error) {
	err = filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".blk") || !strings.Contains(path, "RIPEN_JOURNAL") {
			return nil //nolint:nilerr // files come and go
		}
		if info, err := d.Info(); err == nil {
			size = max(size, info.Size())
		}
		return nil
	})
	return size, err
}

// child is an engine in a process of its own, and what it prints.
type child struct {
	t       *testing.T
	cmd     *exec.Cmd
	said    lines
	reading sync.WaitGroup
}

func (s *site) child(env ...string) *child {
	dir := s.t.TempDir()
	require.NoError(s.t, os.WriteFile(filepath.Join(dir, "w.hcl"), []byte(countingWorkflow), 0o600))
	c := &child{t: s.t, cmd: exec.Command(os.Args[0])} //nolint:gosec // ourselves
	c.cmd.Env = append(append(os.Environ(), childData+"="+s.data, childData+"_WORKFLOW="+dir), env...)
	out, err := c.cmd.StdoutPipe()
	require.NoError(s.t, err)
	require.NoError(s.t, c.cmd.Start())
	c.reading.Go(func() { c.said.read(out) })
	s.t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	return c
}

// until waits for n lines that hold a text.
func (c *child) until(text string, n int) {
	c.t.Helper()
	require.Eventually(c.t, func() bool { return c.said.count(text) >= n }, 40*time.Second, 5*time.Millisecond, "%q of %v", text, &c.said)
}

// end waits for the child's end, and adds what it had accepted to the site.
func (c *child) end(s *site) {
	c.reading.Wait()
	_ = c.cmd.Wait() // it was killed, or ended with an error
	for _, l := range c.said.list {
		if id, ok := strings.CutPrefix(l, "acked "); ok {
			s.acked[id] = true
		}
	}
}

// decided checks that another engine on the same folder decides on everything.
func (s *site) decided() {
	e := s.start()
	s.scored(e.Conn())
	require.NoError(s.t, stop(e))
	require.GreaterOrEqual(s.t, s.check(false), len(s.acked))
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
			c := s.child()
			c.until("acked", 400+100*i)
			var before unix.Rlimit
			require.NoError(t, unix.Prlimit(c.cmd.Process.Pid, unix.RLIMIT_FSIZE, nil, &before))
			size, err := largest(s.data)
			require.NoError(t, err)
			limit := unix.Rlimit{Cur: uint64(size + room), Max: before.Max}
			require.NoError(t, unix.Prlimit(c.cmd.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil))
			c.until("restarting the server to settle it", 1)
			require.NoError(t, unix.Prlimit(c.cmd.Process.Pid, unix.RLIMIT_FSIZE, &before, nil))
			c.until("acked", c.said.count("acked")+200)
			require.NoError(t, c.cmd.Process.Kill())
			c.end(s)
			s.decided()
		})
	}
}

// A server that waits for itself, because the disk was full in the middle of a
// purge, answers no more and cannot be stopped: the engine says so and ends by
// itself, and the next one goes on with everything that was accepted.
func TestFault_DiskFullInAPurge(t *testing.T) {
	s := newSite(t, engine.Options{})
	c := s.child(childData + "_STUCK=30")
	c.until("stopped at once", 1)
	c.end(s)
	require.Len(t, s.acked, 240)
	last := c.said.list[240:]
	require.Len(t, last, 4)
	require.Equal(t, "purge context deadline exceeded", last[0])
	const stuck = "the embedded NATS server is stuck: no answer for 6s from .*RIPEN_JOURNAL.*start the engine again"
	require.Regexp(t, `\[ERROR\] the engine ends: error="`+stuck, last[1])
	require.Regexp(t, "^ended "+stuck, last[2])
	require.Regexp(t, "^error stopped at once: true: "+stuck, last[3])
	s.decided()
}
