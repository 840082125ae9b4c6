package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/ingest"
	"github.com/ripenhq/ripen/engine/lead"
	"github.com/ripenhq/ripen/engine/replay"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
)

// TestKill kills `ripen run` again and again while producers send and retry.
// After one last tick the leads and the decisions are those of `ripen score`
// on the same events: nothing lost, nothing counted twice.
//
// RIPEN_KILLS and RIPEN_KILLSEED choose how often and which instants.
func TestKill(t *testing.T) {
	kills, seed := number(t, "RIPEN_KILLS", 5), number(t, "RIPEN_KILLSEED", 1)
	dir, flow := t.TempDir(), filepath.Join("..", "..", "workflows", "letter-and-number")
	lines := bytes.Split(bytes.TrimSpace(demostream.Generate(uint64(seed), demostream.Options{Leads: 150, Days: 70})), []byte("\n"))
	events := filepath.Join(dir, "events.ndjson")
	require.NoError(t, os.WriteFile(events, append(bytes.Join(lines, []byte("\n")), '\n'), 0o600))

	r := &runner{t: t, bin: buildRipen(t), flow: flow, data: filepath.Join(dir, "data"), port: freePort(t)}
	r.start()
	ctx, cancel := context.WithCancel(t.Context())
	sent := r.produce(ctx, lines, kills)
	rnd := rand.New(rand.NewPCG(uint64(seed), 9))
	for n := range kills {
		time.Sleep(time.Duration(150+rnd.IntN(500)) * time.Millisecond)
		t.Logf("kill %d of %d", n+1, kills)
		r.kill()
		r.start()
	}
	require.NoError(t, <-sent)
	cancel()
	last := lastTime(t, lines)
	r.send(t.Context(), fmt.Appendf(nil, `{"type":"tick","timestamp":%q}`, time.UnixMilli(last).UTC().Format(time.RFC3339Nano)))
	r.settle()
	r.stop()

	want := views(t, r.bin, "score", "--json", "-w", flow, events)
	got := views(t, r.bin, "leads", "--json", "-w", flow, "--data", r.data)
	require.Equal(t, len(want), len(got), "leads")
	decisions := 0
	for i := range want {
		decisions += len(want[i].Decisions)
		sortBriefs(want[i].Decisions)
		sortBriefs(got[i].Decisions)
		assert.Equal(t, want[i], got[i], "seed %d", seed)
	}
	t.Logf("%d events, %d leads, %d decisions, %d kills: the same as offline", len(lines), len(want), decisions, kills)
}

func sortBriefs(list []replay.Brief) {
	slices.SortFunc(list, func(a, b replay.Brief) int { return strings.Compare(a.ID, b.ID) })
}

func number(t *testing.T, env string, def int) int {
	t.Helper()
	text := os.Getenv(env)
	if text == "" {
		return def
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, env)
	return n
}

// buildRipen builds the command as people run it, once for all tests.
func buildRipen(t *testing.T) string {
	t.Helper()
	bin, err := built()
	require.NoError(t, err)
	return bin
}

// built is in the folder of build results: an old one is replaced only if
// something changed, which saves linking it.
var built = sync.OnceValues(func() (string, error) {
	bin, err := filepath.Abs(filepath.Join("..", "..", "build", "test", "ripen"))
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return bin, nil
})

// freePort is outside of the range from which the system takes ports for
// clients, so that none of them has it while the engine is down.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		port := 12_000 + rand.IntN(20_000)
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
}

// runner is the engine's process.
type runner struct {
	t         *testing.T
	bin, flow string
	data      string
	port      int
	cmd       *exec.Cmd
	log       bytes.Buffer
	ready     string // its ready line
}

