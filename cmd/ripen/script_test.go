package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/registry"
	demostream "github.com/ripenhq/ripen/examples/demo-stream"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ripen": main})
}

// TestScripts runs testdata/script/*.txtar against the command itself.
func TestScripts(t *testing.T) {
	_, err := registry.Builtin()
	require.NoError(t, err, "the scripts run the shipped plugins")
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	cache := filepath.Join(root, "build", "plugin-cache") // shared: compiling is slow
	require.NoError(t, os.MkdirAll(cache, 0o700))
	plain := ""
	if raceDetector { // pays in engines; the hundreds of short commands run as people run them
		plain = filepath.Dir(buildRipen(t)) + string(filepath.ListSeparator)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join(root, "testdata", "script"),
		Setup: func(e *testscript.Env) error {
			e.Setenv("RIPEN_CACHE", cache)
			e.Setenv("GOCACHE", goCache(t)) // the home of a story is empty
			e.Setenv("PATH", plain+e.Getenv("PATH"))
			e.Setenv("REPO", root)
			e.Setenv("XEDU", xEducation(root))
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "xeducation":
				_, err := os.Stat(xEducation(root))
				return err == nil, nil
			}
			if name, of := strings.CutPrefix(cond, "builds:"); of { // plugins in that language, without a network
				return builds(root, name)
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "engine": startEngine, "halt": stopEngine, "story": story, "get": get, "lines": lines, "damage": damage, "send": request, "await": await, "sequence": sequence, "flip": flip, "capture": capture, "forget": forget,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// builds says whether plugins in a language can be built here, without a
// network.
func builds(root, name string) (bool, error) {
	l, err := languageNamed(name)
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(filepath.Join(root, "sdk", name, "node_modules", ".bin", "asc")); name == "assemblyscript" && err != nil {
		return false, nil // npm would fetch it
	}
	return l.tools(context.Background()) == nil, nil
}

// xEducation is the folder of the data set that is not shipped.
func xEducation(root string) string {
	data := os.Getenv("RIPEN_SHARED_DATA")
	if data == "" {
		data = filepath.Join(root, "..", "shared", "data")
	}
	return filepath.Join(data, "x_education")
}

// exits CODE COMMAND ARGS... runs a command that must end with that code and
// without a stack trace.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command args...")
	}
	code := 0
	var failed *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	said := ts.ReadFile("stderr")
	for _, bad := range []string{"goroutine ", "panic", "internal error"} {
		if strings.Contains(said, bad) {
			ts.Fatalf("stderr holds %q", bad)
		}
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, expected %s", code, args[0])
	}
}

// running is a background engine of a script.
type running struct {
	cmd      *exec.Cmd
	out, err bytes.Buffer
	done     chan error
}

// startEngine NAME ARGS... starts `ripen run ARGS...` and waits until it is
// ready: $URL and $PORT are its address, $HTTP that of its pages.
func startEngine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: engine name args...")
	}
	r := &running{cmd: exec.Command("ripen", append([]string{"run"}, args[1:]...)...), done: make(chan error, 1)}
	r.cmd.Dir = ts.MkAbs(".")
	r.cmd.Env = append(os.Environ(), "RIPEN_CACHE="+ts.Getenv("RIPEN_CACHE"))
	r.cmd.Stderr = &r.err
	out, err := r.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(r.cmd.Start())
	engines.Store(key(ts, args[0]), r)
	ts.Defer(func() { _ = r.cmd.Process.Kill() })
	first := make(chan string, 1)
	go func() {
		var line []byte
		for one := make([]byte, 1); ; {
			if _, err := out.Read(one); err != nil || one[0] == '\n' {
				break
			}
			line = append(line, one[0])
		}
		first <- string(line)
		_, _ = io.Copy(&r.out, out)
		r.done <- r.cmd.Wait()
	}()
	select {
	case line := <-first:
		ts.Logf("%s", line)
		if !strings.HasPrefix(line, "ready: nats://") {
			<-r.done
			ts.Fatalf("engine says %q; %s", line, r.err.String())
		}
		url := strings.Fields(line)[1]
		ts.Setenv("URL", url)
		ts.Setenv("PORT", url[strings.LastIndex(url, ":")+1:])
		if _, addr, ok := strings.Cut(line, "http="); ok {
			ts.Setenv("HTTP", strings.Fields(addr)[0])
		}
	case <-time.After(2 * time.Minute):
		ts.Fatalf("engine is not ready")
	}
}

// engines are the running ones by script and name; scripts run in parallel.
var engines sync.Map

func key(ts *testscript.TestScript, name string) string { return ts.Name() + "/" + name }

// halt NAME SIGNAL [twice] ends a background engine, which must drain and exit
// with 0, even if the signal comes to its group as well.
func stopEngine(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: halt name TERM|INT [twice]")
	}
	found, ok := engines.Load(key(ts, args[0]))
	if !ok {
		ts.Fatalf("no engine %s runs", args[0])
	}
	r := found.(*running)
	sig := map[string]os.Signal{"TERM": syscall.SIGTERM, "INT": syscall.SIGINT}[args[1]]
	ts.Check(r.cmd.Process.Signal(sig))
	if len(args) == 3 {
		time.Sleep(5 * time.Millisecond) // two at once may reach the process as one
		_ = r.cmd.Process.Signal(sig)    // it may be gone already
	}
	select {
	case err := <-r.done:
		_, _ = io.WriteString(ts.Stderr(), r.err.String())
		ts.Check(err)
	case <-time.After(time.Minute):
		ts.Fatalf("engine does not stop; %s", r.err.String())
	}
}

