package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// web serves /livez, /readyz and /metrics.
type web struct {
	addr   net.Addr
	server *http.Server
}

// listenWeb opens the listener of the pages.
func listenWeb(addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("health page cannot listen on %s: %w; choose another address with --http", addr, err)
	}
	return l, nil
}

// probeWeb says early that startWeb would fail: before there is a data folder.
func probeWeb(addr string) error {
	if addr == "" {
		return nil
	}
	l, err := listenWeb(addr)
	if err != nil {
		return err
	}
	return l.Close()
}

func startWeb(e *Engine) (*web, error) {
	l, err := listenWeb(e.opts.HTTP)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { e.answer(w, e.alive()) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { e.answer(w, e.Ready()) })
	mux.Handle("/metrics", promhttp.HandlerFor(newMetrics(e), promhttp.HandlerOpts{}))
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := s.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			e.log.Error("health page ended", "error", err)
		}
	}()
	return &web{addr: l.Addr(), server: s}, nil
}

func (w *web) close(ctx context.Context) { _ = w.server.Shutdown(ctx) }

func (e *Engine) answer(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
}

func (e *Engine) alive() error {
	select {
	case <-e.done:
		return errors.New("engine has stopped")
	default:
		return nil
	}
}

// Ready says why the engine is not ready, nil if it is: connected, and every
// partition that is assigned to it restored.
func (e *Engine) Ready() error {
	if err := e.alive(); err != nil {
		return err
	}
	if !e.conn.IsConnected() {
		return errors.New("not connected to NATS")
	}
	return e.keeper.ready()
}
