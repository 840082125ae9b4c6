// Package journal keeps events, state and decisions on JetStream: who owns a
// partition (claim and fence), what it has read (reader), and what it has
// decided (commit and restore).
//
// A partition's truth is its sequence of records on ripen.j.<p>. Every record
// names the one before it, by stream sequence and by a chain of hashes, and is
// published only if that one is still the last: a zombie cannot write, and a
// hole or a rewritten record is found. Decisions are published in one atomic
// batch with the record that made them.
//
// The package may import engine/lead and engine/ledger. It never looks into an
// event or a delta, never purges, and never infers the fate of a commit from
// the error of a retry: it reads the last record.
package journal

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/ripenhq/ripen/engine/internal/failpoint"
)

// Names on the wire.
const (
	EventsStream   = "RIPEN_EVENTS"
	JournalStream  = "RIPEN_JOURNAL"
	ControlSubject = "ripen.ctl"
	eventsPrefix   = "ripen.ev."
	recordPrefix   = "ripen.j."
	decisionPrefix = "ripen.out."
	shadowPrefix   = "ripen.shadow."
	rejectedPrefix = "ripen.rejected."
	livePrefix     = "ripen.decisions."
	metaPartitions = "ripen.partitions"
	metaFormat     = "ripen.format"
	streamFormat   = "1"
	// MetaCreated marks a restored stream: see CreatedOf.
	MetaCreated     = "ripen.created"
	maxPartitions   = 48 // open atomic batches per stream are limited to 50
	defaultReplicas = 1
)

// Limits of one commit.
const (
	// MaxOutputs is where a micro-batch is cut; an atomic batch holds 1,000
	// messages and one of them is the record.
	MaxOutputs = 900
	// MaxRecordBytes is where a micro-batch is cut by the size of its deltas.
	// A single lead may exceed it; the server's max_payload is the last word.
	MaxRecordBytes = 512 << 10
	// maxBatch is the server's limit on an atomic batch.
	maxBatch = 1000
)

// Defaults of Config.
const (
	DefaultPartitions    = 4
	DefaultHistory       = 400 * 24 * time.Hour
	DefaultFreeFloor     = 64 << 20 // bytes
	DefaultCommitTimeout = 5 * time.Second
	DefaultOpenTimeout   = 20 * time.Second
)

// Sentinels.
var (
	// ErrFenced says that another owner has claimed the partition (or written
	// the control subject): drop everything and leave.
	ErrFenced = errors.New("fenced by another owner")
	// ErrCorrupt says that the journal has a hole or a rewritten record.
	ErrCorrupt = errors.New("journal is corrupt")
	// ErrPartitions says that the streams were made for another partition count.
	ErrPartitions = errors.New("partition count differs")
	// ErrStreams says that a stream exists and is not ours, or is too new.
	ErrStreams = errors.New("stream does not fit")
	// ErrDiskLow says that the free-space floor is reached: nothing was sent.
	ErrDiskLow = errors.New("disk is nearly full")
	// ErrRefused says that the server refused a commit. Its fate is decided
	// only by what the journal holds after the server was restarted.
	ErrRefused = errors.New("commit refused")
	// ErrUnresolved says that the context ended before the fate of a commit
	// was known: claim again.
	ErrUnresolved = errors.New("fate of the commit is unknown")
	// ErrTooLarge says that a batch or a record exceeds a limit of the server.
	ErrTooLarge = errors.New("commit is too large")
	// ErrReplaced says that the events stream is another one than recorded.
	ErrReplaced = errors.New("events stream was replaced")
	// ErrInputLost says that the events stream ends before the recorded
	// position, or holds other messages than those that were read.
	ErrInputLost = errors.New("events that were read are lost")
	// ErrClosed says that a reader was closed.
	ErrClosed = errors.New("reader is closed")
)

// Config describes the streams and how this process works on them.
type Config struct {
	Partitions int           // 1 to 48, fixed when the streams are made; 0 takes what is there
	MaxBytes   int64         // of the events stream, 0 for no limit
	History    time.Duration // how long events are kept
	Replicas   int           // of both streams
	// SkipLost goes on behind events that were removed before they were read,
	// instead of ErrRetention.
	SkipLost bool
	// ReadOnly leaves the streams as they are; they must be there.
	ReadOnly bool
	// Owner names this process in its claims; empty makes one up.
	Owner string
	// CommitTimeout bounds one attempt to publish a commit.
	CommitTimeout time.Duration
	// AskTimeout bounds the first attempt, and the first of each question; each
	// further one may take twice as long. Default CommitTimeout; shorter where
	// requests get lost, as they do when leaders change.
	AskTimeout time.Duration
	// OpenTimeout is how long a cluster may be without a leader in Open.
	OpenTimeout time.Duration
	// FreeBytes tells the free space of the disk below the journal, nil if the
	// server is elsewhere. Below FreeFloor bytes nothing is committed.
	FreeBytes func() (uint64, error)
	FreeFloor uint64
	Logger    hclog.Logger
}