// start runs the engine and waits for its ready line.
func (r *runner) start() {
	r.t.Helper()
	r.cmd = exec.Command(r.bin, "run", r.flow, "--clock", "stream", "--quiet", "1h", "--data", r.data, "--port", strconv.Itoa(r.port), "--partitions", "3")
	r.cmd.Stderr = &r.log
	out, err := r.cmd.StdoutPipe()
	require.NoError(r.t, err)
	require.NoError(r.t, r.cmd.Start())
	ready := make(chan string, 1)
	go func() {
		s := bufio.NewScanner(out)
		for s.Scan() {
			if strings.HasPrefix(s.Text(), "ready:") {
				ready <- s.Text()
			}
		}
		_, _ = io.Copy(io.Discard, out)
	}()
	select {
	case r.ready = <-ready:
	case <-time.After(60 * time.Second):
		r.t.Fatalf("engine is not ready\n%s", r.log.String())
	}
}

func (r *runner) kill() {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Kill())
	_ = r.cmd.Wait()
}

func (r *runner) stop() {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Process.Signal(os.Interrupt))
	require.NoError(r.t, r.cmd.Wait(), "%s", r.log.String())
}

// settle waits until the engine has read its stream to the end: an engine that
// stops finishes the batch at hand, not the stream.
func (r *runner) settle() {
	r.t.Helper()
	nc := r.connect()
	defer nc.Close()
	sub, err := nc.SubscribeSync("ripen.decisions.>")
	require.NoError(r.t, err)
	for {
		if _, err := sub.NextMsg(2 * time.Second); err != nil {
			return
		}
	}
}

func (r *runner) connect() *nats.Conn {
	nc, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", r.port), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1),
		nats.ReconnectWait(20*time.Millisecond))
	require.NoError(r.t, err)
	return nc
}

// produce lets some producers, each with its own leads, send until all is
// accepted. They pace themselves so that every kill finds them at work.
func (r *runner) produce(ctx context.Context, lines [][]byte, kills int) <-chan error {
	const producers = 3
	mine := make([][][]byte, producers)
	for _, line := range lines {
		var who struct{ UserID, AnonymousID string }
		require.NoError(r.t, json.Unmarshal(line, &who))
		p := lead.Partition(who.UserID+who.AnonymousID, producers)
		mine[p] = append(mine[p], line)
	}
	var all sync.WaitGroup
	for p := range mine {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(p), 3))
			pause := time.Duration(kills) * 900 * time.Millisecond * 8 / time.Duration(len(mine[p]))
			for left := mine[p]; len(left) > 0 && ctx.Err() == nil; {
				n := min(len(left), 1+rnd.IntN(15))
				r.send(ctx, bytes.Join(left[:n], []byte("\n")))
				if rnd.IntN(10) == 0 {
					r.send(ctx, bytes.Join(left[:n], []byte("\n"))) // a producer that did not hear the answer
				}
				left = left[n:]
				time.Sleep(pause)
			}
		})
	}
	done := make(chan error, 1)
	go func() {
		all.Wait()
		done <- ctx.Err()
	}()
	return done
}

// send sends one request until it is accepted.
func (r *runner) send(ctx context.Context, body []byte) {
	nc := r.connect()
	defer nc.Close()
	for ctx.Err() == nil {
		m, err := nc.Request("ripen.in", body, time.Second)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		var a ingest.Answer
		if err := json.Unmarshal(m.Data, &a); err != nil || len(a.Rejected) > 0 {
			r.t.Errorf("answer %s", m.Data)
			return
		}
		if a.Error == nil {
			return
		}
		time.Sleep(time.Duration(a.Error.RetryAfter) * time.Millisecond / 4)
	}
}

func lastTime(t *testing.T, lines [][]byte) (last int64) {
	t.Helper()
	for _, line := range lines {
		var e struct{ Timestamp time.Time }
		require.NoError(t, json.Unmarshal(line, &e))
		last = max(last, e.Timestamp.UnixMilli())
	}
	return last
}

func views(t *testing.T, bin string, args ...string) (list []replay.View) {
	t.Helper()
	cmd := exec.Command(bin, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s", stderr.String())
	for _, line := range bytes.Split(bytes.TrimSpace(out), []byte("\n")) {
		var v replay.View
		require.NoError(t, json.Unmarshal(line, &v), "%s", line)
		list = append(list, v)
	}
	return list
}
