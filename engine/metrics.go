package engine

import (
	"context"
	"errors"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/ripenhq/ripen/engine/journal"
)

// scrapeTime bounds what the server is asked while metrics are read.
const scrapeTime = 2 * time.Second

// newMetrics are the engine's metrics and those of its process.
func newMetrics(e *Engine) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(&collector{e: e, shot: map[int]madeBefore{}}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return reg
}

// collector reads the engine's counters when metrics are asked for.
type collector struct {
	e *Engine

	mu   sync.Mutex
	shot map[int]madeBefore // by partition: the newest snapshot when it was claimed
}

// madeBefore is when the newest snapshot was made that an owner found, ms.
type madeBefore struct {
	epoch uint64
	at    int64
}

// partitionMetric is a number of a partition. Gauges are those of its owner.
type partitionMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*partitionStatus) float64
}

func counter(name, help string, read func(*partitionStatus) int64) partitionMetric {
	return partitionMetric{desc(name, help), prometheus.CounterValue, func(s *partitionStatus) float64 { return float64(read(s)) }}
}

func gauge(name, help string, read func(*partitionStatus) float64) partitionMetric {
	return partitionMetric{desc(name, help), prometheus.GaugeValue, read}
}

var partitionMetrics = []partitionMetric{
	counter("ripen_events_total", "Events that were scored.", func(s *partitionStatus) int64 { return s.events.Load() }),
	counter("ripen_events_committed_total", "Events whose effect is durable.", func(s *partitionStatus) int64 { return s.committed.Load() }),
	counter("ripen_duplicate_events_total", "Events that were seen before and changed nothing.", func(s *partitionStatus) int64 { return s.repeated.Load() }),
	counter("ripen_decisions_total", "Decisions published.", func(s *partitionStatus) int64 { return s.decisions.Load() }),
	counter("ripen_commits_total", "Micro-batches committed.", func(s *partitionStatus) int64 { return s.commits.Load() }),
	gauge("ripen_partition_ready", "1 if the partition is restored and scores.", func(s *partitionStatus) float64 { return flag(s.ready.Load()) }),
	gauge("ripen_partition_epoch", "Epoch of the claim; it grows with each change of the owner.", func(s *partitionStatus) float64 { return float64(s.epoch.Load()) }),
	gauge("ripen_partition_position", "Next sequence of the events stream to be read.", func(s *partitionStatus) float64 { return float64(s.position.Load()) }),
	gauge("ripen_partition_lag_messages", "Messages of the events stream that were behind the one read last.", func(s *partitionStatus) float64 { return float64(s.behind.Load()) }),
	gauge("ripen_leads_hot", "Leads in memory; the others lie in the local store.", func(s *partitionStatus) float64 { return float64(s.leads.Load()) }),
	gauge("ripen_timers", "Timers of leads in memory that wait.", func(s *partitionStatus) float64 { return float64(s.timers.Load()) }),
	gauge("ripen_tick_timestamp_seconds", "Latest tick, seconds since 1970.", func(s *partitionStatus) float64 { return float64(s.tick.Load()) / 1000 }),
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

var (
	ownedDesc    = desc("ripen_partition_owned", "1 if this engine runs the partition.")
	lagDesc      = desc("ripen_partition_lag_seconds", "Age of the oldest event that is not read yet, 0 if there is none.")
	commitDesc   = desc("ripen_commit_duration_seconds", "Time from sending a commit until it is durable.")
	rejectedDesc = prometheus.NewDesc("ripen_rejected_events_total", "Events that were rejected when they were scored, and kept.", []string{"partition", "code"}, nil)
	streamDescs  = map[string]*prometheus.Desc{
		"messages": prometheus.NewDesc("ripen_stream_messages", "Messages in a stream.", []string{"stream"}, nil),
		"bytes":    prometheus.NewDesc("ripen_stream_bytes", "Size of a stream.", []string{"stream"}, nil),
		"limit":    prometheus.NewDesc("ripen_stream_limit_bytes", "Size at which a stream is full; absent without a limit.", []string{"stream"}, nil),
	}
	shotDesc    = desc("ripen_snapshot_timestamp_seconds", "When the newest snapshot was made, seconds since 1970; absent if there is none.")
	storeDesc   = prometheus.NewDesc("ripen_store_bytes", "Size of the local store of leads.", []string{"where"}, nil)
	freeDesc    = prometheus.NewDesc("ripen_disk_free_bytes", "Free space on the disk of the data folder.", nil, nil)
	buildDesc   = prometheus.NewDesc("ripen_build_info", "Always 1; what was built.", []string{"version", "goversion"}, nil)
	doubtDesc   = prometheus.NewDesc("ripen_plugin_distrusted", "Always 1; a plugin of a running release that would be refused if it were loaded now.", []string{"workflow", "release", "plugin"}, nil)
	pluginDescs = map[string]*prometheus.Desc{
		"fuel":    plugin("ripen_plugin_fuel_total", "Fuel that a plugin used."),
		"calls":   plugin("ripen_plugin_calls_total", "Calls into a plugin; one serves many inputs."),
		"inputs":  plugin("ripen_plugin_inputs_total", "Inputs that a plugin answered."),
		"traps":   plugin("ripen_plugin_traps_total", "Inputs on which a plugin trapped, ran out of fuel or broke the contract."),
		"refused": plugin("ripen_plugin_refused_total", "Inputs that a plugin refused with a text."),
		"turned":  plugin("ripen_plugin_turned_away_total", "Inputs that an open circuit breaker turned away."),
		"made":    plugin("ripen_plugin_instances_total", "Instances that were made of a plugin."),
	}
)

func desc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"partition"}, nil)
}

