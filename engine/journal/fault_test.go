package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/ripenhq/ripen/engine/natsd"
)

// cutter is a TCP proxy that can swallow answers and cut connections.
type cutter struct {
	l       net.Listener
	server  string
	swallow atomic.Bool
	// halfOpen hides from the client that the server is gone.
	halfOpen atomic.Bool
	delay    atomic.Int64 // of answers, ns
	// bytes is how many more bytes may go to the server before the connection
	// is cut; 0 or less = all may.
	bytes atomic.Int64

	mu    sync.Mutex
	conns []net.Conn
}

func newCutter(t *testing.T, server string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cutter{l: l, server: server}
	go c.accept()
	t.Cleanup(func() { _ = l.Close(); c.cut() })
	return c
}

func (c *cutter) accept() {
	for {
		in, err := c.l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", c.server)
		if err != nil {
			_ = in.Close()
			continue
		}
		c.mu.Lock()
		c.conns = append(c.conns, in, out)
		c.mu.Unlock()
		go c.requests(in, out)
		go c.answers(in, out)
	}
}

// requests lets so many bytes pass and then cuts all connections, also in the
// middle of a message.
func (c *cutter) requests(in, out net.Conn) {
	buf := make([]byte, 4<<10)
	for {
		n, err := in.Read(buf)
		if err != nil {
			_ = out.Close()
			return
		}
		if left := c.bytes.Load(); left > 0 {
			if c.bytes.Add(int64(-n)) <= 0 {
				_, _ = out.Write(buf[:left])
				c.cut()
				return
			}
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (c *cutter) answers(in, out net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := out.Read(buf)
		if err != nil {
			if !c.halfOpen.Load() {
				_ = in.Close()
			}
			return
		}
		if c.swallow.Load() {
			continue
		}
		time.Sleep(time.Duration(c.delay.Load()))
		if _, err := in.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}

func TestLostAnswerOfACommitIsResolvedByReading(t *testing.T) {
	for _, n := range []int{0, 20} {
		t.Run(fmt.Sprint(n, " outputs"), func(t *testing.T) {
			srv, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Port: -1, Durability: natsd.Process,
				Users: []natsd.User{{Name: "root", Password: "x", Admin: true}}})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, srv.Stop(context.Background())) })
			proxy := newCutter(t, strings.TrimPrefix(srv.URL(), "nats://"))
			nc, err := nats.Connect("nats://"+proxy.l.Addr().String(), nats.UserInfo("root", "x"), nats.MaxReconnects(-1),
				nats.ReconnectWait(20*time.Millisecond), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
			require.NoError(t, err)
			t.Cleanup(nc.Close)
			js, err := jetstream.New(nc)
			require.NoError(t, err)
			j, err := Open(t.Context(), js, Config{Partitions: 1, CommitTimeout: 500 * time.Millisecond})
			require.NoError(t, err)
			pt, err := j.Claim(t.Context(), 0)
			require.NoError(t, err)
			for round := range 4 {
				proxy.swallow.Store(true)
				time.AfterFunc(200*time.Millisecond, func() {
					proxy.cut()
					proxy.swallow.Store(false)
				})
				_, err = pt.Commit(t.Context(), outputs(n, fmt.Sprint("r", round)), Record{Clock: int64(round)})
				require.NoError(t, err)
			}
			b := &bench{t: t, srv: srv, nc: nc, js: js, j: j}
			require.Len(t, b.stored("ripen.out.>"), 4*n, "each once")
			require.Len(t, b.restore(b.claim(0)), 6)
		})
	}
}

// childDir, when set, makes the test binary an engine that commits until it is
// killed.
const childDir = "RIPEN_JOURNAL_TEST_DIR"

// childLimit bounds the files that the child may write, in bytes: a disk that
// is full, as far as the server can tell.
const childLimit = "RIPEN_JOURNAL_TEST_LIMIT"