func (c Config) withDefaults() Config {
	if c.History == 0 {
		c.History = DefaultHistory
	}
	if c.Replicas == 0 {
		c.Replicas = defaultReplicas
	}
	if c.Owner == "" {
		c.Owner = nats.NewInbox()
	}
	if c.CommitTimeout == 0 {
		c.CommitTimeout = failpoint.Duration("commit.timeout", DefaultCommitTimeout)
	}
	if c.OpenTimeout == 0 {
		c.OpenTimeout = DefaultOpenTimeout
	}
	if c.AskTimeout == 0 {
		c.AskTimeout = c.CommitTimeout
	}
	if c.FreeFloor == 0 {
		c.FreeFloor = DefaultFreeFloor
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	return c
}

// Identity tells a stream from another one that later took its name.
type Identity struct {
	Name    string
	Created int64 // ns since 1970 UTC
}

func identityOf(info *jetstream.StreamInfo) Identity {
	return Identity{info.Config.Name, CreatedOf(info)}
}

// CreatedOf is when a stream was made, ns since 1970 UTC. One that was restored
// from a backup says when the first was made.
func CreatedOf(info *jetstream.StreamInfo) int64 {
	if ns, err := strconv.ParseInt(info.Config.Metadata[MetaCreated], 10, 64); err == nil {
		return ns
	}
	return info.Created.UnixNano()
}

// Journal is a process's access to the streams. It is safe for concurrent use.
type Journal struct {
	cfg        Config
	nc         *nats.Conn
	js         jetstream.JetStream
	events     jetstream.Stream
	records    jetstream.Stream
	input      Identity
	partitions int
	group      group
}

// Open makes or checks the streams and returns the access to them.
func Open(ctx context.Context, js jetstream.JetStream, cfg Config) (*Journal, error) {
	cfg = cfg.withDefaults()
	partitions, err := EnsureStreams(ctx, js, cfg)
	if err != nil {
		return nil, err
	}
	j := &Journal{cfg: cfg, nc: js.Conn(), js: js, partitions: partitions}
	j.group.j = j
	err = j.patiently(ctx, "streams", func(ctx context.Context) error {
		if j.events, err = js.Stream(ctx, EventsStream); err != nil {
			return fmt.Errorf("%s: %w", EventsStream, err)
		}
		j.records, err = js.Stream(ctx, JournalStream)
		if cfg.ReadOnly && errors.Is(err, jetstream.ErrStreamNotFound) { // else it was made just now, and a cluster may be slow to know
			return fmt.Errorf("%w: %s is there and %s is not: the state of all leads and their decisions are gone; "+
				"restore a backup, or start the engine, which decides on all events again", ErrStreams, EventsStream, JournalStream)
		}
		return wrap(JournalStream, err)
	})
	if err != nil {
		return nil, err
	}
	if v := js.Conn().ConnectedServerVersion(); !cfg.ReadOnly && older(v) {
		cfg.Logger.Warn("the NATS server is older than what Ripen is tested with; on a power loss or a lost disk it may lose what it acknowledged",
			"version", v, "tested", fmt.Sprintf("%d.%d.%d", provenVersion[0], provenVersion[1], provenVersion[2]))
	}
	j.input = identityOf(j.events.CachedInfo())
	return j, nil
}

// info asks for the state of a stream; the handles in Journal are shared and
// would change under other readers.
func (j *Journal) info(ctx context.Context, stream string) (*jetstream.StreamInfo, error) {
	s, err := j.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", stream, err)
	}
	return s.CachedInfo(), nil
}

// api is the subject of a JetStream request.
func (j *Journal) api(request string) string {
	o := j.js.Options()
	switch {
	case o.Domain != "":
		return "$JS." + o.Domain + ".API." + request
	case o.APIPrefix != "":
		return strings.TrimSuffix(o.APIPrefix, ".") + "." + request
	}
	return jetstream.DefaultAPIPrefix + request
}

// Partitions is the number of partitions that the streams were made for.
func (j *Journal) Partitions() int { return j.partitions }

// Input is the identity of the events stream.
func (j *Journal) Input() Identity { return j.input }

// JetStream is the connection's JetStream.
func (j *Journal) JetStream() jetstream.JetStream { return j.js }

// EventSubject is where events of partition p are published.
func EventSubject(p int) string { return eventsPrefix + strconv.Itoa(p) }

// RecordSubject is where records of partition p are kept.
func RecordSubject(p int) string { return recordPrefix + strconv.Itoa(p) }

// RejectedSubject is where inputs of partition p that changed nothing are kept.
func RejectedSubject(p int) string { return rejectedPrefix + strconv.Itoa(p) }

// DecisionSubject is where decisions of a workflow are kept.
func DecisionSubject(workflow, action string) string {
	return decisionPrefix + workflow + "." + action
}

// ShadowSubject is where differences between the live release of a workflow and
// its shadows are kept.
func ShadowSubject(workflow string) string { return shadowPrefix + workflow }
