package cluster

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// runner starts engines.
type runner struct {
	t         *testing.T
	bin, flow string
	dir       string
	urls      string
	started   int
}

// newRunner builds the command as people run it.
func newRunner(t *testing.T, urls, flow string) *runner {
	t.Helper()
	r := &runner{t: t, dir: t.TempDir(), urls: urls, flow: flow}
	r.bin = filepath.Join(r.dir, "ripen")
	out, err := exec.Command("go", "build", "-o", r.bin, "../../../cmd/ripen").CombinedOutput() //nolint:gosec // fixed
	require.NoError(t, err, "%s", out)
	return r
}

// process is one `ripen run`.
type process struct {
	r     *runner
	slot  int
	name  string
	cmd   *exec.Cmd
	ready chan struct{}
	done  chan struct{} // closed when it has ended
	err   error         // valid then
}

// start runs an engine; slot says whose data folder it has.
func (r *runner) start(slot int) *process {
	r.t.Helper()
	r.started++
	p := &process{r: r, slot: slot, name: fmt.Sprintf("engine-%c%d", 'a'+slot, r.started), ready: make(chan struct{}), done: make(chan struct{})}
	log, err := os.Create(p.log())
	require.NoError(r.t, err)
	p.cmd = exec.Command(r.bin, "run", r.flow, "--clock", "stream", "--quiet", "1h", "--nats", r.urls, "--replicas", "3", //nolint:gosec // built for this
		"--partitions", fmt.Sprint(partitions), "--data", filepath.Join(r.dir, fmt.Sprint("data-", slot)), "--log-level", "debug",
		"--cache-leads", fmt.Sprint(4*partitions), "--snapshot-every", "6s")
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	require.NoError(r.t, err)
	require.NoError(r.t, p.cmd.Start())
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "ready:") {
				close(p.ready)
			}
		}
		_, _ = io.Copy(io.Discard, out)
		p.err = p.cmd.Wait()
		_ = log.Close()
		close(p.done)
	}()
	return p
}

func (p *process) log() string { return filepath.Join(p.r.dir, p.name+".log") }

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) waitReady() {
	p.r.t.Helper()
	select {
	case <-p.ready:
	case <-p.done:
		p.r.t.Fatalf("%s ended: %v\n%s", p.name, p.err, p.tail())
	case <-time.After(60 * time.Second):
		p.r.t.Fatalf("%s is not ready\n%s", p.name, p.tail())
	}
}

// kill is a crash.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// drain asks for an orderly end and waits for it.
func (p *process) drain() {
	p.r.t.Helper()
	require.NoError(p.r.t, p.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-p.done:
		require.NoError(p.r.t, p.err, "%s\n%s", p.name, p.tail())
	case <-time.After(40 * time.Second):
		p.r.t.Fatalf("%s does not drain\n%s", p.name, p.tail())
	}
}

func (p *process) signal(s syscall.Signal) {
	p.r.t.Helper()
	require.NoError(p.r.t, p.cmd.Process.Signal(s))
}

// tail is the end of the log.
func (p *process) tail() string {
	b, _ := os.ReadFile(p.log())
	lines := strings.Split(string(b), "\n")
	return strings.Join(lines[max(0, len(lines)-40):], "\n")
}
