package torture

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// serverEnv, when set to "folder:port", makes the process a nats-server.
const serverEnv = "RIPEN_TORTURE_SERVER"

// ServeIfAsked makes the process a nats-server that syncs every write, if the
// environment says so; it does not return then. A test binary or a command that
// runs the torture calls it first.
func ServeIfAsked() {
	dir, port, ok := strings.Cut(os.Getenv(serverEnv), "|")
	if !ok {
		return
	}
	if err := serve(dir, port); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
	select {}
}

func serve(dir, port string) error {
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n, JetStream: true, StoreDir: dir, SyncAlways: true,
		JetStreamMaxStore: 1 << 60, MaxPayload: 8 << 20, NoSigs: true})
	if err != nil {
		return err
	}
	s.ConfigureLogger()
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		return errors.New("is not ready")
	}
	return nil
}

// natsServer is an external server process.
type natsServer struct {
	r    *round
	dir  string
	port int
	cmd  *exec.Cmd
}

func (s *natsServer) start() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.cmd = exec.Command(self) //nolint:gosec // ourselves
	s.cmd.Env = append(os.Environ(), serverEnv+"="+s.dir+"|"+strconv.Itoa(s.port))
	log, err := os.OpenFile(s.r.path("server.log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("nats-server: %w", err)
	}
	for range 1500 {
		c, err := net.Dial("tcp", s.addr())
		if err == nil {
			s.r.note("server runs")
			return c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("nats-server does not listen on %s", s.addr())
}

func (s *natsServer) addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

func (s *natsServer) kill() {
	s.r.note("kill -9 server")
	s.r.killed("server")
	s.end()
}

func (s *natsServer) end() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *natsServer) url() string { return "nats://" + s.addr() }
