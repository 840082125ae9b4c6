package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// waiting is a command at work, and what it says so far.
type waiting struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	said bytes.Buffer
}

func (w *waiting) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.Write(b)
}

func (w *waiting) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.said.String()
}

// command starts the command with what follows it.
func (r *runner) command(args ...string) *waiting {
	r.t.Helper()
	w := &waiting{cmd: exec.Command(r.bin, args...)}
	w.cmd.Stdout, w.cmd.Stderr = w, w
	require.NoError(r.t, w.cmd.Start())
	return w
}

// until waits until the command has said something.
func (w *waiting) until(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(w.String(), text) }, 30*time.Second, time.Millisecond, "%s", w)
}

// interrupt kills the engine when an apply of a folder says something; an apply
// that was quicker is followed by one of another folder.
func (r *runner) interrupt(at string, folder func(try int) string) (next string, w *waiting) {
	r.t.Helper()
	for try := range 5 {
		next = folder(try)
		w = r.command("apply", next, "--data", r.data, "--yes")
		w.until(r.t, at)
		began := time.Now()
		r.kill()
		if err := w.cmd.Wait(); err != nil {
			assert.Less(r.t, time.Since(began), 40*time.Second)
			return next, w
		}
		r.start()
	}
	r.t.Fatalf("no apply could be interrupted at %q", at)
	return "", nil
}

// The engine is killed while an apply waits for it: the command says that its
// change stays where it is, and how to go on. Then it does: continued, and at
// another instant given up.
func TestApply_TheEngineDies(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flow := func(name, threshold string) string {
		to := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(to, 0o700))
		text := "workflow \"small\" {}\nstep \"behavior-points\" \"points\" {\n  class \"asked\" { events = { \"Asked\" = 10 } }\n}\n" +
			"route \"sales-handoff\" \"warm\" { when = points >= " + threshold + " }\nroute \"nurture\" \"rest\" { default = true }\n"
		require.NoError(t, os.WriteFile(filepath.Join(to, "workflow.hcl"), []byte(text), 0o600))
		return to
	}
	r := &runner{t: t, bin: buildRipen(t), flow: flow("live", "25"), data: filepath.Join(dir, "data"), port: freePort(t)}
	r.start()
	for n, tc := range []struct{ at, then, want string }{
		{"preparing: every engine", "--abort", "given up: the apply of workflow small; what is live goes on"},
		{"from history beside the live one", "--continue", `release \d+ of small is live`},
	} {
		next, w := r.interrupt(tc.at, func(try int) string { return flow(fmt.Sprint("next-", n, try), fmt.Sprint(10+10*n+try)) })
		assert.Equal(t, 2, w.cmd.ProcessState.ExitCode(), "%s", w)
		assert.Regexp(t, `ripen: interrupted at "(begun|prepared|building|ready)": .* once an engine runs again|The switch point is written already .*: once an engine runs again`, w)
		assert.Regexp(t, `ripen apply --continue`, w)

		w = r.command("apply", tc.then, "--data", r.data, "--yes")
		require.Error(t, w.cmd.Wait())
		assert.Contains(t, w.String(), "no engine runs on the data folder; start it with ripen run")
		r.start()
		w = r.command("apply", next, "--data", r.data, "--yes")
		require.Error(t, w.cmd.Wait())
		assert.Contains(t, w.String(), "a change was left before its end: apply of ")
		w = r.command("apply", tc.then, "--data", r.data, "--yes")
		require.NoError(t, w.cmd.Wait(), "%s", w)
		assert.Regexp(t, tc.want, w)
	}

	// While one is at it, another one is refused.
	var first, w *waiting
	for try, err := 0, error(nil); err == nil; try++ { // one that was quicker is followed by others
		require.Less(t, try, 5)
		first = r.command("apply", flow("third", fmt.Sprint(100+try)), "--data", r.data, "--yes")
		first.until(t, "preparing: every engine")
		require.NoError(t, first.cmd.Process.Signal(syscall.SIGSTOP))
		w = r.command("apply", flow("fourth", fmt.Sprint(200+try)), "--data", r.data, "--yes")
		if err = w.cmd.Wait(); err == nil {
			require.NoError(t, first.cmd.Process.Signal(syscall.SIGCONT))
			require.NoError(t, first.cmd.Wait(), "%s", first)
		}
	}
	assert.Equal(t, 1, w.cmd.ProcessState.ExitCode(), "%s", w)
	assert.Regexp(t, `another change is under way: apply of .*workflow "small" by .*; wait until it has ended`, w)
	w = r.command("apply", "--abort", "--data", r.data)
	require.Error(t, w.cmd.Wait())
	assert.Contains(t, w.String(), "another change is under way")
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGCONT))
	require.NoError(t, first.cmd.Wait(), "%s", first)
	live := regexp.MustCompile(`release (\d+) of small is live`).FindStringSubmatch(first.String())
	require.NotNil(t, live, "%s", first)

	w = r.command("releases", "--data", r.data)
	require.NoError(t, w.cmd.Wait())
	assert.Regexp(t, `(?m)^small +`+live[1]+` +live `, w.String())
	assert.Regexp(t, `(?m)^small +\d+ +shadow until `, w.String())
	w = r.command("releases", "purge", "--unlisted", "--yes", "--data", r.data)
	require.NoError(t, w.cmd.Wait(), "%s", w)
	assert.Contains(t, w.String(), "every file belongs to a release", "what was given up and refused left nothing")

	// An engine runs what is live, and says so, whatever folder it is given.
	r.stop()
	model := func() string { return r.ready[strings.Index(r.ready, "model="):][:18] }
	r.flow = filepath.Join(dir, "third")
	r.start()
	assert.Contains(t, r.ready, " workflow=small release="+live[1]+" model=")
	third := model()
	r.stop()
	r.flow = flow("fourth", "4")
	r.start()
	assert.Contains(t, r.ready, " workflow=small release="+live[1]+" "+third)
	r.stop() // only then is its log whole
	assert.Contains(t, r.log.String(), "the workflow given is not the release that is live")
}
