package engine

import (
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"

	"github.com/ripenhq/ripen/engine/journal"
	"github.com/ripenhq/ripen/engine/natsd"
	"github.com/ripenhq/ripen/engine/registry"
)

// Clock says where an engine's time comes from.
type Clock string

// The clocks.
const (
	// ClockWall writes a tick each interval of real time.
	ClockWall Clock = "wall"
	// ClockStream lets time follow the events: for demos, tests and playing old
	// streams.
	ClockStream Clock = "stream"
)

// Options configure an engine. The zero value of each field means its default.
type Options struct {
	// Workflow is loaded and stays the caller's. On streams without it, it is
	// begun; else what is live in the streams goes on.
	Workflow *Workflow
	// Releases gives the releases that the streams name; nil are those that are
	// stored beside them. See Given.
	Releases Releases
	// Data is the folder of the embedded server. Ignored with NATS.
	Data string
	// NATS is the URL of an external JetStream server; empty embeds one.
	NATS        string
	NATSOptions []nats.Option // credentials and TLS for NATS
	Listen      string        // host of the embedded listener, default 127.0.0.1
	Port        int           // its port, default 4222, -1 = any free one
	Durability  natsd.Durability
	// Silence is how long the embedded server may leave a stream without an
	// answer; then the engine ends with natsd.ErrStuck. Default one minute.
	Silence    time.Duration
	Partitions int   // fixed when the streams are made, default 4
	MaxBytes   int64 // of the events stream, 0 = no limit
	// MaxEvents is how many events one request may hold, 0 is
	// ingest.DefaultMaxEvents.
	MaxEvents int
	History   time.Duration
	Replicas  int
	// State is the folder of the local store of leads; with the embedded server
	// "state" in its folder, else a temporary one, by default.
	State string
	// Cache is how many leads stay in memory, of all partitions together; 0 is
	// DefaultCache, negative is all.
	Cache int
	// SnapshotEvery is how often the state of a partition that changed goes to
	// the object store, default 10 min; much change makes it more often.
	// Negative is never.
	SnapshotEvery time.Duration
	// SkipLost goes on behind events that were removed before they were read.
	SkipLost bool
	Clock    Clock
	Tick     time.Duration // wall clock: interval of ticks, default one minute
	// Quiet is how long the stream must be still before the stream clock moves
	// to the latest event time, default 3 s. Lateness, if set, moves it while
	// events flow, that far behind the latest event time.
	Quiet    time.Duration
	Lateness time.Duration
	Skew     time.Duration // how far in the future an event may lie, default 5 min
	Dedupe   time.Duration // how long event ids are remembered, default 30 days
	// MaxLag is how many events that this engine took may wait to be scored;
	// beyond it requests are answered "behind". 0 is ingest.DefaultMaxLag,
	// negative is no bound.
	MaxLag   int64
	CacheDir string // of compiled plugins; empty = compile each time
	// Trust says whether a plugin may be run. It is asked anew for each release
	// that is loaded, so it may change its mind. nil = all are.
	Trust func(*registry.Plugin) error
	// TrustEvery is how often it is asked about what runs, default 5 s: trust may
	// be taken back meanwhile.
	TrustEvery time.Duration
	// Now is the time of receipt and of ticks, ms since 1970 UTC; nil is the wall
	// clock.
	Now    func() int64
	HTTP   string // address of /livez, /readyz and /metrics; empty = none
	Logger hclog.Logger
}

// Defaults of Options.
const (
	DefaultCache         = 100_000
	DefaultSnapshotEvery = 10 * time.Minute
)

func (o Options) withDefaults() Options {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.Tick, time.Minute)
	def(&o.TrustEvery, 5*time.Second)
	def(&o.Quiet, 3*time.Second)
	def(&o.Skew, 5*time.Minute)
	def(&o.Dedupe, 30*24*time.Hour)
	def(&o.History, journal.DefaultHistory)
	def(&o.SnapshotEvery, DefaultSnapshotEvery)
	if o.Cache == 0 {
		o.Cache = DefaultCache
	}
	if o.Clock == "" {
		o.Clock = ClockWall
	}
	if o.Now == nil {
		o.Now = func() int64 { return time.Now().UnixMilli() }
	}
	if o.Partitions == 0 {
		o.Partitions = journal.DefaultPartitions
	}
	if o.Logger == nil {
		o.Logger = hclog.NewNullLogger()
	}
	return o
}