// childRestart lets the child restart its server on the full disk, then give it
// room, and go on.
const childRestart = "RIPEN_JOURNAL_TEST_RESTART"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := commitForEver(dir); err != nil {
			fmt.Println("error", err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// commitForEver commits batches of 1 to 40 decisions and prints what was
// acknowledged.
func commitForEver(dir string) error {
	ctx := context.Background()
	if limit := os.Getenv(childLimit); limit != "" {
		if err := limitFiles(limit); err != nil {
			return err
		}
	}
	srv, err := natsd.Start(natsd.Options{Dir: dir, NoListen: true, Logger: childLog()})
	if err != nil {
		return err
	}
	nc, err := srv.Connect("child")
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	j, err := Open(ctx, js, Config{Partitions: 1, CommitTimeout: time.Second, Logger: childLog()})
	if err != nil {
		return err
	}
	pt, err := j.Claim(ctx, 0)
	if err != nil {
		return err
	}
	next, err := following(ctx, pt)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for refused := false; ; next++ {
		if _, err = pt.Commit(ctx, outputs(int(next%41), fmt.Sprint("c", next)), Record{Clock: next}); err != nil {
			if os.Getenv(childRestart) == "" || refused || !errors.Is(err, ErrRefused) {
				return err
			}
			refused = true
			if pt, next, err = settleFull(ctx, srv, j); err != nil {
				return err
			}
			fmt.Println("settled", next)
			continue
		}
		if refused && next%41 == 40 {
			return errors.New("enough")
		}
		fmt.Println("acked", next)
	}
}

// following is the number of the commit behind those that are there.
func following(ctx context.Context, pt *Partition) (next int64, err error) {
	err = pt.Restore(ctx, func(r Record) error {
		if r.Kind == KindCommit {
			next = r.Clock + 1
		}
		return nil
	})
	return next, err
}

// settleFull restarts the server while the disk is still full, which lets it
// forget what it had not stored of a torn batch, and again with room. It
// returns the number of the last commit that is there.
func settleFull(ctx context.Context, srv *natsd.Server, j *Journal) (*Partition, int64, error) {
	if err := srv.Restart(); err != nil {
		return nil, 0, err
	}
	if err := limitFiles(""); err != nil {
		return nil, 0, err
	}
	if err := srv.Restart(); err != nil {
		return nil, 0, err
	}
	pt, err := j.Claim(ctx, 0)
	if err != nil {
		return nil, 0, err
	}
	next, err := following(ctx, pt)
	return pt, next - 1, err
}

// TestKill kills an engine with its server at random instants. RIPEN_TORTURE
// is the number of kills, 4 by default.
func TestKill(t *testing.T) {
	kills := 4
	if s := os.Getenv("RIPEN_TORTURE"); s != "" {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		kills = n
	}
	dir := filepath.Join(t.TempDir(), "data")
	random := rand.New(rand.NewSource(1)) //nolint:gosec // reproducible instants
	acked := int64(-1)
	for range kills {
		acked = max(acked, runAndKill(t, dir, time.Duration(random.Intn(250))*time.Millisecond))
	}
	require.Positive(t, acked)

	require.GreaterOrEqual(t, verify(t, dir), acked, "acknowledged is durable")
}

// verify checks what a child has left: every commit once, and its decisions
// with it. It returns the last commit.
func verify(t *testing.T, dir string) int64 {
	t.Helper()
	srv, err := natsd.Start(natsd.Options{Dir: dir, NoListen: true, Durability: natsd.Process})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Stop(context.Background())) })
	b := &bench{t: t, srv: srv}
	b.nc, b.js, b.j = b.engine(Config{Partitions: 1})
	var want []string
	last := int64(-1)
	for _, r := range b.restore(b.claim(0)) {
		if r.Kind != KindCommit {
			continue
		}
		require.Equal(t, last+1, r.Clock, "every commit once, none missing")
		last = r.Clock
		for i := range last % 41 {
			want = append(want, fmt.Sprint("c", last, " ", i))
		}
	}
	require.Equal(t, want, b.stored("ripen.out.>"), "decisions are whole or absent, each once, in order")
	return last
}

// runAndKill lets a child commit for a while, kills it, and returns the last
// commit that it saw acknowledged.
func runAndKill(t *testing.T, dir string, after time.Duration) int64 {
	t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:gosec // ourselves
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	last := int64(-1)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		word, value, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "ready":
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		case "acked":
			last, err = strconv.ParseInt(value, 10, 64)
			require.NoError(t, err)
		default:
			t.Errorf("child: %s", lines.Text())
		}
	}
	require.Error(t, cmd.Wait(), "it was killed")
	return last
}

// childLog shows what the child's server says, if somebody looks.
func childLog() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.LevelFromString(os.Getenv("RIPEN_JOURNAL_TEST_LOG"))})
}
