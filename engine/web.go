package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// web serves /livez, /readyz and /metrics.
type web struct {
	addr   net.Addr
	server *http.Server
}

func startWeb(e *Engine) (*web, error) {
	l, err := net.Listen("tcp", e.opts.HTTP)
	if err != nil {
		return nil, fmt.Errorf("health page cannot listen on %s: %w; choose another address with --http", e.opts.HTTP, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/livez", func(w http.ResponseWriter, _ *http.Request) { e.answer(w, e.alive()) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { e.answer(w, e.Ready()) })
	reg := prometheus.NewRegistry()
	reg.MustRegister(&collector{e: e})
	mux.Handle("/metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
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

// collector reads the engine's counters when metrics are asked for.
type collector struct{ e *Engine }

var partitionMetrics = []struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*partitionStatus) int64
}{
	{desc("ripen_events_total", "Events that were scored."), prometheus.CounterValue, func(s *partitionStatus) int64 { return s.events.Load() }},
	{desc("ripen_duplicate_events_total", "Events that were seen before and changed nothing."), prometheus.CounterValue, func(s *partitionStatus) int64 { return s.repeated.Load() }},
	{desc("ripen_rejected_events_total", "Events that were rejected and kept."), prometheus.CounterValue, func(s *partitionStatus) int64 { return s.rejected.Load() }},
	{desc("ripen_decisions_total", "Decisions published."), prometheus.CounterValue, func(s *partitionStatus) int64 { return s.decisions.Load() }},
	{desc("ripen_commits_total", "Micro-batches committed."), prometheus.CounterValue, func(s *partitionStatus) int64 { return s.commits.Load() }},
	{desc("ripen_leads", "Leads with an account."), prometheus.GaugeValue, func(s *partitionStatus) int64 { return s.leads.Load() }},
	{desc("ripen_stream_position", "Next sequence of the events stream to be read."), prometheus.GaugeValue, func(s *partitionStatus) int64 { return int64(s.position.Load()) }},
	{desc("ripen_tick_seconds", "Latest tick, seconds since 1970."), prometheus.GaugeValue, func(s *partitionStatus) int64 { return s.tick.Load() / 1000 }},
}

var pluginMetrics = map[string]*prometheus.Desc{
	"fuel":    prometheus.NewDesc("ripen_plugin_fuel_total", "Fuel that a plugin used.", []string{"plugin"}, nil),
	"inputs":  prometheus.NewDesc("ripen_plugin_inputs_total", "Inputs that a plugin answered.", []string{"plugin"}, nil),
	"failed":  prometheus.NewDesc("ripen_plugin_failed_total", "Inputs on which a plugin broke.", []string{"plugin"}, nil),
	"refused": prometheus.NewDesc("ripen_plugin_refused_total", "Inputs that a plugin refused with a text.", []string{"plugin"}, nil),
	"turned":  prometheus.NewDesc("ripen_plugin_turned_away_total", "Inputs that an open circuit breaker turned away.", []string{"plugin"}, nil),
}

func desc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"partition"}, nil)
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for i := range partitionMetrics {
		ch <- partitionMetrics[i].desc
	}
	for _, d := range pluginMetrics {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, p := range c.e.parts {
		for i := range partitionMetrics {
			m := &partitionMetrics[i]
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, float64(m.read(&p.status)), fmt.Sprint(p.number))
		}
	}
	for name, s := range c.e.work.Stats() {
		for key, v := range map[string]uint64{"fuel": s.Fuel, "inputs": s.Slots, "failed": s.Failed, "refused": s.Soft, "turned": s.Turned} {
			ch <- prometheus.MustNewConstMetric(pluginMetrics[key], prometheus.CounterValue, float64(v), name)
		}
	}
}