func plugin(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{"workflow", "release", "plugin"}, nil)
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for i := range partitionMetrics {
		ch <- partitionMetrics[i].desc
	}
	for _, list := range []map[string]*prometheus.Desc{streamDescs, pluginDescs, tallyDescs} {
		for _, d := range list {
			ch <- d
		}
	}
	for _, d := range []*prometheus.Desc{ownedDesc, lagDesc, commitDesc, rejectedDesc, shotDesc, storeDesc, freeDesc, buildDesc, doubtDesc, releaseDesc} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	events := c.streams(ctx, ch)
	for _, p := range c.e.parts {
		c.partition(ctx, p, events, ch)
	}
	c.releases(ch)
	for _, x := range c.e.doubts.list() {
		ch <- prometheus.MustNewConstMetric(doubtDesc, prometheus.GaugeValue, 1, x.Workflow, strconv.FormatUint(uint64(x.Release), 10), x.Plugin)
	}
	version, goversion := "unknown", "unknown"
	if b, ok := debug.ReadBuildInfo(); ok {
		version, goversion = b.Main.Version, b.GoVersion
	}
	one := func(d *prometheus.Desc, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, 1, labels...)
	}
	one(buildDesc, version, goversion)
}

func (c *collector) partition(ctx context.Context, p *partition, events jetstream.Stream, ch chan<- prometheus.Metric) {
	s, label := &p.status, strconv.Itoa(p.number)
	owned := s.owned.Load()
	ch <- prometheus.MustNewConstMetric(ownedDesc, prometheus.GaugeValue, flag(owned), label)
	for i := range partitionMetrics {
		if m := &partitionMetrics[i]; owned || m.kind == prometheus.CounterValue {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.read(s), label)
		}
	}
	s.codes.each(func(code string, n int64) {
		ch <- prometheus.MustNewConstMetric(rejectedDesc, prometheus.CounterValue, float64(n), label, code)
	})
	count, sum, buckets := s.commitTime.read()
	ch <- prometheus.MustNewConstHistogram(commitDesc, count, sum, buckets, label)
	if owned && s.ready.Load() && events != nil {
		if lag, err := lagOf(ctx, p, events); err == nil {
			ch <- prometheus.MustNewConstMetric(lagDesc, prometheus.GaugeValue, lag.Seconds(), label)
		}
		if at := c.snapshot(ctx, p); at > 0 {
			ch <- prometheus.MustNewConstMetric(shotDesc, prometheus.GaugeValue, float64(at)/1000, label)
		}
	}
}

// snapshot is when the newest snapshot of a partition was made, ms: by this
// owner, or by one before, which is looked up once.
func (c *collector) snapshot(ctx context.Context, p *partition) int64 {
	if at := p.status.snapshot.Load(); at > 0 {
		return at
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	epoch := p.status.epoch.Load()
	if c.shot[p.number].epoch != epoch {
		list, err := c.e.journal.Snapshots(ctx, p.number)
		if err != nil {
			return 0
		}
		found := madeBefore{epoch: epoch}
		if len(list) > 0 {
			found.at = list[0].Made
		}
		c.shot[p.number] = found
	}
	return c.shot[p.number].at
}

// lagOf is the age of the oldest event that the partition has not read.
func lagOf(ctx context.Context, p *partition, events jetstream.Stream) (time.Duration, error) {
	m, err := events.GetMsg(ctx, max(p.status.position.Load(), 1), jetstream.WithGetMsgSubject(journal.EventSubject(p.number)))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return max(0, time.Since(m.Time)), nil
}

// streams tells how full the streams are, and gives the one with the events. A
// server that does not answer leaves these metrics out.
func (c *collector) streams(ctx context.Context, ch chan<- prometheus.Metric) (events jetstream.Stream) {
	for _, name := range []string{journal.EventsStream, journal.JournalStream} {
		s, err := c.e.js.Stream(ctx, name)
		if err != nil {
			continue
		}
		if name == journal.EventsStream {
			events = s
		}
		info := s.CachedInfo()
		ch <- prometheus.MustNewConstMetric(streamDescs["messages"], prometheus.GaugeValue, float64(info.State.Msgs), name)
		ch <- prometheus.MustNewConstMetric(streamDescs["bytes"], prometheus.GaugeValue, float64(info.State.Bytes), name)
		if info.Config.MaxBytes > 0 {
			ch <- prometheus.MustNewConstMetric(streamDescs["limit"], prometheus.GaugeValue, float64(info.Config.MaxBytes), name)
		}
	}
	if db := c.e.store(); db != nil {
		stats := db.Stats()
		for where, n := range map[string]int64{"disk": stats.Disk, "block_cache": stats.BlockCache, "memtables": stats.MemTables} {
			ch <- prometheus.MustNewConstMetric(storeDesc, prometheus.GaugeValue, float64(n), where)
		}
	}
	if c.e.server != nil {
		if free, err := c.e.server.FreeBytes(); err == nil {
			ch <- prometheus.MustNewConstMetric(freeDesc, prometheus.GaugeValue, float64(free))
		}
	}
	return events
}
