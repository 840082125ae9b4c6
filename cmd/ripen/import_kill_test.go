package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/ingest"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
)

// importRun is `ripen import` as a process.
type importRun struct {
	t    *testing.T
	cmd  *exec.Cmd
	said bytes.Buffer
	out  bytes.Buffer
}

func startImport(t *testing.T, bin, url string, args ...string) *importRun {
	t.Helper()
	r := &importRun{t: t, cmd: exec.Command(bin, append([]string{"import", "--json", "--nats", url}, args...)...)}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.said
	require.NoError(t, r.cmd.Start())
	return r
}

// end waits for the process and reads its summary.
func (r *importRun) end() (code int, d imported) {
	r.t.Helper()
	_ = r.cmd.Wait()
	require.NoError(r.t, json.Unmarshal(r.out.Bytes(), &d), "%s%s", r.out.String(), r.said.String())
	return r.cmd.ProcessState.ExitCode(), d
}

// An import outlives kills of the engine and of its server: it tries again, says
// so, and its account adds up. What it did is what `ripen score` does.
func TestImport_OutlivesKillsOfTheEngine(t *testing.T) {
	dir, flow := t.TempDir(), filepath.Join("..", "..", "workflows", "letter-and-number")
	stream := demostream.Generate(3, demostream.Options{Leads: 2500, Days: 70})
	events := filepath.Join(dir, "events.ndjson")
	require.NoError(t, os.WriteFile(events, stream, 0o600))
	n := bytes.Count(stream, []byte("\n"))
	r := &runner{t: t, bin: buildRipen(t), flow: flow, data: filepath.Join(dir, "data"), port: freePort(t)}
	r.start()
	url := fmt.Sprintf("nats://127.0.0.1:%d", r.port)
	im := startImport(t, r.bin, url, events)
	for range 2 {
		time.Sleep(150 * time.Millisecond)
		r.kill()
		time.Sleep(300 * time.Millisecond)
		r.start()
	}
	code, d := im.end()
	require.Zero(t, code, im.said.String())
	assert.Equal(t, imported{Rows: n, Read: n, Events: n, Stored: n, Files: []string{}}, d)
	assert.Contains(t, im.said.String(), "not stored yet (")
	assert.Contains(t, im.said.String(), "going on after ")

	code, d = startImport(t, r.bin, url, events).end()
	require.Zero(t, code)
	assert.Equal(t, n, d.Stored, "stored again, recognised behind the door")
	last := lastTime(t, bytes.Split(bytes.TrimSpace(stream), []byte("\n")))
	r.send(t.Context(), fmt.Appendf(nil, `{"type":"tick","timestamp":%q}`, time.UnixMilli(last).UTC().Format(time.RFC3339Nano)))
	r.settle()
	r.stop()
	want := views(t, r.bin, "score", "--json", "-w", flow, events)
	got := views(t, r.bin, "leads", "--json", "-w", flow, "--data", r.data)
	require.Len(t, got, len(want))
	for i := range want {
		sortBriefs(want[i].Decisions)
		sortBriefs(got[i].Decisions)
		require.Equal(t, want[i], got[i])
	}
}

// Whoever interrupts an import hears exactly how far it came.
func TestImport_InterruptedSaysHowFarItCame(t *testing.T) {
	bin := buildRipen(t)
	third := make(chan struct{})
	url := server(t, func(n, events int) ingest.Answer {
		if n == 3 {
			close(third)
			time.Sleep(500 * time.Millisecond) // the answer comes after the interrupt and counts
		}
		return ingest.Answer{Accepted: events}
	})
	file := events(t, 100_000)
	im := startImport(t, bin, url, file)
	<-third
	require.NoError(t, im.cmd.Process.Signal(os.Interrupt))
	code, d := im.end()
	assert.Equal(t, exitBad, code)
	assert.Equal(t, 3000, d.Stored)
	assert.Equal(t, 3000, d.Events)
	assert.Zero(t, d.Unknown)
	assert.Contains(t, im.said.String(), "interrupted; imported is everything up to line 3,000 of "+file+"; import the same again, what is stored already is recognised")
}

