// Package natsd is the embedded nats-server: JetStream on disk, in one folder,
// with the doors that clients may use.
//
// It imports nothing of ours and knows nothing of streams' contents: it owns
// the data folder, the listener, the accounts and the server's life. It never
// decides about events, and it never listens beyond loopback without
// authentication.
package natsd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// readyTimeout bounds the start of the server; recovery of a large store is
// work of minutes, not of seconds.
const readyTimeout = 5 * time.Minute

// Sentinels of Start, for exit codes and tests.
var (
	// ErrLocked says that another engine works on the data folder.
	ErrLocked = errors.New("data folder is in use")
	// ErrFormat says that the data folder was written by another version.
	ErrFormat = errors.New("data folder has another format")
	// ErrFolder says that the data folder cannot be used.
	ErrFolder = errors.New("data folder is not usable")
	// ErrPort says that the listener's port cannot be opened.
	ErrPort = errors.New("port is not available")
	// ErrOptions says that the options contradict each other.
	ErrOptions = errors.New("server options are not valid")
	// ErrStopped says that the server runs no more.
	ErrStopped = errors.New("server is stopped")
)

// Server is a running embedded nats-server and the lock on its data folder.
type Server struct {
	opts   Options
	folder *folder
	logins logins

	mu   sync.Mutex
	srv  *server.Server // nil after Stop
	port int
	life atomic.Uint64 // odd while Restart is at work
}

// Start locks the data folder, starts the server and waits until it serves.
func Start(o Options) (*Server, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.Existing {
		if err := exists(o.Dir); err != nil {
			return nil, err
		}
	}
	_, err := os.Stat(o.Dir)
	fresh := errors.Is(err, os.ErrNotExist)
	f, err := openFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Before != nil {
		if err := o.Before(o.Dir); err != nil {
			return nil, errors.Join(err, f.close())
		}
	}
	s := &Server{opts: o, folder: f, logins: newLogins(), port: o.Port}
	if err := s.boot(); err != nil {
		err = errors.Join(err, f.close())
		if fresh && errors.Is(err, ErrPort) { // nothing is in it yet
			err = errors.Join(err, os.RemoveAll(o.Dir))
		}
		return nil, err
	}
	if err := s.writeAdmin(); err != nil {
		return nil, errors.Join(err, s.Stop(context.Background()))
	}
	if o.Durability == Process {
		o.Logger.Warn("durability is \"process\": events survive a crash of the engine, " +
			"but a power loss may lose those acknowledged in the last two minutes")
	}
	return s, nil
}

// boot starts a nats-server on the folder; the caller holds the lock on it.
func (s *Server) boot() error {
	if err := probePort(s.opts, s.port); err != nil {
		return err
	}
	so, err := serverOptions(s.opts, s.folder.store(), s.port, s.logins)
	if err != nil {
		return err
	}
	srv, err := server.NewServer(so)
	if err != nil {
		return fmt.Errorf("embedded NATS server: %w", err)
	}
	log := newServerLog(s.opts.Logger)
	srv.SetLoggerV2(log, s.opts.Logger.IsDebug(), false, false)
	srv.Start()
	if !srv.ReadyForConnections(readyTimeout) || log.fatal() != nil || !srv.JetStreamEnabled() {
		srv.Shutdown()
		srv.WaitForShutdown()
		if err := log.fatal(); err != nil {
			return fmt.Errorf("embedded NATS server does not start: %w", err)
		}
		return fmt.Errorf("embedded NATS server is not ready after %s", readyTimeout)
	}
	s.srv = srv
	if a, ok := srv.Addr().(*net.TCPAddr); ok {
		s.port = a.Port
	}
	return nil
}

// probePort gives one clear error where the server would only log.
func probePort(o Options, port int) error {
	if o.NoListen || port < 0 {
		return nil
	}
	addr := net.JoinHostPort(o.Host, strconv.Itoa(port))
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("%w: cannot listen on %s (%w); stop the program that uses it "+
			"or choose another port", ErrPort, addr, err)
	}
	return l.Close()
}

// URL is the address of the listener, empty if there is none.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url()
}

func (s *Server) url() string {
	if s.opts.NoListen {
		return ""
	}
	scheme := "nats://"
	if s.opts.TLS != nil {
		scheme = "tls://"
	}
	return scheme + net.JoinHostPort(s.opts.Host, strconv.Itoa(s.port))
}

// Durable says whether an acknowledged message survives a power loss.
func (s *Server) Durable() bool { return s.opts.Durability == Disk }

// InProcessConn makes a Server a nats.InProcessConnProvider; it always reaches
// the server that runs now, so that a connection survives Restart.
func (s *Server) InProcessConn() (net.Conn, error) {
	s.mu.Lock()
	srv := s.srv
	s.mu.Unlock()
	if srv == nil {
		return nil, ErrStopped
	}
	return srv.InProcessConn()
}

// Connect opens an in-process connection of the engine's own user, which has
// all rights and no password that leaves the process. It reconnects for ever;
// the caller closes it before Stop.
func (s *Server) Connect(name string, more ...nats.Option) (*nats.Conn, error) {
	return s.connect(name, s.logins.engine, more)
}

// ConnectDoor opens an in-process connection in the clients' account that may
// listen to their events, and answer, and nothing else. It reconnects for ever;
// the caller closes it before Stop.
func (s *Server) ConnectDoor(name string, more ...nats.Option) (*nats.Conn, error) {
	return s.connect(name, s.logins.door, more)
}

func (s *Server) connect(name string, as login, more []nats.Option) (*nats.Conn, error) {
	opts := append([]nats.Option{
		nats.Name(name),
		nats.InProcessServer(s),
		nats.UserInfo(as.user, as.password),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(50 * time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			s.opts.Logger.Debug("connection of the engine", "name", name, "error", err)
		}),
	}, more...)
	nc, err := nats.Connect("", opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	return nc, nil
}

// Restart stops the server and starts it again on the same folder and port.
// A single node completes a torn atomic batch only when it starts, so the
// engine restarts it after a refused commit. A server that does not stop within
// Options.Silence is ErrStuck.
func (s *Server) Restart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.srv == nil {
		return ErrStopped
	}
	s.life.Add(1)
	defer s.life.Add(1)
	ctx, cancel := context.WithTimeout(context.Background(), s.opts.Silence)
	defer cancel()
	if err := s.shutdown(ctx); err != nil {
		return fmt.Errorf("%w: it does not stop within %s; %s", ErrStuck, s.opts.Silence, stuckAdvice)
	}
	return s.boot()
}

// Stop shuts the server down, flushes its store and frees the data folder. A
// server that does not end within ctx keeps the folder locked.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.srv != nil {
		s.removeAdmin()
		if err := s.shutdown(ctx); err != nil {
			return fmt.Errorf("embedded NATS server does not stop: %w", err)
		}
	}
	return s.folder.close()
}

// shutdown waits for the server's end, but no longer than ctx.
func (s *Server) shutdown(ctx context.Context) error {
	done := make(chan struct{})
	go func(srv *server.Server) {
		defer close(done)
		srv.Shutdown()
		srv.WaitForShutdown()
	}(s.srv)
	select {
	case <-done:
		s.srv = nil
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
