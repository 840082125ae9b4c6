package torture

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one `ripen run`.
type process struct {
	r     *round
	name  string
	slot  int // of its local state
	cmd   *exec.Cmd
	log   string // file of its stderr
	trace string // file of its failpoints
	ready chan struct{}
	done  chan struct{} // closed when it has ended
	err   error         // valid then
}

// quick makes an engine do within a round what else takes minutes, and give up
// waiting sooner.
const quick = "commit.timeout=1500ms;server.silence=12s;checkpoint.every=300ms;checkpoint.records=10;checkpoint.slice=7;order.slice=9;build.inputs=40"

// launch says how an engine is started.
type launch struct {
	arm      string // failpoints
	maxBytes int    // of the events stream
}

// start runs another engine of the round.
func (r *round) start(l launch) (*process, error) {
	r.started++
	e := &process{r: r, slot: r.slot(), name: fmt.Sprintf("engine-%d", r.started), ready: make(chan struct{}), done: make(chan struct{})}
	e.log, e.trace = r.path(e.name+".log"), r.path(e.name+".trace")
	args := []string{"run", r.flow(), "--clock", "stream", "--quiet", "150ms", "--lateness", "6h", "--tick", "1h", "--cache", r.opts.cache,
		"--partitions", strconv.Itoa(r.partitions), "--max-bytes", strconv.Itoa(l.maxBytes)}
	if r.opts.stores {
		args = append(args, "--state", r.stateOf(e.slot), "--cache-leads", strconv.Itoa(r.cacheLeads), "--snapshot-every", r.snapshotEvery)
	}
	if r.server != nil {
		args = append(args, "--nats", r.proxy.url())
	} else {
		args = append(args, "--data", r.data(), "--port", strconv.Itoa(r.port), "--durability", r.durability)
	}
	e.cmd = exec.Command(r.opts.binary, args...) //nolint:gosec // built for this
	e.cmd.Env = append(os.Environ(), "RIPEN_FAILPOINTS="+l.arm, "RIPEN_FAILPOINTS_TRACE="+e.trace,
		"RIPEN_FAILPOINTS_SEED="+strconv.FormatUint(r.seed, 10), "RIPEN_FAILPOINTS_SET="+quick)
	log, err := os.Create(e.log)
	if err != nil {
		return nil, err
	}
	e.cmd.Stderr = log
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	r.note("start %s %s", e.name, l.arm)
	r.all = append(r.all, e)
	go e.follow(out, log)
	return e, nil
}

// follow waits for the ready line, and for the end.
func (e *process) follow(out io.Reader, log io.Closer) {
	s := bufio.NewScanner(out)
	for s.Scan() {
		if strings.HasPrefix(s.Text(), "ready:") {
			e.r.note("%s is ready", e.name)
			close(e.ready)
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
	e.err = e.cmd.Wait()
	_ = log.Close()
	e.r.tally.read(e.trace)
	e.r.note("%s has ended: %v", e.name, e.err)
	close(e.done)
}

const patience = 60 * time.Second

// untilReady waits; false says that the engine ended before.
func (e *process) untilReady() (bool, error) {
	select {
	case <-e.ready:
		return true, nil
	case <-e.done:
		return false, nil
	case <-time.After(patience):
		return false, fmt.Errorf("%s is not ready after %s, see %s", e.name, patience, e.log)
	}
}

// ended waits up to d for the end.
func (e *process) ended(d time.Duration) bool {
	select {
	case <-e.done:
		return true
	default:
	}
	select {
	case <-e.done:
		return true
	case <-time.After(d):
		return false
	}
}

// kill ends it with SIGKILL; kind is what the tally calls it.
func (e *process) kill(kind string) {
	if e.ended(0) {
		return
	}
	e.r.note("kill -9 %s (%s)", e.name, kind)
	e.r.killed(kind)
	_ = e.cmd.Process.Kill()
	<-e.done
}

func (e *process) signal(s syscall.Signal) {
	e.r.note("%s: %s", e.name, s)
	_ = e.cmd.Process.Signal(s)
}

// drain stops it with SIGINT.
func (e *process) drain() error {
	e.signal(syscall.SIGINT)
	if !e.ended(40 * time.Second) {
		return fmt.Errorf("%s does not stop, see %s", e.name, e.log)
	}
	if e.err != nil {
		return fmt.Errorf("%s stopped with %w: %s", e.name, e.err, e.tail())
	}
	return nil
}

// says waits until the log holds a text, or another one.
func (e *process) says(text string, d time.Duration, or ...string) bool {
	return waitFor(e.log, d, append(or, text)...)
}

// acted waits until a failpoint has acted; false if it does not come to that.
func (e *process) acted(point string, d time.Duration) bool {
	return waitFor(e.trace, d, "act "+point+" ")
}

// waitFor waits until a file holds one of the texts.
func waitFor(file string, d time.Duration, texts ...string) bool {
	for end := time.Now().Add(d); ; time.Sleep(5 * time.Millisecond) {
		data, err := os.ReadFile(file)
		if err == nil && slices.ContainsFunc(texts, func(text string) bool { return bytes.Contains(data, []byte(text)) }) {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// tail is the end of the log.
func (e *process) tail() string {
	data, _ := os.ReadFile(e.log)
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}