func TestImport_InterruptedWhileNothingAnswers(t *testing.T) {
	bin := buildRipen(t)
	second := make(chan struct{})
	url := server(t, func(n, events int) ingest.Answer {
		if n == 2 {
			close(second)
			<-t.Context().Done()
		}
		return ingest.Answer{Accepted: events}
	})
	im := startImport(t, bin, url, events(t, 100_000))
	<-second
	began := time.Now()
	require.NoError(t, im.cmd.Process.Signal(syscall.SIGTERM))
	code, d := im.end()
	assert.Less(t, time.Since(began), 2*lastGrace)
	assert.Equal(t, exitBad, code)
	assert.Equal(t, 1000, d.Stored)
	assert.Equal(t, 1000, d.Unknown)
	assert.Contains(t, im.said.String(), "interrupted; imported is everything up to line 1,000 of ")
	assert.Contains(t, im.said.String(), ", and perhaps some of the 1,000 events behind it, which no answer settled;")
}

// A pipe whose writer takes his time: what came is sent, and an interrupt is
// heard while nothing comes.
func TestImport_FromASlowPipe(t *testing.T) {
	bin := buildRipen(t)
	got := make(chan int, 10)
	url := server(t, func(_, events int) ingest.Answer {
		got <- events
		return ingest.Answer{Accepted: events}
	})
	im := &importRun{t: t, cmd: exec.Command(bin, "import", "--json", "--nats", url, "-")}
	im.cmd.Stdout, im.cmd.Stderr = &im.out, &im.said
	pipe, err := im.cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, im.cmd.Start())
	line, err := os.ReadFile(events(t, 3))
	require.NoError(t, err)
	_, err = pipe.Write(line)
	require.NoError(t, err)
	select {
	case n := <-got:
		assert.Equal(t, 3, n)
	case <-time.After(20 * time.Second):
		t.Error("nothing was sent")
	}
	time.Sleep(100 * time.Millisecond)
	require.NoError(t, im.cmd.Process.Signal(os.Interrupt))
	code, d := im.end()
	assert.Equal(t, exitBad, code)
	assert.Equal(t, imported{Rows: 3, Read: 3, Events: 3, Stored: 3, Files: []string{}}, d)
	assert.Contains(t, im.said.String(), "interrupted; imported is everything up to line 3 of -;")
}

func TestImport_RefusalsOfTheEngineAddUp(t *testing.T) {
	dir, flow := t.TempDir(), filepath.Join("..", "..", "workflows", "letter-and-number")
	bin := buildRipen(t)
	port := freePort(t)
	cmd := exec.Command(bin, "run", flow, "--data", filepath.Join(dir, "data"), "--port", fmt.Sprint(port))
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	now := time.Now().UTC()
	var body strings.Builder
	for i := range 30 {
		at := now
		if i%3 == 0 {
			at = now.AddDate(0, 0, -40) // behind the horizon
		}
		fmt.Fprintf(&body, `{"type":"track","event":"Email Opened","messageId":"m%d","userId":"u%d","timestamp":%q}`+"\n", i, i, at.Format(time.RFC3339))
	}
	file := filepath.Join(dir, "old.ndjson")
	require.NoError(t, os.WriteFile(file, []byte(body.String()), 0o600))
	require.Eventually(t, func() bool {
		code, _, _ := ripen("import", "--nats", url, "--give-up", "1ms", "--backfill", events(t, 1))
		return code == exitOK
	}, 2*time.Minute, 100*time.Millisecond)

	code, d := startImport(t, bin, url, file).end()
	require.Zero(t, code)
	assert.Equal(t, imported{Rows: 30, Read: 30, Events: 30, Stored: 20, Refused: 10, Files: []string{file + ".rejected.csv"}}, d)
	kept, err := os.ReadFile(file + ".rejected.csv")
	require.NoError(t, err)
	assert.Contains(t, string(kept), file+",1,too-old,")
	assert.Contains(t, string(kept), "ripen import --backfill")

	code, d = startImport(t, bin, url, "--backfill", file).end()
	require.Zero(t, code)
	assert.Equal(t, imported{Rows: 30, Read: 30, Events: 30, Stored: 30, Files: []string{}}, d, "history is of any age")
}