// story FILE SEED LEADS DAYS [ticks] writes the events of a demo stream; with
// ticks some events come late and time passes at random places.
func story(ts *testscript.TestScript, _ bool, args []string) {
	n := make([]int, 3)
	for i := range n {
		var err error
		n[i], err = strconv.Atoi(args[i+1])
		ts.Check(err)
	}
	text := demostream.Generate(uint64(n[0]), demostream.Options{Leads: n[1], Days: n[2]})
	if len(args) > 4 {
		text = disturb(text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o600))
}

// disturb moves every twentieth event up to 300 places back and lets time pass
// behind every fiftieth.
func disturb(text []byte) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	list := bytes.SplitAfter(bytes.TrimSpace(text), []byte("\n"))
	list[len(list)-1] = append(bytes.TrimSpace(list[len(list)-1]), '\n')
	var out bytes.Buffer
	late := map[int][][]byte{}
	for i, line := range list {
		for _, l := range late[i] {
			out.Write(l)
		}
		if to := i + 1 + rng.IntN(300); rng.IntN(20) == 0 && to < len(list) {
			late[to] = append(late[to], line)
			continue
		}
		out.Write(line)
		if rng.IntN(50) == 0 {
			_, rest, _ := bytes.Cut(line, []byte(`"timestamp":"`))
			at, _, _ := bytes.Cut(rest, []byte(`"`))
			_, _ = fmt.Fprintf(&out, "{\"type\":\"tick\",\"timestamp\":%q}\n", at)
		}
	}
	return out.Bytes()
}

// get URL prints a page.
func get(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Get(args[0])
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(ts.Stdout(), resp.Body)
	ts.Check(err)
	if resp.StatusCode != http.StatusOK {
		ts.Fatalf("status %s", resp.Status)
	}
}

// lines FILE N checks the number of lines of a file.
func lines(ts *testscript.TestScript, _ bool, args []string) {
	if got := strconv.Itoa(strings.Count(ts.ReadFile(args[0]), "\n")); got != args[1] {
		ts.Fatalf("%s has %s lines, expected %s", args[0], got, args[1])
	}
}

// damage DATA SUBJECT changes one byte, on disk, of the message in the middle
// of a subject of the journal stream.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	names, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "jetstream", "*", "*", "streams", "RIPEN_JOURNAL", "msgs", "*.blk"))
	ts.Check(err)
	for _, name := range names {
		all, err := os.ReadFile(name)
		ts.Check(err)
		n := bytes.Count(all, []byte(args[1]))
		if n == 0 {
			continue
		}
		at := 0
		for range n/2 + 1 {
			at += bytes.Index(all[at:], []byte(args[1])) + 1
		}
		all[at+len(args[1])+60] ^= 1
		ts.Check(os.WriteFile(name, all, 0o600))
		return
	}
	ts.Fatalf("no message on %s", args[1])
}

// send URL FILE requests that the events of a file be stored, NOW being the
// time of the request, and prints the answer.
func request(ts *testscript.TestScript, _ bool, args []string) {
	nc, err := nats.Connect(args[0])
	ts.Check(err)
	defer nc.Close()
	body := strings.ReplaceAll(ts.ReadFile(args[1]), "NOW", time.Now().UTC().Format(time.RFC3339Nano))
	m, err := nc.Request("ripen.in", []byte(body), 20*time.Second)
	ts.Check(err)
	_, _ = fmt.Fprintf(ts.Stdout(), "%s\n", m.Data)
}

// sequence VAR CODE FILE sets VAR to the sequence of the rejected event with a
// code in a list of them.
func sequence(ts *testscript.TestScript, _ bool, args []string) {
	for line := range strings.Lines(ts.ReadFile(args[2])) {
		var r struct {
			Sequence uint64
			Code     string
		}
		ts.Check(json.Unmarshal([]byte(line), &r))
		if r.Code == args[1] {
			ts.Setenv(args[0], strconv.FormatUint(r.Sequence, 10))
			return
		}
	}
	ts.Fatalf("nothing with code %s", args[1])
}

// forget DATA KEPT lets all but the newest messages with events be gone from a data
// folder that no engine runs on, as they are when they are old.
func forget(ts *testscript.TestScript, _ bool, args []string) {
	keep, err := strconv.Atoi(args[1])
	ts.Check(err)
	srv, err := natsd.Start(natsd.Options{Dir: ts.MkAbs(args[0]), NoListen: true})
	ts.Check(err)
	defer func() { ts.Check(srv.Stop(context.Background())) }()
	nc, err := srv.Connect("test")
	ts.Check(err)
	defer nc.Close()
	js, err := nc.JetStream()
	ts.Check(err)
	info, err := js.StreamInfo(journal.EventsStream)
	ts.Check(err)
	seq := info.State.LastSeq
	for ; seq > 0; seq-- {
		m, err := js.GetMsg(journal.EventsStream, seq)
		ts.Check(err)
		if m.Subject != journal.ControlSubject {
			if keep--; keep == 0 {
				break
			}
		}
	}
	ts.Check(js.PurgeStream(journal.EventsStream, &nats.StreamPurgeRequest{Sequence: seq}))
}

// capture VAR PATTERN sets VAR to what the pattern's first group matches in the
// last output.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) < 2 {
		ts.Fatalf("no match for %q", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// await PATTERN COMMAND ARGS... runs a command until its output matches.
func await(ts *testscript.TestScript, _ bool, args []string) {
	want, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		switch {
		case err == nil && want.MatchString(ts.ReadFile("stdout")):
			return
		case time.Now().After(end):
			ts.Fatalf("no match for %q: %v", args[0], err)
		}
	}
}
