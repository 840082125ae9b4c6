package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
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
	next := flow("next", "15")
	for _, tc := range []struct{ at, then, want string }{
		{"preparing: every engine", "--abort", "given up: the apply of workflow small; what is live goes on"},
		{"building release 2 from history", "--continue", "release 2 of small is live"},
	} {
		w := r.command("apply", next, "--data", r.data, "--yes")
		w.until(t, tc.at)
		began := time.Now()
		r.kill()
		err := w.cmd.Wait()
		require.Error(t, err, "%s", w)
		t.Logf("%s: %s\n%s", tc.at, time.Since(began), w)
		assert.Less(t, time.Since(began), 40*time.Second)
		assert.Equal(t, 2, w.cmd.ProcessState.ExitCode(), "%s", w)
		assert.Regexp(t, `ripen: interrupted at "(begun|prepared|building|ready)": .*; once an engine runs again, |once an engine runs again, ripen apply --continue`, w)
		assert.Regexp(t, `ripen apply --abort`, w)

		w = r.command("apply", tc.then, "--data", r.data, "--yes")
		require.Error(t, w.cmd.Wait())
		assert.Contains(t, w.String(), "no engine runs on the data folder; start it with ripen run")
		r.start()
		w = r.command("apply", next, "--data", r.data, "--yes")
		require.Error(t, w.cmd.Wait())
		assert.Contains(t, w.String(), "a change was left before its end: apply of ")
		w = r.command("apply", tc.then, "--data", r.data, "--yes")
		require.NoError(t, w.cmd.Wait(), "%s", w)
		assert.Contains(t, w.String(), tc.want)
	}

	// While one is at it, another one is refused.
	first := r.command("apply", flow("third", "5"), "--data", r.data, "--yes")
	first.until(t, "preparing: every engine")
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGSTOP))
	w := r.command("apply", flow("fourth", "4"), "--data", r.data, "--yes")
	require.Error(t, w.cmd.Wait())
	assert.Equal(t, 1, w.cmd.ProcessState.ExitCode(), "%s", w)
	assert.Regexp(t, `another change is under way: apply of workflow "small" by .*; wait until it has ended`, w)
	w = r.command("apply", "--abort", "--data", r.data)
	require.Error(t, w.cmd.Wait())
	assert.Contains(t, w.String(), "another change is under way")
	require.NoError(t, first.cmd.Process.Signal(syscall.SIGCONT))
	require.NoError(t, first.cmd.Wait(), "%s", first)
	assert.Contains(t, first.String(), "release 3 of small is live")

	w = r.command("releases", "--data", r.data)
	require.NoError(t, w.cmd.Wait())
	assert.Regexp(t, `(?m)^small +3 +live `, w.String())
	assert.Regexp(t, `(?m)^small +2 +shadow until `, w.String())
	w = r.command("releases", "purge", "--unlisted", "--yes", "--data", r.data)
	require.NoError(t, w.cmd.Wait(), "%s", w)
	assert.Contains(t, w.String(), "every file belongs to a release", "what was given up and refused left nothing")

	// An engine runs what is live, and says so, whatever folder it is given.
	r.stop()
	model := func() string { return r.ready[strings.Index(r.ready, "model="):][:18] }
	r.flow = flow("third", "5")
	r.start()
	assert.Contains(t, r.ready, " workflow=small release=3 model=")
	third := model()
	r.stop()
	r.flow = flow("fourth", "4")
	r.start()
	assert.Contains(t, r.ready, " workflow=small release=3 "+third)
	assert.Contains(t, r.log.String(), "the workflow given is not the release that is live")
	r.stop()
}
